package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/monitor"
	"github.com/azr-train/azr/rollout"
)

func generateCommand() *cli.Command {
	return &cli.Command{
		Name:  "generate",
		Usage: "continue a prompt",
		Flags: []cli.Flag{
			modelFlag(),
			&cli.StringFlag{Name: "prompt", Usage: "`TEXT` to continue"},
			&cli.BoolFlag{Name: "chat", Usage: "take the prompt as a user's message in the model's chat template"},
			&cli.IntFlag{Name: "max-tokens", Value: 256, Usage: "at most `N` tokens"},
			&cli.Float64Flag{Name: "temperature", Value: 0, Usage: "`T` of sampling; 0 takes the likeliest token"},
			&cli.Uint64Flag{Name: "seed", Usage: "`S` of the draws"},
			deviceFlag(),
		},
		Action: func(c *cli.Context) error {
			if err := flagsOnly(c, "model", "prompt"); err != nil {
				return err
			}
			if t := c.Float64("temperature"); c.Int("max-tokens") < 1 || !(t >= 0 && t <= 100) {
				return fmt.Errorf("generate: out of range; got --max-tokens %d --temperature %g, want at least 1 and 0 to 100", c.Int("max-tokens"), c.Float64("temperature"))
			}
			return generate(c)
		},
	}
}

// shown is text as it is, or on a terminal without what could steer it.
func shown(text string) string {
	if !monitor.Interactive(os.Stdout) {
		return text
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = monitor.Printable(line, 0)
	}
	return strings.Join(lines, "\n")
}

// generateRoom is the most tokens of a prompt and its continuation together.
const generateRoom = 8192

func generate(c *cli.Context) error {
	m, t, err := openModel(c.Path("model"), c.String("device"), 0)
	if err != nil {
		return err
	}
	defer t.Close()
	defer m.Free()
	prompt := azr.Prompt{
		ID:       azr.SampleID{Purpose: azr.Evaluating},
		Sampling: azr.Sampling{Temperature: c.Float64("temperature"), TopP: 1, MaxTokens: c.Int("max-tokens")},
	}
	if c.Bool("chat") {
		prompt.Messages = []azr.Message{{Role: "user", Content: c.String("prompt")}}
	} else {
		prompt.Text = c.String("prompt")
	}
	engine, err := rollout.New(rollout.Config{Slots: 1, Room: generateRoom}, c.Uint64("seed"), m, t)
	if err != nil {
		return err
	}
	defer engine.Close()
	if err := engine.Submit(prompt); err != nil {
		return err
	}
	for engine.Pending() > 0 {
		done, err := engine.Tick(c.Context)
		if err != nil {
			return err
		}
		for _, completion := range done {
			if completion.Finish == azr.PromptTooLong {
				return fmt.Errorf("generate: the prompt is too long; got %d tokens, want fewer than %d", len(completion.PromptIDs), min(generateRoom, m.Config.MaxPositionEmbeddings))
			}
			if _, err := fmt.Println(shown(completion.Text)); err != nil {
				return err
			}
		}
	}
	return nil
}
