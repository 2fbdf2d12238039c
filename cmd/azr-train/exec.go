package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/rs/zerolog"
	"github.com/urfave/cli/v2"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/executor"
	"github.com/azr-train/azr/monitor"
)

func execCommand() *cli.Command {
	return &cli.Command{
		Name:  "exec",
		Usage: "run programs or scripts from stdin in the sandbox",
		Description: "stdin has a JSON object a line: {\"program\":\"def f(x): …\",\"input\":\"1\"}. stdout gets\n" +
			"{\"status\":…,\"value\":…,\"error\":…} for each, in order. All cores work at once.\n" +
			"With --script a line is {\"program\":\"…\"} or {\"files\":{\"main.py\":\"…\"}}, with \"stdin\" or with \"test\"\n" +
			"and \"entry\", and its answer has status, exit_code, stdout and stderr.",
		Flags: []cli.Flag{
			scriptFlag(),
			&cli.StringFlag{Name: "require", Usage: "refuse to run below `LEVEL`: full, lite, minimal or none", DefaultText: "lite"},
			&cli.StringFlag{Name: "timeout", Usage: "`LIMIT` of each program's time, for example 2s", DefaultText: executor.DefaultConfig().Timeout.String()},
			&cli.StringFlag{Name: "memory", Usage: "`LIMIT` of each program's memory, for example 512MiB", DefaultText: executor.DefaultConfig().Memory.String()},
			setFlag(),
		},
		Action: func(c *cli.Context) error {
			if err := flagsOnly(c); err != nil {
				return err
			}
			config, _, err := layConfig(c)
			if err != nil {
				return err
			}
			pool, err := executor.Open(c.Context, config.Executor)
			if err != nil {
				return err
			}
			defer pool.Close()
			read := functionJob(pool)
			if c.Bool("script") {
				read = scriptJob(pool)
			}
			log := newLog(os.Stderr, monitor.Interactive(os.Stderr))
			err = execute(c.Context, announced(read, log, pool), pool.Slots(), os.Stdin, os.Stdout)
			alarm(log, pool.Stats(), config.Executor.SampleFile)
			return err
		},
	}
}

// announced logs how well programs are confined when the first line could be read.
func announced(read func([]byte) (work, error), log zerolog.Logger, pool *executor.Pool) func([]byte) (work, error) {
	announce := sync.OnceFunc(func() {
		python, _ := pool.Python()
		log.Info().Stringer("executor", pool.Level()).Str("python", python).Int("slots", pool.Slots()).Msg("ready")
	})
	return func(line []byte) (work, error) {
		run, err := read(line)
		if err == nil {
			announce()
		}
		return run, err
	}
}

// work runs what a line asks for and returns what to answer, as an object for JSON.
type work func(ctx context.Context) (any, error)

// job is one line of input on its way: its answer comes when it was run.
type job struct {
	line    int
	err     error
	answers chan execAnswer
}

type execAnswer struct {
	object any
	err    error
}

// execute runs the lines of in, as read understands them, on all slots at once and answers in order.
func execute(ctx context.Context, read func(line []byte) (work, error), slots int, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	jobs := make(chan job, 2*slots)
	go func() {
		defer close(jobs)
		readJobs(ctx, read, in, jobs)
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
		if err := w.Encode(a.object); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// readJobs starts a job for each line; at most cap(jobs) run or wait to be read.
func readJobs(ctx context.Context, read func(line []byte) (work, error), in io.Reader, jobs chan<- job) {
	lines := newLines(in)
	line := 0
	for lines.Scan() {
		line++
		run, err := read(lines.Bytes())
		j := job{line: line, err: err, answers: make(chan execAnswer, 1)}
		if err == nil {
			go func() {
				object, err := run(ctx)
				j.answers <- execAnswer{object, err}
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

// functionJob reads a program and an input for its f.
func functionJob(e azr.Executor) func(line []byte) (work, error) {
	return func(line []byte) (work, error) {
		var task struct {
			Program *string `json:"program"`
			Input   *string `json:"input"`
		}
		if err := decodeKnown(line, &task); err != nil {
			return nil, err
		}
		if task.Program == nil || task.Input == nil {
			return nil, fmt.Errorf(`want both "program" and "input"`)
		}
		return func(ctx context.Context) (any, error) {
			results, err := e.Run(ctx, azr.Execution{Program: *task.Program, Inputs: []string{*task.Input}})
			if err != nil {
				return nil, err
			}
			return struct {
				Status azr.Status `json:"status"`
				Value  string     `json:"value"`
				Error  string     `json:"error"`
			}{results[0].Status, results[0].Value, results[0].Error}, nil
		}, nil
	}
}
