package monitor

import (
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/azr-train/azr"
	"github.com/mattn/go-isatty"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/sys/unix"
)

// Display shows how a step goes. It is [Bars] or [Lines].
type Display interface {
	azr.Progress
	// Write takes whole log lines and puts them where they do not garble what is shown.
	io.Writer
	// Begin starts a step; title says which, for example "step 2/3".
	Begin(title string)
	// End finishes the step and leaves one line that tells what came of it, see [StepLine].
	End(r azr.StepRecord)
	// Close takes down what is shown. Log lines may still be written.
	Close()
}

// Terminal tells whether a file is a terminal, which text can steer.
func Terminal(f *os.File) bool { return isatty.IsTerminal(f.Fd()) }

// Interactive tells whether a file is a terminal that can show [Bars]: it has columns and can go back over a line.
func Interactive(f *os.File) bool {
	if !Terminal(f) || os.Getenv("TERM") == "dumb" {
		return false
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	return err == nil && size.Col > 0
}

// Bars shows the last proposals, a line each, and a bar for each phase of the step
// that is under way, with its rate and the time left. Log lines and the lines of
// finished steps stay above.
type Bars struct {
	out io.Writer
	now func() time.Time

	mu     sync.Mutex
	title  string
	screen *mpb.Progress // nil while no phase is under way
	phases map[string]*phase
	recent recent
	lines  []*mpb.Bar // of recent
}

var _ Display = (*Bars)(nil)

// phase is one bar.
type phase struct {
	bar      *mpb.Bar // nil if the terminal is gone
	begin    time.Time
	expected int64
	latest   atomic.Int64 // when something was done, in nanoseconds after begin
}

// passed is the time that the phase took, or has taken so far.
func (p *phase) passed(s decor.Statistics, now time.Time) time.Duration {
	if s.Current >= s.Total {
		return time.Duration(p.latest.Load())
	}
	return now.Sub(p.begin)
}

// NewBars returns bars that are drawn on a terminal.
func NewBars(terminal io.Writer) *Bars {
	return &Bars{out: terminal, now: time.Now}
}

// Begin starts a step.
func (b *Bars) Begin(title string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clear()
	b.title = title
}

// Expect adds n units to what a phase has to do.
func (b *Bars) Expect(name string, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p := b.phase(name); p.bar != nil {
		p.expected += int64(n)
		p.bar.SetTotal(p.expected, false)
	}
}

// Done adds n units to what a phase has done.
func (b *Bars) Done(name string, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p := b.phase(name); p.bar != nil {
		p.latest.Store(int64(b.now().Sub(p.begin)))
		p.bar.IncrBy(n)
	}
}

// Settled shows the proposal among the last few.
func (b *Bars) Settled(task azr.Task, verdict azr.Verdict) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.recent.add(task, verdict)
	if b.screen != nil {
		b.lines = b.recent.show(b.screen, b.lines)
	}
}

// Write puts log lines above the bars.
func (b *Bars) Write(lines []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.screen != nil {
		if n, err := b.screen.Write(lines); err == nil {
			return n, nil
		}
	}
	return b.out.Write(lines)
}

// End takes the bars of the step down and leaves its line.
func (b *Bars) End(r azr.StepRecord) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clear()
	fmt.Fprintf(b.out, "%s  %s\n", b.title, StepLine(r))
}

// Close takes the bars down.
func (b *Bars) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clear()
}

// phase finds or adds the bar of a phase.
func (b *Bars) phase(name string) *phase {
	if p, ok := b.phases[name]; ok {
		return p
	}
	if b.screen == nil {
		b.screen = mpb.New(mpb.WithOutput(b.out), mpb.WithAutoRefresh())
		b.phases = map[string]*phase{}
		b.lines = b.recent.show(b.screen, nil)
	}
	p := &phase{begin: b.now()}
	rate := func(s decor.Statistics) string { return "  " + pace(s.Current, s.Total, p.passed(s, b.now())) }
	// The error means that the terminal is gone; the bar is then nil.
	p.bar, _ = b.screen.Add(0, mpb.BarStyle().Build(), mpb.BarWidth(30),
		mpb.PrependDecorators(decor.Name(b.title+" "+Printable(name, 12), decor.WCSyncSpaceR)),
		mpb.AppendDecorators(decor.CountersNoUnit("%d/%d", decor.WCSyncSpace), decor.Any(rate, decor.WCSyncWidthR)))
	b.phases[name] = p
	return p
}

// clear removes the bars from the terminal.
func (b *Bars) clear() {
	if b.screen == nil {
		return
	}
	for _, p := range b.phases {
		if p.bar != nil {
			p.bar.Abort(true)
		}
	}
	for _, line := range b.lines {
		line.Abort(true)
	}
	b.screen.Wait()
	b.screen, b.phases, b.lines = nil, nil, nil
}

// pace is for example "3.2/s, 1m20s left".
func pace(done, expected int64, passed time.Duration) string {
	if done == 0 || passed <= 0 {
		return ""
	}
	rate := float64(done) / passed.Seconds()
	text := fmt.Sprintf("%.1f/s", rate)
	if left := expected - done; left > 0 {
		seconds := time.Duration(float64(left)/rate) * time.Second
		text += fmt.Sprintf(", %v left", seconds)
	}
	return text
}
