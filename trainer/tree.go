package trainer

import (
	"cmp"
	"slices"

	"github.com/azr-train/azr/torch"
)

// minShared is how many tokens sequences must begin with alike for these to be computed once: below it the calls of
// attention cost more than the tokens.
const minShared = 16

// tree is the tokens of a micro-batch's sequences, what several begin with held once: rows in depth-first order.
type tree struct {
	ids, positions []int64 // (N)
	segments       []torch.Segment
	// paths tells where each sequence is: the rows of its tokens.
	paths [][]int64
}

// newTree lays out sequences, or each by itself if they are not to share.
func newTree(sequences [][]int32, share bool) *tree {
	t := &tree{paths: make([][]int64, len(sequences))}
	all := make([]int, len(sequences))
	for i := range all {
		all[i] = i
	}
	if !share {
		for i := range all {
			t.grow(sequences, all[i:i+1], 0)
		}
		return t
	}
	slices.SortStableFunc(all, func(a, b int) int { return slices.Compare(sequences[a], sequences[b]) })
	for group := range byNext(sequences, all, 0) {
		t.grow(sequences, group, 0)
	}
	return t
}

// grow adds the tokens from depth on of sorted sequences that are alike up to there.
func (t *tree) grow(sequences [][]int32, group []int, depth int) {
	first, last := sequences[group[0]], sequences[group[len(group)-1]]
	common := commonPrefix(first, last)
	if common-depth < minShared && common < len(last) {
		for part := range byNext(sequences, group, common) {
			t.grow(sequences, part, depth)
		}
		return
	}
	start, segment := len(t.ids), len(t.segments)
	if common > depth {
		t.segments = append(t.segments, torch.Segment{Start: int64(start), Rows: int64(common - depth)})
	}
	for i := depth; i < common; i++ {
		for _, s := range group {
			t.paths[s] = append(t.paths[s], int64(len(t.ids)))
		}
		t.ids, t.positions = append(t.ids, int64(first[i])), append(t.positions, int64(i))
	}
	for part := range byNext(sequences, group, common) {
		if len(sequences[part[0]]) > common {
			t.grow(sequences, part, common)
		}
	}
	if common > depth {
		t.segments[segment].End = int64(len(t.ids))
	}
}

// byNext yields runs of sorted sequences, alike up to depth, that have the same next token or none.
func byNext(sequences [][]int32, group []int, depth int) func(func([]int) bool) {
	next := func(i int) int64 {
		if len(sequences[i]) == depth {
			return -1
		}
		return int64(sequences[i][depth])
	}
	return func(yield func([]int) bool) {
		for from, to := 0, 0; from < len(group); from = to {
			for to = from + 1; to < len(group) && next(group[to]) == next(group[from]); to++ {
			}
			if !yield(group[from:to]) {
				return
			}
		}
	}
}

func commonPrefix(a, b []int32) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// shared counts the tokens that were left out.
func (t *tree) shared() int {
	n := -len(t.ids)
	for _, path := range t.paths {
		n += len(path)
	}
	return n
}

// sortByBeginning orders examples so that those that begin alike follow each other, one temperature after the other.
func sortByBeginning(examples []example) {
	slices.SortStableFunc(examples, func(a, b example) int {
		return cmp.Or(cmp.Compare(a.Temperature, b.Temperature), slices.Compare(a.PromptIDs, b.PromptIDs), slices.Compare(a.ResponseIDs, b.ResponseIDs))
	})
}

// ownTokens is about how many tokens e adds to a tree whose last sequence is before, and never less than it does.
func (e example) ownTokens(before example) int {
	shared := commonPrefix(e.PromptIDs, before.PromptIDs)
	if shared == len(e.PromptIDs) && shared == len(before.PromptIDs) {
		shared += commonPrefix(e.ResponseIDs, before.ResponseIDs)
	}
	return e.tokens() - max(0, shared-minShared+1)
}
