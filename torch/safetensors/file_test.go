package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// encode builds a file from a header's text and a number of data bytes.
func encode(header string, dataBytes int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	b = append(b, header...)
	return append(b, make([]byte, dataBytes)...)
}

func writeFile(t testing.TB, dir, name string, content []byte) string {
	path := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, content, 0o644))
	return path
}

// tensorsOf returns F32 tensors of two elements with the given names.
func tensorsOf(names ...string) []Tensor {
	var tensors []Tensor
	for i, name := range names {
		data := bytes.Repeat([]byte{byte(i + 1)}, 8)
		tensors = append(tensors, Tensor{name, F32, []int64{2}, func() ([]byte, error) { return data, nil }})
	}
	return tensors
}

func encodeTensors(t testing.TB, names ...string) []byte {
	var b bytes.Buffer
	require.NoError(t, Write(&b, tensorsOf(names...), nil))
	return b.Bytes()
}

// refusals are files that Open must refuse, with a part of the error.
var refusals = []struct {
	name    string
	content []byte
	want    string
}{
	{"empty", nil, "too short; got 0 bytes"},
	{"header over limit", binary.LittleEndian.AppendUint64(nil, 100_000_001), "header is too long; got 100000001 bytes"},
	{"header length overflows", binary.LittleEndian.AppendUint64(nil, 1<<63+5), "header is too long"},
	{"header beyond file", binary.LittleEndian.AppendUint64(nil, 90_000_000), "file is truncated; got 8 bytes, want a header of 90000000"},
	{"no brace", encode(` {}`, 0), "does not begin with '{'"},
	{"not JSON", encode(`{"a":`, 0), "not valid JSON"},
	{"not UTF-8", encode("{\"a\xff\":{}}", 0), "not valid JSON"},
	{"two objects", encode(`{}{}`, 0), "not valid JSON"},
	{"tensor is a list", encode(`{"a":[]}`, 0), `tensor "a": not a JSON object`},
	{"duplicate name", encode(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2), `duplicate name; got "a"`},
	{"duplicate key", encode(`{"a":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}}`, 1), `duplicate name; got "dtype"`},
	{"unknown key", encode(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1}}`, 1), `unknown key; got "x"`},
	{"missing key", encode(`{"a":{"dtype":"U8","shape":[1]}}`, 1), "incomplete"},
	{"unknown dtype", encode(`{"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}}`, 1), `unknown dtype; got "F8_E4M3"`},
	{"dtype is a number", encode(`{"a":{"dtype":3,"shape":[1],"data_offsets":[0,1]}}`, 1), "want a string"},
	{"shape is null", encode(`{"a":{"dtype":"U8","shape":null,"data_offsets":[0,1]}}`, 1), "want a list of whole numbers"},
	{"shape holds a string", encode(`{"a":{"dtype":"U8","shape":["1"],"data_offsets":[0,1]}}`, 1), "want a list of whole numbers"},
	{"shape holds a fraction", encode(`{"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}}`, 1), "want a whole number"},
	{"negative dimension", encode(`{"a":{"dtype":"U8","shape":[-1,-1],"data_offsets":[0,1]}}`, 1), "negative dimension"},
	{"shape overflows", encode(`{"a":{"dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,0]}}`, 0), "shape is too large"},
	{"shape wraps to 0", encode(`{"a":{"dtype":"U8","shape":[9223372036854775807,2,0],"data_offsets":[0,0]}}`, 0), "shape is too large"},
	{"length and shape", encode(`{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}`, 8), "got 8 bytes, want 12 for [3] of F32"},
	{"three offsets", encode(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}}`, 1), "bad data_offsets"},
	{"offsets backwards", encode(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}`, 1), "bad data_offsets"},
	{"offsets negative", encode(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[-1,0]}}`, 1), "bad data_offsets"},
	{"overlap", encode(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, 3), `tensor "b": overlap or gap; got begin 1, want 2`},
	{"gap", encode(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}`, 3), `tensor "b": overlap or gap; got begin 2, want 1`},
	{"gap at the start", encode(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2), `overlap or gap; got begin 1, want 0`},
	{"truncated data", encode(`{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}`, 15), `tensor "a": file is truncated; got 15 bytes of data, want 16`},
	{"trailing bytes", encode(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 9), "bytes after the last tensor; got 9 bytes of data, want 1"},
	{"metadata is a list", encode(`{"__metadata__":[]}`, 0), "not a JSON object"},
	{"metadata holds a number", encode(`{"__metadata__":{"a":1}}`, 0), `__metadata__: "a": wrong type`},
}

func TestOpenRefuses(t *testing.T) {
	for _, c := range refusals {
		t.Run(c.name, func(t *testing.T) {
			path := writeFile(t, t.TempDir(), "bad.safetensors", c.content)
			_, err := Open(path)
			require.ErrorContains(t, err, c.want)
			assert.Contains(t, err.Error(), "safetensors.Open: "+path)
			assert.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestOpenRefusesWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	_, err := Open(dir)
	assert.ErrorContains(t, err, "is not a regular file")
	pipe := filepath.Join(dir, "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	_, err = Open(pipe)
	assert.ErrorContains(t, err, "is not a regular file")
	_, err = Open(filepath.Join(dir, "none"))
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestOpenTakesEmptyAndPaddedHeaders(t *testing.T) {
	for _, header := range []string{`{}`, `{}      `, `{"__metadata__":{}}`, `{"a":{"data_offsets":[0,0],"shape":[0,9],"dtype":"F64"}}`} {
		f, err := Open(writeFile(t, t.TempDir(), "a.safetensors", encode(header, 0)))
		require.NoError(t, err, header)
		require.NoError(t, f.Close())
	}
}

func TestReadNamesTheTensor(t *testing.T) {
	path := writeFile(t, t.TempDir(), "a.safetensors", encodeTensors(t, "a", "b"))
	f, err := Open(path)
	require.NoError(t, err)
	defer f.Close()

	_, err = f.Read("c")
	assert.ErrorContains(t, err, `no such tensor`)
	assert.ErrorContains(t, f.ReadInto("a", make([]byte, 7)), `wrong buffer for tensor "a"; got 7 bytes, want 8`)

	require.NoError(t, os.Truncate(path, f.infos[1].Offset+3))
	_, err = f.Read("b")
	assert.ErrorContains(t, err, `a.safetensors was cut while open; got 3 bytes of tensor "b", want 8`)
}

func TestReadIsConcurrent(t *testing.T) {
	f, err := Open("testdata/golden.safetensors")
	require.NoError(t, err)
	defer f.Close()
	golden := readGolden(t)
	var wg sync.WaitGroup
	for range 8 {
		for name, want := range golden {
			wg.Go(func() {
				data, err := f.Read(name)
				assert.NoError(t, err)
				assert.Equal(t, want.bytes(t), data)
			})
		}
	}
	wg.Wait()
}

func TestWriteRefuses(t *testing.T) {
	failing := errors.New("device is gone")
	short := func() ([]byte, error) { return make([]byte, 3), nil }
	for want, tensors := range map[string][]Tensor{
		`bad name of a tensor; got "a"`:                             tensorsOf("a", "a"),
		`bad name of a tensor; got "__metadata__"`:                  tensorsOf("__metadata__"),
		`bad name of a tensor; got "\xff"`:                          tensorsOf("\xff"),
		`tensor "a": unknown dtype; got "F8"`:                       {{"a", "F8", []int64{1}, short}},
		`tensor "a": shape is too large`:                            {{"a", F64, []int64{1 << 40, 1 << 40}, short}},
		`tensor "a": device is gone`:                                {{"a", U8, []int64{1}, func() ([]byte, error) { return nil, failing }}},
		`tensor "a": wrong data; got 3 bytes, want 4 for [4] of U8`: {{"a", U8, []int64{4}, short}},
		`too many bytes in all; got 4611686018427387904`:            {{"a", U8, []int64{1 << 61}, short}, {"b", U8, []int64{1 << 61}, short}},
		`header is too long; got 100000`:                            tensorsOf(strings.Repeat("n", maxHeader)),
	} {
		err := Write(&bytes.Buffer{}, tensors, nil)
		assert.ErrorContains(t, err, "safetensors.Write: "+want)
	}
}

func FuzzOpen(f *testing.F) {
	golden, err := os.ReadFile("testdata/golden.safetensors")
	require.NoError(f, err)
	f.Add(golden)
	f.Add(encodeTensors(f, "a", "b"))
	for _, c := range refusals {
		f.Add(c.content)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, content []byte) {
		file, err := Open(writeFile(t, dir, "f.safetensors", content))
		if err != nil {
			assert.NotContains(t, err.Error(), "\n")
			return
		}
		defer file.Close()
		total := int64(0)
		for _, info := range file.Tensors() {
			data, err := file.Read(info.Name)
			require.NoError(t, err)
			total += int64(len(data))
		}
		assert.LessOrEqual(t, total, int64(len(content)))
	})
}
