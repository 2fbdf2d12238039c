package trainer

import (
	"cmp"
	"math"
	"slices"
	"sort"

	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/torch"
	"github.com/azr-train/azr/torch/dist"
)

// Several ranks make one update together. Each takes its part of the samples forward and backward; a layer's gradients are
// summed over the ranks while the next one's are computed. Losses are divided by the step's tokens, not the rank's, so the
// sum is what one process alone would have, up to rounding.

// Sharding says what of an update is on one rank only.
type Sharding string

const (
	// NoSharding has everything on every rank: each makes the same move.
	NoSharding Sharding = "none"
	// ZeRO1 has a parameter's moments (and master) on the rank that owns it, which moves it and sends it to the others.
	ZeRO1 Sharding = "zero1"
	// ZeRO3 has also a layer's weights and gradients at their owners alone; see zero3.go.
	ZeRO3 Sharding = "zero3"
)

// ranks are the processes of an update.
type ranks struct {
	group *dist.Group // nil where there is one
	// owner of each trainable parameter; nil if all ranks move all.
	owner map[*torch.Var]int
	// layers are the parameters of each.
	layers map[int][]*torch.Var
	sums   []*dist.Work // of gradients, under way
	whole  whole
}

func newRanks(group *dist.Group, sharding Sharding, params []model.Parameter) ranks {
	r := ranks{group: group, layers: map[int][]*torch.Var{}}
	for _, p := range params {
		layer, inside := model.LayerOf(p.Name)
		if !inside {
			layer = noLayer
		}
		r.layers[layer] = append(r.layers[layer], p.Var)
	}
	if group != nil && sharding != NoSharding {
		r.owner = map[*torch.Var]int{}
		sizes := make([]int64, len(params))
		for i, p := range params {
			sizes[i] = sizeOf(p.Var)
		}
		for i, rank := range owners(sizes, group.Size) {
			r.owner[params[i].Var] = rank
		}
	}
	return r
}

// owners deals parameters of the given sizes to ranks, the largest first, each to the one that has least.
func owners(sizes []int64, ranks int) []int {
	largest := make([]int, len(sizes))
	for i := range largest {
		largest[i] = i
	}
	slices.SortStableFunc(largest, func(a, b int) int { return cmp.Compare(sizes[b], sizes[a]) })
	owner, has := make([]int, len(sizes)), make([]int64, ranks)
	for _, i := range largest {
		owner[i] = slices.Index(has, slices.Min(has))
		has[owner[i]] += sizes[i]
	}
	return owner
}

func (r *ranks) rank() int {
	if r.group == nil {
		return 0
	}
	return r.group.Rank
}

// owns tells whether this rank moves a parameter.
func (r *ranks) owns(v *torch.Var) bool { return r.owner == nil || r.owner[v] == r.group.Rank }

// owned are the parameters that this rank moves.
func (r *ranks) owned(params []*torch.Var) []*torch.Var {
	return slices.DeleteFunc(slices.Clone(params), func(v *torch.Var) bool { return !r.owns(v) })
}

// others are those of vars that this rank does not move.
func (r *ranks) others(vars []*torch.Var) []*torch.Var {
	return slices.DeleteFunc(slices.Clone(vars), r.owns)
}

// around is what is done at the layers in a round of micro-batches: gradients are summed in the last one, or in each
// where the others are not to keep them, or masters keep the sum.
func (t *Trainer) around(last bool) around {
	also := alone
	if t.ranks.group == nil {
		return also
	}
	masters := t.model.DType != torch.F32 && t.config.Rounding == ByMasters
	if last || masters || t.config.Sharding == ZeRO3 {
		also.graded = t.sumLayer
	}
	if t.config.Sharding == ZeRO3 {
		also.before, also.after = t.fetchLayer, t.leaveLayer
	}
	return also
}

// nothing does what is around layers that do not run: other ranks have a micro-batch, and this one has none.
func (a around) nothing(layers int) error {
	run := func(int) {}
	if err := a.forward(layers, run); err != nil {
		return err
	}
	return a.backward(layers, run)
}

// sumLayer begins to sum a layer's gradients, at their owners or, where all ranks move all, everywhere.
func (t *Trainer) sumLayer(layer int) error {
	r := &t.ranks
	if t.config.Sharding == ZeRO3 {
		if err := t.finishSums(r.layers[layer+1]); err != nil { // there would be more than two layers' gradients
			return err
		}
	}
	s := torch.NewScope()
	defer s.Close()
	for _, v := range r.layers[layer] { // before the first sum begins: memory may run out
		if v.Grad(s).IsNone() {
			v.SetGrad(s.Zeros(v.DType(), t.model.Device, v.Shape()...))
		}
	}
	for _, v := range r.layers[layer] {
		grad := v.Grad(s)
		if r.owner == nil {
			r.sums = append(r.sums, r.group.AllReduce(grad, dist.Sum))
		} else {
			r.sums = append(r.sums, r.group.Reduce(grad, r.owner[v]))
		}
	}
	return nil
}

// finishSums waits for what is under way; gradients of params that were summed elsewhere go.
func (t *Trainer) finishSums(params []*torch.Var) error {
	sums := t.ranks.sums
	if len(sums) == 0 {
		return nil
	}
	t.ranks.sums = nil
	if err := wait(sums); err != nil {
		return err
	}
	torch.ClearGrads(t.ranks.others(params))
	return nil
}

func wait(works []*dist.Work) error {
	for _, w := range works {
		if err := w.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// sum adds numbers up over the ranks.
func (r *ranks) sum(numbers ...float64) ([]float64, error) { return r.reduce(dist.Sum, numbers) }

// any tells whether something holds on a rank.
func (r *ranks) any(holds bool) (bool, error) {
	number := 0.0
	if holds {
		number = 1
	}
	most, err := r.reduce(dist.Max, []float64{number})
	return err == nil && most[0] > 0, err
}

// sumIfSharded adds up a number that each rank has of what it moves.
func (r *ranks) sumIfSharded(number float64) (float64, error) {
	if r.owner == nil {
		return number, nil
	}
	sums, err := r.sum(number)
	if err != nil {
		return 0, err
	}
	return sums[0], nil
}

func (r *ranks) reduce(how dist.Reduction, numbers []float64) ([]float64, error) {
	if r.group == nil {
		return numbers, nil
	}
	s := torch.NewScope()
	defer s.Close()
	t := s.FromFloat64s(numbers, torch.CPU)
	if err := r.group.AllReduce(t, how).Wait(); err != nil {
		return nil, err
	}
	return t.Float64s(), nil
}

// addUp makes a report of this rank's part of an update that of the whole.
func (r *ranks) addUp(part *Report) error {
	sums, err := r.sum(part.Loss, part.Entropy, part.LogProb, float64(part.computed), float64(part.Tokens), float64(part.SharedTokens), float64(part.Batches))
	if err != nil {
		return err
	}
	most, err := r.reduce(dist.Max, []float64{part.MaxDeltaLogProb})
	if err != nil {
		return err
	}
	part.Loss, part.Entropy, part.LogProb, part.MaxDeltaLogProb = sums[0], sums[1], sums[2], most[0]
	part.computed, part.Tokens, part.SharedTokens, part.Batches = int(sums[3]), int(sums[4]), int(sums[5]), int(sums[6])
	return nil
}

// clipGradNorm is [torch.ClipGradNorm] of the gradients of all ranks.
func (r *ranks) clipGradNorm(params []*torch.Var, most float64) (float64, error) {
	if r.owner == nil {
		return torch.ClipGradNorm(params, most), nil
	}
	own := torch.ClipGradNorm(params, math.Inf(1))
	squares, err := r.sumIfSharded(own * own)
	if err != nil {
		return 0, err
	}
	norm := math.Sqrt(squares)
	if scale := most / (norm + 1e-6); scale < 1 {
		torch.ScaleGrads(params, scale)
	}
	return norm, nil
}

// share sends each parameter that is on all ranks from its owner to the others.
func (t *Trainer) share() error {
	r := &t.ranks
	if r.owner == nil {
		return nil
	}
	params := t.params
	if t.config.Sharding == ZeRO3 {
		params = r.layers[noLayer]
	}
	return wait(r.send(params))
}

// send begins to send parameters from their owners.
func (r *ranks) send(params []*torch.Var) (works []*dist.Work) {
	s := torch.NewScope()
	defer s.Close()
	for _, p := range params {
		works = append(works, r.group.Broadcast(p.In(s).Detach(), r.owner[p]))
	}
	return works
}

// fetch copies a tensor of a parameter's shape in f32 from the parameter's owner, whose it is.
func (r *ranks) fetch(p model.Parameter, own *torch.Var) (*torch.Var, error) {
	s := torch.NewScope()
	defer s.Close()
	x := s.Zeros(torch.F32, torch.CPU, p.Shape...)
	if own != nil {
		x = own.In(s).Detach().To(torch.F32, torch.CPU)
	}
	if err := r.group.Broadcast(x, r.owner[p.Var]).Wait(); err != nil {
		return nil, err
	}
	if r.group.Rank != 0 {
		return nil, nil
	}
	return x.Keep(), nil
}

// parts cuts examples into one part a rank, so that the one with most to compute has as little as can be.
func (t *Trainer) parts(examples []example) [][]example {
	if t.ranks.group == nil {
		return [][]example{examples}
	}
	ranks, products := t.ranks.group.Size, t.model.Config.Products()
	cost := func(e example, own int) int64 {
		return products.Of(int64(e.tokens()-own), int64(e.tokens()), int64(len(e.ResponseIDs)))
	}
	most := int64(0)
	for _, e := range examples {
		most += cost(e, e.tokens())
	}
	limit := sort.Search(int(most), func(limit int) bool { return len(t.partsUpTo(examples, int64(limit), cost)) <= ranks })
	parts := t.partsUpTo(examples, int64(limit), cost)
	return append(parts, make([][]example, ranks-len(parts))...)
}

// partsUpTo are as few parts as examples make, in order, that cost no more than a limit unless they are of one example.
// What a part's micro-batches begin with is computed in each of them.
func (t *Trainer) partsUpTo(examples []example, limit int64, cost func(e example, own int) int64) (parts [][]example) {
	empty := packer{budget: t.microBatchTokens, share: t.config.SharePrefixes}
	p, sum, from := empty, int64(0), 0
	for i, e := range examples {
		_, own := p.add(e)
		if sum += cost(e, own); sum > limit && i > from {
			parts = append(parts, examples[from:i:i])
			p, from = empty, i
			_, own = p.add(e)
			sum = cost(e, own)
		}
	}
	return append(parts, examples[from:])
}
