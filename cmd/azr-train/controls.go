package main

import (
	"context"
	"fmt"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/rollout"
)

// Controls take something away from a run, to tell what its gain comes from.
type Controls struct {
	// Frozen is a role that the model the run began with plays throughout, and that nothing is learnt from: none
	// (default), propose or solve.
	Frozen string `yaml:"frozen"`
	// ShuffleRewards deals the rewards of each group of samples out again at random before they are learnt from (default false).
	ShuffleRewards bool `yaml:"shuffle_rewards"`
}

const notFrozen = "none"

// Validate returns the first setting that makes no sense.
func (c Controls) Validate() error {
	if c.Frozen != notFrozen && c.Frozen != azr.Propose.String() && c.Frozen != azr.Solve.String() {
		return fmt.Errorf("config: unknown controls.frozen; got %q, want %q, %q or %q", c.Frozen, notFrozen, azr.Propose, azr.Solve)
	}
	return nil
}

// generator is the policy as the game plays it: the engine, beside one of the frozen model if a role is frozen.
func (s *session) generator() (azr.Generator, error) {
	if s.config.Controls.Frozen == notFrozen {
		return s.sampler(), nil
	}
	var err error
	if s.initial, err = model.Load(s.config.Model, s.config.DType, s.model.Device); err != nil {
		return nil, err
	}
	if s.frozen, err = rollout.New(s.config.Rollout, s.config.Seed, s.initial, s.tokenizer); err != nil {
		return nil, err
	}
	return twoPolicies{s.engine, s.frozen, s.config.Controls.Frozen}, nil
}

// twoPolicies sends the prompts of one role to the frozen policy and the others to the live one.
type twoPolicies struct {
	live, frozen azr.Generator
	role         string
}

func (p twoPolicies) of(prompt azr.Prompt) azr.Generator {
	role := azr.Solve
	if purpose := prompt.ID.Purpose; purpose == azr.Proposing || purpose == azr.Seeding {
		role = azr.Propose
	}
	if role.String() == p.role {
		return p.frozen
	}
	return p.live
}

// Submit queues each prompt with its policy.
func (p twoPolicies) Submit(prompts ...azr.Prompt) error {
	for _, prompt := range prompts {
		if err := p.of(prompt).Submit(prompt); err != nil {
			return err
		}
	}
	return nil
}

// Tick advances both.
func (p twoPolicies) Tick(ctx context.Context) ([]azr.Completion, error) {
	done, err := p.live.Tick(ctx)
	if err != nil {
		return nil, err
	}
	more, err := p.frozen.Tick(ctx)
	return append(done, more...), err
}

// Pending counts the prompts of both.
func (p twoPolicies) Pending() int { return p.live.Pending() + p.frozen.Pending() }

// learnt returns the samples of a step to learn from, and for each of them its place among all.
func (c Controls) learnt(seed uint64, step int, samples []azr.Sample) (learn []azr.Sample, places []int) {
	for i, sample := range samples {
		if sample.Group.Role.String() != c.Frozen {
			learn, places = append(learn, sample), append(places, i)
		}
	}
	if c.ShuffleRewards {
		shuffleRewards(seed, step, learn)
	}
	return learn, places
}

// shuffleRewards deals the rewards out again within each group.
func shuffleRewards(seed uint64, step int, samples []azr.Sample) {
	members := map[azr.Group][]int{}
	for i, sample := range samples {
		members[sample.Group] = append(members[sample.Group], i)
	}
	for group, places := range members {
		rewards := make([]float64, len(places))
		for i, place := range places {
			rewards[i] = samples[place].Reward
		}
		rng := azr.NewKey(seed, fmt.Sprintf("shuffled rewards of step %d %s", step, group)).Rand()
		for i, from := range rng.Perm(len(places)) {
			samples[places[i]].Reward = rewards[from]
		}
	}
}
