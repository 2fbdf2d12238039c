package executor

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBytesAreReadAndWrittenWithUnits(t *testing.T) {
	for text, want := range map[string]Bytes{
		"0B": 0, "1B": 1, "1KiB": 1 << 10, "1023B": 1023, "512MiB": 512 << 20, "3GiB": 3 << 30, "2TiB": 2 << 40, "1025KiB": 1025 << 10,
	} {
		var b Bytes
		require.NoError(t, b.UnmarshalText([]byte(text)))
		assert.Equal(t, want, b)
		assert.Equal(t, text, b.String())
	}
	var b Bytes
	require.NoError(t, b.UnmarshalText([]byte("1048576")))
	assert.Equal(t, "1MiB", b.String())
	for _, text := range []string{"", "MiB", "1.5GiB", "-1", "-1KiB", "512 MiB", "512MB", "512mib", "9223372036854775807KiB", "9223372036854775808", "0x10"} {
		b := Bytes(7)
		assert.ErrorContains(t, b.UnmarshalText([]byte(text)), "want a whole number of B, KiB", text)
		assert.Equal(t, Bytes(7), b)
	}
}
