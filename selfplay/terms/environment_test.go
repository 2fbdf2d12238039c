package terms_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/selfplay/terms"
)

var update = flag.Bool("update", false, "write what the tests got into testdata; read the difference before you commit it")

func environment(t *testing.T) *terms.Environment {
	t.Helper()
	env, err := terms.New(4)
	require.NoError(t, err)
	return env
}

// task is a task of each type: twice x less seven.
func task(kind azr.TaskType) azr.Task {
	t := azr.Task{Type: kind, Program: "x * 2 - 7", Examples: []azr.Example{{Input: "5", Output: "3"}}, Measures: azr.Measures{Size: 2}}
	if kind == azr.Induction {
		t.Examples = append(t.Examples, azr.Example{Input: "0", Output: "-7"}, azr.Example{Input: "731", Output: "1455"}, azr.Example{Input: "-2", Output: "-11"})
	}
	return t
}

// The prompts as the model sees them: testdata/prompts/NAME.txt.
func TestPrompts(t *testing.T) {
	env := environment(t)
	seeds := env.Seeds()
	prompts := map[string]azr.Prompt{
		"propose_deduction_size": env.ProposePrompt(azr.Request{Type: azr.Deduction, References: []azr.Task{seeds[0], task(azr.Deduction)}, Size: 3, Relative: true}),
	}
	for _, kind := range azr.TaskTypes {
		references := []azr.Task{seeds[kind], task(kind)}
		if kind == azr.Induction {
			references = references[1:]
		}
		prompts["propose_"+kind.String()] = env.ProposePrompt(azr.Request{Type: kind, References: references})
		prompts["solve_"+kind.String()] = env.SolvePrompt(task(kind))
	}
	for name, p := range prompts {
		file := filepath.Join("testdata", "prompts", name+".txt")
		got := fmt.Sprintf("%s\n-- stop --\n%q\n", p, p.Sampling.Stop)
		if *update {
			require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
		}
		want, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Equal(t, string(want), got, "%s; go test -update rewrites the file", name)
	}
	assert.NotContains(t, prompts["solve_induction"].Text, "731", "the hidden half stays hidden")
	assert.Len(t, env.TemplateHashes(), 6)
}

// Section 3.3.3: integrity, safety and determinism are the language's; a valid task has its outputs filled in.
func TestSection333Validation(t *testing.T) {
	env := environment(t)
	for _, c := range []struct {
		kind       azr.TaskType
		text, want string
	}{
		{azr.Deduction, " x*3 // 2\nx = -5", "pass: x * 3 // 2 [{-5 -8}]"},
		{azr.Abduction, " x*3 // 2\nx = -5\n", "pass: x * 3 // 2 [{-5 -8}]"},
		{azr.Induction, " 5, 5, -1,0, 2,9", "pass: x * 2 - 7 [{5 3} {-1 -9} {0 -7} {2 -3}]"},
		{azr.Deduction, "1 // x\nx = 0", "fault: division by zero"},
		{azr.Deduction, "x * x\nx = 1001", "fault: out of range"},
		{azr.Abduction, "x - x + 3\nx = 1", "fail: ignores x"},
		{azr.Deduction, "(x + 3)*2\nx = 4", "fail: copies a worked example"},
		{azr.Deduction, "(x + 3)*2\nx = 5", "pass: (x + 3) * 2 [{5 16}]"},
		{azr.Deduction, "x + 1", "malformed: no line x ="},
		{azr.Deduction, "x // 4\nResult = 0", "malformed: no line x ="},
		{azr.Deduction, "print(x)\nx = 1", "malformed: not a term"},
		{azr.Deduction, "x + 1\nx = one", "malformed: x is not a whole number"},
		{azr.Deduction, "x + 1\nx = 1\nand so on", "malformed: x is not a whole number"},
		{azr.Deduction, "x" + strings.Repeat(" + 1", 100) + "\nx = 1", "malformed: the term is too long"},
		{azr.Induction, "1, 2, 2, 1", "malformed: too few different numbers"},
		{azr.Induction, "1, 2, 3, many", "malformed: x is not a whole number"},
	} {
		got, verdict := env.ParseProposal(azr.Request{Type: c.kind, References: []azr.Task{task(c.kind)}}, c.text)
		if verdict.Outcome == azr.Pass {
			var err error
			got, verdict, err = env.Validate(t.Context(), got)
			require.NoError(t, err)
		}
		said := fmt.Sprintf("%s: %s", verdict.Outcome, verdict.Reason)
		if verdict.Outcome == azr.Pass {
			said = fmt.Sprintf("%s: %s %v", verdict.Outcome, got.Program, got.Examples)
		}
		assert.Equal(t, c.want, said, "%s: %q", c.kind, c.text)
	}
	equal := azr.Task{Type: azr.Induction, Program: "x // 100", Examples: []azr.Example{{Input: "1"}, {Input: "2"}}}
	_, verdict, err := env.Validate(t.Context(), equal)
	require.NoError(t, err)
	assert.Equal(t, azr.Verdict{Outcome: azr.Fail, Reason: "all results are equal"}, verdict)
}

// Section 3.3.4: deduction compares; any input that gives the output abducts; induction is judged on the hidden half.
func TestSection334Verification(t *testing.T) {
	env := environment(t)
	abduction := azr.Task{Type: azr.Abduction, Program: "6 // x % 4", Examples: []azr.Example{{Input: "2", Output: "3"}}}
	for _, c := range []struct {
		task       azr.Task
		text, want string
	}{
		{task(azr.Deduction), " 3\n", "pass: "},
		{task(azr.Deduction), "+03", "pass: "},
		{task(azr.Deduction), "4", "fail: wrong"},
		{task(azr.Deduction), "3.0", "malformed: not a whole number"},
		{task(azr.Deduction), "", "malformed: not a whole number"},
		{abduction, "2", "pass: "},
		{abduction, "-6", "pass: "},
		{abduction, "6", "fail: wrong"},
		{abduction, "0", "fault: division by zero"},
		{abduction, "1000001", "fault: out of range"},
		{task(azr.Induction), "x + x - 7", "pass: "},
		{task(azr.Induction), "2*(x - 3) - 1", "pass: "},
		{task(azr.Induction), "(x - 5) * 2 + 3 + x // 700", "fail: wrong"}, // right on the shown half alone
		{task(azr.Induction), "7 // (x + 2)", "fault: division by zero"},
		{task(azr.Induction), "twice x less 7", "malformed: not a term"},
		{azr.Task{Type: azr.Abduction, Program: "y", Examples: []azr.Example{{Input: "1", Output: "1"}}}, "1", "unchecked: not a term"},
	} {
		answer, verdict := env.ParseAnswer(c.task, c.text)
		if verdict.Outcome == azr.Pass {
			var err error
			verdict, err = env.Verify(t.Context(), c.task, answer)
			require.NoError(t, err)
		}
		assert.Equal(t, c.want, fmt.Sprintf("%s: %s", verdict.Outcome, verdict.Reason), "%s: %q", c.task.Type, c.text)
	}
}

func TestMeasures(t *testing.T) {
	env := environment(t)
	measure := func(program string, references ...azr.Task) azr.Measures {
		m, err := env.Measure(t.Context(), azr.Task{Program: program}, references)
		require.NoError(t, err)
		return m
	}
	assert.Equal(t, azr.Measures{Program: "min(x, 3) * -x", Skeleton: "min(x, n) * -x", Size: 3}, measure("min(x,3)*-x"))
	assert.Zero(t, measure("def f(x): return x"))
	assert.InDelta(t, 0.4, measure("x+1", azr.Task{Program: "x + 1"}, azr.Task{Program: "x"}).Distance, 1e-9) // (0/5 + 4/5) / 2
	for i, seed := range env.Seeds() {
		assert.Equal(t, azr.TaskTypes[i], seed.Type)
		assert.Equal(t, measure("x"), seed.Measures)
		_, verdict, err := env.Validate(t.Context(), seed)
		require.NoError(t, err)
		assert.Equal(t, azr.Pass, verdict.Outcome)
		assert.NoError(t, env.Recognize(seed))
	}
}

func TestTasksOfElsewhereAreNotRecognized(t *testing.T) {
	env := environment(t)
	for want, change := range map[string]func(*azr.Task){
		"no such tasks":      func(t *azr.Task) { t.Type = azr.ErrorPrediction },
		"not a term":         func(t *azr.Task) { t.Program = "def f(x):\n    return x" },
		"not a whole number": func(t *azr.Task) { t.Examples[0].Output = "03" },
	} {
		other := task(azr.Deduction)
		require.NoError(t, env.Recognize(other))
		change(&other)
		assert.ErrorContains(t, env.Recognize(other), want)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, n := range []int{-1, 1, 17} {
		_, err := terms.New(n)
		assert.ErrorContains(t, err, "induction_inputs is out of range")
	}
}
