package monitor

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/monitor/curves"
)

// Summary is what a run ends with, as plain text for its user.
type Summary struct {
	// Records are the steps of this run, in order; only Metrics and Timings are read. A step 0 is the seeding.
	Records []azr.StepRecord
	// Run is the run's folder, Model that of the exported model; empty if there is none.
	Run, Model string
	// HeldOut is how the accuracy on held-out tasks went since the run's first step, in plots of several curves; none if
	// it was not measured.
	HeldOut [][]curves.Curve
	// Next lists commands to try next.
	Next []string
}

// maxPhases bounds the table of times.
const maxPhases = 8

// allPhases names the sum of all phases.
const allPhases = "all"

// String lays the summary out in some 25 lines.
func (s Summary) String() string {
	var b strings.Builder
	played := s.played()
	if len(played) == 0 {
		b.WriteString("no step was finished\n")
	} else {
		fmt.Fprintf(&b, "%s of self-play (%d to %d)\n\n", count(len(played), "step"), played[0].Step, played[len(played)-1].Step)
		writeTasks(&b, played)
	}
	for i, list := range s.HeldOut {
		if i == 0 {
			b.WriteString("\naccuracy on held-out tasks, with 95 % intervals\n")
		}
		fmt.Fprintf(&b, "\n%s\n%s", curves.Text(list), curves.Table(list))
	}
	writeTimes(&b, s.Records)
	b.WriteString("\n")
	for _, place := range [][2]string{{"run", s.Run}, {"model", s.Model}} {
		if place[1] != "" {
			fmt.Fprintf(&b, "%-6s %s\n", place[0], Printable(place[1], 0))
		}
	}
	if len(s.Next) > 0 {
		b.WriteString("next   " + strings.Join(s.Next, "\n       ") + "\n")
	}
	return b.String()
}

// played are the records without the seeding.
func (s Summary) played() []azr.StepRecord {
	return slices.DeleteFunc(slices.Clone(s.Records), func(r azr.StepRecord) bool { return r.Step == 0 })
}

// writeTasks is a row a task type and one for all.
func writeTasks(b *strings.Builder, records []azr.StepRecord) {
	const row = "%-10s %10s %6s %6s %9s %10s %8s %10s %8s\n"
	b.WriteString("                           tasks                 solve rate           reward\n")
	fmt.Fprintf(b, row, "type", "proposed", "valid", "copies", "in buffer", "estimates", "answers", "proposer", "solver")
	line := func(name string, t tally) {
		fmt.Fprintf(b, row, name, whole(t.proposed), whole(t.valid), whole(t.duplicates), whole(t.buffer),
			t.estimate, t.solve, t.proposeReward, t.solveReward)
	}
	for _, typ := range azr.AllTaskTypes {
		if t := tallyOf(records, typ); typ != azr.ErrorPrediction || t.buffer > 0 { // it is an option
			line(typ.String(), t)
		}
	}
	all := tallyOf(records, azr.AllTaskTypes[:]...)
	line("all", all)
	fmt.Fprintf(b, "\nof all completions %s could not be checked and %s were cut at the length limit\n",
		whole(all.unchecked), whole(all.truncated))
	writeUpdates(b, records)
}

// writeUpdates tells in how many groups the updates had something to learn, and that they moved the weights.
func writeUpdates(b *strings.Builder, records []azr.StepRecord) {
	var groups, changes []float64
	for _, r := range records {
		if v, ok := r.Metrics["trainer/groups"]; ok {
			groups, changes = append(groups, v), append(changes, r.Metrics["trainer/weight_change"])
		}
	}
	if len(groups) > 0 {
		fmt.Fprintf(b, "each update learned from at least %s of %d groups and moved the weights by at least %.2g (L2 norm)\n",
			whole(slices.Min(groups)), len(azr.Groups()), slices.Min(changes))
	}
}

// writeTimes is a row for each phase, the longest first, and one for the whole.
func writeTimes(b *strings.Builder, records []azr.StepRecord) {
	total := seconds(records)
	if len(total) == 0 {
		return
	}
	all, rest := total[allPhases], total[allPhases]
	delete(total, allPhases)
	phases := slices.SortedFunc(maps.Keys(total), func(a, b string) int {
		return cmp.Or(cmp.Compare(total[b], total[a]), cmp.Compare(a, b))
	})
	fmt.Fprintf(b, "\n%-24s %10s\n", "time", "seconds")
	for i, phase := range phases {
		if i < maxPhases {
			fmt.Fprintf(b, "%-24s %10.1f\n", Printable(phase, 24), total[phase])
			rest -= total[phase]
		}
	}
	if rest >= 0.05 {
		fmt.Fprintf(b, "%-24s %10.1f\n", "rest", rest)
	}
	fmt.Fprintf(b, "%-24s %10.1f\n", allPhases, all)
}

// seconds adds up each phase, and all of them. A step's own time holds its phases but for the measuring on held-out
// tasks; the seeding has no such time.
func seconds(records []azr.StepRecord) map[string]float64 {
	total := map[string]float64{}
	for _, r := range records {
		step, played := r.Timings["step_seconds"]
		for name, v := range r.Timings {
			phase, ok := strings.CutSuffix(name, "_seconds")
			if !ok || phase == "step" {
				continue
			}
			total[phase] += v
			if !played || phase == "held_out" {
				step += v
			}
		}
		if step > 0 {
			total[allPhases] += step
		}
	}
	return total
}

// StepLine tells in one line what came of a step.
func StepLine(r azr.StepRecord) string {
	t := tallyOf([]azr.StepRecord{r}, azr.AllTaskTypes[:]...)
	line := fmt.Sprintf("%s of %s valid, solve rate %v estimated %v answered, reward %v proposer %v solver",
		whole(t.valid), count(int(t.proposed), "proposal"), t.estimate, t.solve, t.proposeReward, t.solveReward)
	if r.Step == 0 {
		line = fmt.Sprintf("seeded: %s in the buffers", count(int(t.buffer), "task"))
	}
	if seconds, ok := r.Timings["step_seconds"]; ok {
		line += fmt.Sprintf(", %.1f s", seconds)
	}
	return line
}

func whole(v float64) string { return fmt.Sprintf("%.0f", v) }

func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}
