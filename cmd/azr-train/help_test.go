package main

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
)

// The help of each command says what comes in and goes out, in lines that a terminal can hold.
func TestHelp(t *testing.T) {
	app := newApp()
	assert.Contains(t, app.Description, "Exit codes: 0")
	for _, c := range app.Commands {
		assert.NotEmpty(t, c.Usage, c.Name)
		assert.Contains(t, c.Description, "stdout", "the description of %s says what goes to stdout", c.Name)
		o := azrTrain(t, "", c.Name, "--help")
		assert.Zero(t, o.code, o.stderr)
		assert.Empty(t, o.stderr)
		assert.NotContains(t, o.stdout, "(default: false)")
		assert.NotContains(t, o.stdout, ") (default", c.Name)
		for line := range strings.Lines(c.Description) {
			assert.LessOrEqual(t, utf8.RuneCountInString(line), 100, line)
		}
	}
}
