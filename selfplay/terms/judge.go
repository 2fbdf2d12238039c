package terms

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/xrash/smetrics"

	"github.com/azr-train/azr"
)

// Validate evaluates the term on its inputs and fills in the outputs (paper, section 3.3.3). Integrity
// and safety are the language's, and so is determinism.
func (e *Environment) Validate(_ context.Context, task azr.Task) (azr.Task, azr.Verdict, error) {
	t, err := parse(task.Program)
	if err != nil {
		return task, fail(err.Error()), nil
	}
	examples, err := solve(t, task.Examples)
	if err != nil {
		return task, azr.Verdict{Outcome: azr.Fault, Reason: err.Error()}, nil
	}
	switch {
	case task.Type == azr.Induction && !slices.ContainsFunc(examples, func(x azr.Example) bool { return x.Output != examples[0].Output }):
		return task, fail("all results are equal"), nil
	case task.Type != azr.Induction && constant(t):
		return task, fail("ignores x"), nil
	case task.Type != azr.Induction && slices.ContainsFunc(e.worked, func(w azr.Task) bool { return w.Program == task.Program && w.Examples[0] == examples[0] }):
		return task, fail("copies a worked example"), nil
	}
	task.Examples = examples
	return task, azr.Verdict{Outcome: azr.Pass}, nil
}

func fail(reason string) azr.Verdict { return azr.Verdict{Outcome: azr.Fail, Reason: reason} }

// solve fills in the outputs of examples.
func solve(t term, examples []azr.Example) ([]azr.Example, error) {
	solved := slices.Clone(examples)
	for i, example := range examples {
		x, err := strconv.ParseInt(example.Input, 10, 64)
		if err != nil {
			return nil, errors.New("x is not a whole number")
		}
		value, err := t.eval(x)
		if err != nil {
			return nil, err
		}
		solved[i].Output = strconv.FormatInt(value, 10)
	}
	return solved, nil
}

// probes are what a term is tried on that must not be constant: both signs, remainders and magnitudes.
var probes = [...]int64{0, 1, -1, 2, -2, 3, -3, 5, -7, 10, -10, 19, 100, -100, 1_000, -1_000, 10_000, -10_000, 100_000, -100_000}

// constant tells whether the term has one value wherever the probes give it any.
func constant(t term) bool {
	values := map[int64]bool{}
	for _, x := range probes {
		if value, err := t.eval(x); err == nil {
			values[value] = true
		}
	}
	return len(values) < 2
}

// Measure counts operators. Program is the term's canonical text, and Skeleton the same with every constant
// as n. Distance is the mean edit distance of those texts, over the longer one's length. Terms have no
// branches and call no other terms: the rest stays zero.
func (e *Environment) Measure(_ context.Context, task azr.Task, references []azr.Task) (azr.Measures, error) {
	t, err := parse(task.Program)
	if err != nil {
		return azr.Measures{}, nil
	}
	m := measure(t)
	if task.Type == azr.Induction { // its term is the reference's
		return m, nil
	}
	for _, r := range references {
		longer := max(len(m.Program), len(r.Program))
		m.Distance += float64(smetrics.WagnerFischer(m.Program, r.Program, 1, 1, 1)) / float64(longer) / float64(len(references))
	}
	return m, nil
}

func measure(t term) azr.Measures {
	return azr.Measures{Program: t.String(), Skeleton: t.skeleton(), Size: t.size()}
}

// Verify evaluates a term and compares (paper, section 3.3.4): deduction the answer with the result,
// abduction the term's value at the answer, induction the answer's values at all hidden inputs.
func (e *Environment) Verify(_ context.Context, task azr.Task, answer string) (azr.Verdict, error) {
	program, examples := task.Program, task.Examples
	switch task.Type {
	case azr.Deduction:
		if answer != examples[0].Output {
			return fail("wrong"), nil
		}
		return azr.Verdict{Outcome: azr.Pass}, nil
	case azr.Abduction:
		examples = []azr.Example{{Input: answer, Output: examples[0].Output}}
	default:
		program, examples = answer, examples[task.Shown():]
	}
	t, err := parse(program)
	if err != nil {
		return azr.Verdict{Outcome: azr.Unchecked, Reason: err.Error()}, nil // ParseAnswer let the answer pass: it is the task's term
	}
	solved, err := solve(t, examples)
	switch {
	case err != nil:
		return azr.Verdict{Outcome: azr.Fault, Reason: err.Error()}, nil
	case !slices.Equal(solved, examples):
		return fail("wrong"), nil
	}
	return azr.Verdict{Outcome: azr.Pass}, nil
}

// Recognize returns why a task that was made elsewhere is none of this world's, or nil.
func (e *Environment) Recognize(task azr.Task) error {
	if templates.Lookup(templateName(azr.Solve, task.Type)) == nil {
		return fmt.Errorf("terms.Recognize: no such tasks here; got type %s, want one of %v", task.Type, azr.TaskTypes)
	}
	if _, err := parse(task.Program); err != nil {
		return fmt.Errorf("terms.Recognize: %w; got program %.40q, want arithmetic over x", err, task.Program)
	}
	for _, example := range task.Examples {
		for _, text := range []string{example.Input, example.Output} {
			if canonical, ok := number(text); !ok || canonical != text {
				return fmt.Errorf("terms.Recognize: not a whole number; got %.40q in an example of %.40q", text, task.Program)
			}
		}
	}
	return nil
}
