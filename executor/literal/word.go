package literal

import "math"

func isLetter(c byte) bool { return c == '_' || 'a' <= c|0x20 && c|0x20 <= 'z' }

// word reads a string prefix or one of the names that stand for a value.
func (p *parser) word() (operand, error) {
	start := p.pos
	for p.pos < len(p.text) && (isLetter(p.text[p.pos]) || isDigit(p.text[p.pos])) {
		p.pos++
	}
	word := p.text[start:p.pos]
	if p.pos < len(p.text) && (p.text[p.pos] == '\'' || p.text[p.pos] == '"') {
		return p.stringLiteral(word)
	}
	switch word {
	case "None":
		return operand{}, nil
	case "True", "False":
		return operand{value: Value{kind: Bool, truth: word == "True"}}, nil
	case "nan":
		return operand{value: Value{kind: Float, re: math.NaN()}, form: constant}, nil
	case "inf":
		return operand{value: Value{kind: Float, re: math.Inf(1)}, form: constant}, nil
	case "nanj":
		return operand{value: Value{kind: Complex, im: math.NaN()}, form: constant}, nil
	case "infj":
		return operand{value: Value{kind: Complex, im: math.Inf(1)}, form: constant}, nil
	case "set", "frozenset":
		v, err := p.setCall(word)
		return operand{value: v}, err
	}
	p.pos = start
	return operand{}, p.errorf("a name is not a literal")
}

// setCall reads what follows the name in "set()", "frozenset()" and
// "frozenset({...})"; a list or tuple will do in place of the set.
func (p *parser) setCall(name string) (Value, error) {
	if p.peek() != '(' {
		return Value{}, p.errorf("unexpected %s; want (", p.nextForError())
	}
	p.pos++
	p.brackets++
	v := Value{kind: Set}
	if name == "frozenset" {
		v.kind = FrozenSet
		if c := p.peek(); c == '(' || c == '[' || c == '{' {
			argument, err := p.expression()
			if err != nil {
				return Value{}, err
			}
			if v, err = p.frozen(argument.value); err != nil {
				return Value{}, err
			}
		}
	}
	if p.peek() != ')' {
		return Value{}, p.errorf("unexpected %s; want )", p.nextForError())
	}
	p.pos++
	p.brackets--
	return v, nil
}

func (p *parser) frozen(argument Value) (Value, error) {
	switch argument.kind {
	case Set, List, Tuple:
	default:
		return Value{}, p.errorf("frozenset of %s", argument.kind)
	}
	for _, item := range argument.items {
		if !item.hashable() {
			return Value{}, p.errorf("unhashable %s as a set element", item.kind)
		}
	}
	return newSet(FrozenSet, argument.items), nil
}
