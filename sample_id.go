package azr

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
)

// Purpose is what a completion is sampled for.
type Purpose uint8

const (
	// Proposing a task.
	Proposing Purpose = iota
	// Estimating a proposal's learnability: the n rollouts of the paper's equation 4.
	Estimating
	// Solving a task for the update.
	Solving
	// Seeding the buffers before the first step.
	Seeding
	// Evaluating without training.
	Evaluating
)

var purposeNames = [...]string{"proposing", "estimating", "solving", "seeding", "evaluating"}

// String returns the purpose's name.
func (p Purpose) String() string { return name(purposeNames[:], p) }

// MarshalText writes the purpose's name.
func (p Purpose) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads a purpose's name.
func (p *Purpose) UnmarshalText(text []byte) error { return parse(p, purposeNames[:], text) }

// SampleID names one completion for good. It derives from what was asked for,
// never from the order in which completions finish, so that the same seed gives
// the same samples whatever the machine's speed.
type SampleID struct {
	Step    int      `json:"step"`
	Purpose Purpose  `json:"purpose"`
	Type    TaskType `json:"type"`
	// Index is the proposal's number within step, purpose and type, or the task's within a solve batch;
	// an estimate has the index of its proposal.
	Index int `json:"index"`
	// Rollout counts the samples of one prompt.
	Rollout int `json:"rollout"`
}

// Prompt is the id that all samples of one prompt share: that of its first rollout.
func (id SampleID) Prompt() SampleID {
	id.Rollout = 0
	return id
}

// String returns for example "step 3 estimating deduction 5.2".
func (id SampleID) String() string {
	return fmt.Sprintf("step %d %s %s %d.%d", id.Step, id.Purpose, id.Type, id.Index, id.Rollout)
}

// Key is a keyed random stream: every draw is a function of the key and a
// position, so draws do not depend on what else is drawn.
type Key uint64

// NewKey derives the stream for a run's seed and a label such as "references".
func NewKey(seed uint64, label string) Key {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], seed)
	sum := sha256.Sum256(append(b[:], label...))
	return Key(binary.LittleEndian.Uint64(sum[:8]))
}

// Key derives the stream of a sample from the run's seed.
func (id SampleID) Key(seed uint64) Key { return NewKey(seed, id.String()) }

// Uniform returns the draw at a position, in [0, 1) with 53 random bits
// (splitmix64 used as a counter-based generator).
func (k Key) Uniform(position uint64) float64 {
	z := uint64(k) + (position+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return float64((z^z>>31)>>11) * 0x1p-53
}

// Rand returns a generator that starts at the key, for draws that need more than one number.
func (k Key) Rand() *rand.Rand { return rand.New(rand.NewPCG(uint64(k), 0)) }

// ContentID is the hash of what makes two tasks the same: type, program,
// examples and message. It is 16 hexadecimal digits.
func (t Task) ContentID() string {
	content, err := json.Marshal([]any{t.Type, t.Program, t.Examples, t.Message})
	if err != nil {
		panic(err) // strings and slices of strings always marshal
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:8])
}
