package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/configs"
	"github.com/azr-train/azr/rollout"
	"github.com/azr-train/azr/torch"
	"github.com/azr-train/azr/trainer"
)

// What fit says of a model is what the allocator's counters see of a step: prompts, decoding, an update of
// two micro-batches.
func TestFitIsWhatTheAllocatorSees(t *testing.T) {
	const smollm2 = "../../third_party/build/smollm2"
	for name, c := range map[string]struct {
		dir      string
		settings []string
	}{
		"tiny":                {tinyModel(t), []string{"rollout.slots=8", "rollout.room=512", "trainer.micro_batch_tokens=1024"}},
		"tiny, checkpointing": {tinyModel(t), []string{"rollout.slots=8", "rollout.room=512", "trainer.micro_batch_tokens=1024", "trainer.activation_checkpointing=true"}},
		"tiny, much cache":    {tinyModel(t), []string{"rollout.slots=64", "rollout.room=1024", "trainer.micro_batch_tokens=64"}},
		"tiny, adapters":      {tinyModel(t), []string{"rollout.slots=8", "rollout.room=512", "trainer.micro_batch_tokens=1024", "lora.rank=8"}},
		"tiny, bf16":          {tinyModel(t), []string{"rollout.slots=8", "rollout.room=512", "trainer.micro_batch_tokens=1024", "dtype=bf16"}},
		"tiny, bf16 rounded":  {tinyModel(t), []string{"rollout.slots=8", "rollout.room=512", "trainer.micro_batch_tokens=1024", "dtype=bf16", "trainer.rounding=stochastic"}},
		"SmolLM2":             {smollm2, []string{"rollout.slots=4", "rollout.room=256", "trainer.micro_batch_tokens=256"}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := os.Stat(c.dir); err != nil {
				t.Skipf("no model at %s; hint: make model", c.dir)
			}
			config := defaultConfig()
			_, err := layOver(&config, nil, c.settings)
			require.NoError(t, err)
			before := torch.AllocatedBytes()
			torch.ResetPeak()
			step(t, c.dir, config)
			m, err := fittedModel(c.dir, nil)
			require.NoError(t, err)
			got, want := needOf(m, config, 1).peak(), torch.PeakBytes()-before
			t.Logf("fit says %d KiB, the allocator saw %d KiB", got>>10, want>>10)
			share := 0.05
			if config.DType != torch.F32 { // on the CPU, where some ops work on copies in f32
				share = 0.1
			}
			assert.InEpsilon(t, want, got, share)
		})
	}
}

// step plays what a step does to memory: all slots filled, then an update from what they gave.
func step(t *testing.T, dir string, config Config) {
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	m, tok, err := openModel(dir, config.DType, "cpu", 0)
	require.NoError(t, err)
	defer m.Free()
	defer tok.Close()
	if config.LoRA.Rank > 0 {
		require.NoError(t, m.Adapt(config.LoRA, rand.New(rand.NewPCG(1, 1))))
	}
	engine, err := rollout.New(config.Rollout, 1, m, tok)
	require.NoError(t, err)
	defer engine.Close()
	tr, err := trainer.New(config.Trainer, m, azr.NoProgress{})
	require.NoError(t, err)
	defer tr.Close()
	longest := longestSample(m.Config, config)
	for i := range config.Rollout.Slots {
		require.NoError(t, engine.Submit(azr.Prompt{ID: azr.SampleID{Index: i}, Text: "def f(x):", Sampling: azr.Sampling{Temperature: 1, MaxTokens: 3}}))
	}
	var done []azr.Completion
	for engine.Pending() > 0 {
		some, err := engine.Tick(t.Context())
		require.NoError(t, err)
		done = append(done, some...)
	}
	engine.Forget()
	var samples []azr.Sample
	for i := range 2 * max(1, config.Trainer.MicroBatchTokens/longest) {
		s := azr.Sample{ID: done[0].ID, PromptIDs: done[0].PromptIDs, Temperature: 1, Reward: float64(i % 2)}
		for len(s.PromptIDs)+len(s.ResponseIDs) < longest {
			s.ResponseIDs, s.LogProbs = append(s.ResponseIDs, int32(5+(len(s.ResponseIDs)+7*i)%100) /* no two alike */), append(s.LogProbs, -6)
		}
		samples = append(samples, s)
	}
	_, err = tr.Step(t.Context(), samples)
	require.NoError(t, err)
}

func TestFitCommand(t *testing.T) {
	o := azrTrain(t, "", "fit", "--config", "qwen2.5-7b", "--memory", "80GB")
	require.Zero(t, o.code, o.stderr)
	for _, text := range []string{"7.62 billion parameters", "of 80.00 GB (--memory)", "GB too much", "rollout.slots=1", "all of these", "rollout.slots  none"} {
		assert.Contains(t, o.stdout, text)
	}
	assert.NotContains(t, o.stdout, "activation_checkpointing=true ", "the preset has it already")

	o = azrTrain(t, "", "fit", "--model", tinyModel(t), "--memory", "80GB")
	require.Zero(t, o.code, o.stderr)
	assert.Contains(t, o.stdout, "fits")
	assert.Contains(t, o.stdout, "trainer.activation_checkpointing=true")
	assert.Contains(t, azrTrain(t, "", "fit", "--config", "smollm2-135m").stdout, "what this machine has free")
}

// The largest values are the last that fit.
// What the configuration allows a run is what it has to fit into, if that is less than what is free.
func TestFitHeedsTheRunsOwnBound(t *testing.T) {
	text := succeeded(t, "fit", "--model", tinyModel(t), "--set", "memory=1MiB", "--set", "trainer.optimizer=muon")
	assert.Regexp(t, `(?m)^needed .* of 0\.00 GB \(memory=1MiB\): .* too much$`, text)
	assert.Contains(t, text, "Muon's one of matrices")
	assert.Contains(t, succeeded(t, "fit", "--model", tinyModel(t), "--set", "memory=100TiB"), "what this machine has free")
}

func TestFitFindsTheLargestThatFits(t *testing.T) {
	o := azrTrain(t, "", "fit", "--config", "smollm2-135m", "--memory", "24GiB", "--json")
	require.Zero(t, o.code, o.stderr)
	var report fit
	require.NoError(t, json.Unmarshal([]byte(o.stdout), &report))
	assert.True(t, report.Fits)
	assert.Equal(t, int64(24<<30), report.Memory.Bytes)
	require.Len(t, report.Largest, 3)
	m, config := presetModel("smollm2-135m")
	assert.Equal(t, needOf(m, config, 1).peak(), report.Peak)
	fits := func(key string, value int) bool {
		changed := config
		_, err := layOver(&changed, nil, []string{fmt.Sprintf("%s=%d", key, value)})
		require.NoError(t, err)
		return needOf(m, changed, 1).peak() <= 24<<30
	}
	for _, l := range report.Largest {
		assert.Positive(t, l.Value, l.Key)
		assert.True(t, fits(l.Key, l.Value), l.Key)
		if l.Key != "rollout.room" || l.Value < m.MaxPositionEmbeddings {
			assert.False(t, fits(l.Key, l.Value+1), l.Key)
		}
	}
	for _, s := range report.Savings {
		changed := config
		_, err := layOver(&changed, nil, s.Set)
		require.NoError(t, err)
		assert.Equal(t, needOf(m, changed, 1).peak(), s.Peak, s.Set)
		assert.Less(t, s.Peak, report.Peak, s.Set)
	}
}

func TestMemoryIsReadInCardsAndBinaryUnits(t *testing.T) {
	for text, want := range map[string]int64{"80GB": 80e9, "0.5GB": 5e8, "80GiB": 80 << 30, "512MiB": 512 << 20, "1.5TB": 15e11, "1000": 1000} {
		got, err := parseMemory(text)
		require.NoError(t, err)
		assert.Equal(t, want, got, text)
	}
}

// The first lines of each preset name a card that it fits on, with a little left for the device's own use.
func TestPresetsNameACardThatTheyFitOn(t *testing.T) {
	card := regexp.MustCompile(`GPU of (\d+) GB`)
	for _, name := range configs.Models() {
		text, _ := configs.Read(name)
		found := card.FindSubmatch(text)
		require.NotNil(t, found, name)
		gb, err := strconv.ParseInt(string(found[1]), 10, 64)
		require.NoError(t, err)
		m, config := presetModel(name)
		assert.LessOrEqual(t, needOf(m, config, 1).peak(), gb*96e7, name)
	}
}

const (
	tableBegin = "<!-- The table is written by: go test ./cmd/azr-train -run TestDocumentedFits -update -->\n"
	tableEnd   = "<!-- end of the table -->\n"
)

// docs/models.md has what fit says of every preset.
func TestDocumentedFits(t *testing.T) {
	const path = "../../docs/models.md"
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(text), tableBegin)
	require.True(t, found)
	table, after, found := strings.Cut(rest, tableEnd)
	require.True(t, found)
	want := fitTable()
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(before+tableBegin+want+tableEnd+after), 0o644))
		return
	}
	assert.Equal(t, want, table)
}

func fitTable() string {
	type row struct {
		name string
		fit
	}
	var rows []row
	for _, name := range configs.Models() {
		m, config := presetModel(name)
		config.Device = "cuda" // whatever is here
		rows = append(rows, row{name, newFit(m, config, 1, budget{})})
	}
	slices.SortStableFunc(rows, func(a, b row) int { return int(a.Parameters - b.Parameters) })
	var out bytes.Buffer
	fmt.Fprintln(&out, "| preset | parameters | weights | gradients | moments | cache | activations | needed | with one slot | and 2048 tokens |")
	fmt.Fprintln(&out, "|---|---|---|---|---|---|---|---|---|---|")
	for _, r := range rows {
		n := r.Need
		slot, room := r.config, r.config
		slot.Rollout.Slots, room.Rollout.Slots, room.Rollout.Room = 1, 1, rollout.DefaultConfig().Room
		m, _ := presetModel(r.name)
		fmt.Fprintf(&out, "| `%s` | %.2f B |", r.name, float64(r.Parameters)/1e9)
		for _, bytes := range []int64{n.Training.Weights, n.Training.Gradients, n.Training.Moments, n.Rollout.Cache, n.Training.Activations, r.Peak, needOf(m, slot, 1).peak(), needOf(m, room, 1).peak()} {
			fmt.Fprintf(&out, " %.1f |", float64(bytes)/1e9)
		}
		fmt.Fprintln(&out)
	}
	return out.String()
}
