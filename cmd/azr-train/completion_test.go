package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// shellDrivers load the shell's script and print what it completes of the words in "$@", a line each; the last
// word is the one under the cursor.
var shellDrivers = map[string]string{
	"bash": `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _azr_train; printf '%s\n' "${COMPREPLY[@]}"`,
	// zsh completes only at a prompt; compadd stands in for it and prints what begins like the current word.
	"zsh": `compdef() { [[ "$*" == "_azr_train azr-train" ]] || print -u2 bad compdef; }
		source "$1"; shift
		words=("$@"); CURRENT=$#
		compadd() { while [[ $1 != -- ]]; do shift; done; shift; print -l -- ${(M)@:#${words[CURRENT]}*}; }
		_files() { print FILES; }
		_azr_train`,
	"fish": `source $argv[1]; complete -C (string join ' ' -- $argv[2..])`,
}

// completed is what a shell makes of the words, the last of them unfinished.
func completed(t *testing.T, shell string, words ...string) []string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Symlink(os.Args[0], filepath.Join(dir, "azr-train"))) // the test binary stands in
	script, err := filepath.Abs("completion/azr-train." + shell)
	require.NoError(t, err)
	args := []string{"-c", shellDrivers[shell]}
	if shell != "fish" {
		args = append(args, shell)
	}
	c := exec.Command(shell, append(append(args, script, "azr-train"), words...)...)
	c.Dir = t.TempDir() // fish offers files too
	c.Env = append(os.Environ(), "AZR_TRAIN_UNDER_TEST=1", "PATH="+dir+":"+os.Getenv("PATH"), "HF_HUB_CACHE="+dir, "HOME="+dir)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "models--org--tiny"), 0o755))
	out, err := c.Output()
	require.NoError(t, err, "%s: %s", shell, out)
	var found []string
	for line := range strings.Lines(string(out)) {
		word, _, _ := strings.Cut(strings.TrimRight(line, "\n"), "\t") // fish adds what a file is
		found = append(found, word)
	}
	return found
}

func TestCompletion(t *testing.T) {
	for _, shell := range shells {
		t.Run(shell, func(t *testing.T) {
			if _, err := exec.LookPath(shell); err != nil {
				t.Skipf("%s is not installed here", shell)
			}
			for _, c := range []struct {
				words []string
				want  []string
			}{
				{[]string{"in"}, []string{"inspect"}},
				{[]string{"config", "s"}, []string{"show"}},
				{[]string{"run", "--st"}, []string{"--steps"}},
				{[]string{"version", "--"}, []string{"--json", "--help"}},
				{[]string{"run", "--model", "x", "--de"}, []string{"--device"}},
				{[]string{"run", "--config", "qwen3"}, []string{"qwen3-4b"}},
				{[]string{"run", "--config", "paper", "--config", "orig"}, []string{"original-code"}},
				{[]string{"config", "explain", "checkpoint"}, []string{"checkpoint", "checkpoint.every", "checkpoint.keep"}},
				{[]string{"config", "diff", "paper", "smol"}, []string{"smollm2-135m"}},
				{[]string{"eval", "--set", "checkpoint."}, []string{"checkpoint.every=", "checkpoint.keep="}},
				{[]string{"generate", "--model", "org"}, []string{"org/tiny"}},
				{[]string{"completion", "z"}, []string{"zsh"}},
			} {
				assert.ElementsMatch(t, c.want, completed(t, shell, c.words...), "%q", c.words)
			}
		})
	}
}

func TestCompletionOfFiles(t *testing.T) {
	words := completed(t, "bash", "run", "--config", "mine.y")
	assert.Equal(t, []string{""}, words, "nothing, so that bash goes on to files")
}

func TestCompletionPrintsTheScript(t *testing.T) {
	for _, shell := range shells {
		script, err := os.ReadFile("completion/azr-train." + shell)
		require.NoError(t, err)
		assert.Equal(t, string(script), succeeded(t, "completion", shell))
	}
}

func TestEveryCommandIsCompleted(t *testing.T) {
	found := completed(t, "bash", "")
	for _, c := range newApp().Commands {
		assert.Contains(t, found, c.Name)
	}
}
