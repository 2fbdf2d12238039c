package executor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/azr-train/azr/executor/sandbox"
)

// slot is one worker process. It is used by one goroutine at a time. After an
// error its state is unknown and it must be killed.
type slot struct {
	process *sandbox.Process
	pipes   pipes
	lastID  uint64
	// tasks counts those done since its self-test.
	tasks int
	// spent: a child has left a part of its task unread, which the next one would find.
	spent bool
	// claimBytes is how long a claim may be, outputBytes how much a child may print.
	claimBytes  int
	outputBytes int64
	buffer      []byte
}

const (
	// startLimit bounds a worker's start, which takes some 0.2 s on an idle machine.
	startLimit = 30 * time.Second
	// grace is how long after a task's limit the worker may still reply before it counts as hung.
	grace = 2 * time.Second
)

// hashSeed tells the two kinds of workers apart: a program must give the same
// value under both to be deterministic.
type hashSeed int

const (
	seedA hashSeed = 0
	seedB hashSeed = 1
)

// lastPID keeps the process ids that programs see apart too.
func (s hashSeed) lastPID() int { return 20_001 * int(s) }

// startSlot starts a worker and waits until it is ready.
func startSlot(ctx context.Context, c Config, p python, level Level, seed hashSeed) (*slot, error) {
	ours, theirs, err := openPipes()
	if err != nil {
		return nil, err
	}
	process, err := sandbox.Start(sandbox.Command{
		Level: level, Argv: p.arguments(c.workerSettings(level)), Env: p.environment(int(seed)),
		Readable: p.readable(), LastPID: seed.lastPID(), Stdout: theirs[0], Files: theirs[1:],
	})
	if err := errors.Join(err, closeAll(theirs)); err != nil {
		return nil, errors.Join(err, ours.close())
	}
	s := &slot{
		process: process, pipes: ours, buffer: make([]byte, 64<<10), outputBytes: int64(c.OutputBytes),
		claimBytes: lengthBytes + nonceBytes + 2 + maxError + int(c.ValueBytes),
	}
	if err := s.exchange(ctx, s.ready); err != nil {
		s.kill()
		return nil, err
	}
	return s, nil
}

// ready gives the worker its source and waits for its first report.
func (s *slot) ready() error {
	source, until := []byte(workerScript()), time.Now().Add(startLimit)
	for time.Now().Before(until) {
		var err error
		if source, err = s.pipes.tasks.write(source); err != nil {
			return err
		}
		fds := []unix.PollFd{{Fd: int32(s.pipes.reports.fd), Events: unix.POLLIN}, {Fd: -1}}
		if source != nil {
			fds[1] = unix.PollFd{Fd: int32(s.pipes.tasks.fd), Events: unix.POLLOUT}
		}
		if err := poll(fds, until); err != nil {
			return err
		}
		if fds[0].Revents != 0 {
			_, err := s.readReport(0)
			return err
		}
	}
	return errHung
}

// execute has the worker run a task, each input within limit, and returns a reply for each, or fewer and
// [azr.Infra] as the last one's status where the child of more than one came to another end.
func (s *slot) execute(ctx context.Context, t task, limit time.Duration) ([]reply, error) {
	s.lastID++
	s.tasks++
	w := watch{slot: s, task: t, limit: limit, printed: printed{room: s.outputBytes, keep: t.Script != nil}}
	if err := s.exchange(ctx, w.run); err != nil {
		return nil, err
	}
	unread, err := s.pipes.tasks.unread()
	s.spent = err != nil || unread > 0 || w.unsent != nil
	return w.replies, nil
}

// exchange talks with the worker, which is killed when ctx ends.
func (s *slot) exchange(ctx context.Context, talk func() error) error {
	stop := context.AfterFunc(ctx, s.process.Kill)
	err := talk()
	if !stop() || err != nil {
		return s.explain(ctx, err)
	}
	return nil
}

// alive tells whether the worker, which has nothing to do, still has its end of the pipe open.
func (s *slot) alive() bool {
	reports := []unix.PollFd{{Fd: int32(s.pipes.reports.fd), Events: unix.POLLIN}}
	n, err := unix.Poll(reports, 0)
	return n == 0 && err == nil
}

// explain says what a failed exchange means.
func (s *slot) explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	s.process.Kill() // so that what it wrote to stderr is complete
	if text := strings.TrimSpace(s.process.Stderr()); text != "" {
		lines := strings.Split(text, "\n")
		return fmt.Errorf("worker lost (%w): %s", err, printable(lines[len(lines)-1]))
	}
	return fmt.Errorf("worker lost (%w)", err)
}

var errHung = errors.New("worker hung")

// kill ends the worker. It may be called more than once.
func (s *slot) kill() {
	s.process.Kill()
	_ = s.pipes.close()
}
