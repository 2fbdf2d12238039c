package main

import (
	"fmt"
	"math"
	"os"
	"slices"
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
		Description: "The model is --model, or else the one that the last --config is a preset for.\n" +
			"stdout gets the parts and what each saving would bring, or with --json one document.",
		Flags: []cli.Flag{
			modelFlag(),
			configFlag(),
			&cli.StringFlag{Name: "memory", Usage: "fit into `SIZE`, for example 80GB; without it, into what the run's device has free"},
			&cli.IntFlag{Name: "ranks", Value: 1, Usage: "of a run on `N` devices, tell what the one with most needs"},
			&cli.BoolFlag{Name: "json", Usage: "print one JSON document, in bytes"},
			setFlag(),
		},
		Action: func(c *cli.Context) error {
			if err := flagsOnly(c); err != nil {
				return err
			}
			config := defaultConfig()
			layers, err := layOver(&config, c.StringSlice("config"), c.StringSlice("set")) // --memory is not the executor's
			if err != nil {
				return err
			}
			if err := config.chooseDType(layers); err != nil {
				return err
			}
			if err := config.validate(); err != nil {
				return err
			}
			m, err := fittedModel(c.Path("model"), c.StringSlice("config"))
			if err != nil {
				return err
			}
			budget, err := memoryBudget(c.String("memory"), config)
			if err != nil {
				return err
			}
			if c.Int("ranks") < 1 {
				return usage(c, "--ranks is too small; got %d, want at least 1", c.Int("ranks"))
			}
			f := newFit(m, config, c.Int("ranks"), budget)
			if c.Bool("json") {
				return printJSON(f)
			}
			return f.print(os.Stdout)
		},
	}
}

// fittedModel is the config of a model folder, or of a preset's model as it was published.
func fittedModel(name string, presets []string) (model.Config, error) {
	if name != "" {
		dir, err := model.Find(name)
		if err != nil {
			return model.Config{}, err
		}
		return model.ReadConfig(dir)
	}
	for _, preset := range slices.Backward(presets) {
		if text, ok := configs.Model(preset); ok {
			return model.ParseConfig(text)
		}
	}
	return model.Config{}, fmt.Errorf("fit: --model is missing; got --config %q, want a model's folder or one of the presets for one model: %s", presets, strings.Join(configs.Models(), ", "))
}

// budget is the memory that a run has to fit into.
type budget struct {
	Bytes int64  `json:"bytes"`
	Of    string `json:"of"`
	host  bool   // shared with the executor's programs
}

// memoryBudget is the size that was asked for, or what the device has free, of which the configuration may allow less.
func memoryBudget(size string, config Config) (budget, error) {
	if size != "" {
		n, err := parseMemory(size)
		return budget{Bytes: n, Of: "--memory"}, err
	}
	d, err := torch.ParseDevice(config.Device)
	if err != nil {
		return budget{}, err
	}
	if d == torch.CPU {
		free := int64(executor.AvailableMemory())
		if most := int64(config.Memory); 0 < most && most < free {
			return budget{Bytes: most, Of: fmt.Sprintf("memory=%s", config.Memory), host: true}, nil
		}
		return budget{Bytes: free, Of: "what this machine has free", host: true}, nil
	}
	free, _, err := torch.DeviceMemory(d)
	if err != nil {
		return budget{}, fmt.Errorf("fit: the memory of %s is not known: %w; hint: --memory 80GB", d, err)
	}
	return budget{Bytes: free, Of: "what " + d.String() + " has free"}, nil
}

// parseMemory reads an amount in GB, as cards are sold (10^9 bytes), in TB, or in the executor's units.
func parseMemory(text string) (int64, error) {
	var n executor.Bytes
	if err := n.UnmarshalText([]byte(text)); err == nil && n > 0 {
		return int64(n), nil
	}
	for unit, size := range map[string]float64{"GB": 1e9, "TB": 1e12} {
		number, ok := strings.CutSuffix(text, unit)
		if n, err := strconv.ParseFloat(number, 64); ok && err == nil && n > 0 && n*size < 1e18 {
			return int64(math.Round(n * size)), nil
		}
	}
	return 0, fmt.Errorf("fit: --memory is no amount of memory; got %q, want for example 80GB (10^9 bytes) or 80GiB", text)
}
