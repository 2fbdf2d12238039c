package model

import (
	"math"
	"math/rand/v2"
	"strings"

	"github.com/azr-train/azr/torch"
)

// Random makes a decoder that has learned nothing: matrices are normal with deviation 0.02, those that end
// a residual branch 1/sqrt(2 layers) of that, norms 1 and biases 0. The weights are a function of rng's state.
func Random(config Config, rng *rand.Rand, dtype torch.DType, device torch.Device) (d *Decoder, err error) {
	defer torch.Catch(&err)
	d = newDecoder(config, dtype, device)
	s := torch.NewScope()
	defer s.Close()
	for _, w := range d.weights() {
		count := int64(1)
		for _, size := range w.shape {
			count *= size
		}
		values := make([]float32, count)
		for i := range values {
			values[i] = initial(w, config.NumHiddenLayers, rng)
		}
		*w.into = s.FromFloat32s(values, torch.CPU, w.shape...).To(dtype, device).Keep()
	}
	if config.TieWordEmbeddings {
		d.Head = d.Embedding
	}
	return d, nil
}

// initial draws one number of a weight.
func initial(w weight, layers int, rng *rand.Rand) float32 {
	switch {
	case strings.HasSuffix(w.name, ".bias"):
		return 0
	case len(w.shape) == 1:
		return 1
	}
	deviation := 0.02
	if strings.HasSuffix(w.name, "o_proj.weight") || strings.HasSuffix(w.name, "down_proj.weight") {
		deviation /= math.Sqrt(2 * float64(layers))
	}
	return float32(deviation * rng.NormFloat64())
}
