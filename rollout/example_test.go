package rollout_test

import (
	"context"
	"fmt"
	"os"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/model/modeltest"
	"github.com/azr-train/azr/rollout"
	"github.com/azr-train/azr/rollout/tokenizer"
	"github.com/azr-train/azr/torch"
)

func Example() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	if err := continueRandomly(dir); err != nil {
		fmt.Println(err)
	}
	// Output: step 0 evaluating deduction 0.0: truncated, 5 tokens and as many log-probs: true
}

// continueRandomly continues a prompt with a random model that it makes in dir.
func continueRandomly(dir string) error {
	t, err := tokenizer.Load(byteLevel)
	if err != nil {
		return err
	}
	defer t.Close()
	if err := modeltest.Small(t.VocabSize(), 64).Write(dir); err != nil {
		return err
	}
	m, err := model.Load(dir, torch.F32, torch.CPU)
	if err != nil {
		return err
	}
	defer m.Free()
	engine, err := rollout.New(rollout.Config{Slots: 4, Room: 64}, 1, m, t)
	if err != nil {
		return err
	}
	defer engine.Close()
	err = engine.Submit(azr.Prompt{ID: azr.SampleID{Purpose: azr.Evaluating}, Text: "def f(x):", Sampling: azr.Sampling{Temperature: 1, TopP: 1, MaxTokens: 5}})
	for err == nil && engine.Pending() > 0 {
		var done []azr.Completion
		done, err = engine.Tick(context.Background())
		for _, c := range done {
			fmt.Printf("%s: %s, %d tokens and as many log-probs: %v\n", c.ID, c.Finish, len(c.IDs), len(c.IDs) == len(c.LogProbs))
		}
	}
	return err
}
