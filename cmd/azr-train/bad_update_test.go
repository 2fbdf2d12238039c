package main

import (
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/monitor"
	"github.com/azr-train/azr/trainer"
)

// A step that is not finite is set aside with the weights before it; replay finds the sample; and too many in a row end the run.
func TestAnUpdateThatIsNotFiniteIsSetAside(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	run := filepath.Join(t.TempDir(), "run")
	succeeded(t, append(tinyRun(tinyModel(t), run), "--set", "bad_updates=1")...)
	folder, config, err := openRunFolder(run)
	require.NoError(t, err)
	last := filepath.Join(run, "checkpoints", "step-000002")
	var written lines
	log := zerolog.New(&written)
	s, err := openRun(t.Context(), folder, config, last, true, nil, output{display: monitor.NewQuiet(log), log: log})
	require.NoError(t, err)
	s.saved = 2
	samples := []azr.Sample{
		{ID: azr.SampleID{Step: 3, Index: 1}, PromptIDs: []int32{1, 2}, ResponseIDs: []int32{3}, LogProbs: []float32{-6}, Temperature: 1, Reward: 1},
		{ID: azr.SampleID{Step: 3, Index: 2}, PromptIDs: []int32{1, 2}, ResponseIDs: []int32{4, 5}, LogProbs: []float32{-6, float32(math.NaN())}, Temperature: 1},
	}
	before := weightsOf(s)
	_, err = s.trainer.Step(t.Context(), samples)
	require.ErrorIs(t, err, trainer.ErrNotFinite)
	require.NoError(t, s.setAside(3, samples, err, false))
	assert.Equal(t, before, weightsOf(s))
	assert.Contains(t, string(written), "the step is not learnt from")
	require.ErrorContains(t, s.setAside(4, samples, err, false), "2 updates in a row were left out, at most 1 may be")
	assert.FileExists(t, filepath.Join(run, "checkpoints", "step-000003", "state.json"), "the weights before step 4")
	s.close(nil)

	file := filepath.Join(run, "bad-updates", "step-000003.json")
	o := azrTrain(t, "", "replay", file)
	assert.Equal(t, exitBadInput, o.code, "the checkpoint of step 2 is pruned")
	assert.Contains(t, o.stderr, "the weights are gone")
	o = azrTrain(t, "", "replay", filepath.Join(run, "bad-updates", "step-000004.json"))
	assert.Equal(t, exitDiffers, o.code, o.stderr)
	assert.Equal(t, samples[1].ID.String()+": advantage -1, loss NaN, norm of gradients NaN\nstep 4: 2 samples, 1 not finite by themselves\n", o.stdout)

	refused(t, []string{"no such file"}, "replay", filepath.Join(run, "nothing.json"))
	bad := filepath.Join(run, "bad-updates", "bad.json")
	require.NoError(t, os.WriteFile(bad, []byte(`{"format": 2}`), 0o644))
	refused(t, []string{"written by a newer azr-train; got format 2, want at most 1"}, "replay", bad)
	require.NoError(t, os.WriteFile(bad, []byte(`[`), 0o644))
	refused(t, []string{"no file of bad-updates"}, "replay", bad)
}

// lines are a log's.
type lines []byte

func (l *lines) Write(p []byte) (int, error) { *l = append(*l, p...); return len(p), nil }

func weightsOf(s *session) map[string][]byte {
	found := map[string][]byte{}
	for _, p := range s.model.Parameters() {
		found[p.Name] = p.Var.Bytes()
	}
	return found
}
