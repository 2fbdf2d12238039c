package torch_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/azr-train/azr/torch"
)

// The time in libtorch is most of the wall time where a thread only multiplies, and none where it does something else.
func TestComputeTimeIsThatOfCalls(t *testing.T) {
	lockThread(t)
	s := torch.NewScope()
	defer s.Close()
	x := s.Full(1, torch.F32, torch.CPU, 256, 256)
	start, before := time.Now(), torch.ComputeTime()
	for range 20 {
		inside := s.Child()
		x.In(inside).MatMul(x)
		inside.Close()
	}
	computed, wall := torch.ComputeTime()-before, time.Since(start)
	assert.Greater(t, computed, wall/10)
	assert.LessOrEqual(t, computed, wall)
	before = torch.ComputeTime()
	time.Sleep(5 * time.Millisecond)
	assert.Equal(t, before, torch.ComputeTime())
}
