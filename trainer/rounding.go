package trainer

import (
	"fmt"
	"slices"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/torch"
)

// Rounding says how weights in bf16 take updates that are smaller than the distance between two of their numbers, 0.4 to
// 0.8 % of a weight. Rounded to the nearest, such an update would be lost, however often it comes. Weights in f32 need none
// of this.
type Rounding string

const (
	// ByMasters keeps a copy of the weights in f32, which moves, and of which the weights are the nearest numbers.
	ByMasters Rounding = "masters"
	// Stochastic rounds each updated weight up or down at random, so that it is right in the mean; nothing is kept.
	Stochastic Rounding = "stochastic"
)

// ValidateFor tells whether weights of that type can learn as configured.
func (c Config) ValidateFor(dtype torch.DType) error {
	switch {
	case dtype != torch.F32 && dtype != torch.BF16:
		return fmt.Errorf("trainer.Config: weights in %s cannot learn; want f32 or bf16", dtype)
	case dtype != torch.F32 && c.AverageDecay > 0:
		return fmt.Errorf("trainer.Config: averages are of weights in f32; got average_decay %g with weights in %s, want 0; hint: --set trainer.average_decay=0", c.AverageDecay, dtype)
	}
	return nil
}

// wide is a copy in f32 of v, which is in less.
func wide(v *torch.Var) *torch.Var {
	s := torch.NewScope()
	defer s.Close()
	x := v.In(s).Detach()
	return x.To(torch.F32, x.Device()).Keep()
}

// keepMasters copies the group's weights to f32.
func (g *group) keepMasters() {
	g.state = append(g.state, state{prefix: master})
	s := &g.state[len(g.state)-1]
	for _, p := range g.params {
		s.vars = append(s.vars, wide(p.Var))
		g.masters = s.vars
	}
}

// gather adds the gradients of a micro-batch to those of the masters, in f32: added up in bf16 small ones would
// be lost as well. Without masters they stay where they are.
func (t *Trainer) gather() {
	for _, g := range t.groups() {
		for i, m := range g.masters {
			addGrad(m, g.params[i].Var)
		}
		torch.ClearGrads(g.vars()[:len(g.masters)])
	}
}

// addGrad adds the gradient of v, if it has one, to that of a variable in f32.
func addGrad(into, v *torch.Var) {
	s := torch.NewScope()
	defer s.Close()
	grad := v.Grad(s)
	if grad.IsNone() {
		return
	}
	grad = grad.To(torch.F32, grad.Device())
	if before := into.Grad(s); !before.IsNone() {
		grad = grad.Add(before)
	}
	into.SetGrad(grad)
}

// graded are the variables that hold the gradients of an update, and that the rules move: the masters, if there are any.
func (g group) graded() []*torch.Var {
	if g.masters != nil {
		return g.masters
	}
	return g.vars()
}

// graded are the variables that hold the gradients of all parameters.
func (t *Trainer) graded() []*torch.Var {
	if masters := slices.Concat(t.adamW.masters, t.muon.masters); masters != nil {
		return masters
	}
	return t.params
}

// round sets the weights to the numbers nearest to their masters, if there are any.
func (g group) round() {
	torch.NoGrad(func() {
		s := torch.NewScope()
		defer s.Close()
		for i, m := range g.masters {
			g.params[i].Var.Set(m.In(s))
		}
	})
}

// eachAlone moves one parameter after the other by way of a copy in f32, and rounds it at random.
func (g group) eachAlone(update int, step func(group)) {
	for i, p := range g.params {
		one := group{params: g.params[i : i+1], masters: []*torch.Var{wide(p.Var)}}
		for _, s := range g.state {
			one.state = append(one.state, state{s.prefix, s.vars[i : i+1]})
		}
		addGrad(one.masters[0], p.Var)
		step(one)
		one.roundStochastically(update)
		one.masters[0].Free()
	}
}

func (g group) roundStochastically(update int) {
	s := torch.NewScope()
	defer s.Close()
	for i, p := range g.params {
		p.Var.RoundStochastically(g.masters[i].In(s), azr.NewKey(uint64(update), "rounding of "+p.Name).Rand().Uint64())
	}
}
