package executor

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
)

func runScript(t *testing.T, p *Pool, s Script) ScriptResult {
	t.Helper()
	r, err := p.RunScript(t.Context(), s)
	require.NoError(t, err)
	assert.GreaterOrEqual(t, r.Wall, time.Duration(0))
	r.Wall = 0
	return r
}

func TestHarnessHasBuiltinsOfItsOwn(t *testing.T) {
	p := openHere(t, nil)
	r, err := p.RunScript(t.Context(), Script{
		Program: "import builtins\nbuiltins.all = lambda x: True\nbuiltins.range = lambda *a: []\ndef f(x): return 3",
		Test:    "def check(c):\n    assert c(2) == 3\n    assert all(c(i) == i + 1 for i in range(3))",
		Entry:   "f",
	})
	require.NoError(t, err)
	assert.Equal(t, azr.Error, r.Status)
	assert.Equal(t, "AssertionError", r.Error)
}

func TestScriptRunsAsPythonWould(t *testing.T) {
	p := openHere(t, nil)
	for name, c := range map[string]struct {
		script Script
		want   ScriptResult
	}{
		"prints":      {Script{Program: "import sys\nprint('out', __name__)\nprint('err', file=sys.stderr)"}, ScriptResult{Status: azr.OK, Stdout: "out __main__\n", Stderr: "err\n"}},
		"reads lines": {Script{Program: "print(int(input()) + int(input()))", Stdin: "2\n40"}, ScriptResult{Status: azr.OK, Stdout: "42\n"}},
		"reads a lot": {Script{Program: "import sys\nprint(len(sys.stdin.read()))", Stdin: strings.Repeat("é\n", 300_000)}, ScriptResult{Status: azr.OK, Stdout: "600000\n"}},
		"reads descriptor 0": {Script{Program: "import os\nprint(os.fstat(0).st_mode >> 12, open(0, 'rb').read())", Stdin: "\xff"},
			ScriptResult{Status: azr.OK, Stdout: "1 b'\\xff'\n"}},
		"reads nothing":    {Script{Program: "print(1)", Stdin: strings.Repeat("x", 1<<20)}, ScriptResult{Status: azr.OK, Stdout: "1\n"}},
		"no input is left": {Script{Program: "input()"}, ScriptResult{Status: azr.Error, Error: "EOFError", ExitCode: 1, Stderr: "Traceback (most recent call last):\n  File \"main.py\", line 1, in <module>\nEOFError: EOF when reading a line\n"}},
		"any bytes":        {Script{Program: "import sys\nsys.stdout.buffer.write(b'\\xff\\0')"}, ScriptResult{Status: azr.OK, Stdout: "\xff\x00"}},
		"exit code":        {Script{Program: "import sys\nprint(1)\nsys.exit(3)"}, ScriptResult{Status: azr.Error, Error: "exit 3", ExitCode: 3, Stdout: "1\n"}},
		"exit text":        {Script{Program: "raise SystemExit('why')"}, ScriptResult{Status: azr.Error, Error: "exit 1", ExitCode: 1, Stderr: "why\n"}},
		"exit 0":           {Script{Program: "print(1)\nexit = __import__('sys').exit\nexit()"}, ScriptResult{Status: azr.OK, Stdout: "1\n"}},
		"leaves at once":   {Script{Program: "import os\nprint(1, flush=True)\nprint(2)\nos._exit(0)"}, ScriptResult{Status: azr.OK, Stdout: "1\n"}},
		"leaves with 5":    {Script{Program: "import os\nos._exit(5)"}, ScriptResult{Status: azr.Error, Error: "exit 5", ExitCode: 5}},
		"at exit":          {Script{Program: "import atexit\natexit.register(print, 'bye')"}, ScriptResult{Status: azr.OK, Stdout: "bye\n"}},
		"does not parse": {Script{Program: "x ="}, ScriptResult{Status: azr.Error, Error: "SyntaxError", ExitCode: 1,
			Stderr: "  File \"main.py\", line 1\n    x =\n       ^\nSyntaxError: invalid syntax\n"}},
		"crashes":       {Script{Program: "import ctypes\nprint(1, flush=True)\nctypes.string_at(0)"}, ScriptResult{Status: azr.Error, Error: "SIGSEGV", ExitCode: -1, Stdout: "1\n"}},
		"closes stdout": {Script{Program: "import sys\nprint(1)\nsys.stdout.close()\nsys.stderr.close()"}, ScriptResult{Status: azr.OK, Stdout: "1\n"}},
		"cannot flush":  {Script{Program: "import os\nprint(1)\nos.close(1)"}, ScriptResult{Status: azr.Error, Error: "exit 120", ExitCode: 120}},
		"has a name":    {Script{Program: "import sys, argparse\nprint(sys.argv, argparse.ArgumentParser().prog)"}, ScriptResult{Status: azr.OK, Stdout: "['main.py'] main.py\n"}},
		"tests itself": {Script{Program: "import io, sys, unittest\nclass T(unittest.TestCase):\n    def test(self): self.fail()\nsys.stderr = io.StringIO()\nunittest.main()"},
			ScriptResult{Status: azr.Error, Error: "exit 1", ExitCode: 1}},
		"closes its pipes":    {Script{Program: "import os\nos.closerange(0, 9)"}, ScriptResult{Status: azr.OK}},
		"forges a frame":      {Script{Program: "import os\nos.write(3, bytes(64))"}, ScriptResult{Status: azr.Error, Error: "ProtocolViolation", ExitCode: -1}},
		"begins a frame":      {Script{Program: "import os\nos.write(3, b'\\xff\\xff')\nos._exit(0)"}, ScriptResult{Status: azr.Error, Error: "ProtocolViolation", ExitCode: -1}},
		"data in the process": {Script{Program: "print(globals().keys() & {'script', 'send', 'task'})"}, ScriptResult{Status: azr.OK, Stdout: "set()\n"}},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, c.want, runScript(t, p, c.script)) })
	}
	assert.Zero(t, p.Stats().Lost)
}

func TestScriptHasModules(t *testing.T) {
	p := openHere(t, nil)
	files := map[string]string{
		"main.py":             "import shapes.square, loose.deep.leaf\nfrom helper import f\nprint(f(2), shapes.square.area(3), shapes.name, loose.deep.leaf.x, shapes.__file__)",
		"helper.py":           "import string\ndef f(x): return string.twice(x)",
		"string.py":           "def twice(x): return 2 * x",
		"shapes/__init__.py":  "name = __name__",
		"shapes/square.py":    "from .power import power\ndef area(x): return power(x)",
		"shapes/power.py":     "def power(x): return x ** 2",
		"loose/deep/leaf.py":  "x = __name__",
		"shapes/broken/it.py": "syntax error",
	}
	assert.Equal(t, ScriptResult{Status: azr.OK, Stdout: "4 9 shapes loose.deep.leaf shapes/__init__.py\n"}, runScript(t, p, Script{Files: files}))
	files["main.py"] = "import shapes.broken.it"
	r := runScript(t, p, Script{Files: files})
	assert.Equal(t, "SyntaxError", r.Error)
	assert.Contains(t, r.Stderr, `File "shapes/broken/it.py", line 1`)
	assert.Equal(t, ScriptResult{Status: azr.OK, Stdout: "ab\n"}, runScript(t, p, Script{Program: "import string; print(string.ascii_letters[:2])"}), "a script before left something")
}

func TestScriptLimits(t *testing.T) {
	p := openHere(t, func(c *Config) { c.Timeout, c.OutputBytes = 500*time.Millisecond, 1000 })
	assert.Equal(t, ScriptResult{Status: azr.Timeout, ExitCode: -1, Stdout: "1\n"},
		runScript(t, p, Script{Program: "print(1, flush=True)\nwhile True: pass"}))
	assert.Equal(t, ScriptResult{Status: azr.Timeout, ExitCode: -1},
		runScript(t, p, Script{Program: "import os, time\nos.closerange(0, 9)\ntime.sleep(60)"}))
	r := runScript(t, p, Script{Program: "x = bytearray(1 << 30)"})
	assert.Equal(t, azr.Memory, r.Status)
	assert.Contains(t, r.Stderr, "MemoryError")
	assert.Equal(t, ScriptResult{Status: azr.OK, Stdout: strings.Repeat("x", 600), Stderr: strings.Repeat("y", 400)},
		runScript(t, p, Script{Program: "import sys\nsys.stdout.write('x' * 600)\nsys.stderr.write('y' * 400)"}))
	assert.Equal(t, ScriptResult{Status: azr.OutputLimit, ExitCode: -1, Stdout: strings.Repeat("x", 1000), Truncated: true},
		runScript(t, p, Script{Program: "print('x' * 1000)"}))
	r = runScript(t, p, Script{Program: "while True: print('x' * 65536)"})
	assert.True(t, r.Truncated)
	assert.Equal(t, azr.OutputLimit, r.Status)
	assert.Len(t, r.Stdout, 1000)
	assert.Equal(t, azr.OutputLimit, runScript(t, p, Script{Program: "import os\nwhile True: os.write(3, b'\\xff' * 4096)"}).Status)
	assert.Zero(t, p.Stats().Lost)
}

func TestScriptThatMakesNoSense(t *testing.T) {
	p := openHere(t, nil)
	for want, s := range map[string]Script{
		"no program":      {},
		"both a program":  {Program: "1", Files: map[string]string{"main.py": "2"}},
		"entry without":   {Program: "1", Entry: "f"},
		"not UTF-8":       {Program: "\xff"},
		"bad file name":   {Program: "1", Files: map[string]string{"../x.py": ""}},
		"ends in .py":     {Program: "1", Files: map[string]string{"data.txt": ""}},
		"script too long": {Program: "1", Stdin: strings.Repeat("x", maxScript)},
	} {
		r := runScript(t, p, s)
		assert.Equal(t, azr.BadInput, r.Status)
		assert.Contains(t, r.Error, want)
	}
	assert.Zero(t, p.Stats().Runs)
}

const (
	addition     = "def add(a, b):\n    return a + b\n"
	additionTest = "def check(candidate):\n    assert candidate(1, 2) == 3\n    assert candidate(0, 0) == 0\n"
)

func TestHarnessPassesTheRightProgram(t *testing.T) {
	p := openHere(t, nil)
	pass := ScriptResult{Status: azr.OK}
	assert.Equal(t, pass, runScript(t, p, Script{Program: addition, Test: additionTest, Entry: "add"}))
	assert.Equal(t, pass, runScript(t, p, Script{Program: addition, Test: "assert add(1, 2) == 3"}))
	assert.Equal(t, pass, runScript(t, p, Script{Program: "if __name__ == '__main__': input()\n" + addition, Test: additionTest, Entry: "add"}))
	assert.Equal(t, pass, runScript(t, p, Script{Files: map[string]string{"main.py": "from m import add", "m.py": addition}, Test: additionTest, Entry: "add"}))
	assert.Equal(t, ScriptResult{Status: azr.OK, Stdout: "1 2\n0 0\n"},
		runScript(t, p, Script{Program: "def add(a, b):\n    print(a, b)\n    return a + b", Test: additionTest, Entry: "add"}))
	r := runScript(t, p, Script{Program: "def add(a, b): return a - b", Test: additionTest, Entry: "add"})
	assert.Equal(t, azr.Error, r.Status)
	assert.Equal(t, "AssertionError", r.Error)
	assert.Equal(t, 1, r.ExitCode)
	assert.Contains(t, r.Stderr, `File "test.py", line 2, in check`)
	assert.NotContains(t, r.Stderr, "<string>")
}

// TestHarnessIsNotFooledByExits has wrong programs that end the process, or the
// test, before it fails.
func TestHarnessIsNotFooledByExits(t *testing.T) {
	p := openHere(t, nil)
	wrong := "    return 7\n"
	for name, program := range map[string]string{
		"os._exit(0)":         "import os\ndef add(a, b):\n    os._exit(0)\n",
		"os._exit(0) at once": "import os\nos._exit(0)",
		"sys.exit(0)":         "import sys\ndef add(a, b):\n    sys.exit(0)\n",
		"sys.exit at once":    "import sys\nsys.exit(0)",
		"exit in atexit":      "import atexit, os\natexit.register(os._exit, 0)\ndef add(a, b):\n" + wrong,
		"exit in a finaliser": "import os\nclass A:\n    def __del__(self): os._exit(0)\na = A()\ndef add(a, b):\n" + wrong,
		"exit in excepthook":  "import os, sys\nsys.excepthook = lambda *a: os._exit(0)\ndef add(a, b):\n" + wrong,
		"exit in flush":       "import os, sys\nclass O:\n    def write(self, x): pass\n    def flush(self): os._exit(0)\nsys.stdout = sys.stderr = O()\ndef add(a, b):\n" + wrong,
		"alarm":               "import signal, os\nsignal.signal(signal.SIGALRM, lambda *a: os._exit(0))\nsignal.setitimer(signal.ITIMER_REAL, .01)\ndef add(a, b):\n    while True: pass\n",
		"patched builtins":    "import builtins\nfor n in ('exec', 'compile', 'type', 'AssertionError', 'BaseException', 'Exception'): setattr(builtins, n, lambda *a, **k: None)\ndef add(a, b):\n" + wrong,
		"patched exit":        "import os, sys\nos._exit = sys.exit = lambda *a: None\ndef add(a, b):\n" + wrong,
		"a thread":            "import threading, os\nthreading.Thread(target=os._exit, args=(0,)).start()\ndef add(a, b):\n" + wrong,
		"a fork":              "import os\nif os.fork(): os._exit(0)\ndef add(a, b):\n" + wrong,
		"a frame":             "import os\nos.write(3, b'\\x13\\0\\0\\0' + bytes(16) + b'o\\x000')\ndef add(a, b):\n" + wrong,
		"a closed pipe":       "import os\nos.close(3)\ndef add(a, b):\n" + wrong,
		"a check of its own":  "def check(candidate): pass\ndef add(a, b):\n" + wrong,
		"a signal":            "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
		"an exception":        "def add(a, b): raise KeyboardInterrupt",
		"a generator's exit":  "def add(a, b): raise GeneratorExit",
		"print":               "print('ok')\ndef add(a, b):\n    print('exit 0')\n" + wrong,
		"no entry":            "def sub(a, b): return 0",
	} {
		t.Run(name, func(t *testing.T) {
			r := runScript(t, p, Script{Program: program, Test: additionTest, Entry: "add"})
			assert.Equal(t, azr.Error, r.Status, "%+v", r)
			assert.Equal(t, ScriptResult{Status: azr.OK}, runScript(t, p, Script{Program: addition, Test: additionTest, Entry: "add"}))
		})
	}
	assert.Equal(t, azr.Error, runScript(t, p, Script{Program: addition, Test: "def test(candidate): pass", Entry: "add"}).Status)
	assert.Equal(t, azr.Error, runScript(t, p, Script{Program: "def check(c): pass\n" + addition, Test: "pass", Entry: "add"}).Status)
}

func TestScriptIsConfined(t *testing.T) {
	program := selfTestProgram + "\nprint(f(1))"
	want := ScriptResult{Status: azr.OK, Stdout: "[]\n"}
	atEachLevel(t, func(t *testing.T, p *Pool) { assert.Equal(t, want, runScript(t, p, Script{Program: program})) })
}

// pythonWithLibraries is a launcher for an interpreter that has the libraries alpha, which requires beta, and gamma.
func pythonWithLibraries(t *testing.T) (launcher, folder string) {
	folder = t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(folder), 0o755))
	for name, text := range map[string]string{
		"alpha/__init__.py":                 "import alpha_core, beta\nfrom .part import part\nvalue = part + beta.value",
		"alpha/part.py":                     "part = 40",
		"alpha_core.py":                     "",
		"beta.py":                           "value = 2",
		"gamma.py":                          "",
		"alpha-1.0.dist-info/METADATA":      "Name: alpha\nVersion: 1.0\nRequires-Dist: be-ta>=1\nRequires-Dist: gamma; extra == 'more'\nRequires-Dist: absent\n",
		"alpha-1.0.dist-info/top_level.txt": "alpha\nalpha_core\n",
		"Be_Ta-1.0.dist-info/METADATA":      "Name: Be_Ta\nVersion: 1.0\nRequires-Dist: alpha\n",
		"Be_Ta-1.0.dist-info/top_level.txt": "beta\n",
		"gamma-1.0.dist-info/METADATA":      "Name: gamma\nVersion: 1.0\n",
		"gamma-1.0.dist-info/top_level.txt": "gamma\n",
	} {
		file := filepath.Join(folder, "site", name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
	}
	python, err := findPython(defaultPython)
	require.NoError(t, err)
	launcher = filepath.Join(folder, "python3")
	require.NoError(t, os.WriteFile(launcher, []byte("#!/bin/sh\nPYTHONPATH="+folder+"/site exec "+python.Executable+" \"$@\"\n"), 0o755))
	return launcher, folder + "/site"
}

func TestScriptImportsListedLibrariesOnly(t *testing.T) {
	launcher, site := pythonWithLibraries(t)
	program := "try:\n    open('" + site + "/gamma.py')\nexcept OSError: print('closed')\n" +
		"try:\n    import gamma\nexcept ImportError: print('not listed')\nimport alpha\nprint(alpha.value)"
	for _, level := range levelsHere {
		t.Run(level.String(), func(t *testing.T) {
			p := openAt(t, level, func(c *Config) { c.Python, c.Libraries = launcher, []string{"alpha", "json"} })
			assert.Equal(t, ScriptResult{Status: azr.OK, Stdout: "closed\nnot listed\n42\n"}, runScript(t, p, Script{Program: program}))
			assert.Equal(t, azr.Result{Status: azr.Error, Error: "ModuleNotFoundError"}, runOne(t, p, "import alpha\ndef f(): pass", ""), "libraries are for scripts")
		})
	}
	p := openHere(t, func(c *Config) { c.Python = launcher })
	assert.Equal(t, "ModuleNotFoundError", runScript(t, p, Script{Program: "import alpha"}).Error)
}

func TestLibraryThatIsNotInstalledIsNamed(t *testing.T) {
	launcher, _ := pythonWithLibraries(t)
	for _, name := range []string{"delta", "no.such", "-c", ""} {
		config := DefaultConfig()
		config.Python, config.Libraries = launcher, []string{"alpha", name}
		_, err := Open(t.Context(), config)
		require.ErrorContains(t, err, "library "+name+" is not installed for "+launcher)
		assert.NotContains(t, err.Error(), "\n")
	}
}

func TestLibraryOutOfReachIsNamed(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root's workers run as another user")
	}
	launcher, site := pythonWithLibraries(t)
	require.NoError(t, os.Chmod(site, 0o700))
	config := DefaultConfig()
	config.Python, config.Libraries = launcher, []string{"alpha"}
	_, err := Open(t.Context(), config)
	require.ErrorContains(t, err, "out of reach behind "+site+" (mode 0700)")
	require.NoError(t, exec.Command(launcher, "-c", "import alpha").Run())
}
