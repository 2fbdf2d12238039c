package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/monitor"
	"github.com/azr-train/azr/monitor/watchdog"
	"github.com/azr-train/azr/torch/dist"
	"github.com/azr-train/azr/trainer"
)

// What a run does at a time. A checkpoint is saved beside one of the others.
const (
	phaseOpening    = "opening"
	phasePlaying    = "playing"
	phaseUpdating   = "updating"
	phaseOptimizing = "optimizing"
	phaseMeasuring  = "measuring"
	phaseRecording  = "recording"
	phaseSaving     = "saving"
	phaseEnding     = "ending"
)

// phases keeps what a run is doing: for people and tools in the phase file, and with a deadline for the watchdog.
type phases struct {
	folder    *runFolder
	deadlines WatchdogConfig
	watchdog  *watchdog.Watchdog
	group     *dist.Group // whose ranks are told too; nil if there are none

	mu          sync.Mutex
	step        int
	now, beside string
	counts      map[string]count // of the display's phases in this step
}

func newPhases(folder *runFolder, deadlines WatchdogConfig, stuck func(watchdog.Stuck)) *phases {
	return &phases{folder: folder, deadlines: deadlines, watchdog: watchdog.New(stuck), counts: map[string]count{}}
}

// count is how much of its work a phase of the display has done.
type count struct{ done, expected int }

// mainWork and savingWork are who the watchdog watches.
const (
	mainWork   = "run"
	savingWork = "checkpoint"
)

// enter begins a phase of a step.
func (p *phases) enter(step int, phase string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if step != p.step {
		p.step, p.counts = step, map[string]count{}
	}
	p.now = phase
	bound := phase // whose key it is
	if phase == phaseOptimizing {
		bound = phaseUpdating
	}
	p.watchdog.Enter(mainWork, bound, p.deadlines.of(bound))
	if p.group != nil {
		p.group.Enter(phase)
	}
	p.tell()
}

// within enters a phase of the step under way.
func (p *phases) within(phase string) {
	p.mu.Lock()
	step := p.step
	p.mu.Unlock()
	p.enter(step, phase)
}

// save begins the checkpoint of a step, and saved ends it.
func (p *phases) save(step int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.beside = fmt.Sprintf("step %d %s\n", step, phaseSaving)
	p.watchdog.Enter(savingWork, phaseSaving, p.deadlines.of(phaseSaving))
	p.tell()
}

func (p *phases) saved() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.beside = ""
	p.watchdog.Leave(savingWork)
	p.tell()
}

// tell writes the phase file. What cannot be written is left: nothing depends on it.
func (p *phases) tell() {
	_ = os.WriteFile(p.folder.path(phaseFile), []byte(p.where()), 0o644)
}

// where is what the run does, a line, and the checkpoint beside it another.
func (p *phases) where() string { return fmt.Sprintf("step %d %s\n%s", p.step, p.now, p.beside) }

func (p *phases) close() { p.watchdog.Close() }

// count adds to what a phase of the display has done and is to do.
func (p *phases) count(phase string, done, expected int) {
	p.mu.Lock()
	at := p.counts[phase]
	p.counts[phase] = count{at.done + done, at.expected + expected}
	p.mu.Unlock()
	p.watchdog.Beat(mainWork)
}

// String tells of the step under way, a line for each of the display's phases.
func (p *phases) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var b strings.Builder
	b.WriteString(p.where())
	for _, phase := range slices.Sorted(maps.Keys(p.counts)) {
		fmt.Fprintf(&b, "  %-10s %d of %d\n", phase, p.counts[phase].done, p.counts[phase].expected)
	}
	return b.String()
}

// watched is a display's progress that counts as the run's.
type watched struct {
	monitor.Display
	phases *phases
}

// Expect passes on, and enters the optimiser's step, which is a phase of its own.
func (w watched) Expect(phase string, n int) {
	if phase == trainer.OptimizerPhase {
		w.phases.within(phaseOptimizing)
	}
	w.phases.count(phase, 0, n)
	w.Display.Expect(phase, n)
}

// Done passes on.
func (w watched) Done(phase string, n int) {
	w.phases.count(phase, n, 0)
	if phase == trainer.OptimizerPhase {
		w.phases.within(phaseUpdating)
	}
	w.Display.Done(phase, n)
}

// ticking is a generator whose ticks count as the run's progress.
type ticking struct {
	azr.Generator
	phases *phases
}

// Tick passes on.
func (t ticking) Tick(ctx context.Context) ([]azr.Completion, error) {
	t.phases.watchdog.Beat(mainWork)
	return t.Generator.Tick(ctx)
}
