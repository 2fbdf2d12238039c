package wholefile

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestReadTakesRegularFilesUpToTheirBound(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, []byte("12345678"), 0o644))
	text, err := Read(file, 8)
	require.NoError(t, err)
	assert.Equal(t, "12345678", string(text))
	_, err = Read(file, 7)
	assert.ErrorContains(t, err, "too long; got 8 bytes, want at most 7")

	_, err = Read(filepath.Join(dir, "none"), 8)
	assert.ErrorIs(t, err, fs.ErrNotExist)
	pipe := filepath.Join(dir, "pipe")
	require.NoError(t, unix.Mkfifo(pipe, 0o644))
	zero := filepath.Join(dir, "zero")
	require.NoError(t, os.Symlink("/dev/zero", zero))
	for _, path := range []string{pipe, zero, dir} {
		_, err = Read(path, 8)
		assert.ErrorContains(t, err, "not a regular file", path)
	}
}
