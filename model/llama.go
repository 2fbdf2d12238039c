package model

import "errors"

// llama is the plain decoder: no biases, no norms inside attention.
func llama(c Config) (Layout, error) {
	if c.AttentionBias || c.MLPBias {
		return Layout{}, errors.New("model.Load: unsupported Llama; got attention_bias or mlp_bias true, want both false")
	}
	return Layout{}, nil
}
