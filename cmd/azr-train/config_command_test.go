package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/configs"
)

// succeeded runs a command that must succeed and returns what it printed.
func succeeded(t *testing.T, args ...string) string {
	t.Helper()
	o := azrTrain(t, "", args...)
	require.Zero(t, o.code, o.stderr)
	return o.stdout
}

func TestLayersOfTheCommandLine(t *testing.T) {
	mine := writeConfig(t, "preset: quickstart\nsteps: 11\nseed: 12\ndevice: cuda\n")
	over := writeConfig(t, "seed: 13\n")
	text := succeeded(t, "config", "show", "--config", mine, "--config", over, "--steps", "21", "--device", "cpu",
		"--set", "device=auto", "--model", "a: b", "--set", "game.solve={max_tokens: 5}")
	for _, line := range []string{
		"model: \"a: b\"  # --model", "seed: 13  # " + over, "steps: 21  # --steps", "device: auto  # --set",
		"  batch_size: 8  # quickstart", "    max_tokens: 5  # --set", "    temperature: 0.8  # quickstart", "  weight_decay: 0.01",
	} {
		assert.Contains(t, text, line+"\n")
	}
	again := writeConfig(t, text)
	var first, second Config
	require.NoError(t, configs.Over(&first).Text("first", text))
	require.NoError(t, configs.Over(&second).Text("second", succeeded(t, "config", "show", "--config", again)))
	assert.Empty(t, configs.Diff(&first, &second))
	assert.Empty(t, succeeded(t, "config", "diff", again, again))
}

func TestConfigOfARun(t *testing.T) {
	model, run := tinyModel(t), filepath.Join(t.TempDir(), "run")
	succeeded(t, append(tinyRun(model, run), "--steps", "0")...)
	text := succeeded(t, "config", "show", run)
	for _, line := range []string{"model: " + model + "  # --model", "steps: 0  # --steps", "  batch_size: 2  # --set", "  learning_rate: 1.0e-05  # quickstart"} {
		assert.Contains(t, text, line+"\n")
	}
	rows := strings.Split(succeeded(t, "config", "diff", "quickstart", run), "\n")
	assert.Regexp(t, `^key +quickstart +`+run+`$`, rows[0])
	assert.Regexp(t, `^model +"" +`+model+`$`, rows[1])
	assert.Regexp(t, `^steps +3 +0$`, rows[2])
	assert.Regexp(t, `^game.batch_size +8 +2$`, rows[3])
}

func TestConfigExplain(t *testing.T) {
	text := succeeded(t, "config", "explain", "trainer.clip_high")
	for _, words := range []string{"trainer.clip_high\n", "bounds the probability ratio from above", "type               a number\n",
		"allowed            0 to 100\n", "default            0.2\n", "original-code      0.28\n"} {
		assert.Contains(t, text, words)
	}
	assert.NotContains(t, text, "quickstart")

	text = succeeded(t, "config", "explain", "game.rewards")
	assert.Contains(t, text, "game.rewards\n\nrewards are the constants of equations 4 to 6.\n")
	assert.Regexp(t, `(?m)^  game.rewards.right +right is the solver's reward for a right answer`, text)
	assert.NotContains(t, text, "game.batch_size")

	config := defaultConfig()
	all := succeeded(t, "config", "explain")
	for _, k := range configs.Keys(&config) {
		if !k.Section {
			assert.Regexp(t, `(?m)^  `+k.Path+` +\w`, all)
		}
	}
}

// The ranges come from the validation itself.
func TestAllowedValues(t *testing.T) {
	config := defaultConfig()
	got := map[string]string{}
	for _, k := range configs.Keys(&config) {
		if !k.Section {
			got[k.Path] = allowed(k)
		}
	}
	for key, want := range map[string]string{
		"rollout.slots": "1 to 4096", "game.rollouts": "at least 1; at most 1048576", "trainer.whitening": `"sequence" or "token"`,
		"executor.timeout": "at least 1ms", "executor.require": `one of ["none" "minimal" "lite" "full"]`,
		"executor.memory":          `a whole number of B, KiB, MiB, GiB or TiB such as "512MiB"; at least 64MiB`,
		"game.propose.temperature": "0 to 100; at least 0.01: these samples are drawn to learn from or to count",
		"checkpoint.keep":          "0 or more", "game.duplicate_reward": `one of ["invalid" "learnability"]`,
		"seed": "", "model": "", "executor.gate": "",
	} {
		assert.Equal(t, want, got[key], key)
	}
}

func TestConfigPresets(t *testing.T) {
	text := succeeded(t, "config", "presets")
	for _, name := range configs.Names() {
		assert.Regexp(t, `(?m)^`+name+`\n  .+\n  Needs .+\n  (Never run|Run )`, text)
	}
}
