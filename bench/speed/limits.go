package main

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/torch"
)

// tries is how often a limit is timed; the quickest counts.
const tries = 3

// products is how long the model's own matrix products take at so many rows, layers and head, and nothing else: in
// libtorch, or in the loops of batch-invariant mode, whichever is faster.
func products(m *model.Decoder, rows, headRows int) time.Duration {
	quickest := time.Duration(math.MaxInt64)
	for range tries {
		quickest = min(quickest, allProducts(m, rows, headRows))
		torch.BatchInvariant(func() { quickest = min(quickest, allProducts(m, rows, headRows)) })
	}
	return quickest
}

func allProducts(m *model.Decoder, rows, headRows int) time.Duration {
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

// reading is how long it takes to read the model's weights once, on as many goroutines as the sides have threads, the
// embedding left out unless it is the head.
func reading(m *model.Decoder, threads int) time.Duration {
	quickest := time.Duration(math.MaxInt64)
	for range tries {
		quickest = min(quickest, readOnce(m, threads))
	}
	return quickest
}

func readOnce(m *model.Decoder, threads int) time.Duration {
	var parts [][]byte
	for _, p := range m.Parameters() {
		if p.Var == m.Embedding && m.Head != m.Embedding {
			continue
		}
		view := p.Var.View()
		for part := range threads {
			parts = append(parts, view[len(view)*part/threads:len(view)*(part+1)/threads])
		}
	}
	begin := time.Now()
	var readers sync.WaitGroup
	for reader := range threads {
		readers.Go(func() {
			for i := reader; i < len(parts); i += threads {
				sink.Add(readAll(parts[i]))
			}
		})
	}
	readers.Wait()
	return time.Since(begin)
}

// sink keeps the compiler from leaving reads out.
var sink atomic.Uint64

// readAll touches every cache line of data: the processor fetches whole lines.
func readAll(data []byte) (sum uint64) {
	const line = 64
	for ; len(data) >= 4*line; data = data[4*line:] {
		sum += uint64(data[0]) + uint64(data[line]) + uint64(data[2*line]) + uint64(data[3*line])
	}
	return sum
}
