package curves_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/monitor/curves"
)

// run has three measured steps of five, one number that was not finite, and a step that is being written.
const run = `{"step":0,"held_out/all/accuracy":0.4,"held_out/all/low":0.3,"held_out/all/high":0.5,"held_out/deduction/accuracy":0.2,"trainer/loss":null}
{"step":1,"trainer/loss":0.5}
{"step":2,"held_out/all/accuracy":0.5,"held_out/all/low":0.4,"held_out/all/high":0.6,"held_out/deduction/accuracy":0.3,"trainer/loss":0.25}
{"step":3,"trainer/loss":0.125}
{"step":4,"held_out/all/accuracy":0.7,"held_out/all/low":0.6,"held_out/all/high":0.8,"held_out/deduction/accuracy":0.25,"trainer/loss":0.0625}
{"step":5,"trainer/lo`

func write(t *testing.T, content string) string {
	file := filepath.Join(t.TempDir(), "metrics.jsonl")
	require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
	return file
}

func TestReadLeavesOutWhatIsMissing(t *testing.T) {
	records, err := curves.Read(write(t, run))
	require.NoError(t, err)
	require.Len(t, records, 5)
	loss := curves.Of(records, "trainer/loss")
	assert.Equal(t, []curves.Point{at(1, 0.5, 0.5, 0.5), at(2, 0.25, 0.25, 0.25), at(3, 0.125, 0.125, 0.125), at(4, 0.0625, 0.0625, 0.0625)}, loss.Points)
	assert.Empty(t, curves.Of(records, "no/such").Points)
	measured := curves.HeldOut(records)
	require.Len(t, measured, 2, "types that were not measured have no curve")
	assert.Equal(t, curves.Curve{Name: "deduction", Share: true, Points: []curves.Point{at(0, 0.2, 0.2, 0.2), at(2, 0.3, 0.3, 0.3), at(4, 0.25, 0.25, 0.25)}}, measured[0])
	assert.Equal(t, curves.Curve{Name: "all", Share: true, Points: []curves.Point{at(0, 0.4, 0.3, 0.5), at(2, 0.5, 0.4, 0.6), at(4, 0.7, 0.6, 0.8)}}, measured[1])
}

func TestReadRefusesWhatIsNoRun(t *testing.T) {
	for content, want := range map[string]string{
		"{\"step\":0}\nno json\n":       "line 2",
		"{\"loss\":1}\n":                "line 1 of ",
		"{\"step\":0,\"name\":\"x\"}\n": "cannot unmarshal",
	} {
		_, err := curves.Read(write(t, content))
		assert.ErrorContains(t, err, "curves.Read: ")
		assert.ErrorContains(t, err, want)
	}
	_, err := curves.Read(filepath.Join(t.TempDir(), "metrics.jsonl"))
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestCurvesBySize(t *testing.T) {
	records, err := curves.Read(write(t, `{"step":0,"held_out/deduction/1/accuracy":0.9,"held_out/deduction/4/accuracy":0.2,"held_out/deduction/4/low":0.1,"held_out/deduction/4/high":0.4,"held_out/abduction/1/accuracy":1}
`))
	require.NoError(t, err)
	list := curves.BySize(records, azr.Deduction)
	require.Len(t, list, 2)
	assert.Equal(t, curves.Curve{Name: "deduction 4", Share: true, Points: []curves.Point{at(0, 0.2, 0.1, 0.4)}}, list[1])
	assert.Empty(t, curves.BySize(records, azr.Abduction), "one size says what the type says")
}

func TestEachCurveHasALetterOfItsOwn(t *testing.T) {
	points := []curves.Point{at(0, 0.1, 0.1, 0.1), at(1, 0.2, 0.2, 0.2)}
	var list []curves.Curve
	for _, name := range []string{"deduction", "abduction", "all", "deduction 4"} {
		list = append(list, curves.Curve{Name: name, Points: points})
	}
	assert.Contains(t, curves.Text(list), "\nstep   d deduction   a abduction   l all   4 deduction 4\n")
}

func TestTable(t *testing.T) {
	records, err := curves.Read(write(t, run))
	require.NoError(t, err)
	want := strings.Join([]string{
		"             step 0                     step 4                     change",
		"deduction    20.0 %                     25.0 %                     +5.0",
		"all          40.0 % (30.0 to 50.0)      70.0 % (60.0 to 80.0)      +30.0", "",
	}, "\n")
	assert.Equal(t, want, curves.Table(curves.HeldOut(records)))
	assert.Empty(t, curves.Table(curves.HeldOut(records[:1])), "one point is no curve")
	assert.Contains(t, curves.Table([]curves.Curve{curves.Of(records, "trainer/loss")}), "trainer/loss 0.5                        0.0625                     -0.4375\n")
}

// The highest point of a rising curve is in the plot's first line at the right, its lowest in the last at the left.
func TestTextDrawsEachCurveInItsLetter(t *testing.T) {
	rising := curves.Curve{Name: "rising", Points: []curves.Point{at(0, 0, 0, 0), at(10, 1, 1, 1)}}
	level := curves.Curve{Name: "level", Points: []curves.Point{at(0, 0.5, 0.5, 0.5), at(10, 0.5, 0.5, 0.5)}}
	lines := strings.Split(curves.Text([]curves.Curve{rising, level}), "\n")
	require.Greater(t, len(lines), 13)
	assert.Regexp(t, `^ 1\.00 .* r+$`, lines[0])
	assert.Regexp(t, `^ 0\.50 .*lllllll`, lines[6])
	assert.Regexp(t, `^ 0\.00 .r+ *$`, lines[12])
	assert.Equal(t, "step   r rising   l level", lines[len(lines)-2])
	assert.Empty(t, curves.Text([]curves.Curve{{Name: "one", Points: rising.Points[:1]}}))
}

func TestSVGIsWellFormedAndEscaped(t *testing.T) {
	var picture bytes.Buffer
	list := []curves.Curve{
		{Name: "a<b&c", Points: []curves.Point{at(0, 0.1, 0, 0.2), at(5, 0.4, 0.3, 0.5)}}, {Name: "single", Points: []curves.Point{at(2, 0.5, 0.5, 0.5)}}, {Name: "empty"},
	}
	require.NoError(t, curves.SVG(&picture, curves.Labels{Title: "accuracy <held out>", Y: "share"}, list))
	var text strings.Builder
	for d := xml.NewDecoder(bytes.NewReader(picture.Bytes())); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		if chars, ok := token.(xml.CharData); ok {
			text.Write(chars)
		}
	}
	for _, want := range []string{"accuracy <held out>", "share", "step", "a<b&c", "single"} {
		assert.Contains(t, text.String(), want)
	}
	assert.NotContains(t, text.String(), "empty")
	require.NoError(t, curves.SVG(&picture, curves.Labels{Title: "nothing", X: "slots", Y: "share"}, nil))
	assert.Contains(t, picture.String(), "slots")
}

func at(step int, mean, low, high float64) curves.Point {
	return curves.Point{Step: step, Mean: mean, Low: low, High: high}
}
