package model

import "errors"

// llama is the plain decoder. With attention_bias, all four projections of attention have a bias.
func llama(c Config) (Layout, error) {
	if c.MLPBias {
		return Layout{}, errors.New("unsupported Llama; got mlp_bias true, want false")
	}
	return Layout{QKVBias: c.AttentionBias, OutputBias: c.AttentionBias}, nil
}
