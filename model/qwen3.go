package model

const (
	qwen3Name = "Qwen3ForCausalLM"
	// qwen3HeadDim is the head size of a config that names none; other families divide the hidden size.
	qwen3HeadDim = 128
)

// qwen3 normalises each query and key head. With attention_bias, all four projections of attention have a bias.
func qwen3(c Config) (Layout, error) {
	return Layout{QKNorm: true, QKVBias: c.AttentionBias, OutputBias: c.AttentionBias}, nil
}
