package executor

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/azr-train/azr"
)

const (
	maxSample     = 4 << 10
	maxSampleFile = 4 << 20
)

// samples is a file of programs for a person to read. It is nil if there is none.
type samples struct {
	mu   sync.Mutex
	file *os.File
	size int64
	seen map[string]bool
}

// sample is a line of the file, in ASCII.
type sample struct {
	// Hash is the program's, as in SlowProgram.
	Hash   string     `json:"hash"`
	Status azr.Status `json:"status"`
	Error  string     `json:"error"`
	// Program is the source, the first part of it if Cut.
	Program string `json:"program"`
	Cut     bool   `json:"cut,omitempty"`
}

func openSamples(path string) (*samples, error) {
	if path == "" {
		return nil, nil
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("executor.Open: sample file; %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("executor.Open: sample file; %w", errors.Join(err, file.Close()))
	}
	return &samples{file: file, size: info.Size(), seen: map[string]bool{}}, nil
}

// add writes a program unless it was written before or the file is full.
func (s *samples) add(program string, r azr.Result) error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	hash := programHash(program)
	if s.seen[hash] || s.size >= maxSampleFile {
		return nil
	}
	line, err := json.Marshal(sample{hash, r.Status, r.Error, strings.ToValidUTF8(program[:min(len(program), maxSample)], ""), len(program) > maxSample})
	if err != nil {
		return fmt.Errorf("executor.Pool: sample file; %w", err)
	}
	line = append(toASCII(line), '\n')
	if s.size += int64(len(line)); s.size > maxSampleFile {
		return nil
	}
	s.seen[hash] = true
	if _, err := s.file.Write(line); err != nil {
		return fmt.Errorf("executor.Pool: sample file; %w", err)
	}
	return nil
}

func (s *samples) close() error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	file := s.file
	s.file = nil
	if file == nil {
		return nil
	}
	return file.Close()
}

// toASCII escapes what is not printable ASCII in JSON, where that can only be in strings.
func toASCII(text []byte) []byte {
	var b bytes.Buffer
	for _, r := range string(text) {
		switch {
		case r < utf8.RuneSelf && r != 0x7f:
			b.WriteByte(byte(r))
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.Bytes()
}

// programHash names a program in what people read.
func programHash(program string) string {
	sum := sha256.Sum256([]byte(program))
	return hex.EncodeToString(sum[:8])
}
