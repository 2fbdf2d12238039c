package trainer

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/torch"
	"github.com/azr-train/azr/torch/safetensors"
)

func save(t *testing.T, path string, tensors []safetensors.Tensor) {
	f, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, safetensors.Write(f, tensors, nil))
	require.NoError(t, f.Close())
}

func optimizerOf(t *testing.T, tr *Trainer) []safetensors.Tensor {
	list, release, err := tr.Optimizer()
	require.NoError(t, err)
	t.Cleanup(release)
	return list
}

// reload makes a model and a trainer of what m and tr write to a folder.
func reload(t *testing.T, c Config, m *model.Decoder, tr *Trainer) (*model.Decoder, *Trainer) {
	dir := t.TempDir()
	config, err := os.ReadFile("../testdata/tiny/llama-gqa/config.json")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "config.json"), config, 0o644))
	save(t, filepath.Join(dir, safetensors.SingleName), tr.Model())
	save(t, filepath.Join(dir, "optimizer.safetensors"), optimizerOf(t, tr))

	again, err := model.Load(dir, m.DType, torch.CPU)
	require.NoError(t, err)
	t.Cleanup(again.Free)
	resumed := newTrainer(t, c, again)
	file, err := safetensors.Open(filepath.Join(dir, "optimizer.safetensors"))
	require.NoError(t, err)
	defer file.Close()
	require.NoError(t, resumed.Restore(file, tr.Updates()))
	resumed.SetMemory(tr.Memory())
	return again, resumed
}

func TestResumedEqualsUninterrupted(t *testing.T) {
	all := testConfig()
	all.Optimizer, all.AverageDecay, all.Minibatches, all.Replay.Count = Muon, 0.9, 2, 4
	for name, c := range map[string]Config{"paper": testConfig(), "muon, averages and replay": all} {
		t.Run(name, func(t *testing.T) {
			m := load(t, "llama-gqa")
			tr := newTrainer(t, c, m)
			for step := range 2 {
				_, err := tr.Step(t.Context(), randomSamples(uint64(step), m.Config.VocabSize, 12))
				require.NoError(t, err)
			}
			again, resumed := reload(t, c, m, tr)
			assert.Equal(t, 2*c.Minibatches, resumed.Updates())
			samples := randomSamples(2, m.Config.VocabSize, 12)
			want, err := tr.Step(t.Context(), samples)
			require.NoError(t, err)
			got, err := resumed.Step(t.Context(), samples)
			require.NoError(t, err)
			assert.Equal(t, want, got)
			assert.Equal(t, weights(m), weights(again))
		})
	}
}

func TestRestoreRefusesAnotherModelsState(t *testing.T) {
	wide := load(t, "llama-wide")
	path := filepath.Join(t.TempDir(), "optimizer.safetensors")
	save(t, path, optimizerOf(t, newTrainer(t, testConfig(), wide)))
	file, err := safetensors.Open(path)
	require.NoError(t, err)
	defer file.Close()
	tr, err := New(testConfig(), load(t, "llama-gqa"), azr.NoProgress{})
	require.NoError(t, err)
	defer tr.Close()
	err = tr.Restore(file, 3)
	require.ErrorContains(t, err, "does not fit the model")
	assert.NotContains(t, err.Error(), "\n")
	assert.Zero(t, tr.Updates())
}
