package main

import (
	"context"
	"encoding/json"
	"os"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/eval"
	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/monitor"
	"github.com/azr-train/azr/rollout"
)

func evalCommand() *cli.Command {
	return &cli.Command{
		Name:  "eval",
		Usage: "score a model on a file of tasks, without training",
		Description: "stdout gets a table, or with --json the report with every answer; stderr shows progress.\n" +
			"A line of the file: {\"type\":\"deduction\",\"program\":\"…\",\"examples\":[{\"input\":\"…\",\"output\":\"…\"}]}.",
		Flags: []cli.Flag{
			modelFlag(),
			&cli.PathFlag{Name: "tasks", Usage: "`FILE` of tasks, a JSON line each"},
			configFlag(),
			&cli.Float64Flag{Name: "temperature", Usage: "`T` of sampling; 0 takes the likeliest tokens"},
			&cli.IntFlag{Name: "rollouts", Value: 1, Usage: "`N` answers to each task"},
			&cli.IntFlag{Name: "max-tokens", Value: 256, Usage: "cut answers off after `N` tokens"},
			&cli.Uint64Flag{Name: "seed", Usage: "`S` of the draws"},
			deviceFlag(),
			&cli.BoolFlag{Name: "json", Usage: "print the report as JSON, with every answer"},
			setFlag(),
		},
		Action: func(c *cli.Context) error {
			if err := flagsOnly(c, "model", "tasks"); err != nil {
				return err
			}
			config, _, err := layConfig(c)
			if err != nil {
				return err
			}
			settings := eval.DefaultConfig()
			settings.Rollouts = c.Int("rollouts")
			settings.Sampling = azr.Sampling{Temperature: c.Float64("temperature"), TopP: 1, MaxTokens: c.Int("max-tokens")}
			return evaluate(c, config, settings)
		},
	}
}

func evaluate(c *cli.Context, config Config, settings eval.Config) error {
	e, err := openEvaluator(c.Context, config, c.Path("tasks"))
	if err != nil {
		return err
	}
	defer e.close()
	report, err := e.run(c.Context, settings)
	if err != nil {
		return err
	}
	e.display.Close()
	if c.Bool("json") {
		return json.NewEncoder(os.Stdout).Encode(report)
	}
	_, err = report.WriteTo(os.Stdout)
	return err
}

// evaluator is a model and what it takes to have tasks answered and judged.
type evaluator struct {
	tasks   []azr.Task
	env     azr.Environment
	engine  *rollout.Engine
	display monitor.Display
	closers []func()
}

func openEvaluator(ctx context.Context, config Config, tasksFile string) (e *evaluator, err error) {
	e = &evaluator{}
	defer func() {
		if err != nil {
			e.close()
		}
	}()
	if e.tasks, err = eval.Tasks(tasksFile); err != nil {
		return e, err
	}
	if config.Model, err = model.Find(config.Model); err != nil {
		return e, err
	}
	m, t, err := openModel(config.Model, config.DType, config.Device, config.Threads)
	if err != nil {
		return e, err
	}
	e.closers = append(e.closers, m.Free, func() { t.Close() })
	env, pool, err := openEnvironment(ctx, config)
	if err != nil {
		return e, err
	}
	if e.env = env; pool != nil {
		e.closers = append(e.closers, func() { pool.Close() })
	}
	if err := recognize(env, tasksFile, e.tasks); err != nil {
		return e, err
	}
	if e.engine, err = rollout.New(config.Rollout, config.Seed, m, t); err != nil {
		return e, err
	}
	e.closers = append(e.closers, e.engine.Close)
	e.display, _ = newDisplay(false)
	e.closers = append(e.closers, e.display.Close)
	return e, nil
}

func (e *evaluator) run(ctx context.Context, settings eval.Config) (eval.Report, error) {
	e.display.Begin("eval")
	return eval.Run(ctx, e.engine, e.env, e.tasks, settings, e.display)
}

// close closes what is open, the newest first.
func (e *evaluator) close() {
	for _, closeOne := range slices.Backward(e.closers) {
		closeOne()
	}
}
