package torch_test

import (
	"fmt"

	"github.com/azr-train/azr/torch"
)

func Example() {
	s := torch.NewScope()
	defer s.Close()
	x := s.FromFloat32s([]float32{1, 2, 3}, torch.CPU, 3).Leaf()
	x.Square().SumAll().Backward(torch.Tensor{})
	fmt.Println(x.Grad().Float32s())
	// Output: [2 4 6]
}

// At a boundary a failed op becomes an error.
func ExampleCatch() {
	multiply := func(rows int64) (err error) {
		defer torch.Catch(&err)
		s := torch.NewScope()
		defer s.Close()
		s.Zeros(torch.F32, torch.CPU, rows, 3).MatMul(s.Zeros(torch.F32, torch.CPU, 3, 4))
		return nil
	}
	fmt.Println(multiply(2))
	// Output: <nil>
}
