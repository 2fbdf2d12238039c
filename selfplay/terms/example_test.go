package terms_test

import (
	"context"
	"fmt"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/selfplay/terms"
)

func Example() {
	environment, err := terms.New(6)
	if err != nil {
		fmt.Println(err)
		return
	}
	task, verdict := environment.ParseProposal(azr.Request{Type: azr.Abduction}, " x*x - 4\nx = 3")
	if verdict.Outcome == azr.Pass {
		task, verdict, err = environment.Validate(context.Background(), task)
	}
	fmt.Println(task.Program, task.Examples, verdict.Outcome, err)
	for _, text := range []string{" -3", " 5", " three"} {
		answer, verdict := environment.ParseAnswer(task, text)
		if verdict.Outcome == azr.Pass {
			verdict, err = environment.Verify(context.Background(), task, answer)
		}
		fmt.Println(verdict.Outcome, err)
	}
	// Output:
	// x * x - 4 [{3 5}] pass <nil>
	// pass <nil>
	// fail <nil>
	// malformed <nil>
}
