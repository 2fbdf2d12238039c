package executor

import (
	"encoding/binary"
	"syscall"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/executor/literal"
)

// claimFrame is what a child that is itself would write around a body.
func claimFrame(body string) []byte {
	return append(binary.LittleEndian.AppendUint32(nil, uint32(len(body))), body...)
}

// FuzzClaims gives the reader what a child may write that knows its nonce, and
// what a worker that was taken over may report. Whatever that is, it becomes a
// bounded result of canonical text.
func FuzzClaims(f *testing.F) {
	nonce := [nonceBytes]byte{'n'}
	for _, body := range []string{
		"o\x00[1, {2: 'a'}]", "eValue\x1b[2JError\x00", "mMemoryError\x001", "bimport of os\x00", "iValueError\x00", "l\x00", "o\x000", "o\x00256",
		"x\x00", "o", "", "o\x00\xff", "e\xff\x00", "o\x00[1]\x00", "o\x00import os",
	} {
		f.Add(claimFrame(string(nonce[:])+body), make([]byte, reportBytes), uint8(1), false)
	}
	f.Add([]byte{}, []byte{0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0}, uint8(3), true)
	f.Add([]byte{1, 0, 0}, make([]byte, reportBytes+1), uint8(0), false)
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, '{', '}'}, []byte("short"), uint8(2), true)
	two := claimFrame(string(nonce[:]) + "o\x001")
	f.Add(append(two, two...), make([]byte, reportBytes), uint8(2), false)
	f.Fuzz(func(t *testing.T, claims, reported []byte, inputs uint8, script bool) {
		w := watch{nonce: nonce, claims: claims, slot: &slot{claimBytes: 1 << 20, pipes: pipes{orders: end{fd: -1}}}}
		var err error
		if w.report, err = parseReport(reported); err != nil {
			w.report.Status = syscall.WaitStatus(len(reported))
		}
		w.task.Inputs = make([]input, inputs%4)
		if script {
			w.task = task{Script: &scriptTask{}}
		}
		w.look()
		w.conclude()
		assert.NotEmpty(t, w.replies)
		assert.LessOrEqual(t, len(w.replies), max(1, len(w.task.Inputs)))
		for _, r := range w.replies {
			assert.GreaterOrEqual(t, r.RSS, int64(0))
			result := r.result(literal.DefaultLimits)
			assertPrintable(t, result.Error)
			if result.Status == azr.OK {
				v, err := literal.Parse(result.Value)
				require.NoError(t, err)
				assert.Equal(t, result.Value, v.String())
			} else {
				assert.Empty(t, result.Value)
			}
			s := r.scriptResult()
			assertPrintable(t, s.Error)
			assert.True(t, -1 <= s.ExitCode && s.ExitCode < 256)
		}
	})
}

func assertPrintable(t *testing.T, text string) {
	assert.LessOrEqual(t, len(text), maxError)
	for _, r := range text {
		assert.True(t, unicode.IsPrint(r), "%q", text)
	}
}
