package trainer

import (
	"fmt"
	"slices"

	"github.com/azr-train/azr/torch"
	"github.com/azr-train/azr/torch/safetensors"
)

// Updates is the number of optimiser steps made so far.
func (t *Trainer) Updates() int { return t.updates }

// MicroBatchTokens bounds the tokens of a micro-batch: the config's, or less once memory ran out. Other sizes
// round differently, so a resumed run goes on with it.
func (t *Trainer) MicroBatchTokens() int { return t.microBatchTokens }

// LimitMicroBatches makes micro-batches of at most so many tokens, where the config allows more.
func (t *Trainer) LimitMicroBatches(tokens int) {
	t.microBatchTokens = max(1, min(t.microBatchTokens, tokens))
}

// Optimizer lists the optimiser's state as a safetensors file takes them, which does not depend on the number of ranks.
// Rank 0 has it all, in memory that release frees; the others' lists are empty. All ranks have to call it.
func (t *Trainer) Optimizer() (list []safetensors.Tensor, release func(), err error) {
	defer torch.Catch(&err)
	var copies []*torch.Var
	release = func() {
		for _, v := range copies {
			v.Free()
		}
	}
	for _, g := range t.groups() {
		for _, s := range g.state {
			vars, own := s.vars, make([]*torch.Var, 0, len(g.all))
			for _, p := range g.all {
				var v *torch.Var
				if t.ranks.owns(p.Var) {
					v, vars = vars[0], vars[1:]
				}
				if t.ranks.owner != nil && t.ranks.owner[p.Var] != 0 {
					if v, err = t.ranks.fetch(p, v); err != nil {
						release()
						return nil, nil, err
					}
					copies = append(copies, v)
				}
				own = append(own, v)
			}
			if t.ranks.rank() == 0 {
				list = append(list, stored(s.prefix, g.all, own)...)
			}
		}
	}
	if len(t.averages) > 0 && t.ranks.rank() == 0 {
		list = append(list, stored(live, t.model.Trainable(), t.params)...)
	}
	return list, release, nil
}

// Restore continues an optimiser, with the decoder's weights as [Trainer.Model] wrote them, that [Trainer.Optimizer] wrote after the given number of updates.
func (t *Trainer) Restore(file *safetensors.File, updates int) (err error) {
	defer torch.Catch(&err)
	for _, g := range t.groups() {
		for i, p := range g.params {
			for _, s := range g.state {
				if err := restore(file, s.prefix+p.Name, s.vars[i]); err != nil {
					return err
				}
			}
		}
	}
	t.updates = updates
	return t.restoreAverages(file)
}

func restore(file *safetensors.File, name string, v *torch.Var) error {
	info, ok := file.Lookup(name)
	if !ok || !slices.Equal(info.Shape, v.Shape()) {
		return fmt.Errorf("trainer.Restore: %s does not fit the model; got %v of %s, want %v", file.Path(), info.Shape, name, v.Shape())
	}
	dtype, err := torch.ParseDType(string(info.DType))
	if err != nil {
		return err
	}
	data, err := file.Read(name)
	if err != nil {
		return err
	}
	s := torch.NewScope()
	defer s.Close()
	v.Set(s.FromBytes(data, dtype, torch.CPU, info.Shape...))
	return nil
}
