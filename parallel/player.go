package parallel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/rollout"
	"github.com/azr-train/azr/torch/dist"
)

var _ Engine = (*Player)(nil)

// Player is rank 0's [azr.Generator] over the engines of all ranks.
type Player struct {
	group  *dist.Group
	engine Engine // its own
	room   int    // of each engine, in prompts
	queue  []azr.Prompt
	dealt  []int           // prompts that each rank has and has not given back
	stats  []rollout.Stats // of each rank
	waited []time.Duration // of each rank
	pace   pace
}

// NewPlayer makes rank 0's part, which can [Player.Call] and [Player.Stop].
func NewPlayer(group *dist.Group) *Player {
	return &Player{group: group, dealt: make([]int, group.Size), stats: make([]rollout.Stats, group.Size), waited: make([]time.Duration, group.Size)}
}

// Play gives it its own engine to sample with. All ranks' have so many slots.
func (p *Player) Play(engine Engine, slots int) {
	p.engine = engine
	p.room = slots + slots/4 + 1 // the rest waits for the slots that become free before the next exchange
}

// Submit queues prompts for whichever rank has room.
func (p *Player) Submit(prompts ...azr.Prompt) error {
	p.queue = append(p.queue, prompts...)
	return nil
}

// Pending counts the prompts submitted and not yet returned.
func (p *Player) Pending() int {
	n := len(p.queue)
	for _, dealt := range p.dealt {
		n += dealt
	}
	return n
}

// Tick advances this rank's requests by one token, and gives what the others have finished if it is time to ask.
func (p *Player) Tick(ctx context.Context) ([]azr.Completion, error) {
	if p.Pending() == 0 {
		return nil, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var done []azr.Completion
	if p.pace.over() || p.engine.Pending() == 0 {
		var err error
		if done, err = p.exchange(message{Prompts: p.deal()}); err != nil {
			return nil, err
		}
		p.pace.next()
	}
	own, err := p.engine.Tick(ctx)
	p.pace.add(p.engine.Stats())
	p.dealt[0] -= len(own)
	return append(own, done...), err
}

// deal takes prompts from the queue for each rank, those of equal text for the same one.
func (p *Player) deal() [][]azr.Prompt {
	hands := make([][]azr.Prompt, p.group.Size)
	for len(p.queue) > 0 {
		least := slices.Index(p.dealt, slices.Min(p.dealt))
		room := p.room - p.dealt[least]
		if room <= 0 {
			break
		}
		n := 1
		for n < min(room, len(p.queue)) && alike(p.queue[n], p.queue[0]) {
			n++
		}
		hands[least] = append(hands[least], p.queue[:n]...)
		p.dealt[least] += n
		p.queue = p.queue[n:]
	}
	return hands
}

func alike(a, b azr.Prompt) bool { return a.Text == b.Text && slices.Equal(a.Messages, b.Messages) }

// exchange gives the others a message, this rank its prompts, and returns what the others have finished.
func (p *Player) exchange(m message) ([]azr.Completion, error) {
	all, err := exchange(p.group, m)
	if err != nil {
		return nil, err
	}
	var done []azr.Completion
	for rank, m := range all[1:] {
		if m.Failure != "" {
			err = errors.Join(err, fmt.Errorf("rank %d: %s", rank+1, m.Failure))
		}
		done = append(done, m.Completions...)
		p.dealt[rank+1] -= len(m.Completions)
		p.stats[rank+1], p.waited[rank+1] = m.Stats, m.Waited
	}
	if err != nil {
		return nil, err
	}
	if m.Prompts != nil {
		err = p.engine.Submit(m.Prompts[0]...)
	}
	return done, err
}

// Stats are the counts of all ranks together; those of the others are as they were in the last exchange.
func (p *Player) Stats() rollout.Stats {
	sum := p.engine.Stats()
	for _, s := range p.stats[1:] {
		sum = sum.Plus(s)
	}
	return sum
}

// Waited is how long each rank has spent in collectives so far, for others to come and for bytes to move; the others' as of
// the last exchange.
func (p *Player) Waited() []time.Duration {
	waited := slices.Clone(p.waited)
	waited[0] = p.group.Waited()
	return waited
}

// Call has the others run a task, with an argument or nil: it returns before they are done, so that this rank can take its
// part in it. What is pending stays so, but completions that were ready are dropped.
func (p *Player) Call(task string, argument any) error {
	m := message{Task: task}
	if argument != nil {
		var err error
		if m.Argument, err = encode(argument); err != nil {
			return err
		}
	}
	_, err := p.exchange(m)
	return err
}

// Stop ends the others: well, or with why this rank fails.
func (p *Player) Stop(failure string) error {
	_, err := p.exchange(message{Stop: true, Failure: failure})
	return err
}
