package trainer_test

import (
	"fmt"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/trainer"
)

// Each role x task type has a baseline of its own (paper, equation 8).
func ExampleConfig_Advantages() {
	solve, propose := azr.Group{Role: azr.Solve}, azr.Group{Role: azr.Propose}
	samples := []azr.Sample{{Group: solve, Reward: 1}, {Group: solve, Reward: -0.5}, {Group: propose, Reward: 1}, {Group: propose, Reward: 1}}
	fmt.Println(trainer.DefaultConfig().Advantages(samples))
	// Output: [1 -1 0 0]
}
