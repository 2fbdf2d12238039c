package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/trainer"
	"github.com/azr-train/azr/trainer/checkpoint"
)

func replayCommand() *cli.Command {
	return &cli.Command{
		Name:  "replay",
		Usage: "find the samples that a run could not learn from",
		Description: "FILE is one of a run's " + badUpdatesFolder + ". Each of its samples goes through the model by itself.\n" +
			"stdout gets those whose loss or gradients are not finite; exit code 1 if there are any.\n" +
			"Nothing is changed.",
		ArgsUsage: "FILE",
		Flags: []cli.Flag{
			&cli.PathFlag{Name: "model", Usage: "`DIR` of the weights", DefaultText: "those that the file names"},
			deviceOverride(),
		},
		Action: func(c *cli.Context) error {
			file, err := oneArgument(c, "a file of a run's "+badUpdatesFolder)
			if err != nil {
				return err
			}
			return replay(c.Context, file, c.Path("model"), c.String("device"))
		},
	}
}

func replay(ctx context.Context, file, modelDir, device string) error {
	b, err := readBadUpdate(file)
	if err != nil {
		return err
	}
	runDir := filepath.Dir(filepath.Dir(file))
	config, err := readRunConfig("replay", runDir)
	if err != nil {
		return err
	}
	switch {
	case modelDir != "":
	case b.Checkpoint == 0:
		modelDir = config.Model
	default:
		modelDir = checkpoint.Path(runDir, b.Checkpoint)
	}
	if _, err := os.Stat(modelDir); err != nil {
		return fmt.Errorf("replay: the weights are gone: %w; hint: --model DIR of others, or checkpoint.keep larger in the next run", err)
	}
	m, t, err := openModel(modelDir, config.DType, cmp.Or(device, config.Device), config.Threads)
	if err != nil {
		return err
	}
	defer m.Free()
	defer t.Close()
	return b.examine(ctx, config, m)
}

func readBadUpdate(file string) (b badUpdate, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return b, fmt.Errorf("replay: %w", err)
	}
	if err := json.Unmarshal(text, &b); err != nil {
		return b, fmt.Errorf("replay: %s: no file of %s: %w", file, badUpdatesFolder, err)
	}
	if b.Format > badUpdateFormat {
		return b, fmt.Errorf("replay: %s: written by a newer azr-train; got format %d, want at most %d; use that newer one", file, b.Format, badUpdateFormat)
	}
	if b.Format < badUpdateFormat {
		return b, fmt.Errorf("replay: %s: no file of %s; got format %d, want %d", file, badUpdatesFolder, b.Format, badUpdateFormat)
	}
	return b, nil
}

// examine prints the samples that are not finite by themselves.
func (b badUpdate) examine(ctx context.Context, config Config, m *model.Decoder) error {
	t, err := trainer.New(config.Trainer, m, azr.NoProgress{})
	if err != nil {
		return err
	}
	defer t.Close()
	var samples []azr.Sample
	for _, s := range b.Samples {
		samples = append(samples, s.sample())
	}
	found, err := t.Examine(ctx, samples)
	if err != nil {
		return err
	}
	bad := 0
	for _, e := range found {
		if sum := e.Loss + e.GradNorm; math.IsNaN(sum) || math.IsInf(sum, 0) {
			bad++
			fmt.Printf("%s: advantage %g, loss %g, norm of gradients %g\n", e.ID, e.Advantage, e.Loss, e.GradNorm)
		}
	}
	fmt.Printf("step %d: %d samples, %d not finite by themselves\n", b.Step, len(found), bad)
	if bad > 0 {
		return fmt.Errorf("replay: the step %w; %d of %d samples are not finite by themselves", errDiffers, bad, len(found))
	}
	return nil
}
