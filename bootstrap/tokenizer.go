package bootstrap

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// End is the token that ends a text. Its id is 0.
const End = "<|end|>"

// pieces are the words of the starter's texts, each one token. Other text is spelled in bytes.
var pieces = slices.Concat(
	[]string{
		"deduction", "abduction", "induction", "propose ", "\nlonger", "\nsame", "\ninput ", "\noutput ", " >> ",
		"\ndef f(x):", "\n    return ", "\n    pass", "sorted(", "len(", "max(", ")", "[", "]", "[]", " + ",
		"[::-1]", "[1:]", "[:1]", "[:2]", "[:3]", "[0]", "[-1]",
		"[v for v in ", "[9 - v for v in ", " if v > ", " if v % 2 == ", "x",
	},
	each("\n    %c = ", "abcdegh"), each("%c", "abcdegh"), each("%c", "0123456789"), each(", %c", "0123456789"),
)

func each(format, letters string) (list []string) {
	for _, letter := range letters {
		list = append(list, fmt.Sprintf(format, letter))
	}
	return list
}

// VocabSize is the number of tokens: End, the pieces, and those of the 256 bytes that are no piece.
func VocabSize() int { return len(vocabulary()) + 1 }

// Tokenizer returns the starter's tokenizer.json and tokenizer_config.json: byte-level BPE without merges, which
// takes a piece whole where it stands, the longest first.
func Tokenizer() (tokenizer, config []byte) {
	longest := slices.Clone(pieces)
	slices.SortStableFunc(longest, func(a, b string) int { return len(b) - len(a) })
	for i, piece := range longest {
		longest[i] = regexp.QuoteMeta(piece)
	}
	byteLevel := map[string]any{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}
	tokenizer = encode(map[string]any{
		"version": "1.0", "truncation": nil, "padding": nil, "normalizer": nil, "post_processor": nil,
		"added_tokens": []any{map[string]any{
			"id": 0, "content": End, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true,
		}},
		"pre_tokenizer": map[string]any{"type": "Sequence", "pretokenizers": []any{
			map[string]any{
				"type": "Split", "behavior": "Isolated", "invert": false,
				"pattern": map[string]any{"Regex": strings.Join(longest, "|")},
			},
			byteLevel,
		}},
		"decoder": byteLevel,
		"model": map[string]any{
			"type": "BPE", "vocab": vocabulary(), "merges": []string{}, "ignore_merges": true, "byte_fallback": false,
			"dropout": nil, "unk_token": nil, "continuing_subword_prefix": nil, "end_of_word_suffix": nil, "fuse_unk": false,
		},
	})
	config = encode(map[string]any{
		"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": End, "pad_token": End,
		"add_bos_token": false, "clean_up_tokenization_spaces": false,
	})
	return tokenizer, config
}

func encode(v any) []byte {
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		panic(err) // maps of strings and numbers
	}
	return append(text, '\n')
}

// vocabulary gives each piece and each byte its id, in byte-level letters.
func vocabulary() map[string]int {
	ids := map[string]int{End: 0}
	add := func(text string) {
		if _, known := ids[text]; !known {
			ids[text] = len(ids)
		}
	}
	letters := byteLetters()
	for _, piece := range pieces {
		var word strings.Builder
		for i := range len(piece) {
			word.WriteRune(letters[piece[i]])
		}
		add(word.String())
	}
	for _, letter := range letters {
		add(string(letter))
	}
	delete(ids, End) // an added token
	return ids
}

// byteLetters are the letters by which byte-level BPE writes bytes: printable Latin-1 as it is, the rest from U+0100 on.
func byteLetters() (letters [256]rune) {
	next := rune(256)
	for b := range letters {
		if printable := '!' <= b && b <= '~' || 0xa1 <= b && b <= 0xac || 0xae <= b; printable {
			letters[b] = rune(b)
		} else {
			letters[b], next = next, next+1
		}
	}
	return letters
}
