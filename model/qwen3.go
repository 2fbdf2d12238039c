package model

// qwen3 normalises each query and key head. With attention_bias, all four projections of attention have a bias.
func qwen3(c Config) (Layout, error) {
	return Layout{QKNorm: true, QKVBias: c.AttentionBias, OutputBias: c.AttentionBias}, nil
}
