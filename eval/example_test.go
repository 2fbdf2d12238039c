package eval_test

import (
	"fmt"

	"github.com/azr-train/azr/eval"
)

func Example() {
	tasks, err := eval.Tasks("../testdata/tasks/trivial.jsonl")
	fmt.Println(len(tasks), err)
	// Output: 36 <nil>
}
