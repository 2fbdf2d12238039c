package python_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/selfplay"
	"github.com/azr-train/azr/selfplay/python"
)

var update = flag.Bool("update", false, "write what the tests got into testdata; read the difference before you commit it")

const caseSeparator = "\n" + "==========" + "\n"

// transcript is one case of a file in testdata/transcripts: "key: value" lines,
// then sections that begin with "-- name --". What is given:
//
//	style, role, type, inputs (N), solve_rate    the prompt's kind; what the estimates said of a valid proposal
//	program, examples, message                   the task to solve, or the reference shown
//	completion                                   what the model wrote
//	executor                                     "input => status: value or error" for each input it may be asked
//
// What is checked: parsed, verdict, reward.
type transcript struct {
	comment  string
	keys     map[string]string
	sections map[string]string
	order    []string
}

func readTranscript(t *testing.T, text string) transcript {
	tr := transcript{keys: map[string]string{}, sections: map[string]string{}}
	name := ""
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		switch {
		case strings.HasPrefix(line, "-- ") && strings.HasSuffix(line, " --"):
			name = line[3 : len(line)-3]
			tr.order = append(tr.order, name)
			tr.sections[name] = ""
		case name != "":
			tr.sections[name] += line + "\n"
		case strings.HasPrefix(line, "#"):
			tr.comment += line + "\n"
		default:
			key, value, ok := strings.Cut(line, ": ")
			require.True(t, ok, "not a key: %q", line)
			tr.keys[key] = value
		}
	}
	return tr
}

func (tr transcript) String() string {
	var b strings.Builder
	b.WriteString(tr.comment)
	for _, key := range []string{"style", "role", "type", "inputs", "solve_rate"} {
		if value, ok := tr.keys[key]; ok {
			fmt.Fprintf(&b, "%s: %s\n", key, value)
		}
	}
	for _, name := range tr.order {
		fmt.Fprintf(&b, "-- %s --\n%s", name, tr.sections[name])
	}
	return b.String()
}

func (tr *transcript) set(name, text string) {
	if !slices.Contains(tr.order, name) {
		tr.order = append(tr.order, name)
	}
	tr.sections[name] = text + "\n"
}

// play runs one case and returns the sections to check.
func (tr transcript) play(t *testing.T) (parsed, verdict, reward string) {
	cfg := python.DefaultConfig()
	cfg.Style, cfg.InductionInputs = python.Style(tr.keys["style"]), 4
	if n, ok := tr.keys["inputs"]; ok {
		cfg.InductionInputs, _ = strconv.Atoi(n)
	}
	env, err := python.New(cfg, azr.NewFakeExecutor(tr.execute(t)))
	require.NoError(t, err)
	var kind azr.TaskType
	var role azr.Role
	require.NoError(t, kind.UnmarshalText([]byte(tr.keys["type"])))
	require.NoError(t, role.UnmarshalText([]byte(tr.keys["role"])))

	given := tr.task(kind)
	completion := strings.TrimSuffix(tr.sections["completion"], "\n")
	rewards := selfplay.DefaultRewards()
	var v azr.Verdict
	var value float64
	var ok bool
	if role == azr.Propose {
		var task azr.Task
		if task, v = env.ParseProposal(azr.Request{Type: kind, References: []azr.Task{given}}, completion); v.Outcome == azr.Pass {
			task, v, err = env.Validate(context.Background(), task)
			require.NoError(t, err)
			parsed = taskText(task)
		}
		rate, err := strconv.ParseFloat(tr.keys["solve_rate"], 64)
		if err != nil {
			rate = -1
		}
		value, ok = rewards.Propose(v, rate)
	} else {
		if parsed, v = env.ParseAnswer(given, completion); v.Outcome == azr.Pass {
			v, err = env.Verify(context.Background(), given, parsed)
			require.NoError(t, err)
		}
		value, ok = rewards.Solve(v)
	}
	reward = "left out of the update"
	if ok {
		reward = strconv.FormatFloat(value, 'g', -1, 64)
	}
	return parsed, strings.TrimSuffix(v.Outcome.String()+": "+v.Reason, ": "), reward
}

func (tr transcript) task(kind azr.TaskType) azr.Task {
	task := azr.Task{Type: kind, Program: strings.TrimSuffix(tr.sections["program"], "\n"), Message: strings.TrimSpace(tr.sections["message"])}
	for line := range strings.Lines(tr.sections["examples"]) {
		input, output, _ := strings.Cut(strings.TrimSpace(line), " => ")
		task.Examples = append(task.Examples, azr.Example{Input: input, Output: output})
	}
	return task
}

// execute answers from the executor section; a question that it does not foresee fails the test.
func (tr transcript) execute(t *testing.T) func(program, input string) azr.Result {
	results := map[string]azr.Result{}
	for line := range strings.Lines(tr.sections["executor"]) {
		input, answer, ok := strings.Cut(strings.TrimSpace(line), " => ")
		require.True(t, ok, "not an executor line: %q", line)
		status, rest, _ := strings.Cut(answer, ": ")
		var r azr.Result
		require.NoError(t, r.Status.UnmarshalText([]byte(status)))
		if r.Status == azr.OK {
			r.Value = rest
		} else {
			r.Error = rest
		}
		results[input] = r
	}
	return func(_, input string) azr.Result {
		r, ok := results[input]
		assert.True(t, ok, "the executor was asked for f(%s)", input)
		return r
	}
}

func taskText(task azr.Task) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", task.Program)
	if task.Message != "" {
		fmt.Fprintf(&b, "message: %s\n", task.Message)
	}
	for _, e := range task.Examples {
		fmt.Fprintf(&b, "f(%s) == %s\n", e.Input, e.Output)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// Completion -> parse -> verdict -> reward, as files that a reviewer can read.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/transcripts/*.txt")
	require.NoError(t, err)
	require.Len(t, files, 16, "one file for each style, role and type")
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			content, err := os.ReadFile(file)
			require.NoError(t, err)
			var got []string
			for _, text := range strings.Split(string(content), caseSeparator) {
				tr := readTranscript(t, text)
				parsed, verdict, reward := tr.play(t)
				tr.set("parsed", parsed)
				tr.set("verdict", verdict)
				tr.set("reward", reward)
				got = append(got, tr.String())
			}
			text := strings.Join(got, caseSeparator[1:])
			if *update {
				require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
				return
			}
			assert.Equal(t, string(content), text, "go test -update rewrites the file")
		})
	}
}
