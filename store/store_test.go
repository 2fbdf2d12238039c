package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/azr-train/azr"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func create(t *testing.T) (*Store, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a run?#%", "run.sqlite")
	require.NoError(t, os.Mkdir(filepath.Dir(path), 0o755))
	s, err := Create(path)
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	return s, path
}

// record is a step with one task and one proposal of each type, and three answers.
func record(step int) azr.StepRecord {
	r := azr.StepRecord{Step: step, Metrics: map[string]float64{"loss": float64(step) / 3, "nan": math.NaN()}, Timings: map[string]float64{"seconds/solve": 1.5}}
	for i, typ := range azr.TaskTypes {
		task := azr.Task{
			Type: typ, Program: fmt.Sprintf("def f(x):\n    return x * %d + %d", step, i),
			Examples: []azr.Example{{Input: "1", Output: "2"}, {Input: "'é\x00'", Output: "3"}},
			Message:  "multiply", Step: step, Proposal: azr.SampleID{Step: step, Type: typ, Index: i}, SolveRate: 0.25,
			Measures: azr.Measures{Program: "p", Skeleton: "s", Size: step, Complexity: 1, Halstead: 0.5, Distance: 0.25, Standalone: true},
		}
		task.ID = task.ContentID()
		r.Tasks = append(r.Tasks, task)
		r.Rows = append(r.Rows,
			azr.Row{ID: task.Proposal, Role: azr.Propose, TaskID: task.ID, Prompt: "propose", Text: "a\x00b\xff\x1b[31m", SolveRate: 0.25,
				Verdict: azr.Verdict{Outcome: azr.Pass}, Reward: 0.75, Trained: true, Advantage: 1.0 / 3, PromptTokens: 10, ResponseTokens: 20},
			azr.Row{ID: azr.SampleID{Step: step, Purpose: azr.Solving, Type: typ, Index: i}, Role: azr.Solve, TaskID: task.ID, Prompt: "solve",
				Text: "t", Answer: "2", Finish: azr.Truncated, Verdict: azr.Verdict{Outcome: azr.Fail, Reason: "wrong"}, SolveRate: -1, Reward: -0.5, Trained: true})
	}
	return r
}

func TestReopenedFileHoldsWhatWasCommitted(t *testing.T) {
	s, path := create(t)
	first, last, err := s.Steps()
	require.NoError(t, err)
	assert.Equal(t, [2]int{-1, -1}, [2]int{first, last})
	metrics, err := s.LastMetrics()
	require.NoError(t, err)
	assert.Empty(t, metrics)
	want := []azr.StepRecord{record(0), record(1), record(4)}
	for _, r := range want {
		require.NoError(t, s.Commit(r))
	}
	require.NoError(t, s.Close())

	s, err = Open(path)
	require.NoError(t, err)
	defer s.Close()
	first, last, err = s.Steps()
	require.NoError(t, err)
	assert.Equal(t, [2]int{0, 4}, [2]int{first, last})
	for i, typ := range azr.TaskTypes {
		tasks, err := s.Tasks(typ)
		require.NoError(t, err)
		assert.Equal(t, []azr.Task{want[0].Tasks[i], want[1].Tasks[i], want[2].Tasks[i]}, tasks)
	}
	rows, err := s.Rows(Filter{First: 1, Last: 1})
	require.NoError(t, err)
	assert.Equal(t, want[1].Rows, rows)
	metrics, err = s.LastMetrics()
	require.NoError(t, err)
	assert.Equal(t, want[2].Metrics["loss"], metrics["loss"])
}

func TestCommitIsAllOrNothing(t *testing.T) {
	s, _ := create(t)
	require.NoError(t, s.Commit(record(1)))
	bad := record(2)
	bad.Rows = append(bad.Rows, bad.Rows[0]) // a sample's id is unique
	require.NoError(t, s.Record("key", azr.Result{Status: azr.OK, Value: "1"}))
	err := s.Commit(bad)
	require.ErrorContains(t, err, "store.Commit: ")
	require.ErrorContains(t, err, "step 2 proposing deduction 0.0")
	assert.NotContains(t, err.Error(), "\n")

	_, last, err := s.Steps()
	require.NoError(t, err)
	assert.Equal(t, 1, last)
	counts, err := s.TaskCounts()
	require.NoError(t, err)
	assert.Equal(t, map[azr.TaskType]int{azr.Deduction: 1, azr.Abduction: 1, azr.Induction: 1}, counts)
	records, err := s.Records(2, 2)
	require.NoError(t, err)
	assert.Empty(t, records)

	require.NoError(t, s.Commit(record(2)), "a failed step leaves nothing in the way")
	r, ok, err := s.Lookup("key")
	require.NoError(t, err)
	assert.True(t, ok)
	assert.Equal(t, "1", r.Value, "a failed commit keeps what is pending")
}

func TestStepsAreCommittedOnceAndInOrder(t *testing.T) {
	s, _ := create(t)
	require.NoError(t, s.Commit(record(3)))
	assert.ErrorContains(t, s.Commit(record(3)), "store.Commit: steps are committed once and in order; got step 3, want more than 3")
	assert.ErrorContains(t, s.Commit(record(2)), "got step 2, want more than 3")
}

func TestRollbackForgetsLaterStepsAndKeepsTheJournal(t *testing.T) {
	s, path := create(t)
	for step := range 4 {
		require.NoError(t, s.Record(fmt.Sprint("key", step), azr.Result{Status: azr.Timeout}))
		require.NoError(t, s.Commit(record(step)))
	}
	require.NoError(t, s.Rollback(1))

	_, last, err := s.Steps()
	require.NoError(t, err)
	assert.Equal(t, 1, last)
	tasks, err := s.Tasks(azr.Induction)
	require.NoError(t, err)
	assert.Equal(t, []azr.Task{record(0).Tasks[2], record(1).Tasks[2]}, tasks)
	rows, err := s.Rows(Filter{First: 2, Last: 9})
	require.NoError(t, err)
	assert.Empty(t, rows)
	found, err := s.Search("x * 3", 9)
	require.NoError(t, err)
	assert.Empty(t, found, "the index forgets too")
	n, err := s.Journaled()
	require.NoError(t, err)
	assert.Equal(t, 4, n)
	require.NoError(t, s.Commit(record(2)), "the step can be played again")

	require.NoError(t, s.Close())
	s, err = Open(path)
	require.NoError(t, err)
	defer s.Close()
	r, ok, err := s.Lookup("key3")
	require.NoError(t, err)
	assert.True(t, ok)
	assert.Equal(t, azr.Timeout, r.Status)
}

func TestOtherFilesAreRefused(t *testing.T) {
	s, path := create(t)
	_, err := Create(path)
	require.ErrorContains(t, err, "store.Create: the file exists")

	require.NoError(t, s.Close())
	for version, words := range map[int]string{
		schemaVersion + 1: "was written by a newer azr-train; got schema version %d, want at most %d",
		schemaVersion - 1: "was not written to its end or by an older azr-train; got schema version %d, want %d",
	} {
		file, err := os.OpenFile(path, os.O_WRONLY, 0)
		require.NoError(t, err)
		_, err = file.WriteAt(binary.BigEndian.AppendUint32(nil, uint32(version)), 60) // where SQLite's header has it
		require.NoError(t, err)
		require.NoError(t, file.Close())
		_, err = Open(path)
		assert.ErrorContains(t, err, fmt.Sprintf(words, version, schemaVersion))
	}

	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	require.NoError(t, os.WriteFile(text, []byte(strings.Repeat("not a database ", 100)), 0o644))
	empty := filepath.Join(dir, "empty")
	require.NoError(t, os.WriteFile(empty, nil, 0o644))
	for name, want := range map[string]string{
		filepath.Join(dir, "none"): "is this the folder of a run?",
		text:                       "the file is damaged or not a run's",
		empty:                      "is an SQLite file, but not a run's",
	} {
		_, err := Open(name)
		require.ErrorContains(t, err, want)
		assert.True(t, strings.HasPrefix(err.Error(), "store.Open: "), err)
		assert.NotContains(t, err.Error(), "\n")
	}
}

func TestFullDiskIsOneLineAndNotFatal(t *testing.T) {
	s, _ := create(t)
	var pages int
	require.NoError(t, s.db.QueryRow("PRAGMA page_count").Scan(&pages))
	limit := func(n int) {
		_, err := s.db.Exec(fmt.Sprintf("PRAGMA max_page_count = %d", n))
		require.NoError(t, err)
	}
	limit(pages) // SQLite answers as on a full disk

	require.NoError(t, s.Record("key", azr.Result{Status: azr.OK, Value: strings.Repeat("v", 1<<16)}))
	s.flushLater()
	err := s.Record("other", azr.Result{})
	require.ErrorContains(t, err, "store.Record: ")
	assert.ErrorContains(t, err, "database or disk is full (13); free some space and resume")
	err = s.Commit(record(1))
	require.ErrorContains(t, err, "store.Commit: ")
	assert.ErrorContains(t, err, "free some space")
	assert.NotContains(t, err.Error(), "\n")

	limit(1 << 20)
	require.NoError(t, s.Commit(record(1)))
	n, err := s.Journaled()
	require.NoError(t, err)
	assert.Equal(t, 2, n, "nothing that was pending is lost")
}

func TestCloseReportsWhatItCouldNotFlush(t *testing.T) {
	s, _ := create(t)
	_, err := s.db.Exec("PRAGMA query_only = 1")
	require.NoError(t, err)
	require.NoError(t, s.Record("key", azr.Result{}))
	assert.ErrorContains(t, s.Close(), "store.Close: ")
}

func TestViewReadsBesideTheWriterAndWritesNothing(t *testing.T) {
	s, path := create(t)
	require.NoError(t, s.Commit(record(1)))
	v, err := View(path)
	require.NoError(t, err)
	defer v.Close()
	require.NoError(t, s.Commit(record(2)), "a reader does not stop the writer")
	_, last, err := v.Steps()
	require.NoError(t, err)
	assert.Equal(t, 2, last)

	assert.ErrorContains(t, v.Commit(record(3)), "it was opened for reading only")
	assert.ErrorContains(t, v.Rollback(0), "it was opened for reading only")
	assert.ErrorContains(t, v.Record("key", azr.Result{}), "it was opened for reading only")
	_, err = v.db.Exec("DELETE FROM steps")
	assert.Error(t, err)
}

func TestViewOfAFolderThatCannotBeWritten(t *testing.T) {
	s, path := create(t)
	require.NoError(t, s.Commit(record(1)))
	require.NoError(t, s.Close())
	assert.NoFileExists(t, path+"-wal", "a closed file is whole")
	require.NoError(t, os.Chmod(filepath.Dir(path), 0o555))
	defer os.Chmod(filepath.Dir(path), 0o755)

	v, err := View(path)
	require.NoError(t, err)
	defer v.Close()
	_, last, err := v.Steps()
	require.NoError(t, err)
	assert.Equal(t, 1, last)
	if os.Geteuid() == 0 {
		return // permissions do not bind root
	}
	_, err = Open(path)
	require.Error(t, err)
	assert.False(t, errors.Is(err, os.ErrNotExist))
}
