package python

import (
	"fmt"
	"slices"
	"strings"

	"github.com/azr-train/azr"
)

// helperName is what the f of the i-th helper is called in a composite program.
func helperName(i int) string { return fmt.Sprintf("g_%d", i) }

// helperSources are the helpers' programs with their new names. Each is [azr.Measures].Standalone: f is a name of
// its own wherever it stands.
func helperSources(helpers []azr.Task) []string {
	var sources []string
	for i, h := range helpers {
		sources = append(sources, rename(h.Program, "f", helperName(i)))
	}
	return sources
}

// rename changes a name wherever it is a token that is not an attribute.
func rename(source, from, to string) string {
	var b strings.Builder
	end, previous := 0, ""
	for _, t := range scan(source) {
		if t.text == from && t.at >= 0 && previous != "." {
			b.WriteString(source[end:t.at] + to)
			end = t.at + len(from)
		}
		previous = t.text
	}
	return b.String() + source[end:]
}

// compose puts the helpers before a program that has to call each of them and
// to give their names no other meaning: they may do nothing but be called. Whether the calls make sense shows when it is run.
func compose(helpers []azr.Task, program string) (composed, reason string) {
	tokens := scan(program)
	f, _ := entry(program)
	for i := range helpers {
		name := helperName(i)
		if usedOtherwise(tokens, name) || slices.Contains(f.params, name) {
			return "", "uses a given function other than by calling it"
		}
		if !calls(bodyOf(tokens, "f"), name) {
			return "", "does not call every given function"
		}
	}
	return strings.Join(append(helperSources(helpers), program), "\n\n"), ""
}

// bodyOf returns the tokens of the last top-level function of that name.
func bodyOf(tokens []token, name string) []token {
	for i := len(tokens) - 2; i >= 0; i-- {
		if tokens[i].top && tokens[i].text == "def" && tokens[i+1].text == name {
			body := tokens[i+2:]
			if end := slices.IndexFunc(body, func(t token) bool { return t.top }); end >= 0 {
				body = body[:end]
			}
			return body
		}
	}
	return nil
}

func calls(tokens []token, name string) bool {
	for i := range len(tokens) - 1 {
		if tokens[i].text == name && tokens[i+1].text == "(" {
			return true
		}
	}
	return false
}

// usedOtherwise tells whether a name stands anywhere but before the arguments of a call: who cannot name it cannot give it
// another meaning.
func usedOtherwise(tokens []token, name string) bool {
	for i, t := range tokens {
		called := i+1 < len(tokens) && tokens[i+1].text == "(" && (i == 0 || !slices.Contains([]string{"def", "class", "case"}, tokens[i-1].text))
		if t.text == name && !called {
			return true
		}
	}
	return false
}
