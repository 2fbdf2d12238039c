package python_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/selfplay/python"
)

// W4: a deduced output is compared as a value, whatever its type and notation, and nothing is run for it.
func TestW4DeductionComparesValuesOfAllTypes(t *testing.T) {
	executor := azr.NewFakeExecutor(func(string, string) azr.Result { panic("something is run") })
	environment, err := python.New(python.DefaultConfig(), executor)
	require.NoError(t, err)
	for _, c := range []struct {
		output, answer string
		want           azr.Outcome
	}{
		{"'a b'", `"a b"`, azr.Pass},
		{"'a b'", "a b", azr.Fail},
		{"3", "3.0", azr.Pass},
		{"True", "1", azr.Pass},
		{"None", "'None'", azr.Fail},
		{"b'x'", "'x'", azr.Fail},
		{"[1, (2,)]", "[ 1 , ( 2 , ) ]", azr.Pass},
		{"[1, (2,)]", "[1, [2]]", azr.Fail},
		{"{'k': {2, 1}}", `{"k": {1, 2}}`, azr.Pass},
		{"{'k': {2, 1}}", `{"k": {1, 2, 3}}`, azr.Fail},
	} {
		task := azr.Task{Type: azr.Deduction, Program: "def f(x):\n    return x", Examples: []azr.Example{{Input: "0", Output: c.output}}}
		verdict, err := environment.Verify(t.Context(), task, c.answer)
		require.NoError(t, err)
		assert.Equal(t, c.want, verdict.Outcome, "%s for %s", c.answer, c.output)
	}
	assert.Empty(t, executor.Runs())
}
