package tokenizer

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// byteIDs are the ids of the tokens of single bytes.
func byteIDs(t *testing.T, tok *Tokenizer) [256]int32 {
	var ids [256]int32
	next := rune(256)
	for b := range 256 {
		// The byte-level alphabet (GPT-2's): printable bytes stand for themselves, the others for 256 and up.
		token, printable := string(rune(b)), '!' <= b && b <= '~' || '¡' <= b && b <= '¬' || '®' <= b
		if !printable {
			token = string(next)
			next++
		}
		if len(tok.fallback) > 0 {
			token = fmt.Sprintf("<0x%02X>", b)
		}
		id, ok := tok.ID(token)
		require.True(t, ok, token)
		ids[b] = id
	}
	return ids
}

// Each character of several bytes comes out whole, with its last byte.
func TestStreamHoldsBackIncompleteCharacters(t *testing.T) {
	tok := loadTest(t, "testdata/bytelevel")
	ids := byteIDs(t, tok)
	for _, text := range []string{"é", "漢字", "🙂🚀", "👩‍👩‍👧", "a漢b🙂c"} {
		s := tok.NewStream()
		for _, r := range text {
			bytes := []byte(string(r))
			for _, b := range bytes[:len(bytes)-1] {
				require.Empty(t, s.Add(ids[b]))
			}
			require.Equal(t, string(r), s.Add(ids[bytes[len(bytes)-1]]))
		}
		require.Empty(t, s.Flush())
	}
}

// However the bytes of emoji and CJK text are cut into tokens, cut off and mixed
// with wrong ones, the stream's parts make up what Decode gives.
func TestStreamEqualsDecodeForAllSplits(t *testing.T) {
	for _, dir := range []string{"testdata/bytelevel", "testdata/bytefallback"} {
		tok := loadTest(t, dir)
		ids := byteIDs(t, tok)
		bytes := []byte("é漢🙂")
		bad := []byte{0xFF, 0xE6, 0x80, 'A', 0xF0}
		for from := range len(bytes) + 1 {
			for to := from; to <= len(bytes); to++ {
				for _, b := range bad {
					var list []int32
					for _, c := range append(append(append([]byte{}, bytes[:from]...), b), bytes[to:]...) {
						list = append(list, ids[c])
					}
					requireSameText(t, tok, list)
				}
			}
		}
	}
}

// Any sequence of ids at all, special tokens and unknown ids among them.
func TestStreamEqualsDecodeForRandomIDs(t *testing.T) {
	folders := map[string]string{"bytelevel": "testdata/bytelevel", "bytefallback": "testdata/bytefallback"}
	folders["bert"] = writeFolder(t, map[string]string{tokenizerFile: moduleFile(t, "bert-base-uncased.json")})
	for name, dir := range folders {
		t.Run(name, func(t *testing.T) {
			tok := loadTest(t, dir)
			rng := rand.New(rand.NewPCG(1, 2))
			for range 500 {
				list := make([]int32, rng.IntN(60))
				for i := range list {
					list[i] = rng.Int32N(int32(tok.VocabSize() + 3))
				}
				requireSameText(t, tok, list)
			}
		})
	}
}

func requireSameText(t *testing.T, tok *Tokenizer, ids []int32) {
	want, err := tok.Decode(ids)
	require.NoError(t, err)
	require.Equal(t, want, streamed(tok, ids), "%v", ids)
	require.True(t, utf8.ValidString(want))
}

func TestStreamIsTimely(t *testing.T) {
	tok := loadTest(t, "testdata/bytelevel")
	ids, err := tok.Encode("def f(items):\n    return sorted(items)[0]")
	require.NoError(t, err)
	s := tok.NewStream()
	var text strings.Builder
	for i, id := range ids {
		text.WriteString(s.Add(id))
		want, err := tok.Decode(ids[:i+1])
		require.NoError(t, err)
		require.Equal(t, want, text.String())
	}
	// Flush makes the stream ready for another completion.
	require.Empty(t, s.Flush())
	require.Equal(t, "d", s.Add(ids[0])[:1])
}
