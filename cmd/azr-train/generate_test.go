package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
)

func TestGenerate(t *testing.T) {
	model := tinyModel(t)
	args := []string{"generate", "--model", model, "--prompt", "def f(x):", "--max-tokens", "12", "--temperature", "1", "--seed", "3"}
	a, b := azrTrain(t, "", args...), azrTrain(t, "", args...)
	require.Zero(t, a.code, a.stderr)
	assert.NotEmpty(t, strings.TrimSpace(a.stdout))
	assert.Equal(t, a.stdout, b.stdout)
	assert.Equal(t, a.stdout, azrTrain(t, "def f(x):", append(args, "--prompt", "-")...).stdout)
	for _, other := range [][]string{{"--seed", "4"}, {"--top-k", "1"}, {"--top-p", "0.01"}} {
		assert.NotEqual(t, a.stdout, azrTrain(t, "", append(args, other...)...).stdout, other)
	}
	greedy := azrTrain(t, "", append(args, "--temperature", "0")...).stdout
	assert.Equal(t, greedy, azrTrain(t, "", append(args, "--top-k", "1")...).stdout)
	assert.Equal(t, greedy, azrTrain(t, "", append(args, "--top-p", "1e-9")...).stdout)
}

func TestGenerateChat(t *testing.T) {
	model := tinyModel(t)
	args := []string{"generate", "--model", model, "--prompt", "def f(x):", "--max-tokens", "12", "--temperature", "1", "--json", "--chat"}
	prompts := map[string]bool{}
	for _, more := range [][]string{{}, {"--system", "Be brief."}, {"--chat-template-kwargs", `{"add_generation_prompt": false}`}} {
		var g generation
		o := azrTrain(t, "", append(args, more...)...)
		require.Zero(t, o.code, o.stderr)
		require.NoError(t, json.Unmarshal([]byte(o.stdout), &g))
		assert.NotEmpty(t, g.Text)
		assert.Len(t, g.LogProbs, len(g.IDs))
		text, err := json.Marshal(g.PromptIDs)
		require.NoError(t, err)
		prompts[string(text)] = true
	}
	assert.Len(t, prompts, 3)
}

// A random model writes odd bytes: what is streamed is what is decoded at the end, whole characters and
// no stop string in it, and on a terminal its escaped form.
func TestGenerateStreamsWhatItDecodes(t *testing.T) {
	model := tinyModel(t)
	broken := 0
	for seed := range 6 {
		args := []string{
			"generate", "--model", model, "--prompt", "漢字🙂", "--max-tokens", "150", "--temperature", "3",
			"--seed", string(rune('0' + seed)), "--stop", "qz", "--stop", "e",
		}
		streamed := azrTrain(t, "", args...)
		require.Zero(t, streamed.code, streamed.stderr)
		var g generation
		require.NoError(t, json.Unmarshal([]byte(azrTrain(t, "", append(args, "--json")...).stdout), &g))
		assert.Equal(t, g.Text+"\n", streamed.stdout)
		assert.NotContains(t, g.Text, "e")
		assert.Equal(t, len(g.IDs) == 150, g.Finish == azr.Truncated)
		if strings.ContainsRune(g.Text, '\uFFFD') {
			broken++
		}
		shown := onPTY(t, 80, args...)
		assert.Equal(t, onTerminal(g.Text)+"\n", strings.ReplaceAll(shown, "\r\n", "\n"))
	}
	assert.NotZero(t, broken)
}

func TestTextStreamShowsWhatIsNew(t *testing.T) {
	var out strings.Builder
	s := &textStream{out: &out, terminal: true}
	for _, text := range []string{"", "a\x1b", "a\x1b", "a\x1b[2J\n", "a\x1b[2J\n\tb\r\u202e"} {
		require.NoError(t, s.show(text))
	}
	assert.Equal(t, "a\\x1b[2J\n\tb\\r\\u202e", out.String())
}
