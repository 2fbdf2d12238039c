package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestExecRunsScripts(t *testing.T) {
	in := strings.Join([]string{
		`{"program":"print(int(input()) * 2)","stdin":"21\n"}`,
		`{"files":{"main.py":"import m\nprint(m.x)","m.py":"x = '<&>'"}}`,
		`{"program":"def f(x): return x","test":"def check(c): assert c(1) == 1","entry":"f"}`,
		`{"program":"import os\ndef f(x): os._exit(0)","test":"def check(c): assert c(1) == 1","entry":"f"}`,
		`{"program":"import sys\nprint(1, file=sys.stderr)\nsys.exit(3)"}`,
		`{"program":"import sys\nsys.stdout.buffer.write(b'\\xffa\\xfe')"}`,
		`{}`,
	}, "\n")
	want := strings.Join([]string{
		`{"status":"ok","exit_code":0,"stdout":"42\n","stderr":""}`,
		`{"status":"ok","exit_code":0,"stdout":"<&>\n","stderr":""}`,
		`{"status":"ok","exit_code":0,"stdout":"","stderr":""}`,
		`{"status":"error","error":"exit 0 without a value","exit_code":-1,"stdout":"","stderr":""}`,
		`{"status":"error","error":"exit 3","exit_code":3,"stdout":"","stderr":"1\n"}`,
		`{"status":"ok","exit_code":0,"stdout":"\ufffda\ufffd","stderr":""}`,
		`{"status":"bad_input","error":"no program; want one, or a file main.py","exit_code":-1,"stdout":"","stderr":""}`,
		``,
	}, "\n")
	o := azrTrain(t, in, "exec", "--script")
	require.Zero(t, o.code, o.stderr)
	assert.Equal(t, want, o.stdout)

	o = azrTrain(t, `{"code":"print(1)"}`, "exec", "--script")
	assert.Equal(t, exitBadInput, o.code)
	assert.Contains(t, o.stderr, `stdin line 1`)
	assert.Contains(t, o.stderr, `"code"`)
}
