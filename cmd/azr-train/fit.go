package main

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/azr-train/azr/configs"
	"github.com/azr-train/azr/executor"
	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/torch"
)

func fitCommand() *cli.Command {
	return &cli.Command{
		Name:  "fit",
		Usage: "tell how much memory a run of a model needs, and what would make it fit",
		Flags: []cli.Flag{
			modelFlag(),
			&cli.StringFlag{Name: "config", Usage: "`PRESET|FILE` of settings over the defaults; without --model, the preset's model"},
			&cli.StringFlag{Name: "memory", Usage: "fit into `SIZE`, for example 80GB; without it, into what the run's device has free"},
			&cli.BoolFlag{Name: "json", Usage: "print one JSON document, in bytes"},
			setFlag(),
		},
		Action: func(c *cli.Context) error {
			if err := flagsOnly(c); err != nil {
				return err
			}
			config := defaultConfig()
			if err := loadConfig(&config, c.String("config"), c.StringSlice("set")); err != nil {
				return err
			}
			if err := config.validate(); err != nil {
				return err
			}
			m, err := fittedModel(c.Path("model"), c.String("config"))
			if err != nil {
				return err
			}
			budget, err := memoryBudget(c.String("memory"), config.Device)
			if err != nil {
				return err
			}
			f := newFit(m, config, budget)
			if c.Bool("json") {
				return printJSON(f)
			}
			return f.print(os.Stdout)
		},
	}
}

// fittedModel is the config of a model folder, or of a preset's model as it was published.
func fittedModel(dir, preset string) (model.Config, error) {
	if dir != "" {
		return model.ReadConfig(dir)
	}
	if text, ok := configs.Model(preset); ok {
		return model.ParseConfig(text)
	}
	return model.Config{}, fmt.Errorf("fit: --model is missing; got --config %q, want a model's folder or one of the presets for one model: %s", preset, strings.Join(configs.Models(), ", "))
}

// budget is the memory that a run has to fit into.
type budget struct {
	Bytes int64  `json:"bytes"`
	Of    string `json:"of"`
	host  bool   // shared with the executor's programs
}

// memoryBudget is the size that was asked for, or what the device has free.
func memoryBudget(size, device string) (budget, error) {
	if size != "" {
		n, err := parseMemory(size)
		return budget{Bytes: n, Of: "--memory"}, err
	}
	d, err := torch.ParseDevice(device)
	if err != nil {
		return budget{}, err
	}
	if d == torch.CPU {
		return budget{Bytes: int64(executor.AvailableMemory()), Of: "what this machine has free", host: true}, nil
	}
	free, _, err := torch.DeviceMemory(d)
	if err != nil {
		return budget{}, fmt.Errorf("fit: the memory of %s is not known: %w; hint: --memory 80GB", d, err)
	}
	return budget{Bytes: free, Of: "what " + d.String() + " has free"}, nil
}

// parseMemory reads an amount in GB, as cards are sold (10^9 bytes), or in the executor's units.
func parseMemory(text string) (int64, error) {
	if number, ok := strings.CutSuffix(text, "GB"); ok {
		if n, err := strconv.ParseFloat(number, 64); err == nil && n > 0 && n < 1e9 {
			return int64(math.Round(n * 1e9)), nil
		}
	} else {
		var n executor.Bytes
		if err := n.UnmarshalText([]byte(text)); err == nil && n > 0 {
			return int64(n), nil
		}
	}
	return 0, fmt.Errorf("fit: --memory is no amount of memory; got %q, want for example 80GB (10^9 bytes) or 80GiB", text)
}
