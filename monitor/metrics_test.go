package monitor

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/azr-train/azr"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func openMetrics(t *testing.T, dir string) *Metrics {
	t.Helper()
	m, err := OpenMetrics(dir)
	require.NoError(t, err)
	m.now = func() time.Time { return time.Unix(1700000000, 0) }
	t.Cleanup(func() { m.Close() })
	return m
}

func step(n int) azr.StepRecord {
	return azr.StepRecord{Step: n, Metrics: map[string]float64{"solve/deduction/reward": float64(n) / 3, "a \"quote\"": 1e-9, "loss": math.NaN()},
		Timings: map[string]float64{"step_seconds": 1.25}}
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	require.NoError(t, err)
	return string(b)
}

// A clock that is set back leaves the steps in their order, each once, and what is cut at a checkpoint cut.
func TestClockThatIsSetBack(t *testing.T) {
	dir := t.TempDir()
	m, err := OpenMetrics(dir)
	require.NoError(t, err)
	defer m.Close()
	now := time.Unix(1_700_000_000, 0)
	m.now = func() time.Time { now = now.Add(-time.Hour); return now }
	var offsets Offsets
	for step := range 4 {
		require.NoError(t, m.Append(azr.StepRecord{Step: step, Metrics: map[string]float64{"loss": float64(step)}}))
		if step == 2 {
			offsets = m.Offsets()
		}
	}
	require.NoError(t, m.Truncate(offsets))
	text, err := os.ReadFile(filepath.Join(dir, MetricsFile))
	require.NoError(t, err)
	assert.Equal(t, "{\"step\":0,\"loss\":0}\n{\"step\":1,\"loss\":1}\n{\"step\":2,\"loss\":2}\n", string(text))
	events, err := os.ReadFile(filepath.Join(dir, EventsFile))
	require.NoError(t, err)
	assert.Equal(t, 3, bytes.Count(events, []byte("loss")))
}

func TestMetricsAndTimingsAreKeptApart(t *testing.T) {
	dir := t.TempDir()
	m := openMetrics(t, dir)
	require.NoError(t, m.Append(step(1)))
	require.NoError(t, m.Append(azr.StepRecord{Step: 2}))
	assert.Equal(t, `{"step":1,"a \"quote\"":1e-9,"loss":null,"solve/deduction/reward":0.3333333333333333}`+"\n"+`{"step":2}`+"\n", read(t, dir, MetricsFile))
	assert.Equal(t, `{"step":1,"step_seconds":1.25}`+"\n"+`{"step":2}`+"\n", read(t, dir, TimingsFile))
	for lines := bufio.NewScanner(openFile(t, dir, MetricsFile)); lines.Scan(); {
		assert.True(t, json.Valid(lines.Bytes()))
	}
}

func TestResumedFilesEqualUninterruptedOnes(t *testing.T) {
	whole, cut := t.TempDir(), t.TempDir()
	m := openMetrics(t, whole)
	for n := range 5 {
		require.NoError(t, m.Append(step(n)))
	}

	m = openMetrics(t, cut)
	var checkpoint Offsets
	for n := range 4 {
		require.NoError(t, m.Append(step(n)))
		if n == 2 {
			checkpoint = m.Offsets()
		}
	}
	_, err := m.metrics.WriteString(`{"step":4,"torn`) // as a kill leaves it
	require.NoError(t, err)
	require.NoError(t, m.Close())

	m = openMetrics(t, cut)
	require.NoError(t, m.Truncate(checkpoint))
	assert.Equal(t, checkpoint, m.Offsets())
	for n := 3; n < 5; n++ {
		require.NoError(t, m.Append(step(n)))
	}
	for _, name := range []string{MetricsFile, TimingsFile, EventsFile} {
		assert.Equal(t, read(t, whole, name), read(t, cut, name), name)
	}
}

func TestTruncateRefusesAnOffsetBeyondTheFile(t *testing.T) {
	dir := t.TempDir()
	m := openMetrics(t, dir)
	require.NoError(t, m.Append(step(1)))
	to := m.Offsets()
	to.Metrics++
	before := read(t, dir, MetricsFile)
	assert.ErrorContains(t, m.Truncate(to), fmt.Sprintf("does not reach the checkpoint's offset; got %d bytes, want at least %d", len(before), len(before)+1))
	assert.Equal(t, before, read(t, dir, MetricsFile))
}

// What was measured may be removed: the run goes on, and begins those files again.
func TestTruncateWithoutWhatWasMeasured(t *testing.T) {
	dir := t.TempDir()
	m := openMetrics(t, dir)
	require.NoError(t, m.Append(step(1)))
	to := m.Offsets()
	require.NoError(t, m.Close())
	require.NoError(t, os.RemoveAll(filepath.Join(dir, filepath.Dir(EventsFile))))
	require.NoError(t, os.Remove(filepath.Join(dir, TimingsFile)))
	m = openMetrics(t, dir)
	require.NoError(t, m.Truncate(to))
	require.NoError(t, m.Append(step(2)))
	assert.Equal(t, 2, strings.Count(read(t, dir, MetricsFile), "\n"))
	assert.Equal(t, 1, strings.Count(read(t, dir, TimingsFile), "\n"))
}

func TestFailedAppendLeavesWholeSteps(t *testing.T) {
	dir := t.TempDir()
	m := openMetrics(t, dir)
	require.NoError(t, m.Append(step(1)))
	before := map[string]string{}
	for _, name := range []string{MetricsFile, TimingsFile} {
		before[name] = read(t, dir, name)
	}
	require.NoError(t, m.events.Close())
	err := m.Append(step(2))
	require.ErrorContains(t, err, "monitor.Metrics.Append: step 2: ")
	assert.NotContains(t, err.Error(), "\n")
	for name, want := range before {
		assert.Equal(t, want, read(t, dir, name), "the lines of step 2 are cut off again")
	}
}

func openFile(t *testing.T, dir, name string) *os.File {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, name))
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}
