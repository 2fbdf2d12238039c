package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"time"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/monitor"
	"github.com/azr-train/azr/monitor/curves"
	"github.com/azr-train/azr/rollout"
	"github.com/azr-train/azr/selfplay"
	"github.com/azr-train/azr/selfplay/python"
	"github.com/azr-train/azr/torch"
	"github.com/azr-train/azr/trainer"
	"github.com/azr-train/azr/trainer/checkpoint"
)

// seed fills the buffers before the first step and records that as step 0.
func (s *session) seed(ctx context.Context) (err error) {
	if err := s.newGame(ctx); err != nil {
		return err
	}
	if s.config.Game.SeedFactor > 0 {
		s.display.Begin("seeding")
	}
	s.phases.enter(0, phasePlaying)
	record, err := s.game.Seed(ctx, s.imported...)
	if err != nil || len(record.Tasks) == 0 { // the store had tasks
		return err
	}
	if len(s.imported) > 0 {
		s.log.Info().Int("lines", len(s.imported)).Float64("valid", record.Metrics["seed/import/pass"]).Msg("seeds imported; inspect --json tells why others were refused")
	}
	if err := s.measure(ctx, record); err != nil {
		return err
	}
	return s.record(record)
}

// readSeeds reads the configured files of seeds, if the environment takes any, and tells of lines that are none.
func (s *session) readSeeds() error {
	reader, ok := s.env.(*python.Environment)
	if !ok {
		return nil
	}
	tasks, skipped, err := reader.ReadSeeds()
	const shown = 10
	for _, line := range skipped[:min(shown, len(skipped))] {
		s.log.Warn().Msg("seed skipped: " + line)
	}
	if len(skipped) > shown {
		s.log.Warn().Int("skipped", len(skipped)).Msg("seeds skipped in all")
	}
	if err == nil && len(tasks) == 0 && len(s.config.Environment.Seeds) > 0 {
		err = fmt.Errorf("run: environment.seeds has no task; got %d lines that are none", len(skipped))
	}
	s.imported = tasks
	return err
}

func (s *session) newGame(ctx context.Context) (err error) {
	policy, err := s.generator()
	if err != nil {
		return err
	}
	gen := ticking{policy, s.phases}
	if s.game, err = selfplay.New(s.config.Game, s.config.Seed, gen, s.env, s.store, s.progress); err != nil {
		return err
	}
	return s.holdOut(ctx)
}

// play plays and learns steps first to last, then sums up. What stops it abandons the step under way,
// which a resumed run plays again, and saves the last finished one.
func (s *session) play(ctx context.Context, first, last int) error {
	done := first - 1
	s.learned, s.last = done, last
	var failure error
	for step := first; step <= s.last && failure == nil; step++ {
		s.display.Begin(fmt.Sprintf("step %d/%d", step, last))
		if failure = s.step(ctx, step); failure == nil {
			done = step
			if step%s.config.Checkpoint.Every == 0 || s.best.Step == step {
				failure = s.save(step)
			}
		}
	}
	s.display.Close()
	if ctx.Err() != nil {
		s.log.Warn().Int("step", done+1).Msg("interrupted: the step is abandoned and will be played again by azr-train resume")
	}
	if s.learned == done { // else the weights are those of a step that is not recorded
		if err := s.save(done); err != nil && failure == nil {
			return err
		}
	}
	if err := s.settle(); err != nil && failure == nil {
		return err
	}
	s.phases.enter(done, phaseEnding)
	if failure != nil {
		return s.why(failure)
	}
	heldOut, err := s.drawCurves()
	if err != nil {
		return err
	}
	return s.end(s.summary(heldOut))
}

// spent tells whether the run has sampled as many tokens as it is to.
func (s *session) spent() bool {
	return s.config.SampledTokens > 0 && s.sampled >= s.config.SampledTokens
}

// why is what made a run fail, which is not the file that it could not write if the folder is gone.
func (s *session) why(failure error) error {
	if gone := s.folder.present(); gone != nil && !errors.Is(failure, context.Canceled) {
		return gone
	}
	return failure
}

// maxDeltaLogProb is how far apart a token's log-prob in sampling and in training may be, in nats: ten times
// the tolerance of the parity tests in f32.
const maxDeltaLogProb = 1e-3

// maxDeltaLogProbBF16 is the same for bf16, in which a logit of 32 to 64 is rounded to a quarter.
const maxDeltaLogProbBF16 = 1

// step plays one step, learns from it and records both.
func (s *session) step(ctx context.Context, step int) error {
	s.phases.enter(step, phasePlaying)
	watch, before, waited := startWatch(), s.sampler().Stats(), s.waited()
	play, err := s.game.Step(ctx, step)
	if err != nil {
		return err
	}
	sampled := s.sampled
	for _, row := range play.Record.Rows {
		sampled += row.ResponseTokens
	}
	if !s.spent() && s.config.SampledTokens > 0 && sampled >= s.config.SampledTokens {
		s.last = step
	}
	maps.Copy(play.Record.Metrics, rolloutMetrics(s.sampler().Stats().Since(before), s.config.Rollout.Slots))
	samples, places := s.config.Controls.learnt(s.config.Seed, step, play.Samples)
	waiting := time.Now()
	if err := s.settle(); err != nil {
		return err
	}
	s.phases.enter(step, phaseUpdating)
	learning, updates := time.Now(), s.trainer.Updates()
	report, err := s.update(ctx, samples)
	if errors.Is(err, trainer.ErrNotFinite) {
		err = s.setAside(step, samples, err, s.trainer.Updates() != updates)
	} else if err == nil {
		s.badUpdates = 0
	}
	if err == nil || s.trainer.Updates() != updates {
		s.learned = step
	}
	if err != nil {
		return err
	}
	s.engine.Forget()
	if len(samples) == 0 {
		s.log.Warn().Int("step", step).Msg("nothing to learn from: no completion of this step became a sample; hint: azr-train inspect")
	}
	if report.OutOfMemory > 0 {
		s.log.Warn().Int("step", step).Int("times", report.OutOfMemory).Int("micro_batch_tokens", report.MicroBatchTokens).
			Int64("tensor_bytes", torch.AllocatedBytes()).Msg("memory ran out in the update: it was made with smaller micro-batches, which stay")
	}
	if report.MaxDeltaLogProb > s.maxDeltaLogProb() {
		s.log.Warn().Int("step", step).Float64("max_delta_logprob", report.MaxDeltaLogProb).
			Msg("sampling and training disagree about log-probs by more than rounding")
	}
	s.warnOfCollapse(step, play.Record.Metrics)
	advantages := make([]float64, len(play.Samples)) // 0 for a frozen role
	for i, place := range places {
		advantages[place] = report.Advantages[i]
	}
	if err := play.SetAdvantages(advantages); err != nil {
		return err
	}
	maps.Copy(play.Record.Metrics, trainMetrics(report))
	play.Record.Metrics["trainer/bad_updates"] = float64(s.badUpdates)
	maps.Copy(play.Record.Timings, map[string]float64{
		"trainer/update_seconds":  time.Since(learning).Seconds(),
		"checkpoint/wait_seconds": learning.Sub(waiting).Seconds(),
		"resident_bytes":          residentBytes(),
	})
	maps.Copy(play.Record.Timings, watch.timings())
	maps.Copy(play.Record.Timings, rankTimings(waited, s.waited()))
	if err := s.measure(ctx, play.Record); err != nil {
		return err
	}
	if err := s.record(play.Record); err != nil {
		return err
	}
	s.sampled = sampled
	return nil
}

func (s *session) maxDeltaLogProb() float64 {
	if s.config.DType == torch.F32 {
		return maxDeltaLogProb
	}
	return maxDeltaLogProbBF16
}

// warnOfCollapse passes on the game's alarm.
func (s *session) warnOfCollapse(step int, metrics map[string]float64) {
	if metrics["collapse/alarm"] == 0 {
		return
	}
	warning := s.log.Warn().Int("step", step)
	for _, name := range []string{"size", "novelty", "learnability"} {
		if n := metrics["collapse/"+name+"_steps"]; n >= float64(s.config.Game.Collapse.Steps) {
			warning = warning.Float64(name+"_low_for_steps", n)
		}
	}
	warning.Msg("the proposer is collapsing: its tasks have become alike, small or without anything to learn; hint: docs/game.md, healthy proposals")
}

func rolloutMetrics(s rollout.Stats, slots int) map[string]float64 {
	return map[string]float64{
		"rollout/occupancy":     s.Occupancy(slots),
		"rollout/ticks":         float64(s.Ticks),
		"rollout/prompt_tokens": float64(s.PromptTokens), "rollout/shared_tokens": float64(s.SharedTokens),
		"rollout/sampled_tokens": float64(s.SampledTokens), "rollout/preempted": float64(s.Preempted),
		"rollout/passes": float64(s.Passes), "rollout/rows": float64(s.Rows),
	}
}

func trainMetrics(r trainer.Report) map[string]float64 {
	return map[string]float64{
		"trainer/logprob": r.LogProb, "trainer/replayed": float64(r.Replayed),
		"trainer/loss": r.Loss, "trainer/entropy": r.Entropy, "trainer/grad_norm": r.GradNorm,
		"trainer/learning_rate": r.LearningRate, "trainer/max_delta_logprob": r.MaxDeltaLogProb,
		"trainer/tokens": float64(r.Tokens), "trainer/shared_tokens": float64(r.SharedTokens),
		"trainer/response_tokens": float64(r.ResponseTokens),
		"trainer/micro_batches":   float64(r.Batches), "trainer/micro_batch_tokens": float64(r.MicroBatchTokens),
		"trainer/out_of_memory": float64(r.OutOfMemory),
		"trainer/groups":        float64(r.Groups), "trainer/weight_change": r.WeightChange,
	}
}

// record commits a step to the store and then to the metrics files.
func (s *session) record(r azr.StepRecord) error {
	if s.executor != nil {
		before := s.executed
		s.executed = s.executor.Stats()
		maps.Copy(r.Timings, executorTimings(before, s.executed))
		alarm(s.log.With().Int("step", r.Step).Logger(), s.executed, s.blocked)
	}
	s.phases.enter(r.Step, phaseRecording)
	if err := s.folder.present(); err != nil {
		return err
	}
	if err := s.store.Commit(r); err != nil {
		return err
	}
	if err := s.metrics.Append(r); err != nil {
		return err
	}
	if err := s.reportExecutor(r.Step); err != nil {
		return err
	}
	s.records = append(s.records, azr.StepRecord{Step: r.Step, Metrics: r.Metrics, Timings: r.Timings})
	return s.output.step(r)
}

func (s *session) summary(heldOut [][]curves.Curve) monitor.Summary {
	run, program := s.folder.dir, os.Args[0]
	summary := monitor.Summary{Records: s.records, Run: run, HeldOut: heldOut, Next: []string{
		program + " inspect " + run,
		fmt.Sprintf("%s resume %s --steps 10", program, run),
		"tensorboard --logdir " + run,
	}}
	if s.saved > 0 {
		summary.Model = checkpoint.Path(run, s.saved)
		summary.Next = append(summary.Next, fmt.Sprintf("%s export %s --out %s", program, run, filepath.Clean(run)+"-model"))
	}
	return summary
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
