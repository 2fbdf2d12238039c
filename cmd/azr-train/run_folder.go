package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/azr-train/azr/configs"
)

// The files of a run folder that this package writes; the others are their packages'.
const (
	configFile   = "config.yaml"
	storeFile    = "run.sqlite"
	lockFile     = "lock"
	blockedFile  = "blocked.jsonl"
	executorFile = "executor.json"
	phaseFile    = "phase"
)

// runFolder is a run's folder, held by this process.
type runFolder struct {
	dir  string
	made string // the outermost folder that was made for it
	lock *os.File
	seen fs.FileInfo // the folder that was locked
}

// newRunFolder makes the folder with what identifies the run, its configuration. It refuses one that exists.
func newRunFolder(dir string, config []byte) (*runFolder, error) {
	exists := fmt.Errorf("run: the run folder exists; got %s, want a new one; hint: azr-train resume %s", dir, dir)
	if !missing(dir) {
		return nil, exists
	}
	made := filepath.Clean(dir)
	for parent := filepath.Dir(made); missing(parent); parent = filepath.Dir(made) {
		made = parent
	}
	if err := os.MkdirAll(filepath.Dir(filepath.Clean(dir)), 0o755); err != nil {
		return nil, fmt.Errorf("run: cannot make the run folder: %w", err)
	}
	f := &runFolder{dir: dir, made: made}
	err := f.make(config)
	if errors.Is(err, fs.ErrExist) {
		return nil, exists
	}
	if err != nil {
		if made != filepath.Clean(dir) {
			_ = os.RemoveAll(made)
		}
		return nil, fmt.Errorf("run: cannot make the run folder: %w", err)
	}
	return f, nil
}

// make fills a folder of another name and gives it its own, so that there never is one without its configuration.
func (f *runFolder) make(config []byte) (err error) {
	draft, err := os.MkdirTemp(filepath.Dir(filepath.Clean(f.dir)), ".run-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.unlock()
			_ = os.RemoveAll(draft)
		}
	}()
	made := &runFolder{dir: draft}
	if err := errors.Join(os.Chmod(draft, 0o755), made.hold()); err != nil {
		return err
	}
	f.lock, f.seen = made.lock, made.seen
	if err := writeWhole(made.path(configFile), func(w io.Writer) error { _, err := w.Write(config); return err }); err != nil {
		return err
	}
	err = unix.Renameat2(unix.AT_FDCWD, draft, unix.AT_FDCWD, f.dir, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) { // a file system without that, such as NFS, where only an empty folder gives way
		err = os.Rename(draft, f.dir)
	}
	return err
}

// openRunFolder holds an existing run and reads its configuration.
func openRunFolder(dir string) (*runFolder, Config, error) {
	config, err := readRunConfig("resume", dir)
	if err != nil {
		return nil, config, err
	}
	f := &runFolder{dir: dir}
	return f, config, f.hold()
}

// readRunConfig reads a run's configuration for a command.
func readRunConfig(command, dir string) (Config, error) {
	config := defaultConfig()
	path := filepath.Join(dir, configFile)
	info, err := os.Stat(path)
	if err != nil {
		return config, fmt.Errorf("%s: not a run folder; got %s: %w", command, dir, err)
	}
	if info.Size() == 0 { // a run's has every key
		return config, fmt.Errorf("%s: %s is empty; hint: each checkpoint's state.json has it too", command, path)
	}
	if err := configs.Over(&config).File(path); err != nil {
		return config, err
	}
	return config, config.validate()
}

func (f *runFolder) path(name string) string { return filepath.Join(f.dir, name) }

// hold locks the folder for this process; the lock goes with the process, however that ends.
func (f *runFolder) hold() error {
	lock, err := os.OpenFile(f.path(lockFile), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		lock.Close()
		return fmt.Errorf("run: another process works on %s; hint: wait for it or stop it", f.dir)
	}
	f.lock = lock
	f.seen, err = os.Stat(f.dir)
	return err
}

// present is an error if the folder is not at its place any more: what would be written there from now on would be a part
// of nothing.
func (f *runFolder) present() error {
	now, err := os.Stat(f.dir)
	if err != nil {
		return fmt.Errorf("run: the run folder is gone; hint: moved back, azr-train resume goes on from its last checkpoint: %w", err)
	}
	if !os.SameFile(f.seen, now) {
		return fmt.Errorf("run: another folder has taken the place of the run's; got %s", f.dir)
	}
	return nil
}

func (f *runFolder) unlock() {
	if f.lock != nil {
		f.lock.Close()
	}
}

// discard removes a folder that this process made and could not use.
func (f *runFolder) discard() {
	f.unlock()
	_ = os.RemoveAll(f.made)
}

func missing(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}
