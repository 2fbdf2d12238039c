package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"time"

	"github.com/rs/zerolog"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/executor"
	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/monitor"
	"github.com/azr-train/azr/rollout"
	"github.com/azr-train/azr/rollout/tokenizer"
	"github.com/azr-train/azr/selfplay"
	"github.com/azr-train/azr/selfplay/python"
	"github.com/azr-train/azr/store"
	"github.com/azr-train/azr/torch"
	"github.com/azr-train/azr/trainer"
	"github.com/azr-train/azr/trainer/checkpoint"
)

// session is a run with all its parts open.
type session struct {
	config  Config
	folder  *runFolder
	display monitor.Display
	log     zerolog.Logger

	model     *model.Decoder
	tokenizer *tokenizer.Tokenizer
	store     *store.Store
	metrics   *monitor.Metrics
	executor  *executor.Pool
	engine    *rollout.Engine
	env       azr.Environment
	game      *selfplay.Game
	trainer   *trainer.Trainer

	source   string         // where checkpoints copy config and tokenizer files from
	executed executor.Stats // at the last record
	records  []azr.StepRecord
	saved    int // step of the newest checkpoint; -1 if there is none
}

// newDisplay shows bars on a terminal and lines elsewhere; log lines go through it.
func newDisplay() (monitor.Display, zerolog.Logger) {
	if monitor.Interactive(os.Stderr) {
		bars := monitor.NewBars(os.Stderr)
		return bars, newLog(bars, true)
	}
	return monitor.NewLines(os.Stderr), newLog(os.Stderr, false)
}

// openRun opens the parts in the order in which bad input is cheapest to notice. modelDir is the model
// that the run began with, or a checkpoint.
func openRun(ctx context.Context, folder *runFolder, config Config, modelDir string, display monitor.Display, log zerolog.Logger) (s *session, err error) {
	s = &session{config: config, folder: folder, display: display, log: log, source: modelDir, saved: -1}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.model, s.tokenizer, err = openModel(modelDir, config.Device, config.Threads); err != nil {
		return s, err
	}
	if s.store, err = openStore(folder.path(storeFile)); err != nil {
		return s, err
	}
	if s.metrics, err = monitor.OpenMetrics(folder.dir); err != nil {
		return s, err
	}
	config.Executor.Journal = s.store
	if config.Executor.SampleFile == "" {
		config.Executor.SampleFile = folder.path(blockedFile)
	}
	if s.executor, err = executor.Open(ctx, config.Executor); err != nil {
		return s, err
	}
	if s.env, err = python.New(config.Environment, s.executor); err != nil {
		return s, err
	}
	if s.engine, err = rollout.New(config.Rollout, config.Seed, s.model, s.tokenizer); err != nil {
		return s, err
	}
	if s.trainer, err = trainer.New(config.Trainer, s.model, display); err != nil {
		return s, err
	}
	log.Info().Str("run", folder.dir).Str("model", modelDir).Stringer("device", s.model.Device).
		Stringer("executor", s.executor.Level()).Int("slots", s.executor.Slots()).Uint64("seed", config.Seed).Msg("ready")
	return s, nil
}

// openModel loads a model with its tokenizer onto a device.
func openModel(dir, device string, threads int) (*model.Decoder, *tokenizer.Tokenizer, error) {
	if threads > 0 {
		torch.SetNumThreads(threads)
	}
	where, err := torch.ParseDevice(device)
	if err != nil {
		return nil, nil, err
	}
	if _, err := model.ReadConfig(dir); err != nil {
		return nil, nil, err
	}
	t, err := tokenizer.Load(dir)
	if err != nil {
		return nil, nil, err
	}
	m, err := model.Load(dir, torch.F32, where)
	if err != nil {
		t.Close()
		return nil, nil, err
	}
	return m, t, nil
}

func openStore(path string) (*store.Store, error) {
	if _, err := os.Stat(path); err == nil {
		return store.Open(path)
	}
	return store.Create(path)
}

// close closes what is open, the store last but for the folder.
func (s *session) close() {
	if s.trainer != nil {
		s.trainer.Close()
	}
	if s.engine != nil {
		s.engine.Close()
	}
	if s.executor != nil {
		s.executor.Close()
	}
	if s.metrics != nil {
		s.metrics.Close()
	}
	if s.store != nil {
		if err := s.store.Close(); err != nil {
			s.log.Error().Err(err).Msg("the run's file was not closed well")
		}
	}
	if s.model != nil {
		s.model.Free()
		s.tokenizer.Close()
	}
	s.folder.unlock()
}

// seed fills the buffers before the first step and records that as step 0.
func (s *session) seed(ctx context.Context) (err error) {
	if s.game, err = s.newGame(); err != nil {
		return err
	}
	if s.config.Game.SeedFactor > 0 {
		s.display.Begin("seeding")
	}
	record, err := s.game.Seed(ctx)
	if err != nil {
		return err
	}
	return s.record(record)
}

func (s *session) newGame() (*selfplay.Game, error) {
	return selfplay.New(s.config.Game, s.config.Seed, s.engine, s.env, s.store, s.display)
}

// play plays and learns steps first to last, then sums up. An interruption abandons the step under way,
// which a resumed run plays again, and saves the one before.
func (s *session) play(ctx context.Context, first, last int) error {
	done := first - 1
	var failure error
	for step := first; step <= last && failure == nil; step++ {
		s.display.Begin(fmt.Sprintf("step %d/%d", step, last))
		if failure = s.step(ctx, step); failure == nil {
			done = step
			if step%s.config.Checkpoint.Every == 0 {
				failure = s.save(step)
			}
		}
	}
	s.display.Close()
	if ctx.Err() != nil {
		s.log.Warn().Int("step", done+1).Msg("interrupted: the step is abandoned and will be played again by azr-train resume")
	}
	if failure == nil || ctx.Err() != nil {
		if err := s.save(done); err != nil {
			return err
		}
	}
	if failure == nil {
		fmt.Print(s.summary())
	}
	return failure
}

// maxDeltaLogProb is how far apart a token's log-prob in sampling and in training may be, in nats: ten times
// the tolerance of the parity tests in f32.
const maxDeltaLogProb = 1e-3

// step plays one step, learns from it and records both.
func (s *session) step(ctx context.Context, step int) error {
	start := time.Now()
	play, err := s.game.Step(ctx, step)
	if err != nil {
		return err
	}
	learning := time.Now()
	report, err := s.trainer.Step(ctx, play.Samples)
	if err != nil {
		return err
	}
	s.engine.Forget()
	if report.MaxDeltaLogProb > maxDeltaLogProb {
		s.log.Warn().Int("step", step).Float64("max_delta_logprob", report.MaxDeltaLogProb).
			Msg("sampling and training disagree about log-probs by more than rounding")
	}
	if err := play.SetAdvantages(report.Advantages); err != nil {
		return err
	}
	maps.Copy(play.Record.Metrics, trainMetrics(report))
	maps.Copy(play.Record.Timings, map[string]float64{
		"trainer/update_seconds": time.Since(learning).Seconds(),
		"step_seconds":           time.Since(start).Seconds(),
		"resident_bytes":         residentBytes(),
	})
	return s.record(play.Record)
}

func trainMetrics(r trainer.Report) map[string]float64 {
	return map[string]float64{
		"trainer/loss": r.Loss, "trainer/entropy": r.Entropy, "trainer/grad_norm": r.GradNorm,
		"trainer/learning_rate": r.LearningRate, "trainer/max_delta_logprob": r.MaxDeltaLogProb,
		"trainer/tokens": float64(r.Tokens), "trainer/response_tokens": float64(r.ResponseTokens),
		"trainer/micro_batches": float64(r.Batches),
	}
}

// record commits a step to the store and then to the metrics files.
func (s *session) record(r azr.StepRecord) error {
	stats := s.executor.Stats()
	maps.Copy(r.Timings, executorTimings(s.executed, stats))
	s.executed = stats
	if stats.BlockedAlarm {
		s.log.Warn().Int("step", r.Step).Float64("blocked_share", stats.BlockedShare).Str("samples", s.folder.path(blockedFile)).
			Msg("many programs do what no task needs: the model may be learning to attack the sandbox")
	}
	if err := s.store.Commit(r); err != nil {
		return err
	}
	if err := s.metrics.Append(r); err != nil {
		return err
	}
	s.display.End(r)
	s.records = append(s.records, azr.StepRecord{Step: r.Step, Metrics: r.Metrics, Timings: r.Timings})
	return nil
}

// save writes the checkpoint of a finished step, unless the newest is of that step.
func (s *session) save(step int) error {
	if step == s.saved || step < 1 {
		return nil
	}
	start := time.Now()
	state := checkpoint.State{Step: step, Seed: s.config.Seed, Versions: versions()}
	if err := state.Put("updates", s.trainer.Updates()); err != nil {
		return err
	}
	if err := state.Put("metrics", s.metrics.Offsets()); err != nil {
		return err
	}
	dir := checkpoint.Path(s.folder.dir, step)
	err := checkpoint.Save(dir, checkpoint.Contents{
		Source: s.source, Model: s.model.Tensors(), Optimizer: s.trainer.Optimizer(), State: state,
	})
	if err != nil {
		return err
	}
	s.saved, s.source = step, dir
	s.log.Info().Str("checkpoint", dir).Float64("seconds", time.Since(start).Seconds()).Msg("saved")
	return checkpoint.Prune(s.folder.dir, s.config.Checkpoint.Keep)
}

// rollBack returns the run to a checkpoint's step, or to its beginning if there is none, and opens the game.
func (s *session) rollBack(last *checkpoint.Checkpoint) (step int, err error) {
	var offsets monitor.Offsets
	if last != nil {
		step, s.saved = last.State.Step, last.State.Step
		if err := s.restore(last, &offsets); err != nil {
			return 0, err
		}
	}
	keep := step
	if last == nil {
		keep = -1 // the seeds are made again too
	}
	if err := s.store.Rollback(keep); err != nil {
		return 0, err
	}
	if err := s.metrics.Truncate(offsets); err != nil {
		return 0, err
	}
	s.game, err = s.newGame()
	return step, err
}

func (s *session) restore(last *checkpoint.Checkpoint, offsets *monitor.Offsets) error {
	var updates int
	for key, into := range map[string]any{"updates": &updates, "metrics": offsets} {
		if found, err := last.State.Get(key, into); err != nil || !found {
			return fmt.Errorf("resume: %s has no %s; %w", last.Dir, key, err)
		}
	}
	optimizer, err := last.Optimizer()
	if err != nil {
		return err
	}
	defer optimizer.Close()
	return s.trainer.Restore(optimizer, updates)
}

func (s *session) summary() string {
	run := s.folder.dir
	return monitor.Summary{
		Records: s.records, Run: run, Model: checkpoint.Path(run, s.saved),
		Next: []string{
			"azr-train inspect " + run,
			fmt.Sprintf("azr-train resume %s --steps 10", run),
			fmt.Sprintf("azr-train export %s --out %s", run, filepath.Join(filepath.Dir(run), filepath.Base(run)+"-model")),
			"tensorboard --logdir " + run,
		},
	}.String()
}

func versions() map[string]string {
	return map[string]string{"azr-train": version(), "libtorch": torch.Describe().Version}
}

// residentBytes reads the process's resident memory; 0 where that cannot be had.
func residentBytes() float64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, resident float64
	if _, err := fmt.Sscan(string(text), &size, &resident); err != nil {
		return 0
	}
	return resident * float64(os.Getpagesize())
}
