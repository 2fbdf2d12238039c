package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sync/atomic"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/executor"
	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/monitor"
	"github.com/azr-train/azr/parallel"
	"github.com/azr-train/azr/rollout"
	"github.com/azr-train/azr/rollout/tokenizer"
	"github.com/azr-train/azr/selfplay"
	"github.com/azr-train/azr/selfplay/python"
	"github.com/azr-train/azr/store"
	"github.com/azr-train/azr/torch"
	"github.com/azr-train/azr/torch/dist"
	"github.com/azr-train/azr/trainer"
	"github.com/azr-train/azr/trainer/checkpoint"
)

// session is a run with all its parts open.
type session struct {
	config Config
	folder *runFolder
	output

	group     *dist.Group      // of several ranks, of which this one is 0; else nil
	player    *parallel.Player // over the others; nil if there are none, or not any more
	model     *model.Decoder
	tokenizer *tokenizer.Tokenizer
	store     *store.Store
	metrics   *monitor.Metrics
	executor  *executor.Pool // nil if the environment runs no programs
	engine    *rollout.Engine
	initial   *model.Decoder  // what the run began with; nil unless a role is frozen
	frozen    *rollout.Engine // its engine
	env       environment
	game      *selfplay.Game
	trainer   *trainer.Trainer

	imported   []azr.Task            // seeds that someone else proposed; none in a resumed run
	heldOut    []azr.Task            // what the run measures itself on; none if it does not
	refused    []azr.Task            // those whose programs may not be proposed
	templates  map[string]string     // the prompts' hashes
	companions checkpoint.Companions // the model's files beside its weights
	phases     *phases
	progress   azr.Progress   // the display's, which the watchdog sees too
	saving     *draft         // the checkpoint that is being written; nil if none is
	executed   executor.Stats // at the last record
	blocked    string         // the executor's file of programs that were stopped
	records    []azr.StepRecord
	learned    int // last step whose update is in the weights
	last       int // step to play to
	until      int // the same as it was asked for
	saved      int // step of the newest checkpoint that is written; 0 if there is none
	best       best
	sampled    int          // tokens of all steps' completions
	badUpdates int          // in a row, up to the last step
	restarts   atomic.Int32 // of stuck processes since the last checkpoint
}

// openRun opens the parts in the order in which bad input is cheapest to notice. modelDir is the model
// that the run began with, or with resumed the checkpoint to go on from.
func openRun(ctx context.Context, folder *runFolder, config Config, modelDir string, resumed bool, group *dist.Group, out output) (s *session, err error) {
	s = &session{config: config, folder: folder, group: group, output: out}
	s.phases = newPhases(folder, config.Watchdog, s.stuck)
	s.phases.group = group
	s.until = config.Steps
	s.restarts.Store(restartsSoFar())
	s.progress = watched{out.display, s.phases}
	s.phases.enter(0, phaseOpening)
	defer func() {
		if err != nil {
			s.close(err)
		}
	}()
	if group != nil {
		s.player = parallel.NewPlayer(group)
		if err := config.validateRanks(); err != nil {
			return s, err
		}
		if err := s.callOpen(modelDir, resumed); err != nil {
			return s, err
		}
	}
	torch.LimitBytes(int64(config.Memory))
	if s.model, s.tokenizer, err = openModel(modelDir, config.DType, config.Device, config.Threads); err != nil {
		return s, err
	}
	if err := s.checkChat(modelDir); err != nil {
		return s, err
	}
	if err := s.adapt(modelDir); err != nil {
		return s, err
	}
	if s.store, err = openStore(folder.path(storeFile), resumed); err != nil {
		return s, err
	}
	if s.metrics, err = monitor.OpenMetrics(folder.dir); err != nil {
		return s, err
	}
	config.Executor.Journal = s.store
	if config.Executor.SampleFile == "" { // not in s.config, which is the same wherever the run is resumed from
		config.Executor.SampleFile = folder.path(blockedFile)
	}
	s.blocked = config.Executor.SampleFile
	if s.env, s.executor, err = openEnvironment(ctx, config); err != nil {
		return s, err
	}
	s.templates = s.env.TemplateHashes()
	if s.trainer, err = trainer.NewRank(config.Trainer, s.model, group, s.progress); err != nil {
		return s, err
	}
	// After the trainer, since it takes a smaller cache where memory is small.
	if s.engine, err = rollout.New(config.Rollout, config.Seed, s.model, s.tokenizer); err != nil {
		return s, err
	}
	if s.player != nil {
		s.player.Play(s.engine, config.Rollout.Slots)
	}
	if err = s.connectRanks(); err != nil {
		return s, err
	}
	if wanted := config.Rollout.CacheSize(s.model.Config, s.model.Device); s.engine.CacheTokens() < wanted {
		s.log.Warn().Int("cache_tokens", s.engine.CacheTokens()).Int("configured", wanted).Msg("memory is too small for the whole rollout cache")
	}
	if err = s.readHeldOut(); err != nil {
		return s, err
	}
	if !resumed {
		if err = s.readSeeds(); err != nil {
			return s, err
		}
	}
	ready := s.log.Info().Str("run", folder.dir).Str("model", modelDir).Stringer("device", s.model.Device)
	if s.executor != nil {
		ready = ready.Stringer("executor", s.executor.Level()).Int("slots", s.executor.Slots())
	}
	ready.Uint64("seed", config.Seed).Msg("ready")
	return s, nil
}

// adapt gives the model new adapters if the run is to learn some and it has none yet, and reads the files that go beside
// the weights.
func (s *session) adapt(modelDir string) error {
	base, err := model.Base(modelDir)
	if err != nil {
		return err
	}
	if s.companions, err = checkpoint.ReadCompanions(base); err != nil {
		return err
	}
	wanted, found := s.config.LoRA, s.model.LoRA()
	switch {
	case wanted.Rank > 0 && found.Rank > 0 && (wanted.Rank != found.Rank || wanted.Alpha != found.Alpha):
		return fmt.Errorf("run: lora does not fit the adapters of %s; got rank %d, alpha %g, want rank %d, alpha %g", modelDir, wanted.Rank, wanted.Alpha, found.Rank, found.Alpha)
	case wanted.Rank > 0 && found.Rank == 0:
		if err := s.model.Adapt(wanted, adaptersKey(s.config.Seed)); err != nil {
			return err
		}
	}
	if s.model.LoRA().Rank > 0 {
		s.companions = s.companions.ForAdapters(s.model.AdapterConfig(base))
	}
	return nil
}

// adaptersKey draws what new adapters begin with.
func adaptersKey(seed uint64) *rand.Rand { return azr.NewKey(seed, "adapters").Rand() }

// checkChat tries the model's chat template, if the run needs it, before anything is made of it.
func (s *session) checkChat(modelDir string) error {
	if e := s.config.Environment; !e.has(python.Chat) || e.Wrapper == python.PlainWrapper {
		return nil
	}
	if !s.tokenizer.HasChatTemplate() {
		return fmt.Errorf("run: %s has no chat template, which environment.style chat needs; hint: --set environment.wrapper=plain", modelDir)
	}
	_, err := s.tokenizer.RenderChat([]azr.Message{{Role: "user", Content: "Hello"}}, s.config.Rollout.ChatTemplateKwargs)
	return err
}

// openModel loads a model with its tokenizer onto a device.
func openModel(dir string, dtype torch.DType, device string, threads int) (*model.Decoder, *tokenizer.Tokenizer, error) {
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
	t, err := openTokenizer(dir)
	if err != nil {
		return nil, nil, err
	}
	m, err := model.Load(dir, dtype, where)
	if err != nil {
		t.Close()
		return nil, nil, err
	}
	return m, t, nil
}

// openTokenizer loads the tokenizer of a model or, for a folder of adapters, of the model that they belong to.
func openTokenizer(dir string) (*tokenizer.Tokenizer, error) {
	base, err := model.Base(dir)
	if err != nil {
		return nil, err
	}
	return tokenizer.Load(base)
}

// openStore opens the run's file, which a run that has a checkpoint must have.
func openStore(path string, mustExist bool) (*store.Store, error) {
	if _, err := os.Stat(path); err == nil || mustExist {
		return store.Open(path)
	}
	return store.Create(path)
}

// close closes what is open, the store last but for the folder. Other ranks end with this one, or with why it fails.
func (s *session) close(failure error) {
	s.stopRanks(failure)
	s.phases.close()
	_ = s.settle() // weights that are being written must stay
	if s.trainer != nil {
		s.trainer.Close()
	}
	if s.engine != nil {
		s.engine.Close()
	}
	if s.frozen != nil {
		s.frozen.Close()
	}
	if s.initial != nil {
		s.initial.Free()
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
