package parallel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/rollout"
	"github.com/azr-train/azr/torch/dist"
	"github.com/azr-train/azr/torch/dist/disttest"
)

func TestMain(m *testing.M) {
	disttest.Main(m, map[string]disttest.Scenario{"game": game, "broken": broken, "stops": stops, "unknown": unknownTask})
}

// fake is an engine of four slots that answers with as many letters as the prompt says, a row a letter.
type fake struct {
	*azr.FakeGenerator
	stats rollout.Stats
	took  []azr.SampleID
}

func newFake() *fake {
	f := &fake{FakeGenerator: azr.NewFakeGenerator(func(p azr.Prompt) string { return strings.Repeat("x", p.ID.Rollout) })}
	f.Slots = 4
	return f
}

func (f *fake) Submit(prompts ...azr.Prompt) error {
	for _, p := range prompts {
		if p.Text == "broken" {
			return errors.New("no such text")
		}
		f.took = append(f.took, p.ID)
	}
	return f.FakeGenerator.Submit(prompts...)
}

func (f *fake) Tick(ctx context.Context) ([]azr.Completion, error) {
	f.stats.Passes++
	f.stats.Rows += min(4, f.Pending())
	f.stats.Ticks++
	return f.FakeGenerator.Tick(ctx)
}

func (f *fake) Stats() rollout.Stats { return f.stats }

// played is what a rank has seen of a game.
type played struct {
	Took, Done []string
	Lengths    []int
	Tasks      []string
	Ticks, All int
}

// prompts of answers of 1 to 60 letters, each text twice in a row.
func prompts(n int) (list []azr.Prompt) {
	for i := range n {
		list = append(list, azr.Prompt{
			ID: azr.SampleID{Index: i, Rollout: 1 + (i*37)%60}, Text: fmt.Sprint("prompt ", i/2), Sampling: azr.Sampling{MaxTokens: 100},
		})
	}
	return list
}

// game plays two rounds with a task between them, in which the others go on sampling, and one after them.
func game(g *dist.Group) (any, error) {
	engine, seen := newFake(), played{}
	note := func(decode func(any) error) (err error) {
		var text string
		if err = decode(&text); err == nil {
			seen.Tasks = append(seen.Tasks, text)
		}
		return err
	}
	tasks := map[string]Task{"note": note}
	tasks["inside"] = func(func(any) error) error {
		seen.Tasks = append(seen.Tasks, "begin")
		defer func() { seen.Tasks = append(seen.Tasks, "end") }()
		return Serve(context.Background(), g, engine, tasks)
	}
	if g.Rank > 0 {
		var text string
		if err := Await(g, "open", &text); err != nil {
			return nil, err
		}
		seen.Tasks = append(seen.Tasks, text)
		if err := Serve(context.Background(), g, engine, tasks); err != ErrStopped {
			return nil, fmt.Errorf("Serve: %w", err)
		}
	} else if err := play(g, engine, &seen); err != nil {
		return nil, err
	}
	for _, id := range engine.took {
		seen.Took = append(seen.Took, id.String())
	}
	seen.Ticks = engine.stats.Ticks
	return seen, nil
}

func play(g *dist.Group, engine *fake, seen *played) error {
	p := NewPlayer(g)
	if err := p.Call("open", "opened"); err != nil {
		return err
	}
	p.Play(engine, engine.Slots)
	round := func(list []azr.Prompt) error {
		if err := p.Submit(list...); err != nil {
			return err
		}
		for p.Pending() > 0 {
			done, err := p.Tick(context.Background())
			if err != nil {
				return err
			}
			for _, c := range done {
				seen.Done, seen.Lengths = append(seen.Done, c.ID.String()), append(seen.Lengths, len(c.Text))
			}
		}
		return nil
	}
	err := errors.Join(round(prompts(80)[:60]), p.Call("note", "between"), p.Call("inside", nil), round(prompts(80)[60:]), p.Call(Back, nil), p.Call("note", "after"), p.Stop(""))
	seen.All = p.Stats().Ticks
	return err
}

// Every prompt is answered once, by some rank, as it would be by any; ranks have about the same to do; the same run gives the
// same order.
func TestAGameOfThreeRanks(t *testing.T) {
	first := disttest.Answers[played](t, disttest.Start(t, "game", 3))
	again := disttest.Answers[played](t, disttest.Start(t, "game", 3))
	assert.Equal(t, first, again)
	var took []string
	ticks := 0
	for rank, seen := range first {
		took, ticks = append(took, seen.Took...), ticks+seen.Ticks
		assert.InDelta(t, 80/3, len(seen.Took), 8, "rank %d", rank)
		if rank > 0 {
			assert.Equal(t, []string{"opened", "between", "begin", "end", "after"}, seen.Tasks)
		}
		texts := map[int]bool{}
		for _, p := range prompts(80) {
			if slices.Contains(seen.Took, p.ID.String()) {
				texts[p.ID.Index/2] = true
			}
		}
		assert.LessOrEqual(t, len(texts), len(seen.Took)/2+4, "equal prompts of rank %d are mostly together", rank)
	}
	var want []string
	lengths := map[string]int{}
	for _, p := range prompts(80) {
		want, lengths[p.ID.String()] = append(want, p.ID.String()), p.ID.Rollout
	}
	assert.ElementsMatch(t, want, took)
	assert.ElementsMatch(t, want, first[0].Done)
	for i, id := range first[0].Done {
		assert.Equal(t, lengths[id], first[0].Lengths[i])
	}
	assert.Equal(t, ticks, first[0].All)
}

// broken has rank 1 fail when it gets a prompt.
func broken(g *dist.Group) (any, error) {
	engine := newFake()
	if g.Rank > 0 {
		return nil, Serve(context.Background(), g, engine, nil)
	}
	p := NewPlayer(g)
	p.Play(engine, 1)
	list := prompts(8)
	for i := range list {
		list[i].Text = fmt.Sprint(i)
	}
	list[1].Text = "broken" // the second one is rank 1's
	if err := p.Submit(list...); err != nil {
		return nil, err
	}
	for p.Pending() > 0 {
		if _, err := p.Tick(context.Background()); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func TestAFailureOfAnotherRankIsRank0s(t *testing.T) {
	r := disttest.Start(t, "broken", 2)
	assert.Equal(t, "rank 1: no such text", r.Ends(t, 0))
	assert.Equal(t, "no such text", r.Ends(t, 1))
}

// stops has rank 0 stop for a failure of its own, while rank 1 is inside a task.
func stops(g *dist.Group) (any, error) {
	if g.Rank == 0 {
		p := NewPlayer(g)
		return nil, errors.Join(p.Call("inside", nil), p.Stop("the disk is full"))
	}
	tasks := map[string]Task{"inside": func(func(any) error) error { return Serve(context.Background(), g, newFake(), nil) }}
	err := Serve(context.Background(), g, newFake(), tasks)
	if !errors.Is(err, ErrStopped) {
		return nil, fmt.Errorf("not stopped: %w", err)
	}
	return err.Error(), nil
}

func TestRank0SaysWhyItStops(t *testing.T) {
	assert.Equal(t, []string{"", "rank 0 has stopped: the disk is full"}, disttest.Answers[string](t, disttest.Start(t, "stops", 2)))
}

// unknownTask has rank 0 ask for what rank 1 cannot do, first when it opens and then when it serves.
func unknownTask(g *dist.Group) (any, error) {
	if g.Rank == 0 {
		p := NewPlayer(g)
		if err := errors.Join(p.Call("later", 1), p.Call("later", 1)); err != nil {
			return nil, err
		}
		return nil, p.Call("more", nil)
	}
	if err := Await(g, "open", new(int)); err == nil || !strings.Contains(err.Error(), `rank 0 asks for "later"`) {
		return nil, fmt.Errorf("Await: %w", err)
	}
	return nil, Serve(context.Background(), g, newFake(), nil)
}

func TestAnUnknownTask(t *testing.T) {
	r := disttest.Start(t, "unknown", 2)
	require.Contains(t, r.Ends(t, 0), `rank 1: parallel: rank 0 asks for "later", which this rank does not know`)
	require.Contains(t, r.Ends(t, 1), `rank 0 asks for "later"`)
}
