package executor

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
)

// searchMemory looks at every page that it can read around the interpreter's
// objects, and returns how many those are and what it finds of a text, whose own
// mention here is in two parts.
const searchMemory = `
import ctypes, os, re
libc = ctypes.CDLL(None)
libc.sbrk.restype = ctypes.c_void_p
page = 4096
def f(first, second):
    r, w = os.pipe()
    def readable(at):
        if libc.write(w, ctypes.c_void_p(at), 1) != 1: return False
        os.read(r, 1)
        return True
    pattern = re.compile(first + b'(?:' + second + rb')[ -~]*')
    found, seen = [], set()
    for anchor in {id(o) & -page for o in ([], {}, '', object(), os, re, f, [1] * 1000)} | {(libc.sbrk(0) - page) & -page}:
        for step in (page, -page):
            at, missed = anchor, 0
            while missed < 64:
                if at not in seen:
                    seen.add(at)
                    if readable(at):
                        missed = 0
                        found += [m for m in pattern.findall(ctypes.string_at(at, page)) if len(m) > 8]
                    else:
                        missed += 1
                at += step
    return len(seen), sorted(set(found))
`

// TestNoProgramFindsAnEarlierOne searches a child's memory for what other children of the same worker were given and gave.
func TestNoProgramFindsAnEarlierOne(t *testing.T) {
	for _, level := range levelsHere {
		t.Run(level.String(), func(t *testing.T) {
			p := openAt(t, level, func(c *Config) { c.Timeout = grace * 20 })
			for i := range 3 {
				program := "def f(x):\n    # SeKretTASKprogram\n    print('SeKretTASKoutput' + x, flush=True)\n    return 'SeKretTASKvalue' + x"
				input := fmt.Sprintf("'SeKretTASKinput%d%s'", i, strings.Repeat("y", 3000*i))
				assert.Equal(t, azr.OK, runOne(t, p, program, input).Status)
				e := azr.Execution{Program: program, Inputs: []string{"'a'", "'b'", input}, Trusted: true}
				rs, err := p.Run(t.Context(), e)
				require.NoError(t, err)
				require.Equal(t, azr.OK, rs[2].Status)
				s := Script{Program: "print('SeKretTASKscript', input())", Stdin: "SeKretTASKstdin" + strings.Repeat("z", 9000)}
				require.Equal(t, azr.OK, runScript(t, p, s).Status)
			}
			assert.Equal(t, azr.Error, runOne(t, p, "def f(x): raise ValueError('SeKretTASKerror')", "1").Status)
			r := runOne(t, p, searchMemory, "b'SeKret', b'TASK'")
			require.Equal(t, azr.OK, r.Status, r.Error)
			var pages int
			var found string
			_, err := fmt.Sscanf(r.Value, "(%d, %s", &pages, &found)
			require.NoError(t, err)
			assert.Greater(t, pages, 1000, "too few to tell")
			assert.Equal(t, "[])", found, "%.300s", r.Value)
		})
	}
}
