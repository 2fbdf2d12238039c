package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/azr-train/azr"
)

//go:embed floor.py
var floor string

// sample is one round of one side: how long its executions took together and each.
type sample struct {
	Count int
	// Wall and CPU are seconds for all; Each has the wall time as its caller sees it.
	Wall float64   `json:"wall"`
	CPU  float64   `json:"cpu"`
	Each []float64 `json:"each"`
}

// programs numbers programs, so that no two are the same and nothing is known before.
type programs struct{ next int }

func (p *programs) take(n int) (first int) {
	first = p.next
	p.next += n
	return first
}

func program(i int) string { return fmt.Sprintf("def f(x):\n    return [x + %d, str(x + %d)]\n", i, i) }

// single runs count programs one after the other, each in its own process.
func single(ctx context.Context, pool azr.Executor, count int, all *programs) (sample, error) {
	first := all.take(count)
	return measured(count, func(i int) error {
		return expect(ctx, pool, azr.Execution{Program: program(first + i), Inputs: []string{"0"}}, first+i)
	})
}

const batch = 10

// trusted runs count inputs in batches for programs that are known to be sound.
func trusted(ctx context.Context, pool azr.Executor, count int, all *programs) (sample, error) {
	var inputs []string
	for i := range batch {
		inputs = append(inputs, strconv.Itoa(i))
	}
	first := all.take(count / batch)
	s, err := measured(count/batch, func(i int) error {
		return expect(ctx, pool, azr.Execution{Program: program(first + i), Inputs: inputs, Trusted: true}, first+i)
	})
	s.Count *= batch
	for i := range s.Each {
		s.Each[i] /= batch
	}
	return s, err
}

// expect runs e, whose i-th input is i, and checks what comes of it.
func expect(ctx context.Context, pool azr.Executor, e azr.Execution, number int) error {
	results, err := pool.Run(ctx, e)
	if err != nil {
		return err
	}
	for i, r := range results {
		want := azr.Result{Status: azr.OK, Value: fmt.Sprintf("[%d, '%d']", number+i, number+i)}
		if r != want {
			return fmt.Errorf("program %d: got %v, want %v", number, r, want)
		}
	}
	return nil
}

// measured calls run count times and adds up the CPU time of this process and its workers.
func measured(count int, run func(i int) error) (sample, error) {
	s := sample{Count: count}
	used, start := processorTime(), time.Now()
	for i := range count {
		begun := time.Now()
		if err := run(i); err != nil {
			return s, err
		}
		s.Each = append(s.Each, time.Since(begun).Seconds())
	}
	s.Wall, s.CPU = time.Since(start).Seconds(), processorTime()-used
	return s, nil
}

// processorTime returns the seconds of CPU time that this process, its children
// and those that they have waited for have used.
func processorTime() float64 {
	var own unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &own)
	total := time.Duration(own.Utime.Nano() + own.Stime.Nano()).Seconds()
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		stat, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue // not a process, or one that has ended
		}
		// "pid (name) state ppid ...": fields 14 to 17 are times in hundredths of a second.
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if fields[1] != strconv.Itoa(os.Getpid()) {
			continue
		}
		for _, ticks := range fields[11:15] {
			n, _ := strconv.Atoi(ticks)
			total += float64(n) / 100
		}
	}
	return total
}

// plain runs count programs with floor.py.
func plain(ctx context.Context, python, how string, count int, all *programs) (sample, error) {
	c := exec.CommandContext(ctx, python, "-s", "-S", "-B", "-P", "-X", "utf8", "-c", floor, how, strconv.Itoa(count), strconv.Itoa(all.take(count)))
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return sample{}, fmt.Errorf("floor %s: %w", how, err)
	}
	s := sample{Count: count}
	return s, json.Unmarshal(out, &s)
}

// cold starts an interpreter for each of count programs.
func cold(ctx context.Context, python string, count int, all *programs) (sample, error) {
	first := all.take(count)
	var waited float64
	s, err := measured(count, func(i int) error {
		c := exec.CommandContext(ctx, python, "-c", program(first+i)+"print(repr(f(0)))")
		if err := c.Run(); err != nil {
			return err
		}
		waited += (c.ProcessState.UserTime() + c.ProcessState.SystemTime()).Seconds()
		return nil
	})
	s.CPU += waited
	return s, err
}

// beside runs programs while another one hangs until its limit, and returns what the others took.
func beside(ctx context.Context, pool azr.Executor, hang string, count int, all *programs) (sample, error) {
	hung, number := make(chan error, 1), all.take(1)
	go func() {
		_, err := pool.Run(ctx, azr.Execution{Program: hang, Inputs: []string{strconv.Itoa(number)}})
		hung <- err
	}()
	time.Sleep(50 * time.Millisecond) // the hanging one begins first
	s, err := single(ctx, pool, count, all)
	if err == nil {
		err = <-hung
	}
	return s, err
}
