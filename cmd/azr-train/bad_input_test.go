package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// go test ./cmd/azr-train -run TestBadInput -update writes docs/errors.md anew.
var update = flag.Bool("update", false, "write docs/errors.md anew")

// badInput is a command that must be refused: one line on stderr, exit code 2, nothing on stdout,
// nothing made or changed. It is a row of docs/errors.md.
type badInput struct {
	what string
	// args may name MODEL, a tiny model; RUN, a run of one step; FILE, a file to be made; NEW, a
	// folder that is not there; and EMPTY, one that is empty.
	args  []string
	stdin string
	// words are in the line, whatever docs/errors.md says.
	words []string
	// local: the rest of the line depends on the machine, and docs/errors.md has one of them.
	local bool
	// prepare makes what is bad.
	prepare func(t *testing.T, w *badWorld)
}

// badWorld is what the arguments of one bad input name.
type badWorld struct{ model, run, file, fresh, empty string }

// newBadWorld shares its model and run with other cases, unless prepare asks for copies.
func newBadWorld(t *testing.T, model, run string) *badWorld {
	dir := t.TempDir()
	w := &badWorld{model: model, run: run, file: filepath.Join(dir, "file"), fresh: filepath.Join(dir, "new"), empty: filepath.Join(dir, "empty")}
	require.NoError(t, os.Mkdir(w.empty, 0o755))
	return w
}

// ownModel and ownRun make copies that may be changed.
func (w *badWorld) ownModel(t *testing.T) string { return own(t, &w.model) }

func (w *badWorld) ownRun(t *testing.T) string { return own(t, &w.run) }

func own(t *testing.T, shared *string) string {
	dir := filepath.Join(t.TempDir(), "own")
	require.NoError(t, os.CopyFS(dir, os.DirFS(*shared)))
	*shared = dir
	return dir
}

// names are the placeholders with what they stand for, longest paths first.
func (w *badWorld) names() []string {
	return []string{"MODEL", w.model, "RUN", w.run, "FILE", w.file, "NEW", w.fresh, "EMPTY", w.empty}
}

func (w *badWorld) fill(text string) string { return strings.NewReplacer(w.names()...).Replace(text) }

// line is an error as docs/errors.md has it.
func (w *badWorld) line(stderr string) string {
	var pairs []string
	for names := w.names(); len(names) > 0; names = names[2:] {
		if names[1] != "" {
			pairs = append(pairs, names[1], names[0])
		}
	}
	line := strings.NewReplacer(pairs...).Replace(strings.TrimSuffix(stderr, "\n"))
	return strings.TrimPrefix(line, "azr-train: ")
}

// refuse runs the command and returns its line.
func (c badInput) refuse(t *testing.T, command, model, run string) string {
	w := newBadWorld(t, model, run)
	if c.prepare != nil {
		c.prepare(t, w)
	}
	var args []string
	for _, a := range append(strings.Fields(command), c.args...) {
		args = append(args, w.fill(a))
	}
	o := azrTrain(t, c.stdin, args...)
	assert.Equal(t, exitBadInput, o.code, o.stderr)
	assert.Empty(t, o.stdout)
	assert.Equal(t, 1, strings.Count(o.stderr, "\n"), "one line, got %q", o.stderr)
	assert.True(t, strings.HasPrefix(o.stderr, "azr-train: "), o.stderr)
	for _, word := range c.words {
		assert.Contains(t, w.line(o.stderr), word)
	}
	assert.NoDirExists(t, w.fresh)
	left, err := os.ReadDir(w.empty)
	require.NoError(t, err)
	assert.Empty(t, left)
	return w.line(o.stderr)
}

// TestBadInput holds docs/errors.md to what the commands say.
func TestBadInput(t *testing.T) {
	model := tinyModel(t)
	run := filepath.Join(t.TempDir(), "run")
	o := azrTrain(t, "", append(tinyRun(model, run), "--steps", "1")...)
	require.Zero(t, o.code, o.stderr)
	page := newErrorPage(t)
	for _, group := range badInputs {
		page.group(group.command)
		for _, c := range group.inputs {
			page.row(c.what, c.local, func(t *testing.T) string { return c.refuse(t, group.command, model, run) })
		}
	}
	page.group("run, with too small a disk")
	page.row("the disk is full while a checkpoint is saved; those before it stay", false, diskFull)
	page.close()
}
