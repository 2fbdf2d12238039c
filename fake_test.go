package azr_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
)

func TestFakeGeneratorTakesATickAToken(t *testing.T) {
	id := func(i int) azr.SampleID { return azr.SampleID{Index: i} }
	g := azr.NewFakeGenerator(azr.Script(map[azr.SampleID]string{id(0): "abc.def", id(1): "x", id(2): "too long"}))
	g.Slots, g.Context = 2, 12
	sampling := azr.Sampling{MaxTokens: 5, Stop: []string{"."}}
	for i, text := range []string{"one", "two", "three", "a prompt without room"} {
		require.NoError(t, g.Submit(azr.Prompt{ID: id(i), Text: text, Sampling: sampling}))
	}
	var finished []azr.Completion
	var ticks []int
	for tick := 1; g.Pending() > 0; tick++ {
		completions, err := g.Tick(t.Context())
		require.NoError(t, err)
		for _, c := range completions {
			finished, ticks = append(finished, c), append(ticks, tick)
		}
	}
	require.Len(t, finished, 4)
	assert.Equal(t, []int{2, 4, 5, 7}, ticks, "two slots, a tick a token, the end token included")
	for i, want := range []struct {
		index  int
		text   string
		finish azr.Finish
		tokens int
	}{{1, "x", azr.Stopped, 2}, {0, "abc", azr.Stopped, 4}, {3, "", azr.PromptTooLong, 0}, {2, "too l", azr.Truncated, 5}} {
		got := finished[i]
		assert.Equal(t, id(want.index), got.ID)
		assert.Equal(t, want.text, got.Text)
		assert.Equal(t, want.finish, got.Finish)
		assert.Len(t, got.IDs, want.tokens)
		assert.Len(t, got.LogProbs, want.tokens)
	}
}

func TestMemoryStore(t *testing.T) {
	var s azr.MemoryStore
	require.NoError(t, s.Commit(azr.StepRecord{Step: 0, Tasks: []azr.Task{{ID: "a"}, {ID: "b", Type: azr.Induction}}}))
	require.NoError(t, s.Commit(azr.StepRecord{Step: 1, Tasks: []azr.Task{{ID: "c"}}}))
	assert.Error(t, s.Commit(azr.StepRecord{Step: 1}))
	require.NoError(t, s.Record("key", azr.Result{Status: azr.OK, Value: "1"}))
	require.NoError(t, s.Record("key", azr.Result{Status: azr.Timeout}))
	require.NoError(t, s.Rollback(0))
	tasks, err := s.Tasks(azr.Deduction)
	require.NoError(t, err)
	assert.Equal(t, []azr.Task{{ID: "a"}}, tasks)
	r, found, err := s.Lookup("key")
	require.NoError(t, err)
	assert.True(t, found, "the journal is not rolled back")
	assert.Equal(t, azr.Result{Status: azr.OK, Value: "1"}, r, "the first one stays")
}
