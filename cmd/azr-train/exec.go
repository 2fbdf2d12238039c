package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/executor"
)

func execCommand() *cli.Command {
	return &cli.Command{
		Name:  "exec",
		Usage: `run {"program":…,"input":…} lines from stdin in the sandbox`,
		Flags: []cli.Flag{setFlag()},
		Action: func(c *cli.Context) error {
			if err := flagsOnly(c); err != nil {
				return err
			}
			config := defaultConfig()
			if err := loadConfig(&config, "", c.StringSlice("set")); err != nil {
				return err
			}
			if err := config.Executor.Validate(); err != nil {
				return err
			}
			pool, err := executor.Open(c.Context, config.Executor)
			if err != nil {
				return err
			}
			defer pool.Close()
			return execute(c.Context, pool, config.Executor.Slots, os.Stdin, os.Stdout)
		},
	}
}

// job is one line of input on its way: its answer comes when it was run.
type job struct {
	line    int
	err     error
	answers chan execAnswer
}

type execAnswer struct {
	result azr.Result
	err    error
}

// execute runs the lines of in on all slots at once and answers in order.
func execute(ctx context.Context, e azr.Executor, slots int, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	jobs := make(chan job, 2*slots)
	go func() {
		defer close(jobs)
		readJobs(ctx, e, in, jobs)
	}()
	w := json.NewEncoder(out)
	w.SetEscapeHTML(false)
	for j := range jobs {
		if j.err != nil {
			return fmt.Errorf("stdin line %d: %w", j.line, j.err)
		}
		a := <-j.answers
		if a.err != nil {
			return a.err
		}
		if err := w.Encode(struct {
			Status azr.Status `json:"status"`
			Value  string     `json:"value"`
			Error  string     `json:"error"`
		}{a.result.Status, a.result.Value, a.result.Error}); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// readJobs starts a job for each line; at most cap(jobs) run or wait to be read.
func readJobs(ctx context.Context, e azr.Executor, in io.Reader, jobs chan<- job) {
	lines := newLines(in)
	line := 0
	for lines.Scan() {
		line++
		var task struct {
			Program *string `json:"program"`
			Input   *string `json:"input"`
		}
		err := decode(lines.Bytes(), &task)
		if err == nil && (task.Program == nil || task.Input == nil) {
			err = fmt.Errorf(`want both "program" and "input"`)
		}
		j := job{line: line, err: err, answers: make(chan execAnswer, 1)}
		if err == nil {
			go func() {
				results, err := e.Run(ctx, azr.Execution{Program: *task.Program, Inputs: []string{*task.Input}})
				if err != nil {
					j.answers <- execAnswer{err: err}
					return
				}
				j.answers <- execAnswer{result: results[0]}
			}()
		}
		select {
		case jobs <- j:
		case <-ctx.Done():
			return
		}
	}
	if err := lines.Err(); err != nil {
		jobs <- job{line: line + 1, err: err}
	}
}
