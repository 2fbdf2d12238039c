package tokenizer

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// markup knows the texts of the special tokens, the longest first so that the
// longest of several at one place counts, as in the library.
type markup struct {
	tokens []string
	// firsts are the characters that a special token begins with.
	firsts []string
	// cut puts NUL bytes around each special token.
	cut *strings.Replacer
}

func newMarkup(tokens []string) markup {
	tokens = slices.DeleteFunc(slices.Clone(tokens), func(s string) bool { return s == "" })
	slices.SortStableFunc(tokens, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	var firsts []string
	pairs := make([]string, 0, 2*len(tokens))
	for _, token := range tokens {
		_, size := utf8.DecodeRuneInString(token)
		firsts = append(firsts, token[:size])
		pairs = append(pairs, token, "\x00"+token+"\x00")
	}
	slices.Sort(firsts)
	return markup{tokens, slices.Compact(firsts), strings.NewReplacer(pairs...)}
}

// containsAny tells whether one of the texts holds one of the pieces.
func containsAny(texts, pieces []string) bool {
	return slices.ContainsFunc(texts, func(text string) bool {
		return slices.ContainsFunc(pieces, func(piece string) bool { return strings.Contains(text, piece) })
	})
}

// split cuts a text, which holds no NUL, before and after each special token:
// every second part is one.
func (m markup) split(text string) []string { return strings.Split(m.cut.Replace(text), "\x00") }

// found lists the special tokens in a text, in order.
func (m markup) found(text string) []string {
	var tokens []string
	for i, part := range m.split(text) {
		if i%2 == 1 {
			tokens = append(tokens, part)
		}
	}
	return tokens
}

// veil replaces pieces of texts by stand-ins, so that a text goes through a chat
// template without being taken for markup, and back.
type veil struct {
	// mark is a character that does not occur in the texts; a stand-in is the
	// piece's number between two of them.
	mark       rune
	hide, show *strings.Replacer
}

func newVeil(texts, pieces []string) (*veil, error) {
	mark, err := absentRune(texts)
	if err != nil {
		return nil, err
	}
	var hide, show []string
	for i, piece := range pieces {
		standIn := fmt.Sprintf("%c%d%c", mark, i, mark)
		hide = append(hide, piece, standIn)
		show = append(show, standIn, piece)
	}
	return &veil{mark, strings.NewReplacer(hide...), strings.NewReplacer(show...)}, nil
}

// absentRune finds a private-use character that is in none of the texts.
func absentRune(texts []string) (rune, error) {
	const first, last = 0xF0000, 0xFFFFD
	used := make(map[rune]bool)
	for _, text := range texts {
		for _, r := range text {
			if r >= first && r <= last {
				used[r] = true
			}
		}
	}
	for r := rune(first); r <= last; r++ {
		if !used[r] {
			return r, nil
		}
	}
	return 0, errors.New("the contents use every private-use character of plane 15; want one of them free")
}
