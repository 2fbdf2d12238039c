package literal

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// String returns the canonical text of v: CPython's repr, with the elements of
// sets and frozensets sorted by their text. Which characters of a str are
// escaped follows Go's Unicode tables, which can differ from an interpreter's
// for characters that only one of the two knows.
func (v Value) String() string { return string(v.appendRepr(nil)) }

// FormatArgs returns the canonical text of an argument list: the arguments'
// texts, joined by ", ". [ParseArgs] reads it back.
func FormatArgs(args []Value) string { return string(appendItems(nil, args)) }

func (v Value) appendRepr(b []byte) []byte {
	switch v.kind {
	case None:
		return append(b, "None"...)
	case Bool:
		if v.truth {
			return append(b, "True"...)
		}
		return append(b, "False"...)
	case Int:
		return v.integer.Append(b, 10)
	case Float:
		return appendFloat(b, v.re, true)
	case Complex:
		return appendComplex(b, v.re, v.im)
	case Str:
		return appendStr(b, v.text)
	case Bytes:
		return appendBytes(b, v.text)
	case List:
		return append(appendItems(append(b, '['), v.items), ']')
	case Tuple:
		b = appendItems(append(b, '('), v.items)
		if len(v.items) == 1 {
			b = append(b, ',')
		}
		return append(b, ')')
	case Dict:
		return appendDict(b, v.items)
	default:
		return v.appendSet(b)
	}
}

func appendItems(b []byte, items []Value) []byte {
	for i, item := range items {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = item.appendRepr(b)
	}
	return b
}

func appendDict(b []byte, items []Value) []byte {
	b = append(b, '{')
	for i := 0; i < len(items); i += 2 {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = items[i].appendRepr(b)
		b = items[i+1].appendRepr(append(b, ": "...))
	}
	return append(b, '}')
}

func (v Value) appendSet(b []byte) []byte {
	if len(v.items) == 0 {
		return append(append(b, v.kind.String()...), "()"...)
	}
	texts := make([]string, len(v.items))
	for i, item := range v.items {
		texts[i] = item.String()
	}
	slices.Sort(texts)
	body := "{" + strings.Join(texts, ", ") + "}"
	if v.kind == FrozenSet {
		body = "frozenset(" + body + ")"
	}
	return append(b, body...)
}

// appendFloat writes the shortest digits that read back as f. Like CPython it
// switches to an exponent below 1e-4 and from 1e16 on; a whole number gets ".0"
// where point is set.
func appendFloat(b []byte, f float64, point bool) []byte {
	switch {
	case math.IsNaN(f):
		return append(b, "nan"...)
	case math.IsInf(f, 1):
		return append(b, "inf"...)
	case math.IsInf(f, -1):
		return append(b, "-inf"...)
	}
	if size := math.Abs(f); size != 0 && (size < 1e-4 || size >= 1e16) {
		return strconv.AppendFloat(b, f, 'e', -1, 64)
	}
	b = strconv.AppendFloat(b, f, 'f', -1, 64)
	if point && f == math.Trunc(f) {
		b = append(b, ".0"...)
	}
	return b
}

func appendComplex(b []byte, re, im float64) []byte {
	if re == 0 && !math.Signbit(re) {
		return append(appendFloat(b, im, false), 'j')
	}
	b = appendFloat(append(b, '('), re, false)
	if math.IsNaN(im) || !math.Signbit(im) {
		b = append(b, '+')
	}
	return append(appendFloat(b, im, false), "j)"...)
}

// quoteFor prefers single quotes, as CPython does.
func quoteFor(text string) rune {
	if strings.Contains(text, "'") && !strings.Contains(text, `"`) {
		return '"'
	}
	return '\''
}

func appendStr(b []byte, text string) []byte {
	quote := quoteFor(text)
	b = append(b, byte(quote))
	for len(text) > 0 {
		r, size := decodeRune(text)
		text = text[size:]
		switch {
		case r == quote || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\t':
			b = append(b, `\t`...)
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\r':
			b = append(b, `\r`...)
		case unicode.IsPrint(r):
			b = utf8.AppendRune(b, r)
		case r < 0x100:
			b = fmt.Appendf(b, `\x%02x`, r)
		case r < 0x10000:
			b = fmt.Appendf(b, `\u%04x`, r)
		default:
			b = fmt.Appendf(b, `\U%08x`, r)
		}
	}
	return append(b, byte(quote))
}

func appendBytes(b []byte, text string) []byte {
	quote := quoteFor(text)
	b = append(b, 'b', byte(quote))
	for i := range len(text) {
		switch c := text[i]; {
		case rune(c) == quote || c == '\\':
			b = append(b, '\\', c)
		case c == '\t':
			b = append(b, `\t`...)
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\r':
			b = append(b, `\r`...)
		case c < ' ' || c > '~':
			b = fmt.Appendf(b, `\x%02x`, c)
		default:
			b = append(b, c)
		}
	}
	return append(b, byte(quote))
}
