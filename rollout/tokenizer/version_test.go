package tokenizer

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLibraryVersionIsThePinnedOne(t *testing.T) {
	manifest, err := os.ReadFile("../../third_party/tokenizers/Cargo.toml")
	require.NoError(t, err)
	assert.Contains(t, string(manifest), `package = "tokenizers", version = "=`+LibraryVersion+`"`)
}
