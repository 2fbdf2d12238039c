package sandbox

import (
	"bufio"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestUsersOfANamespace(t *testing.T) {
	for text, want := range map[string]bool{
		"         0          0 4294967295\n": true, "0 1000 1\n": false, "0 1000 1\n1 100000 65536\n": true,
		"0 1000 1\n1 100000 65533\n": false, "65534 65534 1": true, "": false, "garbage": false,
	} {
		assert.Equal(t, want, hasUser(bufio.NewScanner(strings.NewReader(text)), 65534), text)
	}
}
