package python

import (
	"context"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/executor/literal"
)

// Verify judges an answer (paper, section 3.3.4). Deduction compares literals and
// runs nothing. Abduction runs the task's program on the answer: any input that
// gives the output is right. Induction runs the answer on the hidden inputs: all
// of them must give their outputs. What is expected stays on this side.
func (e *Environment) Verify(ctx context.Context, task azr.Task, answer string) (azr.Verdict, error) {
	switch task.Type {
	case azr.Deduction:
		return compare(answer, task.Examples[0].Output), nil
	case azr.Abduction:
		return e.judge(ctx, task.Program, []azr.Example{{Input: answer, Output: task.Examples[0].Output}})
	default:
		return e.judge(ctx, answer, task.Examples[task.Shown():])
	}
}

// judge runs a program and passes it if it gives every example's output. One
// wrong output or fault decides, whatever could not be checked.
func (e *Environment) judge(ctx context.Context, program string, examples []azr.Example) (azr.Verdict, error) {
	run := azr.Execution{Program: program}
	for _, example := range examples {
		run.Inputs = append(run.Inputs, example.Input)
	}
	results, err := e.executor.Run(ctx, run)
	if err != nil {
		return azr.Verdict{}, err
	}
	verdict := azr.Verdict{Outcome: azr.Pass}
	for i, r := range results {
		v := fault(r)
		if v.Outcome == azr.Pass {
			v = compare(r.Value, examples[i].Output)
		}
		switch v.Outcome {
		case azr.Pass:
		case azr.Unchecked:
			verdict = v
		default:
			return v, nil
		}
	}
	return verdict, nil
}

// compare passes a value that equals the wanted one as Python literals do.
func compare(got, want string) azr.Verdict {
	g, err := literal.Parse(got)
	if err != nil {
		return azr.Verdict{Outcome: azr.Fail, Reason: "not a literal"}
	}
	w, err := literal.Parse(want)
	if err != nil {
		// A stored output that is no literal says nothing about the answer.
		return azr.Verdict{Outcome: azr.Unchecked, Reason: "the task's output is not a literal"}
	}
	if !literal.Equal(g, w) {
		return azr.Verdict{Outcome: azr.Fail, Reason: "wrong"}
	}
	return azr.Verdict{Outcome: azr.Pass}
}
