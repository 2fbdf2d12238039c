package main

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/monitor"
	"github.com/azr-train/azr/store"
	"github.com/azr-train/azr/trainer"
	"github.com/azr-train/azr/trainer/checkpoint"
)

// metricsKey is where a checkpoint's state has the lengths of the metrics files.
const metricsKey = "metrics"

// totalsKey is where it has the numbers of the database's rows.
const totalsKey = "totals"

// sampledKey is where it has the number of tokens sampled so far.
const sampledKey = "sampled_tokens"

// draft is a checkpoint that is written while the run plays on.
type draft struct {
	step      int
	optimizer optimizerState
	done      chan error
}

// save begins to write the checkpoint of a finished step, unless the newest is of that step. The weights are written from
// where they are, while the next step is played: whoever changes them has to settle first.
func (s *session) save(step int) error {
	if err := s.settle(); err != nil || step == s.saved {
		return err
	}
	state, err := s.state(step)
	if err != nil {
		return err
	}
	optimizer, err := s.optimizer()
	if err != nil {
		return err
	}
	s.saving = &draft{step: step, optimizer: optimizer, done: make(chan error, 1)}
	s.phases.save(step)
	go s.write(s.saving, checkpoint.Contents{
		Companions: s.companions, Model: s.trainer.Model(), Optimizer: optimizer.tensors, State: state,
		Writing: func() { s.phases.watchdog.Beat(savingWork) },
	}, s.best.Step)
	return nil
}

// write writes a checkpoint and removes those that are too old. It is the one goroutine that looks at weights beside the
// run's own.
func (s *session) write(w *draft, c checkpoint.Contents, best int) {
	start, dir := time.Now(), checkpoint.Path(s.folder.dir, w.step)
	err := s.folder.present()
	if err == nil {
		err = checkpoint.Save(dir, c)
	}
	if err == nil {
		s.log.Info().Str("checkpoint", dir).Float64("seconds", time.Since(start).Seconds()).Msg("saved")
		err = checkpoint.Prune(s.folder.dir, s.config.Checkpoint.Keep, best)
	}
	s.phases.saved() // before the next may begin
	w.done <- err
}

// settle waits until the checkpoint that is being written, if one is, is whole.
func (s *session) settle() error {
	w := s.saving
	if w == nil {
		return nil
	}
	s.saving = nil
	defer w.optimizer.release()
	if err := <-w.done; err != nil {
		return err
	}
	s.saved = w.step
	s.restarts.Store(0) // a process that takes this one's place begins further on
	return nil
}

// state is what a checkpoint has beside the tensors.
func (s *session) state(step int) (checkpoint.State, error) {
	state := checkpoint.State{Step: step, Seed: s.config.Seed, Provenance: s.provenance()}
	totals, err := s.store.Totals(step)
	if err != nil {
		return state, err
	}
	kept := map[string]any{
		totalsKey: totals,
		"updates": s.trainer.Updates(), "micro_batch_tokens": s.trainer.MicroBatchTokens(),
		metricsKey: s.metrics.Offsets(), "memory": s.trainer.Memory(),
	}
	maps.Copy(kept, s.counts())
	for key, v := range kept {
		if err := state.Put(key, v); err != nil {
			return state, err
		}
	}
	return state, nil
}

// rollBack returns the run to a checkpoint's step, or to its beginning if there is none, and opens the game.
func (s *session) rollBack(ctx context.Context, last *checkpoint.Checkpoint) (step int, err error) {
	var offsets monitor.Offsets
	if last != nil {
		step, s.saved = last.State.Step, last.State.Step
		if err := s.hasAll(last); err != nil {
			return 0, err
		}
		if err := s.restore(last, &offsets); err != nil {
			return 0, err
		}
	}
	keep := step
	if last == nil {
		keep = -1 // the seeds are made again too
	}
	if err := s.metrics.Truncate(offsets); err != nil { // it looks at the files before it cuts any
		return 0, err
	}
	if err := s.store.Rollback(keep); err != nil {
		return 0, err
	}
	return step, s.newGame(ctx)
}

// hasAll is an error if the database lacks, or has more of, what there was when the checkpoint was made: it may have been
// put back from an older copy.
func (s *session) hasAll(last *checkpoint.Checkpoint) error {
	var want store.Totals
	if found, err := last.State.Get(totalsKey, &want); err != nil || !found { // checkpoints of older versions have none
		return err
	}
	got, err := s.store.Totals(last.State.Step)
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("resume: %s is not that of %s; got %d steps, %d tasks and %d completions up to step %d, want %d, %d and %d; was it copied from elsewhere?",
			s.folder.path(storeFile), last.Dir, got.Steps, got.Tasks, got.Completions, last.State.Step, want.Steps, want.Tasks, want.Completions)
	}
	return nil
}

// counts are where the run keeps what it counts over its steps, by the keys of a checkpoint's state; checkpoints of older
// versions have none.
func (s *session) counts() map[string]any {
	return map[string]any{badUpdatesKey: &s.badUpdates, sampledKey: &s.sampled, bestKey: &s.best}
}

func (s *session) restore(last *checkpoint.Checkpoint, offsets *monitor.Offsets) error {
	if found, err := last.State.Get(metricsKey, offsets); err != nil || !found {
		return lacks(last, metricsKey, err)
	}
	for key, number := range s.counts() {
		if _, err := last.State.Get(key, number); err != nil {
			return err
		}
	}
	return restoreTrainer(s.trainer, last)
}

func lacks(last *checkpoint.Checkpoint, key string, err error) error {
	return fmt.Errorf("resume: %s has no %s; %w", last.Dir, key, err)
}

// restoreTrainer continues the optimiser of a checkpoint, or a rank's part of it.
func restoreTrainer(t *trainer.Trainer, last *checkpoint.Checkpoint) error {
	var updates, tokens int
	if found, err := last.State.Get("updates", &updates); err != nil || !found {
		return lacks(last, "updates", err)
	}
	if found, err := last.State.Get("micro_batch_tokens", &tokens); err != nil {
		return err
	} else if found {
		t.LimitMicroBatches(tokens)
	}
	optimizer, err := last.Optimizer()
	if err != nil {
		return err
	}
	defer optimizer.Close()
	var memory []azr.Sample
	if _, err := last.State.Get("memory", &memory); err != nil { // checkpoints of older versions have none
		return err
	}
	t.SetMemory(memory)
	return t.Restore(optimizer, updates)
}
