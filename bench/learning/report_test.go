package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// test has right answers of 100 to each part, all but one of which parse.
func answers(right int) map[string]share {
	s := share{Tasks: 100, Right: right, Parsed: 99}
	return map[string]share{"deduction 4": s, "deduction": s, "abduction": s, "induction": s}
}

func validation(accuracies ...float64) (list []measured) {
	for i, a := range accuracies {
		list = append(list, measured{20 * i, map[string]float64{"deduction": a, "deduction 4": a, "abduction": a}})
	}
	return list
}

func TestPageIsWrittenFromResults(t *testing.T) {
	page := filepath.Join(t.TempDir(), "learning.md")
	marks := "before\n<!-- machine -->\nold\n<!-- end of machine -->\n<!-- growth -->\n<!-- end of growth -->\n<!-- types -->\n<!-- end of types -->\n" +
		"<!-- ablations -->\n<!-- end of ablations -->\n<!-- elicitation -->\n<!-- end of elicitation -->\n<!-- smollm2 -->\n<!-- end of smollm2 -->\nafter\n"
	require.NoError(t, os.WriteFile(page, []byte(marks), 0o644))
	p := proof{results: results{Machine: "a machine", Results: []result{
		{Experiment: "growth", Arm: "base", Seed: 1, Test: answers(20)},
		{Experiment: "growth", Arm: "self-play", Seed: 2, CPUSeconds: 30, SampledTokens: 3000, Test: answers(50), Validation: validation(0.2, 0.5)},
		{Experiment: "growth", Arm: "self-play", Seed: 1, CPUSeconds: 10, SampledTokens: 1000, Test: answers(40), Validation: validation(0.2, 0.3)},
		{Experiment: "growth", Arm: "supervised", Seed: 1, CPUSeconds: 20, Test: answers(44)},
		{Experiment: "ablations", Arm: "no replay", Seed: 1, CPUSeconds: 20, SampledTokens: 2000, Test: answers(30)},
	}}}
	for range 2 { // written twice it is the same
		require.NoError(t, p.write(page))
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, line := range []string{
			"before\n<!-- machine -->\na machine\n<!-- end of machine -->\n",
			"| | deduction 4 | deduction | abduction | induction | CPU s | sampled tokens |\n",
			"| self-play (2) | 45.0 ± 5.0 | 45.0 ± 5.0 | 45.0 ± 5.0 | 45.0 ± 5.0 | 20 | 2 k |\n",
			"| base (1) | 20.2 | 20.2 | 20.2 | 20.2 | 0 | – |\n", // of those that parse
			"| base | **+25.0 ± 5.0** |", "| supervised | +1.0 ± 8.7 |", "| no replay (1) | 30.0 |", "| no replay | +15.0 ± 8.7 |",
			"![deduction, all lengths](learning/growth-deduction.svg)\n",
			"<!-- elicitation -->\nnot run yet\n<!-- end of elicitation -->\n<!-- smollm2 -->\nnot run yet\n<!-- end of smollm2 -->\nafter\n",
		} {
			assert.Contains(t, string(text), line)
		}
	}
	assert.FileExists(t, filepath.Join(filepath.Dir(page), "learning", "growth-longer.svg"))
	list := accuracy("deduction")(p.rows(experiments[0]))
	require.Len(t, list, 1, "arms without a curve have none")
	assert.InDelta(t, 0.4, list[0].Points[1].Mean, 1e-12)
	assert.InDelta(t, 0.3, list[0].Points[1].Low, 1e-12)
}

func TestPageWithoutMarks(t *testing.T) {
	page := filepath.Join(t.TempDir(), "learning.md")
	require.NoError(t, os.WriteFile(page, []byte("no marks\n"), 0o644))
	assert.ErrorContains(t, (&proof{}).write(page), "no place for ")
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	assert.Equal(t, "no marks\n", string(text))
}

// A step's tokens are those of proposals, estimates and answers; what was measured is kept under the test's names.
func TestStepsAreAddedUp(t *testing.T) {
	var r result
	r.step(0, map[string]float64{"held_out/deduction/4/accuracy": 0.25, "held_out/deduction/4/low": 0.1, "held_out/all/accuracy": 0.5})
	r.step(1, map[string]float64{
		"propose/deduction/count": 8, "propose/deduction/valid": 2, "propose/deduction/learnability": 0.5, "propose/deduction/solve_rate": 0.4, "propose/deduction/response_tokens": 20.5, "estimate/abduction/count": 10, "estimate/abduction/response_tokens": 4,
		"solve/deduction/count": 0, "trainer/loss": 1,
	})
	assert.Equal(t, 204, r.SampledTokens)
	assert.Equal(t, []proposals{{1, 0.25, 0.5, 0.4}}, r.Proposals)
	assert.Equal(t, []measured{{0, map[string]float64{"deduction 4": 0.25, "all": 0.5}}}, r.Validation)
}
