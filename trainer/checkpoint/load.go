package checkpoint

import (
	"fmt"
	"path/filepath"

	"github.com/azr-train/azr/torch/safetensors"
)

// Checkpoint is a checkpoint that was found whole.
type Checkpoint struct {
	// Dir is its folder, which is also a model folder.
	Dir   string
	State State
}

// Load verifies the size and checksum of every file of a checkpoint and reads its state.
func Load(dir string) (*Checkpoint, error) {
	c, err := load(dir)
	if err != nil {
		return nil, fmt.Errorf("checkpoint.Load: %w", err)
	}
	return c, nil
}

func load(dir string) (*Checkpoint, error) {
	m, err := readManifest(dir)
	if err != nil {
		return nil, err
	}
	if err := m.verify(dir); err != nil {
		return nil, err
	}
	state, err := readState(dir)
	if err != nil {
		return nil, err
	}
	return &Checkpoint{dir, state}, nil
}

// Model opens the weights; the caller closes them.
func (c *Checkpoint) Model() (*safetensors.Folder, error) { return safetensors.OpenFolder(c.Dir) }

// Optimizer opens the optimiser's tensors; the caller closes them.
func (c *Checkpoint) Optimizer() (*safetensors.File, error) {
	return safetensors.Open(filepath.Join(c.Dir, optimizerName))
}
