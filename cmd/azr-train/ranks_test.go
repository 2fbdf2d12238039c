package main

import (
	"bytes"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/model/modeltest"
	"github.com/azr-train/azr/torch/dist/disttest"
	"github.com/azr-train/azr/torch/safetensors"
)

// rankedRun is a run of the starter, whose answers are right now and then.
func rankedRun(run string, steps int, more ...string) []string {
	return append([]string{"run", "--quiet", "--model", "../../starter", "--config", "starter", "--run", run, "--steps", strconv.Itoa(steps), "--seed", "5",
		"--set", "game.batch_size=8", "--set", "game.rollouts=3", "--set", "checkpoint={every: 1, keep: 9}", "--set", "rollout.slots=8", "--set", "threads=1"}, more...)
}

func onProcs(procs int, command ...string) []string {
	return append([]string{"launch", "--procs", strconv.Itoa(procs), "--"}, command...)
}

// completionsOf a run up to a step, but for advantages, which are of updates.
func completionsOf(t *testing.T, run string, step int) []string {
	db, err := sql.Open("sqlite", filepath.Join(run, storeFile))
	require.NoError(t, err)
	defer db.Close()
	rows, err := db.Query("SELECT json_array(sampled, purpose, type, idx, rollout, task_id, prompt, text, finish, outcome, reason, reward, trained, prompt_tokens, response_tokens) FROM completions WHERE step <= ? ORDER BY seq", step)
	require.NoError(t, err)
	defer rows.Close()
	var list []string
	for rows.Next() {
		var row string
		require.NoError(t, rows.Scan(&row))
		list = append(list, row)
	}
	require.NoError(t, rows.Err())
	return list
}

func tensorsOf(t *testing.T, run string, step int, file string) map[string][]float32 {
	f, err := safetensors.Open(filepath.Join(run, "checkpoints", fmt.Sprintf("step-%06d", step), file))
	require.NoError(t, err)
	defer f.Close()
	all := map[string][]float32{}
	for _, info := range f.Tensors() {
		data, err := f.Read(info.Name)
		require.NoError(t, err)
		all[info.Name] = modeltest.Floats(data)
	}
	return all
}

// A step of several ranks samples the same tokens for the same prompts, and leaves the same weights and moments up to rounding,
// whatever their number and however uneven their load: three ranks share eight tasks.
func TestRanksPlayTheGameOfOne(t *testing.T) {
	dir := t.TempDir()
	alone := filepath.Join(dir, "alone")
	whole := []string{"--set", "trainer.average_decay=0"} // which averages are of
	succeeded(t, rankedRun(alone, 1, whole...)...)
	want := completionsOf(t, alone, 1)
	require.Greater(t, len(want), 40)
	sampled := countOf(t, alone, "SELECT value FROM metrics WHERE step = 1 AND name = 'rollout/sampled_tokens'")
	assert.Equal(t, countOf(t, alone, "SELECT sum(response_tokens) FROM completions WHERE step = 1"), sampled)
	for procs, sharding := range map[int]string{2: "zero1", 3: "zero3"} {
		run := filepath.Join(dir, fmt.Sprint(procs))
		succeeded(t, onProcs(procs, rankedRun(run, 1, append(whole, "--set", "trainer.sharding="+sharding)...)...)...)
		assert.Equal(t, want, completionsOf(t, run, 1), "%d ranks", procs)
		assert.Equal(t, sampled, countOf(t, run, "SELECT value FROM metrics WHERE step = 1 AND name = 'rollout/sampled_tokens'"), "of all ranks")
		for _, name := range []string{"rollout/shared_tokens", "rollout/prompt_tokens"} {
			assert.Positive(t, countOf(t, run, "SELECT value FROM metrics WHERE step = 1 AND name = '"+name+"'"), name)
		}
		assert.Equal(t, 1, countOf(t, run, "SELECT value > 0.1 AND value <= 1 FROM metrics WHERE step = 1 AND name = 'rollout/occupancy'"))
		for _, file := range []string{"model.safetensors", "optimizer.safetensors"} {
			one, several := tensorsOf(t, alone, 1, file), tensorsOf(t, run, 1, file)
			require.Len(t, several, len(one))
			for name, values := range one {
				assert.InDeltaSlice(t, values, several[name], 1e-4, "%s of %s with %d ranks", name, file, procs)
			}
		}
	}
}

// A run goes on with another number of ranks each time.
func TestResumeOnOtherNumbersOfRanks(t *testing.T) {
	dir := t.TempDir()
	alone, run := filepath.Join(dir, "alone"), filepath.Join(dir, "run")
	more := []string{"--set", "trainer.replay.count=4", "--set", "trainer.average_decay=0.9"}
	succeeded(t, rankedRun(alone, 3, more...)...)
	succeeded(t, onProcs(2, rankedRun(run, 1, more...)...)...)
	succeeded(t, "resume", "--quiet", "--until", "2", run)
	succeeded(t, onProcs(4, "resume", "--quiet", "--until", "3", run)...)
	assert.Equal(t, completionsOf(t, alone, 1), completionsOf(t, run, 1))
	assert.Equal(t, countOf(t, alone, "SELECT count(*) FROM completions"), countOf(t, run, "SELECT count(*) FROM completions"))
	for name, values := range tensorsOf(t, alone, 3, "model.safetensors") {
		assert.InDeltaSlice(t, values, tensorsOf(t, run, 3, "model.safetensors")[name], 1e-3, name)
	}
	o := azrTrain(t, "", "verify", run)
	assert.Zero(t, o.code, o.stderr)
}

// What torchrun, srun and Kubernetes do: each process has its variables and the same command.
func TestRanksStartByEnvironment(t *testing.T) {
	run, port := filepath.Join(t.TempDir(), "run"), disttest.FreePort(t)
	var processes []*exec.Cmd
	var stderrs []*bytes.Buffer
	for rank := range 2 {
		c, _, stderr := command("", rankedRun(run, 1, "--dist-interface", "lo", "--dist-timeout", "1m")...)
		c.Env = append(c.Env, disttest.Environment(rank, 2, port)...)
		require.NoError(t, c.Start())
		processes, stderrs = append(processes, c), append(stderrs, stderr)
	}
	for rank, c := range processes {
		assert.NoError(t, c.Wait(), "rank %d: %s", rank, stderrs[rank])
	}
	assert.FileExists(t, filepath.Join(run, "checkpoints/step-000001/manifest.json"))
}

// Two hosts, as network namespaces with a cable between them.
func TestRanksOnTwoHosts(t *testing.T) {
	ip := func(args ...string) error {
		out, err := exec.Command("ip", args...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, out)
		}
		return nil
	}
	hosts := []string{fmt.Sprintf("azr%d-0", os.Getpid()), fmt.Sprintf("azr%d-1", os.Getpid())}
	if err := ip("netns", "add", hosts[0]); err != nil {
		t.Skipf("skipped: no network namespaces: %v; hint: as root, with iproute2", err)
	}
	t.Cleanup(func() { _ = ip("netns", "del", hosts[0]) })
	require.NoError(t, ip("netns", "add", hosts[1]))
	t.Cleanup(func() { _ = ip("netns", "del", hosts[1]) })
	if err := ip("link", "add", "cable0", "netns", hosts[0], "type", "veth", "peer", "name", "cable1", "netns", hosts[1]); err != nil {
		t.Skipf("skipped: no cable between network namespaces: %v", err)
	}
	run, port := filepath.Join(t.TempDir(), "run"), disttest.FreePort(t)
	var processes []*exec.Cmd
	var stderrs []*bytes.Buffer
	for rank, host := range hosts {
		cable := fmt.Sprint("cable", rank)
		require.NoError(t, ip("-n", host, "address", "add", fmt.Sprintf("10.211.0.%d/24", rank+1), "dev", cable))
		require.NoError(t, ip("-n", host, "link", "set", cable, "up"))
		require.NoError(t, ip("-n", host, "link", "set", "lo", "up"))
	}
	for rank, host := range hosts {
		c, _, stderr := command("", rankedRun(run, 2, "--dist-interface", fmt.Sprint("cable", rank), "--dist-timeout", "1m")...)
		c.Path, c.Args = "/usr/bin/env", append([]string{"env", "ip", "netns", "exec", host}, c.Args...)
		c.Env = append(append(c.Env, disttest.Environment(rank, 2, port)...), "MASTER_ADDR=10.211.0.1")
		require.NoError(t, c.Start())
		processes, stderrs = append(processes, c), append(stderrs, stderr)
	}
	for rank, c := range processes {
		assert.NoError(t, c.Wait(), "rank %d: %s", rank, stderrs[rank])
	}
	assert.Equal(t, 2, countOf(t, run, "SELECT max(step) FROM steps"))
}

// A rank that is killed is named, the others end with an error, and the run goes on from its last checkpoint.
func TestAKilledRankEndsTheRun(t *testing.T) {
	run := filepath.Join(t.TempDir(), "run")
	c, _, stderr := command("", onProcs(3, rankedRun(run, 50)...)...)
	require.NoError(t, c.Start())
	done := make(chan error, 1)
	go func() { done <- c.Wait() }()
	checkpoint := filepath.Join(run, "checkpoints/step-000001/manifest.json")
	require.Eventually(t, func() bool { _, err := os.Stat(checkpoint); return err == nil }, 2*time.Minute, 20*time.Millisecond)
	require.NoError(t, syscall.Kill(childOfRank(t, c.Process.Pid, 2), syscall.SIGKILL))
	select {
	case err := <-done:
		require.Error(t, err)
	case <-time.After(time.Minute):
		_ = c.Process.Kill()
		require.Fail(t, "the others go on", stderr.String())
	}
	assert.Regexp(t, `(?m)^azr-train: .*dist\.\w+: rank 0 \(host .+\) in \w+: lost rank 2 \(host .+\), last heard of in \w+ after \d+ collectives, the last \w+: `, stderr.String())
	succeeded(t, "resume", "--quiet", "--steps", "1", run)
	o := azrTrain(t, "", "verify", run)
	assert.Zero(t, o.code, o.stderr)
}

// childOfRank is the child of a process that was told to be a rank. Which thread has started it, and so in which list it stands,
// is chance.
func childOfRank(t *testing.T, pid, rank int) int {
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	require.NoError(t, err)
	for _, list := range lists {
		text, err := os.ReadFile(list)
		require.NoError(t, err)
		for _, field := range strings.Fields(string(text)) {
			told, err := os.ReadFile("/proc/" + field + "/environ")
			require.NoError(t, err)
			if bytes.Contains(append([]byte{0}, told...), []byte(fmt.Sprintf("\x00RANK=%d\x00", rank))) {
				child, err := strconv.Atoi(field)
				require.NoError(t, err)
				return child
			}
		}
	}
	require.Fail(t, "no such child", "rank %d", rank)
	return 0
}

// An interrupt is for rank 0, which abandons the step, saves the one before, and ends the others.
func TestInterruptedRanksSave(t *testing.T) {
	run := filepath.Join(t.TempDir(), "run")
	c, _, stderr := command("", onProcs(2, rankedRun(run, 50, "--set", "checkpoint.every=1000")...)...)
	require.NoError(t, c.Start())
	require.Eventually(t, func() bool {
		text, err := os.ReadFile(filepath.Join(run, phaseFile))
		return err == nil && bytes.HasPrefix(text, []byte("step 3 "))
	}, 2*time.Minute, 5*time.Millisecond)
	require.NoError(t, c.Process.Signal(syscall.SIGTERM))
	_ = c.Wait()
	assert.Equal(t, exitInterrupted, c.ProcessState.ExitCode(), stderr.String())
	assert.NotContains(t, stderr.String(), "[rank 1] azr-train:")
	succeeded(t, "resume", "--quiet", "--steps", "0", run)
	assert.GreaterOrEqual(t, countOf(t, run, "SELECT max(step) FROM steps"), 2)
}

func TestLaunchRefuses(t *testing.T) {
	for words, args := range map[string][]string{
		"want what to start after --":       {"launch", "--procs", "2"},
		"only run and resume have ranks":    {"launch", "--procs", "2", "--", "eval"},
		"want one of --procs and --gpus":    {"launch", "--", "run"},
		"--procs is too small; got -1":      {"launch", "--procs", "-1", "--", "run"},
		"--gpus is no list of different":    {"launch", "--gpus", "x,0", "--", "run"},
		"no such GPU; got --gpus 999":       {"launch", "--gpus", "999", "--", "run"},
		"the run folder exists":             onProcs(2, "run", "--quiet", "--model", "../../starter", "--run", t.TempDir(), "--steps", "1"),
		"controls.frozen is for one":        onProcs(2, rankedRun(filepath.Join(t.TempDir(), "run"), 1, "--set", "controls.frozen=solve")...),
		"NCCL is between CUDA devices":      onProcs(2, rankedRun(filepath.Join(t.TempDir(), "run"), 1, "--dist-backend", "nccl", "--device", "cpu")...),
		"--dist-timeout is too small":       onProcs(2, rankedRun(filepath.Join(t.TempDir(), "run"), 1, "--dist-timeout", "0s")...),
		"unknown --dist-backend; got":       onProcs(2, rankedRun(filepath.Join(t.TempDir(), "run"), 1, "--dist-backend", "mpi")...),
		"the device of its LOCAL_RANK":      onProcs(2, rankedRun(filepath.Join(t.TempDir(), "run"), 1, "--device", "cuda:1")...),
		"WORLD_SIZE is no number; got \"\"": nil,
	} {
		c, _, stderr := command("", args...)
		if args == nil {
			c, _, stderr = command("", rankedRun(filepath.Join(t.TempDir(), "run"), 1)...)
			c.Env = append(c.Env, "RANK=0", "MASTER_PORT=1", "MASTER_ADDR=x")
		}
		_ = c.Run()
		assert.Equal(t, exitBadInput, c.ProcessState.ExitCode(), words)
		assert.Contains(t, stderr.String(), words)
	}
}

// Numbers count the GPUs that the starter itself may use.
func TestVisibleGPUs(t *testing.T) {
	assert.Equal(t, []string{"0", "2"}, visible([]string{"0", "2"}, ""))
	assert.Equal(t, []string{"5", "4"}, visible([]string{"1", "0"}, "4,5"))
	assert.Equal(t, []string{"GPU-a"}, visible([]string{"0"}, "GPU-a,GPU-b"))
	assert.NoError(t, checkGPUs([]string{"0", "1"}, 2))
	assert.ErrorContains(t, checkGPUs([]string{"0", "0"}, 2), "different device numbers")
	assert.ErrorContains(t, checkGPUs([]string{"2"}, 2), "some of 2 CUDA devices")
}

// torchrun itself starts it, keeping the store, and puts two ranks in one group.
func TestTorchrunStartsIt(t *testing.T) {
	python := os.Getenv("AZR_REFERENCE_PYTHON")
	if python == "" {
		t.Skip("torchrun is not here; hint: make reference")
	}
	self, err := os.Executable()
	require.NoError(t, err)
	run := filepath.Join(t.TempDir(), "run")
	args := []string{"-m", "torch.distributed.run", "--no-python", "--nproc-per-node", "2", "--master-port", strconv.Itoa(disttest.FreePort(t)), "--", self}
	c := exec.Command(python, append(args, rankedRun(run, 1)...)...)
	c.Env = append(os.Environ(), "AZR_TRAIN_UNDER_TEST=1", "OMP_NUM_THREADS=1", interfaceVariable+"=lo")
	out, err := c.CombinedOutput()
	require.NoError(t, err, string(out))
	assert.Equal(t, 1, countOf(t, run, "SELECT max(step) FROM steps"))
}
