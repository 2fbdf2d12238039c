package python

import (
	"slices"
	"strings"

	"github.com/azr-train/azr"
)

// traceFormat is the style of models that package bootstrap makes: short prompts without instructions, and answers
// that work through the program, each line followed by >> and a value. The answer is what follows the last >>.
//
//	deduction                          def f(x):
//	def f(x):                              a = x[::-1] >> [4, 1, 3]
//	    a = x[::-1]             ->         return a[0] >> 4
//	    return a[0]
//	input [3, 1, 4]
//
// Abduction goes backwards from the return: the value after a line is that of the variable it reads. Induction
// answers with a program. A proposal is a program and its input on a line of its own.
type traceFormat struct{}

const (
	becomes    = " >> "
	inputLine  = "\ninput "
	bodyIndent = "\n    "
)

func (traceFormat) open(azr.Role, azr.TaskType) string   { return "" }
func (traceFormat) stop(azr.Role, azr.TaskType) []string { return nil }

func (traceFormat) program(text string) (program, input, reason string) {
	program, input, found := strings.Cut(text, inputLine)
	if !found {
		return "", "", "no input"
	}
	return program, input, ""
}

func (traceFormat) inputs(_ azr.Task, text string) (inputs []string, message, reason string) {
	before, rest, found := strings.Cut(text, inputLine)
	if !found || before != "" {
		return nil, "", "no input"
	}
	return strings.Split(rest, inputLine), "", ""
}

func (traceFormat) answer(t azr.TaskType, text string) (answer, reason string) {
	if t == azr.Induction {
		return text, ""
	}
	at := strings.LastIndex(text, becomes)
	if at < 0 {
		return "", "no value"
	}
	return text[at+len(becomes):], ""
}

// Demonstration is a text that answers a prompt rightly, for a model that is to be taught the format.
type Demonstration struct {
	Prompt azr.Prompt
	Text   string
	// Task is what is answered or proposed; Request what a proposal answers.
	Task    azr.Task
	Request azr.Request
}

// DemonstrateAnswer writes the answer to a deduction or abduction task line by line. Chain are the program's lines that
// the output depends on, each reading the variable of the one before, the return last; states are the values of their
// variables. Without them, and for induction, the answer stands alone.
func (e *Environment) DemonstrateAnswer(task azr.Task, chain, states []string) Demonstration {
	example := task.Examples[0]
	d := Demonstration{Prompt: e.SolvePrompt(task), Task: task}
	if task.Type == azr.Induction {
		d.Text = "\n" + task.Program
		return d
	}
	if len(states) == 0 {
		d.Text = becomes + example.Output
		if task.Type == azr.Abduction {
			d.Text = becomes + example.Input
		}
		return d
	}
	lines := slices.Clone(chain)
	values := append(slices.Clone(states), example.Output) // of what each line gives
	if task.Type == azr.Abduction {
		values = append([]string{example.Input}, states...) // of what each line reads
		slices.Reverse(lines)
		slices.Reverse(values)
	}
	for i, line := range lines {
		d.Text += bodyIndent + line + becomes + values[i]
	}
	return d
}

// traceBeginning is the line that the answer to a deduction or abduction task works through first, before its value.
func traceBeginning(task azr.Task) string {
	lines := strings.Split(task.Program, bodyIndent)
	switch {
	case task.Type == azr.Deduction && len(lines) > 1:
		return bodyIndent + lines[1] + becomes
	case task.Type == azr.Abduction:
		return bodyIndent + lines[len(lines)-1] + becomes
	}
	return ""
}

// DemonstrateProposal writes a task as its proposer would.
func (e *Environment) DemonstrateProposal(request azr.Request, task azr.Task) Demonstration {
	d := Demonstration{Prompt: e.ProposePrompt(request), Task: task, Request: request}
	if request.Type != azr.Induction {
		d.Text = "\n" + task.Program
	}
	for _, example := range task.Examples {
		d.Text += inputLine + example.Input
	}
	return d
}
