package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"github.com/azr-train/azr/executor"
	"github.com/azr-train/azr/torch"
)

func doctorCommand() *cli.Command {
	return &cli.Command{
		Name:        "doctor",
		Usage:       "tell what this machine has and what is missing",
		Description: "stdout gets a line a finding. Exit code 2 means that azr-train cannot run here.",
		Action: func(c *cli.Context) error {
			if err := flagsOnly(c); err != nil {
				return err
			}
			return doctor(c.Context, os.Stdout)
		},
	}
}

// doctor prints a line a finding. It is an error if azr-train could not run here.
func doctor(ctx context.Context, w io.Writer) error {
	line := func(what, format string, args ...any) {
		fmt.Fprintf(w, "%-10s %s\n", what, fmt.Sprintf(format, args...))
	}
	line("azr-train", "%s, %s", build(), runtime.Version())
	t := torch.Describe()
	line("libtorch", "%s, CPU kernels %s, %d threads", t.Version, t.CPU, t.Threads)
	switch {
	case t.CUDADevices > 0:
		line("cuda", "%d devices", t.CUDADevices)
	case t.CUDAError != "":
		line("cuda", "this libtorch's CUDA library cannot be opened: %s; everything runs on the CPU", t.CUDAError)
	default:
		line("cuda", "no device that this libtorch can use: everything runs on the CPU")
	}
	bf16 := "slow here"
	if t.FastBF16 {
		bf16 = "supported by this CPU"
	}
	line("bf16", "%s; the CPU computes in f32", bf16)
	line("cores", "%d", runtime.NumCPU())
	line("memory", "%s", memory())
	line("disk", "%s", freeDisk("."))
	if os.Getenv("OMP_WAIT_POLICY") != "passive" {
		line("threads", "OMP_WAIT_POLICY is %q: waiting threads spin, which is slow on shared cores; hint: unset it", os.Getenv("OMP_WAIT_POLICY"))
	}
	pool, err := executor.Open(ctx, executor.DefaultConfig())
	if err != nil {
		line("executor", "not usable")
		return err
	}
	defer pool.Close()
	python, file := pool.Python()
	line("executor", "level %s, %d programs of %s at once", pool.Level(), pool.Slots(), executor.DefaultConfig().Memory)
	line("python", "%s, %s", python, file)
	return nil
}

func memory() string {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return "unknown: " + err.Error()
	}
	found := map[string]float64{}
	for line := range strings.Lines(string(text)) {
		var name string
		var kib float64
		if n, _ := fmt.Sscan(strings.Replace(line, ":", " ", 1), &name, &kib); n == 2 {
			found[name] = kib
		}
	}
	return fmt.Sprintf("%.1f GiB, %.1f GiB of it available", found["MemTotal"]/(1<<20), found["MemAvailable"]/(1<<20))
}

func freeDisk(dir string) string {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return "unknown: " + err.Error()
	}
	return fmt.Sprintf("%.1f GiB free in this folder's file system", float64(fs.Bavail)*float64(fs.Bsize)/(1<<30))
}
