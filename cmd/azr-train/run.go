package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/azr-train/azr/monitor"
	"github.com/azr-train/azr/trainer/checkpoint"
)

func runCommand() *cli.Command {
	return &cli.Command{
		Name:  "run",
		Usage: "play and learn, in a new run folder",
		Flags: []cli.Flag{
			modelFlag(),
			&cli.StringFlag{Name: "config", Usage: "`PRESET|FILE` of settings over the defaults"},
			&cli.PathFlag{Name: "run", Usage: "`DIR` of the run, made new"},
			&cli.IntFlag{Name: "steps", Usage: "play `N` steps"},
			&cli.Uint64Flag{Name: "seed", Usage: "`S` of every random draw"},
			deviceOverride(),
			setFlag(),
		},
		Action: func(c *cli.Context) error {
			if err := flagsOnly(c, "model", "run"); err != nil {
				return err
			}
			config, err := configFromFlags(c)
			if err != nil {
				return err
			}
			return startRun(c.Context, config, c.Path("run"))
		},
	}
}

func configFromFlags(c *cli.Context) (config Config, err error) {
	config = defaultConfig()
	if err := loadConfig(&config, c.String("config"), c.StringSlice("set")); err != nil {
		return config, err
	}
	if c.IsSet("steps") {
		config.Steps = c.Int("steps")
	}
	if c.IsSet("seed") {
		config.Seed = c.Uint64("seed")
	}
	if c.IsSet("device") {
		config.Device = c.String("device")
	}
	if config.Model, err = filepath.Abs(c.Path("model")); err != nil {
		return config, err
	}
	return config, config.validate()
}

// startRun makes the run's folder and plays all its steps. What fails before the first step leaves no folder.
func startRun(ctx context.Context, config Config, dir string) error {
	display, log := newDisplay()
	defer display.Close()
	folder, err := newRunFolder(dir, config)
	if err != nil {
		return err
	}
	r, err := openRun(ctx, folder, config, config.Model, false, display, log)
	if err != nil {
		folder.discard()
		return err
	}
	defer r.close()
	if err := r.seed(ctx); err != nil {
		return err
	}
	return r.play(ctx, 1, config.Steps)
}

func resumeCommand() *cli.Command {
	return &cli.Command{
		Name:      "resume",
		Usage:     "continue a run from its last checkpoint",
		ArgsUsage: "RUN",
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "steps", Usage: "play `N` more steps (default: up to the run's number of steps)"},
			deviceOverride(),
		},
		Action: func(c *cli.Context) error {
			runDir, err := oneArgument(c, "the run's folder")
			if err != nil {
				return err
			}
			more := -1
			if c.IsSet("steps") {
				if more = c.Int("steps"); more < 0 {
					return fmt.Errorf("resume: --steps is negative; got %d, want 0 or more", more)
				}
			}
			return resumeRun(c.Context, runDir, more, c.String("device"))
		},
	}
}

// resumeRun rolls the run back to its last whole checkpoint and plays on: more steps, or with more < 0
// up to the configured number. A device takes the place of the configured one; "" leaves that.
func resumeRun(ctx context.Context, runDir string, more int, device string) error {
	display, log := newDisplay()
	defer display.Close()
	folder, config, err := openRunFolder(runDir)
	if err != nil {
		return err
	}
	defer folder.unlock()
	config.Device = cmp.Or(device, config.Device)
	modelDir := config.Model
	last, skipped, err := checkpoint.Latest(runDir)
	switch {
	case errors.Is(err, checkpoint.ErrNone) && len(skipped) == 0:
		log.Info().Msg("no checkpoint yet: the run starts again from its first step")
	case err != nil:
		return err
	default:
		modelDir = last.Dir
	}
	for _, reason := range skipped {
		log.Warn().Err(reason).Msg("checkpoint not used")
	}
	r, err := openRun(ctx, folder, config, modelDir, last != nil, display, log)
	if err != nil {
		return err
	}
	defer r.close()
	step, err := r.rollBack(last)
	if err != nil {
		return err
	}
	if step == 0 {
		if err := r.seed(ctx); err != nil {
			return err
		}
	}
	to := config.Steps
	if more >= 0 {
		to = step + more
	}
	return r.play(ctx, step+1, to)
}

func exportCommand() *cli.Command {
	return &cli.Command{
		Name:      "export",
		Usage:     "write a run's last checkpoint as a Hugging Face folder",
		ArgsUsage: "RUN",
		Flags:     []cli.Flag{&cli.PathFlag{Name: "out", Usage: "`DIR` to make"}},
		Action: func(c *cli.Context) error {
			runDir, err := oneArgument(c, "the run's folder", "out")
			if err != nil {
				return err
			}
			if _, err := os.Stat(filepath.Join(runDir, configFile)); err != nil {
				return fmt.Errorf("export: not a run folder; got %s: %w", runDir, err)
			}
			last, skipped, err := checkpoint.Latest(runDir)
			if err != nil {
				return err
			}
			for _, reason := range skipped {
				fmt.Fprintln(os.Stderr, "azr-train: not used: "+monitor.Printable(reason.Error(), 0))
			}
			if err := checkpoint.Export(last.Dir, c.Path("out")); err != nil {
				return err
			}
			_, err = fmt.Println(c.Path("out"))
			return err
		},
	}
}
