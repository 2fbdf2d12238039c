package checkpoint

import (
	"bufio"
	"bytes"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/azr-train/azr/torch/safetensors"
)

func saveSteps(t *testing.T, steps ...int) string {
	run := t.TempDir()
	for _, step := range steps {
		require.NoError(t, Save(Path(run, step), contents(t, step)))
	}
	return run
}

func TestLatestTakesTheOneBeforeACorruptOne(t *testing.T) {
	run := saveSteps(t, 2, 10, 9)
	c, skipped, err := Latest(run)
	require.NoError(t, err)
	assert.Equal(t, 10, c.State.Step)
	assert.Empty(t, skipped)

	flipLastByte(t, filepath.Join(Path(run, 10), "model.safetensors"))
	require.NoError(t, os.Mkdir(Path(run, 11), 0o755))
	c, skipped, err = Latest(run)
	require.NoError(t, err)
	assert.Equal(t, Path(run, 9), c.Dir)
	require.Len(t, skipped, 2)
	assert.ErrorContains(t, skipped[0], "step-000011 is not a checkpoint")
	assert.ErrorContains(t, skipped[1], "step-000010/model.safetensors: corrupt")

	require.NoError(t, Save(Path(run, 10), contents(t, 10))) // the run gets there again
	c, _, err = Latest(run)
	require.NoError(t, err)
	assert.Equal(t, 10, c.State.Step)
}

// What a newer version went on with is not taken back by an older one.
func TestLatestRefusesANewerVersions(t *testing.T) {
	run := saveSteps(t, 1, 2)
	manifest := filepath.Join(Path(run, 2), manifestName)
	text, err := os.ReadFile(manifest)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(manifest, bytes.Replace(text, []byte(`"format": 1`), []byte(`"format": 2`), 1), 0o644))
	c, _, err := Latest(run)
	assert.Nil(t, c)
	assert.ErrorIs(t, err, ErrNewer)
	assert.ErrorContains(t, err, "step-000002/manifest.json: written by a newer azr-train; got format 2, want at most 1; use that newer one")
}

func TestLatestWithoutAny(t *testing.T) {
	_, _, err := Latest(t.TempDir())
	assert.ErrorIs(t, err, ErrNone)
	assert.ErrorContains(t, err, "got none, want one")

	run := saveSteps(t, 1)
	require.NoError(t, os.Rename(Path(run, 1), Path(run, 7)))
	_, skipped, err := Latest(run)
	assert.ErrorIs(t, err, ErrNone)
	require.Len(t, skipped, 1)
	assert.ErrorContains(t, skipped[0], "wrong step; got 1, want 7")
	assert.ErrorContains(t, err, "got 1, the newest not whole: ")
	assert.ErrorContains(t, err, "wrong step; got 1, want 7")
}

func TestListKnowsStepsBySix(t *testing.T) {
	run := t.TempDir()
	for _, name := range []string{"step-000003", "step-1000000", "step-4", "step-000005.bak", ".tmp-azr-step-000006-1", "best"} {
		require.NoError(t, os.MkdirAll(filepath.Join(run, "checkpoints", name), 0o755))
	}
	steps, err := list(run)
	require.NoError(t, err)
	assert.Equal(t, []int{3, 1000000}, steps)
}

func TestPrune(t *testing.T) {
	run := saveSteps(t, 1, 2, 3)
	require.NoError(t, Prune(run, 0))
	require.NoError(t, Prune(run, 3))
	assert.Len(t, names(t, filepath.Join(run, "checkpoints")), 3)
	require.NoError(t, Prune(run, 2))
	assert.Equal(t, []string{"step-000002", "step-000003"}, names(t, filepath.Join(run, "checkpoints")))
	require.NoError(t, Prune(t.TempDir(), 2))
	require.NoError(t, Prune(run, 1, 2))
	assert.Len(t, names(t, filepath.Join(run, "checkpoints")), 2, "the one before the newest is spared")
	require.NoError(t, Prune(run, 1, 9))
	assert.Equal(t, []string{"step-000003"}, names(t, filepath.Join(run, "checkpoints")))
}

func TestLatestRemovesStaleDraftsOnly(t *testing.T) {
	run := saveSteps(t, 1)
	checkpoints := filepath.Join(run, "checkpoints")
	require.NoError(t, os.Mkdir(filepath.Join(checkpoints, ".tmp-azr-step-000002-1"), 0o755))
	inUse, err := newDraft(Path(run, 3))
	require.NoError(t, err)
	defer inUse.close()
	_, _, err = Latest(run)
	require.NoError(t, err)
	assert.Equal(t, []string{filepath.Base(inUse.dir), "step-000001"}, names(t, checkpoints))
}

// TestSaveSurvivesKill runs itself as a process that is killed in the middle of Save.
func TestSaveSurvivesKill(t *testing.T) {
	if run := os.Getenv("CHECKPOINT_TEST_RUN"); run != "" {
		c := contents(t, 2)
		c.Optimizer[0].Data = func() ([]byte, error) {
			fmt.Println("saving")
			select {} // until killed
		}
		_ = Save(Path(run, 2), c)
		return
	}
	run := saveSteps(t, 1)
	child := exec.Command(os.Args[0], "-test.run=^TestSaveSurvivesKill$", "-test.timeout=60s")
	child.Env = append(os.Environ(), "CHECKPOINT_TEST_RUN="+run)
	stdout, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "saving\n", line)
	require.Len(t, names(t, filepath.Join(run, "checkpoints")), 2)
	require.NoError(t, child.Process.Kill())
	assert.Error(t, child.Wait())

	c, skipped, err := Latest(run)
	require.NoError(t, err)
	assert.Empty(t, skipped)
	assert.Equal(t, 1, c.State.Step)
	assert.Equal(t, []string{"step-000001"}, names(t, filepath.Join(run, "checkpoints")))
}

func TestSaveOnAFullDisk(t *testing.T) {
	run := tinyDisk(t, 1<<20)
	require.NoError(t, Save(Path(run, 1), contents(t, 1)))

	big := contents(t, 2)
	big.Model = []safetensors.Tensor{tensor("w", 1<<18, 1)} // 1 MiB: seen before anything is written
	err := Save(Path(run, 2), big)
	assert.ErrorIs(t, err, unix.ENOSPC)
	assert.Regexp(t, "no space left on device for "+Path(run, 2)+`; got [01]\.\d MiB free, want 1\.1 MiB; nothing was changed, earlier checkpoints are intact$`, err.Error())

	c := contents(t, 2)
	write := c.Optimizer[0].Data
	filler := filepath.Join(run, "filler")
	c.Optimizer[0].Data = func() ([]byte, error) { // somebody else takes the space meanwhile
		assert.ErrorIs(t, os.WriteFile(filler, make([]byte, 1<<20), 0o644), unix.ENOSPC)
		return write()
	}
	err = Save(Path(run, 2), c)
	assert.ErrorIs(t, err, unix.ENOSPC)
	assert.ErrorContains(t, err, "earlier checkpoints are intact")
	assert.NotContains(t, err.Error(), "\n")

	assert.Equal(t, []string{"step-000001"}, names(t, filepath.Join(run, "checkpoints")))
	latest, skipped, err := Latest(run)
	require.NoError(t, err)
	assert.Empty(t, skipped)
	assert.Equal(t, 1, latest.State.Step)

	require.NoError(t, os.Remove(filler))
	require.NoError(t, Save(Path(run, 2), contents(t, 2)))
}

func TestTooLittleNeverLooksEnough(t *testing.T) {
	for _, free := range []int64{0, 1, 1<<20 - 1, 1 << 20, 1_992_294} {
		for _, missing := range []int64{1, 100, 60_000} {
			assert.NotEqual(t, mebibytes(math.Floor, free), mebibytes(math.Ceil, free+missing))
		}
	}
}

// tinyDisk mounts a file system of so many bytes.
func tinyDisk(t *testing.T, bytes int) string {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", bytes)); err != nil {
		t.Skipf("skipped: a tmpfs cannot be mounted here (needs root): %v", err)
	}
	t.Cleanup(func() { assert.NoError(t, unix.Unmount(dir, 0)) })
	return dir
}
