package python

import (
	"fmt"
	"strings"

	"github.com/azr-train/azr"
)

// completionFormat reads text that continues worked blocks. The prompt begins the
// answer: a program with programOpen, so that the model begins with f's first
// parameter, and a list of inputs with one that is known to work and the next one's label.
type completionFormat struct{}

const programOpen = "def f("

// inputLabel begins the line of the n-th input of an induction proposal, counted from 1.
func inputLabel(n int) string { return fmt.Sprintf("Input %d:", n) }

func (completionFormat) open(r azr.Role, t azr.TaskType) string {
	switch {
	case r == azr.Propose && t == azr.Induction:
		return inputLabel(2)
	case r == azr.Propose || t == azr.Induction:
		return programOpen
	default:
		return ""
	}
}

func (completionFormat) stop(r azr.Role, t azr.TaskType) []string {
	switch {
	case r == azr.Propose && t == azr.Induction:
		return []string{"\n\n", "\nProgram:"}
	case r == azr.Propose:
		return []string{"\n" + resultLabel(t) + ":", "\nProgram:"}
	case t == azr.Induction:
		return []string{"\n# ", "\nassert ", "\nprint(", "\nProgram:"}
	default:
		return []string{"\n"}
	}
}

// program reads the rest of a program up to the line that is labelled Input, and
// that line with what follows it.
func (completionFormat) program(text string) (program, input, reason string) {
	program, input, found := strings.Cut(programOpen+text, "\nInput:")
	if !found {
		return "", "", "no input"
	}
	return program, strings.TrimSpace(input), ""
}

// inputs reads the labelled lines of inputs, after the one that the prompt shows
// and that counts as the first, and the line of the message.
func (completionFormat) inputs(reference azr.Task, text string) (inputs []string, message, reason string) {
	inputs = []string{reference.Examples[0].Input}
	for line := range strings.SplitSeq(inputLabel(2)+text, "\n") {
		if message, ok := strings.CutPrefix(line, "Message:"); ok {
			return inputs, message, ""
		}
		input, ok := strings.CutPrefix(line, inputLabel(len(inputs)+1))
		if !ok {
			break
		}
		inputs = append(inputs, input)
	}
	return nil, "", "no message"
}

// resultLabel begins the line that follows a program's input: what it gives.
func resultLabel(t azr.TaskType) string {
	if t == azr.ErrorPrediction {
		return "Exception"
	}
	return "Output"
}

func (completionFormat) answer(t azr.TaskType, text string) (answer, reason string) {
	if t == azr.Induction {
		return programOpen + text, ""
	}
	return strings.TrimSpace(text), ""
}
