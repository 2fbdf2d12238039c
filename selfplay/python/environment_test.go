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

func environment(t *testing.T, style python.Style, n int, execute func(program, input string) azr.Result) *python.Environment {
	t.Helper()
	cfg := python.DefaultConfig()
	cfg.Style, cfg.InductionInputs = style, n
	env, err := python.New(cfg, azr.NewFakeExecutor(execute))
	require.NoError(t, err)
	return env
}

// task is one of each type, with text that could be taken for a part of a prompt.
func task(kind azr.TaskType) azr.Task {
	t := azr.Task{
		Type:     kind,
		Program:  "def f(words):\n    return '```'.join(sorted(words))",
		Examples: []azr.Example{{Input: "['b', 'a']", Output: "'a```b'"}},
	}
	if kind == azr.ErrorPrediction {
		t.Examples = []azr.Example{{Input: "[1, 'a']", Output: "TypeError"}}
	}
	if kind == azr.Induction {
		t.Message = "Order,\nthen join."
		t.Examples = append(t.Examples, azr.Example{Input: "['x']", Output: "'x'"},
			azr.Example{Input: "[]", Output: "'SECRET'"}, azr.Example{Input: "'HIDDEN'", Output: "''"})
	}
	return t
}

// The prompts as the model sees them: testdata/prompts/STYLE_ROLE_TYPE.txt.
func TestPrompts(t *testing.T) {
	for _, style := range []python.Style{python.Chat, python.Completion} {
		env := environment(t, style, 4, nil)
		seeds := env.Seeds()
		for _, kind := range azr.AllTaskTypes {
			references := []azr.Task{seeds[0], task(azr.Deduction)}
			switch kind {
			case azr.Induction:
				references = references[1:]
			case azr.ErrorPrediction:
				references = []azr.Task{seeds[azr.ErrorPrediction], task(kind)}
			}
			for role, p := range map[azr.Role]azr.Prompt{
				azr.Propose: env.ProposePrompt(azr.Request{Type: kind, References: references}),
				azr.Solve:   env.SolvePrompt(task(kind)),
			} {
				name := strings.Join([]string{string(style), role.String(), kind.String()}, "_")
				t.Run(name, func(t *testing.T) {
					file := filepath.Join("testdata", "prompts", name+".txt")
					got := p.String() + "\n"
					if *update {
						require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
					}
					want, err := os.ReadFile(file)
					require.NoError(t, err)
					assert.Equal(t, string(want), got)
					if role == azr.Solve {
						assert.NotContains(t, got, "SECRET", "hidden outputs stay hidden")
						assert.NotContains(t, got, "HIDDEN", "hidden inputs stay hidden")
					}
				})
			}
		}
	}
}

// A weak model on a CPU reads its prompts slowly: about 200 tokens, at three bytes of code a token.
// A base model has no chat template: it gets the same question as text, and the same opened thought.
func TestSection3PlainWrapperIsForBaseModels(t *testing.T) {
	chat := environment(t, python.Chat, 4, nil).SolvePrompt(task(azr.Deduction))
	cfg := python.DefaultConfig()
	cfg.Wrapper = python.PlainWrapper
	env, err := python.New(cfg, nil)
	require.NoError(t, err)
	plain := env.SolvePrompt(task(azr.Deduction))
	assert.Empty(t, plain.Messages)
	assert.Contains(t, plain.Text, "\nUser: "+chat.Messages[0].Content+"\nAssistant: <think>\n")
	assert.True(t, strings.HasSuffix(plain.Text, "\nAssistant: "+chat.Text))
	assert.Equal(t, []string{"\nUser:"}, plain.Sampling.Stop, "it does not ask itself the next question")
	assert.Empty(t, environment(t, python.Completion, 4, nil).SolvePrompt(task(azr.Deduction)).Messages)
}

func TestCompletionPromptsAreShort(t *testing.T) {
	env := environment(t, python.Completion, 6, nil)
	seeds := env.Seeds()
	for _, kind := range azr.TaskTypes {
		references := []azr.Task{seeds[0], seeds[1]}
		assert.Less(t, len(env.ProposePrompt(azr.Request{Type: kind, References: references}).Text), 720, kind)
		assert.Less(t, len(env.SolvePrompt(seeds[kind]).Text), 720, kind)
	}
}

func TestSeedsAreIdentities(t *testing.T) {
	for n := 2; n <= 16; n++ {
		seeds := environment(t, python.Chat, n, nil).Seeds()
		require.Len(t, seeds, len(azr.AllTaskTypes))
		assert.Len(t, seeds[azr.Induction].Examples, n)
		for i, kind := range azr.AllTaskTypes {
			assert.Equal(t, kind, seeds[i].Type)
			inputs := map[string]bool{}
			for _, e := range seeds[i].Examples {
				if kind == azr.ErrorPrediction {
					assert.Equal(t, "NoError", e.Output)
				} else {
					assert.Equal(t, e.Input, e.Output)
				}
				assert.False(t, inputs[e.Input], "inputs differ")
				inputs[e.Input] = true
			}
		}
	}
}

// Section 3.3.3: a proposal is run twice, on all of its inputs. Only the program of an induction proposal is a validated one.
func TestSection333ValidationRunsTwice(t *testing.T) {
	x := azr.NewFakeExecutor(func(_, input string) azr.Result { return azr.Result{Status: azr.OK, Value: input} })
	env, err := python.New(python.DefaultConfig(), x)
	require.NoError(t, err)
	_, v, err := env.Validate(t.Context(), task(azr.Induction))
	require.NoError(t, err)
	assert.Equal(t, azr.Pass, v.Outcome)
	require.Len(t, x.Runs(), 1)
	assert.Equal(t, azr.Execution{Program: task(azr.Induction).Program, Inputs: []string{"['b', 'a']", "['x']", "[]", "'HIDDEN'"}, Twice: true, Trusted: true}, x.Runs()[0])
	for _, kind := range []azr.TaskType{azr.Deduction, azr.Abduction} {
		x := azr.NewFakeExecutor(func(_, input string) azr.Result { return azr.Result{Status: azr.OK, Value: input} })
		env, err := python.New(python.DefaultConfig(), x)
		require.NoError(t, err)
		_, _, err = env.Validate(t.Context(), task(kind))
		require.NoError(t, err)
		require.Len(t, x.Runs(), 1)
		assert.True(t, x.Runs()[0].Twice)
		assert.False(t, x.Runs()[0].Trusted)
	}
}

// Section 3.3.4: what is expected never reaches the executor, and deduction does not reach it at all.
func TestSection334ExpectedOutputsStayHere(t *testing.T) {
	x := azr.NewFakeExecutor(func(_, input string) azr.Result { return azr.Result{Status: azr.OK, Value: input} })
	env, err := python.New(python.DefaultConfig(), x)
	require.NoError(t, err)
	for kind, answer := range map[azr.TaskType]string{azr.Deduction: "1", azr.Abduction: "'q'", azr.Induction: "def f(x):\n    return x"} {
		_, err := env.Verify(t.Context(), task(kind), answer)
		require.NoError(t, err)
	}
	require.Len(t, x.Runs(), 2)
	for _, run := range x.Runs() {
		assert.False(t, run.Twice || run.Trusted)
		for _, input := range run.Inputs {
			assert.NotContains(t, run.Program+input, "SECRET")
			assert.NotContains(t, input, "a```b")
		}
	}
}

func TestConfigErrors(t *testing.T) {
	for want, spoil := range map[string]func(*python.Config){
		"style":            func(c *python.Config) { c.Style = "poem" },
		"induction_inputs": func(c *python.Config) { c.InductionInputs = 1 },
		"max_value_bytes":  func(c *python.Config) { c.MaxValueBytes = 0 },
		"min_output_bytes": func(c *python.Config) { c.MinOutputBytes = 1000 },
	} {
		cfg := python.DefaultConfig()
		spoil(&cfg)
		_, err := python.New(cfg, nil)
		assert.ErrorContains(t, err, want)
	}
}
