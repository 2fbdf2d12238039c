package safetensors

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The names that a model folder gives its weights.
const (
	// SingleName is the file of a model that is not sharded.
	SingleName = "model.safetensors"
	// AdaptersName is the file of adapters to a model, as PEFT names it.
	AdaptersName = "adapter_model.safetensors"
	// IndexName is the file that maps each weight of a sharded model to its shard.
	IndexName = "model.safetensors.index.json"
)

// Folder is the weights of a model folder, in one file or in shards. It is safe
// for concurrent use until Close.
type Folder struct {
	dir    string
	shards []*File
	owner  map[string]*File
}

// OpenFolder opens the weights of dir: model.safetensors, or, where that does not
// exist, the shards that model.safetensors.index.json names. Shards must lie in
// dir itself and hold exactly the weights that the index gives them.
func OpenFolder(dir string) (*Folder, error) {
	d := &Folder{dir: dir, owner: map[string]*File{}}
	if err := d.open(); err != nil {
		d.Close()
		return nil, fmt.Errorf("safetensors.OpenFolder: %w", err)
	}
	return d, nil
}

func (d *Folder) open() error {
	f, err := open(filepath.Join(d.dir, SingleName))
	if err == nil {
		d.add(f)
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	weights, err := readIndex(filepath.Join(d.dir, IndexName))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("no weights in %s; want %s or %s", d.dir, SingleName, IndexName)
	}
	if err != nil {
		return err
	}
	return d.openShards(weights)
}

// openShards opens the shards of an index, which maps weights to file names.
func (d *Folder) openShards(weights map[string]string) error {
	names := slices.Compact(slices.Sorted(maps.Values(weights)))
	for _, name := range names {
		f, err := open(filepath.Join(d.dir, name))
		if err != nil {
			return err
		}
		d.shards = append(d.shards, f) // before any check, so that Close sees it
		for _, info := range f.infos {
			if want, ok := weights[info.Name]; !ok || want != name {
				return fmt.Errorf("%s: stray tensor; got %q, which %s does not place there", f.path, info.Name, IndexName)
			}
			d.owner[info.Name] = f
		}
	}
	for _, weight := range slices.Sorted(maps.Keys(weights)) {
		if d.owner[weight] == nil {
			return fmt.Errorf("%s: missing tensor; want %q, as %s says", filepath.Join(d.dir, weights[weight]), weight, IndexName)
		}
	}
	return nil
}

func (d *Folder) add(f *File) {
	d.shards = append(d.shards, f)
	for _, info := range f.infos {
		d.owner[info.Name] = f
	}
}

// readIndex returns the weight_map of an index file, its file names checked to be plain.
func readIndex(path string) (map[string]string, error) {
	text, err := readSmall(path)
	if err != nil {
		return nil, err
	}
	weights := map[string]string{}
	err = eachMember(text, func(key string, value json.RawMessage) error {
		if key != "weight_map" { // "metadata" is free-form
			return nil
		}
		return parseStrings(value, weights)
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(weights) == 0 {
		return nil, fmt.Errorf("%s: no weight_map", path)
	}
	for weight, name := range weights {
		if !plain(name) {
			return nil, fmt.Errorf("%s: bad shard of %q; got %q, want a plain file name", path, weight, name)
		}
	}
	return weights, nil
}

// plain tells whether name is that of a file in the folder itself.
func plain(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.ContainsAny(name, "/\\\x00")
}

// readSmall reads a JSON file of at most the size of a header.
func readSmall(path string) ([]byte, error) {
	stat, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !stat.Mode().IsRegular() || stat.Size() > maxHeader {
		return nil, fmt.Errorf("%s: too large or not a regular file; got %d bytes, want at most %d", path, stat.Size(), maxHeader)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxHeader))
}

// Close closes every shard.
func (d *Folder) Close() error {
	var errs []error
	for _, f := range d.shards {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// Tensors lists the tensors of all shards, by name.
func (d *Folder) Tensors() []Info {
	var infos []Info
	for _, f := range d.shards {
		infos = append(infos, f.infos...)
	}
	slices.SortFunc(infos, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return infos
}

// Lookup returns the description of a tensor and whether the folder has it. Its
// Offset counts from the start of the shard that holds it.
func (d *Folder) Lookup(name string) (Info, bool) {
	if f := d.owner[name]; f != nil {
		return f.Lookup(name)
	}
	return Info{}, false
}

// Read returns a tensor's bytes.
func (d *Folder) Read(name string) ([]byte, error) {
	if f := d.owner[name]; f != nil {
		return f.Read(name)
	}
	return nil, d.missing("Read", name)
}

// ReadInto fills buf with a tensor's bytes; its length must be [Info].Bytes.
func (d *Folder) ReadInto(name string, buf []byte) error {
	if f := d.owner[name]; f != nil {
		return f.ReadInto(name, buf)
	}
	return d.missing("ReadInto", name)
}

func (d *Folder) missing(op, name string) error {
	return fmt.Errorf("safetensors.%s: no such tensor in %s; got %q", op, d.dir, name)
}
