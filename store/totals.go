package store

// Totals count what a run's file has of the steps up to one.
type Totals struct {
	Steps       int `json:"steps"`
	Tasks       int `json:"tasks"`
	Completions int `json:"completions"`
}

// Totals counts up to a step, that one included.
func (s *Store) Totals(step int) (t Totals, err error) {
	err = s.db.QueryRow(`SELECT (SELECT count(*) FROM steps WHERE step <= ?1), (SELECT count(*) FROM tasks WHERE step <= ?1),
		(SELECT count(*) FROM completions WHERE step <= ?1)`, step).Scan(&t.Steps, &t.Tasks, &t.Completions)
	if err != nil {
		return t, s.failed("store.Totals", err)
	}
	return t, nil
}
