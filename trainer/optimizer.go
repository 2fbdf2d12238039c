package trainer

import (
	"slices"

	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/torch"
)

// Optimizer names the rule that moves the weights.
type Optimizer string

const (
	// AdamW moves all weights (the paper's).
	AdamW Optimizer = "adamw"
	// Muon moves the matrices inside the layers; AdamW moves the rest. It learns in fewer updates, from nothing above all.
	Muon Optimizer = "muon"
)

// The optimiser's tensors are named for their parameter with one of these prefixes.
const (
	firstMoment  = "exp_avg."
	secondMoment = "exp_avg_sq."
	momentum     = "momentum_buffer."
	live         = "live."
	master       = "master."
)

// group is the parameters that one rule moves, with that rule's state: tensors of the parameters' shapes, in f32.
type group struct {
	all    []model.Parameter
	params []model.Parameter // those of all that this rank moves
	state  []state
	// masters are the last of the state, where parameters in less than f32 have them.
	masters []*torch.Var
}

// state is one tensor for each parameter of a group, stored under their names with a prefix.
type state struct {
	prefix string
	vars   []*torch.Var
}

// fill makes the group's state, zeros in f32, under the given prefixes. What it made before memory ran out is in g.
func (g *group) fill(m *model.Decoder, r *ranks, params []model.Parameter, prefixes ...string) {
	g.all = params
	g.params = slices.DeleteFunc(slices.Clone(params), func(p model.Parameter) bool { return !r.owns(p.Var) })
	for _, prefix := range prefixes {
		g.state = append(g.state, state{prefix: prefix})
		s := &g.state[len(g.state)-1]
		for _, p := range g.params {
			s.vars = append(s.vars, zerosLike(p, m.Device))
		}
	}
}

func zerosLike(p model.Parameter, device torch.Device) *torch.Var {
	s := torch.NewScope()
	defer s.Close()
	return s.Zeros(torch.F32, device, p.Shape...).Keep()
}

func (g group) vars() []*torch.Var {
	vars := make([]*torch.Var, len(g.params))
	for i, p := range g.params {
		vars[i] = p.Var
	}
	return vars
}

func (g group) free() {
	for _, s := range g.state {
		for _, v := range s.vars {
			v.Free()
		}
	}
}

// byMuon tells whether Muon moves a parameter.
func (c Config) byMuon(name string, shape []int64) bool {
	_, inside := model.LayerOf(name)
	return c.Optimizer == Muon && len(shape) == 2 && inside
}

// fillGroups splits the decoder's parameters between AdamW and Muon.
func (t *Trainer) fillGroups() {
	var rest, matrices []model.Parameter
	for _, p := range t.model.Trainable() {
		if t.config.byMuon(p.Name, p.Shape) {
			matrices = append(matrices, p)
		} else {
			rest = append(rest, p)
		}
	}
	t.adamW.fill(t.model, &t.ranks, rest, firstMoment, secondMoment)
	t.muon.fill(t.model, &t.ranks, matrices, momentum)
	if t.model.DType != torch.F32 && t.config.Rounding == ByMasters {
		t.adamW.keepMasters()
		t.muon.keepMasters()
	}
}

// move takes one step of both rules, as update number t.updates.
func (t *Trainer) move() {
	t.moveGroup(t.adamW, t.adamWStep)
	t.moveGroup(t.muon, t.muonStep)
}

func (t *Trainer) moveGroup(g group, step func(group)) {
	switch {
	case len(g.params) == 0:
	case t.model.DType != torch.F32 && t.config.Rounding == Stochastic:
		g.eachAlone(t.updates, step)
	default:
		step(g)
		g.round()
	}
}

func (t *Trainer) adamWStep(g group) {
	c := t.config
	torch.AdamWStep(g.graded(), g.state[0].vars, g.state[1].vars, torch.AdamW{
		LR: c.schedule(t.updates) * c.LearningRate, Beta1: c.Beta1, Beta2: c.Beta2, Eps: c.Eps,
		WeightDecay: c.WeightDecay, Step: int64(t.updates),
	})
}

func (t *Trainer) muonStep(g group) {
	c := t.config
	torch.MuonStep(g.graded(), g.state[0].vars, torch.Muon{
		LR: c.schedule(t.updates) * c.MuonLearningRate, Momentum: c.MuonMomentum, WeightDecay: c.WeightDecay,
	})
}
