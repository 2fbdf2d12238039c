package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A ratio is that of a round: a slow round of both sides changes nothing.
func TestRatiosAreOfRounds(t *testing.T) {
	r := result{Name: "decode 8", Says: "tokens", Aim: "1.4 times", Tokens: 100, Ours: turns{1, 10, 2}, Theirs: turns{2, 20, 5}, Limit: turns{0.5, 8, 1}, Llama: turns{3, 15, 4}, OurPeak: 3, TheirPeak: 4}
	assert.Equal(t, turns{2, 2, 2.5}, r.Ours.against(r.Theirs))
	assert.Equal(t, "| decode 8: tokens | 50 | 20 | 2.00 (2.00 to 2.50) | 2.00 (1.50 to 3.00) | 50 % (50 to 80) | 0.75 | 1.4 times |", r.line())
	assert.Equal(t, 3.0, turns{4, 2}.median())
}

// The table takes its place in the page, and a row its place in the table.
func TestReportWritesItsPartOfThePage(t *testing.T) {
	dir := t.TempDir()
	file, page := filepath.Join(dir, "results.json"), filepath.Join(dir, "speed.md")
	require.NoError(t, os.WriteFile(page, []byte("before\n<!-- speed -->\nold\n<!-- end of speed -->\nafter\n"), 0o644))
	r := report{Machine: "another machine", Threads: 2, PyTorch: "2.15.0", Rows: []result{{Name: "prefill"}}}
	r.describe("a machine", 2, "2.15.0")
	assert.Empty(t, r.Rows, "they are of another machine")
	r.add(result{Name: "prefill", Tokens: 8, Ours: turns{1}, Theirs: turns{1}})
	r.add(result{Name: "decode 1", Tokens: 8, Ours: turns{1}, Theirs: turns{1}})
	r.add(result{Name: "prefill", Tokens: 8, Ours: turns{2}, Theirs: turns{1}, Load: "0.1"})
	r.add(result{Name: "step", Tokens: 8, Ours: turns{2, 2, 2}, Theirs: turns{1, 1, 1}, Idle: turns{0.04, 0.02, 0.03}, Waiting: turns{0.01, 0.01, 0.01},
		Batches: []batchRate{{16, 40.4}, {8, 30}}})
	require.NoError(t, r.write(file, page))
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	assert.Contains(t, string(text), "before\n<!-- speed -->\na machine, 2 threads a side, PyTorch 2.15.0:\n")
	assert.Contains(t, string(text), "| prefill:  | 4 | 8 | 0.50 (0.50 to 0.50) | – | – | – |  |\n| decode 1:")
	assert.Contains(t, string(text), "\n\nRounds, and the load of the machine before them (rows are measured apart, and stay until they are measured again): prefill 1 rounds at 0.1, decode 1 1 rounds at ?, step 3 rounds at ?.\n")
	assert.Contains(t, string(text), "\n\nReference, step: batches of 16, the best it tried: 16 (40 tokens/s), 8 (30 tokens/s).\n")
	assert.Contains(t, string(text), "\n\nOur compute thread was outside libtorch for 3.0 % of the step (2.0 to 4.0), waiting for verdicts for 1.0 % of it; "+
		"the aim is at most 5 %.\n<!-- end of speed -->\nafter\n")
	r.describe("a machine", 2, "2.15.0")
	assert.Len(t, r.Rows, 3)
	again, err := readReport(file)
	require.NoError(t, err)
	assert.Equal(t, r, again)

	require.NoError(t, os.WriteFile(page, []byte("no place"), 0o644))
	assert.ErrorContains(t, r.write(file, page), "no place for speed")
}
