package monitor

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
)

// Printable makes text that came from a model fit for one line of a terminal.
// Line breaks and tabs become \n, \r and \t; other control characters, escape
// sequences, direction marks, invisible characters and invalid UTF-8 become \x1b
// or \u202e; all else stays as it is, so the result is for eyes and cannot be
// turned back. The result takes at most max columns, a wide character two and a
// combining one one, with "…" at its end if something was cut; 0 means no limit.
func Printable(text string, max int) string {
	var b strings.Builder
	room, cut := max, 0 // cut is where the text ends if "…" must still fit
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		piece := printable(r, text[:size])
		n := columns(piece)
		if max > 0 && n > room {
			return b.String()[:cut] + "…"
		}
		b.WriteString(piece)
		if room -= n; room > 0 {
			cut = b.Len()
		}
		text = text[size:]
	}
	return b.String()
}

// columns is how much room a text may take. A combining character counts as one
// column, so that room bounds the text's length too.
func columns(text string) (n int) {
	for _, r := range text {
		n += max(1, runewidth.RuneWidth(r))
	}
	return n
}

// printable is one character of a text, or how it is written where it must not be shown.
func printable(r rune, raw string) string {
	switch {
	case r == utf8.RuneError && len(raw) == 1:
		return fmt.Sprintf(`\x%02x`, raw[0])
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r == '\t':
		return `\t`
	case strconv.IsPrint(r):
		return raw
	case r < 0x80:
		return fmt.Sprintf(`\x%02x`, r)
	case r < 0x10000:
		return fmt.Sprintf(`\u%04x`, r)
	default:
		return fmt.Sprintf(`\U%08x`, r)
	}
}
