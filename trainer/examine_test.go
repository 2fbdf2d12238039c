package trainer

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/torch"
)

// The sample whose numbers are no numbers is found by itself, nothing is changed, and what is remembered is what was
// before the step that failed.
func TestExamineFindsTheSampleThatIsNotFinite(t *testing.T) {
	m := load(t, "llama-gqa")
	config := testConfig()
	config.Replay.Count = 4
	tr := newTrainer(t, config, m)
	samples := randomSamples(2, m.Config.VocabSize, 12)
	_, err := tr.Step(t.Context(), samples)
	require.NoError(t, err)
	before, remembered := weights(m), tr.Memory()
	require.NotEmpty(t, remembered)

	spoiled := randomSamples(3, m.Config.VocabSize, 12)
	spoiled[7].LogProbs[0] = float32(math.NaN())
	_, err = tr.Step(t.Context(), spoiled)
	require.ErrorIs(t, err, ErrNotFinite)
	assert.Equal(t, remembered, tr.Memory())
	found, err := tr.Examine(t.Context(), spoiled)
	require.NoError(t, err)
	require.Len(t, found, len(spoiled))
	for i, e := range found {
		assert.Equal(t, spoiled[i].ID, e.ID)
		assert.Equal(t, i == 7, math.IsNaN(e.Loss+e.GradNorm), "sample %d: %+v", i, e)
	}
	assert.Equal(t, before, weights(m))
	s := torch.NewScope()
	defer s.Close()
	for _, p := range m.Parameters() {
		assert.True(t, p.Var.Grad(s).IsNone(), p.Name)
	}
}
