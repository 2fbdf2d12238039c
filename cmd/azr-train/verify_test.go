package main

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"
)

// tampered is a copy of a run in which one statement was run on its file.
func tampered(t *testing.T, run, statement string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	require.NoError(t, os.CopyFS(dir, os.DirFS(run)))
	db, err := sql.Open("sqlite", filepath.Join(dir, storeFile))
	require.NoError(t, err)
	defer db.Close()
	result, err := db.Exec(statement)
	require.NoError(t, err)
	n, err := result.RowsAffected()
	require.NoError(t, err)
	require.EqualValues(t, 1, n, statement)
	return dir
}

func TestVerifyFindsWhatDoesNotFollow(t *testing.T) {
	run := filepath.Join(t.TempDir(), "run")
	succeeded(t, "run", "--quiet", "--model", "../../starter", "--config", "starter", "--run", run, "--steps", "2",
		"--set", "game.batch_size=12", "--set", "game.rollouts=4")
	text := succeeded(t, "verify", run)
	for _, kind := range []string{"counts", "solve rates", "rewards", "advantages", "verdicts"} {
		assert.Regexp(t, kind+` +[1-9][0-9]* [a-z, ]+ checked, 0 differ`, text)
	}
	for statement, words := range map[string][]string{
		"reward = reward + 0.25 WHERE seq = (SELECT min(seq) FROM completions WHERE trained)":                                                                                                                      {"rewards", "reward "},
		"advantage = advantage + 0.25 WHERE seq = (SELECT max(seq) FROM completions WHERE trained)":                                                                                                                {"advantages", "advantage "},
		"solve_rate = solve_rate / 2 + 0.01 WHERE seq = (SELECT min(seq) FROM completions WHERE purpose = 'proposing' AND solve_rate >= 0)":                                                                        {"solve rates", "solve rate "},
		"outcome = CASE outcome WHEN 'pass' THEN 'fail' ELSE 'pass' END WHERE seq = (SELECT max(seq) FROM completions WHERE role = 'solve' AND outcome IN ('pass', 'fail') AND task_id IN (SELECT id FROM tasks))": {"verdicts", ", now "},
		"trained = 0 WHERE seq = (SELECT max(seq) FROM completions WHERE trained AND advantage != 0)":                                                                                                              {"advantages", ", and it was not learnt from"},
		"task_id = 'none' WHERE seq = (SELECT max(seq) FROM completions WHERE role = 'solve')":                                                                                                                     {"counts", "answers task none, which the run does not have"},
	} {
		o := azrTrain(t, "", "verify", "--verdicts", "1000", tampered(t, run, "UPDATE completions SET "+statement))
		assert.Equal(t, exitDiffers, o.code, "%s: %s", statement, o.stderr)
		assert.Regexp(t, words[0]+` +[0-9]+ [a-z, ]+ checked, [1-9]`, o.stdout, statement)
		assert.Contains(t, o.stdout, words[1], statement)
		assert.Contains(t, o.stderr, "azr-train: verify: the run does not hold; ")
	}
	for statement, words := range map[string]string{
		"DELETE FROM completions WHERE seq = (SELECT max(seq) FROM completions)":                             "step 2: ",
		"DELETE FROM steps WHERE step = 1":                                                                   "step 1: is not there",
		"UPDATE tasks SET solve_rate = 0.123 WHERE seq = (SELECT max(seq) FROM tasks WHERE solve_rate >= 0)": "solve rate 0.123, want ",
	} {
		o := azrTrain(t, "", "verify", "--verdicts", "0", tampered(t, run, statement))
		assert.Equal(t, exitDiffers, o.code, "%s: %s", statement, o.stderr)
		assert.Contains(t, o.stdout, words, statement)
	}
	o := azrTrain(t, "", "verify", tampered(t, run, "UPDATE tasks SET examples = replace(examples, 'output\":\"', 'output\":\"1') WHERE seq = (SELECT min(seq) FROM tasks)"))
	assert.Equal(t, exitDiffers, o.code, o.stderr)
	assert.Regexp(t, `verdicts +[0-9]+ tasks checked, 1 differ`, o.stdout)
}

func TestVerifyTellsWhetherRunsAreTheSame(t *testing.T) {
	model, dir := tinyModel(t), t.TempDir()
	whole, halves, other := filepath.Join(dir, "whole"), filepath.Join(dir, "halves"), filepath.Join(dir, "other")
	succeeded(t, tinyRun(model, whole)...)
	succeeded(t, append(tinyRun(model, halves), "--steps", "1")...)
	differ := func(words string, args ...string) {
		t.Helper()
		o := azrTrain(t, "", append([]string{"verify", "--same"}, args...)...)
		assert.Equal(t, exitDiffers, o.code, o.stderr)
		assert.Contains(t, o.stderr, words)
	}
	differ("differ in the metrics.jsonl: line 3 of 3 and 2", whole, halves)
	succeeded(t, "resume", halves, "--steps", "1")
	assert.Equal(t, "metrics.jsonl          the same\ntasks and completions  the same\nnewest checkpoint      the same\n", succeeded(t, "verify", "--same", whole, halves))

	succeeded(t, append(tinyRun(model, other), "--seed", "2")...)
	differ("differ in the metrics.jsonl: line ", whole, other)
	differ("tasks and completions: completions: row 2 (", whole, tampered(t, whole, "UPDATE completions SET reward = 7 WHERE seq = 2"))

	refused(t, []string{"two run folders", "got 1"}, "verify", "--same", whole)
	refused(t, []string{"not a run folder", model}, "verify", "--same", whole, model)
	refused(t, []string{"not a run folder", model}, "verify", model)
	refused(t, []string{"--verdicts is negative"}, "verify", "--verdicts", "-1", whole)
}
