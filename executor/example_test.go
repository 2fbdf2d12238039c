package executor_test

import (
	"context"
	"fmt"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/executor"
)

func Example() {
	pool, err := executor.Open(context.Background(), executor.DefaultConfig())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	results, err := pool.Run(context.Background(), azr.Execution{
		Program: "def f(words):\n    return {w: len(w) for w in words}\n",
		Inputs:  []string{"['a', 'bc']", "7", "open('/etc/passwd')"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range results {
		fmt.Printf("%s %q\n", r.Status, r.Value)
	}
	// Output:
	// ok "{'a': 1, 'bc': 2}"
	// error ""
	// bad_input ""
}
