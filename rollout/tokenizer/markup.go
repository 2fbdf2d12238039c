package tokenizer

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// markup knows the texts of the special tokens, the longest first so that the
// longest of several at one place counts, as in the library.
type markup struct {
	tokens []string
	// cut puts NUL bytes around each special token.
	cut *strings.Replacer
}

func newMarkup(tokens []string) markup {
	tokens = slices.DeleteFunc(slices.Clone(tokens), func(s string) bool { return s == "" })
	slices.SortStableFunc(tokens, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	pairs := make([]string, 0, 2*len(tokens))
	for _, token := range tokens {
		pairs = append(pairs, token, "\x00"+token+"\x00")
	}
	return markup{tokens, strings.NewReplacer(pairs...)}
}

// in tells whether one of the texts holds a special token.
func (m markup) in(texts []string) bool {
	return slices.ContainsFunc(texts, func(text string) bool { return m.cut.Replace(text) != text })
}

// split cuts a text, which holds no NUL, before and after each special token.
func (m markup) split(text string) []string { return strings.Split(m.cut.Replace(text), "\x00") }

// veil replaces special tokens by stand-ins, so that a text goes through a chat
// template without being taken for markup, and back.
type veil struct {
	// mark is a character that does not occur in the texts; a stand-in is the
	// token's number between two of them.
	mark       rune
	hide, show *strings.Replacer
}

func (m markup) veil(texts []string) (*veil, error) {
	mark, err := absentRune(texts)
	if err != nil {
		return nil, err
	}
	var hide, show []string
	for i, token := range m.tokens {
		standIn := fmt.Sprintf("%c%d%c", mark, i, mark)
		hide = append(hide, token, standIn)
		show = append(show, standIn, token)
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
