package configs_test

import (
	"fmt"

	"github.com/azr-train/azr/configs"
)

func Example() {
	text, ok := configs.Read("quickstart")
	fmt.Println(ok, len(text) > 0)
	// Output: true true
}
