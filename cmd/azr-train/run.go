package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/azr-train/azr/configs"
	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/monitor"
	"github.com/azr-train/azr/torch"
	"github.com/azr-train/azr/torch/dist"
	"github.com/azr-train/azr/trainer/checkpoint"
)

func runCommand() *cli.Command {
	return &cli.Command{
		Name:  "run",
		Usage: "play and learn, in a new run folder",
		Description: "Makes the folder of the run and plays its steps; docs/run-folder.md says what is in it.\n" +
			"stdout gets the closing summary, or with --json an object a step and one of the summary;\n" +
			"stderr shows progress: bars and the last tasks on a terminal, elsewhere a line a step.\n" +
			"Ctrl-C, SIGTERM or the end of the terminal saves the last finished step and ends with code 130;\n" +
			"a run that makes no progress says where in stuck.txt and ends with 3; azr-train resume goes on.",
		Flags: append([]cli.Flag{
			&cli.PathFlag{Name: "run", Usage: "`DIR` of the run, made new"},
			&cli.StringSliceFlag{Name: "seeds", Usage: "start from the tasks in `FILE`, JSON lines of the paper's authors (may be repeated)"},
		}, slices.Concat(configFlags(), outputFlags(), rankFlags())...),
		Action: func(c *cli.Context) error {
			if err := flagsOnly(c, "run"); err != nil {
				return err
			}
			config, layers, err := layConfig(c)
			if err != nil {
				return err
			}
			if config.Model == "" {
				return missingFlag(c, "model")
			}
			if config.Model, err = model.Find(config.Model); err != nil {
				return err
			}
			if c.IsSet("seeds") {
				config.Environment.Seeds = c.StringSlice("seeds")
				if err := config.validateTogether(); err != nil {
					return err
				}
			}
			if err := config.findFiles(); err != nil {
				return err
			}
			return onRanks(c, func(group *dist.Group) error {
				return startRun(c.Context, config, layers.Origin, c.Path("run"), group, newOutput(c))
			})
		},
	}
}

// findFiles makes the names of files in the configuration absolute, which must exist: a resumed run may start elsewhere.
func (c *Config) findFiles() (err error) {
	type named struct {
		key  string
		file *string
	}
	var files []named
	for i := range c.Environment.Seeds {
		files = append(files, named{"environment.seeds", &c.Environment.Seeds[i]})
	}
	for i := range c.HeldOut.Refuse {
		files = append(files, named{"held_out.refuse", &c.HeldOut.Refuse[i]})
	}
	if c.HeldOut.Tasks != "" {
		files = append(files, named{"held_out.tasks", &c.HeldOut.Tasks})
	}
	for _, f := range files {
		if _, err := os.Stat(*f.file); err != nil {
			return fmt.Errorf("run: %s is not there: %w", f.key, err)
		}
		if *f.file, err = filepath.Abs(*f.file); err != nil {
			return err
		}
	}
	return nil
}

// startRun makes the run's folder and plays all its steps. What fails before the first step leaves no folder.
// Origin tells which layer a key's value came from.
func startRun(ctx context.Context, config Config, origin func(key string) string, dir string, group *dist.Group, out output) (err error) {
	defer out.display.Close()
	folder, err := newRunFolder(dir, configs.Dump(&config, origin))
	if err != nil {
		return err
	}
	r, err := openRun(ctx, folder, config, config.Model, false, group, out)
	if err != nil {
		folder.discard()
		return err
	}
	defer func() { r.close(err) }()
	if err := r.seed(ctx); err != nil {
		return err
	}
	return r.play(ctx, 1, config.Steps)
}

func resumeCommand() *cli.Command {
	return &cli.Command{
		Name:  "resume",
		Usage: "continue a run from its last checkpoint",
		Description: "Takes the run back to its last whole checkpoint and plays on with the configuration that it\n" +
			"began with. stdout and stderr are as in azr-train run.",
		ArgsUsage: "RUN",
		Flags: append([]cli.Flag{
			&cli.IntFlag{Name: "steps", Usage: "play `N` more steps", DefaultText: "up to the run's number of steps"},
			&cli.IntFlag{Name: "until", Usage: "play up to step `N`", DefaultText: "the run's number of steps"},
			deviceOverride(),
		}, slices.Concat(outputFlags(), rankFlags())...),
		Action: func(c *cli.Context) error {
			runDir, err := oneArgument(c, "the run's folder")
			if err != nil {
				return err
			}
			to, err := stepsWanted(c)
			if err != nil {
				return err
			}
			return onRanks(c, func(group *dist.Group) error {
				return resumeRun(c.Context, runDir, to, c.String("device"), group, newOutput(c))
			})
		},
	}
}

// stepsWanted is the last step to play, given the configured one and that which is done.
func stepsWanted(c *cli.Context) (func(configured, done int) int, error) {
	for _, flag := range []string{"steps", "until"} {
		if n := c.Int(flag); n < 0 {
			return nil, fmt.Errorf("resume: --%s is negative; got %d, want 0 or more", flag, n)
		}
	}
	switch steps, until := c.Int("steps"), c.Int("until"); {
	case c.IsSet("steps") && c.IsSet("until"):
		return nil, fmt.Errorf("resume: --steps and --until are both given; got %d and %d, want one of them", steps, until)
	case c.IsSet("steps"):
		return func(_, done int) int { return done + steps }, nil
	case c.IsSet("until"):
		return func(int, int) int { return until }, nil
	}
	return func(configured, _ int) int { return configured }, nil
}

// resumeRun rolls the run back to its last whole checkpoint and plays on, up to the step that is wanted. A device takes the
// place of the configured one; "" leaves that.
func resumeRun(ctx context.Context, runDir string, wanted func(configured, done int) int, device string, group *dist.Group, out output) (err error) {
	defer out.display.Close()
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
		out.log.Info().Msg("no checkpoint yet: the run starts again from its first step")
	case err != nil:
		return err
	default:
		modelDir = last.Dir
	}
	for _, reason := range skipped {
		out.log.Warn().Err(reason).Msg("checkpoint not used")
	}
	r, err := openRun(ctx, folder, config, modelDir, last != nil, group, out)
	if err != nil {
		return err
	}
	defer func() { r.close(err) }()
	if last != nil {
		r.tellChanges(last)
	}
	step, err := r.rollBack(ctx, last)
	if err != nil {
		return err
	}
	configured := config.Steps
	if r.spent() {
		configured = step
	}
	r.until = wanted(configured, step)
	if step == 0 {
		if err := r.seed(ctx); err != nil {
			return err
		}
	}
	return r.play(ctx, step+1, r.until)
}

func exportCommand() *cli.Command {
	return &cli.Command{
		Name:  "export",
		Usage: "write a run's last checkpoint as a Hugging Face folder",
		Description: "Copies the newest whole checkpoint without its optimiser, or with --best the one with the highest\n" +
			"accuracy on held-out tasks; transformers loads the folder.\n" +
			"Adapters of a run with lora.rank are merged into their model. stdout gets the folder's name.",
		ArgsUsage: "RUN",
		Flags: []cli.Flag{
			&cli.PathFlag{Name: "out", Usage: "`DIR` to make; must not exist"},
			&cli.BoolFlag{Name: "best", Usage: "take the step that was best on held-out tasks"},
			&cli.BoolFlag{Name: "adapters", Usage: "leave adapters by themselves, as a folder that PEFT loads"},
		},
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
			if c.Bool("best") {
				if last, err = bestOf(runDir, last); err != nil {
					return err
				}
			}
			if err := export(last.Dir, c.Path("out"), c.Bool("adapters")); err != nil {
				return err
			}
			_, err = fmt.Println(c.Path("out"))
			return err
		},
	}
}

// bestOf is the checkpoint of the best step that the newest knows of.
func bestOf(runDir string, newest *checkpoint.Checkpoint) (*checkpoint.Checkpoint, error) {
	var b best
	if _, err := newest.State.Get(bestKey, &b); err != nil {
		return nil, err
	}
	if b.Step == 0 {
		return nil, fmt.Errorf("export: no best step in %s; want a run that measures itself; hint: held_out.tasks", runDir)
	}
	return checkpoint.Load(checkpoint.Path(runDir, b.Step))
}

// export copies a checkpoint's model to the new folder out, or merges its adapters there unless they are wanted.
func export(dir, out string, adapters bool) error {
	base, err := model.Base(dir)
	if err != nil {
		return err
	}
	switch {
	case base == dir && adapters:
		return fmt.Errorf("export: no adapters in %s; want a run with lora.rank above 0", dir)
	case base == dir || adapters:
		return checkpoint.Export(dir, out)
	}
	companions, err := checkpoint.ReadCompanions(base)
	if err != nil {
		return err
	}
	m, err := model.Load(dir, torch.F32, torch.CPU)
	if err != nil {
		return err
	}
	defer m.Free()
	m.Merge()
	return checkpoint.WriteModel(out, companions, m.Tensors())
}
