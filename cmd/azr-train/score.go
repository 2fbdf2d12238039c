package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/monitor"
	"github.com/azr-train/azr/rollout"
	"github.com/azr-train/azr/rollout/tokenizer"
	"github.com/azr-train/azr/torch"
)

func scoreCommand() *cli.Command {
	return &cli.Command{
		Name:  "score",
		Usage: "log-probs of texts or token ids from stdin",
		Description: "stdin has a JSON object a line: {\"text\":\"…\"}, whose special tokens are parsed and which gets the\n" +
			"tokenizer's bos, or {\"ids\":[…]}. stdout gets {\"ids\":[…],\"logprobs\":[…]} for each, in order: the\n" +
			"log-prob of each token but the first given those before it, in nats, computed in f32.",
		Flags: []cli.Flag{
			modelFlag(), deviceFlag(),
			&cli.BoolFlag{Name: "logits", Usage: "also give the logits of the id that would follow each line"},
		},
		Action: func(c *cli.Context) error {
			if err := flagsOnly(c, "model"); err != nil {
				return err
			}
			device, err := torch.ParseDevice(c.String("device"))
			if err != nil {
				return err
			}
			dir, err := model.Find(c.Path("model"))
			if err != nil {
				return err
			}
			m, err := model.Load(dir, torch.F32, device)
			if err != nil {
				return err
			}
			defer m.Free()
			return score(m, dir, c.Bool("logits"), os.Stdin, os.Stdout)
		},
	}
}

// scoredLine is what score answers.
type scoredLine struct {
	IDs      []int32   `json:"ids"`
	LogProbs []float32 `json:"logprobs"`
	Logits   []float32 `json:"logits,omitempty"`
}

// score answers each line of in, in order. The tokenizer is loaded for the first line with text.
func score(m *model.Decoder, dir string, withLogits bool, in io.Reader, out io.Writer) error {
	var t *tokenizer.Tokenizer
	return eachLine(in, out, func(line struct {
		Text *string `json:"text"`
		IDs  []int32 `json:"ids"`
	}) (any, error) {
		if (line.Text == nil) == (line.IDs == nil) {
			return nil, errors.New(`want either "text" or "ids"`)
		}
		if line.Text != nil {
			var err error
			if t == nil {
				if t, err = openTokenizer(dir); err != nil {
					return nil, err
				}
			}
			if line.IDs, err = t.EncodePrompt(*line.Text); err != nil {
				return nil, err
			}
		}
		logprobs, err := rollout.Score(m, line.IDs)
		if i := slices.IndexFunc(logprobs, func(p float32) bool { return math.IsNaN(float64(p)) || math.IsInf(float64(p), 0) }); i >= 0 {
			return nil, fmt.Errorf("score: a log-prob is not finite; got %g of id %d at place %d, want a number; hint: the weights of %s overflow", logprobs[i], line.IDs[i+1], i+1, dir)
		}
		result := scoredLine{IDs: line.IDs, LogProbs: logprobs}
		if err == nil && withLogits {
			result.Logits, err = rollout.Logits(m, line.IDs)
		}
		return result, err
	})
}

// maxLine bounds a line of JSON input, in bytes.
const maxLine = 64 << 20

// decode reads a JSON object; the decoder's own words name types of this program.
func decode(text []byte, into any) error {
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("not a JSON object of the form that is wanted; got %s", monitor.Printable(string(text), 60))
	}
	return nil
}

// decodeKnown reads a JSON object without other keys than those that are known.
func decodeKnown(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	if err == nil && !decoder.More() {
		return nil
	}
	if err != nil {
		if key, unknown := strings.CutPrefix(err.Error(), "json: unknown field "); unknown {
			return fmt.Errorf("unknown key %s", key)
		}
	}
	return decode(text, into) // says in its words what is wrong
}

func newLines(in io.Reader) *bufio.Scanner {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLine)
	return lines
}

// eachLine decodes each line of in as JSON and writes the answer as a line of JSON. Errors name the line.
func eachLine[L any](in io.Reader, out io.Writer, answer func(L) (any, error)) error {
	lines, w := newLines(in), bufio.NewWriter(out)
	for n := 1; lines.Scan(); n++ {
		var line L
		err := decode(lines.Bytes(), &line)
		var result any
		if err == nil {
			result, err = answer(line)
		}
		if err != nil {
			w.Flush()
			return fmt.Errorf("stdin line %d: %w", n, err)
		}
		if err := json.NewEncoder(w).Encode(result); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("stdin: %w", err)
	}
	return w.Flush()
}
