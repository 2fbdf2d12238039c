package python

import (
	"crypto/sha256"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTemplateHashes(t *testing.T) {
	for _, style := range []Style{Chat, Completion} {
		c := DefaultConfig()
		c.Style = style
		e, err := New(c, nil)
		require.NoError(t, err)
		hashes := e.TemplateHashes()
		files, err := os.ReadDir("prompts/" + string(style))
		require.NoError(t, err)
		assert.Len(t, hashes, len(files))
		name := string(style) + "/solve_induction.tmpl"
		text, err := os.ReadFile("prompts/" + name)
		require.NoError(t, err)
		assert.Equal(t, fmt.Sprintf("%x", sha256.Sum256(text)), hashes[name])
	}
	c := DefaultConfig()
	c.Wrapper = PlainWrapper
	e, err := New(c, nil)
	require.NoError(t, err)
	assert.Contains(t, e.TemplateHashes(), "plain/chat.tmpl")
}
