package dist

import (
	"fmt"
	"time"

	"github.com/azr-train/azr/torch"
	"github.com/azr-train/azr/torch/internal/capi"
)

// The backends.
const (
	Auto = "auto"
	Gloo = "gloo"
	NCCL = "nccl"
)

// Reduction says how ranks' numbers become one.
type Reduction int32

// The reductions.
const (
	Sum Reduction = capi.ReduceSum
	Max Reduction = capi.ReduceMax
)

// Group is this process's part in a process group. One goroutine begins its collectives, the same ones as on every other
// rank and in the same order. Operands have to stay until the work is waited for.
type Group struct {
	Membership
	h     capi.Group
	pulse *pulse
	// waited is the time spent waiting for collectives so far.
	waited time.Duration
	// connecting: NCCL has not come back from Connect in time, and works on h.
	connecting bool
}

// Open joins the group, and returns when all ranks have.
func Open(m Membership) (*Group, error) {
	if err := m.validate(); err != nil {
		return nil, err
	}
	if m.Timeout < time.Second {
		return nil, fmt.Errorf("dist.Open: the timeout is too small; got %v, want at least 1s", m.Timeout)
	}
	listener, err := m.listen()
	if err != nil {
		return nil, err
	}
	h, failed := capi.GroupOpen(capi.Membership{
		Host: m.Host, Interface: m.Interface, Port: int32(m.Port), Listener: int32(listener), Prefix: fmt.Sprintf("azr/%d", m.Attempt),
		Rank: int32(m.Rank), Size: int32(m.Size), TimeoutMS: m.Timeout.Milliseconds(),
	})
	if failed != nil {
		return nil, fmt.Errorf("dist.Open: rank %d of %d did not meet the others at %s:%d within %v: %s", m.Rank, m.Size, m.Host, m.Port, m.Timeout, firstLine(failed.Msg))
	}
	g := &Group{Membership: m, h: h}
	if g.pulse, failed = startPulse(h, m); failed != nil {
		h.Close()
		return nil, fmt.Errorf("dist.Open: rank %d cannot write to the store of rank 0: %s", m.Rank, firstLine(failed.Msg))
	}
	return g, nil
}

// Connect connects this rank's CUDA device with those of the others, by NCCL, if the backend says so: collectives of tensors on
// it then go from device to device. It returns when all ranks have. Ranks on CPUs have nothing to connect.
func (g *Group) Connect(device torch.Device) error {
	onCPU := device == torch.CPU
	switch {
	case g.Backend == Gloo, g.Backend != NCCL && onCPU:
		return nil
	case onCPU:
		return fmt.Errorf("dist.Connect: NCCL is between CUDA devices; got rank %d on the CPU; hint: --dist-backend gloo", g.Rank)
	}
	g.pulse.begin("Connect")
	failed := make(chan *capi.Error, 1)
	go func() { failed <- g.h.Connect(device.Index()) }() // NCCL waits for a lost rank without end
	select {
	case err := <-failed:
		if err != nil {
			return g.explain("Connect", err.Msg)
		}
		return nil
	case <-time.After(g.Timeout):
		g.connecting = true
		return g.explain("Connect", fmt.Sprintf("not all ranks connected within %v", g.Timeout))
	}
}

// Close leaves the group. What is under way has to have been waited for. A group whose store does not answer, or
// whose devices are still being connected, is left as it is.
func (g *Group) Close() {
	if g.pulse.stop() && !g.connecting {
		g.h.Close()
	}
}

// Enter says what the process does from now on, for errors of other ranks that wait for it.
func (g *Group) Enter(phase string) { g.pulse.enter(phase) }

// Waited is the time that [Work.Wait] has taken so far.
func (g *Group) Waited() time.Duration { return g.waited }

// Work is a collective under way.
type Work struct {
	group *Group
	name  string
	h     capi.Work
	err   *capi.Error
}

func (g *Group) begin(name string, begin func() (capi.Work, *capi.Error)) *Work {
	g.pulse.begin(name)
	h, err := begin()
	return &Work{group: g, name: name, h: h, err: err}
}

// AllReduce makes t the sum or the maximum of all ranks' t, in place.
func (g *Group) AllReduce(t torch.Tensor, r Reduction) *Work {
	return g.begin("AllReduce", func() (capi.Work, *capi.Error) { return g.h.AllReduce(t.Handle(), int32(r)) })
}

// Broadcast makes t root's t, in place.
func (g *Group) Broadcast(t torch.Tensor, root int) *Work {
	return g.begin("Broadcast", func() (capi.Work, *capi.Error) { return g.h.Broadcast(t.Handle(), int32(root)) })
}

// AllGather puts the ranks' own tensors one after the other, in order of rank, into a tensor of Size times as many elements.
func (g *Group) AllGather(into, own torch.Tensor) *Work {
	return g.begin("AllGather", func() (capi.Work, *capi.Error) { return g.h.AllGather(into.Handle(), own.Handle()) })
}

// Reduce makes root's t the sum of all ranks' t; the others' t are of no more use.
func (g *Group) Reduce(t torch.Tensor, root int) *Work {
	return g.begin("Reduce", func() (capi.Work, *capi.Error) { return g.h.Reduce(t.Handle(), int32(root)) })
}

// Wait returns when the collective is done, or has failed: then the group is of no more use.
func (w *Work) Wait() error {
	begin := time.Now()
	if w.err == nil {
		w.err = w.h.Wait()
	}
	w.group.waited += time.Since(begin)
	if w.err == nil {
		return nil
	}
	return w.group.explain(w.name, w.err.Msg)
}

// long is how many bytes go by themselves, and not beside as many of each other rank.
const long = 1 << 20

// oneByOne is GatherBytes of ranks of which some have much more than others.
func (g *Group) oneByOne(own []byte, lengths []int64) ([][]byte, error) {
	parts := make([][]byte, g.Size)
	for rank, n := range lengths {
		if n == 0 {
			continue
		}
		s := torch.NewScope()
		padded := make([]byte, (n+7)/8*8)
		if rank == g.Rank {
			copy(padded, own)
		}
		t := s.FromBytes(padded, torch.I64, torch.CPU, int64(len(padded)/8))
		err := g.Broadcast(t, rank).Wait()
		if err == nil {
			parts[rank] = t.Bytes()[:n]
		}
		s.Close()
		if err != nil {
			return nil, err
		}
	}
	return parts, nil
}

// GatherBytes gives every rank what each has, in order of rank.
func (g *Group) GatherBytes(own []byte) ([][]byte, error) {
	s := torch.NewScope()
	defer s.Close()
	sizes := s.FromInt64s(make([]int64, g.Size), torch.CPU)
	if err := g.AllGather(sizes, s.FromInt64s([]int64{int64(len(own))}, torch.CPU)).Wait(); err != nil {
		return nil, err
	}
	lengths := sizes.Int64s()
	longest := int64(0)
	for _, n := range lengths {
		longest = max(longest, n)
	}
	switch {
	case longest == 0:
		return make([][]byte, g.Size), nil
	case longest > long:
		return g.oneByOne(own, lengths)
	}
	width := (longest + 7) / 8 // in elements of 8 bytes, all ranks' alike
	padded := make([]byte, 8*width)
	copy(padded, own)
	all := s.Zeros(torch.I64, torch.CPU, int64(g.Size)*width)
	if err := g.AllGather(all, s.FromBytes(padded, torch.I64, torch.CPU, width)).Wait(); err != nil {
		return nil, err
	}
	bytes, parts := all.Bytes(), make([][]byte, g.Size)
	for rank, n := range lengths {
		from := int64(rank) * 8 * width
		parts[rank] = bytes[from : from+n]
	}
	return parts, nil
}
