package watchdog

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// quiet is a watchdog whose ticks are the test's.
func quiet() *Watchdog { return &Watchdog{work: map[string]*work{}} }

func ticks(w *Watchdog, n int) (stuck []Stuck) {
	for range n {
		stuck = append(stuck, w.tick()...)
	}
	return stuck
}

func TestWorkThatDoesNotBeatIsStuckAtItsDeadline(t *testing.T) {
	w := quiet()
	w.Enter("run", "updating", 5*Tick)
	assert.Empty(t, ticks(w, 4))
	assert.Equal(t, []Stuck{{"run", "updating", 5 * Tick}}, ticks(w, 1))
	assert.Empty(t, ticks(w, 20), "it is told once")
	w.Beat("run")
	assert.Len(t, ticks(w, 5), 1, "and again after it went on")
}

func TestBeatsAndNewWorkPutItOff(t *testing.T) {
	w := quiet()
	w.Enter("run", "playing", 3*Tick)
	for range 10 {
		assert.Empty(t, ticks(w, 2))
		w.Beat("run")
	}
	assert.Empty(t, ticks(w, 2))
	w.Enter("run", "updating", 3*Tick)
	assert.Empty(t, ticks(w, 2))
	w.Leave("run")
	assert.Empty(t, ticks(w, 5))
	w.Beat("run") // of nobody: nothing
	w.Enter("run", "seeding", 0)
	assert.Empty(t, ticks(w, 1000), "without a deadline")
}

func TestOneIsStuckBesideAnother(t *testing.T) {
	w := quiet()
	w.Enter("run", "playing", 3*Tick)
	w.Enter("checkpoint", "saving", 5*Tick)
	var stuck []Stuck
	for range 8 {
		stuck = append(stuck, ticks(w, 1)...)
		w.Beat("run")
	}
	assert.Equal(t, []Stuck{{"checkpoint", "saving", 5 * Tick}}, stuck)
}

func TestItTicksByItself(t *testing.T) {
	told := make(chan Stuck, 1)
	w := New(func(s Stuck) { told <- s })
	w.Enter("run", "playing", Tick)
	select {
	case s := <-told:
		assert.Equal(t, Stuck{"run", "playing", Tick}, s)
	case <-time.After(10 * time.Second):
		t.Error("nobody was told")
	}
	w.Close()
	w.Enter("run", "playing", Tick)
	time.Sleep(3 * Tick)
	assert.Empty(t, told)
}
