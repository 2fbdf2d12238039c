package main

import (
	"encoding/json"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/eval"
	"github.com/azr-train/azr/executor"
	"github.com/azr-train/azr/rollout"
	"github.com/azr-train/azr/selfplay/python"
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
			&cli.StringFlag{Name: "config", Usage: "`PRESET|FILE` for the prompts' style, the executor and the rollouts"},
			&cli.Float64Flag{Name: "temperature", Usage: "`T` of sampling; 0 takes the likeliest tokens"},
			&cli.IntFlag{Name: "rollouts", Value: 1, Usage: "`N` answers to each task"},
			&cli.IntFlag{Name: "max-tokens", Value: 256, Usage: "cut answers off after `N` tokens"},
			&cli.Uint64Flag{Name: "seed", Usage: "`S` of the draws"},
			&cli.BoolFlag{Name: "json", Usage: "print the report as JSON, with every answer"},
			setFlag(),
		},
		Action: func(c *cli.Context) error {
			if err := flagsOnly(c, "model", "tasks"); err != nil {
				return err
			}
			config := defaultConfig()
			if err := loadConfig(&config, c.String("config"), c.StringSlice("set")); err != nil {
				return err
			}
			if err := config.validate(); err != nil {
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
	tasks, err := eval.Tasks(c.Path("tasks"))
	if err != nil {
		return err
	}
	m, t, err := openModel(c.Path("model"), config.Device, config.Threads)
	if err != nil {
		return err
	}
	defer t.Close()
	defer m.Free()
	pool, err := executor.Open(c.Context, config.Executor)
	if err != nil {
		return err
	}
	defer pool.Close()
	env, err := python.New(config.Environment, pool)
	if err != nil {
		return err
	}
	engine, err := rollout.New(config.Rollout, c.Uint64("seed"), m, t)
	if err != nil {
		return err
	}
	defer engine.Close()
	display, _ := newDisplay(false)
	defer display.Close()
	display.Begin("eval")
	report, err := eval.Run(c.Context, engine, env, tasks, settings, display)
	if err != nil {
		return err
	}
	display.Close()
	if c.Bool("json") {
		return json.NewEncoder(os.Stdout).Encode(report)
	}
	_, err = report.WriteTo(os.Stdout)
	return err
}
