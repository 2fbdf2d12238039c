package executor

import "github.com/azr-train/azr"

// AlarmShare is the share of results that are blocked or break the protocol
// above which [Stats].BlockedAlarm is set. A model that plays as it should stays
// far below: more means that it learns to attack.
const AlarmShare = 0.1

const (
	windowResults = 1024
	// minResults is how many there must be before their share means something.
	minResults = 256
)

// suspicious tells whether a result is that of a program which does what no task needs.
func suspicious(r azr.Result) bool {
	return r.Status == azr.Blocked || r.Status == azr.Error && r.Error == protocolViolation
}

// window remembers which of the last results were suspicious.
type window struct {
	marks  [windowResults]bool
	seen   int
	marked int
}

func (w *window) add(mark bool) {
	at := &w.marks[w.seen%windowResults]
	if *at {
		w.marked--
	}
	if mark {
		w.marked++
	}
	*at = mark
	w.seen++
}

func (w *window) share() float64 {
	if w.seen == 0 {
		return 0
	}
	return float64(w.marked) / float64(min(w.seen, windowResults))
}

func (w *window) alarm() bool { return w.seen >= minResults && w.share() > AlarmShare }
