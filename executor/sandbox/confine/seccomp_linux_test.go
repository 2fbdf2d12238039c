package confine

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// call is the part of struct seccomp_data that filters look at.
type call struct {
	arch   uint32
	number uintptr
	args   [6]uint32
}

// decide runs a filter as the kernel would.
func decide(t *testing.T, program []unix.SockFilter, c call) uint32 {
	var a uint32
	for at := 0; at < len(program); at++ {
		i := program[at]
		switch i.Code {
		case unix.BPF_LD | unix.BPF_W | unix.BPF_ABS:
			switch {
			case i.K == offsetNumber:
				a = uint32(c.number)
			case i.K == offsetArch:
				a = c.arch
			default:
				a = c.args[(i.K-offsetArgs)/8]
			}
		case unix.BPF_RET | unix.BPF_K:
			return i.K
		default:
			var yes bool
			switch i.Code {
			case unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K:
				yes = a == i.K
			case unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K:
				yes = a >= i.K
			case unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K:
				yes = a&i.K != 0
			default:
				require.Failf(t, "unknown instruction", "%+v", i)
			}
			if yes {
				at += int(i.Jt)
			} else {
				at += int(i.Jf)
			}
		}
	}
	require.Fail(t, "fell off the end of the filter")
	return 0
}

func TestInitFilter(t *testing.T) {
	program := initFilter()
	for _, c := range []struct {
		number uintptr
		args   [6]uint32
		want   uint32
	}{
		{unix.SYS_READ, [6]uint32{}, actionAllow},
		{unix.SYS_EXIT_GROUP, [6]uint32{}, actionAllow},
		{unix.SYS_EXECVE, [6]uint32{}, actionAllow},
		{unix.SYS_CLONE3, [6]uint32{}, actionAbsent},
		{unix.SYS_OPENAT, [6]uint32{0, 0, unix.O_RDONLY | unix.O_CLOEXEC | unix.O_DIRECTORY}, actionAllow},
		{unix.SYS_OPENAT, [6]uint32{0, 0, unix.O_WRONLY}, actionDeny},
		{unix.SYS_OPENAT, [6]uint32{0, 0, unix.O_CREAT}, actionDeny},
		{unix.SYS_OPENAT, [6]uint32{0, 0, unix.O_TMPFILE | unix.O_RDWR}, actionDeny},
		{unix.SYS_CLONE, [6]uint32{uint32(unix.SIGCHLD)}, actionAllow},
		{unix.SYS_CLONE, [6]uint32{unix.CLONE_NEWUSER}, actionDeny},
		{unix.SYS_FCNTL, [6]uint32{0, unix.F_GETFD}, actionAllow},
		{unix.SYS_FCNTL, [6]uint32{0, unix.F_SETLK}, actionDeny},
		{unix.SYS_FCNTL, [6]uint32{0, unix.F_NOTIFY}, actionDeny},
	} {
		assert.Equal(t, c.want, decide(t, program, call{auditArch, c.number, c.args}), "call %d %v", c.number, c.args)
	}
	for _, number := range []uintptr{
		unix.SYS_SOCKET, unix.SYS_CONNECT, unix.SYS_MOUNT, unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_PTRACE, unix.SYS_BPF,
		unix.SYS_IO_URING_SETUP, unix.SYS_KEYCTL, unix.SYS_USERFAULTFD, unix.SYS_PERF_EVENT_OPEN, unix.SYS_MEMFD_CREATE, unix.SYS_OPENAT2,
		unix.SYS_FLOCK, unix.SYS_MKDIRAT, unix.SYS_UNLINKAT, unix.SYS_SETUID, unix.SYS_SETSID, unix.SYS_PROCESS_VM_WRITEV, 100_000,
	} {
		assert.Equal(t, actionDeny, decide(t, program, call{auditArch, number, [6]uint32{}}), "call %d", number)
	}
}

func TestForeignArchitectureIsKilled(t *testing.T) {
	for _, arch := range []uint32{unix.AUDIT_ARCH_I386, unix.AUDIT_ARCH_ARM, unix.AUDIT_ARCH_MIPS} {
		assert.EqualValues(t, actionKill, decide(t, initFilter(), call{arch, unix.SYS_READ, [6]uint32{}}))
	}
	if foreignBit != 0 {
		assert.EqualValues(t, actionKill, decide(t, initFilter(), call{auditArch, foreignBit | unix.SYS_READ, [6]uint32{}}))
	}
}

func TestChildFilterTakesWhatOnlyTheWorkerNeeds(t *testing.T) {
	program := append(prologue(), choose(workerCalls(), actionDeny, actionAllow)...)
	assert.Len(t, ChildFilter(), 8*len(program))
	for _, number := range workerCalls() {
		assert.Equal(t, actionDeny, decide(t, program, call{auditArch, number, [6]uint32{}}), "call %d", number)
	}
	assert.EqualValues(t, actionAllow, decide(t, program, call{auditArch, unix.SYS_WRITE, [6]uint32{}}))
	assert.LessOrEqual(t, len(program), 36, "each rule costs a task time")
}

func TestChooseDecidesEveryNumber(t *testing.T) {
	for _, calls := range [][]uintptr{workerCalls(), interpreterCalls(), {0}, {7}, {3, 3, 4, 5}, {0, 2, 4, 6, 8}} {
		program := choose(calls, actionDeny, actionAllow)
		assert.LessOrEqual(t, len(program), math.MaxUint8, "jumps are bytes")
		program = append([]unix.SockFilter{load(offsetNumber)}, program...)
		for number := range uintptr(600) {
			want := uint32(actionAllow)
			if slices.Contains(calls, number) {
				want = actionDeny
			}
			require.Equal(t, want, decide(t, program, call{auditArch, number, [6]uint32{}}), "call %d", number)
		}
		assert.EqualValues(t, actionAllow, decide(t, program, call{auditArch, math.MaxUint32, [6]uint32{}}))
	}
}
