package rollout

import (
	"fmt"

	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/torch"
)

// Score returns log p(ids[i+1] | ids[:i+1]) for each id after the first, in nats at temperature 1.
func Score(m *model.Decoder, ids []int32) (logprobs []float32, err error) {
	if len(ids) == 0 {
		return nil, fmt.Errorf("rollout.Score: no ids; got an empty sequence, want at least one id")
	}
	if len(ids) > m.Config.MaxPositionEmbeddings {
		return nil, fmt.Errorf("rollout.Score: sequence too long; got %d ids, want at most %d", len(ids), m.Config.MaxPositionEmbeddings)
	}
	for _, id := range ids {
		if id < 0 || int(id) >= m.Config.VocabSize {
			return nil, fmt.Errorf("rollout.Score: id out of range; got %d, want 0 to %d", id, m.Config.VocabSize-1)
		}
	}
	if len(ids) == 1 {
		return []float32{}, nil
	}
	defer torch.Catch(&err)
	torch.NoGrad(func() {
		s := torch.NewScope()
		defer s.Close()
		wide := widen(ids)
		hidden := m.Forward(s, wide[:len(wide)-1], []int64{0})
		logp, _ := hidden.TokenLogProbs(m.Head.In(s), s.FromInt64s(wide[1:], m.Device), 1)
		logprobs = logp.Float32s()
	})
	return logprobs, nil
}
