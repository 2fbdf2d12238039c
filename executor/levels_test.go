package executor

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"golang.org/x/sys/unix"
)

// probeEnv makes this test binary try what a worker's own file system needs.
const probeEnv = "AZR_EXECUTOR_TEST_PROBE"

// lacks says what a level needs and this machine does not have, "" if nothing. It asks the kernel, not package sandbox.
func lacks(t *testing.T, level Level) string {
	if _, err := os.Stat("/proc/sys/kernel/seccomp/actions_avail"); err != nil && level >= Minimal {
		return "seccomp: " + err.Error()
	}
	if level == Lite {
		if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION); errno != 0 {
			return "landlock: " + errno.Error()
		}
	}
	if level < Full {
		return ""
	}
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), probeEnv+"=1")
	c.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC |
			unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	if out, err := c.CombinedOutput(); err != nil {
		return strings.TrimSpace(fmt.Sprintf("namespaces: %v %s", err, bytes.TrimSpace(out)))
	}
	return ""
}

func probeMounts() {
	err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
	if err == nil {
		err = unix.Mount("tmpfs", "/proc", "tmpfs", 0, "")
	}
	if err != nil {
		fmt.Println("mount:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// TestPoolOpensWhereTheMachineCan keeps a regression from passing for a machine that lacks something.
func TestPoolOpensWhereTheMachineCan(t *testing.T) {
	for level := None; level <= Full; level++ {
		if reason := lacks(t, level); reason != "" {
			t.Logf("level %s cannot be had here: %s", level, reason)
			continue
		}
		c := DefaultConfig()
		c.Require, c.AtMost, c.Spares = level, level, 0
		p, err := Open(t.Context(), c)
		if assert.NoError(t, err, level) {
			assert.Equal(t, level, p.Level())
			assert.NoError(t, p.Close())
		}
	}
}

func TestNamespaceWithoutAnotherUserIsNamed(t *testing.T) {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), trainerEnv+"=lite")
	c.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}, GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	out, err := c.CombinedOutput()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) {
		t.Skipf("user namespaces cannot be had here: %v", err)
	}
	assert.Contains(t, string(out), "this user namespace has user 0 but not user 65534")
	assert.Contains(t, string(out), "hint: start outside of it")
	assert.NotContains(t, string(out), "landlock in /sys")
}
