package rollout_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/rollout"
	"github.com/azr-train/azr/torch"
)

// limit bounds memory to what is held now and more until the test ends.
func limit(t *testing.T, more int64) {
	torch.LimitBytes(torch.AllocatedBytes() + more)
	t.Cleanup(func() { torch.LimitBytes(0) })
}

// Where the cache does not fit there are fewer slots, and the samples are those of all slots.
func TestFewerSlotsWhereMemoryIsSmall(t *testing.T) {
	x := newTiny(t, byteLevel, nil)
	config := rollout.Config{Slots: 32, Room: 256}
	samples := func() (slots int, done map[azr.SampleID]azr.Completion) {
		e, err := rollout.New(config, 1, x.model, x.tokenizer)
		require.NoError(t, err)
		defer e.Close()
		require.NoError(t, e.Submit(crowd(20)...))
		done = map[azr.SampleID]azr.Completion{}
		for _, c := range drain(t, e) {
			done[c.ID] = c
		}
		return e.Slots(), done
	}
	slots, all := samples()
	require.Equal(t, 32, slots)

	live, bytes := torch.Live(), torch.AllocatedBytes()
	whole, err := rollout.New(config, 1, x.model, x.tokenizer)
	require.NoError(t, err)
	cache := torch.AllocatedBytes() - bytes
	whole.Close()
	limit(t, cache*3/4+512<<10)
	slots, fewer := samples()
	assert.Equal(t, 16, slots)
	assert.Equal(t, all, fewer)
	assert.Equal(t, live, torch.Live(), "handles")
	assert.Equal(t, bytes, torch.AllocatedBytes(), "bytes")
}

func TestMemoryTooSmallForOneSlot(t *testing.T) {
	x := newTiny(t, byteLevel, nil)
	live, bytes := torch.Live(), torch.AllocatedBytes()
	e, err := rollout.New(rollout.Config{Slots: 1, Room: 256}, 1, x.model, x.tokenizer)
	require.NoError(t, err)
	cache := torch.AllocatedBytes() - bytes
	e.Close()
	limit(t, cache/4*3)
	_, err = rollout.New(rollout.Config{Slots: 8, Room: 256}, 1, x.model, x.tokenizer)
	require.ErrorContains(t, err, "rollout.New: out of memory for the cache of a single slot; got room for 256 tokens")
	assert.True(t, torch.IsOutOfMemory(err))
	assert.Equal(t, live, torch.Live(), "handles")
	assert.Equal(t, bytes, torch.AllocatedBytes(), "bytes")
}

func TestTickWithoutMemorySaysSo(t *testing.T) {
	x := newTiny(t, byteLevel, nil)
	live, bytes := torch.Live(), torch.AllocatedBytes()
	e, err := rollout.New(rollout.Config{Slots: 4, Room: 64}, 1, x.model, x.tokenizer)
	require.NoError(t, err)
	require.NoError(t, e.Submit(crowd(12)...))
	_, err = e.Tick(t.Context())
	require.NoError(t, err)
	limit(t, 4<<10)
	_, err = e.Tick(t.Context())
	require.ErrorContains(t, err, "rollout.Tick: out of memory beside the cache; got one of 4 slots for 64 tokens each")
	assert.Regexp(t, `tried to allocate \d+ bytes beside \d+ of at most \d+`, err.Error())
	e.Close()
	assert.Equal(t, live, torch.Live(), "handles")
	assert.Equal(t, bytes, torch.AllocatedBytes(), "bytes")
}
