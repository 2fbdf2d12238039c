package checkpoint

import (
	"crypto/sha256"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What is written in pieces of any size is in the file, whole, and so is its checksum.
func TestWriterKeepsEveryByte(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 0))
	for _, size := range []int{0, 1, 4095, bufferBytes - 1, bufferBytes, bufferBytes + 1, 3*bufferBytes + 4096, 5*bufferBytes + 77} {
		content := make([]byte, size)
		for i := range content {
			content[i] = byte(random.Uint32())
		}
		path := filepath.Join(t.TempDir(), "file")
		f, err := os.Create(path)
		require.NoError(t, err)
		w := newWriter(f)
		for rest := content; len(rest) > 0; {
			n := min(len(rest), 1+random.IntN(2*bufferBytes))
			written, err := w.Write(rest[:n])
			require.NoError(t, err)
			require.Equal(t, n, written)
			rest = rest[n:]
		}
		require.NoError(t, w.flush())
		w.free()
		require.NoError(t, f.Close())
		found, err := os.ReadFile(path)
		require.NoError(t, err)
		require.True(t, string(content) == string(found), "%d bytes", size)
		assert.EqualValues(t, size, w.written)
		sum := sha256.Sum256(content)
		assert.Equal(t, sum[:], w.sum.Sum(nil))
	}
}

// Whole blocks go past the page cache on a disk, and a file's end through it.
func TestWriterGoesPastThePageCache(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	defer f.Close()
	w := newWriter(f)
	defer w.free()
	_, err = w.Write(make([]byte, bufferBytes))
	require.NoError(t, err)
	if w.refused {
		t.Skip("the file system of temporary folders has no direct writes")
	}
	assert.True(t, w.direct)
	_, err = w.Write(make([]byte, 10))
	require.NoError(t, err)
	require.NoError(t, w.flush())
	assert.False(t, w.direct)
}
