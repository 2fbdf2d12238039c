package sandbox_test

import (
	"fmt"

	"github.com/azr-train/azr/executor/sandbox"
)

func ExampleLevel() {
	var want sandbox.Level
	err := want.UnmarshalText([]byte("lite"))
	fmt.Println(want, want > sandbox.None, err)
	// Output: lite true <nil>
}
