package checkpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/azr-train/azr/wholefile"
)

// format is the version of the layout of a checkpoint. It grows when an older
// program could not read a newer checkpoint.
const format = 1

// State is what a run needs beside tensors to continue.
type State struct {
	// Format is the version of the checkpoint's layout; [Save] sets it.
	Format int `json:"format"`
	// Step is the number of finished steps.
	Step int `json:"step"`
	// Seed is the run's seed. Random streams are keyed by it and the step, so there is no generator state.
	Seed uint64 `json:"seed"`
	Provenance
	// Offsets maps each metrics file of the run folder to its length in bytes when the checkpoint was
	// written; resuming cuts the files there.
	Offsets map[string]int64 `json:"offsets,omitempty"`
	// Extra is free for the run, see [State.Put] and [State.Get].
	Extra map[string]json.RawMessage `json:"extra,omitempty"`
}

// Provenance says how a checkpoint came about.
type Provenance struct {
	// Config is the run's effective configuration, in YAML.
	Config string `json:"config,omitempty"`
	// Versions names what wrote the checkpoint, for example "azr-train" and "libtorch".
	Versions map[string]string `json:"versions,omitempty"`
	// Templates maps each prompt template to the hash of its text.
	Templates map[string]string `json:"templates,omitempty"`
}

// LatestProvenance reads the provenance of a run's newest checkpoint and returns its folder, "" where there
// is none. Unlike [Latest] it does not look at the tensors.
func LatestProvenance(runDir string) (p Provenance, dir string, err error) {
	steps, err := list(runDir)
	if err != nil || len(steps) == 0 {
		return p, "", err
	}
	dir = Path(runDir, steps[len(steps)-1])
	state, err := readState(dir)
	if err != nil {
		return p, "", fmt.Errorf("checkpoint.LatestProvenance: %w", err)
	}
	return state.Provenance, dir, nil
}

// Put keeps v in Extra, as JSON.
func (s *State) Put(key string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("checkpoint.Put: %q cannot be kept: %w", key, err)
	}
	if s.Extra == nil {
		s.Extra = map[string]json.RawMessage{}
	}
	s.Extra[key] = text
	return nil
}

// Get reads what was Put into v and tells whether there was anything.
func (s State) Get(key string, v any) (bool, error) {
	text, ok := s.Extra[key]
	if !ok {
		return false, nil
	}
	if err := json.Unmarshal(text, v); err != nil {
		return false, fmt.Errorf("checkpoint.Get: %q does not fit: %w", key, err)
	}
	return true, nil
}

func readState(dir string) (State, error) {
	var s State
	if err := readJSON(filepath.Join(dir, stateName), &s); err != nil {
		return s, err
	}
	return s, known(filepath.Join(dir, stateName), s.Format)
}

// ErrNewer says that a checkpoint was written by a newer version of this program.
var ErrNewer = errors.New("written by a newer azr-train")

// known is an error of a file whose format is not this version's.
func known(path string, got int) error {
	switch {
	case got > format:
		return fmt.Errorf("%s: %w; got format %d, want at most %d; use that newer one", path, ErrNewer, got, format)
	case got < format:
		return fmt.Errorf("%s: no format of azr-train; got %d, want %d", path, got, format)
	}
	return nil
}

// mostStateBytes bounds the small files of a checkpoint, of which the state may hold thousands of answers.
const mostStateBytes = 4 << 30

// readJSON reads one of the small files of a checkpoint.
func readJSON(path string, v any) error {
	text, err := wholefile.Read(path, mostStateBytes)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// encodeJSON is how the small files are written: indented, keys of maps sorted.
func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return b.Bytes(), err
}
