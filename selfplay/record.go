package selfplay

import (
	"maps"
	"slices"

	"github.com/azr-train/azr"
)

// settleProposals decides in canonical order what no proposal can know alone:
// which of equal ones was first, and what its estimates mean. It returns the
// tasks to keep.
func (r *round) settleProposals() []azr.Task {
	var tasks []azr.Task
	tasksSeen, programsSeen := map[ofType]bool{}, map[ofType]bool{}
	for _, p := range r.sortedProposals() {
		if p.verdict.Outcome != azr.Pass {
			continue
		}
		p.solveRate = p.estimated()
		p.task.SolveRate = p.solveRate
		key, program := ofType{p.task.Type, r.cfg.Duplicates.key(p.task)}, ofType{p.task.Type, p.task.Measures.Program}
		p.repeated, tasksSeen[key] = tasksSeen[key], true
		p.novel = !programsSeen[program] && r.buffers[program.task].programs[program.text] == 0
		programsSeen[program] = true
		p.rarity = r.diversity.mean(p.task, answers(p.task.Type), r.cfg.Rewards.Intrinsic.Hierarchical)
		seeding := p.prompt.ID.Purpose == azr.Seeding
		switch {
		case (p.known || p.repeated) && (seeding || r.cfg.Duplicates != DuplicatesNone):
			if seeding || r.cfg.refuseDuplicates() {
				p.verdict = azr.Verdict{Outcome: azr.Fail, Reason: "duplicate"}
			}
		case p.overlong():
			// no solver can be shown it
		default:
			tasks = append(tasks, p.task)
		}
		if p.verdict.Outcome == azr.Pass && len(p.estimates) > 0 && p.solveRate < 0 {
			p.verdict = azr.Verdict{Outcome: azr.Unchecked, Reason: "no estimate could be checked"}
			if p.overlong() {
				p.verdict.Reason = "solve prompt too long"
			}
		}
	}
	return tasks
}

// ofType is a text that counts for one task type.
type ofType struct {
	task azr.TaskType
	text string
}

// valid tells whether the Environment found a task, and one that was asked for.
func (p *proposal) valid() bool {
	return p.check != nil && p.check.verdict.Outcome == azr.Pass && misfit(p.request, p.check.task) == ""
}

// estimated is the mean of the estimates, -1 if there is none.
func (p *proposal) estimated() float64 {
	verdicts := make([]azr.Verdict, len(p.estimates))
	for i, a := range p.estimates {
		verdicts[i] = a.verdict
	}
	return MeanSolveRate(verdicts)
}

// overlong tells whether the task's solve prompt leaves no room for an answer.
func (p *proposal) overlong() bool {
	return len(p.estimates) > 0 && p.estimates[0].completion.Finish == azr.PromptTooLong
}

// rows writes down every completion and gathers those to learn from, in canonical order.
func (r *round) rows() ([]azr.Row, []azr.Sample) {
	var rows []azr.Row
	var samples []azr.Sample
	add := func(row azr.Row, p azr.Prompt, c azr.Completion, trained bool) {
		row.ID, row.Prompt, row.Text, row.Finish = p.ID, p.String(), c.Text, c.Finish
		row.PromptTokens, row.ResponseTokens = len(c.PromptIDs), len(c.IDs)
		row.Trained = trained && len(c.IDs) > 0
		rows = append(rows, row)
		if row.Trained {
			samples = append(samples, azr.Sample{
				ID: p.ID, Group: azr.Group{Role: row.Role, Type: p.ID.Type},
				PromptIDs: c.PromptIDs, ResponseIDs: c.IDs, LogProbs: c.LogProbs,
				Temperature: p.Sampling.Temperature, Reward: row.Reward,
			})
		}
	}
	for _, p := range r.sortedProposals() {
		row := azr.Row{Role: azr.Propose, TaskID: p.task.ID, Verdict: p.verdict, SolveRate: p.solveRate}
		trained := false
		if p.prompt.ID.Purpose == azr.Proposing {
			row.Reward, trained = r.cfg.Rewards.proposal(p.verdict, p.task, r.diversity)
			trained = trained && r.cfg.TrainPropose
		}
		add(row, p.prompt, p.completion, trained)
	}
	for _, a := range r.sortedRollouts() {
		row := azr.Row{Role: azr.Solve, TaskID: a.task.ID, Answer: a.answer, Verdict: a.verdict, SolveRate: -1}
		reward, ok := r.cfg.Rewards.Solve(a.verdict)
		row.Reward = reward
		add(row, a.prompt, a.completion, ok && (a.prompt.ID.Purpose == azr.Solving || r.cfg.ReuseEstimates))
	}
	return rows, samples
}

func (r *round) sortedProposals() []*proposal {
	return slices.SortedFunc(maps.Values(r.proposals), func(a, b *proposal) int { return compareIDs(a.prompt.ID, b.prompt.ID) })
}

func (r *round) sortedRollouts() []*rollout {
	return slices.SortedFunc(maps.Values(r.rollouts), func(a, b *rollout) int { return compareIDs(a.prompt.ID, b.prompt.ID) })
}
