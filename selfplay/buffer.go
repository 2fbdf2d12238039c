package selfplay

import "github.com/azr-train/azr"

// buffer holds the tasks of one type, oldest first and without duplicates. It
// has room for max tasks; the oldest makes room for a new one.
type buffer struct {
	tasks []azr.Task
	known map[string]bool // ids of tasks
	max   int
}

func newBuffer(max int) *buffer { return &buffer{known: map[string]bool{}, max: max} }

// add appends a task and tells whether it was new.
func (b *buffer) add(t azr.Task) bool {
	if b.known[t.ID] {
		return false
	}
	if len(b.tasks) == b.max {
		delete(b.known, b.tasks[0].ID)
		b.tasks = b.tasks[1:]
	}
	b.tasks = append(b.tasks, t)
	b.known[t.ID] = true
	return true
}
