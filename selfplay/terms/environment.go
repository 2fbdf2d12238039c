package terms

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"github.com/azr-train/azr"
)

// Environment is the world of arithmetic terms. It implements [azr.Environment].
type Environment struct {
	inductionInputs int
	worked          []azr.Task // fixed examples of the format; a proposal that copies one is no task
}

var _ azr.Environment = (*Environment)(nil)

// seedInputs are the inputs of the seeds and of the fixed examples.
var seedInputs = []int64{4, 7, 0, 12, -3, 1, 20, 9, 2, -8, 15, 6, 30, -1, 11, 3}

// New returns the world of arithmetic terms. InductionInputs N is how many different numbers the proposer of an
// induction task writes, 2 to 16; floor(N/2) of the pairs are shown to the solver.
func New(inductionInputs int) (*Environment, error) {
	if inductionInputs < 2 || inductionInputs > len(seedInputs) {
		return nil, fmt.Errorf("terms.New: induction_inputs is out of range; got %d, want 2 to %d", inductionInputs, len(seedInputs))
	}
	inputs := slices.Clone(seedInputs)
	slices.Reverse(inputs) // so that the two differ in them too
	return &Environment{inductionInputs, []azr.Task{
		example(azr.Induction, "(x + 3) * 2", seedInputs[:inductionInputs]), example(azr.Induction, "x // 5 - 1", inputs[:inductionInputs]),
	}}, nil
}

// Seeds are the term x as a task of each type.
func (e *Environment) Seeds() []azr.Task {
	return []azr.Task{
		example(azr.Deduction, "x", seedInputs[:1]), example(azr.Abduction, "x", seedInputs[:1]),
		example(azr.Induction, "x", seedInputs[:e.inductionInputs]),
	}
}

// example is a task of this package's own.
func example(kind azr.TaskType, program string, inputs []int64) azr.Task {
	task := azr.Task{Type: kind, Program: program, SolveRate: -1}
	for _, x := range inputs {
		task.Examples = append(task.Examples, azr.Example{Input: strconv.FormatInt(x, 10)})
	}
	t, err := parse(program)
	if err == nil {
		task.Examples, err = solve(t, task.Examples)
	}
	if err != nil {
		panic(err) // written above
	}
	task.Measures = measure(t)
	return task
}

//go:embed prompts/*.tmpl
var promptFiles embed.FS

var templates = template.Must(template.ParseFS(promptFiles, "prompts/*.tmpl"))

// promptData is what a template sees.
type promptData struct {
	// Shots are the worked examples, in a proposal the references behind them.
	Shots []azr.Task
	// Task is what is asked about: the task to solve, or the one whose term an induction proposal is about.
	Task azr.Task
	// Size is the number of operators that is asked for, 0 if that is open.
	Size int
}

// ProposePrompt asks for a task. Every block of the prompt says its size where one is asked for, so a
// relative request is put as a number too.
func (e *Environment) ProposePrompt(r azr.Request) azr.Prompt {
	if r.Type == azr.Induction {
		return prompt(azr.Propose, r.Type, promptData{Shots: e.worked, Task: r.References[0]}, "\n")
	}
	data := promptData{Shots: slices.Concat(e.worked, r.References), Size: r.Size}
	return prompt(azr.Propose, r.Type, data, "\nResult:", "\nTerm:", "\n\n")
}

// SolvePrompt asks for an answer to a task.
func (e *Environment) SolvePrompt(task azr.Task) azr.Prompt {
	return prompt(azr.Solve, task.Type, promptData{Shots: e.worked, Task: task}, "\n")
}

func prompt(r azr.Role, t azr.TaskType, data promptData, stop ...string) azr.Prompt {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, templateName(r, t), data); err != nil {
		panic(err) // a template that does not fit promptData is a mistake of this program
	}
	return azr.Prompt{Text: strings.TrimSuffix(b.String(), "\n"), Sampling: azr.Sampling{Stop: stop}}
}

func templateName(r azr.Role, t azr.TaskType) string { return r.String() + "_" + t.String() + ".tmpl" }

// TemplateHashes maps each prompt template, for example "terms/solve_deduction.tmpl", to the SHA-256
// of its text in hex.
func (*Environment) TemplateHashes() map[string]string {
	hashes := map[string]string{}
	for _, t := range templates.Templates() {
		text, err := promptFiles.ReadFile("prompts/" + t.Name())
		if err != nil {
			panic(err) // the files are part of this program
		}
		sum := sha256.Sum256(text)
		hashes["terms/"+t.Name()] = hex.EncodeToString(sum[:])
	}
	return hashes
}

// ParseProposal reads a task, whose outputs are not known yet: a term and, on the next line, x = and a
// number; for induction, whose term is the first reference's, numbers between commas.
func (e *Environment) ParseProposal(r azr.Request, text string) (azr.Task, azr.Verdict) {
	task := azr.Task{Type: r.Type, SolveRate: -1}
	var inputs []string
	if r.Type == azr.Induction {
		task.Program, inputs = r.References[0].Program, strings.Split(text, ",")
	} else {
		program, input, found := strings.Cut(strings.TrimSpace(text), "\nx =")
		t, err := parse(program)
		switch {
		case !found:
			return azr.Task{}, malformed("no line x =")
		case err != nil:
			return azr.Task{}, malformed(err.Error())
		}
		task.Program, inputs = t.String(), []string{input}
	}
	for _, input := range inputs {
		x, ok := number(input)
		if !ok {
			return azr.Task{}, malformed("x is not a whole number")
		}
		if example := (azr.Example{Input: x}); !slices.Contains(task.Examples, example) {
			task.Examples = append(task.Examples, example)
		}
	}
	if r.Type == azr.Induction {
		if len(task.Examples) < e.inductionInputs {
			return azr.Task{}, malformed("too few different numbers")
		}
		task.Examples = task.Examples[:e.inductionInputs]
	}
	return task, azr.Verdict{Outcome: azr.Pass}
}

// ParseAnswer reads a number or, for induction, a term, in canonical text.
func (e *Environment) ParseAnswer(task azr.Task, text string) (string, azr.Verdict) {
	if task.Type == azr.Induction {
		t, err := parse(text)
		if err != nil {
			return "", malformed(err.Error())
		}
		return t.String(), azr.Verdict{Outcome: azr.Pass}
	}
	answer, ok := number(text)
	if !ok {
		return "", malformed("not a whole number")
	}
	return answer, azr.Verdict{Outcome: azr.Pass}
}

// number returns the canonical text of a whole number.
func number(text string) (string, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	return strconv.FormatInt(n, 10), err == nil
}

func malformed(reason string) azr.Verdict {
	return azr.Verdict{Outcome: azr.Malformed, Reason: reason}
}
