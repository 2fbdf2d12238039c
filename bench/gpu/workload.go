package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/bench/machine"
	"github.com/azr-train/azr/bench/page"
	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/rollout"
	"github.com/azr-train/azr/rollout/tokenizer"
	"github.com/azr-train/azr/torch"
	"github.com/azr-train/azr/trainer"
)

// qwen3 is the shape of Qwen3-0.6B.
var qwen3 = model.Config{
	Architectures: []string{"Qwen3ForCausalLM"}, ModelType: "qwen3", HiddenSize: 1024, IntermediateSize: 3072,
	NumHiddenLayers: 28, NumAttentionHeads: 16, NumKeyValueHeads: 8, HeadDim: 128, VocabSize: 151936, MaxPositionEmbeddings: 40960,
	RMSNormEps: 1e-6, HiddenAct: "silu", TieWordEmbeddings: true, RopeTheta: 1e6,
}

const (
	shortest, longestText = 100, 1024 // tokens of a request's prompt, and of its completion
	promptOfLearnt        = 512       // tokens of the learnt sample's prompt
)

// workload is what is measured.
type workload struct {
	requests, tokens int
	config           model.Config
	peak             float64 // TFLOP/s
}

// measured is what came of it.
type measured struct {
	Machine    string  `json:"machine"`
	Device     string  `json:"device"`
	Parameters int64   `json:"parameters"`
	Decode     rate    `json:"decode"`
	Update     rate    `json:"update"`
	MFU        float64 `json:"mfu,omitempty"` // of the peak, if that was told
	Peak       float64 `json:"peak_tflops,omitempty"`
}

type rate struct {
	Tokens  int     `json:"tokens"`
	Seconds float64 `json:"seconds"`
}

func (r rate) perSecond() float64 { return float64(r.Tokens) / r.Seconds }

func (w workload) run(ctx context.Context, device torch.Device, folder, file, into string) (err error) {
	defer torch.Catch(&err)
	t, err := tokenizer.Load(folder)
	if err != nil {
		return fmt.Errorf("%w; hint: make model", err)
	}
	defer t.Close()
	m, err := w.model(device)
	if err != nil {
		return err
	}
	defer m.Free()
	found := measured{Machine: machine.Name(), Device: device.String(), Parameters: m.Config.Parameters(), Peak: w.peak}
	if found.Decode, err = w.decode(ctx, m, t); err != nil {
		return err
	}
	if found.Update, err = w.update(ctx, m); err != nil {
		return err
	}
	if w.peak > 0 {
		found.MFU = w.flops(m.Config) / found.Update.Seconds / (w.peak * 1e12)
	}
	fmt.Fprint(os.Stderr, found.table())
	text, err := json.MarshalIndent(found, "", " ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, append(text, '\n'), 0o644); err != nil {
		return err
	}
	return page.Write(into, map[string]string{"gpu": found.table()})
}

// model is one of random weights, in bf16.
func (w workload) model(device torch.Device) (*model.Decoder, error) {
	text, err := json.Marshal(w.config)
	if err != nil {
		return nil, err
	}
	config, err := model.ParseConfig(text)
	if err != nil {
		return nil, err
	}
	return model.Random(config, rand.New(rand.NewPCG(1, 0)), torch.BF16, device)
}

// decode answers requests with prompts and completions of random lengths, all at once. A digit is a token of the
// tokenizer, so that a prompt of so many digits has so many tokens.
func (w workload) decode(ctx context.Context, m *model.Decoder, t *tokenizer.Tokenizer) (r rate, err error) {
	e, err := rollout.New(rollout.Config{Slots: w.requests, Room: 2*longestText + 1, CUDAGraphs: true}, 0, m, t)
	if err != nil {
		return r, err
	}
	defer e.Close()
	lengths := rand.New(rand.NewPCG(0, 0))
	length := func() int { return shortest + lengths.IntN(longestText-shortest+1) }
	play := func(n int) (int, error) {
		before := e.Stats().SampledTokens
		for i := range n {
			var digits strings.Builder
			for range length() {
				digits.WriteByte('0' + byte(lengths.IntN(10)))
			}
			p := azr.Prompt{ID: azr.SampleID{Index: i}, Text: digits.String(), Sampling: azr.Sampling{Temperature: 0.6, TopP: 1, MaxTokens: length()}}
			if err := e.Submit(p); err != nil {
				return 0, err
			}
		}
		for e.Pending() > 0 {
			if _, err := e.Tick(ctx); err != nil {
				return 0, err
			}
		}
		return e.Stats().SampledTokens - before, nil
	}
	if _, err := play(w.requests); err != nil { // graphs are recorded, and what else is lazy is there
		return r, err
	}
	e.Forget()
	begin := time.Now()
	r.Tokens, err = play(w.requests)
	r.Seconds = time.Since(begin).Seconds()
	return r, err
}

// update learns from one long sample, the second time: the first one warms up.
func (w workload) update(ctx context.Context, m *model.Decoder) (r rate, err error) {
	config := trainer.DefaultConfig()
	config.MicroBatchTokens, config.ActivationCheckpointing = w.tokens, true
	t, err := trainer.New(config, m, azr.NoProgress{})
	if err != nil {
		return r, err
	}
	defer t.Close()
	samples := madeUp(1, w.tokens, min(promptOfLearnt, w.tokens/2), m.Config.VocabSize)
	for range 2 {
		begin := time.Now()
		if _, err := t.Step(ctx, samples); err != nil {
			return r, err
		}
		r = rate{w.tokens, time.Since(begin).Seconds()}
	}
	return r, nil
}

// flops are those of the update that the model needs, whatever is computed again: 6 a parameter and token, and of causal
// attention 6 a layer, head number and pair of tokens.
func (w workload) flops(m model.Config) float64 {
	tokens, attention := float64(w.tokens), float64(m.NumHiddenLayers*m.NumAttentionHeads*m.HeadDim)
	return 6*float64(m.Parameters())*tokens + 6*attention*tokens*tokens
}

// madeUp are samples of random tokens, so many of each the prompt's.
func madeUp(n, tokens, prompt, vocab int) (samples []azr.Sample) {
	r := rand.New(rand.NewPCG(1, 0))
	for i := range n {
		s := azr.Sample{ID: azr.SampleID{Index: i}, Temperature: 1, Reward: float64(i % 2)}
		for j := range tokens {
			id := r.Int32N(int32(vocab))
			if j < prompt {
				s.PromptIDs = append(s.PromptIDs, id)
			} else {
				s.ResponseIDs, s.LogProbs = append(s.ResponseIDs, id), append(s.LogProbs, -12)
			}
		}
		samples = append(samples, s)
	}
	return samples
}

func (m measured) table() string {
	mfu := "?"
	if m.Peak > 0 {
		mfu = fmt.Sprintf("%.1f %% of %g TFLOP/s", 100*m.MFU, m.Peak)
	}
	return fmt.Sprintf("%s of %s, random weights of %.2f billion parameters in bf16:\n\n"+
		"| | tokens | s | tokens/s | MFU |\n|---|---|---|---|---|\n"+
		"| decode | %d | %.1f | %.0f | – |\n| update | %d | %.1f | %.0f | %s |\n",
		m.Device, m.Machine, float64(m.Parameters)/1e9, m.Decode.Tokens, m.Decode.Seconds, m.Decode.perSecond(),
		m.Update.Tokens, m.Update.Seconds, m.Update.perSecond(), mfu)
}
