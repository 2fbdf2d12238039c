package main

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A second Ctrl-C ends the program at once, whatever it is in the middle of: here it waits for a line of a
// pipe that nobody writes to.
func TestSecondInterruptEndsAtOnce(t *testing.T) {
	c, _, stderr := command("", "exec")
	silent, writer, err := os.Pipe()
	require.NoError(t, err)
	defer writer.Close()
	defer silent.Close()
	c.Stdin, c.Stdout = silent, nil
	answers, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	_, err = writer.WriteString(anExecution)
	require.NoError(t, err)
	_, err = bufio.NewReader(answers).ReadString('\n') // it has begun, and waits for more
	require.NoError(t, err, stderr.String())
	exited := make(chan error, 1)
	go func() { exited <- c.Wait() }()
	for {
		require.NoError(t, c.Process.Signal(os.Interrupt))
		select {
		case <-exited:
			assert.Equal(t, exitInterrupted, c.ProcessState.ExitCode(), stderr.String())
			return
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// A checkpoint that is not whole, and no other: one line says so.
func TestExportOfACorruptCheckpoint(t *testing.T) {
	run := filepath.Join(t.TempDir(), "run")
	o := azrTrain(t, "", append(tinyRun(tinyModel(t), run), "--steps", "1")...)
	require.Zero(t, o.code, o.stderr)
	weights := filepath.Join(run, "checkpoints", "step-000001", "model.safetensors")
	content, err := os.ReadFile(weights)
	require.NoError(t, err)
	content[len(content)-1] ^= 1
	require.NoError(t, os.WriteFile(weights, content, 0o644))
	out := filepath.Join(run, "out")
	refused(t, []string{"no valid checkpoint", "got 1, the newest not whole", "model.safetensors: corrupt"}, "export", run, "--out", out)
	require.NoError(t, os.RemoveAll(filepath.Join(run, "checkpoints")))
	refused(t, []string{"no valid checkpoint", "got none, want one"}, "export", run, "--out", out)
	assert.NoDirExists(t, out)
}

// A run in little memory makes its updates with smaller micro-batches, says so, and its resumed half does
// what the uninterrupted run does.
func TestRunInLittleMemory(t *testing.T) {
	model, dir := tinyModel(t), t.TempDir()
	whole, halves := filepath.Join(dir, "whole"), filepath.Join(dir, "halves")
	little := []string{"--set", "memory=6MiB", "--set", "rollout.slots=2", "--set", "rollout.room=512"}
	o := azrTrain(t, "", append(tinyRun(model, whole), little...)...)
	require.Zero(t, o.code, o.stderr)
	assert.Equal(t, 1, strings.Count(o.stderr, "memory ran out in the update"), o.stderr)
	metrics, err := os.ReadFile(filepath.Join(whole, "metrics.jsonl"))
	require.NoError(t, err)
	assert.NotContains(t, string(metrics), `"trainer/micro_batch_tokens":1024`)

	o = azrTrain(t, "", append(append(tinyRun(model, halves), little...), "--steps", "1")...)
	require.Zero(t, o.code, o.stderr)
	state, err := os.ReadFile(filepath.Join(halves, "checkpoints", "step-000001", "state.json"))
	require.NoError(t, err)
	assert.Contains(t, string(state), `"micro_batch_tokens"`)
	o = azrTrain(t, "", "resume", halves, "--steps", "1")
	require.Zero(t, o.code, o.stderr)
	assert.NotContains(t, o.stderr, "memory ran out")
	again, err := os.ReadFile(filepath.Join(halves, "metrics.jsonl"))
	require.NoError(t, err)
	assert.Equal(t, string(metrics), string(again))
}
