package sandbox

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// cat is a confined /bin/cat of a file: what it printed, and why it failed.
func cat(t *testing.T, level Level, file string) (out, stderr string) {
	path, err := filepath.EvalSymlinks("/bin/cat")
	require.NoError(t, err)
	read, write, err := os.Pipe()
	require.NoError(t, err)
	defer read.Close()
	p, err := Start(Command{
		Level: level, Argv: []string{path, file}, Env: []string{"LC_ALL=C"}, Stdout: write,
		Readable: []string{path, "/etc/ld.so.cache", "/etc/hostname", "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/no/such/file"},
	})
	require.NoError(t, write.Close())
	if err != nil {
		return "", err.Error()
	}
	text, err := io.ReadAll(read)
	require.NoError(t, err)
	p.Kill()
	p.Kill()
	return string(text), p.Stderr()
}

// missing tells of a mechanism that this machine does not have: landlock, a private root, or namespaces,
// without which nothing starts.
func missing(reason string) bool {
	return strings.Contains(reason, "landlock") || strings.Contains(reason, "private file system") || strings.Contains(reason, "sandbox.Start: ")
}

func TestConfinedProgramReadsWhatIsListed(t *testing.T) {
	want, err := os.ReadFile("/etc/hostname")
	require.NoError(t, err)
	for _, level := range []Level{None, Minimal, Lite, Full} {
		out, stderr := cat(t, level, "/etc/hostname")
		if missing(stderr) {
			t.Logf("level %s cannot be had here: %s", level, stderr)
			continue
		}
		assert.Equal(t, string(want), out, "%s: %s", level, stderr)
		out, stderr = cat(t, level, "/etc/passwd")
		assert.Equal(t, level < Lite, out != "", level)
		assert.Equal(t, level >= Lite, stderr != "", level)
	}
}

func TestFailedStepIsNamed(t *testing.T) {
	read, write, err := os.Pipe()
	require.NoError(t, err)
	defer read.Close()
	p, err := Start(Command{Level: Lite, Argv: []string{"/no/such/program"}, Files: []*os.File{write}})
	require.NoError(t, err)
	require.NoError(t, write.Close())
	_, err = io.ReadAll(read)
	require.NoError(t, err)
	p.Kill()
	assert.Regexp(t, "execute /no/such/program|landlock", p.Stderr())
}

func TestTailKeepsTheEnd(t *testing.T) {
	var last tail
	for range 3 * tailBytes {
		_, err := last.Write([]byte("x"))
		require.NoError(t, err)
	}
	_, err := last.Write([]byte("end"))
	require.NoError(t, err)
	assert.Equal(t, strings.Repeat("x", tailBytes-3)+"end", last.String())
}

func TestLevelsHaveNames(t *testing.T) {
	for level := None; level <= Full; level++ {
		text, err := level.MarshalText()
		require.NoError(t, err)
		var back Level
		require.NoError(t, back.UnmarshalText(text))
		assert.Equal(t, level, back)
	}
	var l Level
	assert.ErrorContains(t, l.UnmarshalText([]byte("strict")), `got "strict"`)
	assert.Equal(t, "unknown(9)", Level(9).String())
}
