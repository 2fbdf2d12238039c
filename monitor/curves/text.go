package curves

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/guptarohit/asciigraph"
)

// The size of the plot in a terminal, in characters.
const width, height = 64, 12

// Text plots the curves against their steps for a terminal. Each is drawn in a letter of its name, a later one over an
// earlier one; "" if none has two points.
func Text(list []Curve) string {
	list = slices.DeleteFunc(slices.Clone(list), func(c Curve) bool { return len(c.Points) < 2 })
	if len(list) == 0 {
		return ""
	}
	first, last := math.MaxInt, math.MinInt
	for _, c := range list {
		first, last = min(first, c.Points[0].Step), max(last, c.Points[len(c.Points)-1].Step)
	}
	var series [][]float64
	var letters []asciigraph.CharSet
	var names []string
	for _, c := range list {
		letter := letterOf(c.Name, names)
		series, letters = append(series, spread(c, first, last)), append(letters, asciigraph.CreateCharSet(letter))
		names = append(names, letter+" "+c.Name)
	}
	return asciigraph.PlotMany(series, asciigraph.Height(height), asciigraph.Precision(2), asciigraph.SeriesChars(letters...),
		asciigraph.XAxisRange(float64(first), float64(last)), asciigraph.XAxisTickCount(min(5, last-first+1)),
		asciigraph.XAxisValueFormatter(func(v float64) string { return fmt.Sprintf("%.0f", v) })) +
		"\nstep   " + strings.Join(names, "   ") + "\n"
}

// letterOf is the last letter of a name if it is a digit, else the first one that no other curve has.
func letterOf(name string, others []string) string {
	taken := func(letter string) bool {
		return slices.ContainsFunc(others, func(other string) bool { return other[:1] == letter })
	}
	if last := name[len(name)-1:]; "0" <= last && last <= "9" && !taken(last) {
		return last
	}
	for _, letter := range name {
		if l := string(letter); !taken(l) {
			return l
		}
	}
	return name[:1]
}

// spread reads the curve at each column, straight between its points and missing outside them.
func spread(c Curve, first, last int) []float64 {
	columns := make([]float64, width)
	for i := range columns {
		columns[i] = c.at(float64(first) + float64(last-first)*float64(i)/(width-1))
	}
	return columns
}

func (c Curve) at(step float64) float64 {
	for i, p := range c.Points {
		switch to := float64(p.Step); {
		case to == step:
			return p.Mean
		case to > step && i > 0:
			before := c.Points[i-1]
			share := (step - float64(before.Step)) / float64(p.Step-before.Step)
			return before.Mean + share*(p.Mean-before.Mean)
		}
	}
	return math.NaN()
}

// Table has a row for each curve: its first and its last point with their intervals, and the difference. It is "" if
// none has two points.
func Table(list []Curve) string {
	var b strings.Builder
	for _, c := range list {
		if len(c.Points) < 2 {
			continue
		}
		first, last := c.Points[0], c.Points[len(c.Points)-1]
		if b.Len() == 0 {
			fmt.Fprintf(&b, "%-12s %-26s %-26s %s\n", "", column("step", first.Step), column("step", last.Step), "change")
		}
		change := fmt.Sprintf("%+.4g", last.Mean-first.Mean)
		if c.Share {
			change = fmt.Sprintf("%+.1f", 100*(last.Mean-first.Mean))
		}
		fmt.Fprintf(&b, "%-12s %-26s %-26s %s\n", c.Name, c.text(first), c.text(last), change)
	}
	return b.String()
}

func column(name string, n int) string { return fmt.Sprintf("%s %d", name, n) }

// text is a point with its interval, "71.2 % (66.0 to 75.9)" or "0.0123".
func (c Curve) text(p Point) string {
	format, unit, scale := "%.4g", "", 1.0
	if c.Share {
		format, unit, scale = "%.1f", " %", 100
	}
	text := fmt.Sprintf(format, scale*p.Mean) + unit
	if p.Low == p.High {
		return text
	}
	return text + fmt.Sprintf(" ("+format+" to "+format+")", scale*p.Low, scale*p.High)
}
