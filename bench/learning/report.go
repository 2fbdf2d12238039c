package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/azr-train/azr/bench/page"
	"github.com/azr-train/azr/monitor/curves"
)

// write puts the tables and pictures of all experiments into the page.
func (p *proof) write(file string) (err error) {
	parts := map[string]string{"machine": p.results.Machine + "\n"}
	for _, e := range experiments {
		if parts[e.name], err = p.section(e, filepath.Dir(file)); err != nil {
			return err
		}
	}
	return page.Write(file, parts)
}

// section is the tables of an experiment, whose pictures are written beside the page.
func (p *proof) section(e experiment, dir string) (string, error) {
	rows := p.rows(e)
	if len(rows) == 0 {
		return "not run yet\n", nil
	}
	var b strings.Builder
	b.WriteString("Accuracy on the test file in percent, greedy, mean over the seeds ± its standard error:\n\n")
	writeTable(&b, rows, share.accuracy)
	b.WriteString("\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "- %s: %s\n", r.name, r.says)
	}
	b.WriteString("\nOf the answers that parse:\n\n")
	writeTable(&b, rows, share.ofParsed)
	writeDifferences(&b, rows)
	for _, picture := range pictures {
		list := picture.curves(rows)
		if len(list) == 0 {
			continue
		}
		var svg bytes.Buffer
		if err := curves.SVG(&svg, curves.Labels{Title: picture.title, Y: picture.label}, list); err != nil {
			return "", err
		}
		name := e.name + "-" + picture.name + ".svg"
		if err := os.MkdirAll(filepath.Join(dir, "learning"), 0o755); err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(dir, "learning", name), svg.Bytes(), 0o644); err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "\n![%s](learning/%s)\n", picture.title, name)
	}
	return b.String(), nil
}

// row is an arm with what came of it for each seed.
type row struct {
	arm
	results []result
}

func (p *proof) rows(e experiment) (rows []row) {
	if !slices.ContainsFunc(p.results.Results, func(r result) bool { return r.Experiment == e.name }) {
		return nil
	}
	arms := e.arms
	if e.beside != "" {
		for _, other := range experiments {
			if other.name == e.beside {
				arms = append(e.shown(other), arms...)
			}
		}
	}
	for _, a := range arms {
		r := row{arm: a}
		for _, result := range p.results.Results {
			if (result.Experiment == e.name || result.Experiment == e.beside) && result.Arm == a.name {
				r.results = append(r.results, result)
			}
		}
		slices.SortFunc(r.results, func(x, y result) int { return x.Seed - y.Seed })
		if len(r.results) > 0 {
			rows = append(rows, r)
		}
	}
	return rows
}

// shown are the arms of another experiment that stand beside an experiment's own.
func (e experiment) shown(other experiment) []arm {
	return slices.DeleteFunc(slices.Clone(other.arms), func(a arm) bool {
		return a.name != "base" && a.name != selfPlay && !slices.Contains(e.also, a.name)
	})
}

// trained tells an arm that learns from one that is merely scored.
func (a arm) trained() bool { return a.play != nil || a.teach != nil }

func (s share) accuracy() float64 { return float64(s.Right) / float64(s.Tasks) }

func (s share) ofParsed() float64 {
	if s.Parsed == 0 {
		return 0
	}
	return float64(s.Right) / float64(s.Parsed)
}

// of is an arm's estimate of a share of the test file.
func (r row) of(name string, value func(share) float64) estimate {
	var values []float64
	for _, result := range r.results {
		values = append(values, value(result.Test[name]))
	}
	return estimated(values)
}

// columns are the parts of the test file: deduction by size, then the types.
func columns(rows []row) []string {
	names := slices.Sorted(maps.Keys(rows[0].results[0].Test))
	var list []string
	for _, name := range names {
		if strings.HasPrefix(name, "deduction ") {
			list = append(list, name)
		}
	}
	return append(list, "deduction", "abduction", "induction")
}

func writeTable(b *strings.Builder, rows []row, value func(share) float64) {
	names := columns(rows)
	fmt.Fprintf(b, "| | %s | CPU s | sampled tokens |\n|---|%s\n", strings.Join(names, " | "), strings.Repeat("---|", len(names)+2))
	for _, r := range rows {
		fmt.Fprintf(b, "| %s (%d) |", r.name, len(r.results))
		for _, name := range names {
			fmt.Fprintf(b, " %v |", r.of(name, value))
		}
		seconds, tokens := 0.0, 0
		for _, result := range r.results {
			seconds, tokens = seconds+result.CPUSeconds, tokens+result.SampledTokens
		}
		n := len(r.results)
		fmt.Fprintf(b, " %.0f | %s |\n", seconds/float64(n), thousands(tokens/n))
	}
}

func thousands(n int) string {
	if n == 0 {
		return "–"
	}
	return strconv.Itoa((n+500)/1000) + " k"
}

// writeDifferences compares self-play with every other arm.
func writeDifferences(b *strings.Builder, rows []row) {
	at := slices.IndexFunc(rows, func(r row) bool { return r.name == selfPlay })
	if at < 0 {
		return
	}
	names := columns(rows)
	fmt.Fprintf(b, "\nSelf-play minus the others, in points; bold is above zero by more than two standard errors:\n\n| | %s |\n|---|%s\n",
		strings.Join(names, " | "), strings.Repeat("---|", len(names)))
	for i, r := range rows {
		if i == at {
			continue
		}
		fmt.Fprintf(b, "| %s |", r.name)
		for _, name := range names {
			own, other := rows[at].of(name, share.accuracy), r.of(name, share.accuracy)
			if other.n == 1 && r.trained() {
				other = own.asOne(other)
			}
			d := own.minus(other)
			text := d.format("%+.1f")
			if d.clear() {
				text = "**" + text + "**"
			}
			fmt.Fprintf(b, " %s |", text)
		}
		b.WriteString("\n")
	}
}
