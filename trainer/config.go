package trainer

import (
	"fmt"
	"maps"
	"slices"
)

// Config holds the update's constants. The defaults are the paper's.
type Config struct {
	// Optimizer is adamw (default) or muon.
	Optimizer Optimizer `yaml:"optimizer"`
	// LearningRate of AdamW (default 1e-6), reached linearly over WarmupSteps and then constant until DecayFrom.
	LearningRate float64 `yaml:"learning_rate"`
	// WarmupSteps is how many updates the learning rates take to their full value (default 0).
	WarmupSteps int `yaml:"warmup_steps"`
	// DecayFrom is the update from which the learning rates fall linearly until DecayTo (default 0).
	DecayFrom int `yaml:"decay_from"`
	// DecayTo is the update at which they have fallen to DecayFloor; 0 never lets them fall (default 0).
	DecayTo int `yaml:"decay_to"`
	// DecayFloor is the share of the learning rates that stays from DecayTo on (default 0).
	DecayFloor float64 `yaml:"decay_floor"`
	// MuonLearningRate of Muon, whose step has its size whatever the gradient's (default 0.01). It has the schedule
	// of LearningRate, and WeightDecay. Not in the paper.
	MuonLearningRate float64 `yaml:"muon_learning_rate"`
	// MuonMomentum is how much Muon's mean of the gradients keeps of itself at an update (default 0.95).
	MuonMomentum float64 `yaml:"muon_momentum"`
	// Beta1 is how much AdamW's mean of the gradients keeps of itself at an update (default 0.9).
	Beta1 float64 `yaml:"beta1"`
	// Beta2 is how much AdamW's mean of the squared gradients keeps of itself (default 0.999).
	Beta2 float64 `yaml:"beta2"`
	// Eps is added to the denominator of AdamW's update (default 1e-8).
	Eps float64 `yaml:"eps"`
	// WeightDecay, decoupled: an update takes this times the learning rate off each weight (default
	// 0.01, what PyTorch's AdamW and so the paper's runs have where nothing is said).
	WeightDecay float64 `yaml:"weight_decay"`
	// MaxGradNorm clips the L2 norm of all gradients together (default 1).
	MaxGradNorm float64 `yaml:"max_grad_norm"`
	// ClipLow bounds the probability ratio from below, to 1 - ClipLow (default 0.2).
	ClipLow float64 `yaml:"clip_low"`
	// ClipHigh bounds the probability ratio from above, to 1 + ClipHigh (default 0.2).
	ClipHigh float64 `yaml:"clip_high"`
	// DualClip, if above 0, bounds what a token of a negative advantage A loses: to DualClip times A, however far
	// its ratio has risen (default 0; not in the paper).
	DualClip float64 `yaml:"dual_clip"`
	// EntropyCoefficient times the mean token entropy is subtracted from the loss (default 0.001).
	EntropyCoefficient float64 `yaml:"entropy_coefficient"`
	// Epochs is how often a step goes over its samples (default 1).
	Epochs int `yaml:"epochs"`
	// Minibatches is how many updates an epoch makes, each with its share of the samples (default 1).
	Minibatches int `yaml:"minibatches"`
	// Algorithm turns rewards into advantages: "trr++" (task-relative REINFORCE++, the paper's, default), "reinforce++"
	// (one baseline for the whole step), "rloo" or "grpo" (a baseline for each prompt, which needs several answers to it).
	Algorithm Algorithm `yaml:"algorithm"`
	// ProposerWeight multiplies the advantages of proposals (default 1).
	ProposerWeight float64 `yaml:"proposer_weight"`
	// PositivesOnly replaces a solver's advantages below 0 by 0, after whitening (default false; not in the paper).
	PositivesOnly bool `yaml:"positives_only"`
	// Whitening computes a group's mean and deviation over its sequences ("sequence", the paper's
	// equation 8, default) or over its response tokens ("token", so that long responses weigh more). It is for
	// trr++ and reinforce++; rloo and grpo count answers.
	Whitening Whitening `yaml:"whitening"`
	// AverageDecay, if above 0, keeps an exponential average of the weights, which is what is evaluated and saved
	// (default 0: off; not in the paper).
	AverageDecay float64 `yaml:"average_decay"`
	// Replay of own right answers (default off; not in the paper).
	Replay Replay `yaml:"replay"`
	// Rounding of weights in bf16: "masters" (default) updates a copy of them in f32, "stochastic" rounds them at random and
	// keeps no copy, which saves 8 bytes a parameter and costs noise. Weights in f32 are not rounded.
	Rounding Rounding `yaml:"rounding"`
	// Sharding among several ranks: "zero1" (default) keeps a parameter's moments and master on one of them, which moves it;
	// "zero3" keeps in the update also the weights of layers and their gradients there, but for the layer that runs and the
	// one after it; "none" keeps all on each. One process alone has all.
	Sharding Sharding `yaml:"sharding"`
	// MicroBatchTokens bounds the tokens, prompts included, of one forward and backward pass (default 2048).
	// A longer sequence makes a pass of its own.
	MicroBatchTokens int `yaml:"micro_batch_tokens"`
	// SharePrefixes computes the tokens that sequences of a micro-batch begin with alike once, forward and backward
	// (default true): the same gradients up to rounding, for less.
	SharePrefixes bool `yaml:"share_prefixes"`
	// ActivationCheckpointing runs each layer's forward again before its backward and keeps only layer
	// inputs: about a third more compute for a fraction of the memory (default false).
	ActivationCheckpointing bool `yaml:"activation_checkpointing"`
}

// Whitening says what a group's mean and deviation are taken over.
type Whitening string

const (
	// BySequence weighs every sequence alike.
	BySequence Whitening = "sequence"
	// ByToken weighs a sequence by its response tokens.
	ByToken Whitening = "token"
)

// DefaultConfig is the paper's update.
func DefaultConfig() Config {
	return Config{
		Optimizer: AdamW, LearningRate: 1e-6, MuonLearningRate: 0.01, MuonMomentum: 0.95,
		Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.01, MaxGradNorm: 1,
		ClipLow: 0.2, ClipHigh: 0.2, EntropyCoefficient: 0.001, Epochs: 1, Minibatches: 1, Algorithm: TaskRelative, ProposerWeight: 1,
		Replay: Replay{Weight: 0.5, Window: 2000}, Whitening: BySequence, Rounding: ByMasters, Sharding: ZeRO1, MicroBatchTokens: 2048, SharePrefixes: true,
	}
}

// Validate reports the first value that makes no sense.
func (c Config) Validate() error {
	for _, v := range []struct {
		key    string
		value  float64
		lo, hi float64
	}{
		{"learning_rate", c.LearningRate, 0, 1}, {"warmup_steps", float64(c.WarmupSteps), 0, 1e9},
		{"beta1", c.Beta1, 0, 1}, {"beta2", c.Beta2, 0, 1}, {"eps", c.Eps, 0, 1}, {"weight_decay", c.WeightDecay, 0, 1},
		{"max_grad_norm", c.MaxGradNorm, 1e-12, 1e12}, {"clip_low", c.ClipLow, 0, 1}, {"clip_high", c.ClipHigh, 0, 100}, {"dual_clip", c.DualClip, 0, 1000},
		{"entropy_coefficient", c.EntropyCoefficient, -1, 1}, {"epochs", float64(c.Epochs), 1, 100}, {"minibatches", float64(c.Minibatches), 1, 1e6},
		{"decay_from", float64(c.DecayFrom), 0, 1e9}, {"decay_to", float64(c.DecayTo), 0, 1e9}, {"decay_floor", c.DecayFloor, 0, 1},
		{"muon_learning_rate", c.MuonLearningRate, 0, 1}, {"muon_momentum", c.MuonMomentum, 0, 1},
		{"average_decay", c.AverageDecay, 0, 1}, {"replay.count", float64(c.Replay.Count), 0, 1e6},
		{"replay.weight", c.Replay.Weight, 0, 100}, {"replay.window", float64(c.Replay.Window), 1, 1e6},
		{"proposer_weight", c.ProposerWeight, 0, 1e6},
		{"micro_batch_tokens", float64(c.MicroBatchTokens), 1, 1 << 30},
	} {
		if !(v.value >= v.lo && v.value <= v.hi) {
			return fmt.Errorf("trainer.Config: %s out of range; got %g, want %g to %g", v.key, v.value, v.lo, v.hi)
		}
	}
	if c.Optimizer != AdamW && c.Optimizer != Muon {
		return fmt.Errorf("trainer.Config: unknown optimizer; got %q, want %q or %q", c.Optimizer, AdamW, Muon)
	}
	if c.Rounding != ByMasters && c.Rounding != Stochastic {
		return fmt.Errorf("trainer.Config: unknown rounding; got %q, want %q or %q", c.Rounding, ByMasters, Stochastic)
	}
	if c.Sharding != NoSharding && c.Sharding != ZeRO1 && c.Sharding != ZeRO3 {
		return fmt.Errorf("trainer.Config: unknown sharding; got %q, want %q, %q or %q", c.Sharding, NoSharding, ZeRO1, ZeRO3)
	}
	if c.Sharding == ZeRO3 && c.AverageDecay > 0 {
		return fmt.Errorf("trainer.Config: averages are of whole weights; got average_decay %g with sharding %s, want 0", c.AverageDecay, c.Sharding)
	}
	if c.DecayTo != 0 && c.DecayTo < c.DecayFrom {
		return fmt.Errorf("trainer.Config: decay_to is before decay_from; got %d, want at least %d", c.DecayTo, c.DecayFrom)
	}
	if estimators[c.Algorithm] == nil {
		return fmt.Errorf("trainer.Config: unknown algorithm; got %q, want one of %q", c.Algorithm, slices.Sorted(maps.Keys(estimators)))
	}
	if c.Whitening == ByToken && c.Algorithm.NeedsGroups() {
		return fmt.Errorf("trainer.Config: whitening token is not for algorithm %s, which compares the answers to one prompt; want sequence", c.Algorithm)
	}
	if c.Whitening != BySequence && c.Whitening != ByToken {
		return fmt.Errorf("trainer.Config: unknown whitening; got %q, want %q or %q", c.Whitening, BySequence, ByToken)
	}
	return nil
}

// schedule is the share of the learning rates that update number n has, counted from 1.
func (c Config) schedule(n int) float64 {
	switch {
	case n < c.WarmupSteps:
		return float64(n) / float64(c.WarmupSteps)
	case c.DecayTo == 0 || n <= c.DecayFrom:
		return 1
	case n >= c.DecayTo:
		return c.DecayFloor
	}
	left := float64(c.DecayTo-n) / float64(c.DecayTo-c.DecayFrom)
	return c.DecayFloor + (1-c.DecayFloor)*left
}
