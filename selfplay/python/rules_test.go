package python_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/selfplay/python"
)

const (
	adds    = "def f(x):\n    return x + 1"
	doubles = "import math\ndef f(n):\n    if n > 100:\n        return n\n    return f(n * 2)"
)

func measured(program string, size int) azr.Task {
	return azr.Task{Program: program, Examples: []azr.Example{{Input: "1", Output: "2"}}, Measures: azr.Measures{Program: program, Size: size}}
}

// A size is asked for as a number, or as the difference from the last reference.
func TestSizeInPrompts(t *testing.T) {
	for _, style := range []python.Style{python.Chat, python.Completion} {
		env := environment(t, style, 4, nil)
		prompt := func(size int, relative bool, references ...azr.Task) azr.Prompt {
			return env.ProposePrompt(azr.Request{Type: azr.Deduction, References: references, Size: size, Relative: relative})
		}
		ref := measured(adds, 3)
		assert.NotContains(t, prompt(0, false, ref).String(), "Statements", "nothing is asked for")
		assert.Contains(t, prompt(2, false, ref).String(), "Statements: 2")
		assert.Contains(t, prompt(4, true, ref).String(), "Statements: 1 more than the last one")
		assert.Contains(t, prompt(3, true, ref).String(), "Statements: as many as the last one")
		assert.Contains(t, prompt(1, true, ref).String(), "Statements: 2 fewer than the last one")
		assert.Contains(t, prompt(4, true).String(), "Statements: 4", "without a reference it is a number")
		assert.Contains(t, prompt(4, true, azr.Task{Program: adds, Examples: ref.Examples}).String(), "Statements: 4", "of an unknown size")
	}
	completion := environment(t, python.Completion, 4, nil).ProposePrompt(azr.Request{Type: azr.Abduction, References: []azr.Task{measured(adds, 3)}, Size: 2})
	assert.Equal(t, 2+1+1, strings.Count(completion.Text, "Statements: "), "the shots say theirs")
	assert.Contains(t, completion.Sampling.Stop, "\nStatements:")
}

// The worked examples say their true sizes.
func TestWorkedSizes(t *testing.T) {
	env := sandboxed(t, func(c *python.Config) { c.Style = python.Completion })
	text := env.ProposePrompt(azr.Request{Type: azr.Deduction, Size: 1}).Text
	for _, block := range strings.Split(text, "Statements: ")[1:3] {
		size, rest, _ := strings.Cut(block, "\nProgram:\n")
		program, _, _ := strings.Cut(rest, "\nInput:")
		assert.Equal(t, size, string(rune('0'+measure(t, env, program).Size)), program)
	}
}

// Composite functions: the helpers are shown under new names, must be called, may not be defined anew, and become a
// part of the program.
func TestCompositeFunctions(t *testing.T) {
	helpers := []azr.Task{measured(adds, 0), measured(doubles, 1)}
	request := azr.Request{Type: azr.Deduction, Helpers: helpers}
	for _, style := range []python.Style{python.Chat, python.Completion} {
		env := environment(t, style, 4, nil)
		prompt := env.ProposePrompt(request).String()
		assert.Contains(t, prompt, "def g_0(x):\n    return x + 1")
		assert.Contains(t, prompt, "import math\ndef g_1(n):\n    if n > 100:\n        return n\n    return g_1(n * 2)")
		write := adder{style}.program
		parse := func(program string) (azr.Task, string) {
			text, _, _ := strings.Cut(write(program, "3"), "\nOutput:") // as the stop string does
			task, v := env.ParseProposal(request, text)
			return task, v.Reason
		}
		task, reason := parse("def f(a):\n    b = g_0(a)\n    return g_1(b)")
		assert.Empty(t, reason)
		assert.Equal(t, "def g_0(x):\n    return x + 1\n\nimport math\ndef g_1(n):\n    if n > 100:\n        return n\n    return g_1(n * 2)\n\ndef f(a):\n    b = g_0(a)\n    return g_1(b)", task.Program)
		for program, want := range map[string]string{
			"def f(a):\n    return g_0(a)":                                             "does not call every given function",
			"def f(a):\n    return a":                                                  "does not call every given function",
			"def f(a):\n    return g_0(a), 'g_1(a)'":                                   "does not call every given function",
			"def f(a):\n    return g_0(a)\ndef h(a):\n    return g_1(a)":               "does not call every given function",
			"def f(a):\n    def g_0(x): return x\n    return g_1(g_0(a))":              "uses a given function other than by calling it",
			"def f(a):\n    g_1 = str\n    return g_1(g_0(a))":                         "uses a given function other than by calling it",
			"def f(a):\n    g_0, h = str, 1\n    return g_1(g_0(a))":                   "uses a given function other than by calling it",
			"def f(a):\n    h = (g_0 := str)\n    return g_1(g_0(a))":                  "uses a given function other than by calling it",
			"def f(a):\n    g_0: object = str\n    return g_1(g_0(a))":                 "uses a given function other than by calling it",
			"def f(a):\n    for i, g_0 in [(1, str)]: pass\n    return g_1(g_0(a))":    "uses a given function other than by calling it",
			"def f(a):\n    match a:\n        case g_0: pass\n    return g_1(g_0(a))":  "uses a given function other than by calling it",
			"def f(a, g_0=abs):\n    return g_1(g_0(a))":                               "uses a given function other than by calling it",
			"def f(a):\n    return [g_1(g_0(a)) for g_0 in [abs]]":                     "uses a given function other than by calling it",
			"def f(a):\n    from math import floor as g_0\n    return g_1(g_0(a))":     "uses a given function other than by calling it",
			"def f(a):\n    if g_0(a) == g_1(a):\n        return 1\n    return g_0(2)": "",
		} {
			_, reason := parse(program)
			assert.Equal(t, want, reason, program)
		}
	}
	env := sandboxed(t, nil)
	task, v := env.ParseProposal(request, adder{python.Chat}.program("def f(a):\n    return g_1(g_0(a))", "3"))
	require.Equal(t, azr.Pass, v.Outcome)
	task, v, err := env.Validate(t.Context(), task)
	require.NoError(t, err)
	assert.Equal(t, azr.Verdict{Outcome: azr.Pass}, v)
	assert.Equal(t, "128", task.Examples[0].Output)
	assert.False(t, measure(t, env, task.Program).Standalone, "a composite is no helper: none is nested")
}

// Programs that say nothing of their input: by their text always, by running them with other inputs where that is asked for.
func TestIgnoredInput(t *testing.T) {
	plain, probing := sandboxed(t, nil), sandboxed(t, func(c *python.Config) { c.Probes = 5 })
	validate := func(env *python.Environment, program, input string) azr.Outcome {
		_, v, err := env.Validate(t.Context(), azr.Task{Type: azr.Deduction, Program: program, Examples: []azr.Example{{Input: input}}})
		require.NoError(t, err)
		return v.Outcome
	}
	for _, c := range []struct {
		program, input string
		plain, probing azr.Outcome
	}{
		{"def f(x):\n    return 5", "3", azr.Fail, azr.Fail},
		{"def f(x):\n    x = 5\n    return x", "3", azr.Fault, azr.Fault},
		{"def f(x):\n    return x * 0", "3", azr.Fault, azr.Fault},
		{"def f(x):\n    return len([x])", "3", azr.Pass, azr.Fail},
		{"def f(s, n):\n    return len(s) >= 0 and n == n", "'a', 1", azr.Pass, azr.Fail},
		{"def f(x):\n    return x > 50", "3", azr.Pass, azr.Pass},
		{"def f(x):\n    return 10 // x // 1000", "3", azr.Pass, azr.Pass}, // it raises for 0
		{"def f(x):\n    return sorted(x)", "[2, 1]", azr.Pass, azr.Pass},
	} {
		assert.Equal(t, c.plain, validate(plain, c.program, c.input), c.program)
		assert.Equal(t, c.probing, validate(probing, c.program, c.input), c.program)
	}
}

// A short output is guessed; induction, which is judged on several, does not mind.
func TestShortOutputs(t *testing.T) {
	env := sandboxed(t, func(c *python.Config) { c.MinOutputBytes = 6 })
	verdict := func(typ azr.TaskType, program string) azr.Verdict {
		_, v, err := env.Validate(t.Context(), azr.Task{Type: typ, Program: program, Examples: []azr.Example{{Input: "[3, 1]"}, {Input: "[5, 1, 2]"}}})
		require.NoError(t, err)
		return v
	}
	const whole, number = "def f(x):\n    return sorted(x)", "def f(x):\n    return x[0]"
	assert.Equal(t, azr.Verdict{Outcome: azr.Pass}, verdict(azr.Deduction, whole))
	short := azr.Verdict{Outcome: azr.Fail, Reason: "output too short"}
	assert.Equal(t, short, verdict(azr.Deduction, number))
	assert.Equal(t, short, verdict(azr.Abduction, number))
	assert.Equal(t, azr.Verdict{Outcome: azr.Pass}, verdict(azr.Induction, number))
}

func TestInductionVerdicts(t *testing.T) {
	task := azr.Task{Type: azr.Induction, Program: adds, Message: "m", Examples: []azr.Example{
		{Input: "1", Output: "2"}, {Input: "2", Output: "3"}, {Input: "3", Output: "4"}, {Input: "4", Output: "5"}, {Input: "5", Output: "6"}, {Input: "6", Output: "7"},
	}} // 4, 5 and 6 are hidden
	for _, c := range []struct {
		results      string // of 4, 5, 6: right, wrong, error, infra
		all, any     azr.Outcome
		share        float64
		shareOutcome azr.Outcome
	}{
		{"rrr", azr.Pass, azr.Pass, 0, azr.Pass},
		{"rwr", azr.Fail, azr.Pass, 2.0 / 3, azr.Fail},
		{"wew", azr.Fail, azr.Fail, 0, azr.Fail},
		{"eer", azr.Fault, azr.Pass, 1.0 / 3, azr.Fault},
		{"iwr", azr.Fail, azr.Pass, 1.0 / 2, azr.Fail},
		{"irr", azr.Unchecked, azr.Pass, 0, azr.Unchecked},
		{"iww", azr.Fail, azr.Unchecked, 0, azr.Fail},
	} {
		for rule, want := range map[python.InductionVerdict]azr.Outcome{python.AllHidden: c.all, python.AnyHidden: c.any, python.ShareHidden: c.shareOutcome} {
			cfg := python.DefaultConfig()
			cfg.InductionVerdict = rule
			env, err := python.New(cfg, azr.NewFakeExecutor(func(_, input string) azr.Result {
				switch c.results[input[0]-'4'] {
				case 'r':
					return azr.Result{Status: azr.OK, Value: string(input[0] + 1)}
				case 'w':
					return azr.Result{Status: azr.OK, Value: "0"}
				case 'e':
					return azr.Result{Status: azr.Error, Error: "ValueError"}
				}
				return azr.Result{Status: azr.Infra}
			}))
			require.NoError(t, err)
			v, err := env.Verify(t.Context(), task, adds)
			require.NoError(t, err)
			assert.Equal(t, want, v.Outcome, "%s by %s", c.results, rule)
			if rule == python.ShareHidden {
				assert.InDelta(t, c.share, v.Share, 1e-12, c.results)
			} else {
				assert.Zero(t, v.Share)
			}
		}
	}
}

// The authors' files: triplets and induction records, a JSON object a line.
const seedLines = `{"snippet": "def f(a):\n    return a", "input": "\"Hi\"", "output": "\"Hi\"", "imports": [], "original_snippet": "def f(a):\n    return a", "composite_functions": []}

{"snippet": "def f(r):\n    return math.floor(r)", "input": "2.5", "output": "", "imports": ["import math"], "thought": "Hm."}
{"snippet": "import math\ndef f(r):\n    return math.ceil(r)", "input": "2.5", "output": "2", "imports": ["import math"]}
{"snippet": "def f(n):\n    return [n] * 3", "inputs": ["1", "2", "2", "3", "4", "5"], "outputs": ["cut"], "message": " Repeats. ", "imports": []}
{"snippet": "def f(n):\n    return n", "inputs": ["1", "'a'"], "outputs": ["1", "'a'"], "message": "Same.", "imports": []}
not JSON
{"input": "1"}
{"snippet": "def f(n):\n    return n", "input": "__import__('os').getpid()"}
{"snippet": "def f(n):\n    return n", "inputs": ["1", "1"], "message": "Too few."}
{"snippet": "def f(n):\n    return n", "inputs": ["1", "2"]}
`

func TestTasksOfAnotherWorldAreNotRecognized(t *testing.T) {
	env := sandboxed(t, nil)
	assert.NoError(t, env.Recognize(azr.Task{Program: "def f(x):\n    return x"}))
	assert.ErrorContains(t, env.Recognize(azr.Task{Program: "(x + 1) * 2"}), `no function f; got program "(x + 1) * 2"`)
}

func TestReadSeeds(t *testing.T) {
	file := filepath.Join(t.TempDir(), "seeds.jsonl")
	require.NoError(t, os.WriteFile(file, []byte(seedLines), 0o644))
	env := sandboxed(t, func(c *python.Config) { c.Seeds = []string{file} })
	tasks, skipped, err := env.ReadSeeds()
	require.NoError(t, err)
	assert.Equal(t, []string{
		file + ":7: not a seed record", file + ":8: no program", file + ":9: input is not a list of literals",
		file + ":10: too few different inputs", file + ":11: no message",
	}, skipped)
	require.Len(t, tasks, 5)
	assert.Equal(t, "import math\ndef f(r):\n    return math.floor(r)", tasks[1].Program)
	assert.Equal(t, "import math\ndef f(r):\n    return math.ceil(r)", tasks[2].Program)
	assert.Equal(t, []azr.Example{{Input: "1"}, {Input: "2"}, {Input: "3"}, {Input: "4"}}, tasks[3].Examples)
	assert.Equal(t, "Repeats.", tasks[3].Message)
	var outputs []string
	for _, task := range tasks {
		valid, v, err := env.Validate(t.Context(), task)
		require.NoError(t, err)
		assert.Equal(t, azr.Verdict{Outcome: azr.Pass}, v, task.Program)
		outputs = append(outputs, valid.Examples[len(valid.Examples)-1].Output)
	}
	assert.Equal(t, []string{"'Hi'", "2", "3", "[4, 4, 4]", "'a'"}, outputs, "what the file says of outputs does not count")

	env = sandboxed(t, func(c *python.Config) { c.Seeds = []string{file + ".missing"} })
	_, _, err = env.ReadSeeds()
	assert.ErrorContains(t, err, "python.ReadSeeds: ")
}
