package python

import (
	"context"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/executor/literal"
)

// maxProbes is how many values there are of each kind.
const maxProbes = 5

// probeValues stand for an argument of their kind.
var probeValues = map[literal.Kind][maxProbes]string{
	literal.None:      {"0", "'a'", "[1]", "True", "2.5"},
	literal.Bool:      {"True", "False", "0", "1", "None"},
	literal.Int:       {"7", "0", "-12", "1", "100"},
	literal.Float:     {"0.5", "-3.25", "0.0", "100.0", "1.0"},
	literal.Complex:   {"1j", "(2+0.5j)", "0j", "(-1-1j)", "3j"},
	literal.Str:       {"'Hello'", "''", "'zyx 10'", "'a'", "'level'"},
	literal.Bytes:     {"b'Hello'", "b''", "b'zyx'", "b'a'", "b'10'"},
	literal.List:      {"[3, 1, 2, 2]", "[]", "['b', 'a']", "[-5]", "[[1, 2], [3]]"},
	literal.Tuple:     {"(3, 1, 2, 2)", "()", "('b', 'a')", "(-5,)", "((1, 2), (3,))"},
	literal.Dict:      {"{'a': 1, 'b': 2}", "{}", "{1: 'x'}", "{'k': [1, 2]}", "{3: 4, 5: 6, 7: 8}"},
	literal.Set:       {"{1, 2, 3}", "{-4}", "{'a', 'b'}", "{0}", "{10, 20}"},
	literal.FrozenSet: {"frozenset({1, 2})", "frozenset()", "frozenset({'a'})", "frozenset({0})", "frozenset({10, 20})"},
}

// probe passes a task unless its program gives [Config].Probes other inputs the
// task's own output: what a solver could then answer without looking at the
// input. An exception is another answer. Induction has its own rule.
func (e *Environment) probe(ctx context.Context, task azr.Task) (azr.Verdict, error) {
	pass := azr.Verdict{Outcome: azr.Pass}
	if e.cfg.Probes == 0 || task.Type == azr.Induction {
		return pass, nil
	}
	args, err := literal.ParseArgs(task.Examples[0].Input)
	if err != nil {
		return pass, nil
	}
	run := azr.Execution{Program: task.Program, Trusted: true}
	for i := range e.cfg.Probes {
		other := make([]literal.Value, len(args))
		for j, arg := range args {
			if other[j], err = literal.Parse(probeValues[arg.Kind()][i]); err != nil {
				panic(err) // the values are part of this program
			}
		}
		run.Inputs = append(run.Inputs, literal.FormatArgs(other))
	}
	results, err := e.executor.Run(ctx, run)
	if err != nil {
		return azr.Verdict{}, err
	}
	for _, r := range results {
		if r.Status != azr.OK || r.Value != task.Examples[0].Output {
			return pass, nil
		}
	}
	return azr.Verdict{Outcome: azr.Fail, Reason: "f ignores its input"}, nil
}
