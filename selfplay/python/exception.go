package python

import (
	"context"
	"regexp"
	"strings"

	"github.com/azr-train/azr"
)

// noError is the answer to an error-prediction task whose program raises nothing.
const noError = "NoError"

var exceptionPattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)

// exceptionName reads the name that an answer begins with; "" if it begins with none.
func exceptionName(text string) string {
	text = strings.Trim(strings.TrimSpace(text), "`'\"")
	if end := strings.IndexAny(text, " :(\t\n"); end >= 0 {
		text = text[:end]
	}
	if !exceptionPattern.MatchString(text) {
		return ""
	}
	return text
}

// validateError runs an error-prediction task, under two interpreters like any other, and fills in the name of
// the exception that both see, or NoError. What ends at a limit, or does not run at all, is no task.
func (e *Environment) validateError(ctx context.Context, task azr.Task) (azr.Task, azr.Verdict, error) {
	results, err := e.executor.Run(ctx, azr.Execution{Program: task.Program, Inputs: []string{task.Examples[0].Input}, Twice: true})
	if err != nil {
		return task, azr.Verdict{}, err
	}
	name := noError
	switch r := results[0]; {
	case r.Status == azr.Error && isException(r.Error):
		name = r.Error
	case r.Status != azr.OK:
		return task, fault(r), nil
	}
	task.Examples = []azr.Example{{Input: task.Examples[0].Input, Output: name}}
	return task, azr.Verdict{Outcome: azr.Pass}, nil
}

// isException tells the name of an exception that a running program raised from other reasons of an [azr.Error].
func isException(reason string) bool {
	switch reason {
	case "NotLiteral", "ProtocolViolation", "SyntaxError", "IndentationError", "TabError", noError:
		return false
	}
	return exceptionPattern.MatchString(reason)
}

// compareNames passes the wanted name in any case.
func compareNames(got, want string) azr.Verdict {
	if !strings.EqualFold(got, want) {
		return azr.Verdict{Outcome: azr.Fail, Reason: "wrong"}
	}
	return azr.Verdict{Outcome: azr.Pass}
}
