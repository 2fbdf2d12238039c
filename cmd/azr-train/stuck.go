package main

import (
	"fmt"
	"io"
	"os"
	"runtime/pprof"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/azr-train/azr/monitor/watchdog"
)

// WatchdogConfig says after how long without any progress a run counts as stuck. Each bound is for one phase, and 0 sets none.
type WatchdogConfig struct {
	// Opening bounds how long the model, the run's files and the executor take to open (default 1h).
	Opening time.Duration `yaml:"opening"`
	// Playing bounds the time between two ticks of the rollouts, or two verdicts (default 1h).
	Playing time.Duration `yaml:"playing"`
	// Updating bounds the time between two micro-batches, and of the optimiser's step (default 1h).
	Updating time.Duration `yaml:"updating"`
	// Measuring bounds the time between two ticks on held-out tasks (default 1h).
	Measuring time.Duration `yaml:"measuring"`
	// Recording bounds how long a step takes to get into the database, the metrics and to stdout (default 1h).
	Recording time.Duration `yaml:"recording"`
	// Saving bounds the time between two tensors of a checkpoint (default 1h).
	Saving time.Duration `yaml:"saving"`
	// Ending bounds the pictures and the summary (default 1h).
	Ending time.Duration `yaml:"ending"`
	// Restarts is how often in a row, without a checkpoint between, a stuck run begins again from its last checkpoint; then it
	// ends with code 3 (default 1).
	Restarts int `yaml:"restarts"`
}

func defaultWatchdog() WatchdogConfig {
	return WatchdogConfig{
		Opening: time.Hour, Playing: time.Hour, Updating: time.Hour, Measuring: time.Hour, Recording: time.Hour, Saving: time.Hour, Ending: time.Hour,
		Restarts: 1,
	}
}

// Validate returns the first setting that makes no sense.
func (c WatchdogConfig) Validate() error {
	for _, phase := range []string{phaseOpening, phasePlaying, phaseUpdating, phaseMeasuring, phaseRecording, phaseSaving, phaseEnding} {
		if d := c.of(phase); d < 0 || d > 0 && d < time.Second {
			return fmt.Errorf("config: watchdog.%s is out of range; got %v, want 0 or at least 1s", phase, d)
		}
	}
	if c.Restarts < 0 {
		return fmt.Errorf("config: watchdog.restarts is negative; got %d, want 0 or more", c.Restarts)
	}
	return nil
}

// of is the bound of a phase.
func (c WatchdogConfig) of(phase string) time.Duration {
	return map[string]time.Duration{
		phaseOpening: c.Opening, phaseEnding: c.Ending, phasePlaying: c.Playing, phaseUpdating: c.Updating,
		phaseMeasuring: c.Measuring, phaseRecording: c.Recording, phaseSaving: c.Saving,
	}[phase]
}

// restartsVariable tells a process that takes the place of a stuck one how many did so before.
const restartsVariable = "AZR_WATCHDOG_RESTARTS"

func restartsSoFar() int32 {
	n, err := strconv.ParseInt(os.Getenv(restartsVariable), 10, 32)
	if err != nil {
		return 0
	}
	return int32(n)
}

// stuck writes down who waits for whom, and then has a new process take this one's place, or ends it. Nothing that it waits
// for may hang with the rest.
func (s *session) stuck(w watchdog.Stuck) {
	file := s.folder.path("stuck.txt")
	restart := int(s.restarts.Load()) < s.config.Watchdog.Restarts && s.group == nil // ranks begin again together
	within(10*time.Second, func() {
		if err := writeWhole(file, func(to io.Writer) error { return s.writeStuck(to, w) }); err != nil {
			file = err.Error()
		}
	})
	within(time.Second, func() {
		s.log.Error().Str("phase", w.What).Stringer("without_progress", w.Idle).Str("report", file).Bool("restarts", restart).
			Msg("the run is stuck; hint: watchdog." + w.What + " bounds how long it may be")
	})
	if restart {
		s.restart() // returns where it fails
	}
	os.Exit(exitStuck)
}

// within runs f, and returns when it is done or some time has passed.
func within(most time.Duration, f func()) {
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(most):
	}
}

// writeStuck tells what the run, its requests, its programs and its goroutines are doing.
func (s *session) writeStuck(to io.Writer, w watchdog.Stuck) error {
	fmt.Fprintf(to, "%s: no progress of %s for %v (watchdog.%s)\n\n%s", time.Now().Format(time.RFC3339), w.Who, w.Idle, w.What, s.phases)
	if s.engine != nil {
		running, queued := s.engine.Running()
		fmt.Fprintf(to, "\nrollouts, as the last tick began: %d of %d slots taken, %d requests wait\n", len(running), s.config.Rollout.Slots, queued)
		for _, r := range running {
			fmt.Fprintf(to, "  %s  %d prompt tokens, %d sampled\n", r.ID, r.PromptTokens, r.ResponseTokens)
		}
	}
	if s.executor != nil {
		busy := s.executor.UnderWay()
		fmt.Fprintf(to, "\nexecutor: %d of %d slots taken\n", len(busy), s.executor.Slots())
		for _, b := range busy {
			fmt.Fprintf(to, "  program %s for %v\n", b.Program, b.For.Round(time.Millisecond))
		}
		stats := s.executor.Stats()
		fmt.Fprintf(to, "  %d runs, %d workers lost, restarts %v\n", stats.Runs, stats.Lost, stats.Restarts)
	}
	fmt.Fprintf(to, "\ngoroutines\n\n")
	return pprof.Lookup("goroutine").WriteTo(to, 2)
}

// restart has this process begin again as one that resumes the run. It returns where that is not possible.
func (s *session) restart() {
	self, err := os.Executable()
	if err != nil {
		return
	}
	args := slices.Concat([]string{os.Args[0], "resume", s.folder.dir, "--until", strconv.Itoa(s.until), "--device", s.config.Device}, s.output.flags)
	os.Setenv(restartsVariable, strconv.Itoa(int(s.restarts.Load()+1)))
	_ = syscall.Exec(self, args, os.Environ())
}
