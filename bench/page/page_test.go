package page_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/bench/page"
)

const two = "before\n<!-- a -->\nold\n<!-- end of a -->\nbetween\n<!-- b -->\n<!-- end of b -->\nafter\n"

func TestPartsAreReplacedAndTheRestStays(t *testing.T) {
	file := filepath.Join(t.TempDir(), "page.md")
	require.NoError(t, os.WriteFile(file, []byte(two), 0o644))
	for range 2 { // written twice it is the same
		require.NoError(t, page.Write(file, map[string]string{"a": "new\n", "b": "lines\nof b\n"}))
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Equal(t, "before\n<!-- a -->\nnew\n<!-- end of a -->\nbetween\n<!-- b -->\nlines\nof b\n<!-- end of b -->\nafter\n", string(text))
	}
	require.NoError(t, page.Write(file, map[string]string{"b": ""}))
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Contains(t, string(text), "new\n", "a part that is not given stays")
}

func TestPageWithoutAPlaceStays(t *testing.T) {
	file := filepath.Join(t.TempDir(), "page.md")
	for _, missing := range []string{"", "<!-- c -->\n", "<!-- end of c -->\n"} {
		require.NoError(t, os.WriteFile(file, []byte(two+missing), 0o644))
		assert.ErrorContains(t, page.Write(file, map[string]string{"a": "new\n", "c": "new\n"}), "no place for c; want the lines")
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Equal(t, two+missing, string(text))
	}
	assert.ErrorIs(t, page.Write(filepath.Join(t.TempDir(), "none.md"), nil), os.ErrNotExist)
}
