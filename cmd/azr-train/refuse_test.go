package main

import (
	"database/sql"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/store"
)

// starterRun plays a step of the starter and returns the deduction tasks that it kept.
func starterRun(t *testing.T, run string, settings ...string) []azr.Task {
	args := []string{"run", "--quiet", "--model", "../../starter", "--config", "starter", "--run", run, "--steps", "1", "--set", "game.batch_size=24",
		"--set", "game.seed_factor=2", "--set", "game.rollouts=2", "--set", "threads=1"}
	for _, set := range settings {
		args = append(args, "--set", set)
	}
	succeeded(t, args...)
	s, err := store.View(filepath.Join(run, storeFile))
	require.NoError(t, err)
	defer s.Close()
	tasks, err := s.Tasks(azr.Deduction)
	require.NoError(t, err)
	return tasks
}

// What a file of tasks has is not proposed: not what the run measures itself on, and not what it is told to refuse beside.
func TestProgramsOfHeldOutFilesAreRefused(t *testing.T) {
	dir := t.TempDir()
	free := starterRun(t, filepath.Join(dir, "free"))
	file := filepath.Join(dir, "tasks.jsonl")
	var lines []byte
	programs := map[string]bool{}
	for _, task := range free {
		line, err := json.Marshal(task)
		require.NoError(t, err)
		lines = append(append(lines, line...), '\n')
		if task.Measures.Size > 1 {
			programs[task.Measures.Program] = true
		}
	}
	require.NotEmpty(t, programs)
	require.NoError(t, os.WriteFile(file, lines, 0o644))
	for name, set := range map[string]string{"measured": "held_out.tasks=" + file, "refused": "held_out.refuse=[" + file + "]"} {
		run := filepath.Join(dir, name)
		for _, task := range starterRun(t, run, set) {
			assert.False(t, programs[task.Measures.Program], "%s: %s", name, task.Program)
		}
		assert.Positive(t, countOf(t, run, "SELECT count(*) FROM completions WHERE reason = 'held out'"), name)
	}
	ones := 0
	for _, task := range starterRun(t, filepath.Join(dir, "all"), "held_out.refuse=["+file+"]", "held_out.refuse_from=1") {
		if task.Measures.Size == 1 && task.Step > 0 {
			for _, other := range free {
				if other.Step > 0 && other.Measures.Program == task.Measures.Program {
					ones++
				}
			}
		}
	}
	assert.Zero(t, ones, "programs of one statement that may not be proposed either")
	refused(t, []string{"held_out.refuse", "none.jsonl"}, "run", "--model", "../../starter", "--config", "starter", "--run", filepath.Join(dir, "no"), "--set", "held_out.refuse=[none.jsonl]")
}

func countOf(t *testing.T, run, query string) (n int) {
	db, err := sql.Open("sqlite", filepath.Join(run, storeFile))
	require.NoError(t, err)
	defer db.Close()
	require.NoError(t, db.QueryRow(query).Scan(&n))
	return n
}

// A run ends after the step that reaches its tokens, measured then, and a resumed one counts those before.
func TestARunEndsByItsTokens(t *testing.T) {
	model, dir := tinyModel(t), t.TempDir()
	heldOut := filepath.Join(dir, "held-out.jsonl")
	require.NoError(t, os.WriteFile(heldOut, []byte(`{"type":"deduction","program":"x * 2 - 7","examples":[{"input":"5","output":"3"}]}`+"\n"), 0o644))
	terms := []string{"--steps", "9", "--set", "environment.world=terms", "--set", "held_out.tasks=" + heldOut, "--set", "held_out.max_tokens=4", "--set", "held_out.every=100"}
	one := filepath.Join(dir, "one")
	succeeded(t, append(append(tinyRun(model, one), terms...), "--set", "sampled_tokens=1")...)
	assert.Equal(t, 1, countOf(t, one, "SELECT max(step) FROM steps"))
	assert.Equal(t, 1, countOf(t, one, "SELECT count(*) FROM metrics WHERE step = 1 AND name = 'held_out/all/parsed'"))

	tokens := countOf(t, one, "SELECT sum(response_tokens) FROM completions WHERE step = 1")
	two := filepath.Join(dir, "two")
	succeeded(t, append(append(tinyRun(model, two), terms...), "--set", "sampled_tokens="+strconv.Itoa(tokens+1), "--steps", "1")...)
	succeeded(t, "resume", two, "--steps", "8")
	assert.Equal(t, 2, countOf(t, two, "SELECT max(step) FROM steps"))
	succeeded(t, "resume", two)
	assert.Equal(t, 2, countOf(t, two, "SELECT max(step) FROM steps"), "it has ended")
	succeeded(t, "resume", two, "--until", "4")
	assert.Equal(t, 4, countOf(t, two, "SELECT max(step) FROM steps"), "unless more is asked for")
}
