package executor

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/azr-train/azr/executor/sandbox"
)

// slot is one worker process. It is used by one goroutine at a time. After an
// error its state is unknown and it must be killed.
type slot struct {
	process *sandbox.Process
	replies *bufio.Reader
	lastID  uint64
	// tasks counts those done since its self-test.
	tasks int
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
	process, err := sandbox.Start(sandbox.Command{
		Level: level, Argv: p.arguments(c.workerSettings(level)), Env: p.environment(int(seed)),
		Readable: p.readable(), LastPID: seed.lastPID(),
	})
	if err != nil {
		return nil, err
	}
	s := &slot{process: process, replies: bufio.NewReader(process.Out)}
	release := s.limit(ctx, startLimit)
	_, err = s.read(0)
	if expired := release(); err != nil || expired {
		s.kill()
		return nil, s.explain(ctx, err)
	}
	return s, nil
}

// execute has the worker run a task of one input within limit.
func (s *slot) execute(ctx context.Context, t task, limit time.Duration) (reply, error) {
	rs, err := s.executeAll(ctx, t, limit)
	if err != nil {
		return reply{}, err
	}
	return rs[0], nil
}

// executeAll has the worker run a task, each input within limit, and returns the replies that it sends: one
// an input, or fewer and [azr.Infra] as the last one's status where the inputs' child came to another end.
func (s *slot) executeAll(ctx context.Context, t task, limit time.Duration) ([]reply, error) {
	s.lastID++
	s.tasks++
	t.ID, t.Timeout = s.lastID, limit.Seconds()
	var replies []reply
	for {
		release := s.limit(ctx, limit+grace)
		var r reply
		var err error
		if len(replies) == 0 {
			err = writeFrame(s.process.In, t)
		}
		if err == nil {
			r, err = s.read(t.ID)
		}
		if err == nil && r.More && len(replies) == len(t.More) {
			err = errors.New("more replies than inputs")
		}
		if expired := release(); err != nil || expired {
			return nil, s.explain(ctx, err)
		}
		replies = append(replies, r)
		if !r.More {
			return replies, nil
		}
	}
}

// alive tells whether the worker, which has nothing to do, still has its end of the pipe open.
func (s *slot) alive() bool {
	raw, err := s.process.Out.SyscallConn()
	if err != nil {
		return false
	}
	alive := false
	err = raw.Control(func(fd uintptr) {
		out := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(out, 0)
		alive = n == 0 && err == nil
	})
	return alive && err == nil
}

// limit makes reading and writing fail after d or when ctx ends, until release
// is called. Release tells whether ctx ended first: then the deadlines may still change.
func (s *slot) limit(ctx context.Context, d time.Duration) (release func() (expired bool)) {
	expire := func(at time.Time) {
		_ = s.process.In.SetDeadline(at)
		_ = s.process.Out.SetDeadline(at)
	}
	expire(time.Now().Add(d))
	stop := context.AfterFunc(ctx, func() { expire(time.Now()) })
	return func() bool { return !stop() }
}

// read reads the reply to the task id and nothing after it.
func (s *slot) read(id uint64) (reply, error) {
	r, err := readReply(s.replies)
	switch {
	case err != nil:
		return reply{}, err
	case r.ID != id:
		return reply{}, fmt.Errorf("reply to another task; got %d, want %d", r.ID, id)
	case !r.More && s.replies.Buffered() > 0:
		return reply{}, errors.New("more than one reply")
	}
	return r, nil
}

// explain says what a failed exchange means.
func (s *slot) explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = errHung
	}
	s.kill() // so that what it wrote to stderr is complete
	if text := strings.TrimSpace(s.process.Stderr()); text != "" {
		lines := strings.Split(text, "\n")
		return fmt.Errorf("worker lost (%w): %s", err, printable(lines[len(lines)-1]))
	}
	return fmt.Errorf("worker lost (%w)", err)
}

var errHung = errors.New("worker hung")

func (s *slot) kill() { s.process.Kill() }
