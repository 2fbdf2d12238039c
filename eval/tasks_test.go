package eval

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/azr-train/azr"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const trivial = "../testdata/tasks/trivial.jsonl"

func TestTrivialTasksAreTwelveOfEachType(t *testing.T) {
	tasks, err := Tasks(trivial)
	require.NoError(t, err)
	counts := map[azr.TaskType]int{}
	for _, task := range tasks {
		counts[task.Type]++
		assert.Equal(t, task.ContentID(), task.ID)
		assert.Equal(t, -1.0, task.SolveRate)
		assert.Equal(t, task.Type == azr.Induction, task.Message != "")
	}
	assert.Equal(t, map[azr.TaskType]int{azr.Deduction: 12, azr.Abduction: 12, azr.Induction: 12}, counts)
}

func TestTrivialTasksAreWhatTheirScriptPrints(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 on this machine")
	}
	got, err := exec.Command(python, "../testdata/tasks/make_trivial.py").Output()
	require.NoError(t, err)
	want, err := os.ReadFile(trivial)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got))
}

func TestTasksNamesTheLineThatIsWrong(t *testing.T) {
	const good = `{"type":"deduction","program":"def f(x):\n    return x","examples":[{"input":"1","output":"1"}]}`
	for content, want := range map[string]string{
		"":                      "has no tasks",
		good + "\n\n{}":         ":3: no type; want one of [deduction abduction induction error]",
		good + "\n" + good:      ":2: the task is that of line 1",
		good[:50]:               ":1: not a task: unexpected EOF",
		`{"type":"recital"}`:    `:1: not a task: azr.UnmarshalText: unknown name; got "recital"`,
		`{"type":"induction"}`:  ":1: no program",
		`{"kind":"deduction"}`:  `:1: not a task: json: unknown field "kind"`,
		`{"id":"0",` + good[1:]: ":1: the id is not that of the content",
		strings.Replace(good, "deduction", "induction", 1):    ":1: induction shows some examples and hides others; got 1, want at least 2",
		strings.Replace(good, `[{"input"`, `[{},{"input"`, 1): ":1: deduction has one example; got 2",
	} {
		path := filepath.Join(t.TempDir(), "tasks.jsonl")
		require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
		_, err := Tasks(path)
		require.ErrorContains(t, err, want)
		assert.True(t, strings.HasPrefix(err.Error(), "eval.Tasks: "+path), err)
		assert.NotContains(t, err.Error(), "\n")
	}
	_, err := Tasks("none.jsonl")
	assert.ErrorIs(t, err, os.ErrNotExist)
}
