// Command ranks plays the same steps as one process and as several ranks, a thread each, and tells how long the ranks
// waited for each other, by their own timers: make bench-ranks.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/azr-train/azr/bench/machine"
)

func main() {
	ranks := flag.Int("ranks", 2, "ranks of the second run")
	steps := flag.Int("steps", 5, "steps of each")
	model := flag.String("model", "third_party/build/smollm2", "the model's folder")
	config := flag.String("config", "quickstart", "preset or file")
	flag.Parse()
	if err := measure(*ranks, *steps, *model, *config); err != nil {
		fmt.Fprintln(os.Stderr, "bench/ranks:", err)
		os.Exit(1)
	}
}

func measure(ranks, steps int, model, config string) error {
	if ranks < 2 || steps < 1 {
		return fmt.Errorf("want 2 ranks and 1 step at least; got %d and %d", ranks, steps)
	}
	dir, err := os.MkdirTemp("", "ranks-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Printf("%s, load %s\n", machine.Name(), machine.Load())
	var alone []timing
	for _, n := range []int{1, ranks} {
		run := filepath.Join(dir, strconv.Itoa(n))
		played, err := play(n, "run", "--quiet", "--model", model, "--config", config, "--run", run, "--steps", strconv.Itoa(steps), "--set", "threads=1", "--set", "checkpoint.every=1000")
		if err != nil {
			return err
		}
		list, err := timings(filepath.Join(run, "timings.jsonl"), played)
		if err != nil {
			return err
		}
		tell(n, list, alone)
		alone = list
	}
	return nil
}

// play runs azr-train as so many processes.
func play(n int, args ...string) ([]byte, error) {
	if n > 1 {
		args = append([]string{"launch", "--procs", strconv.Itoa(n), "--"}, args...)
	}
	c := exec.Command("bin/azr-train", args...)
	c.Env = append(os.Environ(), "OMP_NUM_THREADS=1")
	out, err := c.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("bin/azr-train %s: %w: %s", args[0], err, out)
	}
	return out, err
}

// timing is a step's, in seconds.
type timing struct {
	Step       float64 `json:"step_seconds"`
	Waited     float64 `json:"ranks/waited"`
	WaitedMost float64 `json:"ranks/waited_most"`
}

// timings are those of a run's steps, without the seeding's.
func timings(file string, out []byte) ([]timing, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	var list []timing
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		var t timing
		if err := json.Unmarshal(lines.Bytes(), &t); err != nil {
			return nil, err
		}
		if t.Step > 0 {
			list = append(list, t)
		}
	}
	if len(list) == 0 {
		return nil, errors.New(file + " has no steps")
	}
	return list, nil
}

func tell(n int, list, alone []timing) {
	total, shares := 0.0, []float64{}
	fmt.Printf("%d ranks, 1 thread each: steps of", n)
	for _, t := range list {
		fmt.Printf(" %.1f", t.Step)
		total, shares = total+t.Step, append(shares, t.Waited/t.Step)
	}
	fmt.Printf(" s, %.0f s in all\n", total)
	if n == 1 {
		return
	}
	fmt.Print("  waited in the mean of the ranks, bytes on their way included:")
	for _, s := range shares {
		fmt.Printf(" %.0f %%", 100*s)
	}
	slices.Sort(shares)
	before := 0.0
	for _, t := range alone {
		before += t.Step
	}
	fmt.Printf("\n  median %.0f %% (the aim is at most 10); %.2f of one rank's time\n", 100*shares[len(shares)/2], total/before)
}
