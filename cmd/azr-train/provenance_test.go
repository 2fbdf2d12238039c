package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/trainer/checkpoint"
)

func TestChanged(t *testing.T) {
	before := checkpoint.Provenance{
		Config:    "steps: 3\ngame:\n  batch_size: 8\n",
		Versions:  map[string]string{"libtorch": "2.14.0", "python": "3.11.2", "go": "go1.26"},
		Templates: map[string]string{"chat/a.tmpl": "1", "chat/b.tmpl": "2"},
	}
	assert.Empty(t, changed(before, before))
	now := checkpoint.Provenance{
		Config:    "steps: 3\ngame:\n  batch_size: 9\n",
		Versions:  map[string]string{"libtorch": "2.15.0", "go": "go1.26", "executor level": "full"},
		Templates: map[string]string{"chat/a.tmpl": "1", "chat/b.tmpl": "3"},
	}
	assert.Equal(t, []string{"executor level full, was none", "libtorch 2.15.0, was 2.14.0", "python none, was 3.11.2",
		"prompt template chat/b.tmpl", "game.batch_size 9, was 8"}, changed(before, now))
	now.Config = "an_older_key: 3\n"
	assert.Contains(t, changed(before, now), "the configuration")
}

func TestCheckpointsTellHowTheyCameAbout(t *testing.T) {
	model, run := tinyModel(t), filepath.Join(t.TempDir(), "run")
	succeeded(t, append(tinyRun(model, run), "--steps", "1")...)
	var seen inspection
	require.NoError(t, json.Unmarshal([]byte(succeeded(t, "inspect", run, "--json")), &seen))
	require.NotNil(t, seen.Provenance)
	assert.Contains(t, seen.Provenance.Config, "\n  batch_size: 2\n")
	assert.Len(t, seen.Provenance.Templates["completion/solve_deduction.tmpl"], 64)
	for _, name := range []string{"azr-train", "libtorch", "tokenizers", "go", "python", "executor level"} {
		assert.NotEmpty(t, seen.Provenance.Versions[name], name)
	}
	text := succeeded(t, "inspect", run)
	assert.Contains(t, text, "the newest checkpoint was written with\n")
	assert.Regexp(t, `(?m)^  completion/solve_deduction.tmpl +sha256 [0-9a-f]{12}$`, text)
	assert.Regexp(t, `(?m)^  libtorch +`+seen.Provenance.Versions["libtorch"]+`$`, text)

	o := azrTrain(t, "", "resume", run, "--steps", "0")
	require.Zero(t, o.code, o.stderr)
	assert.NotContains(t, o.stderr, "other conditions")

	t.Chdir(filepath.Dir(run))
	o = azrTrain(t, "", "resume", filepath.Base(run), "--steps", "0")
	require.Zero(t, o.code, o.stderr)
	assert.NotContains(t, o.stderr, "other conditions", "the folder has another name from here")

	path := filepath.Join(run, configFile)
	config, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(config), "entropy_coefficient: 0.001", "entropy_coefficient: 0", 1)), 0o644))
	o = azrTrain(t, "", "resume", run, "--steps", "0")
	require.Zero(t, o.code, o.stderr)
	assert.Equal(t, 1, strings.Count(o.stderr, "other conditions"))
	assert.Contains(t, o.stderr, `"changed":["trainer.entropy_coefficient 0, was 0.001"]`)
}

func TestModelFromTheCache(t *testing.T) {
	const hash = "0123456789abcdef0123456789abcdef01234567"
	cache := t.TempDir()
	t.Setenv("HF_HUB_CACHE", cache)
	repo := filepath.Join(cache, "models--org--tiny")
	require.NoError(t, os.MkdirAll(filepath.Join(repo, "refs"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(repo, "refs", "main"), []byte(hash), 0o644))
	require.NoError(t, os.MkdirAll(filepath.Join(repo, "snapshots", hash), 0o755))
	model := tinyModel(t)
	files, err := os.ReadDir(model)
	require.NoError(t, err)
	for _, f := range files { // as the cache has them: links
		require.NoError(t, os.Symlink(filepath.Join(model, f.Name()), filepath.Join(repo, "snapshots", hash, f.Name())))
	}
	const line = `{"ids":[5,6,7]}` + "\n"
	byName, byFolder := azrTrain(t, line, "score", "--model", "org/tiny"), azrTrain(t, line, "score", "--model", model)
	require.Zero(t, byName.code, byName.stderr)
	assert.Equal(t, byFolder.stdout, byName.stdout)
	succeeded(t, "generate", "--model", "org/tiny@main", "--prompt", "def", "--max-tokens", "2")

	run := filepath.Join(t.TempDir(), "run")
	succeeded(t, append(tinyRun("org/tiny", run), "--steps", "0")...)
	assert.Contains(t, succeeded(t, "config", "show", run), "model: "+filepath.Join(repo, "snapshots", hash)+"  # --model\n")

	parent := filepath.Join(t.TempDir(), "runs")
	refused(t, []string{"org/tinny", cache, "did you mean org/tiny?"}, tinyRun("org/tinny", filepath.Join(parent, "run"))...)
	assert.NoDirExists(t, parent)
	tasks := filepath.Join(t.TempDir(), "tasks.jsonl")
	require.NoError(t, os.WriteFile(tasks, []byte(`{"type":"deduction","program":"def f(x):\n    return x","examples":[{"input":"1","output":"1"}]}`+"\n"), 0o644))
	refused(t, []string{"org/tinny", cache}, "eval", "--model", "org/tinny", "--tasks", tasks)
	refused(t, []string{"../org/tiny", "want a folder"}, "generate", "--model", "../org/tiny", "--prompt", "def")
}

// refused wants one line with words, and exit code 2.
func refused(t *testing.T, words []string, args ...string) {
	t.Helper()
	badInput{args: args, words: words}.refuse(t, "", "", "")
}
