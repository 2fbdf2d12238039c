package rollout_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/rollout"
)

// crowd is n prompts of several lengths, some of them alike, each with an ID of its own.
func crowd(n int) []azr.Prompt {
	texts := []string{"def f(x):", "return", "Given the output, find an input", "values[i] == total and i % 7 != 0:", "漢字", "a"}
	prompts := make([]azr.Prompt, n)
	for i := range prompts {
		prompts[i] = prompt(i, 3+i*5%19, texts[i%len(texts)])
		prompts[i].Sampling.Temperature = []float64{1, 0.7, 1.3}[i%3]
		prompts[i].Sampling.TopK = []int{0, 0, 20, 0}[i%4]
		prompts[i].Sampling.TopP = []float64{1, 0.9}[i%2]
	}
	return prompts
}

// generate submits prompts at once and returns their completions by index.
func generate(t testing.TB, e *rollout.Engine, prompts []azr.Prompt) map[int]azr.Completion {
	require.NoError(t, e.Submit(prompts...))
	found := map[int]azr.Completion{}
	for _, c := range drain(t, e) {
		require.NotContains(t, found, c.ID.Index)
		found[c.ID.Index] = c
	}
	require.Len(t, found, len(prompts))
	return found
}

// alone computes each prompt in an engine of one slot that remembers nothing.
func alone(t testing.TB, x tiny, prompts []azr.Prompt) map[int]azr.Completion {
	e := newEngine(t, rollout.Config{Slots: 1, Room: contextLength}, 7, x)
	found := map[int]azr.Completion{}
	for _, p := range prompts {
		e.Forget()
		found[p.ID.Index] = generate(t, e, []azr.Prompt{p})[p.ID.Index]
	}
	require.Zero(t, e.Stats().SharedTokens)
	return found
}

// A sample has the same bits alone, among others, in any slot and in any order.
func TestASampleDoesNotDependOnItsNeighbours(t *testing.T) {
	x, prompts := newTiny(t, byteLevel, nil), crowd(48)
	want := alone(t, x, prompts)
	for _, slots := range []int{1, 8, 32, 40} {
		t.Run(fmt.Sprintf("%d slots", slots), func(t *testing.T) {
			e := newEngine(t, rollout.Config{Slots: slots, Room: 64}, 7, x)
			assert.Equal(t, want, generate(t, e, prompts), "in order")
			assert.Equal(t, want, generate(t, e, prompts), "a second time, with every prompt known")
			shuffled := slices.Clone(prompts)
			rand.New(rand.NewPCG(5, uint64(slots))).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			e.Forget()
			assert.Equal(t, want, generate(t, e, shuffled), "shuffled")
		})
	}
}

func TestASampleDoesNotDependOnItsSlot(t *testing.T) {
	x, prompts := newTiny(t, byteLevel, nil), crowd(48)
	target := prompt(100, 12, "def f(total):")
	want := alone(t, x, []azr.Prompt{target})[100]
	e := newEngine(t, rollout.Config{Slots: 40, Room: 64}, 7, x)
	for _, before := range []int{0, 1, 15, 16, 31, 32, 39} {
		e.Forget()
		mixed := slices.Insert(slices.Clone(prompts), before, target)
		assert.Equal(t, want, generate(t, e, mixed)[100], "in slot %d", before)
	}
}

// Prompts that come while others run change nothing either.
func TestASampleDoesNotDependOnWhenItComes(t *testing.T) {
	x, prompts := newTiny(t, byteLevel, nil), crowd(24)
	want := alone(t, x, prompts)
	e := newEngine(t, rollout.Config{Slots: 8, Room: 64}, 7, x)
	got := map[int]azr.Completion{}
	for i := 0; e.Pending() > 0 || i < len(prompts); i++ {
		if i < len(prompts) {
			require.NoError(t, e.Submit(prompts[i]))
		}
		done, err := e.Tick(t.Context())
		require.NoError(t, err)
		for _, c := range done {
			got[c.ID.Index] = c
		}
	}
	assert.Equal(t, want, got)
}

func TestSeedAndIDChooseTheSample(t *testing.T) {
	x := newTiny(t, byteLevel, nil)
	texts := map[string]bool{}
	for seed := range uint64(3) {
		e := newEngine(t, rollout.Config{Slots: 4, Room: 64}, seed, x)
		for rollout := range 3 {
			p := prompt(1, 16, "def f(x):")
			p.ID.Rollout = rollout
			texts[generate(t, e, []azr.Prompt{p})[1].Text] = true
		}
	}
	assert.Len(t, texts, 9, "samples of three seeds and three rollouts")
}

// The real model's shapes go through other matrix kernels than the tiny one's.
func TestSmolLM2SamplesDoNotDependOnTheirNeighbours(t *testing.T) {
	m, tok := smolLM2(t)
	x, prompts := tiny{m, tok}, crowd(40)
	for i := range prompts {
		prompts[i].Sampling.MaxTokens = 4
	}
	e := newEngine(t, rollout.Config{Slots: 40, Room: 64}, 7, x)
	among := generate(t, e, prompts)
	for i, want := range alone(t, x, []azr.Prompt{prompts[0], prompts[19], prompts[37]}) {
		assert.Equal(t, want, among[i], "prompt %d", i)
	}
}
