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

// packer fills micro-batches of at most budget tokens, in the order in which examples come; an example over the budget is
// alone. Examples of one micro-batch were sampled at one temperature. With share, tokens that an example begins with like
// the one before it count once.
type packer struct {
	budget int
	share  bool
	before *example // in the micro-batch
	tokens int      // of the micro-batch
}

// add tells whether e begins a new micro-batch, and how many tokens it adds there.
func (p *packer) add(e example) (begins bool, own int) {
	own = e.tokens()
	if p.share && p.before != nil {
		own = e.ownTokens(*p.before)
	}
	if begins = p.before == nil || p.tokens+own > p.budget || p.before.Temperature != e.Temperature; begins {
		p.tokens, own = 0, e.tokens()
	}
	p.before, p.tokens = &e, p.tokens+own
	return begins, own
}

func pack(examples []example, budget int, share bool) (batches [][]example) {
	p := packer{budget: budget, share: share}
	for _, e := range examples {
		if begins, _ := p.add(e); begins {
			batches = append(batches, nil)
		}
		last := &batches[len(batches)-1]
		*last = append(*last, e)
	}
	return batches
}

// LargestPass is the most tokens of a forward and backward pass over samples of at most longest tokens:
// a micro-batch's or one sample's, without the last token, which predicts nothing.
func (c Config) LargestPass(longest int) int { return max(c.MicroBatchTokens, longest, 2) - 1 }

// packed is a micro-batch as the model takes it: N tokens in a row, and what they are to learn. The last token of
// a sequence predicts nothing and is left out.
type packed struct {
	*tree
	responses
}

// responses are R response tokens of a micro-batch and the P places that predict them.
type responses struct {
	// rows (P) of the hidden states that predict a response token, and that token. Where responses begin alike
	// two of them may be the same, and then they are one here.
	rows, targets []int64
	of            []int64   // (R) which of these each response token is, each new one the next
	old           []float32 // (R) its log-prob when it was sampled; 0 where that is not known
	known         []float32 // (R) 1 where it is known, else 0
	advantages    []float32 // (R)
}

func newPacked(batch []example, share bool) packed {
	var sequences [][]int32
	for _, e := range batch {
		sequence := slices.Concat(e.PromptIDs, e.ResponseIDs)
		sequences = append(sequences, sequence[:len(sequence)-1])
	}
	p := packed{tree: newTree(sequences, share)}
	places := map[[2]int64]int64{}
	for i, e := range batch {
		for j, id := range e.ResponseIDs {
			place := [2]int64{p.paths[i][len(e.PromptIDs)-1+j], int64(id)}
			if _, ok := places[place]; !ok {
				places[place] = int64(len(p.rows))
				p.rows, p.targets = append(p.rows, place[0]), append(p.targets, place[1])
			}
			p.of = append(p.of, places[place])
			if e.Imitate {
				p.old, p.known = append(p.old, 0), append(p.known, 0)
			} else {
				p.old, p.known = append(p.old, e.LogProbs[j]), append(p.known, 1)
			}
			p.advantages = append(p.advantages, float32(e.advantage))
		}
	}
	return p
}

// chunks cuts the places into runs of at most so many, each with its own response tokens.
func (p responses) chunks(places int) []responses {
	list := make([]responses, 0, (len(p.rows)+places-1)/places)
	for from := 0; from < len(p.rows); from += places {
		to := min(from+places, len(p.rows))
		list = append(list, responses{rows: p.rows[from:to], targets: p.targets[from:to]})
	}
	for i, place := range p.of {
		c := &list[int(place)/places]
		c.of = append(c.of, place%int64(places))
		c.old, c.known, c.advantages = append(c.old, p.old[i]), append(c.known, p.known[i]), append(c.advantages, p.advantages[i])
	}
	return list
}

// each spreads values (P) over the response tokens (R).
func (p responses) each(values torch.Tensor) torch.Tensor {
	if len(p.of) == len(p.rows) {
		return values
	}
	return values.IndexSelect(0, values.Scope().FromInt64s(p.of, values.Device()))
}

// sampled is each response token's log-prob (R) when it was sampled; where that is not known it is the present
// one, logp (R), so that the probability ratio is 1.
func (p responses) sampled(logp torch.Tensor) torch.Tensor {
	s, device := logp.Scope(), logp.Device()
	old := s.FromFloat32s(p.old, device)
	if !slices.Contains(p.known, 0) {
		return old
	}
	return old.Add(logp.Detach().Mul(s.FromFloat32s(p.known, device).Neg().AddScalar(1)))
}
