package python

import (
	"context"
	"slices"

	"github.com/azr-train/azr"
)

// Validate runs a proposal's program on its inputs, each twice, and fills in the
// outputs (paper, section 3.3.3: integrity, safety, determinism). The program of
// an induction proposal is a reference's, which was validated with its own task,
// so its inputs may share a process; any other program gets one for each input.
func (e *Environment) Validate(ctx context.Context, task azr.Task) (azr.Task, azr.Verdict, error) {
	if reason := e.refuse(task); reason != "" {
		return task, azr.Verdict{Outcome: azr.Fail, Reason: reason}, nil
	}
	if task.Type == azr.ErrorPrediction {
		return e.validateError(ctx, task)
	}
	run := azr.Execution{Program: task.Program, Twice: true, Trusted: task.Type == azr.Induction}
	for _, example := range task.Examples {
		run.Inputs = append(run.Inputs, example.Input)
	}
	results, err := e.executor.Run(ctx, run)
	if err != nil {
		return task, azr.Verdict{}, err
	}
	if v := worst(results); v.Outcome != azr.Pass {
		return task, v, nil
	}
	task.Examples = slices.Clone(task.Examples)
	for i, result := range results {
		if len(result.Value) > e.cfg.MaxValueBytes {
			return task, azr.Verdict{Outcome: azr.Fail, Reason: "output too long"}, nil
		}
		task.Examples[i].Output = result.Value
	}
	switch {
	case task.Type == azr.Induction && constant(task.Examples):
		return task, azr.Verdict{Outcome: azr.Fail, Reason: "all outputs are equal"}, nil
	case task.Type != azr.Induction && task.Examples[0].Output == "None":
		return task, azr.Verdict{Outcome: azr.Fail, Reason: "returns nothing"}, nil
	case task.Type != azr.Induction && len(task.Examples[0].Output) < e.cfg.MinOutputBytes:
		return task, azr.Verdict{Outcome: azr.Fail, Reason: "output too short"}, nil
	}
	v, err := e.probe(ctx, task)
	return task, v, err
}

// refuse returns why a proposal is no task before anything is run, or "".
func (e *Environment) refuse(task azr.Task) string {
	f, found := entry(task.Program)
	switch {
	case !found:
		return "no function f"
	case len(f.params) == 0:
		return "f has no parameter"
	case !f.usesParams:
		return "f ignores its input"
	}
	for _, example := range task.Examples {
		if len(example.Input) > e.cfg.MaxValueBytes {
			return "input too long"
		}
	}
	if task.Type != azr.Induction && slices.ContainsFunc(workedFor(task.Type), func(w azr.Task) bool {
		return w.Program == task.Program && w.Examples[0].Input == task.Examples[0].Input
	}) {
		return "copies a worked example"
	}
	return ""
}

// worst is Pass if every result is OK. A program's own fault counts before a
// failure of the sandbox: it is known whatever the unchecked inputs would give.
func worst(results []azr.Result) azr.Verdict {
	v := azr.Verdict{Outcome: azr.Pass}
	for _, r := range results {
		switch next := fault(r); next.Outcome {
		case azr.Fault:
			return next
		case azr.Unchecked:
			v = next
		}
	}
	return v
}

// fault is the verdict on one result that is not yet compared with anything:
// Pass if there is a value.
func fault(r azr.Result) azr.Verdict {
	switch {
	case r.Status == azr.OK:
		return azr.Verdict{Outcome: azr.Pass}
	case r.Status == azr.Infra:
		return azr.Verdict{Outcome: azr.Unchecked, Reason: azr.Infra.String()}
	case r.Error != "":
		return azr.Verdict{Outcome: azr.Fault, Reason: r.Status.String() + ": " + r.Error}
	default:
		return azr.Verdict{Outcome: azr.Fault, Reason: r.Status.String()}
	}
}

func constant(examples []azr.Example) bool {
	for _, example := range examples[1:] {
		if example.Output != examples[0].Output {
			return false
		}
	}
	return true
}
