package trainer

import (
	"strings"

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
)

// group is the parameters that one rule moves, with that rule's state: tensors of the parameters' shapes.
type group struct {
	params []model.Parameter
	state  []state
}

// state is one tensor for each parameter of a group, stored under their names with a prefix.
type state struct {
	prefix string
	vars   []*torch.Var
}

// fill makes the group's state, zeros, under the given prefixes. What it made before memory ran out is in g.
func (g *group) fill(m *model.Decoder, params []model.Parameter, prefixes ...string) {
	g.params = params
	for _, prefix := range prefixes {
		g.state = append(g.state, state{prefix: prefix})
		s := &g.state[len(g.state)-1]
		for _, p := range params {
			s.vars = append(s.vars, zerosLike(p, m))
		}
	}
}

func zerosLike(p model.Parameter, m *model.Decoder) *torch.Var {
	s := torch.NewScope()
	defer s.Close()
	return s.Zeros(m.DType, m.Device, p.Shape...).Keep()
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
	return c.Optimizer == Muon && len(shape) == 2 && strings.HasPrefix(name, "model.layers.")
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
	t.adamW.fill(t.model, rest, firstMoment, secondMoment)
	t.muon.fill(t.model, matrices, momentum)
}

// move takes one step of both rules, as update number t.updates.
func (t *Trainer) move() {
	c, scale := t.config, t.config.schedule(t.updates)
	torch.AdamWStep(t.adamW.vars(), t.adamW.state[0].vars, t.adamW.state[1].vars, torch.AdamW{
		LR: scale * c.LearningRate, Beta1: c.Beta1, Beta2: c.Beta2, Eps: c.Eps,
		WeightDecay: c.WeightDecay, Step: int64(t.updates),
	})
	if len(t.muon.params) > 0 {
		torch.MuonStep(t.muon.vars(), t.muon.state[0].vars, torch.Muon{
			LR: scale * c.MuonLearningRate, Momentum: c.MuonMomentum, WeightDecay: c.WeightDecay,
		})
	}
	torch.Lerp(t.averages, t.params[:len(t.averages)], 1-c.AverageDecay)
}
