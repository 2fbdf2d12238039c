package parallel

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"time"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/rollout"
	"github.com/azr-train/azr/torch/dist"
)

// Between two exchanges each rank does about as much work, however many requests it has: rows of its passes, each
// pass counting as some of them. So little that slots do not stay empty for long, and so much that an
// exchange costs little beside it.
const (
	share   = 400
	perPass = 16 // about what streaming the weights once costs a CPU
)

// pace is how much of its share a rank has done. What was too much counts for the next one.
type pace struct {
	done   int
	before rollout.Stats
}

// add counts what the engine has done since it was last asked.
func (p *pace) add(now rollout.Stats) {
	since := now.Since(p.before)
	p.done, p.before = p.done+since.Rows+perPass*since.Passes, now
}

// over tells whether it was a share.
func (p *pace) over() bool { return p.done >= share }

func (p *pace) next() { p.done = max(0, p.done-share) }

// Engine is what a rank samples with.
type Engine interface {
	azr.Generator
	// Stats are counted since the engine was made.
	Stats() rollout.Stats
}

// message is what a rank gives the others in an exchange.
type message struct {
	// Of rank 0: prompts to each rank, the name of a task to run with its argument, or that it was the last exchange, and
	// if so why, if it is an error.
	Prompts  [][]azr.Prompt
	Task     string
	Argument []byte
	Stop     bool
	Failure  string
	// Of the others: what is finished, what went wrong, counts, and how long it has waited for ranks.
	Completions []azr.Completion
	Stats       rollout.Stats
	Waited      time.Duration
}

// exchange gives the ranks' messages to each, in order of rank.
func exchange(g *dist.Group, own message) ([]message, error) {
	data, err := encode(own)
	if err != nil {
		return nil, err
	}
	parts, err := g.GatherBytes(data)
	if err != nil {
		return nil, err
	}
	all := make([]message, len(parts))
	for rank, part := range parts {
		if err := decode(part, &all[rank]); err != nil {
			return nil, fmt.Errorf("parallel: the message of rank %d: %w", rank, err)
		}
	}
	return all, nil
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(v); err != nil {
		return nil, fmt.Errorf("parallel: %w", err)
	}
	return b.Bytes(), nil
}

func decode(data []byte, into any) error { return gob.NewDecoder(bytes.NewReader(data)).Decode(into) }
