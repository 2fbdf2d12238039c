package literal

import (
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// unmarshal prints what marshal.loads makes of each line of hexadecimal digits.
const unmarshal = `
import json, marshal, sys
sys.path.insert(0, "testdata")
source = open("testdata/oracle.py").read()
exec(source[:source.index("for line in sys.stdin")])
for line in sys.stdin:
    print(json.dumps(canonical(marshal.loads(bytes.fromhex(line)))))
`

func TestCPythonReadsMarshalledArguments(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 to compare with")
	}
	g := generator{rand.New(rand.NewPCG(7, 1))}
	all := [][]Value{nil, {{}}}
	for _, text := range []string{
		"0, -1, 2147483647, 2147483648, -2147483648, -2147483649, 1" + strings.Repeat("0", 400) + ", -32768, 1073741824",
		"'\\ud800', 'é\\0', b'\\xff', -0.0, 1e300, nan, -inf, infj, (1-nanj), {nan: 1, nan: 2}, True, None, {}, set(), frozenset()",
		strings.Repeat("frozenset({", 100) + "1" + strings.Repeat("})", 100), strings.Repeat("[", 100) + strings.Repeat("]", 100),
	} {
		args, err := ParseArgs(text)
		require.NoError(t, err)
		all = append(all, args)
	}
	for range 500 {
		all = append(all, []Value{g.value(4, false), g.value(2, false)})
	}
	var in strings.Builder
	for _, args := range all {
		in.WriteString(hex.EncodeToString(MarshalArgs(args)) + "\n")
	}
	c := exec.Command(python, "-I", "-c", unmarshal)
	c.Stdin = strings.NewReader(in.String())
	out, err := c.Output()
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	require.Len(t, lines, len(all))
	for i, line := range lines {
		var text string
		require.NoError(t, json.Unmarshal([]byte(line), &text))
		assert.Equal(t, Value{kind: Tuple, items: all[i]}.String(), text)
	}
}

func TestEqualArgumentsMarshalAlike(t *testing.T) {
	a, err := ParseArgs("{3, 1, 2}, frozenset({'b', 'a'})")
	require.NoError(t, err)
	b, err := ParseArgs("{2, 3, 1}, frozenset({'a', 'b'})")
	require.NoError(t, err)
	assert.Equal(t, MarshalArgs(a), MarshalArgs(b))
}
