package trainer

import (
	"fmt"
)

// Config holds the update's constants. The defaults are the paper's.
type Config struct {
	// LearningRate of AdamW (default 1e-6), reached linearly over WarmupSteps and then constant.
	LearningRate float64 `yaml:"learning_rate"`
	// WarmupSteps is how many updates the learning rate takes to its full value (default 0).
	WarmupSteps int `yaml:"warmup_steps"`
	// Beta1 is how much AdamW's mean of the gradients keeps of itself at an update (default 0.9).
	Beta1 float64 `yaml:"beta1"`
	// Beta2 is how much AdamW's mean of the squared gradients keeps of itself (default 0.999).
	Beta2 float64 `yaml:"beta2"`
	// Eps is added to the denominator of AdamW's update (default 1e-8).
	Eps float64 `yaml:"eps"`
	// WeightDecay of AdamW, decoupled: an update takes this times the learning rate off each weight (default
	// 0.01, what PyTorch's AdamW and so the paper's runs have where nothing is said).
	WeightDecay float64 `yaml:"weight_decay"`
	// MaxGradNorm clips the L2 norm of all gradients together (default 1).
	MaxGradNorm float64 `yaml:"max_grad_norm"`
	// ClipLow bounds the probability ratio from below, to 1 - ClipLow (default 0.2).
	ClipLow float64 `yaml:"clip_low"`
	// ClipHigh bounds the probability ratio from above, to 1 + ClipHigh (default 0.2).
	ClipHigh float64 `yaml:"clip_high"`
	// EntropyCoefficient times the mean token entropy is subtracted from the loss (default 0.001).
	EntropyCoefficient float64 `yaml:"entropy_coefficient"`
	// Epochs is how many updates a step makes with its samples (default 1).
	Epochs int `yaml:"epochs"`
	// Whitening computes a group's mean and deviation over its sequences ("sequence", the paper's
	// equation 8, default) or over its response tokens ("token", so that long responses weigh more).
	Whitening Whitening `yaml:"whitening"`
	// MicroBatchTokens bounds the tokens, prompts included, of one forward and backward pass (default 2048).
	// A longer sequence makes a pass of its own.
	MicroBatchTokens int `yaml:"micro_batch_tokens"`
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
		LearningRate: 1e-6, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.01, MaxGradNorm: 1,
		ClipLow: 0.2, ClipHigh: 0.2, EntropyCoefficient: 0.001, Epochs: 1, Whitening: BySequence, MicroBatchTokens: 2048,
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
		{"max_grad_norm", c.MaxGradNorm, 1e-12, 1e12}, {"clip_low", c.ClipLow, 0, 1}, {"clip_high", c.ClipHigh, 0, 100},
		{"entropy_coefficient", c.EntropyCoefficient, -1, 1}, {"epochs", float64(c.Epochs), 1, 100},
		{"micro_batch_tokens", float64(c.MicroBatchTokens), 1, 1 << 30},
	} {
		if !(v.value >= v.lo && v.value <= v.hi) {
			return fmt.Errorf("trainer.Config: %s out of range; got %g, want %g to %g", v.key, v.value, v.lo, v.hi)
		}
	}
	if c.Whitening != BySequence && c.Whitening != ByToken {
		return fmt.Errorf("trainer.Config: unknown whitening; got %q, want %q or %q", c.Whitening, BySequence, ByToken)
	}
	return nil
}

// learningRate at update number n, counted from 1.
func (c Config) learningRate(n int) float64 {
	if n < c.WarmupSteps {
		return c.LearningRate * float64(n) / float64(c.WarmupSteps)
	}
	return c.LearningRate
}
