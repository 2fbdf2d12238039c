package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"github.com/azr-train/azr/executor"
	"github.com/azr-train/azr/monitor"
	"github.com/azr-train/azr/torch"
)

func doctorCommand() *cli.Command {
	return &cli.Command{
		Name:  "doctor",
		Usage: "tell what this machine has, and what each missing thing costs",
		Description: "stdout gets a line a finding, and what is lost by what is missing, or with --json one document.\n" +
			"Exit code 2 means that azr-train cannot run here.",
		Flags: append([]cli.Flag{
			configFlag(),
			&cli.BoolFlag{Name: "json", Usage: "print one JSON document"},
			setFlag(),
		}, rankFlags()...),
		Action: func(c *cli.Context) error {
			if err := flagsOnly(c); err != nil {
				return err
			}
			if err := validateRankFlags(c); err != nil {
				return err
			}
			config, _, err := layConfig(c)
			if err != nil {
				return err
			}
			findings, failed := examine(c, config)
			if c.Bool("json") {
				return errors.Join(printJSON(struct {
					Usable   bool      `json:"usable"`
					Findings []finding `json:"findings"`
				}{failed == nil, findings}), failed)
			}
			w := bufio.NewWriter(os.Stdout)
			for _, f := range findings {
				f.print(w)
			}
			return errors.Join(w.Flush(), failed)
		},
	}
}

// finding is one thing that the doctor looked for.
type finding struct {
	What  string `json:"what"`
	Found string `json:"found"`
	// Costs is what is lost by what is missing, and Hint what would bring it; empty if nothing is.
	Costs string `json:"costs,omitempty"`
	Hint  string `json:"hint,omitempty"`
}

func (f finding) print(w io.Writer) {
	fmt.Fprintf(w, "%-10s %s\n", f.What, monitor.Printable(f.Found, 0))
	for _, line := range []struct{ what, text string }{{"costs", f.Costs}, {"hint", f.Hint}} {
		if line.text != "" {
			fmt.Fprintf(w, "%10s %s: %s\n", "", line.what, monitor.Printable(line.text, 0))
		}
	}
}

// examine looks at everything. The error says why azr-train cannot play here.
func examine(c *cli.Context, config Config) ([]finding, error) {
	t := torch.Describe()
	findings := []finding{
		{What: "azr-train", Found: build().String() + ", " + runtime.Version()},
		libtorchFinding(t), cudaFinding(t.CUDA, ofDevice), bf16Finding(t), coresFinding(runtime.NumCPU()),
		memoryFinding(int64(executor.AvailableMemory())), diskFinding(freeDisk(".")),
		ranksFinding(c.String("dist-interface")), ncclFinding(t.CUDA, c.Duration("dist-timeout"), ncclOptions(c)),
	}
	if policy := os.Getenv("OMP_WAIT_POLICY"); policy != "passive" {
		findings = append(findings, finding{
			What: "threads", Found: fmt.Sprintf("OMP_WAIT_POLICY is %q", policy),
			Costs: "waiting threads spin, which is slow on shared cores", Hint: "unset it",
		})
	}
	_, noDevice := torch.ParseDevice(config.Device)
	python, failed := pythonFinding(config.Executor.Python)
	findings = append(findings, python)
	if failed != nil {
		return append(findings, executorMissing), failed
	}
	executor, failed := openExecutor(c.Context, config.Executor)
	if failed == nil {
		failed = noDevice
	}
	return append(findings, executor), failed
}

// freeDisk is what is free in a folder's file system, in bytes; -1 if that is not known.
func freeDisk(dir string) int64 {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return -1
	}
	return int64(fs.Bavail) * int64(fs.Bsize)
}
