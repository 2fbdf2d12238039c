package main

import (
	"maps"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/model/modeltest"
	"github.com/azr-train/azr/selfplay"
	"github.com/azr-train/azr/selfplay/python"
	"github.com/azr-train/azr/torch"
	"github.com/azr-train/azr/trainer"
)

// doubler is a policy in the completion style: it proposes additions and guesses outputs, some of them right.
func doubler(p azr.Prompt) string {
	key := p.ID.Key(3)
	number := strconv.Itoa(int(key.Uniform(1) * 9))
	switch {
	case key.Uniform(0) < 0.2:
		return "?"
	case p.ID.Purpose != azr.Proposing:
		return " " + number
	case p.ID.Type == azr.Induction:
		return " 1\nInput 3: 2\nInput 4: " + number + "\nMessage: Adds.\n\nProgram:"
	}
	return "x):\n    return x + " + number + "\nInput: " + number + "\nOutput: 0"
}

// oneDigit runs programs whose f returns x plus the digit at their end.
func oneDigit(program, input string) azr.Result {
	program = strings.TrimSpace(program)
	x, err := strconv.Atoi(strings.TrimSpace(input))
	if err != nil {
		return azr.Result{Status: azr.Error, Error: "TypeError"}
	}
	k, _ := strconv.Atoi(program[len(program)-1:]) // the identity ends with its x
	return azr.Result{Status: azr.OK, Value: strconv.Itoa(x + k)}
}

// world plays and learns three steps with a real trainer and everything else in memory.
func world(t *testing.T) (records []azr.StepRecord, reports []trainer.Report, weights map[string][]byte) {
	t.Helper()
	dir := t.TempDir()
	llama := modeltest.Small(257, 2048) // the fake generator's tokens are bytes and an end
	llama.Hidden, llama.Inner, llama.Heads, llama.KVHeads = 8, 8, 1, 1
	require.NoError(t, llama.Write(dir))
	m, err := model.Load(dir, torch.F32, torch.CPU)
	require.NoError(t, err)
	defer m.Free()
	learning := trainer.DefaultConfig()
	learning.LearningRate = 1e-3
	tr, err := trainer.New(learning, m, azr.NoProgress{})
	require.NoError(t, err)
	defer tr.Close()

	style := python.DefaultConfig()
	style.Style = python.Completion
	env, err := python.New(style, azr.NewFakeExecutor(oneDigit))
	require.NoError(t, err)
	config := selfplay.DefaultConfig()
	config.BatchSize, config.References, config.Rollouts, config.SeedFactor = 3, 1, 2, 0
	store := &azr.MemoryStore{}
	game, err := selfplay.New(config, 7, azr.NewFakeGenerator(doubler), env, store, azr.NoProgress{})
	require.NoError(t, err)
	seeded, err := game.Seed(t.Context())
	require.NoError(t, err)
	require.NoError(t, store.Commit(seeded))
	for step := 1; step <= 3; step++ {
		play, err := game.Step(t.Context(), step)
		require.NoError(t, err)
		report, err := tr.Step(t.Context(), play.Samples)
		require.NoError(t, err)
		require.NoError(t, play.SetAdvantages(report.Advantages))
		maps.Copy(play.Record.Metrics, trainMetrics(report))
		require.NoError(t, store.Commit(play.Record))
		reports = append(reports, report)
	}
	for _, r := range store.Records() {
		r.Timings = nil
		records = append(records, r)
	}
	weights = map[string][]byte{}
	for _, p := range m.Parameters() {
		weights[p.Name] = p.Var.Bytes()
	}
	return records, reports, weights
}

// The whole loop, the update included, in memory and in under a second: the same twice, to the bit.
func TestWorldWithTheTrainer(t *testing.T) {
	torch.LockThread()
	torch.SetNumThreads(1) // so small a model leaves nothing to share
	start := cpuTime(t)
	records, reports, weights := world(t)
	spent := cpuTime(t) - start
	t.Logf("three steps took %v of CPU", spent)
	assert.Less(t, spent, time.Second)
	require.Len(t, records, 4)
	for _, r := range reports {
		assert.GreaterOrEqual(t, r.Groups, 2)
		assert.Positive(t, r.WeightChange)
		assert.Positive(t, r.GradNorm)
	}
	again, _, sameWeights := world(t)
	assert.Equal(t, records, again)
	assert.Equal(t, weights, sameWeights)
}

// cpuTime is what this process has used; unlike the clock it hardly knows of other processes.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
