package checkpoint

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whatever a manifest and a state say, the checkpoint is whole, or there is an error; no file outside it is looked at.
func FuzzLoad(f *testing.F) {
	whole := filepath.Join(f.TempDir(), "whole")
	require.NoError(f, Save(whole, contents(f, 3)))
	manifest, err := os.ReadFile(filepath.Join(whole, manifestName))
	require.NoError(f, err)
	state, err := os.ReadFile(filepath.Join(whole, stateName))
	require.NoError(f, err)
	for _, text := range []string{
		string(manifest), `{"format": 1}`, `{"format": 1, "files": {"../x": {"bytes": 1, "sha256": ""}}}`, `{"format": 1, "files": {"": {}}}`,
		`{"format": 99}`, `[]`, `{"format": 1, "files": {"state.json": {"bytes": -1}}}`,
	} {
		f.Add([]byte(text), state)
	}
	for _, text := range []string{`{}`, `{"format": 1, "step": -1}`, `{"format": 1, "extra": {"updates": "x"}}`, `null`} {
		f.Add(manifest, []byte(text))
	}
	f.Fuzz(func(t *testing.T, manifest, state []byte) {
		dir := filepath.Join(t.TempDir(), "c")
		require.NoError(t, os.CopyFS(dir, os.DirFS(whole)))
		require.NoError(t, os.WriteFile(filepath.Join(dir, manifestName), manifest, 0o644))
		require.NoError(t, os.WriteFile(filepath.Join(dir, stateName), state, 0o644))
		c, err := Load(dir)
		if err != nil {
			return
		}
		assert.Equal(t, format, c.State.Format)
		var updates int
		_, _ = c.State.Get("updates", &updates)
	})
}
