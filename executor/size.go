package executor

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Bytes is an amount of memory. Its text is a whole number and a unit, for
// example 512MiB; without a unit it is in bytes.
type Bytes int64

var byteUnits = []struct {
	name string
	size Bytes
}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}

// String returns the amount in the largest unit that divides it.
func (b Bytes) String() string {
	for _, unit := range byteUnits {
		if b%unit.size == 0 && b != 0 {
			return fmt.Sprintf("%d%s", b/unit.size, unit.name)
		}
	}
	return "0B"
}

// MarshalText writes what String returns.
func (b Bytes) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText reads an amount.
func (b *Bytes) UnmarshalText(text []byte) error {
	number, size := string(text), Bytes(1)
	for _, unit := range byteUnits {
		if before, ok := strings.CutSuffix(number, unit.name); ok {
			number, size = before, unit.size
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/int64(size) {
		return fmt.Errorf(`executor.Bytes: not an amount of memory; got %q, want a whole number of B, KiB, MiB, GiB or TiB such as "512MiB"`, text)
	}
	*b = Bytes(n) * size
	return nil
}
