package torch_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/azr-train/azr/torch"
)

func TestTheCPURecordsNothing(t *testing.T) {
	ran := false
	assert.Contains(t, panics(t, func() { torch.Record(torch.CPU, func() { ran = true }) }).Msg, "want a CUDA device")
	assert.False(t, ran)
}

func TestDecodeAttentionMisuse(t *testing.T) {
	lockThread(t)
	s := torch.NewScope()
	defer s.Close()
	q, k, v := sequence(s, 1, 3)
	keys, values := caches(s, k)
	defer keys.Free()
	defer values.Free()
	numbers := func(shape ...int64) torch.Tensor { return s.Zeros(torch.I64, torch.CPU, shape...) }
	for want, f := range map[string]func(){
		"positions [2]": func() { torch.DecodeAttention(q, k, v, keys, values, numbers(2), numbers(3, 1), 1) },
		"table [2, 1]":  func() { torch.DecodeAttention(q, k, v, keys, values, numbers(3), numbers(2, 1), 1) },
		"keys [2, 2, 8]": func() {
			torch.DecodeAttention(q, k.Narrow(0, 0, 2), v, keys, values, numbers(3), numbers(3, 1), 1)
		},
	} {
		assert.Contains(t, panics(t, f).Msg, want)
	}
}
