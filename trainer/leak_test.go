package trainer

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/model/modeltest"
	"github.com/azr-train/azr/torch"
)

func TestTwentyStepsLeakNothing(t *testing.T) {
	for _, recompute := range []bool{false, true} {
		t.Run(fmt.Sprintf("checkpointing %v", recompute), func(t *testing.T) { twentySteps(t, recompute) })
	}
}

func twentySteps(t *testing.T, recompute bool) {
	m, c := load(t, "llama-gqa"), testConfig()
	c.ActivationCheckpointing = recompute
	tr := newTrainer(t, c, m)
	step := func(i int) {
		samples := randomSamples(uint64(i), m.Config.VocabSize, 24)
		if i%5 == 4 { // a step that fails on its way
			samples[20].PromptIDs[0] = -1
			_, err := tr.Step(t.Context(), samples)
			require.Error(t, err)
			return
		}
		_, err := tr.Step(t.Context(), samples)
		require.NoError(t, err)
	}
	for i := range 5 { // buffers of the first steps stay
		step(i)
	}
	live, bytes, resident := torch.Live(), torch.AllocatedBytes(), modeltest.ResidentBytes(t)
	for i := range 20 {
		step(i)
		require.Equal(t, live, torch.Live(), "handles after step %d", i)
		require.Equal(t, bytes, torch.AllocatedBytes(), "bytes after step %d", i)
	}
	growth := modeltest.ResidentBytes(t) - resident
	t.Logf("resident memory grew by %d KiB", growth>>10)
	assert.Less(t, growth, int64(8<<20), "resident memory grew")
}
