package monitor

import (
	"strings"
	"testing"
	"unicode"

	"github.com/mattn/go-runewidth"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
)

func TestRecentLines(t *testing.T) {
	pass := azr.Verdict{Outcome: azr.Pass}
	task := func(rate float64, program string) azr.Task {
		return azr.Task{Type: azr.Abduction, SolveRate: rate, Program: program}
	}
	for _, c := range []struct {
		task    azr.Task
		verdict azr.Verdict
		width   int
		want    string
	}{
		{task(0.375, "def f(x):\n\n    return x + 1\n"), pass, 100, "abduction  pass                        0.375  def f(x): ⏎ return x + 1"},
		{task(1, "def f(x):\n    return x + 1"), pass, 60, "abduction  pass                        1.000  def f(x): ⏎ r…"},
		{task(-1, ""), azr.Verdict{Outcome: azr.Malformed, Reason: "no program"}, 100, "abduction  malformed: no program           -  "},
		{task(0, "漢字漢字漢字"), pass, 52, "abduction  pass                        0.000  漢字…"},
		{task(0, "x"), azr.Verdict{Outcome: azr.Fault, Reason: "error: \x1b[31mRed" + strings.Repeat("e", 100)}, 49,
			`abduction  fault: error: \x1b[31mRed…  0.000  x`},
		{task(0.5, "x"), pass, 20, "abduction  pass    …"},
		{task(0.5, "x"), pass, 0, "…"},
	} {
		got := settled{c.task, c.verdict}.line(c.width)
		assert.Equal(t, c.want, got)
		assert.LessOrEqual(t, runewidth.StringWidth(got), max(1, c.width))
	}
}

// What a model writes cannot steer the terminal, and cannot be wider than it.
func TestRecentLinesHoldHostilePrograms(t *testing.T) {
	for _, program := range []string{
		"\x1b[2J\x1b[H", "\x1b]0;title\a", "a\rb", "a\bb", "\u009b31m", "x\u202eevil\u2066", "\u200b\u2028\u2029", "\xff\xfe",
		strings.Repeat("\u0301", 1000), strings.Repeat("漢", 1000), strings.Repeat("👩‍👩‍👧", 500), strings.Repeat("\n", 100000) + "x",
		strings.Repeat("x", 1<<20), strings.Repeat("\x1b", 1<<20), "\x00\x7f",
	} {
		for width := 1; width < 120; width += 7 {
			line := settled{azr.Task{Program: program}, azr.Verdict{Outcome: azr.Fault, Reason: program}}.line(width)
			require.LessOrEqual(t, runewidth.StringWidth(line), width, "%q", line)
			require.LessOrEqual(t, len(line), 4*width)
			for _, r := range line {
				require.True(t, unicode.IsPrint(r), "%q", line)
			}
		}
	}
}

func TestBarsShowTheLastProposals(t *testing.T) {
	terminal := &screen{drawn: make(chan struct{})}
	b := NewBars(terminal)
	b.Begin("step 1/1")
	for i := range 7 {
		if i == 3 {
			b.Expect("propose", 7) // the lines may be there before the bars, or come after
		}
		b.Settled(azr.Task{Type: azr.Induction, Program: "program " + string(rune('a'+i)), SolveRate: 0.25}, azr.Verdict{})
	}
	var shown []string
	for len(shown) < 6 || !strings.Contains(shown[4], "program g") {
		<-terminal.drawn
		shown = terminal.lines(t)
	}
	require.Len(t, shown, 6, "five proposals and a bar")
	for i, line := range shown[:5] {
		assert.Contains(t, line, "0.250  program "+string(rune('c'+i)))
	}
	assert.Contains(t, shown[5], "propose")
	b.End(azr.StepRecord{Step: 1})
	shown = terminal.lines(t)
	require.Len(t, shown, 1)
	assert.True(t, strings.HasPrefix(shown[0], "step 1/1  "), shown[0])
	b.Close()
}
