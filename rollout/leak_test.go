package rollout_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/model/modeltest"
	"github.com/azr-train/azr/rollout"
	"github.com/azr-train/azr/torch"
)

func TestTwoHundredGenerationsLeakNothing(t *testing.T) {
	x := newTiny(t, byteLevel, nil)
	before, beforeBytes := torch.Live(), torch.AllocatedBytes()
	e, err := rollout.New(rollout.Config{Slots: 8, Room: 64}, 1, x.model, x.tokenizer)
	require.NoError(t, err)
	generations := 0
	twenty := func() {
		prompts := crowd(20)
		for i := range prompts {
			prompts[i].ID.Index = generations
			generations++
		}
		require.NoError(t, e.Submit(append(prompts, tooLong)...))
		require.Len(t, drain(t, e), 21)
		e.Forget()
	}
	for range 3 { // buffers of the first ones stay
		twenty()
	}
	live, bytes, resident := torch.Live(), torch.AllocatedBytes(), modeltest.ResidentBytes(t)
	for range 10 {
		twenty()
		require.Equal(t, live, torch.Live(), "handles")
		require.Equal(t, bytes, torch.AllocatedBytes(), "bytes")
	}
	growth := modeltest.ResidentBytes(t) - resident
	t.Logf("resident memory grew by %d KiB", growth>>10)
	assert.Less(t, growth, int64(8<<20), "resident memory grew")

	require.NoError(t, e.Submit(crowd(12)...))
	_, err = e.Tick(t.Context())
	require.NoError(t, err)
	e.Forget() // prompts that are in use
	_, err = e.Tick(t.Context())
	require.NoError(t, err)
	e.Close() // with requests on their way
	assert.Equal(t, before, torch.Live(), "handles after Close")
	assert.Equal(t, beforeBytes, torch.AllocatedBytes(), "bytes after Close")
}

// tooLong is a prompt that does not fit into the room of the test.
var tooLong = azr.Prompt{Text: strings.Repeat("7", 70), Sampling: azr.Sampling{Temperature: 1, MaxTokens: 4}}
