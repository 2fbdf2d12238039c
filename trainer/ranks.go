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
)

// noLayer is the number of what is in no layer: the embedding, the final norm and the head.
const noLayer = -1

// ranks are the processes of an update.
type ranks struct {
	group *dist.Group // nil where there is one
	// owner of each trainable parameter; nil if all ranks move all.
	owner map[*torch.Var]int
	// layers are the parameters of each, as indices.
	layers map[int][]int
	works  []*dist.Work // under way
}

func newRanks(group *dist.Group, sharding Sharding, params []model.Parameter) ranks {
	r := ranks{group: group, layers: map[int][]int{}}
	for i, p := range params {
		layer, inside := model.LayerOf(p.Name)
		if !inside {
			layer = noLayer
		}
		r.layers[layer] = append(r.layers[layer], i)
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
func (r *ranks) owned(params []model.Parameter) []model.Parameter {
	return slices.DeleteFunc(slices.Clone(params), func(p model.Parameter) bool { return !r.owns(p.Var) })
}

// gradedIn is what is done when a layer's gradients are there, in a round of micro-batches: their sum begins in the last
// one. Weights in less than f32, whose gradients are added up in f32 where they are owned, sum in each.
func (t *Trainer) gradedIn(last bool) func(layer int) {
	if t.ranks.group == nil || !last && t.model.DType == torch.F32 {
		return func(int) {}
	}
	return t.sumLayer
}

// eachLayer calls f as a backward pass does.
func (t *Trainer) eachLayer(f func(layer int)) {
	for i := t.model.NumLayers() - 1; i >= 0; i-- {
		f(i)
	}
	f(noLayer)
}

// sumLayer begins to sum a layer's gradients, at their owners or, where all ranks move all, everywhere.
func (t *Trainer) sumLayer(layer int) {
	s := torch.NewScope()
	defer s.Close()
	r := &t.ranks
	for _, i := range r.layers[layer] {
		v := t.params[i]
		grad := v.Grad(s)
		if grad.IsNone() {
			v.SetGrad(s.Zeros(v.DType(), t.model.Device, v.Shape()...))
			grad = v.Grad(s)
		}
		if r.owner == nil {
			r.works = append(r.works, r.group.AllReduce(grad, dist.Sum))
		} else {
			r.works = append(r.works, r.group.Reduce(grad, r.owner[v]))
		}
	}
}

// finishSums waits for what is under way; gradients that were summed elsewhere go.
func (t *Trainer) finishSums() error {
	if len(t.ranks.works) == 0 {
		return nil
	}
	if err := t.ranks.wait(); err != nil {
		return err
	}
	if t.ranks.owner != nil {
		torch.ClearGrads(slices.DeleteFunc(slices.Clone(t.params), t.ranks.owns))
	}
	return nil
}

func (r *ranks) wait() error {
	works := r.works
	r.works = nil
	for _, w := range works {
		if err := w.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// sum adds numbers up over the ranks.
func (r *ranks) sum(numbers ...float64) ([]float64, error) { return r.reduce(dist.Sum, numbers) }

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
	squares, err := r.sum(own * own)
	if err != nil {
		return 0, err
	}
	norm := math.Sqrt(squares[0])
	if scale := most / (norm + 1e-6); scale < 1 {
		torch.ScaleGrads(params, scale)
	}
	return norm, nil
}

// share sends each parameter from its owner to the others.
func (t *Trainer) share() error {
	r := &t.ranks
	if r.owner == nil {
		return nil
	}
	s := torch.NewScope()
	defer s.Close()
	for _, p := range t.params {
		r.works = append(r.works, r.group.Broadcast(p.In(s).Detach(), r.owner[p]))
	}
	return r.wait()
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
