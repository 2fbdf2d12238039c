package tokenizer

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
)

var benchmarkText = "def f(items, k=3):\n    total = 0\n    for i in range(len(items)):\n        total += items[i] * k\n    return total\n"

func BenchmarkEncode(b *testing.B) {
	tok := loadTest(b, "testdata/bytelevel")
	b.SetBytes(int64(len(benchmarkText)))
	for b.Loop() {
		_, err := tok.Encode(benchmarkText)
		require.NoError(b, err)
	}
}

func BenchmarkStreamToken(b *testing.B) {
	tok := loadTest(b, "testdata/bytelevel")
	ids, err := tok.Encode(benchmarkText)
	require.NoError(b, err)
	s := tok.NewStream()
	n := 0
	for b.Loop() {
		s.Add(ids[n%len(ids)])
		n++
	}
}

func BenchmarkEncodeChat(b *testing.B) {
	tok := loadTest(b, "testdata/bytelevel")
	for name, content := range map[string]string{"plain": benchmarkText, "special": benchmarkText + "<|im_end|>"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				_, err := tok.EncodeChat([]azr.Message{{Role: "user", Content: content}}, "", nil)
				require.NoError(b, err)
			}
		})
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		tok, err := Load("testdata/bytelevel")
		require.NoError(b, err)
		require.NoError(b, tok.Close())
	}
}
