package trainer

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/torch"
)

// sized is an example of so many tokens, the prompt being one of them.
func sized(tokens int, temperature float64) example {
	return example{Sample: azr.Sample{PromptIDs: make([]int32, 1), ResponseIDs: make([]int32, tokens-1), Temperature: temperature}}
}

func packedSizes(examples []example, budget int) [][]int {
	var sizes [][]int
	for _, batch := range pack(examples, budget, false) {
		var of []int
		for _, e := range batch {
			of = append(of, e.tokens())
		}
		sizes = append(sizes, of)
	}
	return sizes
}

func TestPackKeepsOrderAndBudget(t *testing.T) {
	var examples []example
	for _, n := range []int{4, 6, 5, 5, 2, 9} {
		examples = append(examples, sized(n, 1))
	}
	assert.Equal(t, [][]int{{4, 6}, {5, 5}, {2}, {9}}, packedSizes(examples, 10), "exactly full is not over")
	assert.Equal(t, [][]int{{4}, {6}, {5}, {5, 2}, {9}}, packedSizes(examples, 7))
	assert.Equal(t, [][]int{{4, 6, 5, 5, 2, 9}}, packedSizes(examples, 1000))
	assert.Empty(t, packedSizes(nil, 10))
}

func TestPackLeavesAnOverlongExampleAlone(t *testing.T) {
	examples := []example{sized(3, 1), sized(50, 1), sized(3, 1), sized(4, 1)}
	assert.Equal(t, [][]int{{3}, {50}, {3, 4}}, packedSizes(examples, 10))
}

func TestPackSplitsTemperatures(t *testing.T) {
	examples := []example{sized(2, 1), sized(3, 1), sized(4, 0.7), sized(5, 1)}
	assert.Equal(t, [][]int{{2, 3}, {4}, {5}}, packedSizes(examples, 100))
}

func TestPackedRowsPredictTheResponse(t *testing.T) {
	p := newPacked([]example{
		{azr.Sample{PromptIDs: []int32{10, 11, 12}, ResponseIDs: []int32{20, 21}, LogProbs: []float32{-1, -2}}, 0.5},
		{azr.Sample{PromptIDs: []int32{13}, ResponseIDs: []int32{22, 23, 24}, LogProbs: []float32{-3, -4, -5}}, -2},
	}, false)
	assert.Equal(t, []int64{10, 11, 12, 20, 13, 22, 23}, p.ids, "without each sequence's last token")
	assert.Equal(t, []torch.Segment{{Start: 0, Rows: 4, End: 4}, {Start: 4, Rows: 3, End: 7}}, p.segments)
	assert.Equal(t, []int64{2, 3, 4, 5, 6}, p.rows)
	assert.Equal(t, []int64{20, 21, 22, 23, 24}, p.targets)
	assert.Equal(t, []float32{-1, -2, -3, -4, -5}, p.old)
	assert.Equal(t, []float32{0.5, 0.5, -2, -2, -2}, p.advantages)
}
