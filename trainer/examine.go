package trainer

import (
	"context"
	"errors"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/torch"
)

// ErrNotFinite is wrapped by the error of a [Trainer.Step] whose loss or gradients are not finite: the update was not made.
var ErrNotFinite = errors.New("not finite; the weights were not changed")

// ErrBadWeights is the error of a [Trainer.Step] after which weights are not finite: they are of no use any more.
var ErrBadWeights = errors.New("trainer.Step: the update made weights that are not finite")

// Examined is what one sample of a step gives by itself.
type Examined struct {
	ID azr.SampleID
	// Advantage among the step's samples; the sample's part of the loss, and the norm of its gradients.
	Advantage, Loss, GradNorm float64
}

// Examine computes the loss and the gradients of each of a step's samples alone, and changes nothing: it is how one finds
// the sample that made a step not finite. The loss counts the response tokens of the sample alone.
func (t *Trainer) Examine(ctx context.Context, samples []azr.Sample) (list []Examined, err error) {
	defer torch.Catch(&err)
	defer t.clearGrads()
	if err := check(samples); err != nil {
		return nil, err
	}
	for i, advantage := range t.config.Advantages(samples) {
		s := samples[i]
		r := Report{ResponseTokens: len(s.ResponseIDs)}
		if err := t.addGradients(ctx, []example{{s, advantage}}, &r, true); err != nil {
			return nil, err
		}
		norm := torch.ClipGradNorm(t.graded(), t.config.MaxGradNorm)
		t.clearGrads()
		list = append(list, Examined{s.ID, advantage, r.Loss, norm})
	}
	return list, nil
}
