package monitor

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The golden file holds the bytes of TensorBoard's own writer, see testdata/make_events.py.
func TestEventsEqualTensorBoardsOwnBytes(t *testing.T) {
	wall := time.Unix(1700000000, 250_000_000)
	long := map[string]float64{}
	for i := range 40 {
		long[fmt.Sprintf("long/%03d", i)] = float64(i) / 7
	}
	var got []byte
	for _, event := range [][]byte{
		versionEvent(wall),
		scalarsEvent(wall, 0, map[string]float64{"buffer/deduction": 3}),
		scalarsEvent(wall, 1, map[string]float64{"loss": 0.1, "solve/deduction/reward": -0.5, "zero": 0, "é 漢": 1e30}),
		scalarsEvent(wall, 300, nil),
		scalarsEvent(wall, 1<<40, long),
	} {
		got = appendRecord(got, event)
	}
	want, err := os.ReadFile("testdata/events.golden")
	require.NoError(t, err)
	assert.Equal(t, want, got)
}

// RFC 3720, section B.4, gives the CRC-32C of 32 zero bytes; the mask is TFRecord's.
func TestChecksumIsMaskedCRC32C(t *testing.T) {
	sum := uint32(0x8a9136aa)
	assert.Equal(t, (sum>>15|sum<<17)+0xa282ead8, maskedChecksum(make([]byte, 32)))
}
