package store

import (
	"fmt"
	"strings"

	"github.com/azr-train/azr"
)

// Steps returns the first and the last committed step, or -1 and -1 if there is none.
func (s *Store) Steps() (first, last int, err error) {
	err = s.db.QueryRow("SELECT coalesce(min(step), -1), coalesce(max(step), -1) FROM steps").Scan(&first, &last)
	if err != nil {
		return -1, -1, s.failed("store.Steps", err)
	}
	return first, last, nil
}

// TaskCounts counts the tasks of each type, seeds included.
func (s *Store) TaskCounts() (map[azr.TaskType]int, error) {
	type count struct {
		t azr.TaskType
		n int
	}
	counts, err := collect(s, "store.TaskCounts", "SELECT type, count(*) FROM tasks GROUP BY type", nil,
		func(c *count) []any { return []any{named{&c.t}, &c.n} })
	if err != nil {
		return nil, err
	}
	byType := make(map[azr.TaskType]int)
	for _, c := range counts {
		byType[c.t] = c.n
	}
	return byType, nil
}

// Task finds a task by its ID.
func (s *Store) Task(id string) (azr.Task, bool, error) {
	tasks, err := s.tasks("store.Task", "WHERE id = ? ORDER BY seq LIMIT 1", id)
	if err != nil || len(tasks) == 0 {
		return azr.Task{}, false, err
	}
	return tasks[0], true, nil
}

// Search returns up to limit tasks whose program contains text, letter case
// ignored, in the order in which they were committed. The index holds trigrams:
// text has at least 3 characters.
func (s *Store) Search(text string, limit int) ([]azr.Task, error) {
	if len([]rune(text)) < 3 {
		return nil, fmt.Errorf("store.Search: the text is too short for the index; got %q, want at least 3 characters", text)
	}
	phrase := `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
	return s.tasks("store.Search", "WHERE seq IN (SELECT rowid FROM programs WHERE programs MATCH ?) ORDER BY seq LIMIT ?", phrase, limit)
}

// Records returns the steps from first to last, in order, with their Metrics
// and Timings; Tasks and Rows are left out, see [Store.Rows].
func (s *Store) Records(first, last int) ([]azr.StepRecord, error) {
	const op = "store.Records"
	records, err := collect(s, op, "SELECT step FROM steps WHERE step BETWEEN ? AND ? ORDER BY step", []any{first, last},
		func(r *azr.StepRecord) []any { return []any{&r.Step} })
	if err != nil {
		return nil, err
	}
	at := make(map[int]int)
	for i := range records {
		at[records[i].Step] = i
		records[i].Metrics, records[i].Timings = map[string]float64{}, map[string]float64{}
	}
	type metric struct {
		step     int
		measured bool
		name     string
		value    float64
	}
	metrics, err := collect(s, op, "SELECT step, measured, name, value FROM metrics WHERE step BETWEEN ? AND ?", []any{first, last},
		func(m *metric) []any { return []any{&m.step, &m.measured, &m.name, number{&m.value}} })
	for _, m := range metrics {
		if i, ok := at[m.step]; ok && m.measured {
			records[i].Timings[m.name] = m.value
		} else if ok {
			records[i].Metrics[m.name] = m.value
		}
	}
	return records, err
}

// LastMetrics returns the metrics of the last step committed; none of an empty file.
func (s *Store) LastMetrics() (map[string]float64, error) {
	_, last, err := s.Steps()
	if err != nil || last < 0 {
		return nil, err
	}
	records, err := s.Records(last, last)
	if err != nil {
		return nil, err
	}
	return records[0].Metrics, nil
}

// Filter selects completions; its zero value selects all of step 0.
type Filter struct {
	// First and Last bound the steps, both included.
	First, Last int
	// Role, Type and Outcome select one each; nil selects all.
	Role    *azr.Role
	Type    *azr.TaskType
	Outcome *azr.Outcome
	// Limit is the most rows to return; 0 returns all.
	Limit int
}

// where is the filter as an SQL condition.
func (f Filter) where() (string, []any) {
	where, args := "WHERE step BETWEEN ? AND ?", []any{f.First, f.Last}
	if f.Role != nil {
		where, args = where+" AND role = ?", append(args, f.Role.String())
	}
	if f.Type != nil {
		where, args = where+" AND type = ?", append(args, f.Type.String())
	}
	if f.Outcome != nil {
		where, args = where+" AND outcome = ?", append(args, f.Outcome.String())
	}
	return where, args
}

// Rows returns the completions that a filter selects, in the order in which they were committed.
func (s *Store) Rows(f Filter) ([]azr.Row, error) {
	where, args := f.where()
	where += " ORDER BY seq"
	if f.Limit > 0 {
		where, args = where+" LIMIT ?", append(args, f.Limit)
	}
	return collect(s, "store.Rows", `SELECT sampled, purpose, type, idx, rollout, role, task_id, prompt, text, answer,
		finish, outcome, reason, solve_rate, reward, trained, advantage, prompt_tokens, response_tokens FROM completions `+where, args,
		func(r *azr.Row) []any {
			return []any{&r.ID.Step, named{&r.ID.Purpose}, named{&r.ID.Type}, &r.ID.Index, &r.ID.Rollout, named{&r.Role}, &r.TaskID,
				&r.Prompt, &r.Text, &r.Answer, named{&r.Finish}, named{&r.Verdict.Outcome}, &r.Verdict.Reason,
				&r.SolveRate, number{&r.Reward}, &r.Trained, number{&r.Advantage}, &r.PromptTokens, &r.ResponseTokens}
		})
}

// Summary is what became of the completions of one group in one step.
type Summary struct {
	Step int
	azr.Group
	// Purpose tells estimates from the answers that are solved for the update; both have the role Solve.
	Purpose azr.Purpose
	// Completions counts them all; the outcomes add up to it.
	Completions, Passed, Failed, Faults, Malformed, Unchecked int
	// Trained counts those that became a sample of the update.
	Trained int
	// Reward is the mean over the trained ones; NaN if there are none.
	Reward float64
	// SolveRate is the mean over proposals that were estimated; NaN if there are none.
	SolveRate float64
}

// Summaries returns one Summary for each step, group and purpose that a filter selects
// and that has completions, ordered by step, role, purpose and type. Limit is not used.
func (s *Store) Summaries(f Filter) ([]Summary, error) {
	where, args := f.where()
	return collect(s, "store.Summaries", `SELECT step, role, purpose, type, count(*),
		sum(outcome = 'pass'), sum(outcome = 'fail'), sum(outcome = 'fault'), sum(outcome = 'malformed'), sum(outcome = 'unchecked'),
		sum(trained), avg(iif(trained, reward, NULL)), avg(iif(solve_rate >= 0, solve_rate, NULL))
		FROM completions `+where+` GROUP BY step, role, purpose, type
		ORDER BY step, role, purpose, instr('deduction abduction induction error', type)`, args,
		func(g *Summary) []any {
			return []any{&g.Step, named{&g.Role}, named{&g.Purpose}, named{&g.Type}, &g.Completions, &g.Passed, &g.Failed, &g.Faults, &g.Malformed, &g.Unchecked,
				&g.Trained, number{&g.Reward}, number{&g.SolveRate}}
		})
}
