package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Self-play brings out what a model can do but has not the habit of: a starter that was taught to answer at once, of
// late, comes back to working through programs, since that is what is rewarded. With shuffled rewards it does not.
func TestSelfPlayBringsOutTraces(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute and a half; left out with -short")
	}
	dir := t.TempDir()
	base, heldOut := filepath.Join(dir, "base"), filepath.Join(dir, "held-out.jsonl")
	succeeded(t, "bootstrap", "--model", "../../starter", "--out", base, "--seed", "1", "--set", "threads=1",
		"--set", "corpus.steps=160", "--set", "corpus.direct=0.3", "--set", "corpus.direct_from=130", "--set", "corpus.direct_last=0.9",
		"--set", "corpus.batch=48", "--set", "trainer.muon_learning_rate=0.01", "--set", "trainer.learning_rate=0.0015",
		"--set", "trainer.decay_from=60", "--set", "trainer.decay_to=160")
	deductions(t, heldOut)
	gain := func(settings ...string) float64 {
		run := filepath.Join(t.TempDir(), "run")
		args := []string{"run", "--quiet", "--json", "--model", base, "--config", "starter", "--run", run, "--seed", "1", "--steps", "8", "--set", "threads=1",
			"--set", "game.batch_size=32", "--set", "game.seed_factor=4", "--set", "game.size.grow=false", "--set", "game.solve_rollouts=2",
			"--set", "held_out.tasks=" + heldOut, "--set", "held_out.every=8", "--set", "trainer.average_decay=0.9"}
		for _, setting := range settings {
			args = append(args, "--set", setting)
		}
		type accuracy struct{ Accuracy float64 }
		var end struct {
			Summary struct {
				HeldOut map[string]struct{ First, Last accuracy } `json:"held_out"`
			}
		}
		lines := bytes.Split(bytes.TrimSpace([]byte(succeeded(t, args...))), []byte("\n"))
		require.NoError(t, json.Unmarshal(lines[len(lines)-1], &end))
		deduction := end.Summary.HeldOut["deduction"]
		t.Logf("%v: %.1f %% to %.1f %%", settings, 100*deduction.First.Accuracy, 100*deduction.Last.Accuracy)
		return 100 * (deduction.Last.Accuracy - deduction.First.Accuracy)
	}
	assert.GreaterOrEqual(t, gain(), 10.0, "points that self-play brings")
	assert.LessOrEqual(t, gain("controls.shuffle_rewards=true"), 3.0, "points that shuffled rewards bring")
}

// deductions writes a file of held-out deduction tasks of one to three statements.
func deductions(t *testing.T, file string) {
	all := file + ".all"
	succeeded(t, "tasks", "make", "--out", all, "--seed", "777", "--per-type", "90", "--size", "1", "--size", "2", "--size", "3", "--induction-size", "1")
	text, err := os.ReadFile(all)
	require.NoError(t, err)
	var kept []byte
	for line := range bytes.Lines(text) {
		if bytes.Contains(line, []byte(`"type":"deduction"`)) {
			kept = append(kept, line...)
		}
	}
	require.NoError(t, os.WriteFile(file, kept, 0o644))
}
