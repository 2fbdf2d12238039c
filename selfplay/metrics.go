package selfplay

import (
	"maps"
	"strings"

	"github.com/azr-train/azr"
)

// metrics are the numbers of a step that the seed determines. Names are
// group/metric, where a group is "propose/deduction", "estimate/deduction",
// "solve/deduction" and so on. A mean of nothing is left out.
//
//	GROUP/count, truncated, unchecked, prompt_too_long    numbers of completions; of prompts
//	GROUP/response_tokens, reward                         means; reward over the trained ones
//	GROUP/verdict/OUTCOME[: reason]                       numbers of verdicts
//	propose/TYPE/valid, duplicate                         numbers of proposals; valid ones include duplicates
//	propose/TYPE/solve_rate, learnability                 means over the proposals that could be estimated
//	propose/TYPE/novelty                                  share of valid proposals with a program that is not in the buffer
//	propose/TYPE/programs                                 different programs among the valid proposals
//	propose/TYPE/size, complexity, halstead, distance     means of the measures of valid proposals
//	propose/TYPE/diversity                                mean rarity of their answers among the tasks kept so far
//	propose/TYPE/requested_size, size_limit               mean size asked for; largest size that may be, if sizes are asked for
//	estimate/TYPE/solve_rate, solve/TYPE/solve_rate       right answers among the checked ones
//	solve/TYPE/fresh, solve/missing                       tasks of this step; places left empty
//	buffer/TYPE, buffer/TYPE/programs                     tasks, and different programs among them
//	collapse/NAME_steps, collapse/alarm                   steps in a row below the bound of [Collapse]; 1 if it is an alarm
func (r *round) metrics(rows []azr.Row) map[string]float64 {
	m := map[string]float64{"solve/missing": float64(r.missing)}
	means := meanTable{}
	for _, row := range rows {
		group := GroupName(row.ID)
		m[group+"/count"]++
		m[group+"/verdict/"+verdictName(row.Verdict)]++
		m[group+"/truncated"] += indicator(row.Finish == azr.Truncated)
		m[group+"/unchecked"] += indicator(row.Verdict.Outcome == azr.Unchecked)
		means.add(group+"/response_tokens", float64(row.ResponseTokens))
		if row.Trained {
			means.add(group+"/reward", row.Reward)
		}
		if row.Role == azr.Solve && row.Verdict.Outcome != azr.Unchecked {
			means.add(group+"/solve_rate", indicator(row.Verdict.Outcome == azr.Pass))
		}
	}
	r.proposalMetrics(m, means)
	for _, a := range r.rollouts {
		if a.prompt.ID.Purpose == azr.Solving {
			m[GroupName(a.prompt.ID)+"/fresh"] += indicator(a.fresh)
		}
	}
	for g, count := range r.tooLong {
		m[g.String()+"/prompt_too_long"] = float64(count)
	}
	for _, t := range r.cfg.TaskTypes {
		m["buffer/"+t.String()] = float64(len(r.buffers[t].tasks))
		m["buffer/"+t.String()+"/programs"] = float64(len(r.buffers[t].programs))
		if r.cfg.Size.Request != SizeOff && t != azr.Induction {
			m["propose/"+t.String()+"/size_limit"] = float64(r.sizers[t].max)
		}
	}
	means.into(m)
	maps.Copy(m, r.cfg.Collapse.watch(r.collapse, r.health()))
	return m
}

func (r *round) proposalMetrics(m map[string]float64, means meanTable) {
	programs := map[ofType]bool{}
	for _, p := range r.sortedProposals() {
		group, t := GroupName(p.prompt.ID), p.task
		m[group+"/valid"] += indicator(p.valid())
		m[group+"/duplicate"] += indicator(p.known || p.repeated)
		if p.solveRate >= 0 {
			means.add(group+"/solve_rate", p.solveRate)
			means.add(group+"/learnability", Learnability(p.solveRate))
		}
		if p.request.Size > 0 {
			means.add(group+"/requested_size", float64(p.request.Size))
		}
		if !p.valid() || t.Measures.Program == "" {
			continue
		}
		programs[ofType{t.Type, t.Measures.Program}] = true
		means.add(group+"/novelty", indicator(p.novel))
		means.add(group+"/size", float64(t.Measures.Size))
		means.add(group+"/complexity", t.Measures.Complexity)
		means.add(group+"/halstead", t.Measures.Halstead)
		means.add(group+"/distance", t.Measures.Distance)
		means.add(group+"/diversity", p.rarity)
	}
	for program := range programs {
		m["propose/"+program.task.String()+"/programs"]++
	}
}

// timings are the numbers of a step that are measured, in seconds.
func (r *round) timings() map[string]float64 {
	return map[string]float64{
		"selfplay/generate_seconds": r.generated.Seconds(),
		"selfplay/wait_seconds":     r.checks.waited.Seconds(),
	}
}

// GroupName begins the names of a completion's metrics, for example "solve/deduction".
func GroupName(id azr.SampleID) string {
	return rolePhase(id.Purpose) + "/" + id.Type.String()
}

func rolePhase(p azr.Purpose) string {
	if p == azr.Proposing || p == azr.Seeding {
		return proposalPhase(p)
	}
	return rolloutPhase(p)
}

// verdictName leaves out what follows a colon in a reason: it may be a name that a model invented.
func verdictName(v azr.Verdict) string {
	reason, _, _ := strings.Cut(v.Reason, ":")
	if reason == "" {
		return v.Outcome.String()
	}
	return v.Outcome.String() + ": " + reason
}

func indicator(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

type meanTable map[string]*mean

type mean struct{ sum, count float64 }

func (m mean) value() float64 { return m.sum / m.count }

func (t meanTable) add(name string, value float64) {
	if t[name] == nil {
		t[name] = &mean{}
	}
	t[name].sum += value
	t[name].count++
}

func (t meanTable) into(m map[string]float64) {
	for name, mean := range t {
		m[name] = mean.value()
	}
}
