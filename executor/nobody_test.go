package executor

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/executor/sandbox/confine"
)

// TestAttacksAsNobody runs TestAttacks in this same test binary as a user
// without rights, for whom the sandbox has to do without root's.
func TestAttacksAsNobody(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skipf("only root can become another user; TestAttacks has run as user %d", os.Getuid())
	}
	placeSecret(t) // root's, which nobody can neither write nor remove
	folder := testBinaryForNobody(t)
	cases := len(readAttacks(t))
	for _, level := range levelsHere {
		t.Run(level.String(), func(t *testing.T) {
			c := exec.Command(filepath.Join(folder, "executor.test"), "-test.v", "-test.run", "^TestAttacks$/^"+level.String()+"$")
			c.Dir, c.Env = folder, []string{"PATH=" + os.Getenv("PATH"), "HOME=/", "TMPDIR=" + folder}
			c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: confine.Nobody, Gid: confine.Nobody}}
			out, err := c.CombinedOutput()
			if reason := regexp.MustCompile(`(?m)^.*cannot be had here:.*$`).Find(out); reason != nil {
				t.Skipf("as user %d: %s", confine.Nobody, bytes.TrimSpace(reason))
			}
			require.NoError(t, err, "%s", failures(string(out)))
			ran := regexp.MustCompile(`(?m)^ +--- PASS: TestAttacks/`+level.String()+`/\d/`).FindAll(out, -1)
			assert.Len(t, ran, cases)
			for _, line := range regexp.MustCompile(`level \w+, user \d+, Python .*`).FindAllString(string(out), -1) {
				assert.True(t, strings.HasPrefix(line, "level "+level.String()+", user 65534, "), line)
				t.Log(line)
			}
		})
	}
}

// testBinaryForNobody copies this binary and the cases to a folder that nobody can read: the build's is closed to others.
func testBinaryForNobody(t *testing.T) (folder string) {
	folder = t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(folder), 0o755))
	require.NoError(t, os.Chmod(folder, 0o755))
	self, err := os.Executable()
	require.NoError(t, err)
	for from, to := range map[string]string{self: "executor.test", "testdata/attacks.jsonl": "testdata/attacks.jsonl"} {
		source, err := os.Open(from)
		require.NoError(t, err)
		to = filepath.Join(folder, to)
		require.NoError(t, os.MkdirAll(filepath.Dir(to), 0o755))
		target, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
		require.NoError(t, err)
		_, err = io.Copy(target, source)
		require.NoError(t, err)
		require.NoError(t, target.Close())
		require.NoError(t, source.Close())
	}
	return folder
}

// failures leaves out what passed.
func failures(out string) string {
	var kept []string
	for line := range strings.Lines(out) {
		if !regexp.MustCompile(`^(=== | *--- PASS)`).MatchString(line) {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}
