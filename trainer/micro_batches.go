package trainer

import (
	"context"
	"fmt"

	"github.com/azr-train/azr/torch"
)

// addGradients adds the gradients of all examples to the parameters, a micro-batch at a time. Where memory runs
// out it begins again with micro-batches of half the size, and they stay that small.
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
		if !torch.IsOutOfMemory(err) || t.ranks.group != nil { // others wait for this rank's gradients
			return err
		}
		if err := t.shrink(batches, err); err != nil {
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
// there are rounds have gradients of zero in the others.
func (t *Trainer) runMicroBatches(ctx context.Context, batches [][]example, rounds int, r *Report, first bool) (done int, err error) {
	defer torch.Catch(&err)
	for round := range rounds {
		if err := ctx.Err(); err != nil && first { // a later epoch is finished: half a step is none
			return done, err
		}
		also := t.around(round == rounds-1)
		if round < len(batches) {
			batch := batches[round]
			if err := t.microBatch(newPacked(batch, t.config.SharePrefixes), batch[0].Temperature, r, first, also); err != nil {
				return done, err
			}
			t.progress.Done(Phase, len(batch))
			done += len(batch)
		} else if err := also.nothing(t.model.NumLayers()); err != nil {
			return done, err
		}
		if err := t.finishSums(t.params); err != nil {
			return done, err
		}
		t.gather()
	}
	return done, nil
}

// shrink halves the micro-batches that memory was too small for, unless each is a single example already.
func (t *Trainer) shrink(batches [][]example, cause error) error {
	largest, most := 0, 0
	for _, batch := range batches {
		tokens := 0
		for _, e := range batch {
			tokens += e.tokens()
		}
		largest, most = max(largest, tokens), max(most, len(batch))
	}
	if most == 1 {
		return fmt.Errorf("trainer.Step: out of memory with one sample a micro-batch; got samples of up to %d tokens, want shorter ones; "+
			"hint: trainer.activation_checkpointing=true, or lower max_tokens or rollout.slots; the update was not made: %w", largest, cause)
	}
	t.microBatchTokens = max(1, min(t.microBatchTokens, largest)/2)
	return nil
}
