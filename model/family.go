package model

import (
	"fmt"
	"slices"
)

// Layout is where the families differ.
type Layout struct {
	// QKVBias adds a bias to the query, key and value projections, OutputBias one to what follows attention.
	QKVBias, OutputBias bool
	// QKNorm normalises each query and key head before it is rotated.
	QKNorm bool
}

// families maps the names in "architectures" to the files of this package.
var families = map[string]func(Config) (Layout, error){
	"LlamaForCausalLM": llama,
	"Qwen2ForCausalLM": qwen2,
	qwen3Name:          qwen3,
}

func layoutOf(c Config) (Layout, error) {
	for _, name := range c.Architectures {
		if family, ok := families[name]; ok {
			return family(c)
		}
	}
	known := make([]string, 0, len(families))
	for name := range families {
		known = append(known, name)
	}
	slices.Sort(known)
	return Layout{}, fmt.Errorf("unsupported architecture; got %q, want one of %q", c.Architectures, known)
}
