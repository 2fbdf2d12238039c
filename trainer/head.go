package trainer

import "github.com/azr-train/azr/torch"

// head takes some of a micro-batch's places from the last layer's output (N, D), a leaf, to the loss and straight back,
// so that logits need to be there for no more of them, and are computed once. It adds the loss to the report, and
// gradients to the leaf and to the weights of the final norm and the head.
func (t *Trainer) head(last torch.Tensor, c responses, temperature float64, r *Report, first bool) {
	s, device := last.Scope().Child(), t.model.Device
	defer s.Close()
	hidden := t.model.FinalNorm(last.IndexSelect(0, s.FromInt64s(c.rows, device)))
	logp, entropy := hidden.TokenLogProbs(t.model.Head.In(s), s.FromInt64s(c.targets, device), temperature)
	logp, entropy = c.each(logp), c.each(entropy)
	old := c.sampled(logp)
	if first {
		r.MaxDeltaLogProb = max(r.MaxDeltaLogProb, logp.Detach().Sub(old).Abs().Amax(0, false).Item())
	}
	loss := t.config.loss(logp, old, s.FromFloat32s(c.advantages, device), entropy, r.ResponseTokens)
	loss.Backward(torch.Tensor{})
	r.Loss += loss.Item()
	r.Entropy += entropy.Detach().SumAll().Item()
	r.LogProb += logp.Detach().SumAll().Item()
	r.computed += len(c.of)
}
