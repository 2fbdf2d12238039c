package watchdog

import (
	"sync"
	"time"
)

// Tick is how often a [Watchdog] looks, and the finest deadline that it can tell.
const Tick = 100 * time.Millisecond

// Stuck is work that has passed its deadline.
type Stuck struct {
	// Who works, and at What.
	Who, What string
	// Idle is how long it has not beaten.
	Idle time.Duration
}

// Watchdog watches what was entered. It is safe for concurrent use.
type Watchdog struct {
	stuck func(Stuck)
	mu    sync.Mutex
	work  map[string]*work
	stop  chan struct{}
	done  chan struct{}
}

type work struct {
	what           string
	deadline, idle time.Duration
}

// New starts a watchdog, which calls stuck once for each work that passes its deadline.
func New(stuck func(Stuck)) *Watchdog {
	w := &Watchdog{stuck: stuck, work: map[string]*work{}, stop: make(chan struct{}), done: make(chan struct{})}
	go w.watch()
	return w
}

// Enter begins who's next work, in place of the last one. A deadline of 0 or less never comes.
func (w *Watchdog) Enter(who, what string, deadline time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.work[who] = &work{what: what, deadline: deadline}
}

// Beat tells that who has done a piece of its work.
func (w *Watchdog) Beat(who string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if at := w.work[who]; at != nil {
		at.idle = 0
	}
}

// Leave ends who's work.
func (w *Watchdog) Leave(who string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.work, who)
}

// Close ends the watch, and returns when nobody is told any more.
func (w *Watchdog) Close() {
	close(w.stop)
	<-w.done
}

func (w *Watchdog) watch() {
	defer close(w.done)
	for {
		select {
		case <-w.stop:
			return
		case <-time.After(Tick):
		}
		for _, s := range w.tick() {
			w.stuck(s)
		}
	}
}

// tick counts one tick for all, and lists those that it takes to their deadline.
func (w *Watchdog) tick() (stuck []Stuck) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for who, at := range w.work {
		before := at.idle
		at.idle += Tick
		if at.deadline > 0 && before < at.deadline && at.idle >= at.deadline {
			stuck = append(stuck, Stuck{who, at.what, at.idle})
		}
	}
	return stuck
}
