package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
)

// The frozen policy plays one role in all its purposes, the live one the other.
func TestTheFrozenRoleIsPlayedByTheFrozenPolicy(t *testing.T) {
	says := func(text string) *azr.FakeGenerator {
		return azr.NewFakeGenerator(func(azr.Prompt) string { return text })
	}
	for role, want := range map[string]map[azr.Purpose]string{
		"propose": {azr.Seeding: "frozen", azr.Proposing: "frozen", azr.Estimating: "live", azr.Solving: "live"},
		"solve":   {azr.Seeding: "live", azr.Proposing: "live", azr.Estimating: "frozen", azr.Solving: "frozen"},
	} {
		both := twoPolicies{says("live"), says("frozen"), role}
		for purpose := range want {
			require.NoError(t, both.Submit(azr.Prompt{ID: azr.SampleID{Purpose: purpose}, Text: "?", Sampling: azr.Sampling{MaxTokens: 10}}))
		}
		got := map[azr.Purpose]string{}
		for both.Pending() > 0 {
			done, err := both.Tick(t.Context())
			require.NoError(t, err)
			for _, c := range done {
				got[c.ID.Purpose] = c.Text
			}
		}
		assert.Equal(t, want, got, role)
	}
}

func TestAFrozenRoleIsNotLearntFrom(t *testing.T) {
	samples := []azr.Sample{{Reward: 1, Group: azr.Group{Role: azr.Solve}}, {Reward: 2, Group: azr.Group{Role: azr.Propose}}, {Reward: 3, Group: azr.Group{Role: azr.Solve}}}
	learn, places := Controls{Frozen: "solve"}.learnt(1, 1, samples)
	assert.Equal(t, samples[1:2], learn)
	assert.Equal(t, []int{1}, places)
	learn, places = Controls{Frozen: notFrozen}.learnt(1, 1, samples)
	assert.Equal(t, samples, learn)
	assert.Equal(t, []int{0, 1, 2}, places)
}

// Rewards are dealt out again within a role and type: each group keeps its own.
func TestShuffledRewardsStayInTheirGroup(t *testing.T) {
	var samples []azr.Sample
	for i := range 40 {
		samples = append(samples, azr.Sample{Reward: float64(i), Group: azr.Group{Role: azr.Role(i % 2), Type: azr.Deduction}})
	}
	learn, _ := Controls{Frozen: notFrozen, ShuffleRewards: true}.learnt(1, 1, samples)
	moved, seen := 0, map[float64]bool{}
	for i, s := range learn {
		assert.Equal(t, i%2, int(s.Reward)%2, "another group's reward")
		seen[s.Reward] = true
		if s.Reward != float64(i) {
			moved++
		}
	}
	assert.Len(t, seen, 40)
	assert.Greater(t, moved, 25)
}
