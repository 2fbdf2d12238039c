package selfplay

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/azr-train/azr"
)

// The four ways to combine terms, each min(coefficient × value, max), with a learnability of 0.5.
func TestIntrinsicRewards(t *testing.T) {
	task := azr.Task{SolveRate: 0.5, Examples: []azr.Example{{Input: "1", Output: "2"}}, Measures: azr.Measures{Complexity: 3, Halstead: 0.4, Distance: 0.9}}
	pass := azr.Verdict{Outcome: azr.Pass}
	r := DefaultRewards()
	pay := func(task azr.Task) float64 {
		reward, ok := r.proposal(pass, task, diversity{})
		assert.True(t, ok)
		return reward
	}
	for _, combine := range []Combine{CombineSum, CombineMultiply, CombineSumMultiply, CombineMultiplySum} {
		r.Intrinsic.Combine = combine
		assert.Equal(t, 0.5, pay(task), "%s: no term is on", combine)
	}
	r.Intrinsic.Complexity.Coefficient, r.Intrinsic.Distance.Coefficient = 2, 1 // 2 × 3/15 = 0.4; 0.9 is cut at 0.5
	for combine, want := range map[Combine]float64{
		CombineSum: 0.5 + 0.9, CombineMultiply: 0.5 * 0.2, CombineSumMultiply: 0.5 + 0.2, CombineMultiplySum: 0.5 * 0.9,
	} {
		r.Intrinsic.Combine, task.SolveRate = combine, 0.5
		assert.InDelta(t, want, pay(task), 1e-12, combine)
		for _, rate := range []float64{0, 1} {
			task.SolveRate = rate
			assert.Zero(t, pay(task), "%s: nothing on top of no learnability", combine)
		}
	}
	task.SolveRate = 0.5
	for _, v := range []azr.Verdict{{Outcome: azr.Fail}, {Outcome: azr.Malformed}} {
		reward, _ := r.proposal(v, task, diversity{})
		assert.Equal(t, -1.0, reward)
	}
}

// Diversity: 1 - the answer's share among those seen; by type it is the mean of that of the type and within the type.
func TestAnswerDiversity(t *testing.T) {
	d := diversity{}
	example := func(in, out string) azr.Task {
		return azr.Task{Type: azr.Deduction, Examples: []azr.Example{{Input: in, Output: out}}}
	}
	assert.Equal(t, 1.0, d.mean(example("1", "2"), outputs, false), "none was seen")
	for _, out := range []string{"1", "1", "2", "'a'"} {
		d.add(example("7", out))
	}
	assert.Equal(t, 0.5, d.mean(example("9", "1"), outputs, false))
	assert.Equal(t, 1.0, d.mean(example("9", "[]"), outputs, false))
	assert.Equal(t, 0.0, d.mean(example("7", "1"), inputs, false))
	assert.InDelta(t, (0.25+1.0/3)/2, d.mean(example("9", "1"), outputs, true), 1e-12)
	assert.InDelta(t, (1.0+1)/2, d.mean(example("9", "[]"), outputs, true), 1e-12)
	abduction := example("7", "1")
	abduction.Type = azr.Abduction
	assert.Equal(t, 1.0, d.mean(abduction, answers(azr.Abduction), false), "each task type has counts of its own")
	d.add(abduction)
	assert.Zero(t, d.mean(abduction, answers(azr.Abduction), false))
}

func TestKindsOfLiterals(t *testing.T) {
	kinds := map[string]bool{}
	for _, text := range []string{"1", "1.5", "'a'", "True", "None", "[1]", "(1,)", "{1}", "b'x'", "ValueError"} {
		kinds[kindOf(text)] = true
	}
	assert.Len(t, kinds, 10)
	for a, b := range map[string]string{"-3": "4", "1e30": "0.5", "True": "False", "'a'": `"b'"`} {
		assert.Equal(t, kindOf(a), kindOf(b))
	}
}

// A sizer counts only what it is told of tasks of its largest size, in a window of the newest.
func TestSizerWindow(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Rollouts = 10
	cfg.Size.Request, cfg.Size.Grow, cfg.Size.Evidence, cfg.Size.Window = SizeAbsolute, true, 30, 40
	s := newSizer(cfg)
	tasks := func(size int, rates ...float64) (tasks []azr.Task) {
		for _, rate := range rates {
			tasks = append(tasks, azr.Task{SolveRate: rate, Measures: azr.Measures{Size: size}})
		}
		return tasks
	}
	s.learn(tasks(2, 1, 1, 1, 1, 1))
	assert.Equal(t, 3, s.max, "other sizes do not count")
	s.learn(tasks(3, -1, 1, 1))
	assert.Equal(t, 3, s.max, "twenty rollouts are too few")
	s.learn(tasks(3, 0))
	assert.Equal(t, 4, s.max, "two thirds of thirty are right")
	s.learn(tasks(4, 0, 0, 0, 0, 0, 0.6, 0.6))
	assert.Equal(t, 4, s.max, "of the newest forty twelve are right")
	s.learn(tasks(4, 0.6, 0.6))
	assert.Equal(t, 5, s.max, "of the newest forty twenty-four are right")
	s.learn(tasks(5, 1, 1, 1, 1))
	assert.Equal(t, 5, s.max, "the limit")
}

// Recency draws without replacement, in proportion to the step plus one.
func TestWeightedDraw(t *testing.T) {
	tasks := []azr.Task{{Step: 0}, {Step: 1}, {Step: 2}} // weights 1, 2, 3
	first := [3]int{}
	const draws = 6000
	for i := range draws {
		drawn := weighted(azr.NewKey(uint64(i), "draw").Rand(), tasks, 5)
		assert.Len(t, drawn, 3)
		first[drawn[0].Step]++
	}
	for step, n := range first {
		p := float64(step+1) / 6
		assert.InDelta(t, p*draws, n, 5*math.Sqrt(draws*p*(1-p)), "step %d", step)
	}
}
