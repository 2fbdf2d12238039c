package literal

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

// maxDigits is how many decimal digits CPython turns into an int and back
// (sys.int_info.default_max_str_digits); larger ints have no canonical text.
const maxDigits = 4300

var maxInt = new(big.Int).Exp(big.NewInt(10), big.NewInt(maxDigits), nil)

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// number reads an unsigned int, float or imaginary constant.
func (p *parser) number() (Value, error) {
	rest := p.text[p.pos:]
	if len(rest) > 1 && rest[0] == '0' {
		if base := radix(rest[1]); base != 0 {
			p.pos += 2
			return p.radixInt(base)
		}
	}
	start := p.pos
	p.digits()
	whole := p.pos
	if p.at('.') {
		p.pos++
		p.digits()
	}
	p.exponent()
	text := p.text[start:p.pos]
	imaginary := p.at('j') || p.at('J')
	if imaginary {
		p.pos++
	}
	if p.pos < len(p.text) && (isLetter(p.text[p.pos]) || isDigit(p.text[p.pos])) || text == "." {
		return Value{}, p.errorf("malformed number")
	}
	if whole == start+len(text) && !imaginary {
		return p.decimalInt(text)
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64)
	if err != nil && !math.IsInf(f, 0) {
		return Value{}, p.errorf("malformed number")
	}
	if imaginary {
		return Value{kind: Complex, im: f}, nil
	}
	return Value{kind: Float, re: f}, nil
}

func (p *parser) at(c byte) bool { return p.pos < len(p.text) && p.text[p.pos] == c }

// digits skips decimal digits with single underscores between them.
func (p *parser) digits() {
	for p.pos < len(p.text) {
		c := p.text[p.pos]
		joins := c == '_' && p.pos > 0 && isDigit(p.text[p.pos-1]) && p.pos+1 < len(p.text) && isDigit(p.text[p.pos+1])
		if !isDigit(c) && !joins {
			return
		}
		p.pos++
	}
}

// exponent skips "e-12"; an e that no digits follow is left for the caller to refuse.
func (p *parser) exponent() {
	if !p.at('e') && !p.at('E') {
		return
	}
	start := p.pos
	p.pos++
	if p.at('+') || p.at('-') {
		p.pos++
	}
	digits := p.pos
	p.digits()
	if p.pos == digits {
		p.pos = start
	}
}

func radix(c byte) int {
	switch c {
	case 'x', 'X':
		return 16
	case 'o', 'O':
		return 8
	case 'b', 'B':
		return 2
	}
	return 0
}

func (p *parser) radixInt(base int) (Value, error) {
	start := p.pos
	for p.pos < len(p.text) && (isLetter(p.text[p.pos]) || isDigit(p.text[p.pos])) {
		p.pos++
	}
	text := p.text[start:p.pos]
	if strings.Contains(text, "__") || strings.HasSuffix(text, "_") {
		return Value{}, p.errorf("malformed number")
	}
	return p.bigInt(strings.ReplaceAll(text, "_", ""), base)
}

func (p *parser) decimalInt(text string) (Value, error) {
	text = strings.ReplaceAll(text, "_", "")
	if text[0] == '0' && strings.Trim(text, "0") != "" {
		return Value{}, p.errorf("leading zeros in an int")
	}
	if len(text) > maxDigits {
		return Value{}, p.errorf("int too large; want at most %d digits", maxDigits)
	}
	return p.bigInt(text, 10)
}

func (p *parser) bigInt(text string, base int) (Value, error) {
	n, ok := new(big.Int).SetString(text, base)
	if !ok {
		return Value{}, p.errorf("malformed number")
	}
	if n.Cmp(maxInt) >= 0 {
		return Value{}, p.errorf("int too large; want at most %d digits", maxDigits)
	}
	return Value{kind: Int, integer: n}, nil
}

// negated is called on numbers only. The int 0 is its own negative; -2j is read
// as what repr means by it, complex(0, -2), and not as -complex(0, 2).
func (v Value) negated() Value {
	switch v.kind {
	case Int:
		v.integer = new(big.Int).Neg(v.integer)
	case Float:
		v.re = -v.re
	case Complex:
		v.im = -v.im
	}
	return v
}

// realPart is called on an Int or Float that "+ 2j" follows. A -0 there keeps
// its sign: repr writes complex(-0.0, 1.0) as (-0+1j). It is false for an int
// that no float can hold.
func (o operand) realPart() (float64, bool) {
	if o.value.kind == Float {
		return o.value.re, true
	}
	if o.minus && o.value.integer.Sign() == 0 {
		return math.Copysign(0, -1), true
	}
	f, _ := new(big.Float).SetInt(o.value.integer).Float64()
	return f, !math.IsInf(f, 0)
}
