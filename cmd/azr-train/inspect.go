package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/monitor"
	"github.com/azr-train/azr/store"
	"github.com/azr-train/azr/trainer/checkpoint"
)

func inspectCommand() *cli.Command {
	return &cli.Command{
		Name:      "inspect",
		Usage:     "show what a run has done: steps, tasks, what the executor met, examples of completions",
		ArgsUsage: "RUN",
		Description: "stdout gets tables and examples of completions, escaped and cut, or with --json one document.\n" +
			"The run may be under way.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "json", Usage: "print one JSON document"},
			&cli.IntFlag{Name: "step", Value: -1, Usage: "show the completions of step `N`", DefaultText: "the last"},
			&cli.IntFlag{Name: "limit", Value: 12, Usage: "show at most `N` completions"},
		},
		Action: func(c *cli.Context) error {
			dir, err := oneArgument(c, "the run's folder")
			if err != nil {
				return err
			}
			if n := c.Int("limit"); n < 0 {
				return usage(c, "--limit is negative; got %d, want 0 or more", n)
			}
			r, err := inspectRun(dir, c.Int("step"), c.Int("limit"))
			if err != nil {
				return err
			}
			if c.Bool("json") {
				return printJSON(r)
			}
			w := bufio.NewWriter(os.Stdout)
			r.print(w)
			return w.Flush()
		},
	}
}

// printJSON writes one indented document to stdout.
func printJSON(document any) error {
	e := json.NewEncoder(os.Stdout)
	e.SetIndent("", "  ")
	return e.Encode(document)
}

// inspection is what inspect shows. Text in it came from the model.
type inspection struct {
	Run         string                     `json:"run"`
	Checkpoints []string                   `json:"checkpoints"`
	Tasks       map[azr.TaskType]int       `json:"tasks"`
	Journaled   int                        `json:"journaled_results"`
	Groups      []groupLine                `json:"groups"`
	Metrics     map[int]map[string]float64 `json:"metrics"`
	Executor    *executorReport            `json:"executor"`
	Rows        []azr.Row                  `json:"rows"`
	// Provenance is the newest checkpoint's, nil where there is none that can be read.
	Provenance *checkpoint.Provenance `json:"provenance"`
}

// groupLine is store.Summary with null for means of nothing.
type groupLine struct {
	Step        int      `json:"step"`
	Group       string   `json:"group"`
	Completions int      `json:"completions"`
	Passed      int      `json:"passed"`
	Unchecked   int      `json:"unchecked"`
	Trained     int      `json:"trained"`
	Reward      *float64 `json:"reward"`
	SolveRate   *float64 `json:"solve_rate"`
}

func inspectRun(dir string, step, limit int) (*inspection, error) {
	s, err := store.View(filepath.Join(dir, storeFile))
	if err != nil {
		return nil, err
	}
	defer s.Close()
	r := &inspection{Run: dir, Metrics: map[int]map[string]float64{}}
	r.Checkpoints, _ = filepath.Glob(filepath.Join(dir, "checkpoints", "step-*"))
	if p, newest, err := checkpoint.LatestProvenance(dir); err == nil && newest != "" {
		r.Provenance = &p
	}
	first, last, err := s.Steps()
	if err != nil {
		return nil, err
	}
	if r.Tasks, err = s.TaskCounts(); err != nil {
		return nil, err
	}
	if r.Journaled, err = s.Journaled(); err != nil {
		return nil, err
	}
	if r.Executor, err = readExecutorReport(filepath.Join(dir, executorFile)); err != nil {
		return nil, err
	}
	groups, err := s.Summaries(store.Filter{First: first, Last: last})
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		r.Groups = append(r.Groups, groupLine{g.Step, groupName(g), g.Completions, g.Passed, g.Unchecked, g.Trained, finite(g.Reward), finite(g.SolveRate)})
	}
	records, err := s.Records(first, last)
	if err != nil {
		return nil, err
	}
	for _, record := range records {
		r.Metrics[record.Step] = record.Metrics
	}
	if step > last || step >= 0 && step < first {
		return nil, fmt.Errorf("inspect: no such step in %s; got %d, want %d to %d", dir, step, first, last)
	}
	if step < 0 {
		step = last
	}
	r.Rows, err = s.Rows(store.Filter{First: step, Last: step, Limit: limit})
	return r, err
}

// groupName is the group's, but for the estimates of learnability, which are answers too.
func groupName(s store.Summary) string {
	if s.Purpose == azr.Estimating {
		return "estimate/" + s.Type.String()
	}
	return s.Group.String()
}

func finite(x float64) *float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}

// maxShown bounds what is shown of a completion, in characters.
const maxShown = 240

func (r *inspection) print(w io.Writer) {
	fmt.Fprintf(w, "run %s: %d checkpoints, %d journaled results\n", r.Run, len(r.Checkpoints), r.Journaled)
	for _, t := range azr.AllTaskTypes {
		if t != azr.ErrorPrediction || r.Tasks[t] > 0 { // it is an option
			fmt.Fprintf(w, "  %-10s %6d tasks\n", t, r.Tasks[t])
		}
	}
	if r.Provenance != nil {
		fmt.Fprintf(w, "\nthe newest checkpoint was written with\n")
		printProvenance(w, *r.Provenance)
	}
	fmt.Fprintf(w, "\n%4s  %-18s %11s %7s %9s %8s %8s %10s\n", "step", "group", "completions", "passed", "unchecked", "trained", "reward", "solve rate")
	for _, g := range r.Groups {
		fmt.Fprintf(w, "%4d  %-18s %11d %7d %9d %8d %8s %10s\n", g.Step, g.Group, g.Completions, g.Passed, g.Unchecked, g.Trained, decimal(g.Reward), decimal(g.SolveRate))
	}
	r.printUpdates(w)
	if r.Executor != nil {
		r.Executor.print(w)
	}
	for _, row := range r.Rows {
		verdict := row.Verdict.Outcome.String()
		if row.Verdict.Reason != "" {
			verdict += ": " + monitor.Printable(row.Verdict.Reason, maxShown)
		}
		fmt.Fprintf(w, "\n%s: %s, reward %.3f\n  %s\n", row.ID, verdict, row.Reward, strings.TrimSpace(monitor.Printable(row.Text, maxShown)))
	}
}

// printUpdates is a line for each step that learned.
func (r *inspection) printUpdates(w io.Writer) {
	fmt.Fprintf(w, "\n%4s  %-22s %13s %13s %18s %13s\n", "step", "groups with advantages", "loss", "weight change", "micro-batch tokens", "out of memory")
	for _, step := range slices.Sorted(maps.Keys(r.Metrics)) {
		if m := r.Metrics[step]; m["trainer/micro_batch_tokens"] > 0 {
			fmt.Fprintf(w, "%4d  %15.0f of %d %13.4g %13.4g %18.0f %13.0f\n", step, m["trainer/groups"], len(azr.Groups()),
				m["trainer/loss"], m["trainer/weight_change"], m["trainer/micro_batch_tokens"], m["trainer/out_of_memory"])
		}
	}
}

func decimal(x *float64) string {
	if x == nil {
		return "-"
	}
	return fmt.Sprintf("%.3f", *x)
}
