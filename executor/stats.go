package executor

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/azr-train/azr"
)

// Stats counts what a Pool has done since it was opened.
type Stats struct {
	// Results counts the results returned, by status.
	Results map[azr.Status]int64 `json:"results"`
	// Errors counts those with status Error by what Result.Error says, which is a program's text: the first
	// 64 different ones, and the rest as "other".
	Errors map[string]int64 `json:"errors"`
	// Runs counts the inputs that a program was run on, two for one that is run twice.
	Runs int64 `json:"runs"`
	// Batches counts the children that were given more than one input, and BatchRuns those of Runs that came of them.
	Batches   int64 `json:"batches"`
	BatchRuns int64 `json:"batch_runs"`
	// CacheHits, JournalHits and Shared count the results that needed no run: known from memory, known to
	// the journal, or the same as one under way.
	CacheHits   int64 `json:"cache_hits"`
	JournalHits int64 `json:"journal_hits"`
	Shared      int64 `json:"shared"`
	// Lost counts the workers that hung or died, or were ended in the middle of a cancelled task.
	Lost int64 `json:"lost"`
	// Restarts counts the workers that another had to take the place of, by cause: hung, died, cancelled, recycled.
	Restarts map[string]int64 `json:"restarts"`
	// Wall and CPU add up what the runs took.
	Wall time.Duration `json:"wall_ns"`
	CPU  time.Duration `json:"cpu_ns"`
	// PeakRSS is the most memory that a run has had resident, in bytes.
	PeakRSS int64 `json:"peak_rss_bytes"`
	// Histograms of the waits for a slot and of the runs.
	Histograms Histograms `json:"histograms"`
	// Slowest are the programs that took longest, slowest first.
	Slowest []SlowProgram `json:"slowest"`
	// BlockedShare is the share of the last 1024 results that were Blocked or broke the protocol: of
	// programs that do what no task needs. BlockedAlarm is set while it is over AlarmShare and there are
	// at least 256 results to tell by.
	BlockedShare float64 `json:"blocked_share"`
	BlockedAlarm bool    `json:"blocked_alarm"`
}

// Histograms are in microseconds and bytes.
type Histograms struct {
	QueueWait  Histogram `json:"queue_wait_us"`
	Wall       Histogram `json:"wall_us"`
	CPU        Histogram `json:"cpu_us"`
	RSS        Histogram `json:"rss_bytes"`
	ValueBytes Histogram `json:"value_bytes"`
}

// SlowProgram is a program by the hash of its source, with the longest of its runs.
type SlowProgram struct {
	// Program is the first 16 digits of the source's SHA-256.
	Program string        `json:"program"`
	Wall    time.Duration `json:"wall_ns"`
}

const (
	maxErrors  = 64
	maxSlowest = 10
)

// counts is a Stats under a lock.
type counts struct {
	mu      sync.Mutex
	stats   Stats
	blocked window
}

// Stats returns the counts so far.
func (p *Pool) Stats() Stats {
	p.counts.mu.Lock()
	defer p.counts.mu.Unlock()
	s := p.counts.stats
	s.Results, s.Errors, s.Restarts = maps.Clone(s.Results), maps.Clone(s.Errors), maps.Clone(s.Restarts)
	s.Slowest = slices.Clone(s.Slowest)
	s.BlockedShare, s.BlockedAlarm = p.counts.blocked.share(), p.counts.blocked.alarm()
	return s
}

func (c *counts) add(change func(*Stats)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.stats)
}

func (c *counts) result(r azr.Result) {
	c.add(func(s *Stats) {
		increment(&s.Results, r.Status)
		c.blocked.add(suspicious(r))
		if r.Status != azr.Error {
			return
		}
		name := r.Error
		if len(s.Errors) >= maxErrors && s.Errors[name] == 0 {
			name = "other"
		}
		increment(&s.Errors, name)
	})
}

// ran counts the replies to a task. Only the last has what the child used.
func (c *counts) ran(t task, replies []reply) {
	batch := len(t.Inputs) > 1
	c.add(func(s *Stats) {
		if batch {
			s.Batches++
		}
		for _, r := range replies {
			if batch && r.Status == azr.Infra {
				continue // not a run but its end
			}
			s.Runs++
			if batch {
				s.BatchRuns++
			}
			s.Wall += seconds(r.Wall)
			s.Histograms.Wall.add(seconds(r.Wall).Microseconds())
			if r.Status == azr.OK {
				s.Histograms.ValueBytes.add(int64(len(r.Value)))
			}
			s.slow(t.Program, seconds(r.Wall))
		}
		last := replies[len(replies)-1]
		s.CPU += seconds(last.CPU)
		s.Histograms.CPU.add(seconds(last.CPU).Microseconds())
		s.Histograms.RSS.add(last.RSS)
		s.PeakRSS = max(s.PeakRSS, last.RSS)
	})
}

// slow keeps the program if it is among the slowest.
func (s *Stats) slow(program string, wall time.Duration) {
	if len(s.Slowest) == maxSlowest && wall <= s.Slowest[maxSlowest-1].Wall {
		return
	}
	hash := programHash(program)
	if i := slices.IndexFunc(s.Slowest, func(o SlowProgram) bool { return o.Program == hash }); i >= 0 {
		s.Slowest[i].Wall = max(wall, s.Slowest[i].Wall)
	} else {
		s.Slowest = append(s.Slowest, SlowProgram{hash, wall})
	}
	slices.SortFunc(s.Slowest, func(a, b SlowProgram) int { return int(b.Wall - a.Wall) })
	s.Slowest = s.Slowest[:min(len(s.Slowest), maxSlowest)]
}

// ended counts a worker that ended by a cause.
func (c *counts) ended(cause string) {
	c.add(func(s *Stats) {
		increment(&s.Restarts, cause)
		if cause != causeRecycled {
			s.Lost++
		}
	})
}

func (c *counts) waited(d time.Duration) {
	c.add(func(s *Stats) { s.Histograms.QueueWait.add(d.Microseconds()) })
}

func (c *counts) cacheHit()   { c.add(func(s *Stats) { s.CacheHits++ }) }
func (c *counts) journalHit() { c.add(func(s *Stats) { s.JournalHits++ }) }
func (c *counts) sharedRun()  { c.add(func(s *Stats) { s.Shared++ }) }

func increment[K comparable](m *map[K]int64, key K) {
	if *m == nil {
		*m = map[K]int64{}
	}
	(*m)[key]++
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
