package main

import (
	"time"

	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/torch"
)

// products is how long the model's own matrix products take at so many rows, layers and head, and nothing else.
func products(m *model.Decoder, rows, headRows int) time.Duration {
	s := torch.NewScope()
	defer s.Close()
	matrices := map[[2]int64][]torch.Tensor{}
	for _, p := range m.Parameters() {
		if shape := p.Var.Shape(); len(shape) == 2 && p.Var != m.Embedding && p.Var != m.Head {
			key := [2]int64(shape)
			matrices[key] = append(matrices[key], p.Var.In(s))
		}
	}
	inputs := map[int64]torch.Tensor{}
	input := func(n int, width int64) torch.Tensor {
		return s.Full(0.5, m.DType, m.Device, int64(n), width)
	}
	for shape := range matrices {
		inputs[shape[1]] = input(rows, shape[1])
	}
	head := input(headRows, int64(m.Config.HiddenSize))
	var took time.Duration
	torch.NoGrad(func() {
		begin := time.Now()
		for shape, list := range matrices {
			for _, weight := range list {
				inside := s.Child()
				inputs[shape[1]].In(inside).Linear(weight)
				inside.Close()
			}
		}
		inside := s.Child()
		m.Logits(head.In(inside))
		inside.Close()
		took = time.Since(begin)
	})
	return took
}

// reading is how long it takes to read the model's weights once, the embedding left out unless it is the head.
func reading(m *model.Decoder) time.Duration {
	s := torch.NewScope()
	defer s.Close()
	var took time.Duration
	torch.NoGrad(func() {
		begin := time.Now()
		for _, p := range m.Parameters() {
			if p.Var == m.Embedding && m.Head != m.Embedding {
				continue
			}
			inside := s.Child()
			p.Var.In(inside).SumAll()
			inside.Close()
		}
		took = time.Since(begin)
	})
	return took
}
