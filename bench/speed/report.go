package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/azr-train/azr/bench/page"
)

// report is what was measured, and on what.
type report struct {
	Machine string   `json:"machine"`
	Threads int      `json:"threads"`
	PyTorch string   `json:"pytorch"`
	Rows    []result `json:"rows"`
}

func readReport(file string) (r report, err error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		return r, fmt.Errorf("%s: %w", file, err)
	}
	return r, nil
}

// describe names the machine. What another one, or another PyTorch, has measured goes.
func (r *report) describe(name string, threads int, pyTorch string) {
	if r.Machine != name || r.Threads != threads || r.PyTorch != pyTorch {
		*r = report{Machine: name, Threads: threads, PyTorch: pyTorch}
	}
}

func (r *report) add(found result) {
	i := slices.IndexFunc(r.Rows, func(old result) bool { return old.Name == found.Name })
	if i < 0 {
		r.Rows = append(r.Rows, found)
	} else {
		r.Rows[i] = found
	}
}

const header = "| | tokens/s | reference | times as fast (least to most) | as llama.cpp | of the limit | memory | aim |"

// line is a result as a row of the page's table.
func (r result) line() string {
	rate := func(s turns) string { return fmt.Sprintf("%.0f", float64(r.Tokens)/s.median()) }
	limit, memory, llama := "–", "–", "–"
	if len(r.Llama) > 0 {
		llama = spread(r.Ours.against(r.Llama))
	}
	if len(r.Limit) > 0 {
		shares := r.Ours.against(r.Limit)
		limit = fmt.Sprintf("%d %% (%d to %d)", percent(shares.median()), percent(shares[0]), percent(shares[len(shares)-1]))
	}
	if r.OurPeak > 0 && r.TheirPeak > 0 {
		memory = fmt.Sprintf("%.2f", float64(r.OurPeak)/float64(r.TheirPeak))
	}
	return fmt.Sprintf("| %s: %s | %s | %s | %s | %s | %s | %s | %s |", r.Name, r.Says, rate(r.Ours), rate(r.Theirs),
		spread(r.Ours.against(r.Theirs)), llama, limit, memory, r.Aim)
}

// spread of sorted ratios: the median, the least and the most.
func spread(ratios turns) string {
	return fmt.Sprintf("%.2f (%.2f to %.2f)", ratios.median(), ratios[0], ratios[len(ratios)-1])
}

// write keeps the results and writes the page's table anew.
func (r *report) write(file, into string) error {
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, append(text, '\n'), 0o644); err != nil {
		return err
	}
	return page.Write(into, map[string]string{"speed": r.table()})
}

func (r *report) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %d threads a side, PyTorch %s:\n\n", r.Machine, r.Threads, r.PyTorch)
	b.WriteString(header + "\n|---|---|---|---|---|---|---|---|\n")
	for _, row := range r.Rows {
		b.WriteString(row.line() + "\n")
	}
	var loads []string
	for _, row := range r.Rows {
		loads = append(loads, fmt.Sprintf("%s %d rounds at %s", row.Name, len(row.Ours), cmp.Or(row.Load, "?")))
	}
	fmt.Fprintf(&b, "\nRounds, and the load of the machine before them (rows are measured apart, and stay until they are measured again): %s.\n", strings.Join(loads, ", "))
	for _, row := range r.Rows {
		if len(row.Batches) > 0 {
			b.WriteString("\n" + row.batches())
		}
		if len(row.Idle) > 0 {
			b.WriteString("\n" + row.idle())
		}
	}
	return b.String()
}

// batches tells how the reference came to its batch size.
func (r result) batches() string {
	var tried []string
	for _, b := range r.Batches {
		tried = append(tried, fmt.Sprintf("%d (%.0f tokens/s)", b.Size, b.Tokens))
	}
	return fmt.Sprintf("Reference, %s: batches of %d, the best it tried: %s.\n", r.Name, r.Batches[0].Size, strings.Join(tried, ", "))
}

// idle tells how much of a row's time our compute thread was not computing.
func (r result) idle() string {
	return fmt.Sprintf("Our compute thread was outside libtorch for %.1f %% of the %s (%.1f to %.1f), waiting for verdicts for %.1f %% of it; "+
		"the aim is at most 5 %%.\n", 100*r.Idle.median(), r.Name, 100*slices.Min(r.Idle), 100*slices.Max(r.Idle), 100*r.Waiting.median())
}
