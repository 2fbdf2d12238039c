package literal

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// oracle is a CPython that reads literals too, see testdata/oracle.py.
type oracle struct {
	in  io.WriteCloser
	out *bufio.Reader
}

// verdict is what CPython makes of two texts; a text is nil if it cannot be read.
type verdict struct {
	A, B  *string
	Equal bool
}

func openOracle(t testing.TB) *oracle {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 to compare with")
	}
	c := exec.Command(python, "-I", "testdata/oracle.py")
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	require.NoError(t, err)
	out, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	t.Cleanup(func() {
		in.Close()
		assert.NoError(t, c.Wait())
	})
	return &oracle{in, bufio.NewReader(out)}
}

func (o *oracle) ask(t testing.TB, a, b string) verdict {
	t.Helper()
	question, err := json.Marshal([]string{a, b})
	require.NoError(t, err)
	_, err = o.in.Write(append(question, '\n'))
	require.NoError(t, err)
	line, err := o.out.ReadBytes('\n')
	require.NoError(t, err)
	var v verdict
	require.NoError(t, json.Unmarshal(line, &[]any{&v.A, &v.B, &v.Equal}))
	return v
}

// TestValuesAgreeWithCPython prints random values, has CPython read and print
// them, and compares == between a value and a variant of it. The number of
// pairs is 3000, or that of AZR_LITERAL_PAIRS with another seed each time.
func TestValuesAgreeWithCPython(t *testing.T) {
	pairs, seed := 3000, uint64(20250505)
	if text := os.Getenv("AZR_LITERAL_PAIRS"); text != "" {
		var err error
		pairs, err = strconv.Atoi(text)
		require.NoError(t, err)
		seed = rand.Uint64()
	}
	t.Logf("%d pairs, seed %d", pairs, seed)
	g := generator{rand.New(rand.NewPCG(seed, 1))}
	o := openOracle(t)
	equal := 0
	for range pairs {
		a := g.value(4, false)
		b := g.variant(a)
		v := o.ask(t, a.String(), b.String())
		require.NotNil(t, v.A, "%s", a)
		require.NotNil(t, v.B, "%s", b)
		require.Equal(t, a.String(), *v.A)
		require.Equal(t, b.String(), *v.B)
		require.Equal(t, v.Equal, Equal(a, b), "%s == %s", a, b)
		back, err := Parse(a.String())
		require.NoError(t, err, "%s", a)
		require.True(t, Equal(a, back), "%s came back as %s", a, back)
		if v.Equal {
			equal++
		}
	}
	assert.Greater(t, equal, pairs/4)
	assert.Less(t, equal, pairs*9/10)
}

// escaped writes what is not ASCII as repr writes what it cannot print: which characters those are depends on the
// version of Unicode that CPython was built with.
func escaped(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r < 0x80:
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	return b.String()
}

// FuzzParseAgainstCPython checks that CPython reads whatever is read here, as
// the same value, and has the same opinion on equality.
func FuzzParseAgainstCPython(f *testing.F) {
	for _, c := range readGolden(f).Pairs {
		if len(c.A)+len(c.B) < 200 {
			f.Add(c.A, c.B)
		}
	}
	o := openOracle(f)
	f.Fuzz(func(t *testing.T, textA, textB string) {
		a, errA := Parse(textA)
		b, errB := Parse(textB)
		if errA != nil || errB != nil {
			return
		}
		v := o.ask(t, textA, textB)
		for _, side := range []struct {
			text  string
			value Value
			reads *string
		}{{textA, a, v.A}, {textB, b, v.B}} {
			require.NotNil(t, side.reads, "%q", side.text)
			if !strings.Contains(side.value.String(), "j") { // a complex number's zeros have other signs in CPython
				assert.Equal(t, escaped(*side.reads), escaped(side.value.String()), "%q", side.text)
			}
		}
		if !strings.Contains(a.String()+b.String(), "nan") {
			assert.Equal(t, v.Equal, Equal(a, b), "%q == %q", textA, textB)
		}
	})
}
