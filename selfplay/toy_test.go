package selfplay_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/selfplay"
)

// toy is a small Environment beside Python: a program is a number k, f(x) = x + k,
// and values are decimal numbers. A proposal is "k x", for induction "x x x x".
type toy struct{ executor azr.Executor }

func (toy) Seeds() []azr.Task {
	one := []azr.Example{{Input: "1", Output: "1"}}
	return []azr.Task{
		{Type: azr.Deduction, Program: "0", Examples: one},
		{Type: azr.Abduction, Program: "0", Examples: one},
		{Type: azr.Induction, Program: "0", Examples: append(one, azr.Example{Input: "2", Output: "2"}), Message: "same"},
	}
}

func (toy) ProposePrompt(r azr.Request) azr.Prompt {
	text := fmt.Sprintf("propose %s", r.Type)
	if r.Size > 0 {
		text += fmt.Sprintf(" size %d", r.Size)
	}
	for _, helper := range r.Helpers {
		text += " call " + helper.Program
	}
	for _, reference := range r.References {
		text += fmt.Sprintf(" %s(%s)", reference.Program, reference.Examples[0].Input)
	}
	return azr.Prompt{Text: text, Sampling: azr.Sampling{Stop: []string{"\n"}}}
}

func (toy) SolvePrompt(task azr.Task) azr.Prompt {
	text := fmt.Sprintf("solve %s %s", task.Type, task.Program)
	if task.Type == azr.Induction {
		text = fmt.Sprintf("solve %s", task.Type)
	}
	for _, e := range task.Examples[:task.Shown()] {
		text += fmt.Sprintf(" %s->%s", e.Input, e.Output)
	}
	return azr.Prompt{Text: text, Sampling: azr.Sampling{Stop: []string{"\n"}}}
}

func (toy) ParseProposal(r azr.Request, text string) (azr.Task, azr.Verdict) {
	fields := strings.Fields(text)
	task := azr.Task{Type: r.Type}
	switch {
	case r.Type == azr.Induction && len(fields) == 4:
		task.Program, task.Message = r.References[0].Program, "add"
	case r.Type != azr.Induction && len(fields) == 2:
		task.Program, fields = fields[0], fields[1:]
	default:
		return azr.Task{}, azr.Verdict{Outcome: azr.Malformed, Reason: "fields"}
	}
	for _, f := range fields {
		task.Examples = append(task.Examples, azr.Example{Input: f})
	}
	return task, azr.Verdict{Outcome: azr.Pass}
}

func (toy) ParseAnswer(_ azr.Task, text string) (string, azr.Verdict) {
	if _, err := strconv.Atoi(text); err != nil {
		return "", azr.Verdict{Outcome: azr.Malformed, Reason: "no number"}
	}
	return text, azr.Verdict{Outcome: azr.Pass}
}

func (e toy) Validate(ctx context.Context, task azr.Task) (azr.Task, azr.Verdict, error) {
	examples := make([]azr.Example, len(task.Examples))
	for i, example := range task.Examples {
		value, v, err := e.run(ctx, task.Program, example.Input)
		if err != nil || v.Outcome != azr.Pass {
			return task, v, err
		}
		examples[i] = azr.Example{Input: example.Input, Output: value}
	}
	task.Examples = examples
	return task, azr.Verdict{Outcome: azr.Pass}, nil
}

// Measure calls the number of digits a program's size.
func (toy) Measure(_ context.Context, task azr.Task, _ []azr.Task) (azr.Measures, error) {
	return azr.Measures{Program: task.Program, Skeleton: strings.Repeat("9", len(task.Program)), Size: len(task.Program), Standalone: true}, nil
}

func (e toy) Verify(ctx context.Context, task azr.Task, answer string) (azr.Verdict, error) {
	program, input, want := task.Program, answer, task.Examples[0].Output
	switch task.Type {
	case azr.Deduction:
		return same(answer, want), nil
	case azr.Induction:
		hidden := task.Examples[task.Shown()]
		program, input, want = answer, hidden.Input, hidden.Output
	}
	value, v, err := e.run(ctx, program, input)
	if err != nil || v.Outcome != azr.Pass {
		return v, err
	}
	return same(value, want), nil
}

func (e toy) run(ctx context.Context, program, input string) (string, azr.Verdict, error) {
	results, err := e.executor.Run(ctx, azr.Execution{Program: program, Inputs: []string{input}})
	if err != nil {
		return "", azr.Verdict{}, err
	}
	switch results[0].Status {
	case azr.OK:
		return results[0].Value, azr.Verdict{Outcome: azr.Pass}, nil
	case azr.Infra:
		return "", azr.Verdict{Outcome: azr.Unchecked, Reason: "infra"}, nil
	}
	return "", azr.Verdict{Outcome: azr.Fault, Reason: results[0].Status.String()}, nil
}

func same(got, want string) azr.Verdict {
	if got != want {
		return azr.Verdict{Outcome: azr.Fail, Reason: "wrong"}
	}
	return azr.Verdict{Outcome: azr.Pass}
}

// add is the toy's executor: negative inputs time out, and 666 breaks the sandbox.
func add(program, input string) azr.Result {
	k, err1 := strconv.Atoi(program)
	x, err2 := strconv.Atoi(input)
	switch {
	case x == 666:
		return azr.Result{Status: azr.Infra}
	case err1 != nil || err2 != nil:
		return azr.Result{Status: azr.Error, Error: "ValueError"}
	case x < 0:
		return azr.Result{Status: azr.Timeout}
	}
	return azr.Result{Status: azr.OK, Value: strconv.Itoa(x + k)}
}

// player is a policy that plays the toy: it proposes all kinds of things and is
// right about half the time. It reads nothing but the prompt and draws from its id.
func player(p azr.Prompt) string {
	key := p.ID.Key(99)
	number := func(i uint64, n float64) int { return int(key.Uniform(i) * n) }
	words := strings.Fields(p.Text)
	kind := words[1]
	if words[0] == "propose" {
		switch u := key.Uniform(0); {
		case u < 0.1:
			return "what?"
		case u < 0.2:
			return fmt.Sprintf("%d -1", number(1, 20))
		case u < 0.25:
			return "3 666"
		case kind == "induction":
			return fmt.Sprintf("%d %d %d %d\nrest", number(1, 9), number(2, 9), number(3, 9), number(4, 9))
		}
		return fmt.Sprintf("%d %d\nrest", number(1, 20), number(2, 20))
	}
	input, output, _ := strings.Cut(words[len(words)-1], "->")
	x, _ := strconv.Atoi(input)
	y, _ := strconv.Atoi(output)
	k, _ := strconv.Atoi(words[2])
	off := number(1, 2)
	switch kind {
	case "deduction":
		return strconv.Itoa(x + k + off)
	case "abduction":
		return strconv.Itoa(y - k + off)
	}
	return strconv.Itoa(y - x + off)
}

// small is a configuration that plays in milliseconds.
func small() selfplay.Config {
	cfg := selfplay.DefaultConfig()
	cfg.BatchSize, cfg.References, cfg.Rollouts, cfg.SeedFactor = 8, 2, 4, 2
	for _, s := range []*azr.Sampling{&cfg.Propose, &cfg.Estimate, &cfg.Solve, &cfg.Seed} {
		s.MaxTokens = 64
	}
	return cfg
}

// scripted plays one step without seeding, so each buffer holds the identity alone.
// The text of each completion is say's, and "" stands for the player's.
func scripted(t *testing.T, cfg selfplay.Config, gen *azr.FakeGenerator, say func(azr.Prompt) string) (selfplay.Play, *azr.FakeExecutor) {
	t.Helper()
	cfg.SeedFactor = 0
	gen.Complete = func(p azr.Prompt) string {
		if text := say(p); text != "" {
			return text
		}
		return player(p)
	}
	x := azr.NewFakeExecutor(add)
	g, err := selfplay.New(cfg, 1, gen, toy{x}, &azr.MemoryStore{}, azr.NoProgress{})
	require.NoError(t, err)
	_, err = g.Seed(t.Context())
	require.NoError(t, err)
	play, err := g.Step(t.Context(), 1)
	require.NoError(t, err)
	return play, x
}

func rowsOf(play selfplay.Play, purpose azr.Purpose, kind azr.TaskType) []azr.Row {
	var rows []azr.Row
	for _, r := range play.Record.Rows {
		if r.ID.Purpose == purpose && r.ID.Type == kind {
			rows = append(rows, r)
		}
	}
	return rows
}
