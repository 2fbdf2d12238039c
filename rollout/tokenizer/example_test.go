package tokenizer_test

import (
	"fmt"

	"github.com/azr-train/azr/rollout/tokenizer"
)

func Example() {
	t, err := tokenizer.Load("testdata/bytelevel")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer t.Close()
	ids, err := t.Encode("def f(x):\n    return x")
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := t.Decode(ids)
	fmt.Printf("%q %v\n", text, err)
	// Output: "def f(x):\n    return x" <nil>
}
