package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/creack/pty"
	"github.com/mattn/go-runewidth"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// onPTY runs a command on a terminal of 24 lines and returns all that it wrote there.
func onPTY(t *testing.T, columns uint16, args ...string) string {
	t.Helper()
	c, _, _ := command("", args...)
	c.Env = append(c.Env, "TERM=xterm", "LANG=C.UTF-8")
	c.Stdin, c.Stdout, c.Stderr = nil, nil, nil
	terminal, err := pty.StartWithSize(c, &pty.Winsize{Rows: 24, Cols: columns})
	if err != nil {
		var exit *exec.Error
		require.NotErrorAs(t, err, &exit)
		t.Skipf("no pseudo-terminal can be had here: %v", err)
	}
	defer terminal.Close()
	var written bytes.Buffer
	_, _ = io.Copy(&written, terminal) // ends with an error when the command does
	require.NoError(t, c.Wait(), written.String())
	return written.String()
}

// steering is what the command itself may say to a terminal: up and clear below, colours of log lines.
var steering = regexp.MustCompile("\x1b\\[(\\d+A\x1b\\[J|[0-9;]*m)")

// frames cuts what was written into lines without the command's own sequences; nothing else in them
// may steer the terminal, and none may be wider than it, but for log lines and step lines.
func frames(t *testing.T, written string) []string {
	var lines []string
	for line := range strings.SplitSeq(steering.ReplaceAllString(written, "\n"), "\n") {
		line = strings.TrimSuffix(line, "\r")
		for _, r := range line {
			require.True(t, unicode.IsPrint(r), "%q", line)
		}
		lines = append(lines, line)
	}
	return lines
}

func TestRunOnATerminal(t *testing.T) {
	for _, columns := range []uint16{120, 50} {
		run := filepath.Join(t.TempDir(), "run")
		lines := frames(t, onPTY(t, columns, tinyRun(tinyModel(t), run)...))
		seen := map[string]int{}
		for _, line := range lines {
			for _, kind := range []string{"step 1/2 propose", "step 1/2 execute", "step 2/2 update", "malformed"} {
				if strings.HasPrefix(line, kind) || kind == "malformed" && strings.Contains(line, "  malformed") {
					seen[kind]++
					assert.LessOrEqual(t, runewidth.StringWidth(line), int(columns), "%q", line)
				}
			}
		}
		for _, kind := range []string{"step 1/2 propose", "step 2/2 update", "malformed"} {
			assert.NotZero(t, seen[kind], "%s in %q", kind, lines)
		}
		text := strings.Join(lines, "\n")
		assert.Contains(t, text, "\nstep 2/2  ")
		assert.Contains(t, text, "2 steps of self-play (1 to 2)")
	}
}

// A terminal that does not know its width, as containers have them, gets lines.
func TestRunOnATerminalWithoutColumns(t *testing.T) {
	written := onPTY(t, 0, tinyRun(tinyModel(t), filepath.Join(t.TempDir(), "run"))...)
	assert.NotContains(t, written, "\x1b[")
	assert.Regexp(t, `"message":"step 2/2  \d of 6 proposals`, written)
}

func TestQuietRun(t *testing.T) {
	o := azrTrain(t, "", tinyRun(tinyModel(t), filepath.Join(t.TempDir(), "run"), "--quiet")...)
	require.Zero(t, o.code, o.stderr)
	assert.Empty(t, o.stderr)
	assert.Contains(t, o.stdout, "2 steps of self-play (1 to 2)")

	run := filepath.Join(t.TempDir(), "run")
	written := onPTY(t, 80, tinyRun(tinyModel(t), run, "--quiet")...)
	assert.NotContains(t, written, "\x1b")
	assert.True(t, strings.HasPrefix(written, "2 steps of self-play"), written)
}

func TestJSONRunAndResume(t *testing.T) {
	run := filepath.Join(t.TempDir(), "run")
	o := azrTrain(t, "", tinyRun(tinyModel(t), run, "--json")...)
	require.Zero(t, o.code, o.stderr)
	assert.NotContains(t, o.stderr, "proposals valid")
	requireObjects(t, o.stdout, 0, 1, 2)
	metrics, err := os.ReadFile(filepath.Join(run, "metrics.jsonl"))
	require.NoError(t, err)
	var kept, said map[string]any
	require.NoError(t, json.Unmarshal(bytes.Split(metrics, []byte("\n"))[2], &kept))
	require.NoError(t, json.Unmarshal([]byte(strings.Split(o.stdout, "\n")[2]), &said))
	delete(kept, "step")
	assert.Equal(t, kept, said["metrics"])

	o = azrTrain(t, "", "resume", run, "--steps", "1", "--json", "--quiet")
	require.Zero(t, o.code, o.stderr)
	assert.Empty(t, o.stderr)
	requireObjects(t, o.stdout, 3)
}

// requireObjects wants an object for each of the steps, and one of the summary.
func requireObjects(t *testing.T, stdout string, steps ...int) {
	lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
	require.Len(t, lines, len(steps)+1)
	for i, step := range steps {
		var o struct {
			Step             int
			Metrics, Timings map[string]float64
		}
		require.NoError(t, json.Unmarshal([]byte(lines[i]), &o), lines[i])
		assert.Equal(t, step, o.Step)
		assert.NotEmpty(t, o.Metrics)
		assert.Equal(t, step > 0, o.Timings["step_seconds"] > 0)
		if step > 0 {
			assert.Greater(t, o.Timings["compute_idle"], 0.0)
			assert.Less(t, o.Timings["compute_idle"], 1.0)
		}
	}
	var last struct {
		Summary struct {
			Last int
			Run  string
		}
	}
	require.NoError(t, json.Unmarshal([]byte(lines[len(steps)]), &last))
	assert.Equal(t, steps[len(steps)-1], last.Summary.Last)
	assert.NotEmpty(t, last.Summary.Run)
}
