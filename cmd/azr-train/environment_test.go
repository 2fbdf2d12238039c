package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The world of terms is played, measured, resumed and inspected like Python's, on a machine without Python.
func TestTermsAreAWorldToo(t *testing.T) {
	const noPython = "executor.python=/nonexistent/python3"
	dir, model := t.TempDir(), tinyModel(t)
	run, heldOut := filepath.Join(dir, "run"), filepath.Join(dir, "held-out.jsonl")
	require.NoError(t, os.WriteFile(heldOut, []byte(`{"type":"deduction","program":"x * 2 - 7","examples":[{"input":"5","output":"3"}]}
{"type":"induction","program":"x % 4 + 1","examples":[{"input":"5","output":"2"},{"input":"6","output":"3"}]}
`), 0o644))
	o := azrTrain(t, "", tinyRun(model, run, "--set", "environment.world=terms", "--set", noPython, "--set", "held_out.tasks="+heldOut, "--set", "held_out.max_tokens=8")...)
	require.Zero(t, o.code, o.stderr)
	assert.Contains(t, o.stdout, "2 steps of self-play (1 to 2)")
	assert.NoFileExists(t, filepath.Join(run, executorFile))

	o = azrTrain(t, "", "resume", run, "--steps", "1")
	require.Zero(t, o.code, o.stderr)
	assert.NotContains(t, o.stderr, "other conditions")

	var seen inspection
	require.NoError(t, json.Unmarshal([]byte(succeeded(t, "inspect", run, "--json")), &seen))
	assert.Nil(t, seen.Executor)
	assert.NotContains(t, seen.Provenance.Versions, "python")
	assert.Contains(t, seen.Provenance.Templates, "terms/solve_deduction.tmpl")
	for step := 1; step <= 3; step++ {
		assert.Positive(t, seen.Metrics[step]["trainer/weight_change"], "step %d", step)
	}
	assert.Contains(t, seen.Metrics[2], "held_out/deduction/accuracy")
	assert.FileExists(t, filepath.Join(run, "curves.svg"))
	assert.Contains(t, succeeded(t, "curves", run), "step 0  ")
	for _, row := range seen.Rows {
		assert.NotContains(t, row.Prompt, "def f")
	}
	succeeded(t, "inspect", run)

	text := succeeded(t, "eval", "--model", model, "--tasks", heldOut, "--max-tokens", "8", "--set", "environment.world=terms", "--set", noPython)
	assert.Contains(t, text, "deduction")
}
