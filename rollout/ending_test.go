package rollout_test

import (
	"cmp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/rollout"
)

// ending is how a chain of tokens, begun by a prompt that is its first token, is to end.
type ending struct {
	chain  []string
	stop   []string
	tokens int // MaxTokens; 0 is 20
	text   string
	ids    int // response tokens
	finish azr.Finish
}

func (c ending) run(t *testing.T, tokenizerDir, prompt string) {
	x := newTiny(t, tokenizerDir, following(t, c.chain...))
	e := newEngine(t, rollout.Config{Slots: 2, Room: 64}, 1, x)
	p := greedy(1, cmp.Or(c.tokens, 20), prompt)
	p.Sampling.Stop = c.stop
	got, shown := streamed(t, e, p)
	for i, text := range shown {
		assert.True(t, strings.HasPrefix(got.Text, text), "%q was shown of %q", text, got.Text)
		assert.True(t, i == 0 || strings.HasPrefix(text, shown[i-1]), "%q grew into %q", shown[max(0, i-1)], text)
	}
	assert.Equal(t, c.text, got.Text)
	assert.Equal(t, c.finish, got.Finish)
	require.Len(t, got.IDs, c.ids)
	assert.Len(t, got.LogProbs, c.ids)
	for i, id := range got.IDs {
		token, _ := x.tokenizer.Token(id)
		assert.Equal(t, c.chain[i+1], token, "token %d", i)
	}
}

// streamed plays one prompt and returns its completion and what was certain of it after each tick.
func streamed(t *testing.T, e *rollout.Engine, p azr.Prompt) (azr.Completion, []string) {
	require.NoError(t, e.Submit(p))
	var shown []string
	for {
		done, err := e.Tick(t.Context())
		require.NoError(t, err)
		if len(done) > 0 {
			require.Empty(t, e.Text(p.ID))
			return done[0], shown
		}
		shown = append(shown, e.Text(p.ID))
	}
}

// What is certain is shown at once, and no more.
func TestTextIsShownAsItComes(t *testing.T) {
	chain := []string{"a", "x", "S", "T", "O", "z", "Ã", "©", "<|im_end|>"}
	x := newTiny(t, byteLevel, following(t, chain...))
	p := greedy(1, 20, "a")
	p.Sampling.Stop = []string{"STOP", "zz"}
	got, shown := streamed(t, newEngine(t, rollout.Config{Slots: 1, Room: 64}, 1, x), p)
	assert.Equal(t, "xSTOzé", got.Text)
	assert.Equal(t, []string{"x", "x", "x", "x", "xSTO", "xSTO", "xSTOzé"}, shown)
}

func TestCompletionsEnd(t *testing.T) {
	letters := []string{"a", "x", "y", "S", "T", "O", "P", "z", "w", "<|im_end|>"}
	accent := []string{"a", "x", "Ã", "©", "y"} // é is the two bytes C3 A9
	for name, c := range map[string]ending{
		"at an end token":                            {chain: letters, text: "xySTOPzw", ids: 9},
		"at another end token":                       {chain: []string{"a", "b", "<|endoftext|>"}, text: "b", ids: 2},
		"not at a special token that is no end":      {chain: []string{"a", "b", "<|im_start|>", "c"}, tokens: 3, text: "bc", ids: 3, finish: azr.Truncated},
		"before a stop string of four tokens":        {chain: letters, stop: []string{"STOP"}, text: "xy", ids: 6},
		"before the stop string that is found first": {chain: letters, stop: []string{"Pz", "TO", "w"}, text: "xyS", ids: 5},
		"before the stop string that begins first":   {chain: letters, stop: []string{"OP", "STOP", "P"}, text: "xy", ids: 6},
		"not at a stop string that does not come":    {chain: letters, stop: []string{"STEP", ""}, text: "xySTOPzw", ids: 9},
		"inside a token":                             {chain: []string{"a", "x", "Ġreturn", "y"}, stop: []string{"etu"}, text: "x r", ids: 2},
		"with all text before the stop":              {chain: letters, stop: []string{"x"}, text: "", ids: 1},
		"at MaxTokens":                               {chain: letters, tokens: 3, text: "xyS", ids: 3, finish: azr.Truncated},
		"at a stop string with MaxTokens":            {chain: letters, stop: []string{"yS"}, tokens: 3, text: "x", ids: 3},
		"with a character of two tokens":             {chain: accent, tokens: 3, text: "xé", ids: 3, finish: azr.Truncated},
		"with half a character":                      {chain: accent, tokens: 2, text: "x\uFFFD", ids: 2, finish: azr.Truncated},
		"before a stop string across bytes":          {chain: accent, stop: []string{"éy"}, text: "x", ids: 4},
	} {
		t.Run(name, func(t *testing.T) { c.run(t, byteLevel, "a") })
	}
}

// A run of byte tokens becomes text only with the token after it, which may be the end token.
func TestStopStringOfByteTokens(t *testing.T) {
	for name, c := range map[string]ending{
		"then an end token": {chain: []string{"a", "x", "<0x0A>", "</s>"}, stop: []string{"\n"}, text: "x", ids: 3},
		"then MaxTokens":    {chain: []string{"a", "x", "<0x0A>", "y"}, stop: []string{"\n"}, tokens: 2, text: "x", ids: 2},
		"then text":         {chain: []string{"a", "x", "<0x0A>", "y", "b"}, stop: []string{"\n"}, text: "x", ids: 3},
	} {
		t.Run(name, func(t *testing.T) { c.run(t, byteFallback, "a") })
	}
}
