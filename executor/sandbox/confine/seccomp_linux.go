package confine

import (
	"encoding/binary"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Offsets into struct seccomp_data, and the actions.
const (
	offsetNumber = 0
	offsetArch   = 4
	offsetArgs   = 16

	actionAllow = unix.SECCOMP_RET_ALLOW
	actionDeny  = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	actionKill  = unix.SECCOMP_RET_KILL_PROCESS
	// actionAbsent lets libc fall back to the older call, whose arguments can be seen.
	actionAbsent = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
)

// argumentRule decides a system call by the low half of one argument. With a mask
// the call is denied if the argument has one of its bits; else it is allowed only
// if the argument is one of values.
type argumentRule struct {
	call   uintptr
	arg    uint32
	mask   uint32
	values []uint32
}

// argumentRules keep the first filter's calls from writing files and making
// namespaces, and leave of fcntl and ioctl what an interpreter asks about its
// descriptors. The rest of those two locks files, sends signals (F_SETOWN,
// FIOASYNC), and changes flags of files that workers' children have in common.
func argumentRules() []argumentRule {
	const writing = unix.O_WRONLY | unix.O_RDWR | unix.O_CREAT | unix.O_TRUNC | unix.O_APPEND
	const namespaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC |
		unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET
	const closeOnExec, noCloseOnExec, bytesToRead = 0x5451, 0x5450, 0x541b // FIOCLEX, FIONCLEX, FIONREAD
	descriptors := []uint32{unix.F_DUPFD, unix.F_DUPFD_CLOEXEC, unix.F_GETFD, unix.F_SETFD, unix.F_GETFL, unix.F_GETPIPE_SZ}
	terminals := []uint32{unix.TCGETS, unix.TIOCGWINSZ, closeOnExec, noCloseOnExec, bytesToRead}
	rules := []argumentRule{
		{call: unix.SYS_OPENAT, arg: 2, mask: writing},
		{call: unix.SYS_CLONE, arg: 0, mask: namespaces},
		{call: unix.SYS_FCNTL, arg: 1, values: descriptors},
		{call: unix.SYS_IOCTL, arg: 1, values: terminals},
	}
	if legacyOpen != 0 {
		rules = append(rules, argumentRule{call: legacyOpen, arg: 1, mask: writing})
	}
	return rules
}

func load(offset uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
}

func jump(test uint16, k uint32, yes, no int) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | test | unix.BPF_K, K: k, Jt: uint8(yes), Jf: uint8(no)}
}

func answer(action uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: action}
}

// prologue kills whoever calls by another architecture's numbers, which mean
// other calls than those that the filter looks at.
func prologue() []unix.SockFilter {
	program := []unix.SockFilter{
		load(offsetArch), jump(unix.BPF_JEQ, auditArch, 1, 0), answer(actionKill),
		load(offsetNumber),
	}
	if foreignBit != 0 {
		program = append(program, jump(unix.BPF_JGE, foreignBit, 0, 1), answer(actionKill))
	}
	return program
}

// compile decides the call by its arguments.
func (r argumentRule) compile() []unix.SockFilter {
	body, hit, miss := []unix.SockFilter{load(offsetArgs + 8*r.arg)}, uint32(actionAllow), actionDeny
	if r.mask != 0 {
		body = append(body, jump(unix.BPF_JSET, r.mask, 1, 0))
		hit, miss = actionDeny, actionAllow
	}
	for i, v := range r.values {
		body = append(body, jump(unix.BPF_JEQ, v, len(r.values)-i, 0))
	}
	body = append(body, answer(miss), answer(hit))
	return append([]unix.SockFilter{jump(unix.BPF_JEQ, uint32(r.call), 0, len(body))}, body...)
}

// choose answers hit for the listed calls and miss for all others. It halves the
// numbers with each comparison: the kernel goes through a filter for each call
// when it is installed, which is in every child.
func choose(calls []uintptr, hit, miss uint32) []unix.SockFilter {
	var edges []uint32 // where the answer changes, miss first
	for _, call := range slices.Compact(slices.Sorted(slices.Values(calls))) {
		n := uint32(call)
		if len(edges) > 0 && edges[len(edges)-1] == n {
			edges = edges[:len(edges)-1]
		} else {
			edges = append(edges, n)
		}
		edges = append(edges, n+1)
	}
	program := halve(edges, 0, len(edges), 0)
	return append(program, answer(miss), answer(hit))
}

// halve tells in which of the stretches between edges the number is, from the first to the last one given, and jumps
// to the answer of that: one of the two after all comparisons, of which there are as many as edges. At is its own place.
func halve(edges []uint32, first, last, at int) []unix.SockFilter {
	middle := (first + last + 1) / 2
	answerOf := func(stretch int) int { return len(edges) + stretch%2 - at - 1 }
	var below, above []unix.SockFilter
	lower, upper := answerOf(first), answerOf(last)
	if first < middle-1 {
		below, lower = halve(edges, first, middle-1, at+1), 0
	}
	if middle < last {
		above, upper = halve(edges, middle, last, at+1+len(below)), len(below)
	}
	return slices.Concat([]unix.SockFilter{jump(unix.BPF_JGE, edges[middle-1], upper, lower)}, below, above)
}

// initFilter is installed before the interpreter starts and holds for it and
// all that it forks: what is not listed fails with EPERM.
func initFilter() []unix.SockFilter {
	program := prologue()
	program = append(program, jump(unix.BPF_JEQ, unix.SYS_CLONE3, 0, 1), answer(actionAbsent))
	for _, rule := range argumentRules() {
		program = append(program, rule.compile()...)
	}
	return append(program, choose(interpreterCalls(), actionAllow, actionDeny)...)
}

// ChildFilter is the filter that the worker adds in each child before it runs
// a program: no new process, program, signal or limit. It is short because
// installing one costs microseconds a rule. The bytes are an array of struct
// sock_filter in the machine's order.
func ChildFilter() []byte {
	program := append(prologue(), choose(workerCalls(), actionDeny, actionAllow)...)
	var raw []byte
	for _, i := range program {
		raw = binary.NativeEndian.AppendUint16(raw, i.Code)
		raw = append(raw, i.Jt, i.Jf)
		raw = binary.NativeEndian.AppendUint32(raw, i.K)
	}
	return raw
}

func install(program []unix.SockFilter) error {
	fprog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	return unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&fprog)), 0, 0)
}
