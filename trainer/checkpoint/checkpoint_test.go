package checkpoint

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/torch/safetensors"
)

// tensor returns an F32 tensor of n elements whose bytes are all fill.
func tensor(name string, n int, fill byte) safetensors.Tensor {
	return safetensors.Tensor{Name: name, DType: safetensors.F32, Shape: []int64{int64(n)}, Data: func() ([]byte, error) {
		return []byte(strings.Repeat(string(rune(fill)), 4*n)), nil
	}}
}

// sourceFolder makes a model folder without weights.
func sourceFolder(t testing.TB) string {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"config.json":            `{"model_type": "llama", "rope_theta": 1e5, "torch_dtype": "bfloat16"}`,
		"generation_config.json": `{"eos_token_id": 2}`,
		"tokenizer.json":         `{"version": "1.0"}`,
		"README.md":              "not a part of the model",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
	}
	return dir
}

// contents is a small checkpoint of a step.
func contents(t testing.TB, step int) Contents {
	companions, err := ReadCompanions(sourceFolder(t))
	require.NoError(t, err)
	c := Contents{
		Companions: companions,
		Model:      []safetensors.Tensor{tensor("w.b", 3, byte(step)), tensor("w.a", 2, 7), tensor("w.c", 4, 8)},
		Optimizer:  []safetensors.Tensor{tensor("exp_avg/w.a", 2, 9)},
		State: State{Step: step, Seed: 1<<64 - 1, Offsets: map[string]int64{"metrics.jsonl": 1 << 53},
			Provenance: Provenance{"seed: 3\n", map[string]string{"azr-train": "1"}, map[string]string{"solve": "ab"}}},
	}
	require.NoError(t, c.State.Put("optimizer_step", 41))
	return c
}

func names(t *testing.T, dir string) []string {
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	list := []string{}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func TestSaveAndLoad(t *testing.T) {
	run := t.TempDir()
	dir := Path(run, 12)
	assert.Equal(t, filepath.Join(run, "checkpoints", "step-000012"), dir)
	want := contents(t, 12)
	written := 0
	want.Writing = func() { written++ }
	require.NoError(t, Save(dir, want))
	assert.Equal(t, 4, written, "tensors of the model and the optimiser")
	assert.Equal(t, []string{"config.json", "generation_config.json", "manifest.json", "model.safetensors",
		"optimizer.safetensors", "state.json", "tokenizer.json"}, names(t, dir))
	assert.Equal(t, []string{"step-000012"}, names(t, filepath.Dir(dir)))

	c, err := Load(dir)
	require.NoError(t, err)
	want.State.Format = format
	extra := want.State.Extra
	c.State.Extra, want.State.Extra = nil, nil
	assert.Equal(t, want.State, c.State)
	var n int
	ok, err := State{Extra: extra}.Get("optimizer_step", &n)
	require.NoError(t, err)
	assert.True(t, ok)
	assert.Equal(t, 41, n)

	model, err := c.Model()
	require.NoError(t, err)
	defer model.Close()
	data, err := model.Read("w.b")
	require.NoError(t, err)
	assert.Equal(t, []byte(strings.Repeat("\x0c", 12)), data)
	optimizer, err := c.Optimizer()
	require.NoError(t, err)
	defer optimizer.Close()
	assert.Equal(t, "exp_avg/w.a", optimizer.Tensors()[0].Name)
}

func TestLatestProvenance(t *testing.T) {
	run := t.TempDir()
	_, dir, err := LatestProvenance(run)
	require.NoError(t, err)
	assert.Empty(t, dir)
	require.NoError(t, Save(Path(run, 2), contents(t, 2)))
	require.NoError(t, Save(Path(run, 10), contents(t, 10)))
	p, dir, err := LatestProvenance(run)
	require.NoError(t, err)
	assert.Equal(t, Path(run, 10), dir)
	assert.Equal(t, contents(t, 10).State.Provenance, p)
	require.NoError(t, os.WriteFile(filepath.Join(dir, stateName), []byte("{"), 0o644))
	_, _, err = LatestProvenance(run)
	assert.ErrorContains(t, err, "checkpoint.LatestProvenance: ")
}

func TestSaveIsDeterministic(t *testing.T) {
	a, b := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
	require.NoError(t, Save(a, contents(t, 3)))
	require.NoError(t, Save(b, contents(t, 3)))
	manifestA, err := os.ReadFile(filepath.Join(a, manifestName))
	require.NoError(t, err)
	manifestB, err := os.ReadFile(filepath.Join(b, manifestName))
	require.NoError(t, err)
	assert.Equal(t, string(manifestA), string(manifestB))
}

func TestConfigFollowsTheWeights(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "c")
	require.NoError(t, Save(dir, contents(t, 1)))
	text, err := os.ReadFile(filepath.Join(dir, configName))
	require.NoError(t, err)
	assert.JSONEq(t, `{"model_type": "llama", "rope_theta": 1e5, "torch_dtype": "float32"}`, string(text))
	assert.Contains(t, string(text), `1e5`) // numbers keep their spelling
}

func TestSaveInShards(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "c")
	require.NoError(t, save(dir, contents(t, 5), 20)) // a takes 8 bytes, b 12, c 16
	assert.Subset(t, names(t, dir), []string{"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json"})
	assert.NotContains(t, names(t, dir), "model.safetensors")
	c, err := Load(dir)
	require.NoError(t, err)
	model, err := c.Model()
	require.NoError(t, err)
	defer model.Close()
	assert.Len(t, model.Tensors(), 3)

	var x index
	require.NoError(t, readJSON(filepath.Join(dir, safetensors.IndexName), &x))
	assert.EqualValues(t, 36, x.Metadata["total_size"])
	assert.Equal(t, "model-00002-of-00002.safetensors", x.WeightMap["w.c"])

	out := filepath.Join(t.TempDir(), "out")
	require.NoError(t, Export(dir, out))
	assert.Subset(t, names(t, out), []string{"model-00001-of-00002.safetensors", "model.safetensors.index.json"})
}

func TestSaveReplacesAnOlderOne(t *testing.T) {
	run := t.TempDir()
	dir := Path(run, 4)
	require.NoError(t, save(dir, contents(t, 4), 20))
	require.NoError(t, Save(dir, contents(t, 4)))
	assert.Contains(t, names(t, dir), "model.safetensors")
	assert.NotContains(t, names(t, dir), safetensors.IndexName)
	assert.Equal(t, []string{"step-000004"}, names(t, filepath.Dir(dir)))
}

func TestMoveIntoPlaceWithoutExchange(t *testing.T) {
	target := filepath.Join(t.TempDir(), "c")
	for _, content := range []string{"first", "second"} {
		d, err := newDraft(target)
		require.NoError(t, err)
		require.NoError(t, d.writeBytes("file", []byte(content)))
		require.NoError(t, d.moveIntoPlace(true))
		d.close()
		text, err := os.ReadFile(filepath.Join(target, "file"))
		require.NoError(t, err)
		assert.Equal(t, content, string(text))
	}
	assert.Equal(t, []string{"c"}, names(t, filepath.Dir(target)))
	d, err := newDraft(target)
	require.NoError(t, err)
	assert.ErrorIs(t, d.moveIntoPlace(false), os.ErrExist)
	d.close()
	assert.Equal(t, []string{"c"}, names(t, filepath.Dir(target)))
}

func TestSaveRefusesWhatIsNoModel(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "c")
	_, err := ReadCompanions(t.TempDir())
	assert.ErrorContains(t, err, "config.json: no such file")
	c := contents(t, 1)
	c.Model = append(c.Model, c.Model[0])
	assert.ErrorContains(t, Save(dir, c), `bad name of a tensor; got "w.b"`)
	assert.Empty(t, names(t, filepath.Dir(dir)))
}

func TestExport(t *testing.T) {
	dir, out := Path(t.TempDir(), 2), filepath.Join(t.TempDir(), "deep", "out")
	require.NoError(t, Save(dir, contents(t, 2)))
	require.NoError(t, Export(dir, out))
	assert.Equal(t, []string{"config.json", "generation_config.json", "model.safetensors", "tokenizer.json"}, names(t, out))
	for _, name := range names(t, out) {
		want, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Join(out, name))
		require.NoError(t, err)
		assert.Equal(t, want, got, name)
	}
	stat, err := os.Stat(out)
	require.NoError(t, err)
	assert.NotZero(t, stat.Mode()&0o500)
	assert.ErrorIs(t, Export(dir, out), os.ErrExist)
	assert.ErrorContains(t, Export(out, out+"2"), "is not a checkpoint: it has no manifest.json")
	assert.Equal(t, []string{"out"}, names(t, filepath.Dir(out)))
}

func TestExportRefusesCorruptWeights(t *testing.T) {
	dir, out := Path(t.TempDir(), 2), filepath.Join(t.TempDir(), "out")
	require.NoError(t, Save(dir, contents(t, 2)))
	flipLastByte(t, filepath.Join(dir, "model.safetensors"))
	assert.ErrorContains(t, Export(dir, out), "model.safetensors: corrupt")
	assert.Empty(t, names(t, filepath.Dir(out)))
}

func flipLastByte(t *testing.T, path string) {
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	content[len(content)-1] ^= 1
	require.NoError(t, os.WriteFile(path, content, 0o644))
}

func TestLoadRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		damage func(t *testing.T, dir string)
		want   string
	}{
		"flipped bit": {func(t *testing.T, dir string) { flipLastByte(t, filepath.Join(dir, "optimizer.safetensors")) }, "optimizer.safetensors: corrupt; got"},
		"cut": {func(t *testing.T, dir string) {
			require.NoError(t, os.Truncate(filepath.Join(dir, "model.safetensors"), 100))
		}, "model.safetensors: wrong size; got 100 bytes, want"},
		"missing":     {func(t *testing.T, dir string) { require.NoError(t, os.Remove(filepath.Join(dir, "tokenizer.json"))) }, "tokenizer.json: no such file"},
		"no manifest": {func(t *testing.T, dir string) { require.NoError(t, os.Remove(filepath.Join(dir, "manifest.json"))) }, "is not a checkpoint"},
		"bad manifest": {func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "manifest.json"), []byte(`{"format": 1, "files": {"../x": {}}}`), 0o644))
		}, `bad entry; got "../x"`},
		"a newer format": {func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "manifest.json"), []byte(`{"format": 2}`), 0o644))
		}, "written by a newer azr-train; got format 2, want at most 1"},
		"no format": {func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "manifest.json"), []byte(`{}`), 0o644))
		}, "no format of azr-train; got 0, want 1"},
		"empty manifest": {func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "manifest.json"), []byte(`{"format": 1}`), 0o644))
		}, "incomplete; want an entry for state.json"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "c")
			require.NoError(t, Save(dir, contents(t, 1)))
			c.damage(t, dir)
			_, err := Load(dir)
			require.ErrorContains(t, err, c.want)
			assert.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestStateKeepsWhatItIsGiven(t *testing.T) {
	var s State
	require.NoError(t, s.Put("n", uint64(1<<63+1)))
	text, err := json.Marshal(s)
	require.NoError(t, err)
	var back State
	require.NoError(t, json.Unmarshal(text, &back))
	var n uint64
	ok, err := back.Get("n", &n)
	assert.True(t, ok && err == nil)
	assert.Equal(t, uint64(1<<63+1), n)
	ok, err = back.Get("none", &n)
	assert.False(t, ok || err != nil)
	_, err = back.Get("n", &s)
	assert.ErrorContains(t, err, `checkpoint.Get: "n" does not fit`)
	assert.ErrorContains(t, s.Put("f", func() {}), `checkpoint.Put: "f" cannot be kept`)
}

func TestSaveStopsAtAnError(t *testing.T) {
	run, gone := t.TempDir(), errors.New("device is gone")
	require.NoError(t, Save(Path(run, 1), contents(t, 1)))
	c := contents(t, 2)
	c.Optimizer[0].Data = func() ([]byte, error) { return nil, gone } // the weights are written by then
	assert.ErrorIs(t, Save(Path(run, 2), c), gone)
	c.Optimizer[0].Data = func() ([]byte, error) { panic(gone) }
	assert.PanicsWithValue(t, gone, func() { _ = Save(Path(run, 2), c) })
	assert.Equal(t, []string{"step-000001"}, names(t, filepath.Join(run, "checkpoints")))
}
