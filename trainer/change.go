package trainer

import (
	"math"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/torch"
)

// probed is how many elements of a parameter tell how far it moves.
const probed = 4096

// spread is evenly spread elements of each parameter, in f32.
func spread(params []*torch.Var) [][]float32 {
	elements := make([][]float32, len(params))
	for i, p := range params {
		elements[i] = spreadOf(p)
	}
	return elements
}

// spreadOf copies every n-th element of v, in row-major order.
func spreadOf(v *torch.Var) (elements []float32) {
	size := sizeOf(v)
	stride := (size + probed - 1) / probed
	at := make([]int64, 0, probed)
	for i := int64(0); i < size; i += stride {
		at = append(at, i)
	}
	s := torch.NewScope()
	defer s.Close()
	torch.NoGrad(func() {
		flat := v.In(s).Detach().Reshape(size)
		elements = flat.IndexSelect(0, s.FromInt64s(at, flat.Device())).To(torch.F32, torch.CPU).Float32s()
	})
	return elements
}

// change estimates the L2 norm of the parameters' change since before was the spread of those that this rank moves.
func (t *Trainer) change(before [][]float32) (float64, error) {
	squares, err := t.ranks.sumIfSharded(changeSquared(t.ranks.owned(t.params), before))
	return math.Sqrt(squares), err
}

// changeSquared estimates the sum of squares of the parameters' change since before was their spread. Of parameters of at
// most probed elements it is exact.
func changeSquared(params []*torch.Var, before [][]float32) (squares float64) {
	for i, now := range spread(params) {
		sum := 0.0
		for j, x := range now {
			sum += math.Pow(float64(x)-float64(before[i][j]), 2)
		}
		squares += sum * float64(sizeOf(params[i])) / float64(len(now))
	}
	return squares
}

func sizeOf(v *torch.Var) int64 {
	size := int64(1)
	for _, n := range v.Shape() {
		size *= n
	}
	return size
}

// instructive counts the groups in which a sample has an advantage: those that the update learns from.
func instructive(samples []azr.Sample, advantages []float64) int {
	groups := map[azr.Group]bool{}
	for i, s := range samples {
		if advantages[i] != 0 {
			groups[s.Group] = true
		}
	}
	return len(groups)
}
