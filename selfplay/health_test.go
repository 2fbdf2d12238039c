package selfplay_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/selfplay"
)

// Two tasks are the same by their text, by program and input, by program, or by program without constants; or never.
func TestDuplicatesByProgram(t *testing.T) {
	// In a buffer with 0(1): again; another input; another constant, twice; another size.
	proposals := []string{"0 1", "0 2", "4 1", "4 1", "44 1"}
	for rule, want := range map[selfplay.Duplicates]string{
		selfplay.DuplicatesNone:     "+++++",
		selfplay.DuplicatesText:     "-++-+",
		selfplay.DuplicatesAST:      "-++-+",
		selfplay.DuplicatesProgram:  "--+-+",
		selfplay.DuplicatesSkeleton: "----+",
	} {
		cfg := small()
		cfg.BatchSize, cfg.Duplicates = len(proposals), rule
		play, _ := scripted(t, cfg, azr.NewFakeGenerator(nil), func(p azr.Prompt) string {
			if p.ID.Type == azr.Deduction && p.ID.Purpose == azr.Proposing {
				return proposals[p.ID.Index]
			}
			return "?"
		})
		got := ""
		for _, row := range rowsOf(play, azr.Proposing, azr.Deduction) {
			got += map[bool]string{true: "+", false: "-"}[row.Verdict.Outcome == azr.Pass]
		}
		assert.Equal(t, want, got, rule)
		assert.Equal(t, strings.Count(want, "+"), len(play.Record.Tasks), rule)
		assert.Equal(t, float64(1+strings.Count(want, "+")), play.Record.Metrics["buffer/deduction"], rule)
	}
}

// Novelty counts programs that the buffer did not hold, each once; the buffer counts different programs.
func TestNoveltyAndDiversityMetrics(t *testing.T) {
	cfg := small()
	cfg.BatchSize = 5
	play, _ := scripted(t, cfg, azr.NewFakeGenerator(nil), func(p azr.Prompt) string {
		if p.ID.Type == azr.Deduction && p.ID.Purpose == azr.Proposing {
			return []string{"0 7", "4 1", "4 2", "123 1", "4 -1"}[p.ID.Index] // the last is invalid
		}
		return "?"
	})
	m := play.Record.Metrics
	assert.Equal(t, 2.0/4, m["propose/deduction/novelty"])
	assert.Equal(t, 3.0, m["propose/deduction/programs"])
	assert.Equal(t, (1+1+1+3)/4.0, m["propose/deduction/size"])
	assert.Equal(t, 5.0, m["buffer/deduction"])
	assert.Equal(t, 3.0, m["buffer/deduction/programs"])
	assert.Equal(t, 1.0, m["propose/deduction/diversity"], "the buffer holds the output 1, none of 7, 5, 6 and 124")
}

// The alarm is raised when a mean was below its bound for so many steps in a row, and ends with the first healthy step.
func TestCollapseAlarm(t *testing.T) {
	cfg := small()
	cfg.BatchSize, cfg.TaskTypes = 4, []azr.TaskType{azr.Deduction}
	cfg.Collapse = selfplay.Collapse{Steps: 3, Size: 1.5, Novelty: 0.5}
	say := func(p azr.Prompt) string {
		switch {
		case p.ID.Purpose != azr.Proposing:
			return "?"
		case p.ID.Step == 3:
			return "?" // nothing valid: no size, and nothing new
		case p.ID.Step == 6:
			return fmt.Sprintf("%d 1", 100*p.ID.Step+p.ID.Index)
		}
		return fmt.Sprintf("5 %d", 10*p.ID.Step+p.ID.Index)
	}
	g, _ := stocked(t, cfg, azr.NewFakeGenerator(say), 0)
	var novelty, size, alarm []float64
	for n := 1; n <= 6; n++ {
		m := step(t, g, n).Record.Metrics
		novelty, size, alarm = append(novelty, m["collapse/novelty_steps"]), append(size, m["collapse/size_steps"]), append(alarm, m["collapse/alarm"])
	}
	assert.Equal(t, []float64{1, 2, 3, 4, 5, 0}, novelty)
	assert.Equal(t, []float64{1, 2, 2, 3, 4, 0}, size)
	assert.Equal(t, []float64{0, 0, 1, 1, 1, 0}, alarm)
}

// A proposer of which nothing is valid any more is the plainest collapse.
func TestNothingValidIsACollapse(t *testing.T) {
	cfg := small()
	cfg.Collapse.Steps = 2
	g, _ := stocked(t, cfg, azr.NewFakeGenerator(func(azr.Prompt) string { return "?" }), 0)
	assert.Zero(t, step(t, g, 1).Record.Metrics["collapse/alarm"])
	assert.Equal(t, 1.0, step(t, g, 2).Record.Metrics["collapse/alarm"])
}

// Composite requests come with the configured chance, from the start step on, and not without enough references.
func TestCompositeRequests(t *testing.T) {
	cfg := small()
	cfg.TaskTypes, cfg.BatchSize, cfg.References = []azr.TaskType{azr.Deduction}, 60, 3
	cfg.Composite = selfplay.Composite{StartStep: 2, Chance: 0.5, Min: 1, Max: 2, RaiseEvery: 10, MaxLimit: 2, ChanceStep: 0.25, ChanceLimit: 1}
	helpers := func(cfg selfplay.Config, n int) map[int]int {
		g, _ := stocked(t, cfg, azr.NewFakeGenerator(func(azr.Prompt) string { return "?" }), 0, 0, 0, 0, 0)
		count := map[int]int{}
		for _, row := range rowsOf(step(t, g, n), azr.Proposing, azr.Deduction) {
			count[strings.Count(row.Prompt, "call")]++
		}
		return count
	}
	assert.Equal(t, map[int]int{0: 60}, helpers(cfg, 1), "before the start")
	some := helpers(cfg, 2)
	assert.InDelta(t, 30, some[0], 12)
	assert.InDelta(t, 15, some[1], 10)
	assert.InDelta(t, 15, some[2], 10, "the largest number is drawn too")
	assert.Zero(t, helpers(cfg, 32)[0], "the chance has risen to 1")
	cfg.References = 2
	assert.Equal(t, map[int]int{0: 60}, helpers(cfg, 2), "no more references than helpers at most")
}
