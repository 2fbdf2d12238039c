package terms

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

const (
	// maxTermBytes bounds the text of a term, and so its size, its depth and the time to evaluate it.
	maxTermBytes = 400
	// maxValue bounds every number in a term's evaluation: none is further from 0, so no product leaves an int64.
	maxValue = 1_000_000
)

// What can be wrong with a term.
var (
	errSyntax   = errors.New("not a term")
	errLength   = errors.New("the term is too long")
	errDivision = errors.New("division by zero")
	errRange    = errors.New("out of range")
)

// term is a node of a parsed term. Op is "x", "number" (the constant), "negate" (one argument), or an
// operator or function of two arguments: + - * // % min max.
type term struct {
	op       string
	constant int64
	args     []term
}

// A larger precedence binds tighter, as in Python; what is not listed needs no parentheses anywhere.
const (
	precedenceSum = iota + 1
	precedenceProduct
	precedenceNegate
	precedenceAtom
)

func precedence(op string) int {
	switch op {
	case "+", "-":
		return precedenceSum
	case "*", "//", "%":
		return precedenceProduct
	case "negate":
		return precedenceNegate
	}
	return precedenceAtom
}

// parse reads a term, whose canonical text is bounded too.
func parse(text string) (term, error) {
	if len(text) > maxTermBytes {
		return term{}, errLength
	}
	p := parser{rest: strings.TrimSpace(text)}
	t, err := p.binary(precedenceSum)
	switch {
	case err != nil:
		return term{}, err
	case p.rest != "":
		return term{}, errSyntax
	case len(t.String()) > maxTermBytes:
		return term{}, errLength
	}
	return t, nil
}

// parser reads from the front of rest, which never begins with blanks.
type parser struct{ rest string }

// take reads a token, if it comes next.
func (p *parser) take(token string) bool {
	rest, ok := strings.CutPrefix(p.rest, token)
	if ok {
		p.rest = strings.TrimLeft(rest, " \t")
	}
	return ok
}

// binary reads a chain of operators of one precedence, which all group to the left.
func (p *parser) binary(level int) (term, error) {
	operators, operand := []string{"+", "-"}, func() (term, error) { return p.binary(precedenceProduct) }
	if level == precedenceProduct {
		operators, operand = []string{"*", "//", "%"}, p.unary
	}
	left, err := operand()
	for err == nil {
		op := p.operator(operators)
		if op == "" {
			return left, nil
		}
		var right term
		right, err = operand()
		left = term{op: op, args: []term{left, right}}
	}
	return term{}, err
}

func (p *parser) operator(operators []string) string {
	for _, op := range operators {
		if p.take(op) {
			return op
		}
	}
	return ""
}

// unary reads an atom or its negation. A negated constant is a constant.
func (p *parser) unary() (term, error) {
	if !p.take("-") {
		return p.atom()
	}
	t, err := p.unary()
	if err != nil {
		return term{}, err
	}
	if t.op == "number" {
		return term{op: "number", constant: -t.constant}, nil
	}
	return term{op: "negate", args: []term{t}}, nil
}

func (p *parser) atom() (term, error) {
	if digits := len(p.rest) - len(strings.TrimLeft(p.rest, "0123456789")); digits > 0 {
		n, err := strconv.ParseInt(p.rest[:digits], 10, 64)
		if err != nil {
			return term{}, errRange
		}
		p.take(p.rest[:digits])
		return term{op: "number", constant: n}, nil
	}
	if p.take("(") {
		t, err := p.binary(precedenceSum)
		if err == nil && !p.take(")") {
			err = errSyntax
		}
		return t, err
	}
	if op := p.operator([]string{"min", "max"}); op != "" {
		return p.call(op)
	}
	if p.take("x") {
		return term{op: "x"}, nil
	}
	return term{}, errSyntax
}

// call reads the two arguments of a function.
func (p *parser) call(op string) (term, error) {
	t := term{op: op}
	for _, before := range []string{"(", ","} {
		if !p.take(before) {
			return term{}, errSyntax
		}
		arg, err := p.binary(precedenceSum)
		if err != nil {
			return term{}, err
		}
		t.args = append(t.args, arg)
	}
	if !p.take(")") {
		return term{}, errSyntax
	}
	return t, nil
}

// String returns the term's canonical text, which parses to the same term.
func (t term) String() string {
	return t.text(func(constant int64) string { return strconv.FormatInt(constant, 10) })
}

// skeleton is the text with every constant as n.
func (t term) skeleton() string { return t.text(func(int64) string { return "n" }) }

func (t term) text(number func(int64) string) string {
	// inside writes an argument, in parentheses if it binds looser than level.
	inside := func(arg term, level int) string {
		if text := arg.text(number); precedence(arg.op) >= level {
			return text
		} else {
			return "(" + text + ")"
		}
	}
	switch level := precedence(t.op); t.op {
	case "x":
		return "x"
	case "number":
		return number(t.constant)
	case "negate":
		return "-" + inside(t.args[0], level)
	case "min", "max":
		return fmt.Sprintf("%s(%s, %s)", t.op, t.args[0].text(number), t.args[1].text(number))
	default:
		return fmt.Sprintf("%s %s %s", inside(t.args[0], level), t.op, inside(t.args[1], level+1))
	}
}

// size is the number of operators and functions.
func (t term) size() int {
	if len(t.args) == 0 {
		return 0
	}
	n := 1
	for _, arg := range t.args {
		n += arg.size()
	}
	return n
}

// eval returns the term's value at x.
func (t term) eval(x int64) (value int64, err error) {
	var args [2]int64
	for i, arg := range t.args {
		if args[i], err = arg.eval(x); err != nil {
			return 0, err
		}
	}
	a, b := args[0], args[1]
	switch t.op {
	case "x":
		value = x
	case "number":
		value = t.constant
	case "negate":
		value = -a
	case "+":
		value = a + b
	case "-":
		value = a - b
	case "*":
		value = a * b
	case "min":
		value = min(a, b)
	case "max":
		value = max(a, b)
	case "//", "%":
		if b == 0 {
			return 0, errDivision
		}
		quotient, remainder := a/b, a%b
		if remainder != 0 && (remainder < 0) != (b < 0) { // Go rounds to 0, Python down
			quotient, remainder = quotient-1, remainder+b
		}
		value = quotient
		if t.op == "%" {
			value = remainder
		}
	}
	if value < -maxValue || value > maxValue {
		return 0, errRange
	}
	return value, nil
}
