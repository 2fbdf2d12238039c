package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const errorsFile = "../../docs/errors.md"

const errorsIntro = `# Errors

Bad input ends with one line on stderr and exit code 2. Nothing but answers to
earlier lines is on stdout, no folder is left half-made, and nothing that was there is
changed.

| exit code | when |
|---|---|
| 0 | all went well |
| 1 | a verification found a difference, and says which |
| 2 | bad input, or the machine lacks something: one line says what was got, what was wanted, and often a hint |
| 3 | a run made no progress, and its stuck.txt says where |
| 130 | Ctrl-C, SIGTERM or SIGHUP; a run is saved up to its last finished step |

` + "`make update-errors`" + ` writes this page from the cases of the tests, which run each of them and
compare the line. MODEL is a model's folder, RUN a run's, NEW one that is not there, EMPTY
an empty one, FILE a file. Each line begins with ` + "`azr-train: `" + `.
`

// errorPage is docs/errors.md, as it is and as it should be.
type errorPage struct {
	t       *testing.T
	was     string
	rows    map[string]string // of the page as it is: what is wrong and the line, by command and what
	command string
	now     strings.Builder
}

func newErrorPage(t *testing.T) *errorPage {
	p := &errorPage{t: t, rows: map[string]string{}}
	text, err := os.ReadFile(errorsFile)
	if !*update {
		require.NoError(t, err)
	}
	p.was = string(text)
	command := ""
	for line := range strings.Lines(p.was) {
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			command = strings.TrimSpace(heading)
		} else if what, said, ok := strings.Cut(strings.Trim(line, "| \n"), " | `"); ok {
			p.rows[command+"/"+what] = strings.TrimSuffix(said, "`")
		}
	}
	p.now.WriteString(errorsIntro)
	return p
}

func (p *errorPage) group(command string) {
	p.command = command
	if command == "" {
		p.command = "Any command"
	}
	fmt.Fprintf(&p.now, "\n## %s\n\n| what is wrong | the line |\n|---|---|\n", p.command)
}

// row runs a case. One that cannot run here keeps its line, and so does one whose line is local.
func (p *errorPage) row(what string, local bool, refuse func(t *testing.T) string) {
	p.t.Run(strings.TrimSpace(p.command+" "+what), func(t *testing.T) {
		was := p.rows[p.command+"/"+what]
		line := was
		defer func() { fmt.Fprintf(&p.now, "| %s | `%s` |\n", what, line) }()
		got := strings.ReplaceAll(refuse(t), "|", "\\|")
		require.NotContains(t, got, "`")
		if *update || !local {
			line = got
		}
		if !*update && !local {
			assert.Equal(t, was, got, "docs/errors.md has another line; hint: make update-errors")
		}
	})
}

func (p *errorPage) close() {
	if *update {
		require.NoError(p.t, os.WriteFile(errorsFile, []byte(p.now.String()), 0o644))
		return
	}
	if !p.t.Failed() {
		assert.Equal(p.t, p.now.String(), p.was, "docs/errors.md is not current; hint: make update-errors")
	}
}
