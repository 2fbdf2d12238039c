package executor

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
)

func TestHistogramCountsByPowersOfTwo(t *testing.T) {
	var h Histogram
	assert.Zero(t, h.Quantile(0.5))
	for _, amount := range []int64{-5, 0, 1, 2, 3, 4, 1000, 1 << 62} {
		h.add(amount)
	}
	assert.Equal(t, []int64{2, 1, 2, 1}, h.Counts[:4])
	assert.EqualValues(t, 1, h.Counts[10])
	assert.EqualValues(t, 1, h.Counts[histogramBuckets-1])
	assert.EqualValues(t, 8, h.Total())
	assert.EqualValues(t, []int64{0, 1, 3, 1023}, []int64{h.Quantile(0.1), h.Quantile(0.375), h.Quantile(0.5), h.Quantile(0.8)})
}

func TestAlarmIsRaisedByAShareOfTheLastResults(t *testing.T) {
	var w window
	add := func(n int, mark bool) {
		for range n {
			w.add(mark)
		}
	}
	add(minResults-1, true)
	assert.False(t, w.alarm(), "too few to tell")
	add(1, true)
	assert.True(t, w.alarm())
	add(windowResults, false)
	assert.False(t, w.alarm(), "long ago")
	assert.Zero(t, w.share())
	add(102, true)
	assert.False(t, w.alarm())
	add(1, true)
	assert.True(t, w.alarm())
	assert.InDelta(t, 103./windowResults, w.share(), 1e-9)
}

func TestStatsOfARun(t *testing.T) {
	p := openHere(t, func(c *Config) { c.Timeout = time.Second })
	_, err := p.Run(t.Context(), azr.Execution{Program: "def f(x):\n    if x > 2: raise KeyError\n    return 'a' * 100", Inputs: []string{"1", "2", "3", "4", "y"}})
	require.NoError(t, err)
	assert.Equal(t, azr.Timeout, runOne(t, p, "def f():\n    while True: pass", "").Status)
	s := p.Stats()
	assert.Equal(t, map[azr.Status]int64{azr.OK: 2, azr.Error: 2, azr.BadInput: 1, azr.Timeout: 1}, s.Results)
	assert.Equal(t, map[string]int64{"KeyError": 2}, s.Errors)
	h := s.Histograms
	assert.Equal(t, []int64{5, 5, 5, 5, 2}, []int64{h.QueueWait.Total(), h.Wall.Total(), h.CPU.Total(), h.RSS.Total(), h.ValueBytes.Total()})
	assert.EqualValues(t, 127, h.ValueBytes.Quantile(1))
	assert.GreaterOrEqual(t, h.Wall.Quantile(1), int64(1e6))
	require.Len(t, s.Slowest, 2)
	assert.Equal(t, programHash("def f():\n    while True: pass"), s.Slowest[0].Program)
	assert.GreaterOrEqual(t, s.Slowest[0].Wall, time.Second)
	assert.False(t, s.BlockedAlarm)

	text, err := json.Marshal(s)
	require.NoError(t, err)
	var back Stats
	require.NoError(t, json.Unmarshal(text, &back))
	assert.Equal(t, s, back)
	assert.Contains(t, string(text), `"results":{"bad_input":1,"error":2,"ok":2,"timeout":1}`)
}

func TestCountsOfWhatProgramsNameAreBounded(t *testing.T) {
	var c counts
	for i := range 500 {
		c.result(azr.Result{Status: azr.Error, Error: fmt.Sprint("E", i%250)})
		c.ran(task{Program: fmt.Sprint(i % 250), Inputs: []input{{}}}, []reply{{Wall: float64(i % 250)}})
	}
	assert.Len(t, c.stats.Errors, maxErrors+1)
	assert.EqualValues(t, 2, c.stats.Errors["E0"])
	assert.EqualValues(t, 2*(250-maxErrors), c.stats.Errors["other"])
	require.Len(t, c.stats.Slowest, maxSlowest)
	assert.Equal(t, SlowProgram{programHash("249"), 249 * time.Second}, c.stats.Slowest[0])
	assert.Equal(t, 240*time.Second, c.stats.Slowest[maxSlowest-1].Wall)
}
