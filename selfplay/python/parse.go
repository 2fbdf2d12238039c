package python

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/executor/literal"
)

// ParseProposal reads a task, whose outputs are not known yet, out of a
// completion's text. For induction the program is the first reference's.
func (e *Environment) ParseProposal(r azr.Request, text string) (azr.Task, azr.Verdict) {
	task := azr.Task{Type: r.Type, SolveRate: -1}
	var inputs []string
	var reason string
	if r.Type == azr.Induction {
		task.Program = r.References[0].Program
		inputs, task.Message, reason = e.format.inputs(r.References[0], text)
		task.Message = strings.TrimSpace(task.Message)
	} else {
		var program, input string
		program, input, reason = e.format.program(text)
		task.Program, inputs = trimProgram(program), []string{input}
		if reason == "" && len(r.Helpers) > 0 {
			task.Program, reason = compose(r.Helpers, task.Program)
		}
	}
	if reason != "" {
		return azr.Task{}, malformed(reason)
	}
	if task.Examples, reason = examplesOf(inputs); reason != "" {
		return azr.Task{}, malformed(reason)
	}
	if r.Type == azr.Induction {
		if reason := e.refuseInduction(task, e.cfg.InductionInputs); reason != "" {
			return azr.Task{}, malformed(reason)
		}
		task.Examples = task.Examples[:e.cfg.InductionInputs]
	}
	return task, azr.Verdict{Outcome: azr.Pass}
}

// Recognize returns why a task that was made elsewhere is none of this world's, or nil. It runs nothing.
func (e *Environment) Recognize(task azr.Task) error {
	if !definition.MatchString(task.Program) {
		return fmt.Errorf("python.Recognize: no function f; got program %.40q, want Python that defines it", task.Program)
	}
	return nil
}

// definition of f, in whatever way: a function, a class or a value.
var definition = regexp.MustCompile(`\bf\b`)

// examplesOf returns the different inputs, in canonical text and without outputs. A repeated input would make a
// hidden example one that is shown.
func examplesOf(inputs []string) (examples []azr.Example, reason string) {
	for _, input := range inputs {
		canonical, ok := canonicalArgs(input)
		if !ok {
			return nil, "input is not a list of literals"
		}
		if example := (azr.Example{Input: canonical}); !slices.Contains(examples, example) {
			examples = append(examples, example)
		}
	}
	return examples, ""
}

// refuseInduction returns why an induction proposal with n examples or more cannot be shown, or "".
func (e *Environment) refuseInduction(task azr.Task, n int) string {
	switch {
	case len(task.Examples) < n:
		return "too few different inputs"
	case task.Message == "" && e.cfg.Style != Trace: // traced programs are too small to need words
		return "no message"
	case len(task.Message) > maxMessageBytes:
		return "the message is too long"
	case strings.ContainsFunc(task.Message, isControl):
		return "the message has control characters"
	case strings.Contains(task.Message, "def f("):
		return "the message contains a program"
	}
	return ""
}

// maxMessageBytes bounds a message: it is shown in every solve prompt of its task.
const maxMessageBytes = 1000

// isControl tells of characters that no prompt should carry on from one completion to the next.
func isControl(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }

// ParseAnswer reads the answer to a task out of a completion's text: a canonical
// literal, a canonical list of arguments, or a program.
func (e *Environment) ParseAnswer(task azr.Task, text string) (string, azr.Verdict) {
	answer, reason := e.format.answer(task.Type, text)
	if reason != "" {
		return "", malformed(reason)
	}
	switch task.Type {
	case azr.Deduction:
		value, err := literal.Parse(answer)
		if err != nil {
			return "", malformed("output is not a literal")
		}
		answer = value.String()
	case azr.ErrorPrediction:
		if answer = exceptionName(answer); answer == "" {
			return "", malformed("no name of an exception")
		}
	case azr.Abduction:
		canonical, ok := canonicalArgs(answer)
		if !ok {
			return "", malformed("input is not a list of literals")
		}
		answer = canonical
	case azr.Induction:
		answer = trimProgram(answer)
		if _, found := entry(answer); !found {
			return "", malformed("no function f")
		}
	}
	return answer, azr.Verdict{Outcome: azr.Pass}
}

// canonicalArgs is the canonical text of a list of arguments with at least one.
func canonicalArgs(text string) (string, bool) {
	args, err := literal.ParseArgs(text)
	if err != nil || len(args) == 0 {
		return "", false
	}
	return literal.FormatArgs(args), true
}

// trimProgram drops blank lines before and blanks after a program.
func trimProgram(text string) string {
	text = strings.TrimRight(strings.ReplaceAll(text, "\r\n", "\n"), " \t\n")
	for {
		line, rest, more := strings.Cut(text, "\n")
		if !more || strings.TrimSpace(line) != "" {
			return text
		}
		text = rest
	}
}

func malformed(reason string) azr.Verdict {
	return azr.Verdict{Outcome: azr.Malformed, Reason: reason}
}
