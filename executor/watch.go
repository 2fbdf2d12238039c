package executor

import (
	"errors"
	"io"
	"time"

	"golang.org/x/sys/unix"

	"github.com/azr-train/azr"
)

// watch follows a task from the order to the child's end: it hands out the
// task, takes in what the child claims and prints, and has it killed at a limit.
// Nothing of that but the order and the end goes through the worker.
type watch struct {
	slot  *slot
	task  task
	limit time.Duration

	nonce         [nonceBytes]byte
	unsent, unfed []byte
	// claims is what the child has written and nobody has looked at yet.
	claims  []byte
	printed printed
	// started is when the input under way began.
	started time.Time
	// doomed: the child was ordered to be killed, at killed.
	doomed bool
	killed time.Time
	// passed is the limit that the child has passed.
	passed *claim
	report report
	ended  bool

	replies []reply
}

// The places of the descriptors in watch's poll. The report comes first: if it is
// there, so is all that the child has written.
const (
	pollReports = iota
	pollClaims
	pollStdout
	pollStderr
	pollTasks
	pollInput
)

// run returns an error if the worker is lost, and with replies in w.replies if not.
func (w *watch) run() error {
	var message []byte
	message, w.nonce = w.task.message(w.limit)
	w.unfed = w.task.Stdin
	w.started = time.Now()
	var err error
	if w.unsent, err = w.slot.pipes.tasks.write(message); err != nil {
		return err
	}
	if _, err := w.slot.pipes.orders.write(order(orderRun, w.slot.lastID, len(message), len(w.unfed))); err != nil {
		return err
	}
	for !w.ended {
		if err := w.step(); err != nil {
			return err
		}
	}
	w.conclude()
	return nil
}

// step waits for something to happen and deals with it.
func (w *watch) step() error {
	p := &w.slot.pipes
	fds := []unix.PollFd{
		pollReports: {Fd: int32(p.reports.fd), Events: unix.POLLIN}, pollClaims: {Fd: int32(p.claims.fd), Events: unix.POLLIN},
		pollStdout: {Fd: int32(p.stdout.fd), Events: unix.POLLIN}, pollStderr: {Fd: int32(p.stderr.fd), Events: unix.POLLIN},
		pollTasks: {Fd: -1}, pollInput: {Fd: -1},
	}
	if w.unsent != nil {
		fds[pollTasks] = unix.PollFd{Fd: int32(p.tasks.fd), Events: unix.POLLOUT}
	}
	if w.unfed != nil {
		fds[pollInput] = unix.PollFd{Fd: int32(p.input.fd), Events: unix.POLLOUT}
	}
	until := w.deadline()
	if w.hasty() {
		fds[pollClaims].Events, until = 0, w.started.Add(haste)
	}
	if err := poll(fds, until); err != nil {
		return err
	}
	if fds[pollReports].Revents != 0 {
		var err error
		if w.report, err = w.slot.readReport(w.slot.lastID); err != nil {
			return err
		}
		w.ended = true
	}
	return errors.Join(w.collect(fds), w.hand(fds), w.enforce(time.Now()))
}

// haste is how long only the end of a single input's child is waited for, and not its claim too, which most
// children make right before: to be woken once costs less than twice.
const haste = 5 * time.Millisecond

func (w *watch) hasty() bool {
	return len(w.task.Inputs) == 1 && !w.doomed && w.limit > haste && time.Since(w.started) < haste
}

// deadline is when the input under way, or the child's end, is overdue.
func (w *watch) deadline() time.Time {
	if w.doomed {
		return w.killed.Add(grace)
	}
	return w.started.Add(w.limit)
}

// collect reads what the child has written.
func (w *watch) collect(fds []unix.PollFd) error {
	var errs [3]error
	if fds[pollClaims].Revents != 0 || w.ended {
		_, errs[0] = w.slot.pipes.claims.read(w.slot.buffer, func(data []byte) { w.claims = append(w.claims, data...) })
		w.look()
	}
	if fds[pollStdout].Revents != 0 {
		_, errs[1] = w.slot.pipes.stdout.read(w.slot.buffer, func(data []byte) { w.printed.add(&w.printed.stdout, data) })
	}
	if fds[pollStderr].Revents != 0 {
		_, errs[2] = w.slot.pipes.stderr.read(w.slot.buffer, func(data []byte) { w.printed.add(&w.printed.stderr, data) })
	}
	return errors.Join(errs[:]...)
}

// hand writes more of the task and of the input.
func (w *watch) hand(fds []unix.PollFd) (err error) {
	if fds[pollTasks].Revents != 0 {
		w.unsent, err = w.slot.pipes.tasks.write(w.unsent)
	}
	if err == nil && fds[pollInput].Revents != 0 {
		w.unfed, err = w.slot.pipes.input.write(w.unfed)
	}
	return err
}

// look takes the claims of all inputs but the last, and ends a child whose claim is not one.
func (w *watch) look() {
	for !w.doomed {
		frame, rest := cutClaim(w.claims)
		if frame == nil {
			return
		}
		c := parseClaim(frame, w.nonce)
		if len(w.replies) < len(w.task.Inputs)-1 {
			if !c.honest() {
				w.doom()
				return
			}
			now := time.Now()
			w.replies = append(w.replies, reply{claim: c, Wall: now.Sub(w.started).Seconds()})
			w.claims, w.started = rest, now
			continue
		}
		if c == violation {
			w.doom()
		}
		return
	}
}

// enforce ends a child that has passed a limit.
func (w *watch) enforce(now time.Time) error {
	frame, _ := cutClaim(w.claims)
	switch {
	case w.ended:
		if w.printed.over {
			w.passed = &claim{Status: azr.OutputLimit}
		}
	case w.doomed && now.After(w.killed.Add(grace)):
		return errHung
	case w.doomed:
	case w.printed.over, frame == nil && len(w.claims) > w.slot.claimBytes:
		w.passed = &claim{Status: azr.OutputLimit}
		w.doom()
	case !now.Before(w.started.Add(w.limit)):
		if frame == nil { // else it has claimed, and does not end
			w.passed = &claim{Status: azr.Timeout}
		}
		w.doom()
	}
	return nil
}

// doom has the child killed. Of a worker that takes no orders any more poll tells.
func (w *watch) doom() {
	w.doomed, w.killed = true, time.Now()
	_, _ = w.slot.pipes.orders.write(order(orderKill, w.slot.lastID, 0, 0))
}

// conclude judges the last input. Of a child that was shared and came to another
// end than a value or an exception nothing is said: its inputs are run again.
func (w *watch) conclude() {
	last := reply{Wall: time.Since(w.started).Seconds(), CPU: float64(w.report.CPU) / 1e6, RSS: int64(min(w.report.RSS, 1<<62))}
	frame, rest := cutClaim(w.claims)
	if w.task.Script != nil {
		last.Script = &scriptReply{ExitCode: -1, Stdout: w.printed.stdout, Stderr: w.printed.stderr, Truncated: w.printed.over}
	}
	switch {
	case w.passed != nil:
		last.claim = *w.passed
	case frame != nil && len(rest) == 0:
		last.claim = parseClaim(frame, w.nonce)
	case len(w.claims) > 0:
		last.claim = violation
	default:
		last.claim = endOf(w.report.Status)
	}
	shared := len(w.task.Inputs) > 1
	if shared && (len(w.replies) < len(w.task.Inputs)-1 || w.passed != nil || frame == nil || !last.honest()) {
		last.claim = claim{}
	}
	if last.Script != nil {
		last.judgeScript(w.report.Status, w.task.Script.Test != "", len(w.claims) == 0 && w.passed == nil)
	}
	w.replies = append(w.replies, last)
}

// printed is what a child has printed, as far as there is room.
type printed struct {
	stdout, stderr []byte
	// room is how many bytes are still let through. Over: there were more.
	room int64
	over bool
	// keep: someone wants to see it.
	keep bool
}

func (p *printed) add(stream *[]byte, data []byte) {
	n := min(int64(len(data)), p.room)
	p.over = p.over || n < int64(len(data))
	p.room -= n
	if p.keep {
		*stream = append(*stream, data[:n]...)
	}
}

// readReport reads the report on the task id and nothing after it.
func (s *slot) readReport(id uint64) (report, error) {
	var all []byte
	closed, err := s.pipes.reports.read(s.buffer, func(data []byte) { all = append(all, data...) })
	if err != nil {
		return report{}, err
	}
	if closed && len(all) == 0 {
		return report{}, io.EOF
	}
	r, err := parseReport(all)
	if err == nil && r.Task != id {
		err = errOtherTask
	}
	return r, err
}

var errOtherTask = errors.New("report on another task")
