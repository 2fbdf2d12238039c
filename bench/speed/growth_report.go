package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/azr-train/azr/bench/page"
	"github.com/azr-train/azr/monitor/curves"
)

// write keeps what was measured, and writes the page's table and the pictures beside the page anew.
func (g growth) write(file, into string) error {
	text, err := json.MarshalIndent(g, "", " ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, append(text, '\n'), 0o644); err != nil {
		return err
	}
	folder := strings.TrimSuffix(filepath.Base(into), filepath.Ext(into))
	if err := os.MkdirAll(filepath.Join(filepath.Dir(into), folder), 0o755); err != nil {
		return err
	}
	part := g.table()
	for i, a := range axes {
		picture := filepath.Join(folder, "growth-"+a.name+".svg")
		var svg bytes.Buffer
		if err := curves.SVG(&svg, a.labels(), a.curves(g.Axes[i].Points)); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(filepath.Dir(into), picture), svg.Bytes(), 0o644); err != nil {
			return err
		}
		part += fmt.Sprintf("\n![%s](%s)\n", a.labels().Title, filepath.ToSlash(picture))
	}
	return page.Write(into, map[string]string{"growth": part})
}

// table has a row for each value of each axis.
func (g growth) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %d threads, load %s before; medians of %d rounds:\n\n", g.Machine, g.Threads, g.Load, len(g.Axes[0].Points[0].Rollout.Wall))
	b.WriteString("| what grows | | rollout s | CPU s | CPU ms a unit | update s | CPU s | CPU ms a unit | unit |\n|---|---|---|---|---|---|---|---|---|\n")
	for i, a := range axes {
		for _, p := range g.Axes[i].Points {
			update := "– | – | –"
			if a.update {
				update = a.cells(p, p.Update)
			}
			fmt.Fprintf(&b, "| %s | %d | %s | %s | %s |\n", a.name, p.Value, a.cells(p, p.Rollout), update, a.unit)
		}
	}
	return b.String()
}

// cells are a half's seconds at a point, its CPU seconds, and what of these falls to one unit.
func (a axis) cells(p point, h half) string {
	units := p.Value
	if a.unit == "tick" {
		units = p.Ticks
	}
	return fmt.Sprintf("%.2f | %.2f | %.1f", h.Wall.median(), h.CPU.median(), 1000*h.CPU.median()/float64(units))
}

func (a axis) labels() curves.Labels {
	x := map[string]string{"batch": "completions", "length": "response tokens of a completion", "model": "million parameters", "slots": "slots"}[a.name]
	return curves.Labels{Title: "a step's time over the " + a.name, X: x, Y: "CPU seconds"}
}

// curves are the CPU time that was measured, the spread of the rounds as a band, each beside the straight line through the origin
// and its first point. Over the slots the time falls, at best as one over them.
func (a axis) curves(points []point) (list []curves.Curve) {
	rollout := measured("rollout", points, func(p point) turns { return p.Rollout.CPU })
	if !a.update {
		return []curves.Curve{rollout, inverse("as 1 / slots", rollout)}
	}
	update := measured("update", points, func(p point) turns { return p.Update.CPU })
	return []curves.Curve{rollout, straight("rollout, straight", rollout), update, straight("update, straight", update)}
}

func measured(name string, points []point, of func(point) turns) curves.Curve {
	c := curves.Curve{Name: name}
	for _, p := range points {
		c.Points = append(c.Points, curves.Point{Step: p.Value, Mean: of(p).median(), Low: slices.Min(of(p)), High: slices.Max(of(p))})
	}
	return c
}

func straight(name string, c curves.Curve) curves.Curve {
	first, last := c.Points[0], c.Points[len(c.Points)-1]
	y := first.Mean * float64(last.Step) / float64(first.Step)
	return curves.Curve{Name: name, Points: []curves.Point{{}, {Step: last.Step, Mean: y, Low: y, High: y}}}
}

func inverse(name string, c curves.Curve) curves.Curve {
	line := curves.Curve{Name: name}
	for _, p := range c.Points {
		y := c.Points[0].Mean * float64(c.Points[0].Step) / float64(p.Step)
		line.Points = append(line.Points, curves.Point{Step: p.Step, Mean: y, Low: y, High: y})
	}
	return line
}
