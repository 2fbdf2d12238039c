package main

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/monitor/curves"
)

// A model has the parameters that it is named for, and the largest is SmolLM2-135M.
func TestSizesAreMillionsOfParameters(t *testing.T) {
	for millions := range sizes {
		c, err := sized(millions)
		require.NoError(t, err)
		d, kv := c.HiddenSize, c.NumKeyValueHeads*c.HeadDim
		count := c.VocabSize*d + c.NumHiddenLayers*(2*d*d+2*d*kv+3*d*c.IntermediateSize)
		assert.InEpsilon(t, float64(millions)*1e6, float64(count), 0.01)
		assert.InEpsilon(t, 0.21, float64(c.VocabSize*d)/float64(count), 0.02, "the head's share")
	}
	c, err := sized(135)
	require.NoError(t, err)
	assert.Equal(t, []int{49152, 576, 1536, 30, 9, 3}, []int{c.VocabSize, c.HiddenSize, c.IntermediateSize, c.NumHiddenLayers, c.NumAttentionHeads, c.NumKeyValueHeads})
}

// Every completion of a step has the length that was asked for, in as many ticks as the slots allow.
func TestStepsHaveTheirShape(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	g, err := newGrower("../../starter", 5)
	require.NoError(t, err)
	defer g.close()
	var p point
	s := shape{batch: 3, length: 4, millions: 5, slots: 2}
	require.NoError(t, g.measure(t.Context(), s, &p, true))
	assert.Equal(t, 2*s.length, p.Ticks)
	require.NoError(t, g.measure(t.Context(), s, &p, false))
	assert.Len(t, p.Rollout.Wall, 2)
	assert.Len(t, p.Update.CPU, 1)
	assert.Greater(t, p.Update.CPU[0], 0.0)
}

func TestGrowthIsWrittenAndDrawn(t *testing.T) {
	dir := t.TempDir()
	into := filepath.Join(dir, "speed.md")
	require.NoError(t, os.WriteFile(into, []byte("before\n<!-- growth -->\n<!-- end of growth -->\nafter\n"), 0o644))
	g := growth{Machine: "a machine", Threads: 2, Load: "0.1"}
	for _, a := range axes {
		list := a.empty()
		for i := range list.Points {
			p := &list.Points[i]
			p.Rollout.CPU, p.Ticks = turns{float64(3 * p.Value), float64(p.Value), float64(2 * p.Value)}, 10*p.Value
			p.Rollout.Wall = turns{5, 3, 4}
			if a.update {
				p.Update = p.Rollout
			}
		}
		g.Axes = append(g.Axes, list)
	}
	require.NoError(t, g.write(filepath.Join(dir, "growth.json"), into))
	text, err := os.ReadFile(into)
	require.NoError(t, err)
	for _, line := range []string{
		"before\n<!-- growth -->\na machine, 2 threads, load 0.1 before; medians of 3 rounds:\n",
		"\n| batch | 4 | 4.00 | 8.00 | 2000.0 | 4.00 | 8.00 | 2000.0 | completion |\n", "\n| slots | 32 | 4.00 | 64.00 | 200.0 | – | – | – | tick |\n",
		"![a step's time over the length](speed/growth-length.svg)\n", "<!-- end of growth -->\nafter\n",
	} {
		assert.Contains(t, string(text), line)
	}
	for _, a := range axes {
		assert.FileExists(t, filepath.Join(dir, "speed", "growth-"+a.name+".svg"))
	}
	list := axes[0].curves(g.Axes[0].Points)
	require.Len(t, list, 4)
	assert.Equal(t, curves.Point{Step: 8, Mean: 16, Low: 8, High: 24}, list[0].Points[1])
	assert.Equal(t, []curves.Point{{}, {Step: 64, Mean: 128, Low: 128, High: 128}}, list[1].Points)
	list = axes[3].curves(g.Axes[3].Points)
	require.Len(t, list, 2)
	assert.Equal(t, curves.Point{Step: 4, Mean: 0.5, Low: 0.5, High: 0.5}, list[1].Points[2])
}
