package trainer

import (
	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/torch"
)

// stage is one layer of a pass: its input as a leaf, and its output unless it is to be run again.
type stage struct{ input, output torch.Tensor }

// noLayer is the number of what is in no layer: the embedding, the final norm and the head.
const noLayer = -1

// pass is one micro-batch's way through the decoder and back.
type pass struct {
	model     *model.Decoder
	scope     *torch.Scope // what lives as long as the pass
	angles    model.Angles
	attend    model.Attend
	recompute bool
	around    around
	embedded  torch.Tensor
	stages    []stage
	// scopes holds one for each stage and a last one for what follows the layers. A stage's input lives in
	// its scope, and so does the gradient that comes in; backward closes them on its way.
	scopes []*torch.Scope
}

// around is what else is done at each layer of a pass.
type around struct {
	// before a layer runs, forward or backward, with the one that runs after it, noLayer if none does
	before func(layer, next int) error
	// graded: its gradients are there
	graded func(layer int) error
	// after it has run, unless it is the next one too
	after func(layer int)
}

// alone has nothing else to do.
var alone = around{
	before: func(int, int) error { return nil }, graded: func(int) error { return nil }, after: func(int) {},
}

// counting counts in n what has been done at layers.
func (a around) counting(n *int) around {
	counted := func(err error) error {
		if err == nil {
			*n++
		}
		return err
	}
	return around{
		before: func(layer, next int) error { return counted(a.before(layer, next)) },
		graded: func(layer int) error { return counted(a.graded(layer)) },
		after:  func(layer int) { a.after(layer); *n++ },
	}
}

// from leaves out the first n of what is done at layers: a pass has done them before it failed.
func (a around) from(n int) around {
	done := func() bool { n--; return n >= 0 }
	return around{
		before: func(layer, next int) error {
			if done() {
				return nil
			}
			return a.before(layer, next)
		},
		graded: func(layer int) error {
			if done() {
				return nil
			}
			return a.graded(layer)
		},
		after: func(layer int) {
			if !done() {
				a.after(layer)
			}
		},
	}
}

// newPass begins a pass of packed tokens. Its close must be called in the end.
func newPass(m *model.Decoder, s *torch.Scope, p packed, recompute bool, also around) *pass {
	return &pass{model: m, scope: s, recompute: recompute, around: also, angles: m.Angles(s, p.positions), attend: m.Tree(p.segments)}
}

// open begins the next stage.
func (f *pass) open() *torch.Scope {
	scope := f.scope.Child()
	f.scopes = append(f.scopes, scope)
	return scope
}

// forward embeds the ids (N) and runs the layers, each on a leaf of its own. The last output (N, D) is a
// leaf too, and its scope is closed when backward begins.
func (f *pass) forward(ids []int64) (torch.Tensor, error) {
	f.embedded = f.model.Embed(f.scope, ids)
	x := f.embedded.In(f.open()).Leaf()
	err := f.around.forward(f.model.NumLayers(), func(i int) {
		st := stage{input: x}
		x = f.run(i, &st, f.open()).Leaf()
		f.stages = append(f.stages, st)
	})
	return x, err
}

// forward runs layers in order.
func (a around) forward(layers int, run func(layer int)) error {
	for i := range layers {
		next := i + 1
		if next == layers {
			next = noLayer
		}
		if err := a.before(i, next); err != nil {
			return err
		}
		run(i)
		if next != noLayer { // else backward begins with it
			a.after(i)
		}
	}
	return nil
}

// backward runs layers in reverse, and then what is in none.
func (a around) backward(layers int, run func(layer int)) error {
	for i := layers - 1; i >= 0; i-- {
		if err := a.before(i, i-1); err != nil { // noLayer before the first
			return err
		}
		run(i)
		if err := a.graded(i); err != nil {
			return err
		}
		a.after(i)
	}
	run(noLayer)
	return a.graded(noLayer)
}

// run computes layer i's output in scope to, recorded in the stage unless it is to be run again.
func (f *pass) run(i int, st *stage, to *torch.Scope) torch.Tensor {
	if !f.recompute {
		st.output = f.layer(i, st.input, st.input.Scope())
		return st.output.In(to)
	}
	var values torch.Tensor
	torch.NoGrad(func() { values = f.layer(i, st.input, to) })
	return values
}

// layer runs layer i and leaves in scope to nothing but its output: what backward needs, the graph holds.
func (f *pass) layer(i int, input torch.Tensor, to *torch.Scope) torch.Tensor {
	inside := f.scope.Child()
	defer inside.Close()
	return f.model.Layer(i, input.In(inside), f.angles, f.attend).In(to)
}

// backward walks the layers in reverse from the gradient of the last output (N, D); each layer adds to
// its parameters' gradients and frees its graph and its input.
func (f *pass) backward(gradND torch.Tensor) error {
	return f.around.backward(len(f.stages), func(i int) {
		if i == noLayer {
			if f.model.LoRA().Rank == 0 { // adapters leave the embedding as it is
				f.embedded.Backward(gradND)
			}
			return
		}
		st, scope := f.stages[i], f.scopes[i]
		gradND = gradND.In(scope)
		f.scopes[i+1].Close()
		if f.recompute {
			st.output = f.layer(i, st.input, scope)
		}
		st.output.Backward(gradND)
		gradND = st.input.Grad()
	})
}

// close frees what is left, also of a pass that failed on its way.
func (f *pass) close() {
	for _, scope := range f.scopes {
		scope.Close()
	}
}
