package trainer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/torch"
	"github.com/azr-train/azr/torch/dist"
)

// Trainer holds the optimiser of a decoder's weights.
type Trainer struct {
	config Config
	model  *model.Decoder
	params []*torch.Var
	// The rules that move the params; muon has none unless it is chosen.
	adamW, muon group
	// averages of the params over updates; none without averaging.
	averages []*torch.Var
	memory   memory
	// updates made so far; AdamW's step.
	updates int
	// microBatchTokens is the config's, or less once memory ran out.
	microBatchTokens int
	logitsRows       int // at once
	progress         azr.Progress
	ranks            ranks
}

// The names under which Step reports progress: of gradients in samples, and of the optimiser in updates.
const (
	Phase          = "update"
	OptimizerPhase = "optimizer"
)

// New makes a trainer with moments of zero. It turns on gradients of what learns: the decoder's adapters, or all of its
// weights where it has none.
func New(config Config, m *model.Decoder, progress azr.Progress) (*Trainer, error) {
	return NewRank(config, m, nil, progress)
}

// NewRank is New for a rank of a group, whose models have equal weights: they make each update together, and every one
// calls each method of its trainer with the same samples. A nil group is one process alone.
func NewRank(config Config, m *model.Decoder, group *dist.Group, progress azr.Progress) (t *Trainer, err error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	if err := config.ValidateFor(m.DType); err != nil {
		return nil, err
	}
	t = &Trainer{config: config, model: m, microBatchTokens: config.MicroBatchTokens, logitsRows: torch.LogitsRows(m.Config.VocabSize), progress: progress, memory: memory{}}
	defer func() {
		if err != nil {
			t.Close()
			t = nil
		}
	}()
	defer torch.Catch(&err)
	for _, p := range m.Trainable() {
		p.Var.RequireGrad(true)
		t.params = append(t.params, p.Var)
	}
	t.ranks = newRanks(group, config.Sharding, m.Trainable())
	t.fillGroups()
	t.fillAverages()
	return t, nil
}

func (t *Trainer) groups() []group { return []group{t.adamW, t.muon} }

// Close frees the optimiser's state and the gradients; the weights are the caller's.
func (t *Trainer) Close() {
	t.clearGrads()
	for _, p := range t.params {
		p.RequireGrad(false)
	}
	for _, g := range t.groups() {
		g.free()
	}
	for _, v := range t.averages {
		v.Free()
	}
}

// Report is what a step did.
type Report struct {
	// Advantages of the samples, aligned with them.
	Advantages []float64
	// Loss is the last update's. Entropy and LogProb, of the token that was sampled, are means over its
	// response tokens that went through the model (nats); GradNorm is before clipping.
	Loss, Entropy, LogProb, GradNorm float64
	// MaxDeltaLogProb is the largest difference between a token's log-prob when it was sampled and before
	// the first update (nats); it should be rounding.
	MaxDeltaLogProb float64
	// LearningRate of the update, and the L2 norm by which it changed the weights, estimated from some of them.
	LearningRate, WeightChange float64
	// Replayed counts the answers of earlier steps that were imitated.
	Replayed int
	// Groups is in how many groups, of six, a sample has an advantage.
	Groups int
	// Tokens that went through the model, those that did not because another sequence begins with them too, response
	// tokens, and micro-batches, of all updates.
	Tokens, SharedTokens, ResponseTokens, Batches int
	// MicroBatchTokens bounded the last micro-batches; OutOfMemory counts how often memory ran out and they got smaller.
	MicroBatchTokens, OutOfMemory int
	computed                      int // response tokens that entropy was summed over
}

// Step updates the weights once per epoch from one step's samples. Without samples it does nothing.
func (t *Trainer) Step(ctx context.Context, samples []azr.Sample) (r Report, err error) {
	defer torch.Catch(&err)
	defer t.clearGrads()
	if err := check(samples); err != nil {
		return r, err
	}
	replayed, memory := t.recall(), t.Memory()
	defer func() {
		if err != nil {
			t.SetMemory(memory)
		}
	}()
	t.remember(samples)
	count := len(samples)
	samples = append(slices.Clip(samples), replayed...)
	advantages := t.config.Advantages(samples)
	r.Advantages, r.Replayed = advantages[:count], len(replayed)
	r.Groups = instructive(samples[:count], r.Advantages)
	t.shard()
	defer func() {
		if errors.As(err, new(*dist.Error)) {
			return // there is nobody to gather from
		}
		if whole := t.gatherLayers(); err == nil {
			err = whole
		}
	}()
	responses, batches := 0, 0
	for n := range t.config.Epochs * t.config.Minibatches {
		if err := t.update(ctx, t.minibatch(n, samples, advantages), &r, n == 0); err != nil {
			return r, err
		}
		responses, batches = responses+r.ResponseTokens, batches+r.Batches
	}
	r.ResponseTokens, r.Batches = responses, batches
	r.MicroBatchTokens = t.microBatchTokens
	return r, nil
}

func check(samples []azr.Sample) error {
	for _, s := range samples {
		switch {
		case len(s.PromptIDs) == 0 || len(s.ResponseIDs) == 0:
			return fmt.Errorf("trainer.Step: %s is empty; got %d prompt and %d response tokens, want at least one of each", s.ID, len(s.PromptIDs), len(s.ResponseIDs))
		case !s.Imitate && len(s.LogProbs) != len(s.ResponseIDs):
			return fmt.Errorf("trainer.Step: %s: got %d log-probs, want %d", s.ID, len(s.LogProbs), len(s.ResponseIDs))
		case !(s.Temperature > 0):
			return fmt.Errorf("trainer.Step: %s: got temperature %g, want above 0", s.ID, s.Temperature)
		case math.IsNaN(s.Reward) || math.IsInf(s.Reward, 0):
			return fmt.Errorf("trainer.Step: %s: reward is not finite; got %g", s.ID, s.Reward)
		}
	}
	return nil
}

// minibatch pairs the samples of a step's n-th update with their advantages: every Minibatches-th sample, so
// that each update has its share of every group.
func (t *Trainer) minibatch(n int, samples []azr.Sample, advantages []float64) []example {
	var examples []example
	for i := n % t.config.Minibatches; i < len(samples); i += t.config.Minibatches {
		examples = append(examples, example{samples[i], advantages[i]})
	}
	return examples
}

// update adds up the gradients of all micro-batches and takes one optimiser step. An example without an
// advantage moves nothing unless entropy counts, so it is not computed; its tokens still count in the mean.
func (t *Trainer) update(ctx context.Context, examples []example, r *Report, first bool) error {
	r.Loss, r.Entropy, r.LogProb, r.ResponseTokens, r.Batches, r.computed = 0, 0, 0, 0, 0, 0
	for _, e := range examples {
		r.ResponseTokens += len(e.ResponseIDs)
	}
	if t.config.EntropyCoefficient == 0 {
		examples = slices.DeleteFunc(examples, func(e example) bool { return e.advantage == 0 })
	}
	if len(examples) == 0 {
		return nil
	}
	tokens, shared := r.Tokens, r.SharedTokens
	r.Tokens, r.SharedTokens = 0, 0
	if err := t.addGradients(ctx, examples, r, first); err != nil {
		return err
	}
	if err := t.ranks.addUp(r); err != nil {
		return err
	}
	r.Tokens, r.SharedTokens = r.Tokens+tokens, r.SharedTokens+shared
	if math.IsNaN(r.Loss) || math.IsInf(r.Loss, 0) {
		return fmt.Errorf("trainer.Step: the loss is %w", ErrNotFinite)
	}
	r.Entropy /= float64(r.computed)
	r.LogProb /= float64(r.computed)
	return t.optimise(r)
}

// microBatch adds one micro-batch's loss to the report and its gradients to the parameters.
func (t *Trainer) microBatch(p packed, temperature float64, r *Report, first bool, also around) (err error) {
	defer torch.Catch(&err)
	s := torch.NewScope()
	defer s.Close()
	f := newPass(t.model, s, p, t.config.ActivationCheckpointing, also)
	defer f.close()
	last, err := f.forward(p.ids)
	if err != nil {
		return err
	}
	for _, c := range p.chunks(t.logitsRows) {
		t.head(last, c, temperature, r, first)
	}
	r.Tokens += len(p.ids)
	r.SharedTokens += p.shared()
	return f.backward(last.Grad())
}

func (t *Trainer) clearGrads() {
	torch.ClearGrads(t.params)
	for _, g := range t.groups() {
		torch.ClearGrads(g.masters)
	}
}

func (t *Trainer) optimise(r *Report) error {
	var err error
	if r.GradNorm, err = t.ranks.clipGradNorm(t.graded(), t.config.MaxGradNorm); err != nil {
		return err
	}
	if math.IsNaN(r.GradNorm) || math.IsInf(r.GradNorm, 0) {
		return fmt.Errorf("trainer.Step: the gradients are %w", ErrNotFinite)
	}
	t.progress.Expect(OptimizerPhase, 1)
	before := spread(t.ranks.owned(t.params))
	t.updates++
	r.LearningRate = t.config.schedule(t.updates) * t.config.LearningRate
	t.move()
	t.clearGrads()
	if err := t.share(); err != nil {
		return err
	}
	torch.Lerp(t.averages, t.params[:len(t.averages)], 1-t.config.AverageDecay)
	if r.WeightChange, err = t.change(before); err != nil { // in the memory that the gradients had
		return err
	}
	if math.IsNaN(r.WeightChange) || math.IsInf(r.WeightChange, 0) {
		return ErrBadWeights
	}
	t.progress.Done(OptimizerPhase, 1)
	return nil
}
