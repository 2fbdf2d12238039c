package executor

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
)

func atEachLevel(t *testing.T, test func(t *testing.T, p *Pool)) {
	for _, level := range levelsHere {
		t.Run(level.String(), func(t *testing.T) { test(t, openAt(t, level, nil)) })
	}
}

func TestNothingIsWritable(t *testing.T) {
	program := `
import os, sys
def f(paths):
    done = []
    for path in paths + [os.getcwd(), os.path.dirname(os.__file__), os.path.dirname(sys.executable)]:
        for change in (
            lambda: os.open(path, os.O_WRONLY), lambda: os.open(path + "/x", os.O_WRONLY | os.O_CREAT), lambda: os.open(path, os.O_RDWR | os.O_TMPFILE),
            lambda: os.open(path, os.O_TRUNC), lambda: os.mkdir(path + "/x"), lambda: os.symlink("/", path + "/x"), lambda: os.mkfifo(path + "/x"),
            lambda: os.rename(path, path + "x"), lambda: os.unlink(path), lambda: os.rmdir(path), lambda: os.chmod(path, 0o777),
            lambda: os.utime(path), lambda: os.truncate(path, 0), lambda: os.link(path, path + "/x"), lambda: os.setxattr(path, "user.x", b""),
        ):
            try:
                change()
            except OSError:
                continue
            done.append(path)
    return done
`
	paths := `["/", "/tmp", "/dev/shm", "/dev/null", "/var/tmp", "/home", "/proc/self", "/proc/self/fd/1", "/etc/hosts", "/usr/lib", "/run/lock", "/old", "."]`
	atEachLevel(t, func(t *testing.T, p *Pool) {
		assert.Equal(t, azr.Result{Status: azr.OK, Value: "[]"}, runOne(t, p, program, paths))
	})
}

func TestOnlyTheInterpreterIsReadable(t *testing.T) {
	program := `
import os
def f(paths):
    seen = []
    for path in paths:
        for look in (lambda: open(path).read(1), lambda: os.listdir(path)):
            try:
                look()
            except OSError:
                continue
            seen.append(path)
    return seen
`
	cwd, err := os.Getwd()
	require.NoError(t, err)
	paths, err := json.Marshal([]string{"/etc/passwd", "/proc", "/proc/self/environ", "/proc/1/cmdline", "/sys", "/dev", "/dev/null", "/tmp", "/home", "/root", "/usr/share", cwd, cwd + "/doc.go"})
	require.NoError(t, err)
	atEachLevel(t, func(t *testing.T, p *Pool) {
		assert.Equal(t, azr.Result{Status: azr.OK, Value: "[]"}, runOne(t, p, program, string(paths)))
	})
}

func TestDescriptorsOfTheChild(t *testing.T) {
	program := `
import os
def f():
    held = []
    for fd in range(64):
        try: os.fstat(fd); held.append(fd)
        except OSError: pass
    return held, os.read(0, 100), os.isatty(1)
`
	atEachLevel(t, func(t *testing.T, p *Pool) {
		assert.Equal(t, azr.Result{Status: azr.OK, Value: "([0, 1, 2, 3], b'', False)"}, runOne(t, p, program, ""))
	})
}

func TestChildSeesNothingOfTheTrainer(t *testing.T) {
	t.Setenv("AZR_SECRET", "s3cret")
	program := "import os, sys\ndef f(): return sorted(os.environ), sys.argv, sys.orig_argv, sys.modules['__main__'].__name__"
	atEachLevel(t, func(t *testing.T, p *Pool) {
		assert.Equal(t, azr.Result{Status: azr.OK, Value: "([], [], [], 'program')"}, runOne(t, p, program, ""))
	})
}

// manyEnv makes the trainer that is killed run short programs without end.
const manyEnv = "AZR_EXECUTOR_TEST_MANY"

// trainerEnv makes this test binary play the trainer that is killed.
const trainerEnv = "AZR_EXECUTOR_TEST_LEVEL"

func TestMain(m *testing.M) {
	if os.Getenv(probeEnv) != "" {
		probeMounts()
	}
	if level, ok := os.LookupEnv(trainerEnv); ok {
		playTrainer(level)
	}
	os.Exit(m.Run())
}

// playTrainer runs a program that never ends, and says so, or what journalEnv asks for.
func playTrainer(name string) {
	c := DefaultConfig()
	err := c.Require.UnmarshalText([]byte(name))
	c.AtMost, c.Timeout, c.Slots = c.Require, 10*time.Minute, 1
	if path := os.Getenv(journalEnv); err == nil && path != "" {
		err = playJournal(c, path)
	} else if err == nil && os.Getenv(manyEnv) != "" {
		var p *Pool
		if p, err = Open(context.Background(), c); err == nil {
			err = playMany(p)
		}
	} else if err == nil {
		var p *Pool
		if p, err = Open(context.Background(), c); err == nil {
			fmt.Println("open")
			_, err = p.Run(context.Background(), azr.Execution{Program: "def f():\n    while True: pass", Inputs: []string{""}})
		}
	}
	fmt.Println(err)
	os.Exit(1)
}

// orphan stays for a while if its parent is not the worker.
const orphan = `
import os, time
def f(x, worker):
    if os.getppid() != worker: time.sleep(60)
    return x
`

// playMany runs short programs without end.
func playMany(p *Pool) error {
	worker := 1 // in its own namespace
	if p.Level() < Full {
		worker = p.lanes[seedA].idle[0].process.PID()
	}
	for i := 0; ; i++ {
		if i == 5 {
			fmt.Println("open")
		}
		if _, err := p.Run(context.Background(), azr.Execution{Program: orphan, Inputs: []string{fmt.Sprint(i, ", ", worker)}}); err != nil {
			return err
		}
	}
}

func TestKilledTrainerLeavesNoOrphan(t *testing.T) {
	for _, level := range levelsHere {
		t.Run(level.String(), func(t *testing.T) {
			openAt(t, level, nil)
			trainer := exec.Command(os.Args[0])
			trainer.Env = append(os.Environ(), trainerEnv+"="+level.String())
			out, err := trainer.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, trainer.Start())
			line, err := bufio.NewReader(out).ReadString('\n')
			require.NoError(t, err)
			require.Equal(t, "open", strings.TrimSpace(line))
			worker := busyWorkerOf(t, trainer.Process.Pid, 0)
			require.Len(t, processesOfSession(t, worker), 2)
			require.NoError(t, trainer.Process.Kill())
			_ = trainer.Wait()
			require.Eventually(t, func() bool { return len(processesOfSession(t, worker)) == 0 }, 10*time.Second, 5*time.Millisecond)
		})
	}
}

// TestKilledTrainerLeavesNoOrphanWhenever kills the trainer while its worker forks one child after the other,
// each of which would stay for a while if its worker were dead.
func TestKilledTrainerLeavesNoOrphanWhenever(t *testing.T) {
	trials := map[Level]int{Full: 3, Lite: 15}
	for _, level := range levelsHere {
		t.Run(level.String(), func(t *testing.T) {
			openAt(t, level, nil)
			for trial := range trials[level] {
				trainer := exec.Command(os.Args[0])
				trainer.Env = append(os.Environ(), trainerEnv+"="+level.String(), manyEnv+"=1")
				out, err := trainer.StdoutPipe()
				require.NoError(t, err)
				require.NoError(t, trainer.Start())
				_, err = bufio.NewReader(out).ReadString('\n')
				require.NoError(t, err)
				workers := childrenOf(t, trainer.Process.Pid)
				require.NotEmpty(t, workers)
				time.Sleep(time.Duration(trial) * 500 * time.Microsecond)
				require.NoError(t, trainer.Process.Kill())
				_ = trainer.Wait()
				for _, worker := range workers {
					require.Eventually(t, func() bool { return len(processesOfSession(t, worker)) == 0 }, 3*time.Second, 5*time.Millisecond, "trial %d", trial)
				}
			}
		})
	}
}

// TestChildOfADeadWorkerEnds has a child that asks to die with its worker when that is dead already.
func TestChildOfADeadWorkerEnds(t *testing.T) {
	source, _, found := strings.Cut(workerScript(), "\nmain()\n")
	require.True(t, found)
	out, err := exec.Command("python3", "-c", source+`
r, w = os.pipe()
if os.fork() == 0:
    worker = os.getpid()
    if os.fork() == 0:
        while os.getppid() == worker:
            time.sleep(0.001)
        make_confinement(None)[0](worker)
        os.write(w, b"an orphan")
    os._exit(0)
os.close(w)
print(os.read(r, 100))
`).CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Equal(t, "b''\n", string(out))
}
