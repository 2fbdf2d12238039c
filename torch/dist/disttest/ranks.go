// Package disttest starts a test's own binary several times, as the ranks of a group on this machine.
//
//	func TestMain(m *testing.M) { disttest.Main(m, map[string]disttest.Scenario{"sum": sum}) }
//
//	func TestSum(t *testing.T) {
//		for rank, answer := range disttest.Answers[int](t, disttest.Start(t, "sum", 2)) { ... }
//	}
package disttest

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/torch"
	"github.com/azr-train/azr/torch/dist"
)

// The variables that tell a process which scenario is its, and the group's timeout (20s without it).
const (
	scenarioVariable = "AZR_DIST_SCENARIO"
	TimeoutVariable  = "AZR_DIST_TIMEOUT"
)

// Scenario is what a rank does; its answer goes to the test as JSON.
type Scenario func(g *dist.Group) (answer any, err error)

// Main runs the tests or, in a process that one of them started, its scenario.
func Main(m *testing.M, scenarios map[string]Scenario) {
	scenario, ok := scenarios[os.Getenv(scenarioVariable)]
	if !ok {
		os.Exit(m.Run())
	}
	torch.LockThread()
	answer, err := rank(scenario)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(answer); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	os.Exit(0)
}

func rank(scenario Scenario) (any, error) {
	m, _, err := dist.FromEnvironment(os.LookupEnv)
	if err != nil {
		return nil, err
	}
	m.Timeout, m.Interface = 20*time.Second, "lo"
	if text := os.Getenv(TimeoutVariable); text != "" {
		if m.Timeout, err = time.ParseDuration(text); err != nil {
			return nil, err
		}
	}
	g, err := dist.Open(m)
	if err != nil {
		return nil, err
	}
	defer g.Close()
	return scenario(g)
}

// Ranks are the processes of a group and what they have written.
type Ranks struct {
	Processes      []*exec.Cmd
	Stdout, Stderr []*strings.Builder
}

// Environment is what a starter tells a rank of size on this machine, whose rank 0 listens at a port.
func Environment(rank, size, port int) []string {
	m := dist.Membership{Rank: rank, Size: size, LocalRank: rank, Host: "127.0.0.1", Port: port}
	return append(m.Environment(), "OMP_WAIT_POLICY=passive", "OMP_NUM_THREADS=1")
}

// FreePort is one that nobody listens at.
func FreePort(t *testing.T) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().(*net.TCPAddr).Port
}

// Start starts the ranks of a scenario, with more variables. They die with the test.
func Start(t *testing.T, scenario string, size int, more ...string) *Ranks {
	t.Helper()
	port, r := FreePort(t), &Ranks{}
	for rank := range size {
		c := exec.Command(os.Args[0])
		c.Env = append(append(os.Environ(), scenarioVariable+"="+scenario), append(Environment(rank, size, port), more...)...)
		out, err := &strings.Builder{}, &strings.Builder{}
		c.Stdout, c.Stderr = out, err
		require.NoError(t, c.Start())
		t.Cleanup(func() { _ = c.Process.Kill() })
		r.Processes, r.Stdout, r.Stderr = append(r.Processes, c), append(r.Stdout, out), append(r.Stderr, err)
	}
	return r
}

// Answers waits for all ranks, which have to end well, and reads what each says.
func Answers[T any](t *testing.T, r *Ranks) []T {
	t.Helper()
	list := make([]T, len(r.Processes))
	for rank, c := range r.Processes {
		require.NoError(t, c.Wait(), "rank %d: %s", rank, r.Stderr[rank])
		require.NoError(t, json.Unmarshal([]byte(r.Stdout[rank].String()), &list[rank]))
	}
	return list
}

// Ends waits for a rank that has to fail, and returns what it says.
func (r *Ranks) Ends(t *testing.T, rank int) string {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- r.Processes[rank].Wait() }()
	select {
	case err := <-ended:
		assert.Error(t, err)
	case <-time.After(time.Minute):
		require.Fail(t, "a rank goes on", "rank %d: %s", rank, r.Stderr[rank])
	}
	return strings.TrimSpace(r.Stderr[rank].String())
}
