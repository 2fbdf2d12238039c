package python_test

import (
	"context"
	"fmt"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/selfplay/python"
)

func Example() {
	environment, err := python.New(python.DefaultConfig(), azr.NewFakeExecutor(addExecutor))
	if err != nil {
		fmt.Println(err)
		return
	}
	task := azr.Task{Type: azr.Abduction, Program: "def f(x):\n    return x + 2", Examples: []azr.Example{{Input: "1", Output: "3"}}}
	for _, text := range []string{"So.\n</think>\n<answer>\n```input\n1\n```\n</answer>", "I don't know."} {
		answer, verdict := environment.ParseAnswer(task, text)
		if verdict.Outcome == azr.Pass {
			verdict, err = environment.Verify(context.Background(), task, answer)
		}
		fmt.Println(verdict.Outcome, err)
	}
	// Output:
	// pass <nil>
	// malformed <nil>
}
