package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/azr-train/azr/model/modeltest"
)

// badInputs are the cases of TestBadInput and the rows of docs/errors.md, by command.
var badInputs = []struct {
	command string
	inputs  []badInput
}{
	{"", badUsage},
	{"run", append(badModels, badRuns...)},
	{"resume", badResumes},
	{"generate", badGenerates},
	{"score", badScores},
	{"eval", badEvals},
	{"export", badExports},
	{"inspect", badInspects},
	{"curves", badCurves},
	{"exec", badExecs},
	{"config", badConfigs},
	{"tasks", badTasks},
	{"bootstrap", badBootstraps},
	{"fit", badFits},
	{"doctor", badDoctors},
	{"version", badVersions},
	{"completion", badCompletions},
}

var badUsage = []badInput{
	{what: "no such command", args: []string{"fly"}, words: []string{"fly", "hint:"}},
	{what: "a misspelt command", args: []string{"exprot"}, words: []string{"exprot", "did you mean export?"}},
	{what: "no such flag", args: []string{"score", "--modle", "MODEL"}, words: []string{"score: ", "--modle", "--model?"}},
	{what: "a flag without its value", args: []string{"score", "--model"}, words: []string{"model"}},
	{what: "a flag with a wrong value", args: []string{"run", "--model", "MODEL", "--run", "NEW", "--steps", "many"}, words: []string{"steps", "many"}},
	{what: "a required flag is missing", args: []string{"run", "--run", "NEW"}, words: []string{"--model is missing"}},
	{what: "an argument too many", args: []string{"score", "--model", "MODEL", "lines.jsonl"}, words: []string{"lines.jsonl"}},
}

// file changes one file of the model.
func file(name string, change func([]byte) []byte) func(t *testing.T, w *badWorld) {
	return func(t *testing.T, w *badWorld) {
		path := filepath.Join(w.ownModel(t), name)
		text, err := os.ReadFile(path)
		if !os.IsNotExist(err) {
			require.NoError(t, err)
		}
		require.NoError(t, os.WriteFile(path, change(text), 0o644))
	}
}

func replaced(old, new string) func([]byte) []byte {
	return func(text []byte) []byte { return []byte(strings.ReplaceAll(string(text), old, new)) }
}

func written(text string) func([]byte) []byte { return func([]byte) []byte { return []byte(text) } }

func runOf(more ...string) []string {
	return append([]string{"--model", "MODEL", "--run", "NEW"}, more...)
}

func termsOf(more ...string) []string {
	return append(runOf("--set", "environment.world=terms"), more...)
}

const pythonTask = `{"type":"deduction","program":"def f(x):\n    return x","examples":[{"input":"1","output":"1"}]}`

// Templates that would not end, or would take all memory.
const (
	endless     = "{% for a in range(100000) %}{% for b in range(100000) %}{% for c in range(100000) %}{% endfor %}{% endfor %}{% endfor %}"
	exponential = "{% set n = namespace(s='ab') %}{% for i in range(60) %}{% set n.s = n.s ~ n.s %}{% endfor %}"
)

var badModels = []badInput{
	{what: "no such model", args: []string{"--model", "/nonexistent/model", "--run", "NEW"}, words: []string{"no model there", "/nonexistent/model"}},
	{what: "an architecture that is not supported", args: runOf(), prepare: file("config.json", replaced("LlamaForCausalLM", "GPT2LMHeadModel")),
		words: []string{"unsupported architecture", "GPT2LMHeadModel", "LlamaForCausalLM"}},
	{what: "`config.json` is no JSON", args: runOf(), prepare: file("config.json", written("{")), words: []string{"config.json"}},
	{what: "the weights are cut short", args: runOf(), prepare: file("model.safetensors", func(b []byte) []byte { return b[:len(b)-100] }), words: []string{"model.safetensors"}},
	{what: "the weights are corrupt", args: runOf(), prepare: file("model.safetensors", func(b []byte) []byte { b[3] = 0xff; return b }), words: []string{"model.safetensors"}},
	{what: "a weight is missing", args: runOf(), prepare: file("config.json", replaced(`"num_hidden_layers":2`, `"num_hidden_layers":3`)), words: []string{"missing weight", "model.layers.2."}},
	{what: "there is a weight too many", args: runOf(), prepare: file("config.json", replaced(`"num_hidden_layers":2`, `"num_hidden_layers":1`)), words: []string{"surplus weight", "model.layers.1."}},
	{what: "a weight has another shape", args: runOf(), prepare: file("config.json", replaced(`"intermediate_size":96`, `"intermediate_size":97`)),
		words: []string{"misshapen weight", "mlp.down_proj.weight", "got [64 96]", "want [64 97]"}},
	{what: "a head of its own in the weights of a model that ties it", args: runOf(), prepare: file("config.json", replaced(`"num_hidden_layers":2`, `"num_hidden_layers":2,"tie_word_embeddings":true`)),
		words: []string{"surplus weight lm_head.weight", "tie_word_embeddings"}},
	{what: "adapters to a model that is not there", args: runOf(), prepare: file("adapter_config.json", written(`{"peft_type":"LORA","r":4,"lora_alpha":8,"base_model_name_or_path":"/nonexistent/model"}`)),
		words: []string{"MODEL belongs to a model that is not there", "/nonexistent/model"}},
	{what: "adapters of a kind that is not supported", args: runOf(), prepare: file("adapter_config.json", written(`{"peft_type":"IA3"}`)),
		words: []string{"MODEL/adapter_config.json", "unsupported adapters", "IA3", "LORA"}},
	{what: "`tokenizer.json` is none", args: runOf(), prepare: file("tokenizer.json", written("{}")), words: []string{"tokenizer.json"}},
	{what: "the chat template is no Jinja", args: runOf(), prepare: file("chat_template.jinja", written("{% if %}")), words: []string{"chat_template.jinja", "chat template"}},
	{what: "the run needs a chat template and there is none", args: runOf("--set", "environment.style=chat"),
		prepare: file("tokenizer_config.json", replaced(`"chat_template"`, `"no_template"`)), words: []string{"no chat template", "environment.wrapper=plain"}},
	{what: "the chat template never ends", args: runOf("--set", "environment.style=chat"), prepare: file("chat_template.jinja", written(endless)), words: []string{"chat template", "10000 ms"}},
	{what: "the chat template takes all memory", args: runOf("--set", "environment.style=chat"), prepare: file("chat_template.jinja", written(exponential)), words: []string{"chat template", "256 MiB"}},
}

var badRuns = []badInput{
	{what: "the run folder exists", args: []string{"--model", "MODEL", "--run", "EMPTY"}, words: []string{"the run folder exists", "resume"}},
	{what: "no such preset", args: runOf("--config", "quickstrat"), words: []string{"quickstrat", "quickstart"}},
	{what: "an unknown key of the configuration", args: runOf("--set", "game.batchsize=3"), words: []string{"game.batchsize", "game.batch_size"}},
	{what: "an unknown key in a file", args: runOf("--config", "FILE"), words: []string{"FILE:2", "game.batchsize"},
		prepare: func(t *testing.T, w *badWorld) { writeFile(t, w.file, "game:\n  batchsize: 3\n") }},
	{what: "a wrong value in the configuration", args: runOf("--set", "trainer.learning_rate=fast"), words: []string{"trainer.learning_rate", "fast"}},
	{what: "a value out of range", args: runOf("--set", "rollout.slots=0"), words: []string{"slots", "got 0"}},
	{what: "no Python", args: runOf("--set", "executor.python=/nonexistent/python3"), words: []string{"/nonexistent/python3", "hint:"}, local: true},
	{what: "no such device", args: runOf("--set", "device=tpu"), words: []string{"tpu"}},
	{what: "a weight is NaN", args: runOf(), words: []string{"model.layers.1.mlp.up_proj.weight is not finite", "MODEL"}, prepare: spoil(math.NaN())},
	{what: "a weight is infinite", args: runOf(), words: []string{"model.layers.1.mlp.up_proj.weight is not finite"}, prepare: spoil(math.Inf(-1))},
	{what: "too little memory for the weights", args: runOf("--set", "memory=300KiB"), words: []string{"out of memory for the weights of MODEL", "tried to allocate"}, local: true},
	{what: "too little memory for the cache", args: runOf("--set", "memory=3MiB"), words: []string{"out of memory for the cache of a single sequence"}, local: true},
	{what: "a device that is not there", args: runOf("--device", "cuda:7"), words: []string{"cuda:7", "--device cpu"}, local: true},
	{what: "a folder for a file of seeds", args: runOf("--seeds", "EMPTY"), words: []string{"EMPTY", "directory"}},
	{what: "seeds without a task", args: runOf("--seeds", "FILE"), prepare: tasks("\n"), words: []string{"environment.seeds", "no task"}},
	{what: "no such seeds", args: runOf("--seeds", "none.jsonl"), words: []string{"none.jsonl"}},
	{what: "no such held-out tasks", args: runOf("--set", "held_out.tasks=none.jsonl"), words: []string{"none.jsonl"}},
	{what: "GRPO with one answer a prompt", args: runOf("--set", "trainer.algorithm=grpo"), words: []string{"trainer.algorithm grpo", "game.solve_rollouts"}},
	{what: "an unknown algorithm", args: runOf("--set", "trainer.algorithm=ppo"), words: []string{"trainer.Config: unknown algorithm", "rloo"}},
	{what: "adapters of no rank", args: runOf("--set", "lora.rank=-1"), words: []string{"model.LoRA: rank out of range", "-1"}},
	{what: "adapters of what is no projection", args: runOf("--set", "lora={rank: 8, targets: [q]}"), words: []string{"unknown target", "q_proj"}},
	{what: "weights of a type that cannot learn", args: runOf("--set", "dtype=f16"), words: []string{"weights in f16 cannot learn", "bf16"}},
	{what: "a type of weights that is none", args: runOf("--set", "dtype=fp8"), words: []string{"dtype", "fp8", "f32"}},
	{what: "averages in bf16", args: runOf("--set", "dtype=bf16", "--set", "trainer.average_decay=0.9"), words: []string{"averages are of weights in f32", "average_decay 0.9"}},
	{what: "an unknown optimizer", args: runOf("--set", "trainer.optimizer=sgd"), words: []string{"unknown optimizer", "sgd"}},
	{what: "an unknown task type", args: runOf("--set", "game.task_types=[deduction, seduction]"), words: []string{"game.task_types", "seduction"}},
	{what: "error tasks in the trace style", args: runOf("--set", "environment.style=trace", "--set", "game.task_types=[error]"), words: []string{"environment.style trace", "error"}},
	{what: "an unknown world", args: runOf("--set", "environment.world=math"), words: []string{"environment.world", "math", "terms"}},
	{what: "error tasks in the world of terms", args: termsOf("--set", "game.task_types=[error]"), words: []string{"environment.world terms", "error"}},
	{what: "composite programs in the world of terms", args: termsOf("--set", "game.composite.start_step=1"), words: []string{"environment.world terms", "start_step 1"}},
	{what: "seeds in the world of terms", args: termsOf("--seeds", "FILE"), prepare: tasks("{}"), words: []string{"environment.world terms", "seeds"}},
	{what: "held-out tasks of Python in the world of terms", args: termsOf("--set", "held_out.tasks=FILE"), prepare: tasks(pythonTask), words: []string{"FILE: task 1", "not a term"}},
	{what: "an unknown role to freeze", args: runOf("--set", "controls.frozen=both"), words: []string{"controls.frozen", "both"}},
}

// spoil changes one number of one weight of the model.
func spoil(number float64) func(t *testing.T, w *badWorld) {
	return func(t *testing.T, w *badWorld) {
		llama := modeltest.Small(768, 1024)
		llama.Edit = func(weights map[string][]float32) {
			weights["model.layers.1.mlp.up_proj.weight"][77] = float32(number)
		}
		require.NoError(t, llama.Write(w.ownModel(t)))
	}
}

var badResumes = []badInput{
	{what: "no folder is named", words: []string{"want one argument"}},
	{what: "the folder is no run", args: []string{"EMPTY"}, words: []string{"not a run folder"}},
	{what: "another process works on the run", args: []string{"RUN"}, words: []string{"another process"}, prepare: func(t *testing.T, w *badWorld) {
		lock, err := os.Open(filepath.Join(w.ownRun(t), lockFile))
		require.NoError(t, err)
		require.NoError(t, unix.Flock(int(lock.Fd()), unix.LOCK_EX))
		t.Cleanup(func() { lock.Close() })
	}},
	{what: "the run's configuration has an unknown key", args: []string{"RUN"}, words: []string{"config.yaml", "stepps"},
		prepare: func(t *testing.T, w *badWorld) { writeFile(t, filepath.Join(w.ownRun(t), configFile), "stepps: 3\n") }},
	{what: "the run's file is missing", args: []string{"RUN"}, words: []string{storeFile}, prepare: func(t *testing.T, w *badWorld) {
		require.NoError(t, os.Remove(filepath.Join(w.ownRun(t), storeFile)))
	}},
	{what: "a negative number of steps", args: []string{"RUN", "--steps", "-1"}, words: []string{"--steps is negative"}},
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
}

func generateOf(prompt string, more ...string) []string {
	return append([]string{"--model", "MODEL", "--prompt", prompt}, more...)
}

var badGenerates = []badInput{
	{what: "no prompt", args: []string{"--model", "MODEL"}, words: []string{"--prompt is missing"}},
	{what: "an empty prompt", args: generateOf("-"), words: []string{"empty prompt"}},
	{what: "a prompt longer than the model's context", args: generateOf(strings.Repeat("def f(x) ", 600)), words: []string{"too long"}},
	{what: "a NUL byte in the prompt", args: generateOf("-"), stdin: "a\x00b", words: []string{"NUL byte", "at byte 1"}},
	{what: "a setting out of range", args: generateOf("a", "--max-tokens", "0"), words: []string{"--max-tokens 0"}},
	{what: "`--chat` and the model has no chat template", args: generateOf("a", "--chat"),
		prepare: file("tokenizer_config.json", replaced(`"chat_template"`, `"no_template"`)), words: []string{"no chat template"}},
	{what: "a system message without `--chat`", args: generateOf("a", "--system", "b"), words: []string{"--system", "--chat"}},
	{what: "`--chat-template-kwargs` are no JSON object", args: generateOf("a", "--chat", "--chat-template-kwargs", "enable_thinking=false"), words: []string{"enable_thinking=false"}},
	{what: "the chat template refuses the chat", args: generateOf("a", "--chat"), prepare: file("chat_template.jinja", written("{{ raise_exception('Only tools may speak') }}")),
		words: []string{"Only tools may speak"}},
	{what: "no such device", args: generateOf("a", "--device", "tpu"), words: []string{"tpu"}},
}

// weightsOnly is a model without a tokenizer and with 64 tokens.
func weightsOnly(t *testing.T, w *badWorld) {
	w.model = t.TempDir()
	require.NoError(t, modeltest.Small(64, 64).Write(w.model))
}

var badScores = []badInput{
	{what: "a line is no JSON object", args: []string{"--model", "MODEL"}, stdin: "ids\n", words: []string{"stdin line 1", "got ids"}},
	{what: "a line has neither text nor ids", args: []string{"--model", "MODEL"}, stdin: `{"txt":"a"}` + "\n", words: []string{"stdin line 1", `"text" or "ids"`}},
	{what: "text, and the model has no tokenizer", args: []string{"--model", "MODEL"}, stdin: `{"text":"a"}` + "\n", prepare: weightsOnly, words: []string{"stdin line 1", "tokenizer.json"}},
	{what: "a NUL byte in the text", args: []string{"--model", "MODEL"}, stdin: `{"text":"a\u0000b"}` + "\n", words: []string{"stdin line 1", "NUL byte"}},
	{what: "an id that the model does not have", args: []string{"--model", "MODEL"}, stdin: `{"ids":[1,64]}` + "\n", prepare: weightsOnly, words: []string{"stdin line 1", "64"}},
}

// tasks writes the file of tasks.
func tasks(text string) func(t *testing.T, w *badWorld) {
	return func(t *testing.T, w *badWorld) { writeFile(t, w.file, text) }
}

var badEvals = []badInput{
	{what: "no such file of tasks", args: []string{"--model", "MODEL", "--tasks", "/nonexistent/tasks.jsonl"}, words: []string{"tasks.jsonl"}},
	{what: "a line is no task", args: []string{"--model", "MODEL", "--tasks", "FILE"}, prepare: tasks(`{"type":"deduction","programme":"x"}`), words: []string{"FILE:1", "programme"}},
	{what: "a task has no example", args: []string{"--model", "MODEL", "--tasks", "FILE"}, prepare: tasks(`{"type":"deduction","program":"def f(x): return x"}`), words: []string{"FILE:1", "one example"}},
	{what: "a line is another kind of JSON", args: []string{"--model", "MODEL", "--tasks", "FILE"}, prepare: tasks("[1]"), words: []string{"FILE:1", "got a JSON array, want an object"}},
	{what: "no token may be answered", args: []string{"--model", "MODEL", "--tasks", "FILE", "--max-tokens", "0"}, prepare: tasks(pythonTask), words: []string{"max_tokens", "got 0"}},
	{what: "no tasks", args: []string{"--model", "MODEL", "--tasks", "FILE"}, prepare: tasks("\n"), words: []string{"no tasks"}},
	{what: "a task of Python in the world of terms", args: []string{"--model", "MODEL", "--tasks", "FILE", "--set", "environment.world=terms"}, prepare: tasks(pythonTask), words: []string{"FILE: task 1", "not a term"}},
}

var badExports = []badInput{
	{what: "the folder is no run", args: []string{"EMPTY", "--out", "NEW"}, words: []string{"not a run folder"}},
	{what: "no folder to make is named", args: []string{"RUN"}, words: []string{"--out is missing"}},
	{what: "the folder to make exists", args: []string{"RUN", "--out", "EMPTY"}, words: []string{"EMPTY"}},
	{what: "the run has no checkpoint", args: []string{"RUN", "--out", "NEW"}, words: []string{"no valid checkpoint"}, prepare: func(t *testing.T, w *badWorld) {
		require.NoError(t, os.RemoveAll(filepath.Join(w.ownRun(t), "checkpoints")))
	}},
}

var badInspects = []badInput{
	{what: "the folder is no run", args: []string{"EMPTY"}, words: []string{"run.sqlite"}},
	{what: "the run's file is none", args: []string{"RUN"}, words: []string{storeFile},
		prepare: func(t *testing.T, w *badWorld) { writeFile(t, filepath.Join(w.ownRun(t), storeFile), "no database") }},
}

var badCurves = []badInput{
	{what: "the folder is no run", args: []string{"EMPTY"}, words: []string{"metrics.jsonl"}},
	{what: "nothing was measured on held-out tasks", args: []string{"RUN"}, words: []string{"held-out", "--metric"},
		prepare: func(t *testing.T, w *badWorld) { w.ownRun(t) }},
	{what: "a misspelt metric", args: []string{"RUN", "--metric", "trainer/los"}, words: []string{"trainer/los", "did you mean trainer/loss?"},
		prepare: func(t *testing.T, w *badWorld) { w.ownRun(t) }},
}

const anExecution = `{"program":"def f(x): return x","input":"1"}` + "\n"

var badExecs = []badInput{
	{what: "a line is no JSON object", stdin: "def f(x): return x\n", words: []string{"stdin line 1", "got def f(x): return x"}},
	{what: "a line lacks its input", stdin: `{"program":"def f(x): return x"}` + "\n", words: []string{"stdin line 1", `"input"`}},
	{what: "a line has an unknown key", stdin: `{"programme":"def f(x): return x","program":"","input":"1"}` + "\n", words: []string{"stdin line 1", "programme"}},
	{what: "a script has an unknown key", args: []string{"--script"}, stdin: `{"programme":"print(1)"}` + "\n", words: []string{"stdin line 1", "programme"}},
	{what: "a limit without a unit that is known", args: []string{"--memory", "512megs"}, words: []string{"executor.memory", "512megs", "512MiB"}},
	{what: "too little memory", args: []string{"--memory", "1MiB"}, words: []string{"memory", "at least 64MiB"}},
	{what: "an unknown level", args: []string{"--require", "strong"}, words: []string{"executor.require", "strong"}},
	{what: "a level that cannot be had here", args: []string{"--require", "full", "--set", "executor.python=FILE"}, stdin: anExecution, words: []string{"want at least level full", "hint:"}, local: true, prepare: brokenPython},
}

// brokenPython makes an interpreter that says what it is and then ends, so that no level's self-test passes.
func brokenPython(t *testing.T, w *badWorld) {
	dir := filepath.Dir(w.file)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "lib", "python3.11"), 0o755))
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		require.NoError(t, os.Chmod(d, 0o755))
	}
	script := fmt.Sprintf("#!/bin/sh\n[ \"$1\" = -c ] || exit 1\n"+
		"echo '{\"Executable\": \"%s\", \"Version\": \"3.11.2\", \"Prefix\": \"%s\", \"Major\": 3, \"Minor\": 11, \"Name\": \"cpython\"}'\n", w.file, dir)
	require.NoError(t, os.WriteFile(w.file, []byte(script), 0o755))
}

var badDoctors = []badInput{
	{what: "an argument too many", args: []string{"please"}, words: []string{"please"}},
}

// diskFull runs out of room in the middle of a run, which is not refused as other bad input is: it has
// made its folder and logged its steps.
func diskFull(t *testing.T) string {
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=3m"); err != nil {
		t.Skipf("a small disk cannot be had here: mount of a tmpfs: %v; hint: run as root", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) })
	run := filepath.Join(disk, "run")
	o := azrTrain(t, "", tinyRun(tinyModel(t), run, "--steps", "100", "--set", "checkpoint.keep=0")...)
	assert.Equal(t, exitBadInput, o.code, o.stderr)
	assert.Empty(t, o.stdout)
	lines := strings.Split(strings.TrimSpace(o.stderr), "\n")
	entries, err := os.ReadDir(filepath.Join(run, "checkpoints"))
	require.NoError(t, err)
	for _, e := range entries {
		assert.True(t, strings.HasPrefix(e.Name(), "step-"), "left over: %s", e.Name())
	}
	if len(entries) > 0 {
		o = azrTrain(t, "", "export", run, "--out", filepath.Join(t.TempDir(), "whole"))
		assert.Zero(t, o.code, o.stderr)
	}
	line := (&badWorld{run: run}).line(lines[len(lines)-1])
	assert.Contains(t, line, "no space left on device")
	assert.Contains(t, line, "checkpoint.Save")
	line = regexp.MustCompile(`step-\d+`).ReplaceAllString(line, "step-N")
	return regexp.MustCompile(`\d\S* MiB`).ReplaceAllString(line, "N MiB")
}
