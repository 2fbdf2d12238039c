package checkpoint

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
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
	// Model are the weights under their Hugging Face names, or adapters under PEFT's.
	Model []safetensors.Tensor
	// Optimizer are the optimiser's tensors, under names of the run's choice.
	Optimizer []safetensors.Tensor
	State     State
	// Writing, if it is set, is called before each tensor is written.
	Writing func()
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
	w, err := newWeights(c.Companions, c.Model, shardBytes)
	if err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Dir(dir), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err // not MkdirAll: of a run that was taken away nothing is made anew
	}
	w.files[optimizerName] = c.Optimizer
	w.writing = c.Writing
	c.State.Format = format
	return w.write(dir, func(d *draft) error {
		if err := d.writeJSON(stateName, c.State); err != nil {
			return err
		}
		if err := d.writeJSON(manifestName, manifest{format, d.files}); err != nil {
			return err
		}
		return d.commit(true)
	})
}

// WriteModel writes an ordinary model folder at dir, which must not exist. On an error nothing is left there.
func WriteModel(dir string, companions Companions, model []safetensors.Tensor) error {
	dir = filepath.Clean(dir)
	err := placeNew(dir)
	if err == nil {
		var w *weights
		if w, err = newWeights(companions, model, shardBytes); err == nil {
			err = w.write(dir, func(d *draft) error { return d.commit(false) })
		}
	}
	if err != nil {
		return fmt.Errorf("checkpoint.WriteModel: %w", err)
	}
	return nil
}

// weights are a model folder to be written: the files beside the weights, those of the weights, and their index if
// there are many.
type weights struct {
	companions Companions
	files      map[string][]safetensors.Tensor
	index      *index
	writing    func()
}

func newWeights(companions Companions, model []safetensors.Tensor, shardBytes int64) (*weights, error) {
	if companions.ofAdapters() {
		return &weights{companions: companions, files: map[string][]safetensors.Tensor{safetensors.AdaptersName: model}}, nil
	}
	companions, err := companions.beside(model)
	if err != nil {
		return nil, err
	}
	files, index, err := shard(model, shardBytes)
	return &weights{companions: companions, files: files, index: index}, err
}

// write drafts dir with all files; finish adds to the draft and commits it.
func (w *weights) write(dir string, finish func(*draft) error) error {
	need, err := spaceFor(w.companions, w.files)
	if err != nil {
		return err
	}
	return withSpace(dir, need, func(d *draft) error {
		for _, name := range slices.Sorted(maps.Keys(w.companions)) {
			if err := d.writeBytes(name, w.companions[name]); err != nil {
				return err
			}
		}
		for _, name := range slices.Sorted(maps.Keys(w.files)) {
			if err := d.write(name, func(to io.Writer) error { return safetensors.Write(to, w.told(w.files[name]), tensorMetadata) }); err != nil {
				return err
			}
		}
		if w.index != nil {
			if err := d.writeJSON(safetensors.IndexName, w.index); err != nil {
				return err
			}
		}
		return finish(d)
	})
}

// told has writing called before each of the tensors is written.
func (w *weights) told(tensors []safetensors.Tensor) []safetensors.Tensor {
	if w.writing == nil {
		return tensors
	}
	tensors = slices.Clone(tensors)
	for i, t := range tensors {
		tensors[i].Data = func() ([]byte, error) {
			w.writing()
			return t.Data()
		}
	}
	return tensors
}

// block is what a file's end may take beyond its bytes, on file systems of the usual block size.
const block = 4096

// spaceFor returns the bytes that a checkpoint takes.
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
