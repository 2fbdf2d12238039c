package sandbox

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/azr-train/azr/executor/sandbox/confine"
)

// Command is what to run and how well to confine it.
type Command struct {
	Level Level
	// Argv is the program, by its absolute path, and its arguments; Env its whole environment.
	Argv, Env []string
	// Readable are the files and directories it may read and execute, parents first; missing ones are left out.
	Readable []string
	// LastPID is where its process ids start where it has a pid namespace; 0 means at 1.
	LastPID int
	// Stdout is its descriptor 1, and Files are those from 3 on. Descriptor 0 is /dev/null, and of 2 the
	// end is kept for [Process.Stderr]. The caller's own copies stay the caller's.
	Stdout *os.File
	Files  []*os.File
}

// Process is a running confined program.
type Process struct {
	cmd    *exec.Cmd
	stderr *tail
	kill   sync.Once
}

// UserID is the user that a confined program of this process's runs as.
func UserID() int {
	if os.Getuid() == 0 {
		return confine.Nobody
	}
	return os.Getuid()
}

// Start starts the command. That it returned no error does not mean that
// confining succeeded: if that fails the process exits and Stderr says why.
func Start(c Command) (*Process, error) {
	program, err := initProgram()
	if err != nil {
		return nil, fmt.Errorf("sandbox.Start: %w", err)
	}
	own := 3 + len(c.Files)
	spec, err := json.Marshal(confine.Spec{
		Root: c.Level >= Full, Landlock: c.Level >= Lite, Seccomp: c.Level >= Minimal,
		Readable: c.Readable, LastPID: c.LastPID, Argv: c.Argv, Env: c.Env, Self: own,
	})
	if err != nil {
		return nil, fmt.Errorf("sandbox.Start: %w", err)
	}
	p := &Process{stderr: &tail{}}
	p.cmd = exec.Command(fmt.Sprintf("/proc/self/fd/%d", own))
	p.cmd.Args = []string{"azr-sandbox"}
	p.cmd.Env = []string{"AZR_SANDBOX=" + string(spec)}
	p.cmd.ExtraFiles = append(slices.Clone(c.Files), program)
	if c.Stdout != nil {
		p.cmd.Stdout = c.Stdout
	}
	p.cmd.Stderr = p.stderr
	p.cmd.WaitDelay = time.Second
	p.cmd.SysProcAttr = attributes(c.Level)
	if err := p.start(); err != nil {
		return nil, fmt.Errorf("sandbox.Start: %w", err)
	}
	return p, nil
}

// attributes puts the process into a session of its own and, for Full, into
// namespaces. There it is root of nothing but them: outside it is [UserID].
func attributes(l Level) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true}
	if l < Full {
		return attr
	}
	attr.Cloneflags = syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET |
		syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS | syscall.CLONE_NEWCGROUP
	group := os.Getgid()
	if os.Getuid() == 0 {
		group = confine.Nobody
	}
	attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: UserID(), Size: 1}}
	attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: group, Size: 1}}
	attr.GidMappingsEnableSetgroups = os.Getuid() == 0
	attr.Credential = &syscall.Credential{NoSetGroups: os.Getuid() != 0}
	return attr
}

func (p *Process) start() error {
	// A parent's death is that of the thread that forked. The goroutine of a caller
	// may own its thread and end it; one of our own does not.
	started := make(chan error)
	go func() { started <- p.cmd.Start() }()
	return <-started
}

// PID returns the process's id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Stderr returns the end of what the program wrote to its standard error.
func (p *Process) Stderr() string { return p.stderr.String() }

// Kill ends the process with all that it started and waits for its end. It may
// be called more than once.
func (p *Process) Kill() {
	p.kill.Do(func() {
		// The group holds the children too where no pid namespace dies with its first process.
		_ = unix.Kill(-p.PID(), unix.SIGKILL)
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	})
}

// ChildFilter is the system-call filter that the program should install in its
// children, as an array of struct sock_filter.
func ChildFilter() []byte { return confine.ChildFilter() }
