package selfplay

import (
	"fmt"
	"slices"
	"strings"

	"github.com/azr-train/azr"
)

// Collapse says when to raise the alarm that the proposer has given up on
// inventing: a mean over the proposals of a step stays below its bound. A bound
// of 0 is never crossed. It changes nothing but the metric collapse/alarm.
type Collapse struct {
	// Steps in a row that raise the alarm; 0 never. Default 5.
	Steps int `yaml:"steps"`
	// Size bounds the mean [azr.Measures].Size of valid proposals. Default 0.
	Size float64 `yaml:"size"`
	// Novelty bounds the share of valid proposals with a program that is not in the buffer. Default 0.2.
	Novelty float64 `yaml:"novelty"`
	// Learnability bounds the mean learnability. Default 0.04.
	Learnability float64 `yaml:"learnability"`
}

func defaultCollapse() Collapse { return Collapse{Steps: 5, Novelty: 0.2, Learnability: 0.04} }

func (c Collapse) validate() error {
	if c.Steps < 0 || !(c.Size >= 0 && c.Novelty >= 0 && c.Learnability >= 0) {
		return fmt.Errorf("selfplay.Config: a key of collapse is negative; got steps %d, size %v, novelty %v, learnability %v", c.Steps, c.Size, c.Novelty, c.Learnability)
	}
	return nil
}

// collapsePrefix begins the metrics from which the next step goes on counting.
const collapsePrefix = "collapse/"

// watch counts for how many steps in a row each mean has been below its bound. A
// step without proposals to take the mean over leaves a count as it is; one in which no proposal is valid has neither
// novelty nor learnability.
func (c Collapse) watch(before map[string]float64, health meanTable) map[string]float64 {
	after := map[string]float64{collapsePrefix + "alarm": 0}
	for name, bound := range map[string]float64{"size": c.Size, "novelty": c.Novelty, "learnability": c.Learnability} {
		count := before[collapsePrefix+name+"_steps"]
		if mean := health[name]; mean != nil {
			if mean.value() < bound {
				count++
			} else {
				count = 0
			}
		}
		after[collapsePrefix+name+"_steps"] = count
		if c.Steps > 0 && count >= float64(c.Steps) {
			after[collapsePrefix+"alarm"] = 1
		}
	}
	return after
}

// counts picks the counts of a step out of its metrics.
func (Collapse) counts(metrics map[string]float64) map[string]float64 {
	counts := map[string]float64{}
	for name, value := range metrics {
		if strings.HasPrefix(name, collapsePrefix) {
			counts[name] = value
		}
	}
	return counts
}

// health are the means that collapse is told by, over the proposals of all types. The program of an induction
// proposal is not the proposer's own.
func (r *round) health() meanTable {
	health := meanTable{}
	for _, p := range r.sortedProposals() {
		if p.valid() && p.task.Type != azr.Induction && p.task.Measures.Program != "" {
			health.add("size", float64(p.task.Measures.Size))
			health.add("novelty", indicator(p.novel))
		}
		if p.solveRate >= 0 {
			health.add("learnability", Learnability(p.solveRate))
		}
	}
	if !slices.ContainsFunc(r.sortedProposals(), (*proposal).valid) && len(r.proposals) > 0 {
		health.add("novelty", 0) // none is valid: there is nothing new, and nothing to learn
		health.add("learnability", 0)
	}
	return health
}
