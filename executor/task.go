package executor

import (
	"crypto/rand"
	"encoding/binary"
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

// The flags of a task.
const (
	flagGated int32 = 1 << iota
	flagScript
)

// message returns what the child reads, a tuple in CPython's marshal format, and the nonce that its claims must
// carry. In it is the claim that there is no memory left, which nobody can make when it is true.
func (t task) message(limit time.Duration) ([]byte, [nonceBytes]byte) {
	var nonce [nonceBytes]byte
	_, _ = rand.Read(nonce[:]) // never fails
	seconds := int32(math.Ceil(limit.Seconds()*float64(max(1, len(t.Inputs))))) + 1
	source, flags := t.Program, int32(0)
	switch {
	case t.Script != nil:
		source, flags = t.Script.encoded, flagScript
	case t.Gate:
		flags = flagGated
	}
	b := marshalHead(nil, '(', 6)
	b = append(marshalHead(b, 's', nonceBytes), nonce[:]...)
	b = binary.LittleEndian.AppendUint32(append(b, 'i'), uint32(flags))
	b = binary.LittleEndian.AppendUint32(append(b, 'i'), uint32(seconds))
	outOfMemory := frameOf(nonce, 'm', "MemoryError", "1")
	b = append(marshalHead(b, 's', len(outOfMemory)), outOfMemory...)
	b = append(marshalHead(b, 'u', len(source)), source...)
	b = marshalHead(b, '(', len(t.Inputs))
	for _, i := range t.Inputs {
		b = append(marshalHead(b, 's', len(i.Data)), i.Data...)
	}
	return b, nonce
}

// marshalHead begins a string or a tuple.
func marshalHead(b []byte, kind byte, size int) []byte {
	return binary.LittleEndian.AppendUint32(append(b, kind), uint32(size))
}
