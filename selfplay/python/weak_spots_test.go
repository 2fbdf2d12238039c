package python_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/executor"
	"github.com/azr-train/azr/selfplay/python"
)

// The weak spots of the authors' code, on real Python. Each test first shows that their rule, restated, says
// something else. W5, W6 and W8 are in package selfplay.

func proposed(t *testing.T, env *python.Environment, program string, inputs ...string) (azr.Task, azr.Verdict) {
	t.Helper()
	task := azr.Task{Type: azr.Deduction, Program: program}
	for _, input := range inputs {
		task.Examples = append(task.Examples, azr.Example{Input: input})
	}
	task, v, err := env.Validate(t.Context(), task)
	require.NoError(t, err)
	return task, v
}

// W1: a run was taken to have failed only if its status text had the word error in it.
func TestW1FailureIsAStatusNotAText(t *testing.T) {
	env := sandboxed(t, nil)
	theirs := func(status string) (accepted bool) { return !strings.Contains(strings.ToLower(status), "error") }
	for program, status := range map[string]string{
		"def f(x):\n    return next(iter(x))":                                                  "StopIteration",
		"def f(x):\n    raise SystemExit(x)":                                                   "SystemExit",
		"class Stop(Exception): pass\ndef f(x):\n    raise Stop(x)":                            "Stop",
		"def f(x):\n    return (v for v in x)":                                                 "", // never equal to a second call's
		"def f(x):\n    return iter(x)":                                                        "",
		"class C:\n    pass\ndef f(x):\n    c = C()\n    c.x = x\n    return c":                "",
		"_seen = []\ndef f(x):\n    _seen.append(x)\n    return [hash(str(v)) for v in _seen]": "",
	} {
		assert.True(t, theirs(status), "theirs accepts %q", status)
		_, v := proposed(t, env, program, "[]")
		assert.Equal(t, azr.Fault, v.Outcome, "%s: %s", program, v.Reason)
	}
}

// W2: both runs shared a process, so state and hash order that the process keeps passed for determinism.
func TestW2DeterminismAcrossInterpreters(t *testing.T) {
	pool, err := executor.Open(t.Context(), executor.DefaultConfig())
	require.NoError(t, err)
	defer pool.Close()
	env := sandboxed(t, nil)
	for _, body := range []string{
		"hash(x) % 1000003",
		"[v for v in {x, x + 'a', x + 'b', x + 'c', x + 'd', x + 'e'}]",
		"id(f) % 100003 + len(x)",
	} {
		// Theirs: two calls in one process, which agree.
		results, err := pool.Run(t.Context(), azr.Execution{Program: "def g(x):\n    return " + strings.ReplaceAll(body, "id(f)", "id(g)") + "\ndef f(x):\n    return g(x) == g(x)", Inputs: []string{"'q'"}})
		require.NoError(t, err)
		require.Equal(t, "True", results[0].Value, body)
		_, v := proposed(t, env, "def f(x):\n    return "+body, "'q'")
		assert.Equal(t, "nondeterministic", strings.Split(v.Reason, ":")[0], body)
	}
	// Error tasks: their check asked for too much to fire, and either exception became the label.
	_, v, err := env.Validate(t.Context(), azr.Task{Type: azr.ErrorPrediction, Examples: []azr.Example{{Input: "'q'"}},
		Program: "def f(x):\n    raise [ValueError, KeyError, TypeError, IndexError, OSError, ArithmeticError, EOFError][hash(x) % 7]"})
	require.NoError(t, err)
	assert.Equal(t, azr.Verdict{Outcome: azr.Fault, Reason: "nondeterministic: error, then error"}, v)
}

// W3: a long output lost its middle, and outputs that cannot be read back were kept.
func TestW3OutputsAreWholeOrRefused(t *testing.T) {
	env := sandboxed(t, nil)
	theirs := func(output string) string {
		if len(output) > 400 {
			return output[:200] + "..." + output[len(output)-200:]
		}
		return output
	}
	long := strings.Repeat("ab", 300)
	assert.NotEqual(t, "'"+long+"'", theirs("'"+long+"'"), "theirs would ask for another value")
	_, v := proposed(t, env, "def f(x):\n    return x * 300", "'ab'")
	assert.Equal(t, azr.Verdict{Outcome: azr.Fail, Reason: "output too long"}, v)
	for _, program := range []string{
		"class C:\n    def __init__(self, x):\n        self.x = x\ndef f(x):\n    return C(x)",
		"from collections import Counter\ndef f(x):\n    return Counter([x])",
		"from decimal import Decimal\ndef f(x):\n    return Decimal(x)",
		"def f(x):\n    return range(x)",
	} {
		_, v := proposed(t, env, program, "3")
		assert.Equal(t, "error: NotLiteral", v.Reason, program)
	}
	task, v := proposed(t, env, "def f(x):\n    return [float('inf'), float('nan'), x]", "3")
	require.Equal(t, azr.Pass, v.Outcome)
	right, err := env.Verify(t.Context(), task, "[inf, nan, 3]")
	require.NoError(t, err)
	assert.Equal(t, azr.Pass, right.Outcome, "what is kept can be answered")
}

// W4: texts went unquoted into an expression, which raises for what is no string; and nothing but it was in a sandbox.
func TestW4DeductionComparesValuesAndRunsNothing(t *testing.T) {
	x := azr.NewFakeExecutor(func(string, string) azr.Result { panic("deduction runs nothing") })
	env, err := python.New(python.DefaultConfig(), x)
	require.NoError(t, err)
	for _, c := range []struct {
		gold, answer string
		want         azr.Outcome
	}{
		{"[1, 2]", "[1,2]", azr.Pass},
		{"{'a': 1, 'b': [2.0]}", `{"b": [2], "a": True}`, azr.Pass},
		{"{1, 2}", "{2, 1}", azr.Pass},
		{"(1,)", "[1]", azr.Fail},
		{"'1'", "1", azr.Fail},
		{"-0.5", "-.5", azr.Pass},
		{"None", "None", azr.Pass},
	} {
		task := azr.Task{Type: azr.Deduction, Examples: []azr.Example{{Input: "1", Output: c.gold}}}
		answer, v := env.ParseAnswer(task, adder{python.Chat}.literal("output", c.answer))
		require.Equal(t, azr.Pass, v.Outcome, c.answer)
		v, err := env.Verify(t.Context(), task, answer)
		require.NoError(t, err)
		assert.Equal(t, c.want, v.Outcome, "%s for %s", c.answer, c.gold)
	}
	assert.Empty(t, x.Runs())
}

// W7: every def counted, so helpers that the prompt invites were refused; and the first block could be the input.
func TestW7HelpersAndOrderOfBlocks(t *testing.T) {
	env := sandboxed(t, nil)
	theirs := func(program string) (accepted bool) { return strings.Count(program, "def ") == 1 }
	for _, program := range []string{
		"def g(x):\n    return x + 1\ndef f(x):\n    return g(x)",
		"def f(x):\n    def g(y):\n        return y + 1\n    return g(x)",
		"class C:\n    def __init__(self, x):\n        self.x = x\n    def up(self):\n        return self.x + 1\ndef f(x):\n    return C(x).up()",
	} {
		assert.False(t, theirs(program))
		for _, answer := range []string{
			"```python\n" + program + "\n```\n```input\n1\n```",
			"```input\n1\n```\n```python\n" + program + "\n```",
		} {
			task, v := env.ParseProposal(azr.Request{Type: azr.Deduction}, "Hm.\n</think>\n<answer>\n"+answer+"\n</answer>")
			require.Equal(t, azr.Pass, v.Outcome, v.Reason)
			task, v, err := env.Validate(t.Context(), task)
			require.NoError(t, err)
			require.Equal(t, azr.Verdict{Outcome: azr.Pass}, v)
			assert.Equal(t, "2", task.Examples[0].Output)
		}
	}
}

// W9: answers were spliced into code, so that one that closes a bracket, adds a line, names the wanted value or
// equals everything was right whatever the program.
func TestW9AnswersAreData(t *testing.T) {
	env := sandboxed(t, nil)
	abduction := azr.Task{Type: azr.Abduction, Program: "def f(x):\n    return x * 2", Examples: []azr.Example{{Input: "21", Output: "42"}}}
	deduction := abduction
	deduction.Type = azr.Deduction
	spliced := func(answer string) string { return fmt.Sprintf("42 == f(%s)", answer) }
	assert.Equal(t, "42 == f(0) or (True)", spliced("0) or (True"), "theirs runs what the answer says")
	for _, answer := range []string{
		"0) or (True", "0)\nTrue or (1", "type('E', (), {'__eq__': lambda a, b: True})()", "gold_output", "eval('42')", "x := 21", "*[21]", "**{'x': 21}", "x=21",
	} {
		for _, task := range []azr.Task{abduction, deduction} {
			label := map[azr.TaskType]string{azr.Abduction: "input", azr.Deduction: "output"}[task.Type]
			_, v := env.ParseAnswer(task, adder{python.Chat}.literal(label, answer))
			assert.Equal(t, azr.Malformed, v.Outcome, "%s: %s", task.Type, answer)
		}
	}
	// A program that answers for induction cannot return something that equals everything, nor see what is wanted.
	induction := azr.Task{Type: azr.Induction, Examples: []azr.Example{{Input: "1", Output: "2"}, {Input: "2", Output: "4"}}}
	for _, program := range []string{
		"class E:\n    def __eq__(self, other):\n        return True\ndef f(x):\n    return E()",
		"class E(int):\n    def __eq__(self, other):\n        return True\n    __hash__ = int.__hash__\ndef f(x):\n    return E(7)",
		"def f(x):\n    import gc\n    return [o for o in gc.get_objects() if isinstance(o, str) and o == '4'][0]",
	} {
		v, err := env.Verify(t.Context(), induction, program)
		require.NoError(t, err)
		assert.NotEqual(t, azr.Pass, v.Outcome, program)
		assert.NotEqual(t, azr.Unchecked, v.Outcome, program)
	}
	v, err := env.Verify(t.Context(), induction, "def f(x):\n    return x * 2")
	require.NoError(t, err)
	assert.Equal(t, azr.Pass, v.Outcome)
}
