package main

import (
	"fmt"
	"sort"

	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/rollout"
	"github.com/azr-train/azr/torch"
	"github.com/azr-train/azr/trainer"
)

// need is the memory that a run holds on its device, in bytes.
type need struct {
	Training trainer.Memory `json:"training"`
	Rollout  rollout.Memory `json:"rollout"`
}

// needOf counts it by the arithmetic of the packages that hold it.
func needOf(m model.Config, c Config, ranks int) need {
	device, err := torch.ParseDevice(c.Device)
	if err != nil {
		device = torch.CUDA(0) // one that is not here
	}
	return need{
		Training: c.Trainer.Memory(m, c.LoRA, c.DType, longestSample(m, c), ranks),
		Rollout:  c.Rollout.Memory(m, c.LoRA, c.DType, device),
	}
}

// longestSample is the most tokens of a prompt and its response.
func longestSample(m model.Config, c Config) int { return min(c.Rollout.Room, m.MaxPositionEmbeddings) }

// updating and generating are the two halves of a step. The cache and the moments stay through both.
func (n need) updating() int64 { return n.Training.Total() + n.Rollout.Cache }
func (n need) generating() int64 {
	return n.Training.Weights + n.Training.Moments + n.Rollout.Cache + n.Rollout.Activations
}
func (n need) peak() int64 { return max(n.updating(), n.generating()) }

// fit is what a run of a model needs beside what there is.
type fit struct {
	Model      []string `json:"architectures"`
	Parameters int64    `json:"parameters"`
	DType      string   `json:"dtype"`
	Ranks      int      `json:"ranks"` // what follows is of the rank that needs most
	Memory     budget   `json:"memory"`
	Need       need     `json:"need"`
	Updating   int64    `json:"updating"`
	Generating int64    `json:"generating"`
	Peak       int64    `json:"peak"`
	Fits       bool     `json:"fits"`
	// LargestPass in tokens, see trainer.Config.
	LargestPass int      `json:"largest_pass_tokens"`
	Savings     []saving `json:"savings"`
	// Largest values that fit with everything else as it is; 0 where none does.
	Largest []largest `json:"largest"`
	config  Config
}

// saving is a setting that takes less memory, alone or with those before it.
type saving struct {
	Set  []string `json:"set"`
	Peak int64    `json:"peak"`
	Fits bool     `json:"fits"`
	Cost string   `json:"cost"`
}

type largest struct {
	Key   string `json:"key"`
	Value int    `json:"value"`
	set   func(*Config, int)
	most  int
}

// savings lists what the trainer has, in the order in which one would give it up.
func savings(c Config) []saving {
	var list []saving
	if !c.Trainer.ActivationCheckpointing {
		list = append(list, saving{Set: []string{"trainer.activation_checkpointing=true"}, Cost: "a third more compute in the update"})
	}
	if c.LoRA.Rank == 0 {
		list = append(list, saving{Set: []string{"lora.rank=16"}, Cost: "adapters learn, not the weights; they want ten to a hundred times the learning rate"})
	}
	if c.DType == torch.F32 {
		list = append(list, saving{Set: []string{"dtype=bf16"}, Cost: "three digits in rollouts and updates; slow on a CPU that does not multiply bf16"})
	}
	return append(list,
		saving{Set: []string{"trainer.micro_batch_tokens=1"}, Cost: "each sample makes a pass of its own"},
		saving{Set: []string{fmt.Sprintf("rollout.cache_tokens=%d", c.Rollout.Room)}, Cost: "room for one sequence of full length: where several grow long, the youngest begin again"},
		saving{Set: []string{"rollout.slots=1"}, Cost: "sequences are generated one after the other"},
		saving{Set: []string{fmt.Sprintf("rollout.room=%d", rollout.DefaultConfig().Room)}, Cost: "longer prompts are refused, longer responses cut"},
	)
}

func newFit(m model.Config, c Config, ranks int, b budget) fit {
	n := needOf(m, c, ranks)
	f := fit{
		Model: m.Architectures, Parameters: m.Parameters(), DType: c.DType.String(), Ranks: ranks, Memory: b, config: c,
		Need: n, Updating: n.updating(), Generating: n.generating(), Peak: n.peak(), Fits: n.peak() <= b.Bytes,
		LargestPass: c.Trainer.LargestPass(longestSample(m, c)),
	}
	all := saving{Cost: "all of these"}
	for _, s := range savings(c) {
		if s.apply(m, c, ranks, b); s.Peak < f.Peak {
			f.Savings, all.Set = append(f.Savings, s), append(all.Set, s.Set...)
		}
	}
	if len(f.Savings) > 1 {
		all.apply(m, c, ranks, b)
		f.Savings = append(f.Savings, all)
	}
	for _, l := range []largest{
		{Key: "trainer.micro_batch_tokens", most: 1 << 20, set: func(c *Config, n int) { c.Trainer.MicroBatchTokens = n }},
		{Key: "rollout.slots", most: 4096, set: func(c *Config, n int) { c.Rollout.Slots = n }},
		{Key: "rollout.room", most: m.MaxPositionEmbeddings, set: func(c *Config, n int) { c.Rollout.Room = n }},
	} {
		// The first value that does not fit; more never takes less.
		l.Value = sort.Search(l.most, func(i int) bool {
			changed := c
			l.set(&changed, i+1)
			return needOf(m, changed, ranks).peak() > b.Bytes
		})
		f.Largest = append(f.Largest, l)
	}
	return f
}

// apply counts what is needed with the saving's settings.
func (s *saving) apply(m model.Config, c Config, ranks int, b budget) {
	if _, err := layOver(&c, nil, s.Set); err != nil {
		panic(err) // the settings are ours
	}
	s.Peak = needOf(m, c, ranks).peak()
	s.Fits = s.Peak <= b.Bytes
}
