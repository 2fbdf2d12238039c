package monitor

import (
	"fmt"
	"io"
	"sync"

	"github.com/azr-train/azr"
)

// Lines shows a plain line for each finished step: the [Display] for logs.
type Lines struct {
	out   io.Writer
	quiet bool

	mu    sync.Mutex
	title string
}

var _ Display = (*Lines)(nil)

// NewLines returns a Display that writes to a log, for example a zerolog.Logger.
func NewLines(log io.Writer) *Lines { return &Lines{out: log} }

// NewQuiet returns a Display that only passes log lines on.
func NewQuiet(log io.Writer) *Lines { return &Lines{out: log, quiet: true} }

// Begin starts a step.
func (l *Lines) Begin(title string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.title = title
}

// Expect does nothing.
func (l *Lines) Expect(string, int) {}

// Done does nothing.
func (l *Lines) Done(string, int) {}

// Settled does nothing.
func (l *Lines) Settled(azr.Task, azr.Verdict) {}

// Write passes log lines on.
func (l *Lines) Write(lines []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.Write(lines)
}

// End writes the step's line, unless the Display is quiet.
func (l *Lines) End(r azr.StepRecord) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.quiet {
		fmt.Fprintf(l.out, "%s  %s\n", l.title, StepLine(r))
	}
}

// Close does nothing.
func (l *Lines) Close() {}
