package python

import (
	"strings"

	"github.com/azr-train/azr"
)

// completionFormat reads text that continues worked blocks. The prompt begins the
// answer: a program with programOpen, so that the model begins with f's first
// parameter, and a list of calls with one that is known to work and callOpen.
type completionFormat struct{}

const (
	programOpen = "def f("
	callOpen    = "f("
)

func (completionFormat) open(r azr.Role, t azr.TaskType) string {
	switch {
	case r == azr.Propose && t == azr.Induction:
		return callOpen
	case r == azr.Propose || t == azr.Induction:
		return programOpen
	default:
		return ""
	}
}

func (completionFormat) stop(r azr.Role, t azr.TaskType) []string {
	switch {
	case r == azr.Propose && t == azr.Induction:
		return []string{"\n\n", "\ndef "}
	case r == azr.Propose:
		return []string{"\nOutput:", "\nProgram:"}
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

// inputs reads lines that call f, after the call that the prompt shows and that
// counts as the first, and the comment that follows them, which is the message.
func (completionFormat) inputs(reference azr.Task, text string) (inputs []string, message, reason string) {
	inputs = []string{reference.Examples[0].Input}
	for line := range strings.SplitSeq(callOpen+text, "\n") {
		call, ok := strings.CutPrefix(line, callOpen)
		if !ok {
			message, ok = strings.CutPrefix(line, "#")
			if !ok {
				return nil, "", "no message"
			}
			break
		}
		inputs = append(inputs, callArguments(call))
	}
	return inputs, message, ""
}

// callArguments returns what stands before the bracket that closes a call, which
// is the first one that leaves a list of literals.
func callArguments(call string) string {
	for i := range len(call) {
		if call[i] == ')' {
			if _, ok := canonicalArgs(call[:i]); ok {
				return call[:i]
			}
		}
	}
	return call
}

func (completionFormat) answer(t azr.TaskType, text string) (answer, reason string) {
	if t == azr.Induction {
		return programOpen + text, ""
	}
	return strings.TrimSpace(text), ""
}
