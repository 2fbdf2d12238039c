package literal_test

import (
	"fmt"

	"github.com/azr-train/azr/executor/literal"
)

func Example() {
	want, err := literal.Parse("{'b': 1, 'a': (2,)}")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, text := range []string{"{'a': (2.0,), 'b': True}", "{'a': [2], 'b': 1}", "__import__('os')"} {
		got, err := literal.Parse(text)
		fmt.Println(err == nil, err == nil && literal.Equal(got, want))
	}
	// Output:
	// true true
	// true false
	// false false
}
