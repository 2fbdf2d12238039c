package model_test

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/model/modeltest"
	"github.com/azr-train/azr/torch"
	"github.com/azr-train/azr/torch/safetensors"
)

func forEachAdapted(t *testing.T, f func(t *testing.T, d *model.Decoder, g *golden)) {
	for _, name := range modeltest.Adapted {
		t.Run(name, func(t *testing.T) { f(t, load(t, "../testdata/adapters/"+name), openGolden(t, "lora-"+name)) })
	}
}

// forward is the golden sequences' logits.
func forward(d *model.Decoder, g *golden) []float32 {
	s := torch.NewScope()
	defer s.Close()
	offsets := g.Ints("seq.offsets")
	return d.Logits(d.Forward(s, g.Ints("seq.ids"), offsets[:len(offsets)-1])).Float32s()
}

// A folder that PEFT wrote computes what PEFT does, and so does the model that its adapters are merged into.
func TestAdaptersEqualPEFT(t *testing.T) {
	forEachAdapted(t, func(t *testing.T, d *model.Decoder, g *golden) {
		want := g.Floats("seq.logits")
		worst := within(t, "logits", want, forward(d, g), 1e-4*largest(want))
		t.Logf("largest difference %.2g of |logits| up to %.3g", worst, largest(want))
		base, all := len(d.Parameters()), d.Tensors()
		require.NotEmpty(t, d.Trainable())
		require.Len(t, all, base, "adapters are no weights")
		d.Merge()
		assert.Len(t, d.Trainable(), base, "all weights learn again")
		assert.Zero(t, d.LoRA().Rank)
		within(t, "logits, merged", want, forward(d, g), 1e-4*largest(want))
	})
}

// Greedy continuations come through the cache, with adapters as without.
func TestAdaptersInTheCache(t *testing.T) {
	forEachAdapted(t, func(t *testing.T, d *model.Decoder, g *golden) {
		prompt := g.Ints("seq.ids")[:5]
		cached := continueGreedily(d, [][]int64{prompt}, 12)[0]
		ids := prompt
		for range cached {
			s := torch.NewScope()
			hidden := d.Forward(s, ids, []int64{0})
			ids = append(ids[:len(ids):len(ids)], best(d, hidden.Narrow(0, len(ids)-1, 1))[0])
			s.Close()
		}
		assert.Equal(t, ids[len(prompt):], cached)
	})
}

// What Adapt makes, and how PEFT would write it, is read back bit by bit; new adapters change nothing.
func TestAdaptersSurviveTheirFolder(t *testing.T) {
	const base = "../testdata/tiny/llama-gqa"
	d, g := load(t, base), openGolden(t, "llama-gqa")
	plain := forward(d, g)
	lora := model.LoRA{Rank: 2, Alpha: 8, Targets: []string{"v_proj", "down_proj"}}
	require.NoError(t, d.Adapt(lora, rand.New(rand.NewPCG(1, 2))))
	assert.Equal(t, plain, forward(d, g))
	s := torch.NewScope()
	defer s.Close()
	for i, p := range d.Trainable() {
		p.Var.Set(s.Full(0.01*float64(i+1), torch.F32, torch.CPU, p.Shape...))
	}
	changed := forward(d, g)
	assert.NotEqual(t, plain, changed)

	absolute, err := filepath.Abs(base)
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, model.AdapterConfigName), d.AdapterConfig(absolute), 0o644))
	var tensors []safetensors.Tensor
	for _, p := range d.Trainable() {
		tensors = append(tensors, model.Stored(p.Name, p.Var, p.Shape))
	}
	file, err := os.Create(filepath.Join(dir, safetensors.AdaptersName))
	require.NoError(t, err)
	require.NoError(t, safetensors.Write(file, tensors, nil))
	require.NoError(t, file.Close())
	again := load(t, dir)
	assert.Equal(t, lora, again.LoRA())
	assert.Equal(t, changed, forward(again, g))
	config, err := model.ReadConfig(dir)
	require.NoError(t, err)
	assert.Equal(t, d.Config, config)
}

// The shapes that learn are known before there are any weights.
func TestTrainableShapes(t *testing.T) {
	forEachAdapted(t, func(t *testing.T, d *model.Decoder, _ *golden) {
		var want []model.WeightShape
		for _, p := range d.Trainable() {
			want = append(want, model.WeightShape{Name: p.Name, Shape: p.Shape})
		}
		assert.Equal(t, want, d.Config.TrainableShapes(d.LoRA()))
		assert.Equal(t, d.Config.WeightShapes(), d.Config.TrainableShapes(model.LoRA{}))
	})
}

func TestDamagedAdaptersAreRefused(t *testing.T) {
	const from = "../testdata/adapters/llama-gqa"
	text, err := os.ReadFile(filepath.Join(from, model.AdapterConfigName))
	require.NoError(t, err)
	weights, err := os.ReadFile(filepath.Join(from, safetensors.AdaptersName))
	require.NoError(t, err)
	for _, c := range []struct {
		key   string
		value any
		want  string
	}{
		{"peft_type", "IA3", "unsupported adapters; got peft_type IA3, want LORA"},
		{"use_dora", true, "unsupported adapters; got use_dora true, want false"},
		{"use_rslora", true, "unsupported adapters; got use_rslora true, want false"},
		{"bias", "all", "unsupported adapters; got bias all, want none"},
		{"modules_to_save", []string{"lm_head"}, "unsupported adapters; got modules_to_save 1, want 0"},
		{"rank_pattern", map[string]int{"q_proj": 9}, "unsupported adapters; got rank_pattern 1, want 0"},
		{"r", 0, "r out of range; got 0, want 1 to 4096"},
		{"r", 5, "misshapen weight base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight; got [4 64], want [5 64]"},
		{"lora_alpha", -1, "alpha out of range; got -1, want above 0, at most 1e6"},
		{"base_model_name_or_path", "", "no base_model_name_or_path"},
		{"base_model_name_or_path", "nowhere/at-all", "belongs to a model that is not there"},
		{"base_model_name_or_path", from, "is a folder of adapters itself"},
		{"base_model_name_or_path", "../testdata/tiny/llama-wide", "misshapen weight base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"},
	} {
		var config map[string]any
		require.NoError(t, json.Unmarshal(text, &config))
		config[c.key] = c.value
		changed, err := json.Marshal(config)
		require.NoError(t, err)
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, model.AdapterConfigName), changed, 0o644))
		require.NoError(t, os.WriteFile(filepath.Join(dir, safetensors.AdaptersName), weights, 0o644))
		before := torch.Live()
		_, err = model.Load(dir, torch.F32, torch.CPU)
		assert.ErrorContains(t, err, c.want, "%s %v", c.key, c.value)
		assert.Equal(t, before, torch.Live(), "%s %v", c.key, c.value)
	}
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, model.AdapterConfigName), text, 0o644))
	_, err = model.Load(dir, torch.F32, torch.CPU)
	assert.ErrorContains(t, err, "no adapters there")
}

func TestLoRAOutOfRange(t *testing.T) {
	for want, edit := range map[string]func(*model.LoRA){
		"rank out of range; got -1":  func(l *model.LoRA) { l.Rank = -1 },
		"alpha out of range; got 0":  func(l *model.LoRA) { l.Alpha = 0 },
		"no targets":                 func(l *model.LoRA) { l.Targets = nil },
		"unknown target; got \"up\"": func(l *model.LoRA) { l.Targets = []string{"up"} },
		"is named twice":             func(l *model.LoRA) { l.Targets = []string{"up_proj", "up_proj"} },
	} {
		l := model.DefaultLoRA()
		l.Rank = 4
		edit(&l)
		assert.ErrorContains(t, l.Validate(), want)
	}
	assert.NoError(t, model.DefaultLoRA().Validate())
}
