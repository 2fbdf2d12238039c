package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

const (
	checkpointsName = "checkpoints"
	stepPrefix      = "step-"
)

// ErrNone says that a run has no checkpoint to continue from.
var ErrNone = errors.New("no valid checkpoint")

// Path returns where a run keeps the checkpoint of a step, for example
// runs/a/checkpoints/step-000012.
func Path(runDir string, step int) string {
	return filepath.Join(runDir, checkpointsName, fmt.Sprintf("%s%06d", stepPrefix, step))
}

// Latest loads the newest checkpoint of a run that is whole. Skipped says, newest
// first, why newer ones were not used. The error wraps [ErrNone] where there is
// none, and [ErrNewer] where the newest is another version's; it also removes what a killed Save left.
func Latest(runDir string) (c *Checkpoint, skipped []error, err error) {
	steps, err := list(runDir)
	if err == nil && steps != nil {
		err = removeStale(filepath.Join(runDir, checkpointsName), draftPrefix+stepPrefix)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("checkpoint.Latest: %w", err)
	}
	var newest error
	for _, step := range slices.Backward(steps) {
		dir := Path(runDir, step)
		c, err := load(dir)
		if err == nil && c.State.Step != step {
			err = fmt.Errorf("%s: wrong step; got %d, want %d", filepath.Join(dir, stateName), c.State.Step, step)
		}
		if err == nil {
			return c, skipped, nil
		}
		if errors.Is(err, ErrNewer) { // an older one would take the run back behind what that version did
			return nil, skipped, fmt.Errorf("checkpoint.Latest: %w", err)
		}
		if newest == nil {
			newest = err
		}
		skipped = append(skipped, fmt.Errorf("checkpoint.Latest: %w", err))
	}
	if newest != nil {
		return nil, skipped, fmt.Errorf("checkpoint.Latest: %w in %s; got %d, the newest not whole: %w", ErrNone, runDir, len(skipped), newest)
	}
	return nil, nil, fmt.Errorf("checkpoint.Latest: %w in %s; got none, want one; hint: a run has one after its first steps", ErrNone, runDir)
}

// Prune removes all checkpoints of a run but the newest keep and those of the given steps; with keep 0 or less it removes none.
func Prune(runDir string, keep int, but ...int) error {
	steps, err := list(runDir)
	if err != nil {
		return fmt.Errorf("checkpoint.Prune: %w", err)
	}
	if keep <= 0 || len(steps) <= keep {
		return nil
	}
	for _, step := range steps[:len(steps)-keep] {
		if slices.Contains(but, step) {
			continue
		}
		dir := Path(runDir, step)
		// Under a draft's name first: a half-removed folder must not look like a checkpoint.
		gone := filepath.Join(filepath.Dir(dir), draftPrefix+filepath.Base(dir)+"-pruned")
		if err := os.Rename(dir, gone); err != nil {
			return fmt.Errorf("checkpoint.Prune: %w", err)
		}
		if err := os.RemoveAll(gone); err != nil {
			return fmt.Errorf("checkpoint.Prune: %w", err)
		}
	}
	return nil
}

// list returns the steps that a run has checkpoints of, ascending; whole or not.
func list(runDir string) ([]int, error) {
	entries, err := os.ReadDir(filepath.Join(runDir, checkpointsName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	steps := []int{}
	for _, e := range entries {
		var step int
		if n, _ := fmt.Sscanf(e.Name(), stepPrefix+"%d", &step); n == 1 && filepath.Base(Path(runDir, step)) == e.Name() {
			steps = append(steps, step)
		}
	}
	slices.Sort(steps)
	return steps, nil
}
