package executor

import "sync"

// lane holds the idle workers of one hash seed. The one that was used last is
// taken first, so that a light load keeps few workers busy and starts no more.
type lane struct {
	seed   hashSeed
	mu     sync.Mutex
	idle   []*slot
	closed bool
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

// close kills the idle workers, and those still to be put back.
func (l *lane) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, s := range l.idle {
		s.kill()
	}
	l.idle = nil
}
