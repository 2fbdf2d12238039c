package confine

import "golang.org/x/sys/unix"

const (
	auditArch     = unix.AUDIT_ARCH_AARCH64
	foreignBit    = 0
	legacyOpen    = 0
	sysNewfstatat = unix.SYS_NEWFSTATAT
)

var (
	legacyCalls       []uintptr
	legacyWorkerCalls = []uintptr{unix.SYS_GETRLIMIT, unix.SYS_SETRLIMIT}
)
