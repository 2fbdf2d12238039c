package trainer

import "github.com/azr-train/azr/torch/dist"

// With ZeRO-3 a layer's weights are on all ranks between updates, for the rollouts. In an update they are at their owners,
// and on the others only while the layer runs, forward or backward, and the one before it: they are fetched ahead. So are
// its gradients, until they are summed: those of a round of micro-batches go to the owner, which adds them to what it has
// of the rounds before. The embedding, the final norm and the head stay.

// whole is what of the layers is on this rank.
type whole struct {
	sharded  bool // an update is under way
	here     map[int]bool
	fetching map[int][]*dist.Work
}

// shard gives the memory of other ranks' parameters of all layers back.
func (t *Trainer) shard() {
	if t.ranks.group == nil || t.config.Sharding != ZeRO3 {
		return
	}
	t.ranks.whole = whole{sharded: true, here: map[int]bool{}, fetching: map[int][]*dist.Work{}}
	for i := range t.model.NumLayers() {
		t.release(i)
	}
}

func (t *Trainer) release(layer int) {
	for _, v := range t.ranks.others(t.ranks.layers[layer]) {
		v.Release()
	}
}

// begin fetches a layer's weights, unless they are here or on their way.
func (t *Trainer) begin(layer int) {
	w := &t.ranks.whole
	if w.here[layer] {
		return
	}
	for _, v := range t.ranks.others(t.ranks.layers[layer]) { // before it counts as here: memory may run out
		v.Restore()
	}
	w.here[layer] = true
	w.fetching[layer] = t.ranks.send(t.ranks.layers[layer])
}

// fetchLayer waits for a layer's weights and begins to fetch those of the next.
func (t *Trainer) fetchLayer(layer, next int) error {
	t.begin(layer)
	w := &t.ranks.whole
	fetching := w.fetching[layer]
	delete(w.fetching, layer)
	if err := wait(fetching); err != nil {
		return err
	}
	if next != noLayer {
		t.begin(next)
	}
	return nil
}

// leaveLayer gives a layer's weights back but for what this rank owns.
func (t *Trainer) leaveLayer(layer int) {
	t.ranks.whole.here[layer] = false
	t.release(layer)
}

// gatherLayers ends an update: all ranks have all weights again.
func (t *Trainer) gatherLayers() error {
	w := &t.ranks.whole
	if !w.sharded {
		return nil
	}
	w.sharded = false
	for i := range t.model.NumLayers() {
		if err := t.fetchLayer(i, noLayer); err != nil {
			return err
		}
	}
	return nil
}
