package checkpoint

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/azr-train/azr/torch/safetensors"
)

// shardBytes bounds a file of weights: 4 GiB.
const shardBytes = 4 << 30

// Contents is what a checkpoint is made from.
type Contents struct {
	// Companions are the files beside the weights.
	Companions Companions
	// Model are the weights under their Hugging Face names.
	Model []safetensors.Tensor
	// Optimizer are the optimiser's tensors, under names of the run's choice.
	Optimizer []safetensors.Tensor
	State     State
}

// Save writes a checkpoint at dir, in place of one that may be there. On an error
// dir is as it was before. Where the disk is full the error wraps
// [unix.ENOSPC] and says how much was needed and how much is free.
func Save(dir string, c Contents) error {
	if err := save(filepath.Clean(dir), c, shardBytes); err != nil {
		return fmt.Errorf("checkpoint.Save: %w", err)
	}
	return nil
}

func save(dir string, c Contents, shardBytes int64) error {
	companions, err := c.Companions.beside(c.Model)
	if err != nil {
		return err
	}
	files, index, err := shard(c.Model, shardBytes)
	if err != nil {
		return err
	}
	files[optimizerName] = c.Optimizer
	need, err := spaceFor(companions, files)
	if err != nil {
		return err
	}
	c.State.Format = format
	return withSpace(dir, need, func(d *draft) error {
		for _, name := range slices.Sorted(maps.Keys(companions)) {
			if err := d.writeBytes(name, companions[name]); err != nil {
				return err
			}
		}
		for _, name := range slices.Sorted(maps.Keys(files)) {
			if err := d.write(name, func(w io.Writer) error { return safetensors.Write(w, files[name], tensorMetadata) }); err != nil {
				return err
			}
		}
		if index != nil {
			if err := d.writeJSON(safetensors.IndexName, index); err != nil {
				return err
			}
		}
		if err := d.writeJSON(stateName, c.State); err != nil {
			return err
		}
		if err := d.writeJSON(manifestName, manifest{format, d.files}); err != nil {
			return err
		}
		return d.commit(true)
	})
}

// block is what a file's end may take beyond its bytes, on file systems of the usual block size.
const block = 4096

// spaceFor returns the bytes that a checkpoint takes on the disk.
func spaceFor(companions Companions, files map[string][]safetensors.Tensor) (int64, error) {
	need := int64(1 << 16) // for the manifest, the state and the index
	for _, content := range companions {
		need += int64(len(content)) + block
	}
	for _, tensors := range files {
		size, err := safetensors.Size(tensors, tensorMetadata)
		if err != nil {
			return 0, err
		}
		need += size + block
	}
	return need, nil
}

// withSpace fills a draft of dir for which need bytes are wanted. A full disk
// becomes an error with the numbers, whether it shows before or while writing.
func withSpace(dir string, need int64, fill func(*draft) error) error {
	d, err := newDraft(dir)
	if err == nil {
		defer d.close()
		if free, ok := freeBytes(dir); ok && free < need {
			err = unix.ENOSPC
		} else {
			err = fill(d)
		}
	}
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		if d != nil {
			d.close() // gives the space back before it is counted
		}
		free, _ := freeBytes(dir)
		got := mebibytes(math.Floor, free) + " free"
		if free >= need {
			got += " now, and less while it was written"
		}
		return fmt.Errorf("%w for %s; got %s, want %s; nothing was changed, earlier checkpoints are intact",
			unix.ENOSPC, dir, got, mebibytes(math.Ceil, need))
	}
	return err
}

// freeBytes returns what an ordinary user may still write beside dir.
func freeBytes(dir string) (int64, bool) {
	var stat unix.Statfs_t
	if err := unix.Statfs(filepath.Dir(dir), &stat); err != nil {
		return 0, false
	}
	return int64(stat.Bavail) * stat.Bsize, true
}

// mebibytes is n rounded to a tenth: what is wanted up and what is there down, so that too little never looks enough.
func mebibytes(round func(float64) float64, n int64) string {
	return fmt.Sprintf("%.1f MiB", round(float64(n)/(1<<20)*10)/10)
}
