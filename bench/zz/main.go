package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime/pprof"
	"time"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/executor"
	"golang.org/x/sys/unix"
)

func cpu() (time.Duration, int64, int64) {
	var u unix.Rusage
	unix.Getrusage(0, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), u.Nvcsw, u.Minflt
}
func main() {
	c := executor.DefaultConfig()
	c.Slots = 1; c.Require, c.AtMost = executor.Full, executor.Full
	p, err := executor.Open(context.Background(), c)
	if err != nil {
		panic(err)
	}
	run := func(n, base int) {
		for i := range n {
			k := base + i
			_, err := p.Run(context.Background(), azr.Execution{Program: fmt.Sprintf("def f(x):\n    return [x + %d, str(x + %d)]\n", k, k), Inputs: []string{"0"}})
			if err != nil {
				panic(err)
			}
		}
	}
	time.Sleep(2 * time.Second)
	run(100, 0)
	const n = 3000
	f, _ := os.Create("/tmp/sbp/cpu.prof")
	pprof.StartCPUProfile(f)
	s0 := p.Stats()
	a, v, m := cpu()
	t := time.Now()
	run(n, 1000)
	w := time.Since(t)
	b, v2, m2 := cpu()
	pprof.StopCPUProfile()
	s1 := p.Stats()
	fmt.Printf("wall %v go %v vcsw %.1f faults %.1f child %v\n", w/n, (b-a)/n, float64(v2-v)/n, float64(m2-m)/n, (s1.CPU-s0.CPU)/n)
	fmt.Println(zyg())
	p.Close()
}
func zyg() string {
	out, _ := exec.Command("sh", "-c", fmt.Sprintf("for p in $(pgrep -P %d); do cut -d' ' -f14-17 /proc/$p/stat | head -c 100; grep -h ctxt /proc/$p/status | tr '\n' ' '; done; awk '/-c/{}' /dev/null; for p in $(pgrep -P %d); do tail -n1 /proc/$p/stat | awk '{print $(NF-38), $(NF-37), $(NF-36), $(NF-35)}'; done", os.Getpid(), os.Getpid())).CombinedOutput()
	return string(out)
}
