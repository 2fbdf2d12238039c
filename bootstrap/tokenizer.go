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

// pieces are the words of the starter's texts, each one token. Other text is spelled in bytes. A statement is a piece up
// to its number, if it has one: so the statement that assigns a variable, or reads it, is found in one look at the
// program, wherever it stands.
var pieces = slices.Concat(
	[]string{
		"deduction", "abduction", "induction", "propose ", "\nlonger", "\nsame", "\ninput ", "\noutput ", " >> ",
		"\ndef f(x):", "[", "]", "[]",
	},
	each("%c", "0123456789"), each(", %c", "0123456789"), statements(),
)

// variables are the names that the generator gives one after the other, from any of them on.
const variables = "abcdegh"

// farthest is how many statements before it, at most, the one is that a statement reads, if it does not read x.
const farthest = 3

// statements are the pieces that assign to a variable what is made of another one, and those that return.
func statements() (list []string) {
	for _, of := range []string{"%c", "len(%c)", "max(%c)", "%c[0]", "%c[-1]"} {
		list = append(list, each("\n    return "+of, "x"+variables)...)
	}
	list = append(list, each("] + %c", "x"+variables)...)
	for _, of := range []string{
		"%[1]c[::-1]", "sorted(%[1]c)", "%[1]c[1:]", "%[1]c[:2]", "%[1]c[:3]", "%[1]c[1:] + %[1]c[:1]", "%[1]c + [", "[",
		"[v for v in %[1]c if v > ", "[v for v in %[1]c if v %% 2 == ", "[9 - v for v in %[1]c]",
	} {
		for i, assigned := range variables {
			list = append(list, fmt.Sprintf("\n    %[2]c = "+of, 'x', assigned))
			for before := 1; before <= farthest; before++ {
				read := rune(variables[(i+len(variables)-before)%len(variables)])
				list = append(list, fmt.Sprintf("\n    %[2]c = "+of, read, assigned))
			}
		}
	}
	return list
}

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
