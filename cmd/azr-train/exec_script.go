package main

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/azr-train/azr/executor"
)

func scriptFlag() cli.Flag {
	return &cli.BoolFlag{Name: "script", Usage: "the lines are scripts, see above"}
}

// scriptJob reads a script. Its answer has status, exit_code, stdout and stderr.
func scriptJob(p *executor.Pool) func(line []byte) (work, error) {
	return func(line []byte) (work, error) {
		var s executor.Script
		if err := decodeKnown(line, &s); err != nil {
			return nil, err
		}
		return func(ctx context.Context) (any, error) { return p.RunScript(ctx, s) }, nil
	}
}
