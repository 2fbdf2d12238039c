package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/executor"
	"github.com/azr-train/azr/monitor"
)

// executorReport is the file of a run that tells all that the executor counts, since the trainer last started.
type executorReport struct {
	Step   int            `json:"step"`
	Level  executor.Level `json:"level"`
	Python string         `json:"python"`
	Stats  executor.Stats `json:"stats"`
}

// reportExecutor writes what the executor counted up to a step, if there is one.
func (s *session) reportExecutor(step int) error {
	if s.executor == nil {
		return nil
	}
	python, _ := s.executor.Python()
	report := executorReport{Step: step, Level: s.executor.Level(), Python: python, Stats: s.executed}
	return report.write(s.folder.path(executorFile))
}

// write puts the report in the place of an older one.
func (r executorReport) write(path string) error {
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	next := path + ".next"
	if err := os.WriteFile(next, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("run: cannot write what the executor counts: %w", err)
	}
	return os.Rename(next, path)
}

// readExecutorReport returns nil for a run that has none yet.
func readExecutorReport(path string) (*executorReport, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var r executorReport
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		return nil, fmt.Errorf("inspect: %s: %w", path, err)
	}
	return &r, nil
}

func (r *executorReport) print(w io.Writer) {
	s := r.Stats
	fmt.Fprintf(w, "\nexecutor at level %s, Python %s, to step %d\n", r.Level, r.Python, r.Step)
	fmt.Fprintf(w, "  %-10s %d, %d of them in %d batches; known: %d from memory, %d from the journal, %d under way\n",
		"runs", s.Runs, s.BatchRuns, s.Batches, s.CacheHits, s.JournalHits, s.Shared)
	alarm := ""
	if s.BlockedAlarm {
		alarm = ", an alarm: the model may be learning to attack the sandbox"
	}
	fmt.Fprintf(w, "  %-10s %s; %.1f%% of the last do what no task needs%s\n", "results", counted(byName(s.Results)), 100*s.BlockedShare, alarm)
	fmt.Fprintf(w, "  %-10s %s\n  %-10s %s\n", "errors", counted(s.Errors), "restarts", counted(s.Restarts))
	micro := func(n int64) string { return time.Duration(n * int64(time.Microsecond)).String() }
	size := func(n int64) string { return fmt.Sprintf("%.1f KiB", float64(n)/1024) }
	for _, h := range []struct {
		name    string
		amounts executor.Histogram
		show    func(int64) string
	}{
		{"wait", s.Histograms.QueueWait, micro}, {"wall", s.Histograms.Wall, micro}, {"cpu", s.Histograms.CPU, micro},
		{"memory", s.Histograms.RSS, size}, {"value", s.Histograms.ValueBytes, size},
	} {
		fmt.Fprintf(w, "  %-10s p50 < %s, p99 < %s, of %d\n", h.name, h.show(h.amounts.Quantile(0.5)+1), h.show(h.amounts.Quantile(0.99)+1), h.amounts.Total())
	}
	for _, slow := range s.Slowest[:min(3, len(s.Slowest))] {
		fmt.Fprintf(w, "  %-10s %s took %s\n", "slow", monitor.Printable(slow.Program, maxShown), slow.Wall.Round(time.Millisecond))
	}
}

func byName(results map[azr.Status]int64) map[string]int64 {
	named := map[string]int64{}
	for status, n := range results {
		named[status.String()] = n
	}
	return named
}

// counted lists counts, the greatest first. The names may be a program's.
func counted(counts map[string]int64) string {
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		if counts[a] != counts[b] {
			return int(counts[b] - counts[a])
		}
		return strings.Compare(a, b)
	})
	var parts []string
	for _, name := range names {
		parts = append(parts, fmt.Sprintf("%d %s", counts[name], monitor.Printable(name, maxShown)))
	}
	if parts == nil {
		return "none"
	}
	return strings.Join(parts, ", ")
}

// alarm warns if many programs do what no task needs.
func alarm(log zerolog.Logger, stats executor.Stats, samples string) {
	if stats.BlockedAlarm {
		log.Warn().Float64("blocked_share", stats.BlockedShare).Str("samples", samples).
			Msg("many programs do what no task needs: the model may be learning to attack the sandbox")
	}
}
