package checkpoint

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// The files that make a model folder a checkpoint.
const (
	manifestName  = "manifest.json"
	stateName     = "state.json"
	optimizerName = "optimizer.safetensors"
)

// manifest lists every other file of a checkpoint.
type manifest struct {
	Format int             `json:"format"`
	Files  map[string]file `json:"files"`
}

type file struct {
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

func readManifest(dir string) (manifest, error) {
	var m manifest
	path := filepath.Join(dir, manifestName)
	if err := readJSON(path, &m); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return m, fmt.Errorf("%s is not a checkpoint: it has no %s", dir, manifestName)
		}
		return m, err
	}
	if err := known(path, m.Format); err != nil {
		return m, err
	}
	for name := range m.Files {
		if name != filepath.Base(name) || name == "." || name == ".." {
			return m, fmt.Errorf("%s: bad entry; got %q, want a plain file name", path, name)
		}
	}
	config := configName
	if _, ok := m.Files[adapterConfigName]; ok {
		config = adapterConfigName
	}
	for _, name := range []string{stateName, optimizerName, config} {
		if _, ok := m.Files[name]; !ok {
			return m, fmt.Errorf("%s: incomplete; want an entry for %s", path, name)
		}
	}
	return m, nil
}

// modelFiles lists the files that a plain model folder has too, sorted.
func (m manifest) modelFiles() []string {
	names := slices.Sorted(maps.Keys(m.Files))
	return slices.DeleteFunc(names, func(name string) bool { return name == stateName || name == optimizerName })
}

// verify compares the files of dir with the manifest: all sizes first, for they cost nothing, then the checksums.
func (m manifest) verify(dir string) error {
	names := slices.Sorted(maps.Keys(m.Files))
	for _, name := range names {
		path := filepath.Join(dir, name)
		stat, err := os.Stat(path)
		if err != nil {
			return err
		}
		if want := m.Files[name].Bytes; !stat.Mode().IsRegular() || stat.Size() != want {
			return fmt.Errorf("%s: wrong size; got %d bytes, want %d", path, stat.Size(), want)
		}
	}
	for _, name := range names {
		if err := m.copyFile(io.Discard, dir, name); err != nil {
			return err
		}
	}
	return nil
}

// copyFile copies a file of dir to w and compares what it read with the manifest.
func (m manifest) copyFile(w io.Writer, dir, name string) error {
	path := filepath.Join(dir, name)
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(sum, w), f)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	want := m.Files[name]
	if got := hex.EncodeToString(sum.Sum(nil)); n != want.Bytes || got != want.SHA256 {
		return fmt.Errorf("%s: corrupt; got %d bytes with SHA-256 %s, want %d with %s", path, n, got, want.Bytes, want.SHA256)
	}
	return nil
}
