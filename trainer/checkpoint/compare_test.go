package checkpoint

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDiffersTellsTheFirstDifference(t *testing.T) {
	run := t.TempDir()
	saved := func(name int, change func(*Contents)) *Checkpoint {
		c := contents(t, 3)
		change(&c)
		require.NoError(t, Save(Path(run, name), c))
		found, err := Load(Path(run, name))
		require.NoError(t, err)
		return found
	}
	whole := saved(0, func(*Contents) {})
	for i, c := range []struct {
		change func(*Contents)
		words  string
	}{
		{func(c *Contents) { c.State.Versions = map[string]string{"libtorch": "another"} }, ""},
		{func(c *Contents) { c.State.Step++ }, "of step 3 with seed "},
		{func(c *Contents) { c.State.Seed++ }, " with seed "},
		{func(c *Contents) { require.NoError(t, c.State.Put("optimizer_step", 42)) }, "state optimizer_step is 41 and 42"},
		{func(c *Contents) { require.NoError(t, c.State.Put("more", 1)) }, "state more is  and 1"},
		{func(c *Contents) { c.Model = contents(t, 4).Model }, "model.safetensors has "},
		{func(c *Contents) { c.Optimizer = c.Model }, "optimizer.safetensors has "},
	} {
		difference, err := whole.Differs(saved(i+1, c.change))
		require.NoError(t, err)
		if c.words == "" {
			assert.Empty(t, difference)
		} else {
			assert.Contains(t, difference, c.words)
		}
	}
}
