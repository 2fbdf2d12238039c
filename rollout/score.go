package rollout

import (
	"fmt"
	"slices"

	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/torch"
)

// Score returns log p(ids[i+1] | ids[:i+1]) for each id after the first, in nats at temperature 1.
func Score(m *model.Decoder, ids []int32) (logprobs []float32, err error) {
	if err := checkIDs("Score", m, ids); err != nil {
		return nil, err
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
		for targets := range slices.Chunk(wide[1:], torch.LogitsRows(m.Config.VocabSize)) {
			rows := hidden.Narrow(0, len(logprobs), len(targets))
			logp, _ := rows.TokenLogProbs(m.Head.In(s), s.FromInt64s(targets, m.Device), 1)
			logprobs = append(logprobs, logp.Float32s()...)
		}
	})
	return logprobs, nil
}

// Logits returns the logits (V) of the id that follows ids, before temperature.
func Logits(m *model.Decoder, ids []int32) (logits []float32, err error) {
	if err := checkIDs("Logits", m, ids); err != nil {
		return nil, err
	}
	defer torch.Catch(&err)
	torch.NoGrad(func() {
		s := torch.NewScope()
		defer s.Close()
		hidden := m.Forward(s, widen(ids), []int64{0})
		logits = m.Logits(hidden.Narrow(0, len(ids)-1, 1)).Float32s()
	})
	return logits, nil
}

func checkIDs(op string, m *model.Decoder, ids []int32) error {
	if len(ids) == 0 {
		return fmt.Errorf("rollout.%s: no ids; got an empty sequence, want at least one id", op)
	}
	if len(ids) > m.Config.MaxPositionEmbeddings {
		return fmt.Errorf("rollout.%s: sequence too long; got %d ids, want at most %d", op, len(ids), m.Config.MaxPositionEmbeddings)
	}
	for _, id := range ids {
		if id < 0 || int(id) >= m.Config.VocabSize {
			return fmt.Errorf("rollout.%s: id out of range; got %d, want 0 to %d", op, id, m.Config.VocabSize-1)
		}
	}
	return nil
}
