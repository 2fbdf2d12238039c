package executor

import "sync"

// lane holds the idle workers of one hash seed. The one that was used last is
// taken first, so that a light load keeps few workers busy and starts no more.
type lane struct {
	seed   hashSeed
	mu     sync.Mutex
	idle   []*slot
	spare  *slot
	closed bool
	// stocking: a spare is being started.
	stocking bool
}

// take returns an idle worker, or nil if there is none.
func (l *lane) take() *slot {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.idle) == 0 {
		return nil
	}
	s := l.idle[len(l.idle)-1]
	l.idle = l.idle[:len(l.idle)-1]
	return s
}

// takeSpare returns the spare worker if there is one that still lives.
func (l *lane) takeSpare() *slot {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.spare
	l.spare = nil
	if s != nil && !s.alive() {
		s.kill()
		return nil
	}
	return s
}

// put gives a worker back.
func (l *lane) put(s *slot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		s.kill()
		return
	}
	l.idle = append(l.idle, s)
}

// wantsSpare tells whether the caller is to start a spare worker and call stocked.
func (l *lane) wantsSpare() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.stocking || l.spare != nil {
		return false
	}
	l.stocking = true
	return true
}

// stocked takes in the spare worker, or nil if none could be started.
func (l *lane) stocked(s *slot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stocking = false
	if s != nil && l.closed {
		s.kill()
		return
	}
	l.spare = s
}

// close kills the idle workers, and those still to be put back.
func (l *lane) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, s := range l.idle {
		s.kill()
	}
	if l.spare != nil {
		l.spare.kill()
	}
	l.idle, l.spare = nil, nil
}
