package executor

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// UnderWay is a task that has a slot.
type UnderWay struct {
	// Program is the first 16 digits of its source's SHA-256.
	Program string
	// For is how long it has had the slot, the start of a worker and a second attempt included.
	For time.Duration
}

// underWay are the programs in slots, each under a number of its own.
type underWay struct {
	mu    sync.Mutex
	last  int
	tasks map[int]taken
}

type taken struct {
	program string
	since   time.Time
}

// enter notes that a program has taken a slot until left is called.
func (u *underWay) enter(program string) (left func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.tasks == nil {
		u.tasks = map[int]taken{}
	}
	u.last++
	at := u.last
	u.tasks[at] = taken{program, time.Now()}
	return func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		delete(u.tasks, at)
	}
}

// UnderWay lists the tasks that have slots, the longest first.
func (p *Pool) UnderWay() []UnderWay {
	p.underWay.mu.Lock()
	defer p.underWay.mu.Unlock()
	var list []UnderWay
	for _, t := range p.underWay.tasks {
		list = append(list, UnderWay{programHash(t.program), time.Since(t.since)})
	}
	slices.SortFunc(list, func(a, b UnderWay) int { return cmp.Compare(b.For, a.For) })
	return list
}
