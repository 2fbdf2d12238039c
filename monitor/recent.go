package monitor

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/azr-train/azr"
	"github.com/mattn/go-runewidth"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// maxRecent is how many proposals are shown.
const maxRecent = 5

// recent holds the last proposals that were judged. It has a lock of its own:
// the terminal is drawn while Bars waits for it.
type recent struct {
	mu    sync.Mutex
	tasks []settled // oldest first
}

type settled struct {
	task    azr.Task
	verdict azr.Verdict
}

func (r *recent) add(task azr.Task, verdict azr.Verdict) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tasks = append(r.tasks, settled{task, verdict})
	r.tasks = r.tasks[max(0, len(r.tasks)-maxRecent):]
}

// show adds the lines that are missing, above the bars.
func (r *recent) show(screen *mpb.Progress, lines []*mpb.Bar) []*mpb.Bar {
	for i := len(lines); i < len(r.tasks); i++ {
		fill := func(w io.Writer, s decor.Statistics) error {
			_, err := io.WriteString(w, r.line(i, s.AvailableWidth))
			return err
		}
		// The error means that the terminal is gone.
		line, err := screen.Add(0, mpb.BarFillerFunc(fill), mpb.BarPriority(i-maxRecent), mpb.BarFillerTrim())
		if err != nil {
			return lines
		}
		lines = append(lines, line)
	}
	return lines
}

// line is the i-th of the last proposals.
func (r *recent) line(i, width int) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tasks[i].line(width)
}

// line is for example "deduction  pass              0.375  def f(x): return x": type, verdict,
// solve rate, and as much of the program as there is room for.
func (s settled) line(width int) string {
	verdict, rate := s.verdict.Outcome.String(), "-"
	if s.verdict.Reason != "" {
		verdict += ": " + s.verdict.Reason
	}
	if s.task.SolveRate >= 0 {
		rate = fmt.Sprintf("%.3f", s.task.SolveRate)
	}
	line := fmt.Sprintf("%-9s  %s  %5s  ", s.task.Type, pad(Printable(verdict, 26), 26), rate)
	if left := width - columns(line); left > 0 {
		return line + Printable(squeeze(s.task.Program, width), left)
	}
	return Printable(strings.TrimSpace(line), max(1, width))
}

// squeeze puts the first lines of a program on one line: what they are indented by
// goes, and what would not be seen anyway.
func squeeze(program string, width int) string {
	var b strings.Builder
	for line := range strings.Lines(program) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(" ⏎ ")
		}
		b.WriteString(line)
		if b.Len() > 4*width {
			break
		}
	}
	return b.String()
}

// pad fills a printable text with blanks up to some columns.
func pad(text string, width int) string { return runewidth.FillRight(text, width) }
