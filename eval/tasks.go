package eval

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/azr-train/azr"
)

// maxLineBytes bounds a line of a file of tasks.
const maxLineBytes = 16 << 20

// Tasks reads a file with one [azr.Task] a line, in JSON. The keys type, program
// and examples are required and unknown ones are refused; the id is worked out
// where it is missing. Empty lines are skipped.
func Tasks(path string) ([]azr.Task, error) {
	const op = "eval.Tasks"
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	defer f.Close()
	var tasks []azr.Task
	seen := map[string]int{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxLineBytes)
	n := 0
	for lines.Scan() {
		n++
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		task, err := parseTask(lines.Bytes())
		if err != nil {
			return nil, fmt.Errorf("%s: %s:%d: %w", op, path, n, err)
		}
		if first, ok := seen[task.ID]; ok {
			return nil, fmt.Errorf("%s: %s:%d: the task is that of line %d", op, path, n, first)
		}
		seen[task.ID] = n
		tasks = append(tasks, task)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %s:%d: %w", op, path, n+1, err)
	}
	if len(tasks) == 0 {
		return nil, fmt.Errorf("%s: %s has no tasks; want one JSON object a line", op, path)
	}
	return tasks, nil
}

// inJSON says what a value is and should not be, without the names of this program.
func inJSON(err error) error {
	var wrong *json.UnmarshalTypeError
	switch {
	case !errors.As(err, &wrong):
		return err
	case wrong.Field == "" || wrong.Field == "Task":
		return fmt.Errorf("got a JSON %s, want an object", wrong.Value)
	}
	return fmt.Errorf("%s; got a JSON %s", strings.TrimPrefix(wrong.Field, "Task."), wrong.Value)
}

func parseTask(line []byte) (azr.Task, error) {
	var read struct {
		Type *azr.TaskType `json:"type"` // tells a missing type from the first one
		azr.Task
	}
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&read); err != nil {
		return azr.Task{}, fmt.Errorf("not a task: %w", inJSON(err))
	}
	task := read.Task
	if read.Type == nil {
		return azr.Task{}, fmt.Errorf("no type; want one of %v", azr.AllTaskTypes)
	}
	task.Type = *read.Type
	if task.Program == "" {
		return azr.Task{}, fmt.Errorf("no program")
	}
	switch n := len(task.Examples); {
	case task.Type == azr.Induction && n < 2:
		return azr.Task{}, fmt.Errorf("induction shows some examples and hides others; got %d, want at least 2", n)
	case task.Type != azr.Induction && n != 1:
		return azr.Task{}, fmt.Errorf("%s has one example; got %d", task.Type, n)
	}
	switch id := task.ContentID(); task.ID {
	case "", id:
		task.ID = id
	default:
		return azr.Task{}, fmt.Errorf("the id is not that of the content; got %q, want %q; leave it out to have it worked out", task.ID, id)
	}
	return task, nil
}
