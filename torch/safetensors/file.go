package safetensors

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// File is an open safetensors file. It is safe for concurrent use until Close.
type File struct {
	path     string
	data     *os.File
	infos    []Info // by offset
	index    map[string]int
	metadata map[string]string
}

// Open opens a file and validates its header: a header of at most 100 MB, known
// dtypes, no name twice, lengths that fit the shapes, and tensors that cover the
// data without overlap or gap.
func Open(path string) (*File, error) {
	f, err := open(path)
	if err != nil {
		return nil, fmt.Errorf("safetensors.Open: %w", err)
	}
	return f, nil
}

func open(path string) (*File, error) {
	stat, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !stat.Mode().IsRegular() { // opening a pipe would wait for its writer
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	data, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	f := &File{path: path, data: data, index: map[string]int{}}
	if err := f.readHeader(stat.Size()); err != nil {
		data.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

func (f *File) readHeader(size int64) error {
	var prefix [8]byte
	if size < int64(len(prefix)) {
		return fmt.Errorf("file is too short; got %d bytes, want 8 or more", size)
	}
	if _, err := f.data.ReadAt(prefix[:], 0); err != nil {
		return err
	}
	length := binary.LittleEndian.Uint64(prefix[:])
	if length > maxHeader {
		return fmt.Errorf("header is too long; got %d bytes, want at most %d; is it a safetensors file?", length, maxHeader)
	}
	start := int64(len(prefix)) + int64(length)
	if start > size {
		return fmt.Errorf("file is truncated; got %d bytes, want a header of %d", size, length)
	}
	text := make([]byte, length)
	if _, err := f.data.ReadAt(text, int64(len(prefix))); err != nil {
		return err
	}
	var err error
	if f.infos, f.metadata, err = parseHeader(text, size-start); err != nil {
		return err
	}
	for i := range f.infos {
		f.infos[i].Offset += start
		f.index[f.infos[i].Name] = i
	}
	return nil
}

// Close closes the file.
func (f *File) Close() error { return f.data.Close() }

// Path returns the path that the file was opened with.
func (f *File) Path() string { return f.path }

// Tensors lists the tensors in the order of their offsets.
func (f *File) Tensors() []Info { return slices.Clone(f.infos) }

// Metadata returns the free-form strings of the header; empty if there are none.
func (f *File) Metadata() map[string]string { return maps.Clone(f.metadata) }

// Lookup returns the description of a tensor and whether the file has it.
func (f *File) Lookup(name string) (Info, bool) {
	i, ok := f.index[name]
	if !ok {
		return Info{}, false
	}
	return f.infos[i], true
}

// Read returns a tensor's bytes.
func (f *File) Read(name string) ([]byte, error) {
	info, ok := f.Lookup(name)
	if !ok {
		return nil, f.missing("Read", name)
	}
	buf := make([]byte, info.Bytes)
	return buf, f.ReadInto(name, buf)
}

// ReadInto fills buf with a tensor's bytes; its length must be [Info].Bytes.
func (f *File) ReadInto(name string, buf []byte) error {
	info, ok := f.Lookup(name)
	if !ok {
		return f.missing("ReadInto", name)
	}
	if int64(len(buf)) != info.Bytes {
		return fmt.Errorf("safetensors.ReadInto: wrong buffer for tensor %q; got %d bytes, want %d", name, len(buf), info.Bytes)
	}
	n, err := f.data.ReadAt(buf, info.Offset)
	if n == len(buf) {
		return nil
	}
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("safetensors.ReadInto: %s was cut while open; got %d bytes of tensor %q, want %d", filepath.Base(f.path), n, name, info.Bytes)
	}
	return fmt.Errorf("safetensors.ReadInto: tensor %q: %w", name, err)
}

func (f *File) missing(op, name string) error {
	return fmt.Errorf("safetensors.%s: no such tensor in %s; got %q", op, f.path, name)
}
