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
	for before := *r; ; *r = before {
		batches := pack(examples, t.microBatchTokens, t.config.SharePrefixes)
		r.Batches = len(batches)
		done, err := t.runMicroBatches(ctx, batches, r, first)
		if !torch.IsOutOfMemory(err) {
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

// runMicroBatches runs each one forward and backward, and counts the examples that are done.
func (t *Trainer) runMicroBatches(ctx context.Context, batches [][]example, r *Report, first bool) (done int, err error) {
	defer torch.Catch(&err)
	for _, batch := range batches {
		if err := ctx.Err(); err != nil && first { // a later epoch is finished: half a step is none
			return done, err
		}
		t.microBatch(newPacked(batch, t.config.SharePrefixes), batch[0].Temperature, r, first)
		t.progress.Done(Phase, len(batch))
		done += len(batch)
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
