package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCommentsAreCurrent(t *testing.T) {
	want, err := generate("../..")
	require.NoError(t, err)
	got, err := os.ReadFile("../" + output)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got), "hint: go generate ./configs")
}

func TestForUsers(t *testing.T) {
	keys := map[string]string{"BatchSize": "batch_size", "Slots": "slots", "MaxTasks": "max_tasks"}
	assert.Equal(t, "batch_size times slots; Slots and AdamW stay.\n\nSee Open, [1, 2] and max_tasks.",
		forUsers("BatchSize times\nslots; Slots and AdamW stay.\n\nSee [Open], [1, 2] and MaxTasks.\n", "BatchSize", keys))
}
