package main

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/model/modeltest"
)

// changedModel is the tiny model with one file changed.
func changedModel(t *testing.T, name string, change func([]byte) []byte) string {
	t.Helper()
	dir := tinyModel(t)
	path := filepath.Join(dir, name)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, change(text), 0o644))
	return dir
}

func replaced(old, new string) func([]byte) []byte {
	return func(text []byte) []byte { return []byte(strings.ReplaceAll(string(text), old, new)) }
}

// spoiledModel is the tiny model with one number of one weight changed.
func spoiledModel(t *testing.T, number float64) string {
	t.Helper()
	dir := tinyModel(t)
	llama := modeltest.Small(768, 1024)
	llama.Edit = func(weights map[string][]float32) {
		weights["model.layers.1.mlp.up_proj.weight"][77] = float32(number)
	}
	require.NoError(t, llama.Write(dir))
	return dir
}

// refused runs a command that must fail with exit code 2, one line on stderr that has the given words,
// nothing on stdout, and no run folder.
func refused(t *testing.T, run string, words []string, stdin string, args ...string) {
	t.Helper()
	o := azrTrain(t, stdin, args...)
	assert.Equal(t, exitBadInput, o.code, o.stderr)
	assert.Empty(t, o.stdout)
	assert.Equal(t, 1, strings.Count(o.stderr, "\n"), "one line, got %q", o.stderr)
	assert.True(t, strings.HasPrefix(o.stderr, "azr-train: "), o.stderr)
	for _, word := range words {
		assert.Contains(t, o.stderr, word)
	}
	assert.NoDirExists(t, run)
}

func TestBadInputOfRun(t *testing.T) {
	good := tinyModel(t)
	for name, c := range map[string]struct {
		model string
		args  []string
		words []string
	}{
		"no such model":            {model: "/nonexistent/model", words: []string{"no model there", "/nonexistent/model"}},
		"unsupported architecture": {model: changedModel(t, "config.json", replaced("LlamaForCausalLM", "GPT2LMHeadModel")), words: []string{"unsupported architecture", "GPT2LMHeadModel", "LlamaForCausalLM"}},
		"config.json is no JSON":   {model: changedModel(t, "config.json", func([]byte) []byte { return []byte("{") }), words: []string{"config.json"}},
		"truncated safetensors":    {model: changedModel(t, "model.safetensors", func(b []byte) []byte { return b[:len(b)-100] }), words: []string{"model.safetensors"}},
		"corrupt safetensors":      {model: changedModel(t, "model.safetensors", func(b []byte) []byte { b[3] = 0xff; return b }), words: []string{"model.safetensors"}},
		"misshapen weight":         {model: changedModel(t, "config.json", replaced(`"intermediate_size":96`, `"intermediate_size":97`)), words: []string{"misshapen weight", "mlp.down_proj.weight", "got [64 96]", "want [64 97]"}},
		"missing weight":           {model: changedModel(t, "config.json", replaced(`"num_hidden_layers":2`, `"num_hidden_layers":3`)), words: []string{"missing weight", "model.layers.2."}},
		"surplus weight":           {model: changedModel(t, "config.json", replaced(`"num_hidden_layers":2`, `"num_hidden_layers":1`)), words: []string{"surplus weight", "model.layers.1."}},
		"corrupt tokenizer":        {model: changedModel(t, "tokenizer.json", func([]byte) []byte { return []byte("{}") }), words: []string{"tokenizer.json"}},
		"no chat template":         {model: changedModel(t, "tokenizer_config.json", replaced(`"chat_template"`, `"no_template"`)), args: []string{"--set", "environment.style=chat"}, words: []string{"no chat template", "environment.style"}},
		"unknown config key":       {model: good, args: []string{"--set", "game.batchsize=3"}, words: []string{"game.batchsize", "game.batch_size"}},
		"wrong config value":       {model: good, args: []string{"--set", "trainer.learning_rate=fast"}, words: []string{"trainer.learning_rate", "fast"}},
		"config out of range":      {model: good, args: []string{"--set", "rollout.slots=0"}, words: []string{"slots", "got 0"}},
		"no such preset":           {model: good, args: []string{"--config", "quickstrat"}, words: []string{"quickstrat", "quickstart"}},
		"no Python":                {model: good, args: []string{"--set", "executor.python=/nonexistent/python3"}, words: []string{"/nonexistent/python3"}},
		"NaN among the weights":    {model: spoiledModel(t, math.NaN()), words: []string{"model.layers.1.mlp.up_proj.weight is not finite", "/model"}},
		"infinity in the weights":  {model: spoiledModel(t, math.Inf(-1)), words: []string{"model.layers.1.mlp.up_proj.weight is not finite"}},
		"too little memory":        {model: good, args: []string{"--set", "memory=300KiB"}, words: []string{"out of memory for the weights of " + good, "tried to allocate"}},
		"no memory for the cache":  {model: good, args: []string{"--set", "memory=3MiB"}, words: []string{"out of memory for the cache of a single slot", "room for 768 tokens"}},
		"no such device by flag":   {model: good, args: []string{"--device", "cuda:7"}, words: []string{"cuda:7", "--device cpu"}},
		"no such device":           {model: good, args: []string{"--set", "device=cuda:7"}, words: []string{"cuda:7"}},
		"unknown flag":             {model: good, args: []string{"--stepps", "3"}, words: []string{"stepps"}},
	} {
		t.Run(name, func(t *testing.T) {
			parent := filepath.Join(t.TempDir(), "runs")
			run := filepath.Join(parent, "run")
			refused(t, parent, c.words, "", append(tinyRun(c.model, run), c.args...)...)
		})
	}
}

func TestExistingRunFolderIsRefused(t *testing.T) {
	run := t.TempDir()
	o := azrTrain(t, "", tinyRun(tinyModel(t), run)...)
	assert.Equal(t, exitBadInput, o.code)
	assert.Contains(t, o.stderr, "the run folder exists")
	entries, err := os.ReadDir(run)
	require.NoError(t, err)
	assert.Empty(t, entries)
}

func TestBadInputOfTheOtherCommands(t *testing.T) {
	model, empty := tinyModel(t), t.TempDir()
	spoiled := spoiledModel(t, math.NaN())
	noTokenizer := t.TempDir()
	require.NoError(t, modeltest.Small(64, 64).Write(noTokenizer))
	for name, c := range map[string]struct {
		stdin string
		args  []string
		words []string
	}{
		"unknown command":          {args: []string{"fly"}, words: []string{"fly"}},
		"run without a model":      {args: []string{"run", "--run", "x"}, words: []string{"--model is missing"}},
		"resume of no run":         {args: []string{"resume", empty}, words: []string{"not a run folder"}},
		"resume without argument":  {args: []string{"resume"}, words: []string{"want one argument"}},
		"export of no run":         {args: []string{"export", empty, "--out", filepath.Join(empty, "x")}, words: []string{"not a run folder"}},
		"export without out":       {args: []string{"export", empty}, words: []string{"--out is missing"}},
		"inspect of no run":        {args: []string{"inspect", empty}, words: []string{"run.sqlite"}},
		"generate without prompt":  {args: []string{"generate", "--model", model}, words: []string{"--prompt is missing"}},
		"generate a long prompt":   {args: []string{"generate", "--model", model, "--prompt", strings.Repeat("def f(x) ", 600)}, words: []string{"too long"}},
		"generate no tokens":       {args: []string{"generate", "--model", model, "--prompt", "a", "--max-tokens", "0"}, words: []string{"--max-tokens 0"}},
		"score without tokenizer":  {stdin: `{"text":"a"}` + "\n", args: []string{"score", "--model", noTokenizer}, words: []string{"stdin line 1", "tokenizer.json"}},
		"score an id too large":    {stdin: `{"ids":[1,64]}` + "\n", args: []string{"score", "--model", noTokenizer}, words: []string{"stdin line 1", "64"}},
		"score a NaN":              {stdin: `{"ids":[1]}` + "\n", args: []string{"score", "--model", spoiled}, words: []string{"up_proj.weight is not finite", spoiled}},
		"generate without end":     {args: []string{"generate", "--model", model, "--prompt", "a", "--temperature", "inf"}, words: []string{"--temperature +Inf"}},
		"score no JSON":            {stdin: "ids\n", args: []string{"score", "--model", noTokenizer}, words: []string{"stdin line 1"}},
		"exec a bad unit":          {args: []string{"exec", "--memory", "512megs"}, words: []string{"executor.memory", "512megs", "512MiB"}},
		"exec too little memory":   {args: []string{"exec", "--memory", "1MiB"}, words: []string{"memory", "at least 64MiB"}},
		"exec an unknown level":    {args: []string{"exec", "--require", "strong"}, words: []string{"executor.require", "strong"}},
		"exec a line without text": {stdin: `{"program":"def f(x): return x"}` + "\n", args: []string{"exec"}, words: []string{"stdin line 1", `"input"`}},
		"eval of no tasks":         {args: []string{"eval", "--model", model, "--tasks", filepath.Join(empty, "none.jsonl")}, words: []string{"none.jsonl"}},
	} {
		t.Run(name, func(t *testing.T) { refused(t, filepath.Join(empty, "x"), c.words, c.stdin, c.args...) })
	}
}

func TestDiskFullWhileSaving(t *testing.T) {
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=3m"); err != nil {
		t.Skipf("a small disk cannot be had here: mount of a tmpfs: %v; hint: run as root", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) })
	model, run := tinyModel(t), filepath.Join(disk, "run")
	o := azrTrain(t, "", tinyRun(model, run, "--steps", "100", "--set", "checkpoint.keep=0")...)
	assert.Equal(t, exitBadInput, o.code, o.stderr)
	assert.Empty(t, o.stdout)
	lines := strings.Split(strings.TrimSpace(o.stderr), "\n")
	last := lines[len(lines)-1]
	assert.Contains(t, last, "no space left on device")
	assert.Contains(t, last, "azr-train: checkpoint.Save")
	entries, err := os.ReadDir(filepath.Join(run, "checkpoints"))
	require.NoError(t, err)
	for _, e := range entries {
		assert.True(t, strings.HasPrefix(e.Name(), "step-"), "left over: %s", e.Name())
	}
	if len(entries) > 0 {
		o = azrTrain(t, "", "export", run, "--out", filepath.Join(t.TempDir(), "whole"))
		assert.Zero(t, o.code, o.stderr)
	}
}
