package store_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/store"
)

func Example() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	s, err := store.Create(filepath.Join(dir, "run.sqlite"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	task := azr.Task{ID: "a", Type: azr.Deduction, Program: "def f(x):\n    return sorted(x)", Examples: []azr.Example{{Input: "[2, 1]", Output: "[1, 2]"}}}
	if err := s.Commit(azr.StepRecord{Step: 1, Tasks: []azr.Task{task}}); err != nil {
		fmt.Println(err)
		return
	}
	found, err := s.Search("sorted", 10)
	fmt.Println(len(found), found[0].Examples, err)
	// Output: 1 [{[2, 1] [1, 2]}] <nil>
}
