package executor

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/executor/literal"
)

// What worker/zygote.py and worker/child.py know too.
const (
	reportBytes = 28
	lengthBytes = 4
	nonceBytes  = 16
)

// orderKind is what a worker is told to do.
type orderKind byte

const (
	orderRun orderKind = iota
	orderKill
)

// order is a message to a worker. It names the task that it is about, and says
// how many bytes that has and how many a script is to read.
func order(kind orderKind, task uint64, size, input int) []byte {
	b := append(make([]byte, 0, 25), byte(kind))
	b = binary.LittleEndian.AppendUint64(b, task)
	b = binary.LittleEndian.AppendUint64(b, uint64(size))
	return binary.LittleEndian.AppendUint64(b, uint64(input))
}

// report is what a worker says of a child's end.
type report struct {
	Task   uint64
	Status syscall.WaitStatus
	// CPU is in microseconds, RSS the peak in bytes.
	CPU, RSS uint64
}

// parseReport reads a report that may be anything: a worker that was taken over
// can cost no more than its slot.
func parseReport(b []byte) (report, error) {
	if len(b) != reportBytes {
		return report{}, fmt.Errorf("malformed report; got %d bytes, want %d", len(b), reportBytes)
	}
	return report{
		Task: binary.LittleEndian.Uint64(b), Status: syscall.WaitStatus(binary.LittleEndian.Uint32(b[8:])),
		CPU: binary.LittleEndian.Uint64(b[12:]), RSS: binary.LittleEndian.Uint64(b[20:]),
	}, nil
}

// claim is what a child says of a run: not a fact but the program's word.
type claim struct {
	Status       azr.Status
	Error, Value string
}

// protocolViolation is the error of a program whose claim is not what a worker's child writes.
const protocolViolation = "ProtocolViolation"

var violation = claim{Status: azr.Error, Error: protocolViolation}

// honest tells whether the claim is a value or an exception, after which the child can be asked for more.
func (c claim) honest() bool {
	return c.Status == azr.OK || c.Status == azr.Error && c.Error != protocolViolation
}

// cutClaim splits what a child has written after its first frame, which is nil if it is not complete.
func cutClaim(written []byte) (frame, rest []byte) {
	if len(written) < lengthBytes {
		return nil, written
	}
	end := lengthBytes + uint64(binary.LittleEndian.Uint32(written))
	if uint64(len(written)) < end {
		return nil, written
	}
	return written[:end], written[end:]
}

// frameOf returns the frame of a claim: what parseClaim reads.
func frameOf(nonce [nonceBytes]byte, letter byte, name, value string) []byte {
	body := append(append(nonce[:], letter), name...)
	body = append(append(body, 0), value...)
	return append(binary.LittleEndian.AppendUint32(nil, uint32(len(body))), body...)
}

var claimLetters = map[byte]azr.Status{
	'o': azr.OK, 'e': azr.Error, 'm': azr.Memory, 'l': azr.OutputLimit, 'b': azr.Blocked, 'i': azr.BadInput,
}

// parseClaim reads a complete frame.
func parseClaim(frame []byte, nonce [nonceBytes]byte) claim {
	body := frame[lengthBytes:]
	if len(body) < nonceBytes+1 || !bytes.Equal(body[:nonceBytes], nonce[:]) {
		return violation
	}
	status, known := claimLetters[body[nonceBytes]]
	name, value, ended := bytes.Cut(body[nonceBytes+1:], []byte{0})
	if !known || !ended || !utf8.Valid(name) || !utf8.Valid(value) {
		return violation
	}
	return claim{status, string(name), string(value)}
}

// endOf is what the end of a child means that has claimed nothing.
func endOf(status syscall.WaitStatus) claim {
	switch {
	case !status.Signaled():
		return claim{Status: azr.Error, Error: fmt.Sprintf("exit %d without a value", status.ExitStatus())}
	case status.Signal() == syscall.SIGSYS:
		return claim{Status: azr.Blocked, Error: "SIGSYS"}
	case status.Signal() == syscall.SIGXCPU:
		return claim{Status: azr.Timeout, Error: "SIGXCPU"}
	case status.Signal() == syscall.SIGXFSZ:
		return claim{Status: azr.OutputLimit, Error: "SIGXFSZ"}
	case status.Signal() == syscall.SIGKILL: // not the trainer's, which knows why
		return claim{Status: azr.Memory, Error: "SIGKILL"}
	}
	name := unix.SignalName(status.Signal())
	if name == "" { // real-time signals have none
		name = fmt.Sprintf("signal %d", status.Signal())
	}
	return claim{Status: azr.Error, Error: name}
}

// reply is what came of one input of a task.
type reply struct {
	claim
	// Wall and CPU are in seconds, RSS is the peak in bytes.
	Wall float64
	CPU  float64
	RSS  int64
	// Script is set if the task had one.
	Script *scriptReply
}

// result reads the claimed value as a literal and prints it anew, so that
// nothing but canonical text of bounded size leaves this package.
func (a reply) result(limits literal.Limits) azr.Result {
	if a.Status != azr.OK {
		return azr.Result{Status: a.Status, Error: printable(a.Error)}
	}
	v, err := limits.Parse(a.Value)
	if err != nil {
		return azr.Result{Status: azr.Error, Error: protocolViolation}
	}
	return azr.Result{Status: azr.OK, Value: v.String()}
}

// maxError bounds Result.Error, and the error's name in a claim (MAX_ERROR), in bytes.
const maxError = 200

// printable replaces what a terminal might obey; the text may be a program's.
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
	if len(text) > maxError {
		text = strings.ToValidUTF8(text[:maxError], "")
	}
	return text
}
