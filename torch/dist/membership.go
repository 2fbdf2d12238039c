package dist

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// Membership is a process's part in a group.
type Membership struct {
	// Backend moves the bytes of tensors on CUDA devices: nccl, gloo (by way of the CPUs), or auto (default), which is nccl
	// where there are devices. Tensors of the CPU go by gloo.
	Backend string
	// Rank of the process, of Size; LocalRank is its number on its machine, 0 where the starter says none.
	Rank, Size, LocalRank int
	// Host and Port of rank 0.
	Host string
	Port int
	// Store tells that the starter keeps the store at Host and Port itself, as torchrun does; else rank 0 does. Attempt counts how
	// often the starter has started the processes anew beside it.
	Store   bool
	Attempt int
	// Interface of the network to use, for example eth0; "" is the one that the host's name stands for.
	Interface string
	// Timeout of opening the group and of each collective.
	Timeout time.Duration
}

// The variables that torchrun sets.
const (
	rankVariable      = "RANK"
	sizeVariable      = "WORLD_SIZE"
	localRankVariable = "LOCAL_RANK"
	hostVariable      = "MASTER_ADDR"
	portVariable      = "MASTER_PORT"
	storeVariable     = "TORCHELASTIC_USE_AGENT_STORE" // True: torchrun keeps the store
	attemptVariable   = "TORCHELASTIC_RESTART_COUNT"
)

// FromEnvironment reads what the starter of the processes says, torchrun's variables or srun's, and whether it says anything:
// a process that was started alone, or as the only one, is in no group.
func FromEnvironment(lookup func(string) (string, bool)) (m Membership, started bool, err error) {
	if size, _ := lookup(sizeVariable); size == "1" {
		return m, false, nil
	}
	if _, ok := lookup(rankVariable); !ok {
		slurm, err := underSlurm(lookup)
		if slurm == nil {
			return m, err != nil, err
		}
		lookup = slurm
	}
	for name, into := range map[string]*int{rankVariable: &m.Rank, sizeVariable: &m.Size, portVariable: &m.Port} {
		text, ok := lookup(name)
		if *into, err = strconv.Atoi(text); err != nil {
			return m, true, fmt.Errorf("dist.FromEnvironment: %s is no number; got %q (set: %t); want what torchrun sets beside %s", name, text, ok, rankVariable)
		}
	}
	for name, into := range map[string]*int{localRankVariable: &m.LocalRank, attemptVariable: &m.Attempt} {
		if text, ok := lookup(name); ok {
			if *into, err = strconv.Atoi(text); err != nil {
				return m, true, fmt.Errorf("dist.FromEnvironment: %s is no number; got %q", name, text)
			}
		}
	}
	store, _ := lookup(storeVariable)
	m.Store = store == "True"
	m.Host, _ = lookup(hostVariable)
	return m, true, m.validate()
}

// Environment is what a starter tells the process.
func (m Membership) Environment() []string {
	var set []string
	for name, n := range map[string]int{rankVariable: m.Rank, sizeVariable: m.Size, localRankVariable: m.LocalRank, portVariable: m.Port} {
		set = append(set, fmt.Sprintf("%s=%d", name, n))
	}
	return append(set, hostVariable+"="+m.Host)
}

// listen is a socket for rank 0's store, for that to close: at the host's address alone, so that no other network reaches it.
// Where that address is not this machine's, or is what the machine itself takes a name for that other machines know, it is at all
// of them. Ranks that keep no store have none.
func (m Membership) listen() (fd int, err error) {
	if m.Rank > 0 || m.Store {
		return -1, nil
	}
	port := strconv.Itoa(m.Port)
	l, err := net.Listen("tcp", net.JoinHostPort(m.Host, port))
	if err == nil && net.ParseIP(m.Host) == nil && l.Addr().(*net.TCPAddr).IP.IsLoopback() {
		l.Close()
		err = syscall.EADDRNOTAVAIL
	}
	if errors.Is(err, syscall.EADDRNOTAVAIL) || errors.As(err, new(*net.DNSError)) { // or no name server knows the host yet
		l, err = net.Listen("tcp", ":"+port)
	}
	if err != nil {
		return -1, fmt.Errorf("dist.Open: rank 0 cannot listen at %s:%d: %w", m.Host, m.Port, err)
	}
	defer l.Close()
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		return -1, err
	}
	defer file.Close()
	return syscall.Dup(int(file.Fd()))
}

func (m Membership) validate() error {
	bad := func(name string, got any, want string) error {
		return fmt.Errorf("dist: %s is out of range; got %v, want %s", name, got, want)
	}
	switch {
	case m.Size < 1:
		return bad(sizeVariable, m.Size, "at least 1")
	case m.Rank < 0 || m.Rank >= m.Size:
		return bad(rankVariable, m.Rank, fmt.Sprintf("0 to %d", m.Size-1))
	case m.LocalRank < 0:
		return bad(localRankVariable, m.LocalRank, "0 or more")
	case m.Port < 1 || m.Port > 65535:
		return bad(portVariable, m.Port, "a port")
	case !slices.Contains([]string{"", Auto, Gloo, NCCL}, m.Backend):
		return bad("the backend", m.Backend, "auto, nccl or gloo")
	case m.Host == "":
		return bad(hostVariable, `""`, "the host of rank 0")
	}
	return nil
}
