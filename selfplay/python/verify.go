package python

import (
	"context"
	"slices"

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
	case azr.ErrorPrediction:
		return compareNames(answer, task.Examples[0].Output), nil
	case azr.Abduction:
		return e.judge(ctx, AllHidden, task.Program, []azr.Example{{Input: answer, Output: task.Examples[0].Output}})
	default:
		return e.judge(ctx, e.cfg.InductionVerdict, answer, task.Examples[task.Shown():])
	}
}

// judge runs a program and judges its outputs by a rule.
func (e *Environment) judge(ctx context.Context, rule InductionVerdict, program string, examples []azr.Example) (azr.Verdict, error) {
	run := azr.Execution{Program: program}
	for _, example := range examples {
		run.Inputs = append(run.Inputs, example.Input)
	}
	results, err := e.executor.Run(ctx, run)
	if err != nil {
		return azr.Verdict{}, err
	}
	verdicts := make([]azr.Verdict, len(results))
	for i, r := range results {
		if verdicts[i] = fault(r); verdicts[i].Outcome == azr.Pass {
			verdicts[i] = compare(r.Value, examples[i].Output)
		}
	}
	return rule.judge(verdicts), nil
}

// judge joins the verdicts on each example. One wrong output or fault decides
// against all, and one right output for any, whatever could not be checked.
func (rule InductionVerdict) judge(verdicts []azr.Verdict) azr.Verdict {
	right, checked := 0, 0
	for _, v := range verdicts {
		if v.Outcome != azr.Unchecked {
			checked++
		}
		if v.Outcome == azr.Pass {
			right++
		}
	}
	unchecked := slices.IndexFunc(verdicts, func(v azr.Verdict) bool { return v.Outcome == azr.Unchecked })
	wrong := slices.IndexFunc(verdicts, func(v azr.Verdict) bool { return v.Outcome != azr.Pass && v.Outcome != azr.Unchecked })
	switch {
	case right == len(verdicts), rule == AnyHidden && right > 0:
		return azr.Verdict{Outcome: azr.Pass}
	case wrong < 0, rule == AnyHidden && unchecked >= 0: // the missing ones would decide
		return verdicts[unchecked]
	}
	v := verdicts[wrong]
	if rule == ShareHidden {
		v.Share = float64(right) / float64(checked)
	}
	return v
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
