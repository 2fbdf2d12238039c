package executor

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/executor/sandbox"
)

func TestConfigNamesTheBadField(t *testing.T) {
	require.NoError(t, DefaultConfig().Validate())
	for field, change := range map[string]func(*Config){
		"python": func(c *Config) { c.Python = "" }, "slots": func(c *Config) { c.Slots = 0 }, "timeout": func(c *Config) { c.Timeout = 0 },
		"memory": func(c *Config) { c.Memory = 1 << 20 }, "value_bytes": func(c *Config) { c.ValueBytes = 1 << 30 },
		"output_bytes": func(c *Config) { c.OutputBytes = -1 }, "require": func(c *Config) { c.Require = 9 }, "at_most": func(c *Config) { c.AtMost = None },
	} {
		c := DefaultConfig()
		change(&c)
		_, err := Open(t.Context(), c)
		require.ErrorContains(t, err, "bad "+field)
		assert.NotContains(t, err.Error(), "\n")
	}
}

func TestSmallestMemoryIsEnoughForAWorker(t *testing.T) {
	p := openHere(t, func(c *Config) { c.Memory = minMemory })
	assert.Equal(t, "2", runOne(t, p, "import collections, math, re\ndef f(x): return x", "2").Value)
}

// fakePython writes a script that passes for an interpreter until it is a worker, and then does as body says.
func fakePython(t *testing.T, version, body string) string {
	dir := t.TempDir()
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		require.NoError(t, os.Chmod(d, 0o755))
	}
	path := filepath.Join(dir, "python3")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "lib", "python3.11"), 0o755))
	script := fmt.Sprintf("#!/bin/sh\nif [ \"$1\" = -c ]; then\necho '{\"Executable\": \"%s\", \"Version\": \"%s\", \"Prefix\": \"%s\", \"Major\": 3, \"Minor\": %s, \"Name\": \"cpython\"}'\nexit\nfi\n%s\n",
		path, version, dir, version[2:4], body)
	require.NoError(t, os.WriteFile(path, []byte(script), 0o755))
	return path
}

func TestOpenSaysWhatIsWrongWithPython(t *testing.T) {
	for name, c := range map[string]struct{ python, want string }{
		"missing":  {"no-such-python", "no-such-python is not on PATH"},
		"broken":   {"/bin/false", "/bin/false does not start"},
		"no json":  {"/bin/echo", "/bin/echo does not answer like Python 3"},
		"too old":  {fakePython(t, "3.10.2", ""), "is cpython 3.10.2"},
		"lib gone": {fakePython(t, "3.12.0", ""), "lib/python3.12 (which is missing)"},
	} {
		t.Run(name, func(t *testing.T) {
			config := DefaultConfig()
			config.Python = c.python
			_, err := Open(t.Context(), config)
			require.ErrorContains(t, err, c.want)
			assert.ErrorContains(t, err, "hint:")
			assert.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestOutOfReachNamesTheDirectoryInTheWay(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root's workers run as another user")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "bin", "python3")
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, nil, 0o755))
	for d := dir; d != "/"; d = filepath.Dir(d) {
		require.NoError(t, os.Chmod(dir, 0o755))
	}
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755))
	assert.Empty(t, firstUnreadable(file, sandbox.UserID()))
	require.NoError(t, os.Chmod(dir, 0o700))
	assert.Equal(t, dir+" (mode 0700)", firstUnreadable(file, sandbox.UserID()))
	require.NoError(t, os.Chmod(dir, 0o711))
	for mode, unreadable := range map[os.FileMode]bool{0o644: false, 0o640: true, 0o755: false, 0o744: true} {
		require.NoError(t, os.Chmod(file, mode))
		assert.Equal(t, unreadable, firstUnreadable(file, sandbox.UserID()) != "", mode)
	}
	require.NoError(t, os.Chmod(file, 0o755))
	require.NoError(t, os.Chmod(dir, 0o700))
	require.NoError(t, os.Chown(dir, sandbox.UserID(), -1))
	assert.Empty(t, firstUnreadable(file, sandbox.UserID()))
}

func TestWorkerThatTalksNonsenseIsRefused(t *testing.T) {
	report := "printf '" + strings.Repeat(`\000`, reportBytes) + "' >&5; "
	for name, c := range map[string]struct{ body, want string }{
		"garbage":      {"echo nonsense from a worker >&5", "malformed report"},
		"a long word":  {"echo nonsense from a worke >&5; exec cat <&4", "malformed report"},
		"dies":         {"echo out of luck >&2; exit 3", "out of luck"},
		"not ready":    {`printf '\001` + strings.Repeat(`\000`, reportBytes-1) + "' >&5; cat <&4", "report on another task"},
		"two reports":  {"printf '" + strings.Repeat(`\000`, 2*reportBytes) + "' >&5; cat <&4 >/dev/null", "malformed report"},
		"late garbage": {report + "head -c 25 <&4 >/dev/null; echo nonsense >&5", "malformed report"},
		"wrong number": {report + "head -c 25 <&4 >/dev/null; " + report + "cat <&4 >/dev/null", "report on another task"},
	} {
		t.Run(name, func(t *testing.T) {
			config := DefaultConfig()
			config.Python, config.Require, config.AtMost = fakePython(t, "3.11.2", c.body), None, None
			_, err := Open(t.Context(), config)
			require.ErrorContains(t, err, c.want)
			assert.ErrorContains(t, err, "none fails")
			assert.NotContains(t, err.Error(), "\n")
			assert.Empty(t, childrenOf(t, os.Getpid()))
		})
	}
}

func TestOpenCanBeCancelled(t *testing.T) {
	config := DefaultConfig()
	config.Python, config.Require, config.AtMost = fakePython(t, "3.11.2", "cat <&4 >/dev/null"), None, None
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := Open(ctx, config)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Empty(t, childrenOf(t, os.Getpid()))
}

func TestEachLevelThatIsNotRequiredIsTriedInTurn(t *testing.T) {
	config := DefaultConfig()
	config.Python, config.Require = fakePython(t, "3.11.2", "exit 1"), Minimal
	_, err := Open(t.Context(), config)
	for _, level := range []Level{Full, Lite, Minimal} {
		assert.ErrorContains(t, err, level.String()+" fails (")
		assert.ErrorContains(t, err, "needs "+needs[level])
	}
	assert.NotContains(t, err.Error(), "none fails")
}
