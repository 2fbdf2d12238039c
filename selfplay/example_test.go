package selfplay_test

import (
	"context"
	"fmt"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/selfplay"
)

// A step with a scripted policy in a world of additions, see toy.
func Example() {
	ctx, store := context.Background(), &azr.MemoryStore{}
	environment := toy{azr.NewFakeExecutor(add)}
	game, err := selfplay.New(small(), 1, azr.NewFakeGenerator(player), environment, store, azr.NoProgress{})
	if err != nil {
		fmt.Println(err)
		return
	}
	seeded, err := game.Seed(ctx)
	if err == nil {
		err = store.Commit(seeded)
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	play, err := game.Step(ctx, 1)
	groups := map[azr.Group]bool{}
	for _, s := range play.Samples {
		groups[s.Group] = true
	}
	fmt.Println(len(groups), "groups of samples", err)
	// Output: 6 groups of samples <nil>
}

func ExampleLearnability() {
	for _, rate := range []float64{0, 0.25, 1} {
		fmt.Println(rate, selfplay.Learnability(rate))
	}
	// Output:
	// 0 0
	// 0.25 0.75
	// 1 0
}
