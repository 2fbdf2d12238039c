package executor

import (
	"maps"
	"sync"
	"time"

	"github.com/azr-train/azr"
)

// Stats counts what a Pool has done since it was opened.
type Stats struct {
	// Results counts the results returned, by status.
	Results map[azr.Status]int64
	// Runs counts the executions of a program, two for one that is run twice.
	Runs int64
	// JournalHits and Shared count the results that needed no run: known to the journal, or the same as one under way.
	JournalHits, Shared int64
	// Lost counts the workers that hung or died, or were ended in the middle of a cancelled task.
	Lost int64
	// Wall and CPU add up what the runs took.
	Wall, CPU time.Duration
	// PeakRSS is the most memory that a run has had resident, in bytes.
	PeakRSS int64
}

// counts is a Stats under a lock.
type counts struct {
	mu    sync.Mutex
	stats Stats
}

// Stats returns the counts so far.
func (p *Pool) Stats() Stats {
	p.counts.mu.Lock()
	defer p.counts.mu.Unlock()
	s := p.counts.stats
	s.Results = maps.Clone(s.Results)
	return s
}

func (c *counts) add(change func(*Stats)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.stats)
}

func (c *counts) result(status azr.Status) {
	c.add(func(s *Stats) {
		if s.Results == nil {
			s.Results = map[azr.Status]int64{}
		}
		s.Results[status]++
	})
}

func (c *counts) run(r reply) {
	c.add(func(s *Stats) {
		s.Runs++
		s.Wall += seconds(r.Wall)
		s.CPU += seconds(r.CPU)
		s.PeakRSS = max(s.PeakRSS, r.RSS)
	})
}

func (c *counts) journalHit() { c.add(func(s *Stats) { s.JournalHits++ }) }
func (c *counts) sharedRun()  { c.add(func(s *Stats) { s.Shared++ }) }
func (c *counts) lostWorker() { c.add(func(s *Stats) { s.Lost++ }) }

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
