package trainer

import (
	"fmt"
	"slices"

	"github.com/azr-train/azr"
)

// Replay has the policy imitate right answers of its own from earlier steps. It is not in the paper.
type Replay struct {
	// Count is how many answers a step imitates (default 0), at most one to each prompt.
	Count int `yaml:"count"`
	// Weight is the advantage of each (default 0.5).
	Weight float64 `yaml:"weight"`
	// Window is how many of the newest answers of each task type are remembered (default 2000).
	Window int `yaml:"window"`
}

// memory holds a solver's answers that were paid more than nothing, oldest first.
type memory map[azr.TaskType][]azr.Sample

// remember keeps the step's right answers, in the form in which they will be imitated.
func (t *Trainer) remember(samples []azr.Sample) {
	if t.config.Replay.Count == 0 {
		return
	}
	for _, s := range samples {
		if s.Imitate || s.Group.Role != azr.Solve || s.Reward <= 0 {
			continue
		}
		s.LogProbs, s.Imitate, s.Reward = nil, true, t.config.Replay.Weight
		kept := append(t.memory[s.Group.Type], s)
		t.memory[s.Group.Type] = kept[max(0, len(kept)-t.config.Replay.Window):]
	}
}

// recall draws the answers to imitate in a step: a function of the number of updates made and of what is remembered.
func (t *Trainer) recall() []azr.Sample {
	var pool, drawn []azr.Sample
	for _, typ := range azr.AllTaskTypes {
		pool = append(pool, t.memory[typ]...)
	}
	rng := azr.NewKey(0, fmt.Sprintf("replay after update %d", t.updates)).Rand()
	seen := map[string]bool{}
	for _, i := range rng.Perm(len(pool)) {
		if len(drawn) == t.config.Replay.Count {
			break
		}
		if prompt := fmt.Sprint(pool[i].PromptIDs); !seen[prompt] {
			seen[prompt] = true
			drawn = append(drawn, pool[i])
		}
	}
	return drawn
}

// Memory returns what is remembered, for a checkpoint.
func (t *Trainer) Memory() []azr.Sample {
	var all []azr.Sample
	for _, typ := range azr.AllTaskTypes {
		all = append(all, t.memory[typ]...)
	}
	return slices.Clip(all)
}

// SetMemory restores what [Trainer.Memory] returned.
func (t *Trainer) SetMemory(samples []azr.Sample) {
	t.memory = memory{}
	for _, s := range samples {
		t.memory[s.Group.Type] = append(t.memory[s.Group.Type], s)
	}
}
