package executor

import (
	"crypto/rand"
	"math"
	"time"

	"github.com/azr-train/azr/executor/literal"
)

// task is what a child is asked to do: to run a program on inputs, or a script.
type task struct {
	Program string
	// Inputs are run one after the other.
	Inputs []input
	Gate   bool
	// Script, if set, is run in place of Program, and reads Stdin.
	Script *scriptTask
	Stdin  []byte
}

// input is an argument list in its two forms, neither of which is the text that the model wrote.
type input struct {
	// Text is canonical, Data what the child builds the arguments of.
	Text string
	Data []byte
}

func newInput(args []literal.Value) input {
	return input{literal.FormatArgs(args), literal.MarshalArgs(args)}
}

// frame returns what the child reads, and the nonce that its claims must carry.
func (t task) frame(limit time.Duration) ([]byte, [nonceBytes]byte) {
	var nonce [nonceBytes]byte
	_, _ = rand.Read(nonce[:]) // never fails
	runs := max(1, len(t.Inputs))
	cpuSeconds := uint32(math.Ceil(limit.Seconds()*float64(runs))) + 1
	if t.Script != nil {
		return taskFrame(nonce, flagScript, cpuSeconds, t.Script.encoded), nonce
	}
	var flags byte
	if t.Gate {
		flags = flagGated
	}
	parts := [][]byte{[]byte(t.Program)}
	for _, i := range t.Inputs {
		parts = append(parts, i.Data)
	}
	return taskFrame(nonce, flags, cpuSeconds, parts...), nonce
}
