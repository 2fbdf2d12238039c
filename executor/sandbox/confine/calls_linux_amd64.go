package confine

import "golang.org/x/sys/unix"

const (
	auditArch = unix.AUDIT_ARCH_X86_64
	// foreignBit marks the x32 ABI's numbers.
	foreignBit    = 0x40000000
	legacyOpen    = unix.SYS_OPEN
	sysNewfstatat = unix.SYS_NEWFSTATAT
)

// legacyCalls are older forms that later architectures do without.
var legacyCalls = []uintptr{
	unix.SYS_STAT, unix.SYS_LSTAT, unix.SYS_ACCESS, unix.SYS_READLINK, unix.SYS_POLL, unix.SYS_SELECT, unix.SYS_PIPE, unix.SYS_DUP2,
	unix.SYS_PAUSE, unix.SYS_ALARM, unix.SYS_GETPGRP, unix.SYS_TIME, unix.SYS_EPOLL_WAIT, unix.SYS_ARCH_PRCTL,
}

var legacyWorkerCalls = []uintptr{unix.SYS_FORK, unix.SYS_VFORK, unix.SYS_GETRLIMIT, unix.SYS_SETRLIMIT}
