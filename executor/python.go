package executor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/azr-train/azr/executor/sandbox"
)

const defaultPython = "python3"

// python is an interpreter that workers can run.
type python struct {
	// Executable is the interpreter's own file, behind links and launchers.
	Executable string
	// Version is for example "3.11.2".
	Version string
	// Prefix is where its library lies.
	Prefix string
	Major  int
	Minor  int
	Name   string
	// Command is what it was found by, for example the launcher of a virtual environment.
	Command string `json:"-"`
	// Libraries are the ones that scripts may import.
	Libraries libraries `json:"-"`
}

const describePython = `import json, os, sys
print(json.dumps({"Executable": os.path.realpath(sys.executable), "Version": sys.version.split()[0], "Prefix": os.path.realpath(sys.base_prefix),
    "Major": sys.version_info[0], "Minor": sys.version_info[1], "Name": sys.implementation.name}))`

// FindPython returns the version, for example "3.11.2", and the file of the interpreter that Open would
// use for a Config.Python.
func FindPython(name string) (version, file string, err error) {
	p, err := findPython(name)
	return p.Version, p.Executable, err
}

// findPython returns the first candidate that can be used, or why none can.
func findPython(name string) (python, error) {
	var reasons []string
	for _, candidate := range pythonCandidates(name) {
		p, err := inspectPython(candidate)
		if err == nil {
			return p, nil
		}
		reasons = append(reasons, err.Error())
	}
	if reasons == nil {
		reasons = []string{fmt.Sprintf("%s is not on PATH", name)}
	}
	return python{}, fmt.Errorf("executor.Open: no usable Python; %s; want CPython >= 3.11 that user %d can read; "+
		"hint: apt-get install python3, or name another interpreter", strings.Join(reasons, "; "), sandbox.UserID())
}

func pythonCandidates(name string) []string {
	var found []string
	if path, err := exec.LookPath(name); err == nil {
		found = append(found, path)
	}
	if name == defaultPython && !slices.Contains(found, "/usr/bin/python3") {
		if _, err := os.Stat("/usr/bin/python3"); err == nil {
			found = append(found, "/usr/bin/python3")
		}
	}
	return found
}

// inspectPython asks the interpreter about itself; it is the user's own and runs unconfined for that.
func inspectPython(path string) (python, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "-c", describePython).Output()
	if err != nil {
		return python{}, fmt.Errorf("%s does not start (%w)", path, err)
	}
	p := python{Command: path}
	if err := json.Unmarshal(out, &p); err != nil {
		return python{}, fmt.Errorf("%s does not answer like Python 3 (%w)", path, err)
	}
	if p.Name != "cpython" || p.Major != 3 || p.Minor < 11 {
		return python{}, fmt.Errorf("%s is %s %s", path, p.Name, p.Version)
	}
	for _, needed := range []string{p.Executable, filepath.Join(p.Prefix, "lib", fmt.Sprintf("python3.%d", p.Minor))} {
		if obstacle := firstUnreadable(needed, sandbox.UserID()); obstacle != "" {
			return python{}, fmt.Errorf("%s is out of reach behind %s", needed, obstacle)
		}
	}
	return p, nil
}

// firstUnreadable returns the first file on the way to path that keeps a user
// out, with its mode; "" if there is none. Access lists and groups are not looked at.
func firstUnreadable(path string, uid int) string {
	self := os.Getuid() == uid // who has just run the interpreter, so modes do not matter
	for p := filepath.Clean(path); ; p = filepath.Dir(p) {
		info, err := os.Stat(p)
		if errors.Is(err, fs.ErrNotExist) {
			return p + " (which is missing)"
		} else if err != nil {
			return fmt.Sprintf("%s (%v)", p, err)
		}
		needed := fs.FileMode(0o004) // to read a file
		switch {
		case info.IsDir() && p != path:
			needed = 0o001
		case info.IsDir() || info.Mode().Perm()&0o100 != 0: // a folder to list, a program to start
			needed = 0o005
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) == uid {
			needed <<= 6
		}
		if !self && info.Mode().Perm()&needed != needed {
			return fmt.Sprintf("%s (mode %04o)", p, info.Mode().Perm())
		}
		if p == filepath.Dir(p) {
			return ""
		}
	}
}

// readable lists what a worker may read: the interpreter, its library, the system's libraries and those that scripts may import.
func (p python) readable() []string {
	paths := []string{
		p.Executable, filepath.Join(p.Prefix, "lib"), filepath.Join(p.Prefix, "lib64"),
		"/usr/lib", "/usr/lib64", "/lib", "/lib64", "/etc/ld.so.cache",
	}
	paths = append(paths, p.Libraries.Paths...)
	slices.Sort(paths)
	return slices.Compact(paths)
}

// environment is the worker's whole environment.
func (p python) environment(hashSeed int) []string {
	env := []string{"LC_ALL=C.UTF-8", "TZ=UTC", fmt.Sprintf("PYTHONHASHSEED=%d", hashSeed)}
	if p.Prefix != "/usr" { // an interpreter of its own may have a shared library of its own
		env = append(env, "LD_LIBRARY_PATH="+filepath.Join(p.Prefix, "lib"))
	}
	return env
}

// launcher reads the worker's source from its tasks' descriptor. As an argument it would take up
// memory in several copies, which each fork has to go through.
const launcher = `import sys; exec(compile(open(6, "rb", closefd=False).read(int(sys.argv[2])), "<worker>", "exec"))`

// arguments runs the worker with no site packages, no user directory and no current directory on its path.
func (p python) arguments(settings string) []string {
	size := strconv.Itoa(len(workerScript()))
	return []string{p.Executable, "-s", "-S", "-B", "-P", "-X", "utf8", "-W", "ignore", "-c", launcher, settings, size}
}
