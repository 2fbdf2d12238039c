package dist

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/azr-train/azr/torch/internal/capi"
)

// beat is how often a rank tells the store where it is, and lost after how long without it counts as dead or stopped.
const (
	beat = time.Second
	lost = 5 * beat
)

// State is where a rank was when it last told the store.
type State struct {
	Rank int    `json:"rank"`
	Host string `json:"host"`
	// Phase is what it was doing, Begun how many collectives it had begun, and Collective the last of them.
	Phase      string `json:"phase"`
	Begun      int64  `json:"begun"`
	Collective string `json:"collective"`
	// Beats counts how often it has told.
	Beats int64 `json:"beats"`
	// Failed tells that a collective of it has failed: it ends since another rank is lost or behind.
	Failed bool `json:"failed"`
}

// pulse tells the store where this rank is.
type pulse struct {
	h     capi.Group
	mu    sync.Mutex
	state State
	zero  State // of rank 0, as it last told
	found *loss // by another rank
	done  chan struct{}
	ended chan struct{}
}

// loss is what a rank has found of others when a collective of it failed. It tells the store, since those others, rank 0 with the
// store among them, may be gone when another rank's next collective fails for the same cause.
type loss struct {
	Lost   []State `json:"lost"`
	Behind []State `json:"behind"`
}

const lossKey = "loss"

func startPulse(h capi.Group, m Membership) (*pulse, *capi.Error) {
	host, err := os.Hostname()
	if err != nil {
		host = "?"
	}
	p := &pulse{h: h, state: State{Rank: m.Rank, Host: host, Phase: "opening", Collective: "none"}, done: make(chan struct{}), ended: make(chan struct{})}
	if err := p.tell(); err != nil {
		return nil, err
	}
	if m.Rank == 0 {
		if err := h.StoreSet(lossKey, nil); err != nil {
			return nil, err
		}
	}
	go func() {
		defer close(p.ended)
		for p.beat() == nil { // else rank 0 is gone, as the next collective will say
			select {
			case <-p.done:
				return
			case <-time.After(beat):
			}
		}
	}()
	return p, nil
}

// beat tells where this rank is, and hears where rank 0 is and whether some rank has found others lost.
func (p *pulse) beat() *capi.Error {
	if err := p.tell(); err != nil {
		return err
	}
	zero, err := p.h.StoreGet(key(0))
	if err != nil {
		return err
	}
	found, err := p.h.StoreGet(lossKey)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = json.Unmarshal(zero, &p.zero) // what this program has written
	if len(found) > 0 && p.found == nil {
		p.found = &loss{}
		_ = json.Unmarshal(found, p.found)
	}
	return nil
}

func key(rank int) string { return fmt.Sprintf("state/%d", rank) }

func (p *pulse) tell() *capi.Error {
	p.mu.Lock()
	p.state.Beats++
	text, err := json.Marshal(p.state)
	p.mu.Unlock()
	if err != nil {
		panic(err) // it has but texts and numbers
	}
	return p.h.StoreSet(key(p.state.Rank), text)
}

func (p *pulse) enter(phase string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.Phase = phase
}

func (p *pulse) begin(collective string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.Begun++
	p.state.Collective = collective
}

// stop tells whether the store answers: if not, the pulse is still waiting for it.
func (p *pulse) stop() bool {
	close(p.done)
	select {
	case <-p.ended:
		return true
	case <-time.After(2 * beat):
		return false
	}
}

// Error is a collective that failed, on one rank, and the ranks that it waited for.
type Error struct {
	Collective string
	// Own is this rank's state.
	Own State
	// Lost are ranks that have not been heard from, Behind those that had begun fewer collectives. Both are empty where no rank
	// is found to be either, or the store was gone before anything was heard of rank 0.
	Lost, Behind []State
	Cause        string
}

// Error names the ranks, their hosts, phases and collectives.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "dist.%s: rank %d (host %s) in %s: ", e.Collective, e.Own.Rank, e.Own.Host, e.Own.Phase)
	switch {
	case len(e.Lost) > 0:
		b.WriteString("lost " + list(e.Lost))
	case len(e.Behind) > 0:
		b.WriteString("waited for " + list(e.Behind))
	default:
		b.WriteString("lost rank 0, which keeps the store, or the network to it")
	}
	fmt.Fprintf(&b, ": %s", e.Cause)
	return b.String()
}

func list(states []State) string {
	var names []string
	for _, s := range states {
		names = append(names, fmt.Sprintf("rank %d (host %s), last heard of in %s after %d collectives, the last %s", s.Rank, s.Host, s.Phase, s.Begun, s.Collective))
	}
	return strings.Join(names, "; ")
}

// explain asks the store who is missing, or takes what another rank has found.
func (g *Group) explain(collective, cause string) error {
	p := g.pulse
	p.mu.Lock()
	p.state.Failed = true
	e := &Error{Collective: collective, Own: p.state, Cause: firstLine(cause)}
	p.mu.Unlock()
	asked := make(chan *loss, 1)
	go func() { asked <- g.look(e.Own.Begun) }() // a stopped process does not answer
	var found *loss
	select {
	case found = <-asked:
	case <-time.After(3 * lost):
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.found != nil:
		found = p.found
	case found == nil && g.Rank > 0 && p.zero.Host != "":
		found = &loss{Lost: []State{p.zero}}
	}
	if found != nil {
		e.Lost, e.Behind = found.Lost, found.Behind
	}
	return e
}

// look asks the store twice, with time between, for ranks that do not go on; nil if it does not answer. What it finds it
// tells the others, and waits until they have heard.
func (g *Group) look(begun int64) *loss {
	if g.pulse.tell() != nil {
		return nil
	}
	before, err := g.states()
	if err != nil {
		return nil
	}
	time.Sleep(lost)
	after, err := g.states()
	if err != nil {
		return nil
	}
	var found loss
	for rank, s := range after {
		switch {
		case rank == g.Rank || s.Failed:
		case s.Beats == before[rank].Beats:
			found.Lost = append(found.Lost, s)
		case s.Begun < begun:
			found.Behind = append(found.Behind, s)
		}
	}
	if len(found.Lost)+len(found.Behind) > 0 {
		text, err := json.Marshal(found)
		if err != nil {
			panic(err) // it has but texts and numbers
		}
		_ = g.h.StoreSet(lossKey, text)
		time.Sleep(2 * beat)
	}
	return &found
}

// states are what all ranks have told last.
func (g *Group) states() ([]State, error) {
	states := make([]State, g.Size)
	for rank := range states {
		text, err := g.h.StoreGet(key(rank))
		if err != nil {
			return nil, fmt.Errorf("dist: the store: %s", firstLine(err.Msg))
		}
		if err := json.Unmarshal(text, &states[rank]); err != nil {
			return nil, err
		}
	}
	return states, nil
}

// firstLine is what a backend's text says, without the place in its source and its advice.
func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	line, _, _ = strings.Cut(line, ". This is typically")
	return sourcePlace.ReplaceAllString(line, "")
}

var sourcePlace = regexp.MustCompile(`^\[\S+:\d+\] `)
