package model_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/model/modeltest"
	"github.com/azr-train/azr/torch"
)

// A pass whose places tensors tell, as a graph replays it, gives what one told by spans gives: for numbers of sequences and
// pages that are powers of two and others, and where sequences go on into a new page.
func TestDecodingToldByTensors(t *testing.T) {
	lockThread(t)
	for _, variant := range modeltest.Variants {
		for dtype, tolerance := range map[torch.DType]float64{torch.F32: 2e-5, torch.BF16: 0.1} {
			d, err := model.Load("../testdata/tiny/"+variant, dtype, torch.CPU)
			require.NoError(t, err)
			spans, tensors := newSequences(d, 5, 200), newSequences(d, 5, 200)
			tensors.RecordDecoding()
			s := torch.NewScope()
			positions := []int{62, 3, 127, 64, 9}
			for i, n := range positions {
				ids := make([]int64, n)
				for j := range ids {
					ids[j] = int64((7*i + 3*j) % d.Config.VocabSize)
				}
				spans.prefill(s, i, ids)
				tensors.prefill(s, i, ids)
			}
			for step, n := range []int{5, 5, 4, 1, 5, 3} {
				ids := []int64{1, 2, 3, 4, int64(step)}[:n]
				want, got := spans.decode(s, ids, positions[:n]), tensors.decode(s, ids, positions[:n])
				require.Equal(t, want.Shape(), got.Shape())
				assert.InDeltaSlice(t, want.Float32s(), got.Float32s(), tolerance, "%s in %s, step %d", variant, dtype, step)
				for i := range n {
					positions[i]++
				}
			}
			s.Close()
			spans.Free()
			tensors.Free()
			d.Free()
		}
	}
	assert.Zero(t, torch.Live())
}
