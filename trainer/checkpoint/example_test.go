package checkpoint_test

import (
	"fmt"
	"os"

	"github.com/azr-train/azr/torch/safetensors"
	"github.com/azr-train/azr/trainer/checkpoint"
)

func Example() {
	run, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(run)
	weight := safetensors.Tensor{Name: "w", DType: safetensors.F32, Shape: []int64{2}, Data: func() ([]byte, error) { return make([]byte, 8), nil }}
	err = checkpoint.Save(checkpoint.Path(run, 12), checkpoint.Contents{
		Companions: checkpoint.Companions{"config.json": []byte("{}")},
		Model:      []safetensors.Tensor{weight}, State: checkpoint.State{Step: 12, Seed: 7},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	last, skipped, err := checkpoint.Latest(run)
	fmt.Println(last.State.Step, last.State.Seed, len(skipped), err)
	// Output: 12 7 0 <nil>
}
