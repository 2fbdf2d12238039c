package store

import (
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/azr-train/azr"
)

// flushDelay is how long a recorded result waits for others to share its transaction.
const flushDelay = 100 * time.Millisecond

// pending holds the results that are recorded and not yet in the file.
type pending struct {
	mu      sync.Mutex
	results map[string]azr.Result
	timer   *time.Timer // nil when no flush is due
	err     error       // of the last background flush
	closed  bool
}

// Lookup finds a journaled execution result by its key, flushed or not.
func (s *Store) Lookup(key string) (azr.Result, bool, error) {
	// In this order: what leaves pending in between is found in the file, and what is in the file was first.
	waiting, isWaiting := s.pending.get(key)
	var r azr.Result
	err := s.db.QueryRow("SELECT status, value, error FROM journal WHERE key = ?", key).
		Scan(named{&r.Status}, &r.Value, &r.Error)
	if errors.Is(err, sql.ErrNoRows) {
		return waiting, isWaiting, nil
	}
	if err != nil {
		return azr.Result{}, false, s.failed("store.Lookup", err)
	}
	return r, true, nil
}

// Record appends an execution result to the journal; the first one recorded for
// a key stays. It returns at once: the result is flushed soon after, together
// with others. The error may be that of an earlier flush; the result is kept
// nonetheless and the flush tried again.
func (s *Store) Record(key string, r azr.Result) error {
	const op = "store.Record"
	if s.view {
		return s.failed(op, errView)
	}
	p := &s.pending
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return s.failed(op, errors.New("the store is closed"))
	}
	if _, there := p.results[key]; !there {
		if p.results == nil {
			p.results = make(map[string]azr.Result)
		}
		p.results[key] = r
	}
	if p.timer == nil {
		p.timer = time.AfterFunc(flushDelay, s.flushLater)
	}
	if err := p.err; err != nil {
		p.err = nil
		return s.failed(op, err)
	}
	return nil
}

// Journaled counts the results in the journal, those that are not flushed left out.
func (s *Store) Journaled() (int, error) {
	var n int
	if err := s.db.QueryRow("SELECT count(*) FROM journal").Scan(&n); err != nil {
		return 0, s.failed("store.Journaled", err)
	}
	return n, nil
}

// flushLater is the background flush; its error waits for the next call.
func (s *Store) flushLater() {
	s.pending.mu.Lock()
	s.pending.timer = nil
	s.pending.mu.Unlock()
	if err := s.flush(); err != nil {
		s.pending.mu.Lock()
		s.pending.err = err
		s.pending.mu.Unlock()
	}
}

// flush writes the pending results to the file, unsynced.
func (s *Store) flush() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	batch := s.pending.batch()
	if len(batch) == 0 {
		return nil
	}
	if err := s.transact(func(tx *sql.Tx) error { return journal(tx, batch) }); err != nil {
		return err
	}
	s.pending.settle(batch)
	return nil
}

// journal inserts results in the order of their keys, so that equal runs write equal files.
func journal(tx *sql.Tx, batch map[string]azr.Result) error {
	insert, err := tx.Prepare("INSERT INTO journal VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING")
	if err != nil {
		return err
	}
	defer insert.Close()
	for _, key := range slices.Sorted(maps.Keys(batch)) {
		r := batch[key]
		if _, err := insert.Exec(key, r.Status.String(), r.Value, r.Error); err != nil {
			return fmt.Errorf("journal: %w", err)
		}
	}
	return nil
}

func (p *pending) get(key string) (azr.Result, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r, ok := p.results[key]
	return r, ok
}

// batch is a copy of what is pending.
func (p *pending) batch() map[string]azr.Result {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.results)
}

// settle drops what has reached the file, and with it the error of an earlier flush.
func (p *pending) settle(batch map[string]azr.Result) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key := range batch {
		delete(p.results, key)
	}
	p.err = nil
}

// close refuses further results and stops the timer. A flush under way is waited for by the next one.
func (p *pending) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.timer != nil {
		p.timer.Stop()
	}
}
