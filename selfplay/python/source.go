package python

import (
	"slices"
	"strings"
)

// token is a name, an operator character or the start of a number of Python
// source. Comments and strings are not tokens, but the names inside an f-string are.
type token struct {
	text string
	// top: it begins a logical line without indentation.
	top bool
	// at is its first byte in the source; -1 inside an f-string.
	at int
}

// function is what can be said of a program's f without parsing Python.
type function struct {
	params []string
	// usesParams: the body mentions at least one parameter.
	usesParams bool
}

// entry finds the last function f that is defined at the top level of a program.
func entry(program string) (f function, found bool) {
	tokens := scan(program)
	for i := len(tokens) - 3; i >= 0; i-- {
		if tokens[i].top && tokens[i].text == "def" && tokens[i+1].text == "f" && tokens[i+2].text == "(" {
			return describe(tokens[i+3:]), true
		}
	}
	return function{}, false
}

// describe reads the tokens that follow "def f(".
func describe(tokens []token) (f function) {
	depth, i, begins := 1, 0, true // begins: a parameter's name may come next
	for ; i < len(tokens) && depth > 0; i++ {
		switch text := tokens[i].text; {
		case strings.Contains("([{", text):
			depth++
		case strings.Contains(")]}", text):
			depth--
		case depth > 1:
		case text == ",":
			begins = true
		case begins && isName(text):
			f.params = append(f.params, text)
			begins = false
		}
	}
	for ; i < len(tokens) && !tokens[i].top; i++ {
		attribute := tokens[i-1].text == "."
		f.usesParams = f.usesParams || !attribute && slices.Contains(f.params, tokens[i].text)
	}
	return f
}

// scan splits source into tokens. It never fails: what is not Python gives
// tokens that mean nothing, and the Executor says the rest.
func scan(source string) []token {
	var tokens []token
	depth, lineStart, continued := 0, 0, false
	add := func(at int, text string) {
		first := at == lineStart && depth == 0 && !continued
		tokens = append(tokens, token{text, first, at})
	}
	for i := 0; i < len(source); {
		c := source[i]
		switch {
		case c == '\n':
			continued = false
			i++
			lineStart = i
		case strings.HasPrefix(source[i:], "\\\n"):
			continued = true
			i += 2
			lineStart = i
		case c == '#':
			i += indexOrEnd(source[i:], "\n")
		case c == '"' || c == '\'':
			i += stringEnd(source[i:])
		case isNameByte(c):
			end := i + 1
			for end < len(source) && isNameByte(source[end]) {
				end++
			}
			word := source[i:end]
			if end < len(source) && (source[end] == '"' || source[end] == '\'') && len(word) <= 2 {
				size := stringEnd(source[end:]) // word is a prefix such as rb or f
				if strings.ContainsAny(word, "fFtT") {
					tokens = append(tokens, namesIn(source[end:end+size])...)
				}
				i = end + size
				break
			}
			add(i, word)
			i = end
		default:
			if c > ' ' {
				add(i, string(c))
			}
			switch c {
			case '(', '[', '{':
				depth++
			case ')', ']', '}':
				depth = max(0, depth-1)
			}
			i++
		}
	}
	return tokens
}

// namesIn returns what could be a name in an f-string, its plain text included.
func namesIn(text string) (tokens []token) {
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r < 0x80 && !isNameByte(byte(r)) }) {
		tokens = append(tokens, token{text: word, at: -1})
	}
	return tokens
}

// stringEnd is the length of the string that text begins with, quotes included.
func stringEnd(text string) int {
	quote := text[:1]
	if triple := strings.Repeat(quote, 3); strings.HasPrefix(text, triple) {
		quote = triple
	}
	for i := len(quote); i < len(text); i++ {
		switch {
		case text[i] == '\\':
			i++
		case strings.HasPrefix(text[i:], quote):
			return i + len(quote)
		case text[i] == '\n' && len(quote) == 1:
			return i // a broken string ends with its line
		}
	}
	return len(text)
}

func indexOrEnd(text, mark string) int {
	if i := strings.Index(text, mark); i >= 0 {
		return i
	}
	return len(text)
}

func isName(text string) bool { return isNameByte(text[0]) && (text[0] < '0' || text[0] > '9') }

func isNameByte(c byte) bool {
	return c == '_' || c >= 0x80 || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
