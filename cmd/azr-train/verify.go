package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/azr-train/azr/store"
	"github.com/azr-train/azr/trainer/checkpoint"
)

// errDiffers ends a verification that found something; the exit code is 1.
var errDiffers = errors.New("does not hold")

func verifyCommand() *cli.Command {
	return &cli.Command{
		Name:  "verify",
		Usage: "check a run's rewards, advantages and verdicts, or that two runs are the same",
		Description: "Computes every reward, solve rate and advantage of a run anew from its rows, and runs a\n" +
			"sample of its verdicts again. With --same it compares two runs bit by bit in what the seed\n" +
			"determines: metrics, tasks, completions, and the newest checkpoint's weights, optimiser and\n" +
			"state. stdout gets a line for each kind of number, and what differs; exit code 1 if anything does.",
		ArgsUsage: "RUN | --same A B",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "same", Usage: "compare two runs"},
			&cli.IntFlag{Name: "verdicts", Value: 100, Usage: "run `N` verdicts again, spread over the run; 0 none"},
		},
		Action: func(c *cli.Context) error {
			if c.Bool("same") {
				if c.NArg() != 2 {
					return usage(c, "--same wants two run folders; got %d arguments", c.NArg())
				}
				return verifySame(c.Args().Get(0), c.Args().Get(1))
			}
			dir, err := oneArgument(c, "the run's folder")
			if err != nil {
				return err
			}
			if c.Int("verdicts") < 0 {
				return usage(c, "--verdicts is negative; got %d, want 0 or more", c.Int("verdicts"))
			}
			return verifyRun(c.Context, dir, c.Int("verdicts"))
		},
	}
}

// verifySame prints what two runs have alike, up to the first difference.
func verifySame(a, b string) error {
	for _, dir := range []string{a, b} {
		if _, err := os.Stat(filepath.Join(dir, configFile)); err != nil {
			return fmt.Errorf("verify: not a run folder; got %s: %w", dir, err)
		}
	}
	for _, part := range []struct {
		name    string
		differs func(a, b string) (string, error)
	}{{"metrics.jsonl", metricsDiffer}, {"tasks and completions", storesDiffer}, {"newest checkpoint", checkpointsDiffer}} {
		difference, err := part.differs(a, b)
		if err != nil {
			return err
		}
		if difference != "" {
			return fmt.Errorf("verify: the same seed's run %w; %s and %s differ in the %s: %s", errDiffers, a, b, part.name, difference)
		}
		fmt.Printf("%-22s the same\n", part.name)
	}
	return nil
}

func metricsDiffer(a, b string) (string, error) {
	mine, err := os.ReadFile(filepath.Join(a, "metrics.jsonl"))
	if err != nil {
		return "", err
	}
	theirs, err := os.ReadFile(filepath.Join(b, "metrics.jsonl"))
	if err != nil {
		return "", err
	}
	x, y := bytes.SplitAfter(mine, []byte("\n")), bytes.SplitAfter(theirs, []byte("\n"))
	for i := range min(len(x), len(y)) {
		if !bytes.Equal(x[i], y[i]) {
			return fmt.Sprintf("line %d of %d and %d", i+1, len(x)-1, len(y)-1), nil
		}
	}
	return "", nil // the last part of a whole file is empty, so that a shorter one has differed
}

func storesDiffer(a, b string) (string, error) {
	mine, err := store.View(filepath.Join(a, storeFile))
	if err != nil {
		return "", err
	}
	defer mine.Close()
	theirs, err := store.View(filepath.Join(b, storeFile))
	if err != nil {
		return "", err
	}
	defer theirs.Close()
	return mine.Differs(theirs)
}

func checkpointsDiffer(a, b string) (string, error) {
	mine, _, err := checkpoint.Latest(a)
	if err != nil {
		return "", err
	}
	theirs, _, err := checkpoint.Latest(b)
	if err != nil {
		return "", err
	}
	return mine.Differs(theirs, metricsKey) // the lengths of files, that of the measured numbers among them
}
