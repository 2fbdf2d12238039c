package rollout_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/rollout"
	"github.com/azr-train/azr/rollout/tokenizer"
	"github.com/azr-train/azr/torch"
)

func greedy(index, tokens int, text string) azr.Prompt {
	p := prompt(index, tokens, text)
	p.Sampling.Temperature = 0
	return p
}

// one generates a single completion.
func one(t *testing.T, e *rollout.Engine, p azr.Prompt) azr.Completion {
	return generate(t, e, []azr.Prompt{p})[p.ID.Index]
}

func TestRequestsEnterAndLeaveARunningBatch(t *testing.T) {
	x := newTiny(t, byteLevel, following(t, "a", "b", "c", "a"))
	e := newEngine(t, rollout.Config{Slots: 2, Room: 64}, 1, x)
	for i, tokens := range []int{1, 3, 2, 2, 1} {
		require.NoError(t, e.Submit(greedy(i, tokens, "a")))
	}
	require.Equal(t, 5, e.Pending())
	running, queued := e.Running()
	assert.Empty(t, running, "before the first tick")
	assert.Zero(t, queued)
	for tick, want := range [][]int{{0}, nil, {1, 2}, {4}, {3}} {
		done, err := e.Tick(t.Context())
		require.NoError(t, err)
		var indices []int
		for _, c := range done {
			indices = append(indices, c.ID.Index)
		}
		assert.Equal(t, want, indices, "tick %d", tick)
		running, queued := e.Running()
		require.Len(t, running, []int{2, 2, 2, 2, 1}[tick], "tick %d", tick)
		assert.Equal(t, []rollout.Running{{ID: prompt(0, 1, "").ID, PromptTokens: 1}, {ID: prompt(1, 1, "").ID, PromptTokens: 1, ResponseTokens: 1},
			{ID: prompt(1, 1, "").ID, PromptTokens: 1, ResponseTokens: 2}, {ID: prompt(3, 1, "").ID, PromptTokens: 1},
			{ID: prompt(3, 1, "").ID, PromptTokens: 1, ResponseTokens: 1}}[tick], running[0], "tick %d", tick)
		assert.Equal(t, []int{3, 2, 2, 0, 0}[tick], queued, "tick %d", tick)
		assert.Equal(t, []int{4, 4, 2, 1, 0}[tick], e.Pending(), "tick %d", tick)
	}
	done, err := e.Tick(t.Context())
	require.NoError(t, err)
	assert.Empty(t, done)
	assert.Equal(t, rollout.Stats{Ticks: 5, Running: 9, PromptTokens: 1, SharedTokens: 4, SampledTokens: 9, Passes: 4, Rows: 5}, e.Stats())
}

func TestCompletionKeepsIDsAndLogProbs(t *testing.T) {
	x := newTiny(t, byteLevel, nil)
	e := newEngine(t, rollout.Config{Slots: 2, Room: 64}, 1, x)
	c := one(t, e, prompt(3, 9, "def f(x):"))
	want, err := x.tokenizer.EncodeDocument("def f(x):")
	require.NoError(t, err)
	assert.Equal(t, want, c.PromptIDs)
	require.Len(t, c.IDs, 9)
	assert.Len(t, c.LogProbs, 9)
	assert.Equal(t, azr.Truncated, c.Finish)
	for _, logp := range c.LogProbs {
		assert.LessOrEqual(t, logp, float32(0))
	}
}

func TestPromptOfMessagesGoesThroughTheChatTemplate(t *testing.T) {
	x := newTiny(t, byteLevel, nil)
	e := newEngine(t, rollout.Config{Slots: 2, Room: 200}, 1, x)
	p := prompt(1, 2, "So")
	p.Messages = []azr.Message{{Role: "user", Content: "What is 2 + 2?"}}
	want, err := x.tokenizer.EncodeChat(p.Messages, "So", nil)
	require.NoError(t, err)
	assert.Equal(t, want, one(t, e, p).PromptIDs)
}

func TestAPromptThatIsCachedIsShared(t *testing.T) {
	x := newTiny(t, byteLevel, nil)
	text := "values[i] == total"
	tokens, err := x.tokenizer.EncodeDocument(text)
	require.NoError(t, err)
	n := len(tokens)
	prompts := []azr.Prompt{prompt(1, 20, text), prompt(2, 20, text), prompt(3, 20, text)}
	want := alone(t, x, prompts)
	e := newEngine(t, rollout.Config{Slots: 2, Room: 64}, 7, x)

	require.NoError(t, e.Submit(prompts[0]))
	for range 5 { // the request goes on beyond the prompt before another one forks it
		_, err := e.Tick(t.Context())
		require.NoError(t, err)
	}
	require.NoError(t, e.Submit(prompts[1]))
	got := map[int]azr.Completion{}
	for _, c := range drain(t, e) {
		got[c.ID.Index] = c
	}
	got[3] = one(t, e, prompts[2]) // nobody uses the prompt any more
	assert.Equal(t, want, got)
	assert.Equal(t, n, e.Stats().PromptTokens)
	assert.Equal(t, 2*n, e.Stats().SharedTokens)
}

func TestForgetComputesPromptsAgain(t *testing.T) {
	x := newTiny(t, byteLevel, nil)
	e := newEngine(t, rollout.Config{Slots: 2, Room: 64}, 7, x)
	p := prompt(1, 6, "def f(x):")
	old := one(t, e, p)
	for _, w := range x.model.Parameters() {
		s := torch.NewScope()
		w.Var.Set(w.Var.In(s).MulScalar(1.1))
		s.Close()
	}
	computed := e.Stats().PromptTokens
	e.Forget()
	fresh := one(t, e, p)
	assert.Equal(t, alone(t, x, []azr.Prompt{p})[1], fresh)
	assert.NotEqual(t, old.LogProbs, fresh.LogProbs)
	assert.Equal(t, 2*computed, e.Stats().PromptTokens)
}

func TestRoomBoundsPromptAndResponse(t *testing.T) {
	x := newTiny(t, byteLevel, following(t, "a", "b", "c", "a"))
	e := newEngine(t, rollout.Config{Slots: 2, Room: 10}, 1, x)
	finished := generate(t, e, []azr.Prompt{
		greedy(1, 100, "b!b!b!a"), greedy(2, 3, "b!b!b!a"), greedy(3, 100, "b!b!b!b!ba"), greedy(4, 100, "b!b!b!b!b!b!ba"), greedy(5, 100, "b!b!b!b!a"),
	})
	for index, want := range map[int]struct {
		prompt, response int
		finish           azr.Finish
	}{1: {7, 3, azr.Truncated}, 2: {7, 3, azr.Truncated}, 3: {10, 0, azr.PromptTooLong}, 4: {14, 0, azr.PromptTooLong}, 5: {9, 1, azr.Truncated}} {
		c := finished[index]
		assert.Len(t, c.PromptIDs, want.prompt, "prompt %d", index)
		assert.Len(t, c.IDs, want.response, "prompt %d", index)
		assert.Len(t, c.LogProbs, want.response, "prompt %d", index)
		assert.Equal(t, want.finish, c.Finish, "prompt %d", index)
	}
	assert.Empty(t, finished[3].Text)
}

func TestRoomIsAtMostTheContextLength(t *testing.T) {
	x := newTiny(t, byteLevel, following(t, "a", "b", "c", "a"))
	e := newEngine(t, rollout.Config{Slots: 1, Room: 1 << 20}, 1, x)
	c := one(t, e, greedy(1, 1<<20, "a"))
	assert.Len(t, c.IDs, contextLength-1)
	assert.Equal(t, azr.Truncated, c.Finish)
}

func TestSubmitRefusesAWholeBatch(t *testing.T) {
	x := newTiny(t, byteLevel, nil)
	e := newEngine(t, rollout.Config{Slots: 1, Room: 64}, 1, x)
	for want, bad := range map[string]string{"NUL": "def f\x00(x):", "is empty": ""} {
		err := e.Submit(prompt(1, 4, "fine"), prompt(2, 4, bad))
		require.ErrorContains(t, err, want)
		assert.ErrorContains(t, err, "step 0 evaluating deduction 2.0")
		assert.NotContains(t, err.Error(), "\n")
		assert.Zero(t, e.Pending())
	}
}

func TestCancelledTickLosesNothing(t *testing.T) {
	x, prompts := newTiny(t, byteLevel, nil), crowd(6)
	want := alone(t, x, prompts)
	e := newEngine(t, rollout.Config{Slots: 4, Room: 64}, 7, x)
	require.NoError(t, e.Submit(prompts...))
	_, err := e.Tick(t.Context())
	require.NoError(t, err)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	pending := e.Pending()
	_, err = e.Tick(cancelled)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, pending, e.Pending())
	for _, c := range drain(t, e) {
		assert.Equal(t, want[c.ID.Index], c)
	}
}

func TestLogitsThatAreNotFiniteAreAnError(t *testing.T) {
	x := newTiny(t, byteLevel, func(_ *tokenizer.Tokenizer, w weights) {
		scale(w["lm_head.weight"], 1e25)
		scale(w["model.norm.weight"], 1e25)
	})
	live := torch.Live()
	e, err := rollout.New(rollout.Config{Slots: 1, Room: 64}, 1, x.model, x.tokenizer)
	require.NoError(t, err)
	require.NoError(t, e.Submit(prompt(1, 4, "def f(x):")))
	_, err = e.Tick(t.Context())
	require.ErrorContains(t, err, "not finite")
	e.Close()
	assert.Equal(t, live, torch.Live(), "handles after Close")
}

func TestNewRefusesWhatDoesNotFit(t *testing.T) {
	x := newTiny(t, byteLevel, nil)
	for want, config := range map[string]rollout.Config{
		"slots out of range": {Slots: 0, Room: 64}, "room out of range": {Slots: 1, Room: 1},
	} {
		_, err := rollout.New(config, 1, x.model, x.tokenizer)
		assert.ErrorContains(t, err, want)
	}
	fallback := newTiny(t, byteFallback, nil) // has more tokens
	_, err := rollout.New(rollout.DefaultConfig(), 1, x.model, fallback.tokenizer)
	assert.ErrorContains(t, err, "tokenizer does not fit the model")
}
