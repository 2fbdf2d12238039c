package executor

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/azr-train/azr"
)

// Script is a whole Python program, for benchmarks and checks that need more
// than a function and literals: it may have modules, read input and print. It
// is confined like any program and has the same limits.
//
// With Test it is the harness of HumanEval: Test runs after Program, in its
// namespace, and then check(Entry), where check is a function that Test
// defines. The test is inside the process, so the program can read it, and one
// that sets out to can fake its success: that is good for benchmarks of honest
// programs and never for a reward. Without Test the caller compares what was
// printed, and the expected output never enters the process.
type Script struct {
	// Program is the main module; empty if Files has main.py.
	Program string `json:"program"`
	// Files are Python modules by slash-separated path, for example "shapes/square.py", which the
	// program can import. There is no file to open.
	Files map[string]string `json:"files"`
	Stdin string            `json:"stdin"`
	// Test is Python source that raises if the program is wrong. Entry, if not empty, names the object
	// that Test's check is called with.
	Test  string `json:"test"`
	Entry string `json:"entry"`
}

// ScriptResult is what became of a Script.
type ScriptResult struct {
	// Status is OK if the program ended by itself with exit code 0 or, with a Test, if that came to its end;
	// Error if not. BadInput means that the Script makes no sense. A script is never Nondeterministic.
	Status azr.Status `json:"status"`
	// Error names the exception's type or says more of the status.
	Error string `json:"error,omitempty"`
	// ExitCode is the process's; with a Test 0 or 1. It is -1 if the process was killed or, with a Test,
	// left before the end.
	ExitCode int `json:"exit_code"`
	// Stdout and Stderr are what was printed, which may be any bytes.
	Stdout string `json:"stdout"`
	Stderr string `json:"stderr"`
	// Truncated says that more was printed than the limit for both together, Config.OutputBytes, and that the
	// rest is lost. The Status is OutputLimit then.
	Truncated bool `json:"truncated,omitempty"`
	// Wall is how long it ran.
	Wall time.Duration `json:"-"`
}

const mainFile = "main.py"

// RunScript runs a script. Its error is like that of [Pool.Run]. Scripts are not
// journaled.
func (p *Pool) RunScript(ctx context.Context, s Script) (ScriptResult, error) {
	if err := p.enter(); err != nil {
		return ScriptResult{}, err
	}
	defer p.users.Done()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(p.ctx, func() { cancel(errClosed) })()

	t, err := s.task(p.python.Libraries.Files)
	if err != nil {
		return ScriptResult{Status: azr.BadInput, Error: printable(err.Error()), ExitCode: -1}, nil
	}
	r, err := p.perform(ctx, p.lanes[seedA], task{Script: t, Stdin: []byte(s.Stdin)})
	if err != nil {
		return ScriptResult{}, err
	}
	result := r.scriptResult()
	p.counts.result(azr.Result{Status: result.Status, Error: result.Error})
	return result, nil
}

// scriptTask is the form in which a worker gets a script.
type scriptTask struct {
	Program string            `json:"program"`
	Files   map[string]string `json:"files"`
	Test    string            `json:"test"`
	Entry   string            `json:"entry"`
	// Libraries maps the names that may be imported to their files.
	Libraries map[string]string `json:"libraries"`

	// encoded is JSON.
	encoded string
}

// task checks the script's form.
func (s Script) task(libraries map[string]string) (*scriptTask, error) {
	t := &scriptTask{Program: s.Program, Files: maps.Clone(s.Files), Test: s.Test, Entry: s.Entry, Libraries: libraries}
	if main, ok := t.Files[mainFile]; ok {
		if s.Program != "" {
			return nil, fmt.Errorf("both a program and %s; want one of them", mainFile)
		}
		t.Program = main
		delete(t.Files, mainFile)
	}
	if t.Program == "" {
		return nil, fmt.Errorf("no program; want one, or a file %s", mainFile)
	}
	if t.Entry != "" && t.Test == "" {
		return nil, fmt.Errorf("entry without a test")
	}
	if err := t.checkTexts(); err != nil {
		return nil, err
	}
	if size := t.size() + len(s.Stdin); size > maxScript {
		return nil, fmt.Errorf("script too long; got %d bytes with its files, test and input, want at most %d", size, maxScript)
	}
	encoded, err := json.Marshal(t)
	t.encoded = string(encoded)
	return t, err
}

// maxScript bounds a script with all that belongs to it, in bytes.
const maxScript = 4 << 20

func (t *scriptTask) texts() []string {
	return append(slices.Collect(maps.Values(t.Files)), t.Program, t.Test, t.Entry)
}

func (t *scriptTask) size() (size int) {
	for _, text := range t.texts() {
		size += len(text)
	}
	return size
}

func (t *scriptTask) checkTexts() error {
	for _, text := range t.texts() {
		if !utf8.ValidString(text) {
			return fmt.Errorf("text that is not UTF-8")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.Files)) {
		if !fs.ValidPath(name) || !strings.HasSuffix(name, ".py") {
			return fmt.Errorf("bad file name %.60q; want a relative path that ends in .py", name)
		}
	}
	return nil
}

// scriptReply is what is known of a script's end beyond what is known of any task's.
type scriptReply struct {
	ExitCode       int
	Stdout, Stderr []byte
	Truncated      bool
}

// judgeScript reads the exit code. A script without a test may end in any way it likes, by its process's exit code alone.
func (r *reply) judgeScript(status syscall.WaitStatus, hasTest, silent bool) {
	if silent && !hasTest && status.Exited() {
		r.Script.ExitCode = status.ExitStatus()
		r.claim = claim{Status: azr.OK}
		if r.Script.ExitCode != 0 {
			r.claim = claim{Status: azr.Error, Error: fmt.Sprintf("exit %d", r.Script.ExitCode)}
		}
		return
	}
	code, err := strconv.ParseUint(r.Value, 10, 8)
	switch {
	case err == nil && (r.Status == azr.OK || r.Status == azr.Error || r.Status == azr.Memory):
		r.Script.ExitCode = int(code)
	case r.Status == azr.OK:
		r.claim = violation
	}
}

func (r reply) scriptResult() ScriptResult {
	if r.Script == nil {
		return ScriptResult{Error: printable(r.Error), ExitCode: -1}
	}
	return ScriptResult{
		Status: r.Status, Error: printable(r.Error), ExitCode: r.Script.ExitCode, Wall: seconds(r.Wall),
		Stdout: string(r.Script.Stdout), Stderr: string(r.Script.Stderr), Truncated: r.Script.Truncated,
	}
}
