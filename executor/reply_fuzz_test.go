package executor

import (
	"bytes"
	"encoding/binary"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/executor/literal"
)

// replyFrame is what a worker that is itself would write around a body.
func replyFrame(body string) []byte {
	return append(binary.LittleEndian.AppendUint32(nil, uint32(len(body))), body...)
}

// FuzzReadReply gives the reader what a worker that was taken over may write.
// Whatever that is, it is an error or a bounded result of canonical text.
func FuzzReadReply(f *testing.F) {
	for _, body := range []string{
		`{"id":1,"status":"ok","error":"","value":"[1, {2: 'a'}]","wall":0.01,"cpu":0.009,"rss":12345678}`,
		`{"id":2,"status":"error","error":"Value\u001b[2JError","value":"","wall":1e300,"cpu":-1,"rss":-1}`,
		`{"id":3,"status":"ok","script":{"exit_code":3,"stdout":"aGkK","stderr":"/w==","truncated":true}}`,
		`{"id":3,"status":"memory","script":null}`, `{"id":18446744073709551616}`, `{"status":"rich"}`, `{"id":1,"ID":2}`, `{"reward":1}`,
		`{"id":1}{"id":2}`, `{"script":{"stdout":"%"}}`, `{}`, `[]`, `null`, `"`, ``, "\xff",
	} {
		f.Add(replyFrame(body))
	}
	f.Add([]byte{})
	f.Add([]byte{1, 0, 0})
	f.Add([]byte{2, 0, 0, 0, '{'})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, '{', '}'})
	f.Add(append(replyFrame(`{"id":1}`), replyFrame(`{"id":2}`)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		in := bytes.NewReader(data)
		r, err := readReply(in)
		if err != nil {
			return
		}
		assert.GreaterOrEqual(t, len(data)-in.Len(), 6, "a frame was read")
		result := r.result(literal.DefaultLimits)
		assertPrintable(t, result.Error)
		if result.Status == azr.OK {
			v, err := literal.Parse(result.Value)
			require.NoError(t, err)
			assert.Equal(t, result.Value, v.String())
		} else {
			assert.Empty(t, result.Value)
		}
		script := r.scriptResult()
		assertPrintable(t, script.Error)
		assert.LessOrEqual(t, len(script.Stdout)+len(script.Stderr), len(data))
		if r.Script == nil {
			assert.Equal(t, azr.Infra, script.Status)
		}
	})
}

func assertPrintable(t *testing.T, text string) {
	assert.LessOrEqual(t, len(text), maxError)
	for _, r := range text {
		assert.True(t, unicode.IsPrint(r), "%q", text)
	}
}
