package trainer

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
)

func TestReportTellsWhatWasLearned(t *testing.T) {
	m := load(t, "llama-gqa")
	tr := newTrainer(t, testConfig(), m)
	samples := randomSamples(4, 257, 24)
	for i := range samples {
		if samples[i].Group.Type == azr.Abduction {
			samples[i].Reward = 1 // of both roles: nothing to learn
		}
	}
	before := weights(m)
	r, err := tr.Step(t.Context(), samples)
	require.NoError(t, err)
	assert.Equal(t, 4, r.Groups)
	squares := 0.0
	for name, bytes := range weights(m) {
		for i := 0; i < len(bytes); i += 4 {
			element := func(b []byte) float64 { return float64(math.Float32frombits(binary.LittleEndian.Uint32(b[i:]))) }
			squares += math.Pow(element(bytes)-element(before[name]), 2)
		}
	}
	assert.InEpsilon(t, math.Sqrt(squares), r.WeightChange, 0.05)
	t.Logf("the weights moved by %.6f, estimated as %.6f", math.Sqrt(squares), r.WeightChange)
}
