package selfplay_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/selfplay"
)

// listener notes what Progress is told of proposals.
type listener struct {
	azr.NoProgress
	told []told
}

type told struct {
	task    string
	kind    azr.TaskType
	verdict azr.Verdict
	rate    float64
}

func (l *listener) Settled(task azr.Task, verdict azr.Verdict) {
	l.told = append(l.told, told{task.ID, task.Type, verdict, task.SolveRate})
}

// Progress hears of each proposal of a step once, and what the step's rows say of it; but of equal
// proposals of one step each looks like the first.
func TestProgressHearsOfEachProposal(t *testing.T) {
	ears, store := &listener{}, &azr.MemoryStore{}
	g, err := selfplay.New(small(), 7, azr.NewFakeGenerator(player), toy{azr.NewFakeExecutor(add)}, store, ears)
	require.NoError(t, err)
	record, err := g.Seed(t.Context())
	require.NoError(t, err)
	require.NoError(t, store.Commit(record))
	assert.Len(t, ears.told, proposals(record.Rows, nil))
	outcomes := map[azr.Outcome]int{}
	for step := range 3 {
		ears.told = nil
		play, err := g.Step(t.Context(), step+1)
		require.NoError(t, err)
		require.NoError(t, store.Commit(play.Record))
		var rows []told
		count := proposals(play.Record.Rows, func(r azr.Row) {
			row := told{r.TaskID, r.ID.Type, r.Verdict, r.SolveRate}
			if r.Verdict.Reason == "duplicate" && r.SolveRate >= 0 {
				row.verdict = azr.Verdict{Outcome: azr.Pass}
			}
			rows = append(rows, row)
			outcomes[r.Verdict.Outcome]++
		})
		require.Equal(t, 3*small().BatchSize, count)
		assert.ElementsMatch(t, rows, ears.told)
	}
	assert.NotZero(t, outcomes[azr.Pass])
	assert.Greater(t, len(outcomes), 1)
}

// proposals visits and counts the rows of proposals.
func proposals(rows []azr.Row, visit func(azr.Row)) (n int) {
	for _, r := range rows {
		if r.Role == azr.Propose {
			n++
			if visit != nil {
				visit(r)
			}
		}
	}
	return n
}
