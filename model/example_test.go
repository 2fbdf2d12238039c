package model_test

import (
	"fmt"

	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/torch"
)

func Example() {
	m, err := model.Load("../testdata/tiny/llama-gqa", torch.F32, torch.CPU)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Free()
	s := torch.NewScope()
	defer s.Close()
	torch.NoGrad(func() {
		hidden := m.Forward(s, []int64{5, 6, 7, 5, 6}, []int64{0, 3}) // two packed sequences, of 3 and 2 tokens
		fmt.Println(hidden.Shape(), m.Logits(hidden).Shape())
	})
	// Output: [5 64] [5 257]
}
