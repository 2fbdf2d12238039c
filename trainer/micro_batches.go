package trainer

import (
	"context"
	"errors"
	"fmt"

	"github.com/azr-train/azr/torch"
)

// addGradients adds the gradients of all examples to the parameters, a micro-batch at a time. Where memory runs
// out, on any rank, all begin again with micro-batches of half the size, and they stay that small.
func (t *Trainer) addGradients(ctx context.Context, examples []example, r *Report, first bool) error {
	t.progress.Expect(Phase, len(examples))
	if t.config.SharePrefixes {
		sortByBeginning(examples)
	}
	parts := t.parts(examples)
	for before := *r; ; *r = before {
		batches, rounds := t.roundsOf(parts)
		r.Batches = len(batches)
		done, err := t.runMicroBatches(ctx, batches, rounds, r, first)
		if err != nil && !torch.IsOutOfMemory(err) {
			return err
		}
		if short, failed := t.ranks.any(err != nil); failed != nil || !short {
			return failed
		}
		if err := t.shrink(parts, err); err != nil {
			return err
		}
		t.clearGrads()
		t.progress.Expect(Phase, done) // once more
		before.OutOfMemory++
	}
}

// roundsOf are this rank's micro-batches of its part of the examples, and how many the rank with the most has.
func (t *Trainer) roundsOf(parts [][]example) (own [][]example, rounds int) {
	for rank, part := range parts {
		batches := pack(part, t.microBatchTokens, t.config.SharePrefixes)
		rounds = max(rounds, len(batches))
		if rank == t.ranks.rank() {
			own = batches
		}
	}
	return own, rounds
}

// runMicroBatches runs each one forward and backward, and counts the examples that are done. Ranks with fewer of them than
// there are rounds have gradients of zero in the others; so has one whose memory ran out, from there on, since the others wait for it.
func (t *Trainer) runMicroBatches(ctx context.Context, batches [][]example, rounds int, r *Report, first bool) (done int, err error) {
	var short error
	for round := range rounds {
		if err := ctx.Err(); err != nil && first { // a later epoch is finished: half a step is none
			return done, err
		}
		also, at := t.around(round == rounds-1), 0
		if round < len(batches) && short == nil {
			batch := batches[round]
			err := t.microBatch(newPacked(batch, t.config.SharePrefixes), batch[0].Temperature, r, first, also.counting(&at))
			switch {
			case err == nil:
				t.progress.Done(Phase, len(batch))
				done += len(batch)
			case !torch.IsOutOfMemory(err) || t.ranks.group == nil:
				return done, err
			default:
				short = err
			}
		}
		if round >= len(batches) || short != nil {
			if err := also.from(at).nothing(t.model.NumLayers()); err != nil {
				return done, err
			}
		}
		if err := t.finishSums(t.params); err != nil {
			return done, err
		}
		t.gather()
	}
	return done, short
}

// shrink halves the micro-batches that memory was too small for on some rank, unless each is a single example already. All ranks
// come to the same size. Cause is nil where it was another's memory.
func (t *Trainer) shrink(parts [][]example, cause error) error {
	largest, most := 0, 0
	for _, part := range parts {
		for _, batch := range pack(part, t.microBatchTokens, t.config.SharePrefixes) {
			tokens := 0
			for _, e := range batch {
				tokens += e.tokens()
			}
			largest, most = max(largest, tokens), max(most, len(batch))
		}
	}
	if most <= 1 {
		if cause == nil {
			cause = errors.New("on another rank")
		}
		return fmt.Errorf("trainer.Step: out of memory with one sample a micro-batch; got samples of up to %d tokens, want shorter ones; "+
			"hint: trainer.activation_checkpointing=true, or lower max_tokens or rollout.slots; the update was not made: %w", largest, cause)
	}
	t.microBatchTokens = max(1, min(t.microBatchTokens, largest)/2)
	return nil
}
