package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/bootstrap"
	"github.com/azr-train/azr/eval"
	"github.com/azr-train/azr/executor"
	"github.com/azr-train/azr/selfplay/python"
	"github.com/azr-train/azr/selfplay/python/generator"
	"github.com/azr-train/azr/store"
)

func tasksCommand() *cli.Command {
	return &cli.Command{
		Name:        "tasks",
		Usage:       "make held-out tasks, and score models on them",
		Description: "make writes a file and nothing to stdout; score prints tables to stdout, or with --json one object.",
		Subcommands: []*cli.Command{tasksMakeCommand(), tasksScoreCommand()},
	}
}

func tasksMakeCommand() *cli.Command {
	return &cli.Command{
		Name:  "make",
		Usage: "write tasks of the three types, which a generator makes in the sandbox",
		Flags: []cli.Flag{
			&cli.PathFlag{Name: "out", Usage: "`FILE` to make, a JSON line a task"},
			&cli.IntFlag{Name: "per-type", Value: 100, Usage: "`N` tasks a type, spread evenly over the sizes"},
			&cli.IntSliceFlag{Name: "size", Value: cli.NewIntSlice(1, 2, 3, 4, 5), Usage: "`SIZE` of programs in statements; may be repeated"},
			&cli.IntSliceFlag{Name: "induction-size", Value: cli.NewIntSlice(1, 2, 3), Usage: "`SIZE` of the programs of induction tasks; may be repeated"},
			&cli.StringSliceFlag{Name: "not-in", Usage: "`FILE|RUN` whose programs are left out, names and layout aside; of one statement there are too few, and its tasks are left out; may be repeated"},
			&cli.Uint64Flag{Name: "seed", Usage: "`S` of every random draw"},
			setFlag(),
		},
		Action: func(c *cli.Context) error {
			if err := flagsOnly(c, "out"); err != nil {
				return err
			}
			if err := newPlace(c, "out"); err != nil {
				return err
			}
			return makeTasks(c)
		},
	}
}

func tasksScoreCommand() *cli.Command {
	return &cli.Command{
		Name:  "score",
		Usage: "accuracy of a model on a file of tasks by type and size, greedy and sampled",
		Flags: []cli.Flag{
			modelFlag(),
			&cli.PathFlag{Name: "tasks", Usage: "`FILE` of tasks, a JSON line each"},
			configFlag(),
			&cli.Float64Flag{Name: "temperature", Value: 1, Usage: "`T` of the sampled answers"},
			&cli.IntFlag{Name: "rollouts", Value: 4, Usage: "`N` sampled answers to each task; 0 leaves them out"},
			&cli.IntFlag{Name: "max-tokens", Value: 256, Usage: "at most `N` tokens an answer"},
			&cli.Uint64Flag{Name: "seed", Usage: "`S` of the draws"},
			deviceFlag(),
			&cli.BoolFlag{Name: "json", Usage: "print both reports as JSON, with every answer"},
			setFlag(),
		},
		Action: func(c *cli.Context) error {
			if err := flagsOnly(c, "model", "tasks"); err != nil {
				return err
			}
			if n := c.Int("rollouts"); n < 0 {
				return usage(c, "--rollouts is negative; got %d, want 0 or more", n)
			}
			config, _, err := layConfig(c)
			if err != nil {
				return err
			}
			return scoreTasks(c, config)
		},
	}
}

// scores are a model's answers to one file of tasks, drawn in two ways.
type scores struct {
	Greedy  eval.Report  `json:"greedy"`
	Sampled *eval.Report `json:"sampled,omitempty"`
}

func scoreTasks(c *cli.Context, config Config) error {
	e, err := openEvaluator(c.Context, config, c.Path("tasks"))
	if err != nil {
		return err
	}
	defer e.close()
	settings := eval.DefaultConfig()
	settings.Sampling.MaxTokens = c.Int("max-tokens")
	var s scores
	if s.Greedy, err = e.run(c.Context, settings); err != nil {
		return err
	}
	if settings.Rollouts = c.Int("rollouts"); settings.Rollouts > 0 {
		settings.Sampling.Temperature = c.Float64("temperature")
		sampled, err := e.run(c.Context, settings)
		if err != nil {
			return err
		}
		s.Sampled = &sampled
	}
	e.display.Close()
	if c.Bool("json") {
		return json.NewEncoder(os.Stdout).Encode(s)
	}
	fmt.Println("greedy")
	if _, err := s.Greedy.WriteTo(os.Stdout); err != nil || s.Sampled == nil {
		return err
	}
	fmt.Printf("\nsampled at temperature %g\n", settings.Sampling.Temperature)
	_, err = s.Sampled.WriteTo(os.Stdout)
	return err
}

// generatorConfig is that of commands that run the generator: one call of it does much work.
func generatorConfig() Config {
	c := defaultConfig()
	c.Environment.Style, c.Environment.InductionInputs = python.Trace, 6
	c.Executor.Timeout = generatorTimeout
	return c
}

func makeTasks(c *cli.Context) error {
	config := generatorConfig()
	if _, err := layOver(&config, nil, c.StringSlice("set")); err != nil {
		return err
	}
	if err := config.validate(); err != nil {
		return err
	}
	if world := config.Environment.World; world != pythonWorld {
		return fmt.Errorf("tasks make: the generator writes Python tasks; got environment.world %s, want %s", world, pythonWorld)
	}
	h := generator.HeldOut{
		PerType: c.Int("per-type"), Sizes: c.IntSlice("size"), InductionSizes: c.IntSlice("induction-size"),
		Inputs: config.Environment.InductionInputs,
	}
	if h.PerType < 1 || len(h.Sizes) == 0 || len(h.InductionSizes) == 0 || slices.Min(slices.Concat(h.Sizes, h.InductionSizes)) < 1 ||
		slices.Max(slices.Concat(h.Sizes, h.InductionSizes)) > bootstrap.MaxSize {
		return fmt.Errorf("tasks make: out of range; got --per-type %d and sizes %v and %v, want at least 1 and sizes of 1 to %d",
			h.PerType, h.Sizes, h.InductionSizes, bootstrap.MaxSize)
	}
	pool, err := executor.Open(c.Context, config.Executor)
	if err != nil {
		return err
	}
	defer pool.Close()
	env, err := python.New(config.Environment.Config, pool)
	if err != nil {
		return err
	}
	known, err := tasksOf(c.StringSlice("not-in"))
	if err != nil {
		return err
	}
	if h.Exclude, err = generator.Keys(c.Context, env, known); err != nil {
		return err
	}
	for _, task := range known {
		h.Exclude[task.ContentID()] = true
	}
	tasks, err := generator.New(pool, c.Uint64("seed")).HeldOut(c.Context, h, env)
	if err != nil {
		return err
	}
	return writeNew(c.Path("out"), func(w io.Writer) error {
		lines := json.NewEncoder(w)
		for _, task := range tasks {
			if err := lines.Encode(task); err != nil {
				return err
			}
		}
		return nil
	})
}

// tasksOf reads all tasks of files and runs.
func tasksOf(paths []string) (tasks []azr.Task, err error) {
	for _, path := range paths {
		var read []azr.Task
		if info, statErr := os.Stat(path); statErr == nil && info.IsDir() {
			read, err = tasksOfRun(path)
		} else {
			read, err = eval.Tasks(path)
		}
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, read...)
	}
	return tasks, nil
}

func tasksOfRun(dir string) (tasks []azr.Task, err error) {
	s, err := store.Open(filepath.Join(dir, storeFile))
	if err != nil {
		return nil, err
	}
	defer s.Close()
	for _, t := range azr.TaskTypes {
		of, err := s.Tasks(t)
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, of...)
	}
	return tasks, nil
}

// writeNew makes a file that must not exist; on an error nothing is left there.
func writeNew(path string, fill func(io.Writer) error) error {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%s: %w; want a new file", path, os.ErrExist)
	}
	return writeWhole(path, fill)
}

// writeWhole writes a file, in the place of an older one if there is one; on an error that stays as it was.
func writeWhole(path string, fill func(io.Writer) error) error {
	draft, err := os.CreateTemp(filepath.Dir(path), ".draft-")
	if err != nil {
		return err
	}
	defer os.Remove(draft.Name())
	defer draft.Close()
	if err := fill(draft); err != nil {
		return err
	}
	if err := draft.Chmod(0o644); err != nil {
		return err
	}
	if err := draft.Sync(); err != nil {
		return err
	}
	return os.Rename(draft.Name(), path)
}
