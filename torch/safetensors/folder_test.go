package safetensors

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func writeIndex(t *testing.T, dir string, weights map[string]string) {
	text, err := json.Marshal(map[string]any{"metadata": map[string]int{"total_size": 24}, "weight_map": weights})
	require.NoError(t, err)
	writeFile(t, dir, IndexName, text)
}

func TestOpenFolderSingle(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir, SingleName, encodeTensors(t, "b", "a"))
	d, err := OpenFolder(dir)
	require.NoError(t, err)
	defer d.Close()
	assert.Equal(t, "a", d.Tensors()[0].Name)
	data, err := d.Read("a")
	require.NoError(t, err)
	assert.Equal(t, []byte{2, 2, 2, 2, 2, 2, 2, 2}, data)
}

func TestOpenFolderShards(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir, "one.safetensors", encodeTensors(t, "a", "c"))
	writeFile(t, dir, "two.safetensors", encodeTensors(t, "x", "b")[:])
	writeIndex(t, dir, map[string]string{"a": "one.safetensors", "c": "one.safetensors", "b": "two.safetensors", "x": "two.safetensors"})
	d, err := OpenFolder(dir)
	require.NoError(t, err)
	defer d.Close()
	var names []string
	for _, info := range d.Tensors() {
		names = append(names, info.Name)
	}
	assert.Equal(t, []string{"a", "b", "c", "x"}, names)
	buf := make([]byte, 8)
	require.NoError(t, d.ReadInto("b", buf))
	assert.EqualValues(t, 2, buf[0])
	_, err = d.Read("none")
	assert.ErrorContains(t, err, `no such tensor`)
}

func TestOpenFolderRefuses(t *testing.T) {
	one := "one.safetensors"
	for name, c := range map[string]struct {
		index any
		want  string
	}{
		"missing":     {map[string]string{"a": one, "b": one, "c": one}, `one.safetensors: missing tensor; want "c"`},
		"stray":       {map[string]string{"a": one}, `one.safetensors: stray tensor; got "b"`},
		"no shard":    {map[string]string{"a": "two.safetensors"}, "two.safetensors: no such file"},
		"parent":      {map[string]string{"a": "../one.safetensors"}, "want a plain file name"},
		"absolute":    {map[string]string{"a": "/etc/passwd"}, "want a plain file name"},
		"dots":        {map[string]string{"a": ".."}, "want a plain file name"},
		"not strings": {map[string]int{"a": 1}, "want a string"},
		"empty":       {map[string]string{}, "no weight_map"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			writeFile(t, dir, one, encodeTensors(t, "a", "b"))
			text, err := json.Marshal(map[string]any{"weight_map": c.index})
			require.NoError(t, err)
			writeFile(t, dir, IndexName, text)
			_, err = OpenFolder(dir)
			require.ErrorContains(t, err, c.want)
			assert.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestOpenFolderWithoutWeights(t *testing.T) {
	_, err := OpenFolder(t.TempDir())
	assert.ErrorContains(t, err, "no weights in")
}

func TestOpenFolderRefusesOneWeightInTwoShards(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir, "one.safetensors", encodeTensors(t, "a", "b"))
	writeFile(t, dir, "two.safetensors", encodeTensors(t, "b", "c"))
	writeIndex(t, dir, map[string]string{"a": "one.safetensors", "b": "one.safetensors", "c": "two.safetensors"})
	_, err := OpenFolder(dir)
	assert.ErrorContains(t, err, `two.safetensors: stray tensor; got "b"`)
}
