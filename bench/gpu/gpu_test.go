package main

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/torch"
)

const starter = "../../starter"

// Here the CPU is both sides: what is tested is the check, not a device.
func TestTheCPUComputesWhatTheCPUDoes(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var out bytes.Buffer
	require.NoError(t, checkDevice(t.Context(), &out, torch.CPU, starter), out.String())
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	assert.Len(t, lines, 6, out.String())
	for _, line := range lines {
		assert.True(t, strings.HasSuffix(line, ": holds"), line)
	}
	assert.Zero(t, torch.Live())
}

func TestAFindingAboveItsBoundDoesNotHold(t *testing.T) {
	assert.True(t, finding{value: 1, bound: 1}.holds())
	assert.False(t, finding{value: 1.01, bound: 1}.holds())
	assert.False(t, finding{value: math.NaN(), bound: 1}.holds())
	assert.Contains(t, finding{name: "logits", value: 2, bound: 1}.String(), "DOES NOT HOLD")
}

func TestDistance(t *testing.T) {
	assert.InDelta(t, 0.2, distance([]float32{3, 5}, []float32{3, 4}), 1e-7)
	assert.True(t, math.IsNaN(distance([]float32{1}, []float32{1, 2})))
}

// Log-probs are compared as far as both have sampled the same, the token where they part included.
func TestApart(t *testing.T) {
	a := []azr.Completion{{IDs: []int32{1, 2, 3}, LogProbs: []float32{-1, -2, -9}}}
	b := []azr.Completion{{IDs: []int32{1, 4, 3}, LogProbs: []float32{-1, -2.5, -1}}}
	assert.InDelta(t, 0.5, apart(a, b), 1e-6)
}

func TestTheShapeIsQwen3(t *testing.T) {
	text, err := json.Marshal(qwen3)
	require.NoError(t, err)
	c, err := model.ParseConfig(text)
	require.NoError(t, err)
	assert.EqualValues(t, 596049920, c.Parameters(), "as published")
}

func TestWorkloadsAreMeasuredAndWritten(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	dir := t.TempDir()
	file, into := filepath.Join(dir, "gpu.json"), filepath.Join(dir, "speed.md")
	require.NoError(t, os.WriteFile(into, []byte("a\n<!-- gpu -->\n<!-- end of gpu -->\nb\n"), 0o644))
	small := qwen3
	small.HiddenSize, small.IntermediateSize, small.NumHiddenLayers, small.NumAttentionHeads, small.NumKeyValueHeads, small.HeadDim, small.VocabSize = 32, 64, 2, 2, 1, 16, 2000
	require.NoError(t, workload{requests: 2, tokens: 64, config: small, peak: 100}.run(t.Context(), torch.CPU, starter, file, into))
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var m measured
	require.NoError(t, json.Unmarshal(text, &m))
	assert.Equal(t, 64, m.Update.Tokens)
	assert.GreaterOrEqual(t, m.Decode.Tokens, 2*shortest/2)
	page, err := os.ReadFile(into)
	require.NoError(t, err)
	assert.Contains(t, string(page), "| decode | ")
	assert.Contains(t, string(page), "% of 100 TFLOP/s |")
	assert.Regexp(t, `\| update \| .* \| \? \|`, measured{Update: rate{1, 1}, Decode: rate{1, 1}}.table(), "whose peak nobody told")
	assert.Contains(t, string(page), "-->\nb\n")
	assert.Zero(t, torch.Live())
}
