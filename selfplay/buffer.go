package selfplay

import (
	"strings"

	"github.com/azr-train/azr"
)

// Duplicates says when two tasks of a type are the same.
type Duplicates string

const (
	// DuplicatesNone lets equal tasks into a buffer, as the authors' code does. Metrics count equal texts.
	DuplicatesNone Duplicates = "none"
	// DuplicatesText compares program, examples and message letter by letter.
	DuplicatesText Duplicates = "text"
	// DuplicatesAST compares the program whatever its names and layout, and the inputs.
	DuplicatesAST Duplicates = "ast"
	// DuplicatesProgram compares the program as DuplicatesAST does, whatever the input; for induction, whose
	// program is given, also the inputs.
	DuplicatesProgram Duplicates = "program"
	// DuplicatesSkeleton is DuplicatesProgram whatever the constants.
	DuplicatesSkeleton Duplicates = "skeleton"
)

// key is equal for tasks of a type that are the same. A task that was not measured is compared by its text.
func (d Duplicates) key(t azr.Task) string {
	var program string
	switch d {
	case DuplicatesAST, DuplicatesProgram:
		program = t.Measures.Program
	case DuplicatesSkeleton:
		program = t.Measures.Skeleton
	}
	if program == "" {
		return t.ID
	}
	key := []string{program}
	if d == DuplicatesAST || t.Type == azr.Induction {
		for _, e := range t.Examples {
			key = append(key, e.Input)
		}
	}
	return strings.Join(key, "\n")
}

// buffer holds the tasks of one type, oldest first. It has room for max tasks;
// the oldest makes room for a new one.
type buffer struct {
	tasks      []azr.Task
	duplicates Duplicates
	known      map[string]int // tasks by key
	programs   map[string]int // tasks by Measures.Program
	max        int
}

func newBuffer(duplicates Duplicates, max int) *buffer {
	return &buffer{duplicates: duplicates, known: map[string]int{}, programs: map[string]int{}, max: max}
}

// has tells whether the buffer holds a task that is the same.
func (b *buffer) has(t azr.Task) bool { return b.known[b.duplicates.key(t)] > 0 }

// add appends a task and tells whether it may be there beside the others.
func (b *buffer) add(t azr.Task) bool {
	if b.duplicates != DuplicatesNone && b.has(t) {
		return false
	}
	if len(b.tasks) == b.max {
		b.count(b.tasks[0], -1)
		b.tasks = b.tasks[1:]
	}
	b.tasks = append(b.tasks, t)
	b.count(t, 1)
	return true
}

func (b *buffer) count(t azr.Task, n int) {
	tally(b.known, b.duplicates.key(t), n)
	if t.Measures.Program != "" {
		tally(b.programs, t.Measures.Program, n)
	}
}

// tally adds n to a count and forgets a count of zero.
func tally(counts map[string]int, key string, n int) {
	if counts[key] += n; counts[key] == 0 {
		delete(counts, key)
	}
}

// ProgramFilter says which valid tasks enter a buffer.
type ProgramFilter string

const (
	// FilterAll keeps every valid task (the paper's).
	FilterAll ProgramFilter = "all"
	// FilterNonOne drops tasks that every estimate solved.
	FilterNonOne ProgramFilter = "non_one"
	// FilterNonExtremes drops tasks that every estimate solved, or none.
	FilterNonExtremes ProgramFilter = "non_extremes"
)

// keeps tells whether a task may enter a buffer. A seed, which was never estimated, may.
func (f ProgramFilter) keeps(t azr.Task) bool {
	return !(f != FilterAll && t.SolveRate == 1 || f == FilterNonExtremes && t.SolveRate == 0)
}
