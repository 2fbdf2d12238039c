package dist_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/torch"
	"github.com/azr-train/azr/torch/dist"
	"github.com/azr-train/azr/torch/dist/disttest"
)

func TestMain(m *testing.M) {
	disttest.Main(m, map[string]disttest.Scenario{"collectives": collectives, "bytes": bytesOfAll, "many bytes": manyBytes, "death": death, "late": late, "dawdle": dawdle})
}

// collected is what came of each collective on a rank.
type collected struct {
	Sum, Max, Root, Gathered []float32
	Reduced                  []float32 // on the last rank
	BF16                     []float32
	Overlapped               []float32
}

// collectives runs each once. Rank r has r+1 and 10(r+1).
func collectives(g *dist.Group) (any, error) {
	s := torch.NewScope()
	defer s.Close()
	own := func() torch.Tensor { n := float32(g.Rank + 1); return s.FromFloat32s([]float32{n, 10 * n}, torch.CPU) }
	var c collected
	var failed error
	wait := func(w *dist.Work) {
		if err := w.Wait(); err != nil && failed == nil {
			failed = err
		}
	}
	g.Enter("testing")
	sum, most, root := own(), own(), own()
	wait(g.AllReduce(sum, dist.Sum))
	wait(g.AllReduce(most, dist.Max))
	wait(g.Broadcast(root, g.Size-1))
	gathered := s.Zeros(torch.F32, torch.CPU, int64(g.Size), 2)
	wait(g.AllGather(gathered, own()))
	reduced := own()
	wait(g.Reduce(reduced, g.Size-1))
	half := own().To(torch.BF16, torch.CPU)
	wait(g.AllReduce(half, dist.Sum))
	// Two at once, waited for in the other order.
	first, second := own(), own()
	a, b := g.AllReduce(first, dist.Sum), g.AllReduce(second, dist.Max)
	wait(b)
	wait(a)
	if failed == nil {
		c = collected{sum.Float32s(), most.Float32s(), root.Float32s(), gathered.Float32s(), nil,
			half.To(torch.F32, torch.CPU).Float32s(), append(first.Float32s(), second.Float32s()...)}
		if g.Rank == g.Size-1 {
			c.Reduced = reduced.Float32s()
		}
	}
	return c, failed
}

func TestEachCollective(t *testing.T) {
	for _, size := range []int{2, 4} {
		sum, last := float32(size*(size+1)/2), float32(size)
		var gathered []float32
		for r := range size {
			gathered = append(gathered, float32(r+1), 10*float32(r+1))
		}
		for rank, c := range disttest.Answers[collected](t, disttest.Start(t, "collectives", size)) {
			want := collected{
				Sum: []float32{sum, 10 * sum}, Max: []float32{last, 10 * last}, Root: []float32{last, 10 * last}, Gathered: gathered,
				BF16: []float32{sum, 10 * sum}, Overlapped: []float32{sum, 10 * sum, last, 10 * last},
			}
			if rank == size-1 {
				want.Reduced = want.Sum
			}
			assert.Equal(t, want, c, "rank %d of %d", rank, size)
		}
	}
}

// bytesOfAll gives each rank the ranks' names, as often as their number; rank 0 has none.
func bytesOfAll(g *dist.Group) (any, error) {
	parts, err := g.GatherBytes([]byte(strings.Repeat(fmt.Sprintf("rank %d ", g.Rank), g.Rank)))
	var texts []string
	for _, p := range parts {
		texts = append(texts, string(p))
	}
	return texts, err
}

func TestGatherBytes(t *testing.T) {
	want := []string{"", "rank 1 ", "rank 2 rank 2 ", "rank 3 rank 3 rank 3 "}
	for _, texts := range disttest.Answers[[]string](t, disttest.Start(t, "bytes", 4)) {
		assert.Equal(t, want, texts)
	}
}

// manyBytes has a rank with more than goes beside the others'.
func manyBytes(g *dist.Group) (any, error) {
	parts, err := g.GatherBytes([]byte(strings.Repeat("x", []int{3, 0, 2<<20 + 1}[g.Rank])))
	var lengths []int
	for _, p := range parts {
		if strings.Trim(string(p), "x") != "" {
			return nil, fmt.Errorf("rank %d: other bytes", g.Rank)
		}
		lengths = append(lengths, len(p))
	}
	return lengths, err
}

func TestGatherManyBytes(t *testing.T) {
	for _, lengths := range disttest.Answers[[]int](t, disttest.Start(t, "many bytes", 3)) {
		assert.Equal(t, []int{3, 0, 2<<20 + 1}, lengths)
	}
}

// dawdle is death of ranks of which 1 comes to its next collective much later.
func dawdle(g *dist.Group) (any, error) {
	if g.Rank != 1 {
		return death(g)
	}
	s := torch.NewScope()
	defer s.Close()
	g.Enter("playing")
	for {
		if err := g.AllReduce(s.Zeros(torch.F32, torch.CPU, 1000), dist.Sum).Wait(); err != nil {
			return nil, err
		}
		if _, err := os.Stat(os.Getenv("AZR_DIST_MARK")); err == nil {
			time.Sleep(20 * time.Second)
		}
	}
}

// death sums until someone dies.
func death(g *dist.Group) (any, error) {
	s := torch.NewScope()
	defer s.Close()
	g.Enter("updating")
	begin := time.Now()
	for {
		if mark := os.Getenv("AZR_DIST_MARK"); g.Rank == 2 && time.Since(begin) > 3*time.Second { // it has told where it is
			if err := os.WriteFile(mark, nil, 0o644); err != nil {
				return nil, err
			}
		}
		if err := g.AllReduce(s.Zeros(torch.F32, torch.CPU, 1000), dist.Sum).Wait(); err != nil {
			return nil, err
		}
	}
}

// late never comes to the second collective, if it is rank 1.
func late(g *dist.Group) (any, error) {
	s := torch.NewScope()
	defer s.Close()
	own := s.Zeros(torch.F32, torch.CPU, 1)
	if err := g.Broadcast(own, 0).Wait(); err != nil {
		return nil, err
	}
	if g.Rank == 1 {
		g.Enter("playing")
		time.Sleep(time.Minute)
		return nil, nil
	}
	g.Enter("updating")
	return nil, g.AllReduce(own, dist.Sum).Wait()
}

// A rank that dies, or is stopped, is named by every other one.
func TestALostRankIsNamed(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGSTOP} {
		mark := filepath.Join(t.TempDir(), "sums")
		r := disttest.Start(t, "death", 3, disttest.TimeoutVariable+"=5s", "AZR_DIST_MARK="+mark)
		require.Eventually(t, func() bool { _, err := os.Stat(mark); return err == nil }, time.Minute, 10*time.Millisecond)
		require.NoError(t, r.Processes[2].Process.Signal(sig))
		for _, rank := range []int{0, 1} {
			line := r.Ends(t, rank)
			assert.Regexp(t, fmt.Sprintf(`^dist\.AllReduce: rank %d \(host .+\) in updating: lost rank 2 \(host .+\), last heard of in updating after \d+ collectives, the last AllReduce: `, rank), line)
			assert.NotContains(t, line, "\n")
		}
	}
}

// Rank 0 keeps the store by which the others ask: they know where it was last, and do not wait for it.
func TestALostRank0IsNamed(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGSTOP} {
		mark := filepath.Join(t.TempDir(), "sums")
		r := disttest.Start(t, "death", 3, disttest.TimeoutVariable+"=5s", "AZR_DIST_MARK="+mark)
		require.Eventually(t, func() bool { _, err := os.Stat(mark); return err == nil }, time.Minute, 10*time.Millisecond)
		require.NoError(t, r.Processes[0].Process.Signal(sig))
		for _, rank := range []int{1, 2} {
			assert.Regexp(t, fmt.Sprintf(`^dist\.AllReduce: rank %d \(host .+\) in updating: lost rank 0 \(host .+\), last heard of in updating after \d+ collectives, the last AllReduce: `, rank), r.Ends(t, rank))
		}
	}
}

// A rank that comes to its next collective when the others, and the store, are gone says what they have found.
func TestALateRankBlamesTheLostOne(t *testing.T) {
	mark := filepath.Join(t.TempDir(), "sums")
	r := disttest.Start(t, "dawdle", 3, disttest.TimeoutVariable+"=5s", "AZR_DIST_MARK="+mark)
	require.Eventually(t, func() bool { _, err := os.Stat(mark); return err == nil }, time.Minute, 10*time.Millisecond)
	require.NoError(t, r.Processes[2].Process.Kill())
	assert.Regexp(t, `lost rank 2 \(host .+\)`, r.Ends(t, 0))
	assert.Regexp(t, `^dist\.AllReduce: rank 1 \(host .+\) in playing: lost rank 2 \(host .+\), last heard of in updating`, r.Ends(t, 1))
}

func TestARankThatIsBehindIsNamed(t *testing.T) {
	r := disttest.Start(t, "late", 2, disttest.TimeoutVariable+"=3s")
	line := r.Ends(t, 0)
	assert.Regexp(t, `^dist\.AllReduce: rank 0 \(host .+\) in updating: waited for rank 1 \(host .+\), last heard of in playing after 1 collectives, the last Broadcast: `, line)
}

func TestARankThatDoesNotComeIsNoticed(t *testing.T) {
	r := disttest.Start(t, "collectives", 2, disttest.TimeoutVariable+"=3s", "WORLD_SIZE=3")
	for rank := range 2 {
		assert.Regexp(t, fmt.Sprintf(`^dist\.Open: rank %d of 3 did not meet the others at 127\.0\.0\.1:\d+ within 3s: `, rank), r.Ends(t, rank))
	}
}

// What listens for ranks on one machine is out of reach of others.
func TestRank0ListensAtItsAddressAlone(t *testing.T) {
	m := dist.Membership{Size: 1, Host: "127.0.0.1", Port: disttest.FreePort(t), Interface: "lo", Timeout: 10 * time.Second}
	g, err := dist.Open(m)
	require.NoError(t, err)
	defer g.Close()
	table, err := os.ReadFile("/proc/net/tcp")
	require.NoError(t, err)
	assert.Regexp(t, fmt.Sprintf(`(?m)^ *\d+: 0100007F:%04X 00000000:0000 0A `, m.Port), string(table))
	everywhere, err := os.ReadFile("/proc/net/tcp6")
	require.NoError(t, err)
	assert.NotRegexp(t, fmt.Sprintf(`(?m)^ *\d+: \w+:%04X \w+:0000 0A `, m.Port), string(everywhere))

	_, err = dist.Open(m)
	assert.ErrorContains(t, err, fmt.Sprintf("dist.Open: rank 0 cannot listen at 127.0.0.1:%d: ", m.Port))

	// A name that this machine alone takes for itself may be another address for others.
	m.Host, m.Port = "localhost", disttest.FreePort(t)
	named, err := dist.Open(m)
	require.NoError(t, err)
	defer named.Close()
	everywhere, err = os.ReadFile("/proc/net/tcp6")
	require.NoError(t, err)
	assert.Regexp(t, fmt.Sprintf(`(?m)^ *\d+: 0{32}:%04X \w+:0000 0A `, m.Port), string(everywhere))
}

func TestFromEnvironment(t *testing.T) {
	set := map[string]string{}
	lookup := func(name string) (string, bool) { text, ok := set[name]; return text, ok }
	_, started, err := dist.FromEnvironment(lookup)
	require.NoError(t, err)
	assert.False(t, started)
	for _, step := range []struct{ name, value, words string }{
		{"RANK", "2", "WORLD_SIZE is no number|MASTER_PORT is no number"},
		{"WORLD_SIZE", "4", "MASTER_PORT is no number"},
		{"MASTER_PORT", "29500", "MASTER_ADDR is out of range"},
		{"MASTER_ADDR", "node0", ""},
		{"LOCAL_RANK", "x", "LOCAL_RANK is no number"},
		{"LOCAL_RANK", "1", ""},
		{"RANK", "4", "RANK is out of range; got 4, want 0 to 3"},
	} {
		set[step.name] = step.value
		m, started, err := dist.FromEnvironment(lookup)
		assert.True(t, started)
		if step.words != "" {
			require.Error(t, err)
			assert.Regexp(t, step.words, err.Error())
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, dist.Membership{Rank: 2, Size: 4, LocalRank: map[bool]int{true: 1}[set["LOCAL_RANK"] == "1"], Host: "node0", Port: 29500}, m)
	}
}

// srun's variables stand for torchrun's; what is set of those stays.
func TestFromSlurm(t *testing.T) {
	set := map[string]string{
		"SLURM_STEP_NUM_TASKS": "8", "SLURM_PROCID": "5", "SLURM_LOCALID": "1", "SLURM_STEP_NODELIST": "gpu[03-04,09]", "SLURM_JOB_ID": "1234567",
	}
	lookup := func(name string) (string, bool) { text, ok := set[name]; return text, ok }
	m, started, err := dist.FromEnvironment(lookup)
	require.NoError(t, err)
	assert.True(t, started)
	want := dist.Membership{Rank: 5, Size: 8, LocalRank: 1, Host: "gpu03", Port: 24567}
	assert.Equal(t, want, m)
	for list, host := range map[string]string{
		"n1": "n1", "n1,n2": "n1", "n1,gpu[1-2]": "n1", "gpu[7]": "gpu7", "r[1-2]-ib,x": "r1-ib", "rack[1-2]n[07-09]": "rack1n07",
	} {
		set["SLURM_STEP_NODELIST"] = list
		m, _, err := dist.FromEnvironment(lookup)
		require.NoError(t, err)
		assert.Equal(t, host, m.Host, list)
	}
	for list, words := range map[string]string{"": "names no host", "gpu[03-04": "without its ]"} {
		set["SLURM_STEP_NODELIST"] = list
		_, _, err := dist.FromEnvironment(lookup)
		assert.ErrorContains(t, err, words)
	}
	set["SLURM_STEP_NODELIST"] = "gpu[03-04]"
	set["MASTER_ADDR"], set["MASTER_PORT"] = "10.0.0.7", "29500"
	m, _, err = dist.FromEnvironment(lookup)
	require.NoError(t, err)
	want.Host, want.Port = "10.0.0.7", 29500
	assert.Equal(t, want, m)
	set["RANK"], set["WORLD_SIZE"] = "0", "2" // torchrun inside a step
	m, _, err = dist.FromEnvironment(lookup)
	require.NoError(t, err)
	assert.Equal(t, 2, m.Size)
	delete(set, "RANK")
	set["SLURM_STEP_NUM_TASKS"] = "1"
	_, started, err = dist.FromEnvironment(lookup)
	assert.NoError(t, err)
	assert.False(t, started, "a step of one process, or a batch script")
}

func TestTheOnlyRankIsInNoGroup(t *testing.T) {
	_, started, err := dist.FromEnvironment(func(name string) (string, bool) {
		text, ok := map[string]string{"RANK": "0", "WORLD_SIZE": "1"}[name]
		return text, ok
	})
	assert.NoError(t, err)
	assert.False(t, started)
}

func TestNCCLIsBetweenGPUs(t *testing.T) {
	m := dist.Membership{Backend: "nccl", Size: 1, Host: "127.0.0.1", Port: disttest.FreePort(t), Interface: "lo", Timeout: 10 * time.Second}
	g, err := dist.Open(m)
	require.NoError(t, err)
	defer g.Close()
	assert.ErrorContains(t, g.Connect(torch.CPU), "dist.Connect: NCCL is between CUDA devices; got rank 0 on the CPU")
	if torch.Describe().CUDA.Devices == 0 {
		assert.Regexp(t, "^dist.Connect: rank 0 .*: (nccl: needs the CUDA plugin|.*CUDA|.*GPU)", g.Connect(torch.CUDA(0)))
	}
	for _, backend := range []string{"auto", "gloo"} { // on CPUs there is nothing to connect
		g.Backend = backend
		assert.NoError(t, g.Connect(torch.CPU))
	}
	m.Backend = "mpi"
	_, err = dist.Open(m)
	assert.EqualError(t, err, "dist: the backend is out of range; got mpi, want auto, nccl or gloo")
}
