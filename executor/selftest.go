package executor

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/executor/literal"
	"github.com/azr-train/azr/executor/sandbox"
)

//go:embed selftest.py
var selfTestProgram string

// selfTestLimit bounds each self-test task, whatever the limit of others.
const selfTestLimit = 10 * time.Second

// needs says what gives a level, for a person whose machine does not.
var needs = map[Level]string{
	Full: "user namespaces (sysctl kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0; " +
		"in Docker --security-opt seccomp=unconfined --security-opt apparmor=unconfined)",
	Lite:    "seccomp and landlock (Linux >= 5.13 with landlock in /sys/kernel/security/lsm)",
	Minimal: "seccomp (a kernel with CONFIG_SECCOMP_FILTER)",
	None:    "an interpreter that starts",
}

// everyKind is an argument list in its canonical text, so that an interpreter that builds other values is found out.
const everyKind = `None, True, -1, 123456789012345678901234567890, 0.5, (1+2j), 'é\ud800', b'\x00', [1], (2,), {'a': 1}, {3}, frozenset({4})`

// strongest starts a worker at the strongest level that holds.
func strongest(ctx context.Context, c Config, py python) (Level, *slot, error) {
	if reason := sandbox.CannotDrop(); reason != "" {
		return None, nil, fmt.Errorf("executor.Open: programs cannot be confined; %s; hint: start outside of it, "+
			"as a user without rights, or with more users in it (unshare --map-auto)", reason)
	}
	var reasons []string
	for level := int(c.AtMost); level >= int(c.Require); level-- {
		s, err := startTested(ctx, c, py, Level(level), seedA)
		if err == nil {
			return Level(level), s, nil
		}
		if ctx.Err() != nil {
			return None, nil, context.Cause(ctx)
		}
		reasons = append(reasons, fmt.Sprintf("%s fails (%v) and needs %s", Level(level), err, needs[Level(level)]))
	}
	return None, nil, fmt.Errorf("executor.Open: programs cannot be confined well enough; %s; want at least level %s; "+
		"hint: give what is missing, or lower the required level at your own risk", strings.Join(reasons, "; "), c.Require)
}

// startTested starts a worker and attacks it before it is given anything to run.
func startTested(ctx context.Context, c Config, py python, level Level, seed hashSeed) (*slot, error) {
	s, err := startSlot(ctx, c, py, level, seed)
	if err != nil {
		return nil, err
	}
	if err := s.selfTest(ctx, c, level); err != nil {
		s.kill()
		return nil, fmt.Errorf("self-test: %w", err)
	}
	s.tasks = 0
	return s, nil
}

func (s *slot) selfTest(ctx context.Context, c Config, level Level) error {
	if level > None {
		if err := s.testAttacks(ctx, c, level); err != nil {
			return err
		}
	}
	for _, probe := range []struct {
		what, program, input string
		want                 azr.Result
	}{
		{"a value", "def f(*x):\n    return x", everyKind, azr.Result{Status: azr.OK, Value: "(" + everyKind + ")"}},
		{"the memory limit", "def f(x):\n    return len(bytearray(x))", fmt.Sprint(int64(c.Memory)), azr.Result{Status: azr.Memory, Error: "MemoryError"}},
		{"a forged frame", "import os\ndef f(x):\n    os.write(x, bytes(64))", "3", azr.Result{Status: azr.Error, Error: "ProtocolViolation"}},
	} {
		if level == None && probe.want.Status == azr.Memory {
			continue // not every system enforces it
		}
		got, err := s.probe(ctx, probe.program, probe.input)
		if err != nil {
			return err
		}
		if got != probe.want {
			return fmt.Errorf("%s; got %v, want %v", probe.what, got, probe.want)
		}
	}
	return nil
}

// probe runs a program of the self-test.
func (s *slot) probe(ctx context.Context, program, args string) (azr.Result, error) {
	values, err := literal.ParseArgs(args)
	if err != nil {
		return azr.Result{}, err
	}
	rs, err := s.execute(ctx, task{Program: program, Inputs: []input{newInput(values)}}, selfTestLimit)
	if err != nil {
		return azr.Result{}, err
	}
	return rs[0].result(literal.DefaultLimits), nil
}

// testAttacks runs selftest.py against a port that does listen.
func (s *slot) testAttacks(ctx context.Context, c Config, level Level) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("open a port to attack; %w", err)
	}
	defer listener.Close()
	port := listener.Addr().(*net.TCPAddr).Port
	got, err := s.probe(ctx, selfTestProgram, fmt.Sprint(port))
	if err != nil {
		return err
	}
	want := "[]"
	if level == Minimal {
		want = "['read']"
	}
	switch {
	case got.Status != azr.OK:
		return errors.New("attacks end with " + got.Status.String() + " " + got.Error)
	case got.Value != want:
		return fmt.Errorf("attacks succeed; got %s, want %s", got.Value, want)
	}
	return nil
}
