package confine

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Nobody is the user and group id that a process of root's becomes.
const Nobody = 65534

// Spec says how to confine a process and what to run in it then.
type Spec struct {
	// Root builds a file system of its own out of Readable; the process must be the first one in new
	// user, mount, pid, net, ipc and uts namespaces.
	Root bool
	// Landlock forbids to open anything but Readable, and to write at all. With Root it may be missing from the kernel.
	Landlock bool
	// Seccomp allows the system calls that an interpreter without files and network needs.
	Seccomp bool
	// Readable are the files and directories that may be read and executed, parents first; one that does not exist is left out.
	Readable []string
	// LastPID sets the number after which the namespace counts its processes; 0 leaves it.
	LastPID int
	// Argv and Env are what is executed in the end; Argv[0] is an absolute path.
	Argv, Env []string
	// Self is the descriptor of the file that the process came from, which Argv does not get; 0 if there is none.
	Self int
}

// Apply confines the calling thread and then executes s.Argv in its place. It
// returns only to say which step failed. The caller has locked the OS thread.
func Apply(s Spec) error {
	if s.Self > 0 {
		unix.CloseOnExec(s.Self)
	}
	firstToDie()
	if s.LastPID > 0 {
		skipPIDs(s.LastPID)
	}
	if s.Root {
		if err := enterRoot(s.Readable); err != nil {
			return fmt.Errorf("private file system: %w", err)
		}
	} else if err := unix.Chdir("/"); err != nil {
		return fmt.Errorf("change to /: %w", err)
	}
	if err := dropRights(s.Root); err != nil {
		return err
	}
	if s.Landlock {
		err := restrictFiles(s.Readable)
		missing := errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EOPNOTSUPP)
		if err != nil && !(missing && s.Root) {
			return fmt.Errorf("landlock: %w", err)
		}
	}
	if s.Seccomp {
		if err := install(initFilter()); err != nil {
			return fmt.Errorf("seccomp: %w", err)
		}
	}
	return fmt.Errorf("execute %s: %w", s.Argv[0], syscall.Exec(s.Argv[0], s.Argv, s.Env))
}

// firstToDie asks the kernel to take this process before the trainer when
// memory runs out. It is a courtesy: failing costs nothing.
func firstToDie() {
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0)
}

// skipPIDs makes process ids differ between workers, so that a program whose
// output depends on its own is caught. It is a courtesy too.
func skipPIDs(last int) {
	_ = os.WriteFile("/proc/sys/kernel/ns_last_pid", []byte(strconv.Itoa(last)), 0)
}

// dropRights gives up capabilities, and root's user id where the process still
// has it outside a namespace; sets the limits that hold for every task; and ties
// the process's life to the one that started it. The last must come after a
// change of user, which clears it.
func dropRights(inNamespace bool) error {
	for c := uintptr(0); c < 64; c++ {
		// Without the capability to drop them there is nothing to drop.
		_ = unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0)
	}
	if os.Getuid() == 0 && !inNamespace {
		if err := becomeNobody(); err != nil {
			return err
		}
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	if err := unix.Capset(&header, &none[0]); err != nil {
		return fmt.Errorf("drop capabilities: %w", err)
	}
	for _, l := range []struct {
		resource int
		most     uint64
	}{
		{unix.RLIMIT_FSIZE, 0}, {unix.RLIMIT_CORE, 0}, {unix.RLIMIT_MEMLOCK, 0},
		{unix.RLIMIT_MSGQUEUE, 0}, {unix.RLIMIT_NOFILE, 64}, {unix.RLIMIT_STACK, 8 << 20},
	} {
		if err := unix.Setrlimit(l.resource, &unix.Rlimit{Cur: l.most, Max: l.most}); err != nil {
			return fmt.Errorf("resource limit %d: %w", l.resource, err)
		}
	}
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return fmt.Errorf("parent death signal: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	return nil
}

func becomeNobody() error {
	if err := unix.Setgroups(nil); err != nil {
		return fmt.Errorf("drop groups: %w", err)
	}
	if err := unix.Setresgid(Nobody, Nobody, Nobody); err != nil {
		return fmt.Errorf("become group %d: %w", Nobody, err)
	}
	if err := unix.Setresuid(Nobody, Nobody, Nobody); err != nil {
		return fmt.Errorf("become user %d: %w", Nobody, err)
	}
	return nil
}
