package trainer

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/torch"
)

// branching are sequences over few tokens that begin with some of the same texts.
func branching(r *rand.Rand, n int) [][]int32 {
	ids := func(n int) []int32 {
		list := make([]int32, n)
		for i := range list {
			list[i] = r.Int32N(3)
		}
		return list
	}
	beginnings := [][]int32{nil, ids(5), ids(40), ids(minShared)}
	beginnings = append(beginnings, append(beginnings[2][:30:30], ids(25)...), append(beginnings[2][:20:20], 0))
	sequences := make([][]int32, n)
	for i := range sequences {
		sequences[i] = append(beginnings[r.IntN(len(beginnings))][:], ids(1+r.IntN(12))...)
		if i > 0 && r.IntN(5) == 0 {
			sequences[i] = sequences[r.IntN(i)] // the same answer once more
		}
	}
	return sequences
}

// A path through the tree reads as its sequence, and each row sees what comes before it there, and no more.
func TestATreeHoldsItsSequences(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 0))
	for range 300 {
		sequences := branching(r, 1+r.IntN(20))
		for _, share := range []bool{false, true} {
			tr := newTree(sequences, share)
			row, own := int64(0), make([]int, len(tr.ids)) // each row's segment
			for i, s := range tr.segments {
				require.Equal(t, row, s.Start)
				for range s.Rows {
					own[row] = i
					row++
				}
			}
			require.Len(t, tr.ids, int(row))
			for i, path := range tr.paths {
				require.Len(t, path, len(sequences[i]))
				last := tr.segments[own[path[len(path)-1]]]
				seen := 0
				for _, s := range tr.segments { // above the last row, and its own
					if s.Start <= last.Start && last.Start < s.End {
						seen += int(s.Rows)
					}
				}
				require.Equal(t, len(path), seen, "what the last row sees")
				for at, p := range path {
					require.Equal(t, sequences[i][at], int32(tr.ids[p]))
					require.EqualValues(t, at, tr.positions[p])
				}
			}
			require.True(t, share || tr.shared() == 0)
		}
	}
}

// Two sequences share what they begin with, but for less than minShared tokens.
func TestATreeSharesWhatItCan(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 0))
	for range 100 {
		sequences := branching(r, 12)
		tr := newTree(sequences, true)
		for i, a := range sequences {
			for j, b := range sequences[:i] {
				common := commonPrefix(a, b)
				rows := 0
				for rows < common && tr.paths[i][rows] == tr.paths[j][rows] {
					rows++
				}
				assert.Greater(t, rows, common-minShared)
				if len(a) == common && len(b) == common {
					assert.Equal(t, common, rows, "equal sequences are one")
				}
			}
		}
	}
	assert.Zero(t, newTree(branching(r, 12), false).shared())
}

// answers are several to each of some prompts, which begin with the same instructions; some are equal.
func answers(vocab int) []azr.Sample {
	r := rand.New(rand.NewPCG(3, 0))
	instructions := randomSamples(9, vocab, 1)[0].PromptIDs
	for len(instructions) < 2*minShared {
		instructions = append(instructions, instructions...)
	}
	var samples []azr.Sample
	for task, s := range randomSamples(4, vocab, 6) {
		prompt := append(instructions[:len(instructions):len(instructions)], s.PromptIDs...)
		for rollout := range 6 {
			answer := randomSamples(uint64(10+rollout/2+3*task), vocab, 1)[0]
			answer.ID.Index, answer.ID.Rollout = task, rollout
			answer.Group, answer.PromptIDs, answer.Reward, answer.Temperature = s.Group, prompt, r.Float64(), s.Temperature
			samples = append(samples, answer)
		}
	}
	return samples
}

// Sharing changes what is computed, not what comes out: the same report and the same gradients, to rounding.
func TestSharedPrefixesGiveThePlainGradients(t *testing.T) {
	for _, variant := range []string{"llama-gqa", "qwen3-wide"} {
		m := load(t, variant)
		samples := answers(m.Config.VocabSize)
		for _, set := range []func(*Config){
			func(*Config) {},
			func(c *Config) { c.ActivationCheckpointing = true },
			func(c *Config) { c.EntropyCoefficient = 0 },
			func(c *Config) { c.MicroBatchTokens = 10000 },
		} {
			step := func(share bool) (Report, map[string][]float32) {
				c := testConfig()
				c.SharePrefixes, c.LearningRate = share, 0
				set(&c)
				tr, err := New(c, m, azr.NoProgress{})
				require.NoError(t, err)
				defer tr.Close()
				advantages := c.Advantages(samples)
				var r Report
				for _, e := range tr.minibatch(0, samples, advantages) {
					r.ResponseTokens += len(e.ResponseIDs)
				}
				require.NoError(t, tr.addGradients(t.Context(), tr.minibatch(0, samples, advantages), &r, true))
				return r, gradients(t, tr, m)
			}
			plain, want := step(false)
			shared, got := step(true)
			assert.Zero(t, plain.SharedTokens)
			assert.Greater(t, shared.SharedTokens, plain.Tokens/3)
			assert.Equal(t, plain.Tokens, shared.Tokens+shared.SharedTokens)
			assert.Less(t, shared.Batches, max(plain.Batches, 2+1))
			assert.InEpsilon(t, plain.Loss, shared.Loss, 1e-5)
			assert.InEpsilon(t, plain.Entropy, shared.Entropy, 1e-5)
			assert.InEpsilon(t, plain.LogProb, shared.LogProb, 1e-5)
			assert.InDelta(t, plain.MaxDeltaLogProb, shared.MaxDeltaLogProb, 1e-5)
			for name := range want {
				alike(t, variant+": "+name, want[name], got[name], 1e-5)
			}
		}
	}
}

func TestSharedPrefixesLeakNothing(t *testing.T) {
	m := load(t, "llama-gqa")
	tr := newTrainer(t, testConfig(), m)
	samples := answers(m.Config.VocabSize)
	for range 2 {
		_, err := tr.Step(t.Context(), samples)
		require.NoError(t, err)
	}
	live, bytes := torch.Live(), torch.AllocatedBytes()
	for range 3 {
		r, err := tr.Step(t.Context(), samples)
		require.NoError(t, err)
		require.Positive(t, r.SharedTokens)
		require.Equal(t, live, torch.Live(), "handles")
		require.Equal(t, bytes, torch.AllocatedBytes(), "bytes")
	}
}
