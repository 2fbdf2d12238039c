package safetensors_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/azr-train/azr/torch/safetensors"
)

func Example() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, safetensors.SingleName)
	file, err := os.Create(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer file.Close()
	err = safetensors.Write(file, []safetensors.Tensor{{
		Name: "norm", DType: safetensors.F32, Shape: []int64{2}, Data: func() ([]byte, error) { return make([]byte, 8), nil },
	}}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	read, err := safetensors.Open(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer read.Close()
	for _, t := range read.Tensors() {
		fmt.Println(t.Name, t.DType, t.Shape)
	}
	// Output: norm F32 [2]
}
