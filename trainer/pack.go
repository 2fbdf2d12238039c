package trainer

import (
	"slices"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/torch"
)

// example is a sample with what its update needs.
type example struct {
	azr.Sample
	advantage float64
}

func (e example) tokens() int { return len(e.PromptIDs) + len(e.ResponseIDs) }

// pack splits examples into micro-batches of at most budget tokens, in order; an example over the
// budget is alone. Examples of one micro-batch were sampled at one temperature.
func pack(examples []example, budget int) [][]example {
	var batches [][]example
	var tokens int
	for _, e := range examples {
		last := len(batches) - 1
		if last < 0 || tokens+e.tokens() > budget || batches[last][0].Temperature != e.Temperature {
			batches, tokens = append(batches, nil), 0
			last++
		}
		batches[last] = append(batches[last], e)
		tokens += e.tokens()
	}
	return batches
}

// LargestPass is the most tokens of a forward and backward pass over samples of at most longest tokens:
// a micro-batch's or one sample's, without the last token, which predicts nothing.
func (c Config) LargestPass(longest int) int { return max(c.MicroBatchTokens, longest, 2) - 1 }

// packed is a micro-batch as the model takes it: N tokens in a row, of which R hidden states predict
// response tokens. The last token of a sequence predicts nothing and is left out.
type packed struct {
	ids, starts []int64   // (N), first row of each sequence
	rows        []int64   // (R) rows of the hidden states that predict a response token
	targets     []int64   // (R) that token
	old         []float32 // (R) its log-prob when it was sampled; 0 where that is not known
	known       []float32 // (R) 1 where it is known, else 0
	advantages  []float32 // (R)
}

func newPacked(batch []example) packed {
	var p packed
	for _, e := range batch {
		start := len(p.ids)
		p.starts = append(p.starts, int64(start))
		sequence := slices.Concat(e.PromptIDs, e.ResponseIDs)
		for _, id := range sequence[:len(sequence)-1] {
			p.ids = append(p.ids, int64(id))
		}
		for i, id := range e.ResponseIDs {
			p.rows = append(p.rows, int64(start+len(e.PromptIDs)-1+i))
			p.targets = append(p.targets, int64(id))
			if e.Imitate {
				p.old, p.known = append(p.old, 0), append(p.known, 0)
			} else {
				p.old, p.known = append(p.old, e.LogProbs[i]), append(p.known, 1)
			}
			p.advantages = append(p.advantages, float32(e.advantage))
		}
	}
	return p
}

// sampled is each response token's log-prob (R) when it was sampled; where that is not known it is the present
// one, logp (R), so that the probability ratio is 1.
func (p packed) sampled(logp torch.Tensor) torch.Tensor {
	s, device := logp.Scope(), logp.Device()
	old := s.FromFloat32s(p.old, device)
	if !slices.Contains(p.known, 0) {
		return old
	}
	return old.Add(logp.Detach().Mul(s.FromFloat32s(p.known, device).Neg().AddScalar(1)))
}
