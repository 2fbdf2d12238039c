package store

import (
	"database/sql"
	"fmt"
	"maps"
	"slices"

	"github.com/azr-train/azr"
)

// Commit writes a step, and with it what is pending in the journal, in one
// transaction that has reached the disk when Commit returns: all of it or
// nothing. Steps are committed once and in order; a gap is allowed.
func (s *Store) Commit(r azr.StepRecord) error {
	const op = "store.Commit"
	_, last, err := s.Steps()
	if err != nil {
		return err
	}
	if r.Step <= last {
		return fmt.Errorf("%s: steps are committed once and in order; got step %d, want more than %d; Rollback forgets later steps", op, r.Step, last)
	}
	var batch map[string]azr.Result
	err = s.durably(func(tx *sql.Tx) error {
		batch = s.pending.batch()
		if err := journal(tx, batch); err != nil {
			return err
		}
		if _, err := tx.Exec("INSERT INTO steps VALUES (?)", r.Step); err != nil {
			return err
		}
		if err := insertTasks(tx, r.Step, r.Tasks); err != nil {
			return err
		}
		if err := insertRows(tx, r.Step, r.Rows); err != nil {
			return err
		}
		if err := insertMetrics(tx, r.Step, false, r.Metrics); err != nil {
			return err
		}
		return insertMetrics(tx, r.Step, true, r.Timings)
	})
	if err != nil {
		return s.failed(op, fmt.Errorf("step %d: %w", r.Step, err))
	}
	s.pending.settle(batch)
	return nil
}

// Rollback forgets the steps after step: their tasks, completions and metrics.
// The journal of results is never rolled back.
func (s *Store) Rollback(step int) error {
	err := s.durably(func(tx *sql.Tx) error {
		_, err := tx.Exec("DELETE FROM steps WHERE step > ?", step)
		return err
	})
	if err != nil {
		return s.failed("store.Rollback", err)
	}
	return nil
}

// Tasks returns the tasks of a type in the order in which they were committed.
func (s *Store) Tasks(t azr.TaskType) ([]azr.Task, error) {
	return s.tasks("store.Tasks", "WHERE type = ? ORDER BY seq", t.String())
}

func insertTasks(tx *sql.Tx, step int, tasks []azr.Task) error {
	insert, err := tx.Prepare(`INSERT INTO tasks (step, id, type, program, examples, message, proposed, proposal, solve_rate, measures)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
	if err != nil {
		return err
	}
	defer insert.Close()
	for _, t := range tasks {
		if _, err := insert.Exec(step, t.ID, t.Type.String(), t.Program, inJSON{t.Examples}, t.Message,
			t.Step, inJSON{t.Proposal}, t.SolveRate, inJSON{t.Measures}); err != nil {
			return fmt.Errorf("task %s: %w", t.ID, err)
		}
	}
	return nil
}

func insertRows(tx *sql.Tx, step int, rows []azr.Row) error {
	insert, err := tx.Prepare(`INSERT INTO completions (step, sampled, purpose, type, idx, rollout, role, task_id, prompt, text, answer,
		finish, outcome, reason, solve_rate, reward, trained, advantage, prompt_tokens, response_tokens)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
	if err != nil {
		return err
	}
	defer insert.Close()
	for _, r := range rows {
		if _, err := insert.Exec(step, r.ID.Step, r.ID.Purpose.String(), r.ID.Type.String(), r.ID.Index, r.ID.Rollout,
			r.Role.String(), r.TaskID, r.Prompt, r.Text, r.Answer, r.Finish.String(), r.Verdict.Outcome.String(), r.Verdict.Reason,
			r.SolveRate, r.Reward, r.Trained, r.Advantage, r.PromptTokens, r.ResponseTokens); err != nil {
			return fmt.Errorf("completion of %v: %w", r.ID, err)
		}
	}
	return nil
}

func insertMetrics(tx *sql.Tx, step int, measured bool, values map[string]float64) error {
	insert, err := tx.Prepare("INSERT INTO metrics VALUES (?, ?, ?, ?)")
	if err != nil {
		return err
	}
	defer insert.Close()
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if _, err := insert.Exec(step, measured, name, values[name]); err != nil {
			return fmt.Errorf("metric %s: %w", name, err)
		}
	}
	return nil
}

// tasks reads the tasks that a WHERE clause selects.
func (s *Store) tasks(op, where string, args ...any) ([]azr.Task, error) {
	const columns = "SELECT id, type, program, examples, message, proposed, proposal, solve_rate, measures FROM tasks "
	return collect(s, op, columns+where, args, func(t *azr.Task) []any {
		return []any{&t.ID, named{&t.Type}, &t.Program, fromJSON{&t.Examples}, &t.Message, &t.Step, fromJSON{&t.Proposal}, &t.SolveRate, fromJSON{&t.Measures}}
	})
}
