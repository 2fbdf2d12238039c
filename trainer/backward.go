package trainer

import (
	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/torch"
)

// stage is one layer of a pass: its input as a leaf, and its output unless it is to be run again.
type stage struct{ input, output torch.Tensor }

// pass is one micro-batch's way through the decoder and back.
type pass struct {
	model     *model.Decoder
	scope     *torch.Scope // what lives as long as the pass
	angles    model.Angles
	attend    model.Attend
	recompute bool
	embedded  torch.Tensor
	stages    []stage
	// scopes holds one for each stage and a last one for what follows the layers. A stage's input lives in
	// its scope, and so does the gradient that comes in; backward closes them on its way.
	scopes []*torch.Scope
}

// newPass begins a pass of packed tokens. Its close must be called in the end.
func newPass(m *model.Decoder, s *torch.Scope, p packed, recompute bool) *pass {
	return &pass{model: m, scope: s, recompute: recompute, angles: m.Angles(s, p.positions), attend: m.Tree(p.segments)}
}

// open begins the next stage.
func (f *pass) open() *torch.Scope {
	scope := f.scope.Child()
	f.scopes = append(f.scopes, scope)
	return scope
}

// forward embeds the ids (N) and runs the layers, each on a leaf of its own. The last output (N, D) is a
// leaf too, and its scope is closed when backward begins.
func (f *pass) forward(ids []int64) torch.Tensor {
	f.embedded = f.model.Embed(f.scope, ids)
	x := f.embedded.In(f.open()).Leaf()
	for i := range f.model.NumLayers() {
		st := stage{input: x}
		x = f.run(i, &st, f.open()).Leaf()
		f.stages = append(f.stages, st)
	}
	return x
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
// its parameters' gradients and frees its graph and its input. Then graded is called, and at last for what is in no layer.
func (f *pass) backward(gradND torch.Tensor, graded func(layer int)) {
	for i := len(f.stages) - 1; i >= 0; i-- {
		st, scope := f.stages[i], f.scopes[i]
		gradND = gradND.In(scope)
		f.scopes[i+1].Close()
		if f.recompute {
			st.output = f.layer(i, st.input, scope)
		}
		st.output.Backward(gradND)
		gradND = st.input.Grad()
		graded(i)
	}
	if f.model.LoRA().Rank == 0 { // adapters leave the embedding as it is
		f.embedded.Backward(gradND)
	}
	graded(noLayer)
}

// close frees what is left, also of a pass that failed on its way.
func (f *pass) close() {
	for _, scope := range f.scopes {
		scope.Close()
	}
}
