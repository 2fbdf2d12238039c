package trainer

import (
	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/torch"
	"github.com/azr-train/azr/torch/safetensors"
)

// Averaging the weights over updates evens out the noise of a high learning rate. With AverageDecay d, after each
// update
//
//	average = d average + (1 - d) weights
//
// The policy plays with the weights; what is evaluated and saved as the model is the average.

// fillAverages copies the decoder's weights, if there is averaging.
func (t *Trainer) fillAverages() {
	if t.config.AverageDecay == 0 {
		return
	}
	s := torch.NewScope()
	defer s.Close()
	for _, p := range t.model.Trainable() {
		average := zerosLike(p, t.model.Device)
		t.averages = append(t.averages, average)
		average.Set(p.Var.In(s).Detach())
	}
}

// Averaged runs f while the decoder's weights are their average. Without averaging it just runs f.
func (t *Trainer) Averaged(f func() error) (err error) {
	defer torch.Catch(&err)
	if len(t.averages) == 0 {
		return f()
	}
	torch.Exchange(t.params, t.averages)
	defer torch.Exchange(t.params, t.averages)
	return f()
}

// Model lists what to save as the model: its weights or, where adapters learn, these; the averages if there are any.
func (t *Trainer) Model() []safetensors.Tensor {
	learned := t.params
	if len(t.averages) > 0 {
		learned = t.averages
	}
	return stored("", t.model.Trainable(), learned)
}

// restoreAverages takes the decoder's weights as the averages and the live ones from the optimiser's file.
func (t *Trainer) restoreAverages(file *safetensors.File) error {
	if len(t.averages) == 0 {
		return nil
	}
	torch.Exchange(t.params, t.averages)
	for i, p := range t.model.Trainable() {
		if err := restore(file, live+p.Name, t.params[i]); err != nil {
			return err
		}
	}
	return nil
}

// stored lists vars, one a parameter, under the parameters' names with a prefix.
func stored(prefix string, params []model.Parameter, vars []*torch.Var) []safetensors.Tensor {
	var list []safetensors.Tensor
	for i, p := range params {
		list = append(list, model.Stored(prefix+p.Name, vars[i], p.Shape))
	}
	return list
}
