package main

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/monitor"
	"github.com/azr-train/azr/selfplay"
	"github.com/azr-train/azr/store"
)

// verification compares what a run's file says with what follows from it.
type verification struct {
	config Config
	store  *store.Store
}

// verified is one kind of number that was computed anew.
type verified struct {
	name, of         string
	checked, skipped int
	why              string // of what is skipped
	differ           []string
}

// told bounds the differences of a kind that are printed.
const told = 5

func (f *verified) add(holds bool, format string, args ...any) {
	f.checked++
	if !holds {
		f.differ = append(f.differ, fmt.Sprintf(format, args...))
	}
}

func (f *verified) print() {
	fmt.Printf("%-12s %d %s checked, %d differ", f.name, f.checked, f.of, len(f.differ))
	if f.skipped > 0 {
		fmt.Printf("; %d left out: %s", f.skipped, f.why)
	}
	fmt.Println()
	for _, line := range f.differ[:min(told, len(f.differ))] {
		fmt.Println("  " + monitor.Printable(line, 0))
	}
}

// verifyRun prints each kind of number with what differs.
func verifyRun(ctx context.Context, dir string, verdicts int) error {
	config, err := readRunConfig("verify", dir)
	if err != nil {
		return err
	}
	s, err := store.View(filepath.Join(dir, storeFile))
	if err != nil {
		return err
	}
	defer s.Close()
	v := verification{config: config, store: s}
	found, err := v.numbers()
	if err != nil {
		return err
	}
	if verdicts > 0 {
		again, err := v.verdicts(ctx, verdicts)
		if err != nil {
			return err
		}
		found = append(found, again...)
	}
	differ := 0
	for _, f := range found {
		f.print()
		differ += len(f.differ)
	}
	if differ > 0 {
		return fmt.Errorf("verify: the run %w; %d numbers of %s are not what follows from its rows", errDiffers, differ, dir)
	}
	return nil
}

// eachStep gives all steps' rows, in order.
func (v *verification) eachStep(f func(step int, rows []azr.Row) error) error {
	_, last, err := v.store.Steps()
	if err != nil {
		return err
	}
	for step := range last + 1 {
		rows, err := v.store.Rows(store.Filter{First: step, Last: step})
		if err != nil {
			return err
		}
		if err := f(step, rows); err != nil {
			return err
		}
	}
	return nil
}

// numbers computes solve rates, rewards and advantages anew.
func (v *verification) numbers() ([]verified, error) {
	rates := verified{name: "solve rates", of: "proposals", why: "nothing was estimated"}
	rewards := verified{name: "rewards", of: "completions", why: "an intrinsic reward, or a share of the right answers, is not in the rows"}
	advantages := verified{name: "advantages", of: "completions"}
	counts := verified{name: "counts", of: "groups, tasks and solve rates"}
	err := v.eachStep(func(step int, rows []azr.Row) error {
		v.solveRates(&rates, rows)
		v.rewards(&rewards, rows)
		v.advantages(&advantages, step, rows)
		return v.counted(&counts, step, rows)
	})
	return []verified{counts, rates, rewards, advantages}, err
}

// counted compares the rows of a step with what its metrics counted, the answers' tasks with those that the run has, and
// the tasks' solve rates with their proposals'.
func (v *verification) counted(f *verified, step int, rows []azr.Row) error {
	records, err := v.store.Records(step, step)
	if err != nil {
		return err
	}
	if len(records) == 0 {
		f.add(false, "step %d: is not there, and later ones are", step)
		return nil
	}
	counts, proposed := map[string]float64{}, map[string]bool{}
	for _, row := range rows {
		counts[selfplay.GroupName(row.ID)]++
		if row.Role == azr.Propose && row.TaskID != "" {
			proposed[row.TaskID] = true
		}
	}
	for name, want := range records[0].Metrics {
		if group, ok := strings.CutSuffix(name, "/count"); ok {
			f.add(counts[group] == want, "step %d: %g completions to %s, want %g", step, counts[group], group, want)
		}
	}
	for _, row := range rows {
		task, found, err := v.store.Task(row.TaskID)
		switch {
		case err != nil:
			return err
		case row.Role == azr.Solve:
			f.add(found || proposed[row.TaskID], "%s: answers task %.16s, which the run does not have", row.ID, row.TaskID)
		case found && task.Proposal == row.ID:
			f.add(same(task.SolveRate, row.SolveRate), "task %s: solve rate %g, want %g of its proposal %s", task.ID, task.SolveRate, row.SolveRate, row.ID)
		}
	}
	return nil
}

// solveRates are the means of a proposal's estimates.
func (v *verification) solveRates(f *verified, rows []azr.Row) {
	verdicts := map[azr.SampleID][]azr.Verdict{} // by the proposal's place
	place := func(id azr.SampleID) azr.SampleID { return azr.SampleID{Type: id.Type, Index: id.Index} }
	for _, row := range rows {
		if row.ID.Purpose == azr.Estimating {
			verdicts[place(row.ID)] = append(verdicts[place(row.ID)], row.Verdict)
		}
	}
	for _, row := range rows {
		estimates := verdicts[place(row.ID)]
		if row.ID.Purpose != azr.Proposing || len(estimates) == 0 || v.config.Environment.shares(row.ID.Type) {
			if row.Role == azr.Propose {
				f.skipped++
			}
			continue
		}
		want := selfplay.MeanSolveRate(estimates)
		f.add(same(want, row.SolveRate), "%s: solve rate %g, want %g of %d estimates", row.ID, row.SolveRate, want, len(estimates))
	}
}

// rewards follow from verdicts and solve rates.
func (v *verification) rewards(f *verified, rows []azr.Row) {
	rules := v.config.Game.Rewards
	for _, row := range rows {
		var want float64
		var paid bool
		switch {
		case row.ID.Purpose == azr.Seeding:
			continue
		case row.Role == azr.Propose && rules.Intrinsic != selfplay.DefaultRewards().Intrinsic && row.Verdict.Outcome == azr.Pass,
			row.Role == azr.Solve && v.config.Environment.shares(row.ID.Type) && (row.Verdict.Outcome == azr.Fail || row.Verdict.Outcome == azr.Fault):
			f.skipped++
			continue
		case row.Role == azr.Propose:
			want, paid = rules.Propose(row.Verdict, row.SolveRate)
		default:
			want, paid = rules.Solve(row.Verdict)
		}
		f.add(same(want, row.Reward), "%s: reward %g, want %g of %s", row.ID, row.Reward, want, row.Verdict.Outcome)
		if row.Trained && !paid {
			f.add(false, "%s: was learnt from, and its outcome is %s", row.ID, row.Verdict.Outcome)
		}
	}
}

// advantages follow from the rewards of a step's samples.
func (v *verification) advantages(f *verified, step int, rows []azr.Row) {
	var samples []azr.Sample
	var trained []azr.Row
	for _, row := range rows {
		if !row.Trained {
			f.add(same(0, row.Advantage), "%s: advantage %g, and it was not learnt from", row.ID, row.Advantage)
		} else {
			trained = append(trained, row)
			samples = append(samples, azr.Sample{
				ID: row.ID, Group: azr.Group{Role: row.Role, Type: row.ID.Type}, Reward: row.Reward, ResponseIDs: make([]int32, row.ResponseTokens),
			})
		}
	}
	learnt, places := v.config.Controls.learnt(v.config.Seed, step, samples)
	want := make([]float64, len(trained)) // 0 for a frozen role
	for i, advantage := range v.config.Trainer.Advantages(learnt) {
		want[places[i]] = advantage
	}
	for i, row := range trained {
		f.add(same(want[i], row.Advantage), "%s: advantage %g, want %g", row.ID, row.Advantage, want[i])
	}
}

// same allows for the last bits that another compiler may round otherwise.
func same(a, b float64) bool {
	return a == b || math.Abs(a-b) <= 1e-9*math.Max(math.Abs(a), math.Abs(b)) || math.IsNaN(a) && math.IsNaN(b)
}

// verdicts judges answers and tasks again, without the journal: some of those that the run has, spread over it.
func (v *verification) verdicts(ctx context.Context, n int) ([]verified, error) {
	env, pool, err := openEnvironment(ctx, v.config)
	if err != nil {
		return nil, err
	}
	if pool != nil {
		defer pool.Close()
	}
	var rows []azr.Row
	if err := v.eachStep(func(_ int, step []azr.Row) error {
		for _, row := range step {
			if row.Role == azr.Solve && row.Verdict.Outcome != azr.Unchecked {
				rows = append(rows, row)
			}
		}
		return nil
	}); err != nil {
		return nil, err
	}
	answers := verified{name: "verdicts", of: "answers", why: "of tasks that were not kept"}
	for i := range min(n, len(rows)) {
		if err := v.again(ctx, env, rows[i*len(rows)/min(n, len(rows))], &answers); err != nil {
			return nil, err
		}
	}
	tasks, err := v.tasksAgain(ctx, env, n)
	return []verified{answers, tasks}, err
}

func (v *verification) again(ctx context.Context, env azr.Environment, row azr.Row, f *verified) error {
	task, found, err := v.store.Task(row.TaskID)
	if err != nil {
		return err
	}
	if !found {
		f.skipped++
		return nil
	}
	answer, verdict := env.ParseAnswer(task, row.Text)
	if row.Finish == azr.Truncated { // what it says was not finished
		verdict.Outcome = azr.Malformed
	}
	if verdict.Outcome == azr.Pass {
		if verdict, err = env.Verify(ctx, task, answer); err != nil {
			return err
		}
	}
	f.add(verdict.Outcome == row.Verdict.Outcome, "%s: %s, now %s", row.ID, row.Verdict.Outcome, verdict.Outcome)
	return nil
}

// tasksAgain validates tasks of the run again, up to n of them spread over all.
func (v *verification) tasksAgain(ctx context.Context, env azr.Environment, n int) (verified, error) {
	f := verified{name: "verdicts", of: "tasks"}
	var tasks []azr.Task
	for _, kind := range azr.AllTaskTypes {
		list, err := v.store.Tasks(kind)
		if err != nil {
			return f, err
		}
		tasks = append(tasks, list...)
	}
	for i := range min(n, len(tasks)) {
		task := tasks[i*len(tasks)/min(n, len(tasks))]
		valid, verdict, err := env.Validate(ctx, task)
		if err != nil {
			return f, err
		}
		f.add(verdict.Outcome == azr.Pass && slices.Equal(valid.Examples, task.Examples), "task %s of step %d: %s %s", task.ID, task.Step, verdict.Outcome, verdict.Reason)
	}
	return f, nil
}
