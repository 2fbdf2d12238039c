package generator

import "strings"

// Shape returns the [Program].Shape of source: the expressions of a chain of statements without the names, so that
// programs that differ in names only have one shape. Other programs have shape "".
func Shape(source string) string {
	lines := strings.Split(source, "\n    ")
	if lines[0] != "def f(x):" || len(lines) < 2 {
		return ""
	}
	read := "x"
	var expressions []string
	for i, line := range lines[1:] {
		name, expression, assigns := strings.Cut(line, " = ")
		if last := i == len(lines)-2; last == assigns {
			return ""
		} else if last {
			if expression, assigns = strings.CutPrefix(line, "return "); !assigns {
				return ""
			}
		}
		blanked := blank(expression, read)
		if blanked == expression {
			return ""
		}
		expressions = append(expressions, blanked)
		read = name
	}
	return strings.Join(expressions, "; ")
}

// blank replaces a one-letter name where it stands alone.
func blank(expression, name string) string {
	var b strings.Builder
	for i := range len(expression) {
		alone := expression[i:i+1] == name && (i == 0 || !letter(expression[i-1])) && (i+1 == len(expression) || !letter(expression[i+1]))
		if alone {
			b.WriteString("{0}")
		} else {
			b.WriteByte(expression[i])
		}
	}
	return b.String()
}

func letter(c byte) bool { return 'a' <= c && c <= 'z' }
