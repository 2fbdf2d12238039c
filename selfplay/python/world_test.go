package python_test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/selfplay"
	"github.com/azr-train/azr/selfplay/python"
)

var addition = regexp.MustCompile(`return x(?: \+ (\d+))?\s*$`)

// addExecutor runs programs whose f returns x or x + a number, for numbers x.
func addExecutor(program, input string) azr.Result {
	m := addition.FindStringSubmatch(program)
	x, err := strconv.Atoi(input)
	if m == nil || err != nil {
		return azr.Result{Status: azr.Error, Error: "TypeError"}
	}
	k, _ := strconv.Atoi(m[1])
	return azr.Result{Status: azr.OK, Value: strconv.Itoa(x + k)}
}

// adder is a policy that proposes additions and solves them, right half of the time.
type adder struct{ style python.Style }

func (a adder) complete(p azr.Prompt) string {
	key := p.ID.Key(5)
	number := func(i uint64, n float64) int { return int(key.Uniform(i) * n) }
	program, input := fmt.Sprintf("def f(x):\n    return x + %d", number(1, 50)), strconv.Itoa(number(2, 50))
	inputs := []string{input, strconv.Itoa(50 + number(3, 9)), strconv.Itoa(60 + number(4, 9)), strconv.Itoa(70 + number(5, 9))}
	switch {
	case key.Uniform(0) < 0.2:
		return "I don't know.\n</think>"
	case p.ID.Purpose == azr.Proposing || p.ID.Purpose == azr.Seeding:
		if p.ID.Type == azr.Induction {
			return a.inputs(inputs)
		}
		return a.program(program, input)
	}
	if k := lastNumber(p.String(), `return x \+ (\d+)`); p.ID.Type == azr.Deduction {
		return a.value("output", lastNumber(p.String(), `(?:Input: |input\n)(\d+)`)+k+number(6, 2))
	} else if p.ID.Type == azr.Abduction {
		return a.value("input", lastNumber(p.String(), `(?:Output: |output\n)(\d+)`)-k+number(6, 2))
	}
	return a.program(program, "")
}

func (a adder) program(program, input string) string {
	if a.style == python.Completion {
		text := strings.TrimPrefix(program, "def f(")
		if input != "" {
			text += "\nInput: " + input + "\nOutput: 0"
		}
		return text
	}
	body := "```python\n" + program + "\n```\n"
	if input != "" {
		body += "```input\n" + input + "\n```\n"
	}
	return "So.\n</think>\n<answer>\n" + body + "</answer>"
}

func (a adder) inputs(inputs []string) string {
	if a.style == python.Completion {
		text := " " + inputs[0]
		for i, input := range inputs[1:] {
			text += fmt.Sprintf("\nInput %d: %s", i+3, input) // the prompt has 1 and the label of 2
		}
		return text + "\nMessage: Adds.\n\nProgram:"
	}
	return "So.\n</think>\n<answer>\n```input\n" + strings.Join(inputs, "\n```\n```input\n") + "\n```\n```message\nAdds.\n```\n</answer>"
}

func (a adder) value(tag string, value int) string {
	return a.literal(tag, strconv.Itoa(value))
}

func (a adder) literal(tag, text string) string {
	if a.style == python.Completion {
		return " " + text + "\n"
	}
	return fmt.Sprintf("So.\n</think>\n<answer>\n```%s\n%s\n```\n</answer>", tag, text)
}

func lastNumber(text, pattern string) int {
	matches := regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1)
	if len(matches) == 0 {
		return 0
	}
	n, _ := strconv.Atoi(matches[len(matches)-1][1])
	return n
}

// The whole game in both styles: real prompts, parsing and judging between an in-memory model and executor.
func TestWorld(t *testing.T) {
	for _, style := range []python.Style{python.Chat, python.Completion} {
		t.Run(string(style), func(t *testing.T) {
			play := func() []selfplay.Play {
				cfg := selfplay.DefaultConfig()
				cfg.BatchSize, cfg.SeedFactor = 8, 1
				env := environment(t, style, 4, addExecutor)
				gen := azr.NewFakeGenerator(adder{style}.complete)
				g, err := selfplay.New(cfg, 11, gen, env, &azr.MemoryStore{}, azr.NoProgress{})
				require.NoError(t, err)
				_, err = g.Seed(t.Context())
				require.NoError(t, err)
				var plays []selfplay.Play
				for step := 1; step <= 2; step++ {
					p, err := g.Step(t.Context(), step)
					require.NoError(t, err)
					p.Record.Timings = nil
					plays = append(plays, p)
				}
				return plays
			}
			plays := play()
			assert.Equal(t, plays, play(), "the same seed is the same play")
			total := map[string]float64{}
			for _, p := range plays {
				assert.Len(t, p.Samples, 48)
				for name, value := range p.Record.Metrics {
					total[name] += value / float64(len(plays))
				}
			}
			for _, kind := range azr.TaskTypes {
				valid := total["propose/"+kind.String()+"/valid"]
				assert.True(t, valid > 0 && valid < 8, "%s: %v valid", kind, valid)
			}
			for _, kind := range []string{"deduction", "abduction"} {
				rate := total["solve/"+kind+"/solve_rate"]
				assert.True(t, rate > 0 && rate < 1, "%s: solve rate %v", kind, rate)
				assert.Greater(t, total["propose/"+kind+"/learnability"], 0.0)
			}
		})
	}
}
