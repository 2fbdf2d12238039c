package monitor

import (
	"testing"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
	"github.com/stretchr/testify/assert"
)

func TestPrintableDisarmsWhatATerminalWouldObey(t *testing.T) {
	for text, want := range map[string]string{
		"def f(x):\n\treturn x": `def f(x):\n\treturn x`,
		"\x1b[2J\x1b]0;owned\a": `\x1b[2J\x1b]0;owned\x07`,
		"a\rb\bc\x00\x7f":       `a\rb\x08c\x00\x7f`,
		"\u009b31m":             `\u009b31m`, // the one-character form of ESC [
		"x\u202eevil\u2066y":    `x\u202eevil\u2066y`,
		"\u200b\ufeff\u2028":    `\u200b\ufeff\u2028`,
		"\U000e0041":            `\U000e0041`, // a tag character
		"\xff\xc3(":             `\xff\xc3(`,
		"\ufffd":                "\ufffd",
		"日本 é 🙂 \\n":            "日本 é 🙂 \\n",
		"":                      "",
	} {
		assert.Equal(t, want, Printable(text, 0))
	}
}

func TestPrintableCutsBetweenCharacters(t *testing.T) {
	for _, c := range []struct {
		text string
		max  int
		want string
	}{
		{"abc", 3, "abc"},
		{"abcd", 3, "ab…"},
		{"abcd", 1, "…"},
		{"ab\x1bcd", 7, `ab\x1b…`},
		{"ab\x1bcd", 6, `ab…`}, // an escape is never cut
		{"ab\x1bcd", 8, `ab\x1bcd`},
		{"日本語", 3, "日…"},
		{"日本語", 2, "…"},
		{"日本", 4, "日本"},
		{"e\u0301\u0301\u0301", 2, "e…"}, // marks without end take room
		{"🙂🙂", 3, "🙂…"},
	} {
		got := Printable(c.text, c.max)
		assert.Equal(t, c.want, got, "%q at %d", c.text, c.max)
		assert.LessOrEqual(t, runewidth.StringWidth(got), c.max)
		assert.LessOrEqual(t, utf8.RuneCountInString(got), c.max)
	}
}
