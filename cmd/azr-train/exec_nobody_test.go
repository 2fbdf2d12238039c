package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// asNobody runs the program $1 as nobody, in a mount namespace in which the home folder, where the libraries are
// cached, is open to all.
const asNobody = `set -eu
mount --make-rprivate /
mkdir "$2/cache"
mount --bind "$AZR_CACHE" "$2/cache"
mount -t tmpfs -o mode=755 tmpfs "$HOME"
mkdir -p "$AZR_CACHE"
mount --bind "$2/cache" "$AZR_CACHE"
cd /
exec setpriv --reuid=65534 --regid=65534 --clear-groups "$1" exec
`

func TestExecAsNobody(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can become another user")
	}
	for _, tool := range []string{"unshare", "setpriv"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("no %s here: %v", tool, err)
		}
	}
	home, err := os.UserHomeDir()
	require.NoError(t, err)
	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	folder := t.TempDir()
	for _, d := range []string{filepath.Dir(folder), folder} {
		require.NoError(t, os.Chmod(d, 0o755))
	}
	program := filepath.Join(folder, "azr-train")
	copied, err := exec.Command("cp", os.Args[0], program).CombinedOutput()
	require.NoError(t, err, "%s", copied)
	c := exec.Command("unshare", "-m", "sh", "-c", asNobody, "sh", program, folder)
	c.Env = append(os.Environ(), "AZR_TRAIN_UNDER_TEST=1", "OMP_WAIT_POLICY=passive", "HOME="+home)
	if os.Getenv("AZR_CACHE") == "" {
		c.Env = append(c.Env, "AZR_CACHE="+filepath.Join(cache, "azr"))
	}
	c.Stdin = strings.NewReader(`{"program":"import os\ndef f(x): return [x, os.getuid() == 0 or os.getuid() == 65534]","input":"1"}` + "\n")
	var stderr strings.Builder
	c.Stderr = &stderr
	out, err := c.Output()
	if strings.Contains(stderr.String(), "unshare:") || strings.Contains(stderr.String(), "mount:") {
		t.Skipf("a mount namespace cannot be had here: %s", stderr.String())
	}
	require.NoError(t, err, stderr.String())
	assert.Equal(t, `{"status":"ok","value":"[1, True]","error":""}`+"\n", string(out))
	assert.Regexp(t, `"executor":"(full|lite)"`, stderr.String())
}
