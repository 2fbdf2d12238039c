package main

import (
	"errors"
	"fmt"
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
	made := filepath.Clean(dir)
	for parent := filepath.Dir(made); missing(parent); parent = filepath.Dir(made) {
		made = parent
	}
	if err := os.MkdirAll(filepath.Dir(filepath.Clean(dir)), 0o755); err != nil {
		return nil, fmt.Errorf("run: cannot make the run folder: %w", err)
	}
	err := os.Mkdir(dir, 0o755)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("run: the run folder exists; got %s, want a new one; hint: azr-train resume %s", dir, dir)
	}
	if err != nil {
		return nil, fmt.Errorf("run: cannot make the run folder: %w", err)
	}
	f := &runFolder{dir: dir, made: made}
	if err = f.hold(); err == nil {
		err = os.WriteFile(f.path(configFile), config, 0o644)
	}
	if err != nil {
		f.discard()
		return nil, fmt.Errorf("run: cannot write to the run folder: %w", err)
	}
	return f, nil
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
	if _, err := os.Stat(path); err != nil {
		return config, fmt.Errorf("%s: not a run folder; got %s: %w", command, dir, err)
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
