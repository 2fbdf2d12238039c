package checkpoint

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
)

// Differs tells the first thing that two checkpoints have otherwise, of what the seed determines: weights, optimiser and
// state, not what they were written with, and not the given keys of Extra. It is "" where they are the same, bit by bit.
func (c *Checkpoint) Differs(other *Checkpoint, but ...string) (string, error) {
	if difference := c.State.differs(other.State, but); difference != "" {
		return difference, nil
	}
	mine, err := readManifest(c.Dir)
	if err != nil {
		return "", err
	}
	theirs, err := readManifest(other.Dir)
	if err != nil {
		return "", err
	}
	for _, name := range bothNames(mine.Files, theirs.Files) {
		if a, b := mine.Files[name], theirs.Files[name]; name != stateName && a != b {
			return fmt.Sprintf("%s has %d bytes with SHA-256 %.16s and %d with %.16s", name, a.Bytes, a.SHA256, b.Bytes, b.SHA256), nil
		}
	}
	return "", nil
}

func (s State) differs(other State, but []string) string {
	if s.Step != other.Step || s.Seed != other.Seed {
		return fmt.Sprintf("the newest checkpoint is of step %d with seed %d, and of step %d with seed %d", s.Step, s.Seed, other.Step, other.Seed)
	}
	for _, key := range bothNames(s.Extra, other.Extra) {
		if !slices.Contains(but, key) && !bytes.Equal(s.Extra[key], other.Extra[key]) {
			return fmt.Sprintf("state %s is %.60s and %.60s", key, s.Extra[key], other.Extra[key])
		}
	}
	return ""
}

func bothNames[V any](a, b map[string]V) []string {
	names := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(names)
	return slices.Compact(names)
}
