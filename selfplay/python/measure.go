package python

import (
	"context"
	_ "embed"
	"encoding/json"
	"strings"

	"github.com/azr-train/azr"
)

// measuring is the program that measures others. It parses them and never runs them.
//
//go:embed measure.py
var measuring string

// Measure parses the program in the Executor's Python. A program that this
// interpreter does not parse, or that is too deep or too long to be looked at, has zero Measures.
func (e *Environment) Measure(ctx context.Context, task azr.Task, references []azr.Task) (azr.Measures, error) {
	programs := []string{}
	for _, r := range references {
		if task.Type != azr.Induction { // where the program is the reference's
			programs = append(programs, r.Program)
		}
	}
	results, err := e.executor.Run(ctx, azr.Execution{Program: measuring, Inputs: []string{stringLiteral(task.Program) + ", " + stringLiteral(programs)}})
	if err != nil || results[0].Status != azr.OK {
		return azr.Measures{}, err
	}
	var m azr.Measures
	if err := json.Unmarshal([]byte(strings.Trim(results[0].Value, "'")), &m); err != nil {
		return azr.Measures{}, nil // this Executor does not run Python
	}
	return m, nil
}

// stringLiteral writes a string, or a list of strings, as a Python literal. JSON is one.
func stringLiteral(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings always marshal
	}
	return string(text)
}
