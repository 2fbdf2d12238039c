package executor

import (
	"fmt"
	"sync"
	"time"
)

const (
	maxDeaths   = 5
	deathWindow = 10 * time.Second
)

// breaker gives a pool up when maxDeaths workers die within deathWindow and
// none finishes a task in between: then it is the machine, or a hole in the
// sandbox, and not one program. It stays open.
type breaker struct {
	mu     sync.Mutex
	deaths []time.Time
	broken error
}

// finished notes that a worker has finished a task.
func (b *breaker) finished() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.deaths = b.deaths[:0]
}

// died notes why a worker died.
func (b *breaker) died(at time.Time, why error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.deaths = append(b.deaths, at)
	if len(b.deaths) < maxDeaths {
		return
	}
	if at.Sub(b.deaths[0]) <= deathWindow && b.broken == nil {
		b.broken = fmt.Errorf("executor.Pool: %d workers died within %s and finished no task; the last one: %w; "+
			"hint: azr-train doctor tries the sandbox, dmesg tells of processes killed for memory", maxDeaths, deathWindow, why)
	}
	b.deaths = b.deaths[1:]
}

// err is the error that no further task gets past.
func (b *breaker) err() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.broken
}
