package literal

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Limits bound what may be parsed.
type Limits struct {
	// Depth is how many containers (or grouping parentheses) may nest.
	Depth int
	// Nodes is how many values there may be in all, containers included.
	Nodes int
	// Bytes is how long the text may be.
	Bytes int
}

// DefaultLimits are those of [Parse] and [ParseArgs]: 100 deep, 100,000 values, 64 KiB.
var DefaultLimits = Limits{Depth: 100, Nodes: 100_000, Bytes: 64 << 10}

// Parse reads one literal under [DefaultLimits]. A bare "1, 2" is a tuple, as in Python.
func Parse(text string) (Value, error) { return DefaultLimits.Parse(text) }

// ParseArgs reads comma-separated positional arguments under [DefaultLimits].
// Blank text is no arguments and one trailing comma is allowed, as between the
// parentheses of a call.
func ParseArgs(text string) ([]Value, error) { return DefaultLimits.ParseArgs(text) }

// Parse reads one literal.
func (l Limits) Parse(text string) (Value, error) {
	p, err := l.newParser(text, "Parse")
	if err != nil {
		return Value{}, err
	}
	p.skipBlankLines()
	v, err := p.topLevel()
	if err == nil {
		p.skipBlankLines()
		err = p.expectEnd()
	}
	if err != nil {
		return Value{}, err
	}
	return v, nil
}

// ParseArgs reads comma-separated positional arguments.
func (l Limits) ParseArgs(text string) ([]Value, error) {
	p, err := l.newParser(text, "ParseArgs")
	if err != nil {
		return nil, err
	}
	p.brackets = 1
	args, _, err := p.sequence(0)
	if err == nil {
		err = p.expectEnd()
	}
	if err != nil {
		return nil, err
	}
	return args, nil
}

// parser is a recursive-descent parser over text whose line ends are all "\n".
type parser struct {
	op     string
	text   string
	pos    int
	limits Limits
	depth  int
	nodes  int
	// brackets counts the open brackets: inside them line ends are blank.
	brackets int
}

func (l Limits) newParser(text, op string) (*parser, error) {
	p := &parser{op: op, limits: l}
	switch {
	case len(text) > l.Bytes:
		return nil, fmt.Errorf("literal.%s: text too long; got %d bytes, want at most %d", op, len(text), l.Bytes)
	case !utf8.ValidString(text):
		return nil, fmt.Errorf("literal.%s: text is not UTF-8", op)
	case strings.ContainsRune(text, 0):
		return nil, fmt.Errorf("literal.%s: text holds a NUL", op)
	}
	p.text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	return p, nil
}

func (p *parser) errorf(format string, args ...any) error {
	return fmt.Errorf("literal.%s: %s at byte %d", p.op, fmt.Sprintf(format, args...), p.pos)
}

// peek returns the next byte after blanks, 0 at the end.
func (p *parser) peek() byte {
	p.skipBlanks()
	if p.pos == len(p.text) {
		return 0
	}
	return p.text[p.pos]
}

// skipBlanks skips spaces, comments and joined lines, and inside brackets line ends.
func (p *parser) skipBlanks() {
	for p.pos < len(p.text) {
		rest := p.text[p.pos:]
		switch c := rest[0]; {
		case c == ' ' || c == '\t' || c == '\f' || c == '\n' && p.brackets > 0:
			p.pos++
		case c == '#':
			if end := strings.IndexByte(rest, '\n'); end >= 0 {
				p.pos += end
			} else {
				p.pos = len(p.text)
			}
		case strings.HasPrefix(rest, "\\\n"):
			p.pos += 2
		default:
			return
		}
	}
}

func (p *parser) skipBlankLines() {
	p.brackets++
	p.skipBlanks()
	p.brackets--
}

func (p *parser) expectEnd() error {
	if p.peek() != 0 {
		return p.errorf("unexpected %s; want the end", p.nextForError())
	}
	return nil
}

// nextForError quotes the next character.
func (p *parser) nextForError() string {
	if p.peek() == 0 {
		return "end of text"
	}
	r, _ := utf8.DecodeRuneInString(p.text[p.pos:])
	return fmt.Sprintf("%q", r)
}

// topLevel reads one literal, or a tuple without parentheses.
func (p *parser) topLevel() (Value, error) {
	first, err := p.expression()
	if err != nil || p.peek() != ',' {
		return first.value, err
	}
	p.pos++
	items := []Value{first.value}
	for c := p.peek(); c != 0 && c != '\n'; c = p.peek() {
		item, err := p.expression()
		if err != nil {
			return Value{}, err
		}
		items = append(items, item.value)
		if p.peek() != ',' {
			break
		}
		p.pos++
	}
	return Value{kind: Tuple, items: items}, nil
}

// sequence reads comma-separated literals up to the byte end (0: the end of the
// text), which it leaves unread. It tells whether the last byte was a comma.
func (p *parser) sequence(end byte) (items []Value, comma bool, err error) {
	for p.peek() != end {
		item, err := p.expression()
		if err != nil {
			return nil, false, err
		}
		items = append(items, item.value)
		if comma = p.peek() == ','; comma {
			p.pos++
		} else if p.peek() != end {
			return nil, false, p.errorf("unexpected %s; want a comma", p.nextForError())
		}
	}
	return items, comma, nil
}

// operand is what an expression turned out to be: only number constants may
// take a sign, and only a signed or unsigned one may stand left of "+ 2j".
type operand struct {
	value Value
	form  form
	// minus tells whether the sign was a minus, which the int 0 cannot.
	minus bool
}

type form uint8

const (
	other form = iota
	constant
	signed
)

// expression reads [+-] primary [+- imaginary].
func (p *parser) expression() (operand, error) {
	left, err := p.signedPrimary()
	if err != nil {
		return operand{}, err
	}
	c := p.peek()
	if c != '+' && c != '-' {
		return left, nil
	}
	if left.form == other || left.value.kind == Complex {
		return operand{}, p.errorf("unexpected %s", p.nextForError())
	}
	p.pos++
	right, err := p.primary()
	if err != nil {
		return operand{}, err
	}
	if right.form != constant || right.value.kind != Complex {
		return operand{}, p.errorf("want an imaginary number before here")
	}
	im := right.value.im
	if c == '-' {
		im = -im
	}
	re, ok := left.realPart()
	if !ok {
		return operand{}, p.errorf("int too large for a complex number")
	}
	return operand{value: Value{kind: Complex, re: re, im: im}}, nil
}

func (p *parser) signedPrimary() (operand, error) {
	c := p.peek()
	if c != '+' && c != '-' {
		return p.primary()
	}
	p.pos++
	o, err := p.primary()
	if err != nil {
		return operand{}, err
	}
	if o.form != constant {
		return operand{}, p.errorf("a sign wants a number")
	}
	if c == '-' {
		o.value, o.minus = o.value.negated(), true
	}
	o.form = signed
	return o, nil
}

// primary reads a literal that starts with no sign.
func (p *parser) primary() (operand, error) {
	if p.nodes++; p.nodes > p.limits.Nodes {
		return operand{}, p.errorf("too many values; want at most %d", p.limits.Nodes)
	}
	c := p.peek()
	switch {
	case c == '(' || c == '[' || c == '{':
		return p.bracketed(c)
	case c == '\'' || c == '"':
		return p.stringLiteral("")
	case isDigit(c) || c == '.':
		v, err := p.number()
		return operand{value: v, form: constant}, err
	case isLetter(c):
		return p.word()
	}
	return operand{}, p.errorf("unexpected %s; want a literal", p.nextForError())
}

func (p *parser) bracketed(open byte) (operand, error) {
	if p.depth++; p.depth > p.limits.Depth {
		return operand{}, p.errorf("nested too deep; want at most %d", p.limits.Depth)
	}
	p.pos++
	p.brackets++
	var o operand
	var err error
	switch open {
	case '(':
		o, err = p.parenthesised()
	case '[':
		o.value.kind = List
		o.value.items, _, err = p.sequence(']')
	default:
		o.value, err = p.braced()
	}
	if err != nil {
		return operand{}, err
	}
	p.pos++
	p.brackets--
	p.depth--
	return o, nil
}

// parenthesised reads a tuple or a single grouped literal.
func (p *parser) parenthesised() (operand, error) {
	if p.peek() == ')' {
		return operand{value: Value{kind: Tuple}}, nil
	}
	first, err := p.expression()
	if err != nil || p.peek() == ')' {
		return first, err
	}
	if p.peek() != ',' {
		return operand{}, p.errorf("unexpected %s; want a comma or )", p.nextForError())
	}
	p.pos++
	rest, _, err := p.sequence(')')
	return operand{value: Value{kind: Tuple, items: append([]Value{first.value}, rest...)}}, err
}

// braced reads a dict or a set.
func (p *parser) braced() (Value, error) {
	var items []Value
	stride := 2
	for p.peek() != '}' {
		key, err := p.hashable()
		if err != nil {
			return Value{}, err
		}
		if len(items) == 0 && p.peek() != ':' {
			stride = 1
		}
		items = append(items, key)
		if stride == 2 {
			if p.peek() != ':' {
				return Value{}, p.errorf("unexpected %s; want a colon", p.nextForError())
			}
			p.pos++
			item, err := p.expression()
			if err != nil {
				return Value{}, err
			}
			items = append(items, item.value)
		}
		if p.peek() == ',' {
			p.pos++
		} else if p.peek() != '}' {
			return Value{}, p.errorf("unexpected %s; want a comma or }", p.nextForError())
		}
	}
	if stride == 1 {
		return newSet(Set, items), nil
	}
	return newDict(items), nil
}

func (p *parser) hashable() (Value, error) {
	o, err := p.expression()
	if err == nil && !o.value.hashable() {
		err = p.errorf("unhashable %s as a key or set element", o.value.kind)
	}
	return o.value, err
}
