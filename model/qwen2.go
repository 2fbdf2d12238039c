package model

// qwen2 is Qwen2 and Qwen2.5: the query, key and value projections always have a bias.
func qwen2(Config) (Layout, error) { return Layout{QKVBias: true}, nil }
