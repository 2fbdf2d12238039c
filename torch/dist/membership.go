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
	// Rank of the process, of Size; LocalRank is its number on its machine.
	Rank, Size, LocalRank int
	// Host and Port of rank 0.
	Host string
	Port int
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
)

// FromEnvironment reads what the starter of the processes says, torchrun's variables or srun's, and whether it says anything:
// a process that was started alone is in no group.
func FromEnvironment(lookup func(string) (string, bool)) (m Membership, started bool, err error) {
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
	m.LocalRank = m.Rank
	if text, ok := lookup(localRankVariable); ok {
		if m.LocalRank, err = strconv.Atoi(text); err != nil {
			return m, true, fmt.Errorf("dist.FromEnvironment: %s is no number; got %q", localRankVariable, text)
		}
	}
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

// listen is a socket for rank 0's store, for that to close: at the host's address alone, so that no other network reaches it
// or, where the host stands for an address that is not this machine's, at all of them. Other ranks have none.
func (m Membership) listen() (fd int, err error) {
	if m.Rank > 0 {
		return -1, nil
	}
	l, err := net.Listen("tcp", net.JoinHostPort(m.Host, strconv.Itoa(m.Port)))
	if errors.Is(err, syscall.EADDRNOTAVAIL) {
		l, err = net.Listen("tcp", ":"+strconv.Itoa(m.Port))
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
