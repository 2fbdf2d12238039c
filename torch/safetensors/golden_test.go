package safetensors

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// goldenTensor is what testdata/golden.py says of a tensor of golden.safetensors.
type goldenTensor struct {
	DType DType   `json:"dtype"`
	Shape []int64 `json:"shape"`
	Data  string  `json:"data"`
}

func (g goldenTensor) bytes(t *testing.T) []byte {
	b, err := hex.DecodeString(g.Data)
	require.NoError(t, err)
	return b
}

func readGolden(t *testing.T) map[string]goldenTensor {
	text, err := os.ReadFile("testdata/golden.json")
	require.NoError(t, err)
	golden := map[string]goldenTensor{}
	require.NoError(t, json.Unmarshal(text, &golden))
	require.Len(t, golden, 13)
	return golden
}

func TestReadsWhatPythonWrote(t *testing.T) {
	golden := readGolden(t)
	f, err := Open("testdata/golden.safetensors")
	require.NoError(t, err)
	defer f.Close()

	assert.Len(t, f.Tensors(), len(golden))
	assert.Equal(t, map[string]string{"format": "pt"}, f.Metadata())
	for name, want := range golden {
		info, ok := f.Lookup(name)
		require.True(t, ok, name)
		assert.Equal(t, want.DType, info.DType, name)
		assert.Equal(t, want.Shape, info.Shape, name)
		data, err := f.Read(name)
		require.NoError(t, err)
		assert.Equal(t, want.bytes(t), data, name)
	}
}

func TestWritesTheBytesThatPythonWrites(t *testing.T) {
	want, err := os.ReadFile("testdata/golden.safetensors")
	require.NoError(t, err)
	tensors, metadata := goldenTensors(t), map[string]string{"format": "pt"}

	var got bytes.Buffer
	require.NoError(t, Write(&got, tensors, metadata))
	assert.True(t, bytes.Equal(want, got.Bytes()), "got:\n%.1400q\nwant:\n%.1400q", got.Bytes(), want)

	size, err := Size(tensors, metadata)
	require.NoError(t, err)
	assert.EqualValues(t, len(want), size)
}

func TestPythonReadsWhatIsWritten(t *testing.T) {
	python := pythonWithSafetensors(t)
	path := filepath.Join(t.TempDir(), "go.safetensors")
	f, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, Write(f, goldenTensors(t), map[string]string{"format": "pt"}))
	require.NoError(t, f.Close())
	out, err := exec.Command(python, "testdata/golden.py", "check", path).CombinedOutput()
	assert.NoError(t, err, "%s", out)
}

func goldenTensors(t *testing.T) []Tensor {
	var tensors []Tensor
	for name, g := range readGolden(t) { // in the random order of the map, which must not matter
		data := g.bytes(t)
		tensors = append(tensors, Tensor{name, g.DType, g.Shape, func() ([]byte, error) { return data, nil }})
	}
	return tensors
}

// pythonWithSafetensors returns a Python that has the packages of testdata/golden.py.
func pythonWithSafetensors(t *testing.T) string {
	python := os.Getenv("AZR_REFERENCE_PYTHON")
	if python == "" {
		python = "python3"
	}
	if out, err := exec.Command(python, "-c", "import numpy; from safetensors import TensorSpec").CombinedOutput(); err != nil {
		t.Skipf("skipped: %s has no safetensors 0.8 and numpy (set AZR_REFERENCE_PYTHON): %v %.200s", python, err, out)
	}
	return python
}
