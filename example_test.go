package azr_test

import (
	"context"
	"fmt"

	"github.com/azr-train/azr"
)

func Example() {
	policy := azr.NewFakeGenerator(func(p azr.Prompt) string { return "6\nand more" })
	err := policy.Submit(azr.Prompt{
		ID:       azr.SampleID{Step: 1, Purpose: azr.Solving, Type: azr.Deduction},
		Text:     "Program: f(x) = 2 * x\nInput: 3\nOutput: ",
		Sampling: azr.Sampling{Temperature: 1, MaxTokens: 8, Stop: []string{"\n"}},
	})
	for err == nil && policy.Pending() > 0 {
		var done []azr.Completion
		done, err = policy.Tick(context.Background())
		for _, c := range done {
			fmt.Printf("%s: %q, %s\n", c.ID, c.Text, c.Finish)
		}
	}
	fmt.Println(err)
	// Output:
	// step 1 solving deduction 0.0: "6", stopped
	// <nil>
}
