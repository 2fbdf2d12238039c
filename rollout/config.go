package rollout

import "fmt"

// Config sizes the running batch.
type Config struct {
	// Slots is how many sequences run at once (default 32).
	Slots int `yaml:"slots"`
	// Room is how many tokens a sequence may have, prompt and response together (default 2048; at most
	// the model's max_position_embeddings).
	Room int `yaml:"room"`
	// CacheTokens is how many tokens the cache holds, those of prompts that sequences share once (default 0: as many as
	// Slots sequences that fill their Room can need). Where running sequences outgrow it, the youngest wait and begin again.
	CacheTokens int `yaml:"cache_tokens"`
	// CUDAGraphs records decoding on a CUDA device and replays it, which spares the host's calls between small kernels; the
	// CPU has none (default true).
	CUDAGraphs bool `yaml:"cuda_graphs"`
	// ChatTemplateKwargs go to the model's chat template beside the messages, for example
	// {enable_thinking: false} to Qwen3's (default none).
	ChatTemplateKwargs map[string]any `yaml:"chat_template_kwargs"`
}

// DefaultConfig is 32 slots of 2048 tokens.
func DefaultConfig() Config { return Config{Slots: 32, Room: 2048, CUDAGraphs: true} }

// Validate reports the first value that makes no sense.
func (c Config) Validate() error {
	if c.Slots < 1 || c.Slots > 4096 {
		return fmt.Errorf("rollout.Config: slots out of range; got %d, want 1 to 4096", c.Slots)
	}
	if c.Room < 2 {
		return fmt.Errorf("rollout.Config: room out of range; got %d, want at least 2 tokens", c.Room)
	}
	if c.CacheTokens < 0 {
		return fmt.Errorf("rollout.Config: cache_tokens out of range; got %d, want at least 0", c.CacheTokens)
	}
	return nil
}
