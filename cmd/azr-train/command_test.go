package main

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/executor"
	"github.com/azr-train/azr/model/modeltest"
)

// TestMain lets the test binary stand in for azr-train, so that the tests see what a user's shell sees.
func TestMain(m *testing.M) {
	if os.Getenv("AZR_TRAIN_UNDER_TEST") == "1" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// outcome is what a command leaves behind.
type outcome struct {
	stdout, stderr string
	code           int
}

func command(stdin string, args ...string) (*exec.Cmd, *bytes.Buffer, *bytes.Buffer) {
	c := exec.Command(os.Args[0], args...)
	c.Env = append(os.Environ(), "AZR_TRAIN_UNDER_TEST=1", "OMP_WAIT_POLICY=passive")
	c.Stdin = strings.NewReader(stdin)
	stdout, stderr := &bytes.Buffer{}, &bytes.Buffer{}
	c.Stdout, c.Stderr = stdout, stderr
	return c, stdout, stderr
}

func azrTrain(t *testing.T, stdin string, args ...string) outcome {
	t.Helper()
	c, stdout, stderr := command(stdin, args...)
	require.NoError(t, c.Start())
	defer time.AfterFunc(3*time.Minute, func() { _ = c.Process.Kill() }).Stop() // what should be refused and is not may run for ever
	if err := c.Wait(); err != nil {
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit)
	}
	return outcome{stdout.String(), stderr.String(), c.ProcessState.ExitCode()}
}

// tinyModel writes a random Llama with a small byte-level tokenizer.
func tinyModel(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "model")
	require.NoError(t, os.CopyFS(dir, os.DirFS("../../rollout/tokenizer/testdata/bytelevel")))
	require.NoError(t, modeltest.Small(768, 1024).Write(dir))
	return dir
}

// tinyRun is a run of the tiny model that takes a second or two.
func tinyRun(model, run string, more ...string) []string {
	return append([]string{
		"run", "--model", model, "--config", "quickstart", "--run", run, "--steps", "2",
		"--set", "game.batch_size=2", "--set", "game.references=1", "--set", "checkpoint.every=1",
		"--set", "game.propose={temperature: 1, max_tokens: 12}", "--set", "game.solve={temperature: 1, max_tokens: 8}",
	}, more...)
}

func TestRunResumeExport(t *testing.T) {
	model, run := tinyModel(t), filepath.Join(t.TempDir(), "runs", "a")
	o := azrTrain(t, "", tinyRun(model, run)...)
	require.Zero(t, o.code, o.stderr)
	assert.Contains(t, o.stdout, "2 steps of self-play (1 to 2)")
	assert.Contains(t, o.stdout, run)
	for _, name := range []string{"config.yaml", "run.sqlite", "metrics.jsonl", "timings.jsonl", "blocked.jsonl", "executor.json", "checkpoints/step-000002/manifest.json"} {
		assert.FileExists(t, filepath.Join(run, name), name)
	}
	timings, err := os.ReadFile(filepath.Join(run, "timings.jsonl"))
	require.NoError(t, err)
	assert.Equal(t, 3, strings.Count(string(timings), `"executor/results/ok":`), "steps 0 to 2")

	o = azrTrain(t, "", "resume", run, "--steps", "1")
	require.Zero(t, o.code, o.stderr)
	assert.Contains(t, o.stdout, "1 step of self-play (3 to 3)")
	lines, err := os.ReadFile(filepath.Join(run, "metrics.jsonl"))
	require.NoError(t, err)
	assert.Equal(t, 4, strings.Count(string(lines), "\n"), "steps 0 to 3, none twice")

	o = azrTrain(t, "", "inspect", run, "--json")
	require.Zero(t, o.code, o.stderr)
	var seen inspection
	require.NoError(t, json.Unmarshal([]byte(o.stdout), &seen))
	assert.Len(t, seen.Metrics, 4)
	assert.NotEmpty(t, seen.Rows)
	assert.Equal(t, 3, seen.Executor.Step)
	assert.NotZero(t, seen.Executor.Level)
	o = azrTrain(t, "", "inspect", run)
	assert.Contains(t, o.stdout, "propose/deduction")
	assert.Contains(t, o.stdout, "executor at level "+seen.Executor.Level.String())
	for step := 1; step <= 3; step++ {
		m := seen.Metrics[step]
		assert.Positive(t, m["trainer/weight_change"], "step %d", step)
		assert.Contains(t, m, "trainer/groups")
		assert.Equal(t, 1024.0, m["trainer/micro_batch_tokens"])
	}
	for _, group := range []string{"propose/deduction", "solve/deduction", "weight change"} {
		assert.Contains(t, o.stdout, group)
	}
	refused(t, []string{"no such step", "got 99, want 0 to 3"}, "inspect", run, "--step", "99")
	o = azrTrain(t, "", "resume", run, "--steps", "0", "--device", "cuda:7")
	assert.Equal(t, exitBadInput, o.code)
	assert.Contains(t, o.stderr, "cuda:7")

	exported := filepath.Join(t.TempDir(), "exported")
	o = azrTrain(t, "", "export", run, "--out", exported)
	require.Zero(t, o.code, o.stderr)
	assert.Equal(t, exported+"\n", o.stdout)
	assert.NoFileExists(t, filepath.Join(exported, "optimizer.safetensors"))
	const line = `{"ids":[5,6,7,8,9,10]}` + "\n"
	before, after := azrTrain(t, line, "score", "--model", model), azrTrain(t, line, "score", "--model", exported)
	require.Zero(t, after.code, after.stderr)
	assert.NotEqual(t, before.stdout, after.stdout, "three steps of training change the weights")
	checkpointed := azrTrain(t, line, "score", "--model", filepath.Join(run, "checkpoints", "step-000003"))
	assert.Equal(t, checkpointed.stdout, after.stdout)
}

// A run with the options that the paper leaves off: imported seeds, error tasks, sizes that are asked for, GRPO.
func TestRunWithOptions(t *testing.T) {
	dir := t.TempDir()
	seeds := filepath.Join(dir, "seeds.jsonl")
	require.NoError(t, os.WriteFile(seeds, []byte(`{"snippet": "def f(a):\n    return a * 2", "input": "4", "output": "wrong", "imports": []}
{"snippet": "def f(a):\n    return open(a)", "input": "'x'", "imports": []}
not a record
{"snippet": "def f(a):\n    b = a[1:]\n    return b", "inputs": ["[1]", "[1, 2]", "[2, 3]"], "message": "Drops the first."}
`), 0o644))
	run := filepath.Join(dir, "run")
	o := azrTrain(t, "", tinyRun(tinyModel(t), run, "--seeds", seeds, "--set", "game.seed_factor=1", "--set", "game.seed_passes=1",
		"--set", "game.task_types=[deduction, abduction, induction, error]", "--set", "game.size={request: relative, grow: true}",
		"--set", "game.solve_rollouts=2", "--set", "trainer.algorithm=grpo", "--set", "game.collapse={steps: 1, learnability: 2}",
		"--set", "game.duplicates=skeleton", "--set", "environment.probes=5")...)
	require.Zero(t, o.code, o.stderr)
	assert.Contains(t, o.stderr, "seeds.jsonl:3: not a seed record")
	assert.Contains(t, o.stdout, "\nerror ")
	o = azrTrain(t, "", "inspect", run, "--json")
	var seen inspection
	require.NoError(t, json.Unmarshal([]byte(o.stdout), &seen))
	assert.Equal(t, 2.0, seen.Metrics[0]["seed/import/pass"])
	assert.Equal(t, 1.0, seen.Metrics[0]["seed/import/fault: blocked"])
	assert.Equal(t, 2, seen.Tasks[azr.Deduction], "the identity and the imported one")
	assert.Equal(t, 2, seen.Tasks[azr.Induction])
	assert.Equal(t, 1, seen.Tasks[azr.ErrorPrediction])
	assert.Contains(t, seen.Metrics[1], "propose/error/size_limit")
}

func TestResumedRunIsTheUninterruptedRun(t *testing.T) {
	model, dir := tinyModel(t), t.TempDir()
	whole, halves := filepath.Join(dir, "whole"), filepath.Join(dir, "halves")
	o := azrTrain(t, "", tinyRun(model, whole)...)
	require.Zero(t, o.code, o.stderr)
	o = azrTrain(t, "", append(tinyRun(model, halves), "--steps", "1")...)
	require.Zero(t, o.code, o.stderr)
	o = azrTrain(t, "", "resume", halves, "--steps", "1")
	require.Zero(t, o.code, o.stderr)
	for _, name := range []string{"metrics.jsonl", "checkpoints/step-000002/model.safetensors", "checkpoints/step-000002/optimizer.safetensors"} {
		a, err := os.ReadFile(filepath.Join(whole, name))
		require.NoError(t, err)
		b, err := os.ReadFile(filepath.Join(halves, name))
		require.NoError(t, err)
		assert.True(t, bytes.Equal(a, b), "%s differs", name)
	}
}

func TestResumeNeedsNoModelFolder(t *testing.T) {
	model, run := tinyModel(t), filepath.Join(t.TempDir(), "run")
	o := azrTrain(t, "", append(tinyRun(model, run), "--steps", "1")...)
	require.Zero(t, o.code, o.stderr)
	require.NoError(t, os.RemoveAll(model))
	o = azrTrain(t, "", "resume", run, "--steps", "1")
	require.Zero(t, o.code, o.stderr)
	assert.FileExists(t, filepath.Join(run, "checkpoints", "step-000002", "tokenizer.json"))
	require.NoError(t, os.Remove(filepath.Join(run, storeFile)))
	o = azrTrain(t, "", "resume", run, "--steps", "1")
	assert.Equal(t, exitBadInput, o.code, "a run without its file is not a run with an empty one")
	assert.Contains(t, o.stderr, storeFile)
}

func TestNoStepsSaveNothing(t *testing.T) {
	run := filepath.Join(t.TempDir(), "run")
	o := azrTrain(t, "", append(tinyRun(tinyModel(t), run), "--steps", "0")...)
	require.Zero(t, o.code, o.stderr)
	assert.Contains(t, o.stdout, "no step was finished")
	assert.NotContains(t, o.stdout, "checkpoints")
	assert.NoDirExists(t, filepath.Join(run, "checkpoints"))
}

func TestLogsAreJSONOffATerminal(t *testing.T) {
	o := azrTrain(t, "", tinyRun(tinyModel(t), filepath.Join(t.TempDir(), "run"))...)
	require.Zero(t, o.code, o.stderr)
	for line := range strings.Lines(o.stderr) {
		assert.True(t, json.Valid([]byte(line)), line)
	}
}

func TestInterruptSavesTheLastFinishedStep(t *testing.T) {
	model, run := tinyModel(t), filepath.Join(t.TempDir(), "run")
	c, stdout, stderr := command("", tinyRun(model, run, "--steps", "100000", "--set", "checkpoint.every=100000")...)
	require.NoError(t, c.Start())
	waitFor(t, func() bool {
		lines, _ := os.ReadFile(filepath.Join(run, "metrics.jsonl"))
		return strings.Count(string(lines), "\n") >= 3
	})
	require.NoError(t, c.Process.Signal(syscall.SIGINT))
	require.Error(t, c.Wait())
	assert.Equal(t, exitInterrupted, c.ProcessState.ExitCode(), stderr)
	assert.Empty(t, stdout.String())
	assert.Contains(t, stderr.String(), "will be played again")
	saved, err := filepath.Glob(filepath.Join(run, "checkpoints", "step-*"))
	require.NoError(t, err)
	assert.Len(t, saved, 1)
	o := azrTrain(t, "", "resume", run, "--steps", "1")
	assert.Zero(t, o.code, o.stderr)
}

func waitFor(t *testing.T, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, time.Minute, 20*time.Millisecond)
}

func TestScoreAnswersEachLine(t *testing.T) {
	model := tinyModel(t)
	o := azrTrain(t, `{"text":"def f(x):"}`+"\n"+`{"ids":[7]}`+"\n", "score", "--model", model)
	require.Zero(t, o.code, o.stderr)
	lines := strings.Split(strings.TrimSpace(o.stdout), "\n")
	require.Len(t, lines, 2)
	var first struct {
		IDs      []int32   `json:"ids"`
		LogProbs []float32 `json:"logprobs"`
	}
	require.NoError(t, json.Unmarshal([]byte(lines[0]), &first))
	assert.Len(t, first.LogProbs, len(first.IDs)-1)
	for _, p := range first.LogProbs {
		assert.Less(t, p, float32(0))
	}
	assert.Equal(t, `{"ids":[7],"logprobs":[]}`, lines[1])
}

func TestScoreWithIDsNeedsNoTokenizer(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, modeltest.Small(64, 64).Write(dir))
	o := azrTrain(t, `{"ids":[1,2,3]}`+"\n"+`{"ids":[1,2]}`+"\n", "score", "--model", dir, "--logits")
	require.Zero(t, o.code, o.stderr)
	var three, two scoredLine
	lines := strings.Split(o.stdout, "\n")
	require.NoError(t, json.Unmarshal([]byte(lines[0]), &three))
	require.NoError(t, json.Unmarshal([]byte(lines[1]), &two))
	require.Len(t, three.LogProbs, 2)
	require.Len(t, two.Logits, 64)
	sum := 0.0
	for _, x := range two.Logits { // of the id after 1, 2, which in the first line is 3
		sum += math.Exp(float64(x))
	}
	assert.InDelta(t, float64(two.Logits[3])-math.Log(sum), float64(three.LogProbs[1]), 1e-4)
}

func TestExecAnswersInOrder(t *testing.T) {
	var in, want strings.Builder
	for i := range 20 {
		if i%5 == 4 {
			in.WriteString(`{"program":"def f(x): return x[0]","input":"3"}` + "\n")
			want.WriteString(`{"status":"error","value":"","error":"TypeError"}` + "\n")
			continue
		}
		e, err := json.Marshal(map[string]string{"program": "def f(x, y):\n    return [x, y]", "input": "1, " + strings.Repeat("1", i+1)})
		require.NoError(t, err)
		in.Write(append(e, '\n'))
		want.WriteString(`{"status":"ok","value":"[1, ` + strings.Repeat("1", i+1) + `]","error":""}` + "\n")
	}
	o := azrTrain(t, in.String(), "exec")
	require.Zero(t, o.code, o.stderr)
	assert.Equal(t, want.String(), o.stdout)
}

func TestExecTakesLimits(t *testing.T) {
	in := `{"program":"def f(n): return len(bytearray(n))","input":"100000000"}` + "\n" + `{"program":"def f(n):\n    while n: pass","input":"1"}` + "\n"
	o := azrTrain(t, in, "exec", "--memory", "80MiB", "--timeout", "300ms", "--require", "lite")
	require.Zero(t, o.code, o.stderr)
	assert.Equal(t, `{"status":"memory","value":"","error":"MemoryError"}`+"\n"+`{"status":"timeout","value":"","error":""}`+"\n", o.stdout)
}

func TestExecTellsItsLevelAndWarnsOfAttacks(t *testing.T) {
	attack := `{"program":"import os\ndef f(x): os.write(3, bytes(64))","input":"1"}` + "\n"
	o := azrTrain(t, attack, "exec")
	require.Zero(t, o.code, o.stderr)
	assert.Regexp(t, `"executor":"(full|lite)","python":"3\.\d+\.\d+","slots":\d+`, o.stderr)
	assert.NotContains(t, o.stderr, "attack the sandbox", "one is not many")
	o = azrTrain(t, strings.Repeat(attack, 300), "exec", "--set", "executor.cache_entries=0")
	require.Zero(t, o.code, o.stderr)
	assert.Contains(t, o.stderr, `"blocked_share":1`)
	assert.Contains(t, o.stderr, "the model may be learning to attack the sandbox")
}

func TestExecutorReportShowsAllThatIsCounted(t *testing.T) {
	r := executorReport{Step: 4, Level: executor.Lite, Python: "3.11.2", Stats: executor.Stats{
		Results: map[azr.Status]int64{azr.OK: 5, azr.Error: 2}, Errors: map[string]int64{"KeyError": 1, "\x1b[2J": 1},
		Restarts: map[string]int64{"hung": 3}, Runs: 9, BlockedShare: 0.25, BlockedAlarm: true,
		Slowest: []executor.SlowProgram{{Program: "00ff", Wall: 1500 * time.Millisecond}},
	}}
	r.Stats.Histograms.Wall.Counts[11] = 10
	path := filepath.Join(t.TempDir(), executorFile)
	none, err := readExecutorReport(path)
	require.NoError(t, err)
	assert.Nil(t, none)
	require.NoError(t, r.write(path))
	back, err := readExecutorReport(path)
	require.NoError(t, err)
	assert.Equal(t, &r, back)
	var text strings.Builder
	back.print(&text)
	for _, want := range []string{
		"level lite, Python 3.11.2, to step 4", "runs       9", "5 ok, 2 error; 25.0%", "an alarm", "1 KeyError", "3 hung",
		"wall       p50 < 2.048ms, p99 < 2.048ms, of 10", "slow       00ff took 1.5s",
	} {
		assert.Contains(t, text.String(), want)
	}
	assert.NotContains(t, text.String(), "\x1b")
	require.NoError(t, os.WriteFile(path, []byte("{"), 0o644))
	_, err = readExecutorReport(path)
	assert.ErrorContains(t, err, executorFile)
}

func TestEvalScoresATasksFile(t *testing.T) {
	o := azrTrain(t, "", "eval", "--model", tinyModel(t), "--tasks", "../../testdata/tasks/trivial.jsonl", "--config", "quickstart", "--max-tokens", "8", "--json")
	require.Zero(t, o.code, o.stderr)
	var report struct {
		Scores []struct {
			Name  string
			Tasks int
		}
	}
	require.NoError(t, json.Unmarshal([]byte(o.stdout), &report))
	assert.Equal(t, "all", report.Scores[len(report.Scores)-1].Name)
	assert.Equal(t, 36, report.Scores[len(report.Scores)-1].Tasks)
}
