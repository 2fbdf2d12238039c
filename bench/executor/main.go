// Command executor measures package executor beside floors in the same run and
// prints one table. Sides take turns, so that a neighbour's load falls on all.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/azr-train/azr/executor"
)

func main() {
	rounds := flag.Int("rounds", 7, "how often each side has its turn")
	flag.Parse()
	if err := run(context.Background(), *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "bench/executor:", err)
		os.Exit(1)
	}
}

// side is one row of the table.
type side struct {
	name    string
	round   func() (sample, error)
	samples []sample
}

const (
	busyHang = "def f(x):\n    while True: pass\n"
	idleHang = "import time\ndef f(x): time.sleep(60)\n"
)

func run(ctx context.Context, rounds int) error {
	config := executor.DefaultConfig()
	config.Slots = 1
	one, err := executor.Open(ctx, config)
	if err != nil {
		return err
	}
	defer one.Close()
	config.Slots = 2
	two, err := executor.Open(ctx, config)
	if err != nil {
		return err
	}
	defer two.Close()
	version, _ := one.Python()
	fmt.Printf("level %s, CPython %s, %d cores, load %s\n\n", one.Level(), version, runtime.NumCPU(), load())

	sides := turns(ctx, one, two)
	for r := range rounds + 1 {
		for _, s := range sides {
			got, err := s.round()
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			if r > 0 { // the first one warms up
				s.samples = append(s.samples, got)
			}
		}
	}
	printTable(sides)
	fmt.Printf("\nload afterwards %s\n", load())
	return nil
}

// turns are the rows in the order of their turns. The first is what the others are compared with.
func turns(ctx context.Context, one, two *executor.Pool) []*side {
	_, python := one.Python()
	all := &programs{}
	return []*side{
		{name: "fork loop, no isolation", round: func() (sample, error) { return plain(ctx, python, "fork", 300, all) }},
		{name: "executor", round: func() (sample, error) { return single(ctx, one, 300, all) }},
		{name: "executor, trusted by 10", round: func() (sample, error) { return trusted(ctx, one, 1000, all) }},
		{name: "cold python3 -c", round: func() (sample, error) { return cold(ctx, python, 10, all) }},
		{name: "exec in place", round: func() (sample, error) { return plain(ctx, python, "inplace", 5000, all) }},
		{name: "executor, two slots, one used", round: func() (sample, error) { return single(ctx, two, 150, all) }},
		{name: "  beside one that sleeps", round: func() (sample, error) { return beside(ctx, two, idleHang, 150, all) }},
		{name: "  beside one that spins", round: func() (sample, error) { return beside(ctx, two, busyHang, 150, all) }},
	}
}

// printTable has medians over the rounds, with the least and the most for the cost against the first side.
func printTable(sides []*side) {
	fmt.Printf("%-31s %9s %9s %9s %9s %9s   %s\n", "", "per s", "per CPU s", "CPU ms", "p50 ms", "p99 ms", "CPU cost / fork loop")
	for _, s := range sides {
		var rate, cpu, ratio, each []float64
		for i, one := range s.samples {
			rate = append(rate, float64(one.Count)/one.Wall)
			cpu = append(cpu, one.CPU/float64(one.Count))
			base := sides[0].samples[i]
			ratio = append(ratio, cpu[i]/(base.CPU/float64(base.Count)))
			each = append(each, one.Each...)
		}
		if strings.HasPrefix(s.name, " ") { // the hanging one's CPU time is in it
			fmt.Printf("%-31s %9s %9s %9s %9.3f %9.3f\n", s.name, "", "", "", 1e3*quantile(each, 0.5), 1e3*quantile(each, 0.99))
			continue
		}
		fmt.Printf("%-31s %9.0f %9.0f %9.3f %9.3f %9.3f   %.2f (%.2f to %.2f)\n", s.name, quantile(rate, 0.5), 1/quantile(cpu, 0.5),
			1e3*quantile(cpu, 0.5), 1e3*quantile(each, 0.5), 1e3*quantile(each, 0.99), quantile(ratio, 0.5), slices.Min(ratio), slices.Max(ratio))
	}
}

// quantile returns the value below which the share q of values lies.
func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// load returns the machine's load averages over 1, 5 and 15 minutes.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	fields := strings.Fields(string(text))
	if err != nil || len(fields) < 3 {
		return "unknown"
	}
	return strings.Join(fields[:3], " ")
}
