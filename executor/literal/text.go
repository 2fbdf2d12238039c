package literal

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// stringLiteral reads one or more adjacent string literals, which join into one. The
// first one's prefix has been read already.
func (p *parser) stringLiteral(prefix string) (operand, error) {
	var text []byte
	kind := Str
	for first := true; ; first = false {
		part, partKind, err := p.stringPart(prefix)
		if err != nil {
			return operand{}, err
		}
		if !first && partKind != kind {
			return operand{}, p.errorf("str and bytes do not join")
		}
		kind, text = partKind, append(text, part...)
		var more bool
		if prefix, more = p.nextStringPrefix(); !more {
			return operand{value: Value{kind: kind, text: string(text)}}, nil
		}
	}
}

// nextStringPrefix reads the prefix of a string literal if one comes next.
func (p *parser) nextStringPrefix() (string, bool) {
	p.skipBlanks()
	end := p.pos
	for end < len(p.text) && end < p.pos+2 && isLetter(p.text[end]) {
		end++
	}
	if end == len(p.text) || p.text[end] != '\'' && p.text[end] != '"' {
		return "", false
	}
	prefix := p.text[p.pos:end]
	p.pos = end
	return prefix, true
}

// stringPart reads one literal from its opening quote on.
func (p *parser) stringPart(prefix string) ([]byte, Kind, error) {
	kind, raw := Str, false
	switch strings.ToLower(prefix) {
	case "", "u":
	case "r":
		raw = true
	case "b":
		kind = Bytes
	case "br", "rb":
		kind, raw = Bytes, true
	default:
		return nil, kind, p.errorf("unknown string prefix")
	}
	quote := p.text[p.pos : p.pos+1]
	if triple := strings.Repeat(quote, 3); strings.HasPrefix(p.text[p.pos:], triple) {
		quote = triple
	}
	p.pos += len(quote)
	var text []byte
	for !strings.HasPrefix(p.text[p.pos:], quote) {
		if p.pos == len(p.text) || p.text[p.pos] == '\n' && len(quote) == 1 {
			return nil, kind, p.errorf("unterminated string")
		}
		c := p.text[p.pos]
		if kind == Bytes && c >= utf8.RuneSelf {
			return nil, kind, p.errorf("bytes hold ASCII only")
		}
		p.pos++
		if c != '\\' {
			text = append(text, c)
			continue
		}
		var err error
		if text, err = p.escape(text, kind, raw); err != nil {
			return nil, kind, err
		}
	}
	p.pos += len(quote)
	return text, kind, nil
}

var simpleEscapes = map[byte]byte{'\\': '\\', '\'': '\'', '"': '"', 'a': 7, 'b': 8, 'f': 12, 'n': 10, 'r': 13, 't': 9, 'v': 11}

// escape reads what follows a backslash. In raw text the backslash stays; so it
// does before a character that it says nothing of.
func (p *parser) escape(text []byte, kind Kind, raw bool) ([]byte, error) {
	if p.pos == len(p.text) {
		return nil, p.errorf("unterminated string")
	}
	c := p.text[p.pos]
	if kind == Bytes && c >= utf8.RuneSelf {
		return nil, p.errorf("bytes hold ASCII only")
	}
	if raw {
		p.pos++
		return append(text, '\\', c), nil
	}
	simple, isSimple := simpleEscapes[c]
	switch {
	case isSimple:
		p.pos++
		return append(text, simple), nil
	case c == '\n':
		p.pos++
		return text, nil
	case '0' <= c && c <= '7':
		return p.octalEscape(text, kind), nil
	case c == 'x':
		return p.hexEscape(text, kind, 2)
	case c == 'u' && kind == Str:
		return p.hexEscape(text, kind, 4)
	case c == 'U' && kind == Str:
		return p.hexEscape(text, kind, 8)
	case c == 'N' && kind == Str:
		return nil, p.errorf("\\N escapes are not read")
	}
	return append(text, '\\'), nil
}

func (p *parser) octalEscape(text []byte, kind Kind) []byte {
	code := rune(0)
	for n := 0; n < 3 && p.pos < len(p.text) && '0' <= p.text[p.pos] && p.text[p.pos] <= '7'; n++ {
		code = code<<3 | rune(p.text[p.pos]-'0')
		p.pos++
	}
	return appendCode(text, kind, code)
}

// hexEscape reads digits hexadecimal digits after the letter at p.pos.
func (p *parser) hexEscape(text []byte, kind Kind, digits int) ([]byte, error) {
	p.pos++
	if p.pos+digits > len(p.text) {
		return nil, p.errorf("truncated escape")
	}
	code, err := strconv.ParseUint(p.text[p.pos:p.pos+digits], 16, 32)
	if err != nil || code > utf8.MaxRune {
		return nil, p.errorf("malformed escape")
	}
	p.pos += digits
	return appendCode(text, kind, rune(code)), nil
}

func appendCode(text []byte, kind Kind, code rune) []byte {
	if kind == Bytes {
		return append(text, byte(code))
	}
	if isSurrogate(code) {
		return append(text, 0xed, byte(0x80|code>>6&0x3f), byte(0x80|code&0x3f))
	}
	return utf8.AppendRune(text, code)
}

func isSurrogate(r rune) bool { return 0xd800 <= r && r < 0xe000 }

// decodeRune decodes the first code point of a Str's text, lone surrogates included.
func decodeRune(text string) (rune, int) {
	if len(text) >= 3 && text[0] == 0xed && text[1] >= 0xa0 {
		return 0xd000 | rune(text[1]&0x3f)<<6 | rune(text[2]&0x3f), 3
	}
	return utf8.DecodeRuneInString(text)
}
