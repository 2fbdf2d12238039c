package trainer

import (
	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/torch"
)

// stage is one layer of a pass: its input as a leaf, and its output unless it is to be run again.
type stage struct {
	scope         *torch.Scope
	input, output torch.Tensor
}

// pass is one micro-batch's way through the decoder and back.
type pass struct {
	model      *model.Decoder
	scope      *torch.Scope // what lives as long as the pass
	angles     model.Angles
	attend     model.Attend
	recompute  bool
	embedded   torch.Tensor
	stages     []stage
	lastOutput torch.Tensor
}

// forward embeds the packed tokens and runs the layers, each on a leaf of its own.
func forward(m *model.Decoder, s *torch.Scope, p packed, recompute bool) *pass {
	f := &pass{
		model: m, scope: s, recompute: recompute,
		angles: m.Angles(s, model.Positions(len(p.ids), p.starts)),
		attend: m.Packed(p.starts),
	}
	f.embedded = m.Embed(s, p.ids)
	x := f.embedded
	for i := range m.NumLayers() {
		st := stage{scope: s.Child()}
		st.input = x.In(st.scope).Leaf()
		x = f.run(i, &st)
		f.stages = append(f.stages, st)
	}
	f.lastOutput = x.In(s)
	return f
}

// run computes layer i's output: recorded in the stage, or with recompute only its values.
func (f *pass) run(i int, st *stage) torch.Tensor {
	if !f.recompute {
		st.output = f.layer(i, st.input, st.scope)
		return st.output
	}
	var values torch.Tensor
	torch.NoGrad(func() { values = f.layer(i, st.input, f.scope) })
	return values
}

// layer runs layer i and leaves in scope to nothing but its output: what backward needs, the graph holds.
func (f *pass) layer(i int, input torch.Tensor, to *torch.Scope) torch.Tensor {
	inside := f.scope.Child()
	defer inside.Close()
	return f.model.Layer(i, input.In(inside), f.angles, f.attend).In(to)
}

// backward walks the layers in reverse from the gradient of the last output (N, D); each layer adds to
// its parameters' gradients and frees its graph.
func (f *pass) backward(gradND torch.Tensor) {
	for i := len(f.stages) - 1; i >= 0; i-- {
		st := &f.stages[i]
		if f.recompute {
			st.output = f.layer(i, st.input, st.scope)
		}
		st.output.Backward(gradND.In(st.scope))
		next := st.input.Grad().In(f.scope)
		st.scope.Close()
		gradND = next
	}
	f.embedded.Backward(gradND)
}

// close frees what a failed pass left open.
func (f *pass) close() {
	for i := range f.stages {
		f.stages[i].scope.Close()
	}
}
