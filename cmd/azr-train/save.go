package main

import (
	"context"
	"fmt"
	"time"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/monitor"
	"github.com/azr-train/azr/trainer/checkpoint"
)

// metricsKey is where a checkpoint's state has the lengths of the metrics files.
const metricsKey = "metrics"

// sampledKey is where it has the number of tokens sampled so far.
const sampledKey = "sampled_tokens"

// save writes the checkpoint of a finished step, unless the newest is of that step.
func (s *session) save(step int) error {
	if step == s.saved {
		return nil
	}
	s.folder.enter(step, phaseSaving)
	start := time.Now()
	state := checkpoint.State{Step: step, Seed: s.config.Seed, Provenance: s.provenance()}
	if err := state.Put("updates", s.trainer.Updates()); err != nil {
		return err
	}
	if err := state.Put("micro_batch_tokens", s.trainer.MicroBatchTokens()); err != nil {
		return err
	}
	if err := state.Put(metricsKey, s.metrics.Offsets()); err != nil {
		return err
	}
	if err := state.Put("memory", s.trainer.Memory()); err != nil {
		return err
	}
	for key, number := range s.counts() {
		if err := state.Put(key, number); err != nil {
			return err
		}
	}
	dir := checkpoint.Path(s.folder.dir, step)
	err := checkpoint.Save(dir, checkpoint.Contents{
		Companions: s.companions, Model: s.trainer.Model(), Optimizer: s.trainer.Optimizer(), State: state,
	})
	if err != nil {
		return err
	}
	s.saved = step
	s.log.Info().Str("checkpoint", dir).Float64("seconds", time.Since(start).Seconds()).Msg("saved")
	return checkpoint.Prune(s.folder.dir, s.config.Checkpoint.Keep, s.best.Step)
}

// rollBack returns the run to a checkpoint's step, or to its beginning if there is none, and opens the game.
func (s *session) rollBack(ctx context.Context, last *checkpoint.Checkpoint) (step int, err error) {
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
	return step, s.newGame(ctx)
}

// counts are where the run keeps what it counts over its steps, by the keys of a checkpoint's state; checkpoints of older
// versions have none.
func (s *session) counts() map[string]any {
	return map[string]any{badUpdatesKey: &s.badUpdates, sampledKey: &s.sampled, bestKey: &s.best}
}

func (s *session) restore(last *checkpoint.Checkpoint, offsets *monitor.Offsets) error {
	var updates int
	for key, into := range map[string]any{"updates": &updates, metricsKey: offsets} {
		if found, err := last.State.Get(key, into); err != nil || !found {
			return fmt.Errorf("resume: %s has no %s; %w", last.Dir, key, err)
		}
	}
	var tokens int
	if found, err := last.State.Get("micro_batch_tokens", &tokens); err != nil {
		return err
	} else if found {
		s.trainer.LimitMicroBatches(tokens)
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
	s.trainer.SetMemory(memory)
	for key, number := range s.counts() {
		if _, err := last.State.Get(key, number); err != nil {
			return err
		}
	}
	return s.trainer.Restore(optimizer, updates)
}
