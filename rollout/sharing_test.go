package rollout_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/rollout"
)

// instructed is n prompts of about 170 tokens, of which the first 150 are the same, two by two alike.
func instructed(n int) []azr.Prompt {
	prompts := make([]azr.Prompt, n)
	for i := range prompts {
		prompts[i] = prompt(i, 20+i*13%60, strings.Repeat("7", 150)+fmt.Sprintf("%02d", i/2)+strings.Repeat("3", i/2%20))
	}
	return prompts
}

// What prompts have in common is computed once, in whole pages, also when they come at once; an equal prompt not
// at all. The samples are the same bits.
func TestPromptsShareTheirBeginnings(t *testing.T) {
	x, prompts := newTiny(t, byteLevel, nil), instructed(24)
	want := alone(t, x, prompts)
	for _, slots := range []int{2, 24} {
		e := newEngine(t, rollout.Config{Slots: slots, Room: contextLength}, 7, x)
		assert.Equal(t, want, generate(t, e, prompts), "%d slots", slots)
		shared, all := 0, 0
		for i := range prompts {
			all += len(want[i].PromptIDs)
			if i%2 == 1 {
				shared += len(want[i].PromptIDs)
			} else if i > 0 {
				shared += 128
			}
		}
		assert.Equal(t, shared, e.Stats().SharedTokens)
		assert.Equal(t, all-shared, e.Stats().PromptTokens)
	}
}

// Where running sequences outgrow the cache the youngest begin again, and give the same samples.
func TestRequestsThatOutgrowTheCacheBeginAgain(t *testing.T) {
	x, prompts := newTiny(t, byteLevel, nil), instructed(24)
	for i := range prompts {
		prompts[i].Sampling.MaxTokens = 80
	}
	want := alone(t, x, prompts)
	for _, pages := range []int{0, 5, 8, 14, 20} {
		e := newEngine(t, rollout.Config{Slots: 24, Room: contextLength, CacheTokens: 64 * pages}, 7, x)
		shown := map[int]string{}
		got := map[int]azr.Completion{}
		require.NoError(t, e.Submit(prompts...))
		for e.Pending() > 0 {
			done, err := e.Tick(t.Context())
			require.NoError(t, err)
			for _, p := range prompts {
				if text := e.Text(p.ID); text != "" {
					require.True(t, strings.HasPrefix(text, shown[p.ID.Index]), "what is shown only grows")
					shown[p.ID.Index] = text
				}
			}
			for _, c := range done {
				got[c.ID.Index] = c
				require.True(t, strings.HasPrefix(c.Text, shown[c.ID.Index]))
			}
		}
		assert.Equal(t, want, got, "%d pages", pages)
		if pages == 0 {
			assert.Zero(t, e.Stats().Preempted)
		} else if pages >= 8 {
			assert.Positive(t, e.Stats().Preempted, "%d pages", pages)
		}
	}
}

// A batch that is larger than a pass goes through in several.
func TestMoreRequestsThanRowsOfAPass(t *testing.T) {
	x := newTiny(t, byteLevel, nil)
	prompts := make([]azr.Prompt, 700)
	for i := range prompts {
		prompts[i] = prompt(i, 3, []string{"def f(x):", "return", "a"}[i%3])
	}
	e := newEngine(t, rollout.Config{Slots: 700, Room: 64}, 7, x)
	got := generate(t, e, prompts)
	for i, want := range alone(t, x, []azr.Prompt{prompts[0], prompts[517], prompts[699]}) {
		assert.Equal(t, want, got[i], "prompt %d", i)
	}
}
