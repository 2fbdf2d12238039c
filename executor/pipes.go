package executor

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// pipes are the trainer's ends of a worker's pipes. They last as long as the
// worker and none of them blocks. What a child has written is read to the end
// before the next child is forked.
type pipes struct {
	// orders and reports are between trainer and worker.
	orders, reports end
	// tasks and claims are between trainer and child, stdout and stderr what it prints.
	tasks, claims, stdout, stderr end
	// input is what a script is to read.
	input end
}

// end is one end of a pipe.
type end struct {
	file *os.File
	fd   int
}

// openPipes returns the trainer's ends, and the worker's in the order of their
// numbers there: 1, and from 3 on.
func openPipes() (ours pipes, theirs []*os.File, err error) {
	for _, p := range []struct {
		end   *end
		reads bool
	}{
		{&ours.stdout, true}, {&ours.claims, true}, {&ours.orders, false}, {&ours.reports, true},
		{&ours.tasks, false}, {&ours.stderr, true}, {&ours.input, false},
	} {
		r, w, err := os.Pipe()
		if err != nil {
			return ours, theirs, errors.Join(err, ours.close(), closeAll(theirs))
		}
		own, other := w, r
		if p.reads {
			own, other = r, w
		}
		theirs = append(theirs, other)
		*p.end = end{own, int(own.Fd())}
		if err := unix.SetNonblock(p.end.fd, true); err != nil {
			return ours, theirs, errors.Join(err, ours.close(), closeAll(theirs))
		}
	}
	return ours, theirs, nil
}

func (p pipes) close() error {
	var errs []error
	for _, e := range []end{p.orders, p.reports, p.tasks, p.claims, p.stdout, p.stderr, p.input} {
		if e.file != nil {
			errs = append(errs, e.file.Close())
		}
	}
	return errors.Join(errs...)
}

func closeAll(files []*os.File) error {
	var errs []error
	for _, f := range files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// write writes what fits, and returns the rest.
func (e end) write(data []byte) (rest []byte, err error) {
	for len(data) > 0 {
		n, err := unix.Write(e.fd, data)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			return data, nil
		case err != nil:
			return data, fmt.Errorf("write to worker: %w", err)
		default:
			data = data[n:]
		}
	}
	return nil, nil
}

// read gives take what there is to read, piece by piece. It tells whether the other end is closed.
func (e end) read(buffer []byte, take func([]byte)) (closed bool, err error) {
	for {
		n, err := unix.Read(e.fd, buffer)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			return false, nil
		case err != nil:
			return false, fmt.Errorf("read from worker: %w", err)
		case n == 0:
			return true, nil
		}
		take(buffer[:n])
		if n < len(buffer) {
			return false, nil
		}
	}
}

// unread tells how many bytes of what was written nobody has read.
func (e end) unread() (int, error) { return unix.IoctlGetInt(e.fd, bytesToRead) }

// poll waits until one of the descriptors is ready or the time has come.
func poll(fds []unix.PollFd, until time.Time) error {
	for {
		left := max(0, time.Until(until))
		_, err := unix.Poll(fds, int((left+time.Millisecond-1)/time.Millisecond))
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
