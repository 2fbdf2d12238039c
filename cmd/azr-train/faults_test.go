package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A faultyRun is a run that something happens to, beside the same run that was left alone.
type faultyRun struct {
	whole, dir     string
	process        *exec.Cmd
	stdout, stderr *bytes.Buffer
}

// startFaulty plays a whole run and starts the same one in dir.
func startFaulty(t *testing.T, dir string, more ...string) *faultyRun {
	t.Helper()
	model := tinyModel(t)
	f := &faultyRun{whole: filepath.Join(t.TempDir(), "whole"), dir: filepath.Join(dir, "run")}
	args := func(run string) []string {
		return append(tinyRun(model, run, "--set", "checkpoint.every=2"), append(more, "--steps", "6")...)
	}
	succeeded(t, args(f.whole)...)
	f.process, f.stdout, f.stderr = command("", args(f.dir)...)
	return f
}

// waitFor returns when the run has entered a phase; what the phase file says is in the text.
func (f *faultyRun) waitFor(t *testing.T, text string) {
	t.Helper()
	require.Eventually(t, func() bool {
		now, _ := os.ReadFile(filepath.Join(f.dir, phaseFile))
		return bytes.Contains(now, []byte(text))
	}, time.Minute, time.Millisecond, "%s; %s", text, f.stderr)
}

// ends returns the exit code and the last line of stderr.
func (f *faultyRun) ends(t *testing.T) (code int, line string) {
	t.Helper()
	defer time.AfterFunc(time.Minute, func() { _ = f.process.Process.Signal(syscall.SIGQUIT) }).Stop()
	if err := f.process.Wait(); err != nil {
		require.ErrorAs(t, err, new(*exec.ExitError))
	}
	lines := strings.Split(strings.TrimSpace(f.stderr.String()), "\n")
	return f.process.ProcessState.ExitCode(), lines[len(lines)-1]
}

// goesOn resumes the run, which then is the one that was left alone.
func (f *faultyRun) goesOn(t *testing.T) {
	t.Helper()
	succeeded(t, "resume", f.dir)
	f.isTheWhole(t)
}

func (f *faultyRun) isTheWhole(t *testing.T) {
	t.Helper()
	o := azrTrain(t, "", "verify", "--same", f.whole, f.dir)
	assert.Zero(t, o.code, o.stderr)
}

// smallDisk mounts a file system of so many bytes.
func smallDisk(t *testing.T, bytes string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+bytes); errors.Is(err, fs.ErrPermission) {
		t.Skip("only root mounts a small file system: ", err)
	} else {
		require.NoError(t, err)
	}
	t.Cleanup(func() { assert.NoError(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	return dir
}

// fill leaves no block free.
func fill(t *testing.T, file string) {
	t.Helper()
	f, err := os.Create(file)
	require.NoError(t, err)
	defer f.Close()
	for size := 1 << 20; size > 0; size /= 2 {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
		require.ErrorIs(t, err, unix.ENOSPC)
	}
}

// A full disk ends the run with a line that says so; with room again it goes on and has lost nothing.
func TestFullDisk(t *testing.T) {
	disk := smallDisk(t, "64m")
	for _, phase := range []string{phasePlaying, phaseUpdating, phaseRecording, phaseSaving} {
		t.Run(phase, func(t *testing.T) {
			f := startFaulty(t, filepath.Join(disk, phase))
			require.NoError(t, f.process.Start())
			f.waitFor(t, "step 3 ") // step 2 has a checkpoint
			f.waitFor(t, " "+phase+"\n")
			filler := filepath.Join(disk, "filler")
			fill(t, filler)
			code, line := f.ends(t)
			assert.Equal(t, exitBadInput, code, line)
			assert.Regexp(t, "azr-train: .*(full|no space left)", line)
			require.NoError(t, os.Remove(filler))
			f.goesOn(t)
		})
	}
}

// setReadOnly has a folder refuse writing, or take it again. Nobody may write there meanwhile.
func setReadOnly(t *testing.T, dir string, on bool) {
	t.Helper()
	flags := uintptr(unix.MS_REMOUNT | unix.MS_BIND)
	if on {
		require.NoError(t, unix.Mount(dir, dir, "", unix.MS_BIND, ""))
		flags |= unix.MS_RDONLY
	}
	require.NoError(t, unix.Mount("", dir, "", flags, ""))
	if !on {
		require.NoError(t, unix.Unmount(dir, unix.MNT_DETACH))
	}
}

// Where nothing can be written any more a run ends with a line that says so, and is not resumed; once it can, it goes on.
func TestReadOnlyDisk(t *testing.T) {
	disk := smallDisk(t, "64m")
	f := startFaulty(t, disk)
	require.NoError(t, f.process.Start())
	f.waitFor(t, "step 3 "+phaseUpdating) // the checkpoint of step 2 is written
	setReadOnly(t, filepath.Join(f.dir, "checkpoints"), true)
	code, line := f.ends(t)
	assert.Equal(t, exitBadInput, code, line)
	assert.Regexp(t, "azr-train: checkpoint.Save: .*read-only file system", line)
	setReadOnly(t, filepath.Join(f.dir, "checkpoints"), false)

	setReadOnly(t, f.dir, true)
	refused(t, []string{"read-only file system"}, "resume", f.dir)
	refused(t, []string{"cannot make the run folder", "read-only file system"}, tinyRun(tinyModel(t), filepath.Join(f.dir, "another"))...)
	setReadOnly(t, f.dir, false)
	f.goesOn(t)
}

// A run whose folder is taken away ends, and makes no part of it anew; put back, it goes on.
func TestDeletedAndMovedFolder(t *testing.T) {
	for name, took := range map[string]func(dir string) error{
		"deleted": os.RemoveAll,
		"moved":   func(dir string) error { return os.Rename(dir, dir+"-away") },
		"replaced": func(dir string) error {
			return errors.Join(os.Rename(dir, dir+"-away"), os.Mkdir(dir, 0o755))
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := startFaulty(t, t.TempDir())
			require.NoError(t, f.process.Start())
			f.waitFor(t, "step 3 "+phaseUpdating) // nobody makes files in it then, which would keep a folder
			require.NoError(t, took(f.dir))
			code, line := f.ends(t)
			assert.Equal(t, exitBadInput, code, line)
			assert.Regexp(t, "the run folder is gone|another folder has taken the place", line)
			entries, err := os.ReadDir(f.dir)
			if name != "replaced" {
				assert.ErrorIs(t, err, fs.ErrNotExist)
			}
			for _, e := range entries {
				assert.Equal(t, phaseFile, e.Name(), "nothing but what nobody depends on")
			}
			if name == "deleted" {
				return
			}
			require.NoError(t, os.RemoveAll(f.dir))
			require.NoError(t, os.Rename(f.dir+"-away", f.dir))
			f.goesOn(t)
		})
	}
}

// Each signal that asks a process to end saves the last finished step and ends with 130, whatever the run is doing.
func TestSignalsSaveTheLastStep(t *testing.T) {
	for i, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT} {
		t.Run(sig.String(), func(t *testing.T) {
			f := startFaulty(t, t.TempDir())
			require.NoError(t, f.process.Start())
			f.waitFor(t, []string{"step 4 playing", "step 4 updating", "step 4 playing"}[i])
			asked := time.Now()
			require.NoError(t, f.process.Process.Signal(sig))
			code, line := f.ends(t)
			assert.Equal(t, exitInterrupted, code, line)
			assert.Less(t, time.Since(asked), 10*time.Second, "within the grace time")
			saved, err := filepath.Glob(filepath.Join(f.dir, "checkpoints", "step-*"))
			require.NoError(t, err)
			last := filepath.Base(saved[len(saved)-1])
			assert.Contains(t, []string{"step-000003", "step-000004"}, last, "of the last finished step, which is no multiple of checkpoint.every, or of the one that was about to be")
			f.goesOn(t)
		})
	}
}

// nohup has the end of a terminal ignored.
func TestIgnoredHangUp(t *testing.T) {
	f := startFaulty(t, t.TempDir())
	f.process.Args = append([]string{"/bin/sh", "-c", `trap "" HUP; exec "$0" "$@"`}, append([]string{f.process.Path}, f.process.Args[1:]...)...)
	f.process.Path = "/bin/sh"
	require.NoError(t, f.process.Start())
	f.waitFor(t, "step 3 ")
	require.NoError(t, f.process.Process.Signal(syscall.SIGHUP))
	code, line := f.ends(t)
	assert.Zero(t, code, line)
	f.isTheWhole(t)
}

// unread is a stdout that takes one page and then no more until it is read.
func unread(t *testing.T) (read, write *os.File) {
	t.Helper()
	read, write, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { read.Close() })
	_, err = unix.FcntlInt(write.Fd(), unix.F_SETPIPE_SZ, os.Getpagesize())
	require.NoError(t, err)
	return read, write
}

// startUnread starts the run with such a stdout, of which filled bytes are taken, and returns its other end.
func (f *faultyRun) startUnread(t *testing.T, filled int) (read *os.File) {
	t.Helper()
	read, write := unread(t)
	_, err := write.Write(make([]byte, filled))
	require.NoError(t, err)
	f.process.Stdout = write
	require.NoError(t, f.process.Start())
	write.Close()
	return read
}

// A run that hangs, here since nobody reads what it prints, writes down where and begins again from its last checkpoint.
func TestStuckRunBeginsAgain(t *testing.T) {
	f := startFaulty(t, t.TempDir(), "--json", "--set", "watchdog.recording=2s")
	read := f.startUnread(t, 0)
	report := filepath.Join(f.dir, "stuck.txt")
	require.Eventually(t, func() bool { _, err := os.Stat(report); return err == nil }, time.Minute, 10*time.Millisecond, f.stderr)
	go func() {
		var all bytes.Buffer
		_, _ = all.ReadFrom(read)
	}()
	code, line := f.ends(t)
	assert.Zero(t, code, line)
	text, err := os.ReadFile(report)
	require.NoError(t, err)
	for _, words := range []string{"no progress of run for 2s (watchdog.recording)", " recording\n", "update     ", "rollouts, as the last tick began: ",
		"prompt tokens, ", "executor: 0 of ", "goroutine 1 ", "output.step"} {
		assert.Contains(t, string(text), words)
	}
	assert.Contains(t, f.stderr.String(), `"phase":"recording"`)
	assert.Contains(t, f.stderr.String(), `"restarts":true`)
	f.isTheWhole(t)
}

// It begins again so often and no oftener, and then ends with a code of its own.
func TestStuckRunEnds(t *testing.T) {
	f := startFaulty(t, t.TempDir(), "--json", "--set", "watchdog={recording: 1s, restarts: 0}")
	f.startUnread(t, 0)
	code, _ := f.ends(t)
	assert.Equal(t, exitStuck, code, f.stderr)
	assert.Contains(t, f.stderr.String(), `"restarts":false`)
	f.goesOn(t)
}

// A run whose database was put back from an older copy, or lacks rows, is not gone on with.
func TestDatabaseBehindItsCheckpoint(t *testing.T) {
	run := filepath.Join(t.TempDir(), "run")
	succeeded(t, tinyRun(tinyModel(t), run)...)
	for _, statement := range []string{"DELETE FROM steps WHERE step = 2", "DELETE FROM completions WHERE seq = 1"} {
		dir := tampered(t, run, statement)
		before, err := os.ReadFile(filepath.Join(dir, "metrics.jsonl"))
		require.NoError(t, err)
		refused(t, []string{"run.sqlite is not that of", "completions up to step 2, want 3,"}, "resume", dir, "--steps", "1", "--quiet")
		after, err := os.ReadFile(filepath.Join(dir, "metrics.jsonl"))
		require.NoError(t, err)
		assert.Equal(t, string(before), string(after))
	}
}

func TestEmptiedConfiguration(t *testing.T) {
	run := filepath.Join(t.TempDir(), "run")
	succeeded(t, tinyRun(tinyModel(t), run)...)
	require.NoError(t, os.Truncate(filepath.Join(run, configFile), 0))
	refused(t, []string{"config.yaml is empty"}, "resume", run)
}

// A hang that comes again before there is a checkpoint to go on from ends the run.
func TestStuckAgainBeforeACheckpointEnds(t *testing.T) {
	f := startFaulty(t, t.TempDir(), "--json", "--set", "watchdog.recording=1s", "--set", "checkpoint.every=100")
	read := f.startUnread(t, 0)
	go func() { // takes two steps' lines of each process and then no more for a while
		buffer := make([]byte, 1<<20)
		for {
			for range 3 {
				if n, err := read.Read(buffer); n == 0 || err != nil {
					return
				}
			}
			time.Sleep(4 * time.Second)
		}
	}()
	code, _ := f.ends(t)
	assert.Equal(t, exitStuck, code, f.stderr)
	assert.Equal(t, 1, strings.Count(f.stderr.String(), `"restarts":true`))
}

// The closing summary, too, may meet a stdout that nobody reads.
func TestStuckSummaryEnds(t *testing.T) {
	f := startFaulty(t, t.TempDir(), "--quiet", "--set", "watchdog={ending: 1s, restarts: 0}")
	f.startUnread(t, os.Getpagesize())
	code, _ := f.ends(t)
	assert.Equal(t, exitStuck, code, f.stderr)
	f.isTheWhole(t)
}
