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
	done  chan struct{}
	ended sync.WaitGroup
}

func startPulse(h capi.Group, m Membership) (*pulse, *capi.Error) {
	host, err := os.Hostname()
	if err != nil {
		host = "?"
	}
	p := &pulse{h: h, state: State{Rank: m.Rank, Host: host, Phase: "opening", Collective: "none"}, done: make(chan struct{})}
	if err := p.tell(); err != nil {
		return nil, err
	}
	p.ended.Go(func() {
		for {
			select {
			case <-p.done:
				return
			case <-time.After(beat):
				if p.tell() != nil {
					return // rank 0 is gone, as the next collective will say
				}
			}
		}
	})
	return p, nil
}

func key(rank int) string { return fmt.Sprintf("azr/state/%d", rank) }

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

func (p *pulse) stop() {
	close(p.done)
	p.ended.Wait()
}

// Error is a collective that failed, on one rank, and the ranks that it waited for.
type Error struct {
	Collective string
	// Own is this rank's state.
	Own State
	// Lost are ranks that have not been heard from, Behind those that had begun fewer collectives. Both are empty where
	// rank 0, which keeps the store, is gone.
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

// explain asks the store who is missing.
func (g *Group) explain(collective, cause string) error {
	g.pulse.mu.Lock()
	g.pulse.state.Failed = true
	e := &Error{Collective: collective, Own: g.pulse.state, Cause: firstLine(cause)}
	g.pulse.mu.Unlock()
	if g.pulse.tell() != nil {
		return e
	}
	before, err := g.states()
	if err != nil {
		return e
	}
	time.Sleep(lost)
	after, err := g.states()
	if err != nil {
		return e
	}
	for rank, s := range after {
		switch {
		case rank == g.Rank || s.Failed:
		case s.Beats == before[rank].Beats:
			e.Lost = append(e.Lost, s)
		case s.Begun < e.Own.Begun:
			e.Behind = append(e.Behind, s)
		}
	}
	return e
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
