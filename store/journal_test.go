package store

import (
	"fmt"
	"sync"
	"testing"

	"github.com/azr-train/azr"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestJournalKeepsTheFirstResultOfAKey(t *testing.T) {
	s, _ := create(t)
	first := azr.Result{Status: azr.OK, Value: "'\x00é'", Error: "none"}
	second := azr.Result{Status: azr.Timeout}

	_, ok, err := s.Lookup("key")
	require.NoError(t, err)
	assert.False(t, ok)
	for _, r := range []azr.Result{first, second} {
		require.NoError(t, s.Record("key", r))
	}
	r, ok, err := s.Lookup("key")
	require.NoError(t, err)
	assert.True(t, ok, "a result is seen before it is flushed")
	assert.Equal(t, first, r)

	require.NoError(t, s.flush())
	require.NoError(t, s.Record("key", second))
	for _, flushed := range []bool{false, true} {
		r, _, err = s.Lookup("key")
		require.NoError(t, err)
		assert.Equal(t, first, r, "flushed: %v", flushed)
		require.NoError(t, s.flush())
	}
}

func TestJournalIsAppendOnly(t *testing.T) {
	s, _ := create(t)
	require.NoError(t, s.Record("key", azr.Result{}))
	require.NoError(t, s.flush())
	for _, statement := range []string{"DELETE FROM journal", "UPDATE journal SET value = 'x'"} {
		_, err := s.db.Exec(statement)
		assert.ErrorContains(t, err, "the journal is append-only")
	}
}

func TestCloseFlushesTheJournal(t *testing.T) {
	s, path := create(t)
	require.NoError(t, s.Record("key", azr.Result{Status: azr.OK, Value: "7"}))
	require.NoError(t, s.Close())
	assert.ErrorContains(t, s.Record("late", azr.Result{}), "store.Record: ")

	s, err := Open(path)
	require.NoError(t, err)
	defer s.Close()
	r, ok, err := s.Lookup("key")
	require.NoError(t, err)
	assert.True(t, ok)
	assert.Equal(t, azr.Result{Status: azr.OK, Value: "7"}, r)
}

func TestConcurrentUse(t *testing.T) {
	const workers, keys = 8, 200
	s, _ := create(t)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for k := range keys {
				key := fmt.Sprint("key", k)
				assert.NoError(t, s.Record(key, azr.Result{Status: azr.OK, Value: fmt.Sprint(w)}))
				mine, ok, err := s.Lookup(key)
				assert.NoError(t, err)
				assert.True(t, ok)
				if k%50 == 0 {
					s.flushLater()
				}
				again, _, err := s.Lookup(key)
				assert.NoError(t, err)
				assert.Equal(t, mine, again, "a key never changes its result")
			}
		})
	}
	wg.Go(func() {
		for step := range 5 {
			assert.NoError(t, s.Commit(record(step)))
			_, err := s.Tasks(azr.Deduction)
			assert.NoError(t, err)
		}
	})
	wg.Wait()
	require.NoError(t, s.flush())
	n, err := s.Journaled()
	require.NoError(t, err)
	assert.Equal(t, keys, n)
}

// BenchmarkRecord counts results that are recorded, flushed and looked up.
func BenchmarkRecord(b *testing.B) {
	s, err := Create(b.TempDir() + "/run.sqlite")
	require.NoError(b, err)
	for i := range b.N {
		key := fmt.Sprintf("%064d", i)
		if _, _, err := s.Lookup(key); err != nil {
			b.Fatal(err)
		}
		if err := s.Record(key, azr.Result{Status: azr.OK, Value: "[1, 2, 3]"}); err != nil {
			b.Fatal(err)
		}
	}
	require.NoError(b, s.Close())
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "results/s")
}
