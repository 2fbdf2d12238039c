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

// Where the cache does not fit it is smaller, and the samples are those of the whole one.
func TestASmallerCacheWhereMemoryIsSmall(t *testing.T) {
	x := newTiny(t, byteLevel, nil)
	config := rollout.Config{Slots: 32, Room: 256}
	samples := func() (tokens int, done map[int]azr.Completion) {
		e, err := rollout.New(config, 1, x.model, x.tokenizer)
		require.NoError(t, err)
		defer e.Close()
		return e.CacheTokens(), generate(t, e, crowd(20))
	}
	tokens, all := samples()
	require.Equal(t, 32*5*64, tokens)

	live, bytes := torch.Live(), torch.AllocatedBytes()
	whole, err := rollout.New(config, 1, x.model, x.tokenizer)
	require.NoError(t, err)
	cache := torch.AllocatedBytes() - bytes
	whole.Close()
	limit(t, cache*3/4+2<<20)
	tokens, fewer := samples()
	assert.Equal(t, 32*5/2*64, tokens)
	assert.Equal(t, all, fewer)
	assert.Equal(t, live, torch.Live(), "handles")
	assert.Equal(t, bytes, torch.AllocatedBytes(), "bytes")
}

func TestMemoryTooSmallForOneSequence(t *testing.T) {
	x := newTiny(t, byteLevel, nil)
	live, bytes := torch.Live(), torch.AllocatedBytes()
	e, err := rollout.New(rollout.Config{Slots: 1, Room: 256}, 1, x.model, x.tokenizer)
	require.NoError(t, err)
	cache := torch.AllocatedBytes() - bytes
	e.Close()
	limit(t, cache/4*3)
	_, err = rollout.New(rollout.Config{Slots: 8, Room: 256}, 1, x.model, x.tokenizer)
	require.ErrorContains(t, err, "rollout.New: out of memory for the cache of a single sequence; got room for 256 tokens")
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
	require.ErrorContains(t, err, "rollout.Tick: out of memory beside the cache; got a cache of 512 tokens")
	assert.Regexp(t, `tried to allocate \d+ bytes beside \d+ of at most \d+`, err.Error())
	e.Close()
	assert.Equal(t, live, torch.Live(), "handles")
	assert.Equal(t, bytes, torch.AllocatedBytes(), "bytes")
}
