package modeltest

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/torch/safetensors"
)

// Variants are the folders of testdata/tiny, each with goldens of the same name.
var Variants = []string{
	"llama-gqa", "llama-tied-mha", "llama-mqa-sharded", "llama-wide", "llama3-scaled", "llama-biased",
	"qwen2-tied-sharded", "qwen2-mha", "qwen3-wide", "qwen3-mqa-biased",
	"qwen2-mqa", "qwen3-mha",
}

// Adapted are the folders of testdata/adapters, each with goldens of the name after "lora-".
var Adapted = []string{"llama-gqa", "qwen2-mha"}

// Golden is the reference's tensors for one model; testdata/golden/README.md describes them.
type Golden struct {
	T       testing.TB
	tensors *safetensors.File
}

// OpenGolden opens name.safetensors in the folder of goldens and reads name.json beside it into figures.
func OpenGolden(t testing.TB, folder, name string, figures any) Golden {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, name+".json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, figures))
	tensors, err := safetensors.Open(filepath.Join(folder, name+".safetensors"))
	require.NoError(t, err)
	t.Cleanup(func() { tensors.Close() })
	return Golden{t, tensors}
}

func (g Golden) read(name string, dtype safetensors.DType) []byte {
	g.T.Helper()
	info, ok := g.tensors.Lookup(name)
	require.True(g.T, ok, "no tensor %s", name)
	require.Equal(g.T, dtype, info.DType, name)
	data, err := g.tensors.Read(name)
	require.NoError(g.T, err)
	return data
}

// Floats reads an F32 tensor.
func (g Golden) Floats(name string) []float32 { return Floats(g.read(name, safetensors.F32)) }

// Ints reads an I64 tensor.
func (g Golden) Ints(name string) []int64 {
	data := g.read(name, safetensors.I64)
	values := make([]int64, len(data)/8)
	for i := range values {
		values[i] = int64(binary.LittleEndian.Uint64(data[8*i:]))
	}
	return values
}

// Floats reads little-endian f32 values.
func Floats(data []byte) []float32 {
	values := make([]float32, len(data)/4)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return values
}

// ResidentBytes is how much of the process is in memory, after Go's garbage is collected.
func ResidentBytes(t testing.TB) int64 {
	t.Helper()
	runtime.GC()
	text, err := os.ReadFile("/proc/self/statm")
	require.NoError(t, err)
	var size, resident int64
	_, err = fmt.Sscan(string(text), &size, &resident)
	require.NoError(t, err)
	return resident * int64(os.Getpagesize())
}
