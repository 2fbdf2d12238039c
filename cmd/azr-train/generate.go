package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/monitor"
	"github.com/azr-train/azr/rollout"
	"github.com/azr-train/azr/torch"
)

func generateCommand() *cli.Command {
	return &cli.Command{
		Name:  "generate",
		Usage: "continue a prompt, or answer it",
		Description: "stdout gets the text as it is decoded; on a terminal, control characters in it are escaped.\n" +
			"Special tokens in the prompt are plain text. stdin is read with --prompt - alone.",
		Flags: []cli.Flag{
			modelFlag(),
			&cli.StringFlag{Name: "prompt", Usage: "`TEXT` to continue; - reads it from stdin"},
			&cli.BoolFlag{Name: "chat", Usage: "take the prompt as a user's message in the model's chat template"},
			&cli.StringFlag{Name: "system", Usage: "`TEXT` of a system message before the prompt, with --chat"},
			&cli.StringFlag{Name: "chat-template-kwargs", Usage: "`JSON` object for the chat template, for example '{\"enable_thinking\": false}'"},
			&cli.IntFlag{Name: "max-tokens", Value: 256, Usage: "end after `N` tokens"},
			&cli.Float64Flag{Name: "temperature", Value: 0, Usage: "`T` of sampling; 0 takes the likeliest token"},
			&cli.Float64Flag{Name: "top-p", Value: 1, Usage: "sample among the likeliest tokens that together have probability `P`; 1 keeps all"},
			&cli.IntFlag{Name: "top-k", Usage: "sample among the `K` likeliest tokens; 0 keeps all"},
			&cli.StringSliceFlag{Name: "stop", Usage: "end before `TEXT`; may be repeated"},
			&cli.Uint64Flag{Name: "seed", Usage: "`S` of the draws: the same one gives the same text"},
			&cli.BoolFlag{Name: "json", Usage: "print one JSON object at the end: text, finish, prompt_ids, ids, logprobs"},
			deviceFlag(),
		},
		Action: func(c *cli.Context) error {
			if err := flagsOnly(c, "model", "prompt"); err != nil {
				return err
			}
			prompt, kwargs, err := generatePrompt(c)
			if err != nil {
				return err
			}
			return generate(c, prompt, kwargs)
		},
	}
}

// generatePrompt reads the prompt and its sampling from the flags, and what the chat template gets.
func generatePrompt(c *cli.Context) (p azr.Prompt, kwargs map[string]any, err error) {
	p.ID = azr.SampleID{Purpose: azr.Evaluating}
	p.Sampling = azr.Sampling{
		Temperature: c.Float64("temperature"), TopP: c.Float64("top-p"), TopK: c.Int("top-k"),
		MaxTokens: c.Int("max-tokens"), Stop: c.StringSlice("stop"),
	}
	if s := p.Sampling; s.MaxTokens < 1 || !(s.Temperature >= 0 && s.Temperature <= 100) || !(s.TopP > 0 && s.TopP <= 1) || s.TopK < 0 {
		return p, nil, fmt.Errorf("generate: out of range; got --max-tokens %d --temperature %g --top-p %g --top-k %d, "+
			"want at least 1, 0 to 100, above 0 to 1, at least 0", s.MaxTokens, s.Temperature, s.TopP, s.TopK)
	}
	text := c.String("prompt")
	if text == "-" {
		read, err := io.ReadAll(io.LimitReader(os.Stdin, maxLine))
		if err != nil {
			return p, nil, fmt.Errorf("generate: stdin: %w", err)
		}
		text = string(read)
	}
	if text == "" {
		return p, nil, errors.New("generate: empty prompt; got no text, want at least a letter")
	}
	if !c.Bool("chat") {
		for _, name := range []string{"system", "chat-template-kwargs"} {
			if c.IsSet(name) {
				return p, nil, fmt.Errorf("generate: --%s is for chats; hint: --chat", name)
			}
		}
		p.Text = text
		return p, nil, nil
	}
	if c.IsSet("system") {
		p.Messages = append(p.Messages, azr.Message{Role: "system", Content: c.String("system")})
	}
	p.Messages = append(p.Messages, azr.Message{Role: "user", Content: text})
	if c.IsSet("chat-template-kwargs") {
		if err := decode([]byte(c.String("chat-template-kwargs")), &kwargs); err != nil {
			return p, nil, fmt.Errorf("generate: --chat-template-kwargs: %w", err)
		}
	}
	return p, kwargs, nil
}

// generateRoom is the most tokens of a prompt and its continuation together.
const generateRoom = 8192

func generate(c *cli.Context, prompt azr.Prompt, kwargs map[string]any) error {
	dir, err := model.Find(c.Path("model"))
	if err != nil {
		return err
	}
	m, t, err := openModel(dir, torch.F32, c.String("device"), 0)
	if err != nil {
		return err
	}
	defer t.Close()
	defer m.Free()
	engine, err := rollout.New(rollout.Config{Slots: 1, Room: generateRoom, ChatTemplateKwargs: kwargs}, c.Uint64("seed"), m, t)
	if err != nil {
		return err
	}
	defer engine.Close()
	if err := engine.Submit(prompt); err != nil {
		return fmt.Errorf("generate: %w", cmp.Or(errors.Unwrap(err), err)) // there is one prompt: which one is no news
	}
	out := &textStream{out: os.Stdout, terminal: monitor.Interactive(os.Stdout), silent: c.Bool("json")}
	var done []azr.Completion
	for len(done) == 0 {
		if done, err = engine.Tick(c.Context); err != nil {
			return err
		}
		if err := out.show(engine.Text(prompt.ID)); err != nil {
			return err
		}
	}
	if done[0].Finish == azr.PromptTooLong {
		return fmt.Errorf("generate: the prompt is too long; got %d tokens, want fewer than %d",
			len(done[0].PromptIDs), min(generateRoom, m.Config.MaxPositionEmbeddings))
	}
	if c.Bool("json") {
		return json.NewEncoder(os.Stdout).Encode(generated(done[0]))
	}
	return out.show(done[0].Text + "\n")
}

// generation is what --json prints.
type generation struct {
	Text      string     `json:"text"`
	Finish    azr.Finish `json:"finish"`
	PromptIDs []int32    `json:"prompt_ids"`
	IDs       []int32    `json:"ids"`
	LogProbs  []float32  `json:"logprobs"`
}

func generated(c azr.Completion) generation {
	return generation{c.Text, c.Finish, c.PromptIDs, c.IDs, c.LogProbs}
}

// textStream writes a growing text, on a terminal without what could steer it.
type textStream struct {
	out              io.Writer
	terminal, silent bool
	shown            int // bytes of the text
}

// show writes what the text has more than before.
func (s *textStream) show(text string) error {
	if s.silent || len(text) <= s.shown {
		return nil
	}
	fresh := text[s.shown:]
	s.shown = len(text)
	if s.terminal {
		fresh = onTerminal(fresh)
	}
	_, err := io.WriteString(s.out, fresh)
	return err
}

// onTerminal escapes control characters but for the ends of lines and tabs.
func onTerminal(text string) string {
	var b strings.Builder
	for len(text) > 0 {
		end := strings.IndexAny(text, "\n\t")
		if end < 0 {
			end = len(text)
		}
		b.WriteString(monitor.Printable(text[:end], 0))
		text = text[end:]
		if text != "" {
			b.WriteByte(text[0])
			text = text[1:]
		}
	}
	return b.String()
}
