package executor

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/executor/literal"
)

// maxFrame bounds a frame in either direction, in bytes.
const maxFrame = 4 << 20

// task is what a worker is asked to do.
type task struct {
	ID      uint64 `json:"id"`
	Program string `json:"program"`
	// Args is the canonical text of parsed literals, never the text that the model wrote.
	Args string `json:"args"`
	// More are further inputs to run in the same child, each like Args.
	More []string `json:"more,omitempty"`
	// Timeout is the wall limit of one input in seconds.
	Timeout float64 `json:"timeout"`
	Gate    bool    `json:"gate"`
	// Script, if set, is run in place of Program and Args.
	Script *scriptTask `json:"script,omitempty"`
}

// reply is what a worker says of a task.
type reply struct {
	ID     uint64     `json:"id"`
	Status azr.Status `json:"status"`
	Error  string     `json:"error"`
	Value  string     `json:"value"`
	// Wall and CPU are in seconds, RSS is the peak in bytes.
	Wall float64 `json:"wall"`
	CPU  float64 `json:"cpu"`
	RSS  int64   `json:"rss"`
	// More says that the reply to the next input follows.
	More bool `json:"more"`
	// Script is set if the task had one.
	Script *scriptReply `json:"script"`
}

// writeFrame writes v as u32 length (little-endian) and JSON.
func writeFrame(w io.Writer, v any) error {
	var body bytes.Buffer
	body.Write(make([]byte, 4))
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return err
	}
	frame := body.Bytes()
	if len(frame) > maxFrame {
		return fmt.Errorf("frame too long; got %d bytes, want at most %d", len(frame), maxFrame)
	}
	binary.LittleEndian.PutUint32(frame, uint32(len(frame)-4))
	_, err := w.Write(frame)
	return err
}

// readReply reads a frame that may be anything: a worker that was taken over
// can cost no more than its slot.
func readReply(r io.Reader) (reply, error) {
	var header [4]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return reply{}, err
	}
	length := binary.LittleEndian.Uint32(header[:])
	if length > maxFrame {
		return reply{}, fmt.Errorf("frame too long; got %d bytes, want at most %d", length, maxFrame)
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(r, body); err != nil {
		return reply{}, err
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	var a reply
	if err := decoder.Decode(&a); err != nil {
		return reply{}, fmt.Errorf("malformed reply: %w", err)
	}
	if decoder.More() {
		return reply{}, fmt.Errorf("malformed reply: more than one value")
	}
	return a, nil
}

// protocolViolation is the error of a program whose claim is not what a worker's child writes.
const protocolViolation = "ProtocolViolation"

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

// maxError bounds Result.Error, in bytes.
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
