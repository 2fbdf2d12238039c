package safetensors

import (
	"fmt"
	"math/bits"
)

// DType is the type of a tensor's elements, spelt as in the file.
type DType string

// The element types that this package reads and writes.
const (
	Bool DType = "BOOL"
	U8   DType = "U8"
	I8   DType = "I8"
	I16  DType = "I16"
	F16  DType = "F16"
	BF16 DType = "BF16"
	I32  DType = "I32"
	F32  DType = "F32"
	F64  DType = "F64"
	I64  DType = "I64"
)

// dtypes lists the types in the order of the reference implementation: [Write]
// lays out tensors from the last to the first, so that wide ones come first and
// all of them lie aligned.
var dtypes = []struct {
	name DType
	size int64
}{{Bool, 1}, {U8, 1}, {I8, 1}, {I16, 2}, {F16, 2}, {BF16, 2}, {I32, 4}, {F32, 4}, {F64, 8}, {I64, 8}}

// rank is the type's place in dtypes, or -1.
func (d DType) rank() int {
	for i, t := range dtypes {
		if t.name == d {
			return i
		}
	}
	return -1
}

// Size returns the bytes of one element, or 0 for a type that this package does not know.
func (d DType) Size() int64 {
	if i := d.rank(); i >= 0 {
		return dtypes[i].size
	}
	return 0
}

// byteSize returns the bytes of a tensor of this type and shape.
func byteSize(d DType, shape []int64) (int64, error) {
	size := d.Size()
	if size == 0 {
		return 0, fmt.Errorf("unknown dtype; got %q, want one of BOOL U8 I8 I16 F16 BF16 I32 F32 F64 I64", d)
	}
	empty := false
	for _, n := range shape {
		if n < 0 {
			return 0, fmt.Errorf("negative dimension; got shape %v", shape)
		}
		if n == 0 {
			empty = true
			continue
		}
		hi, lo := bits.Mul64(uint64(size), uint64(n))
		if hi != 0 || lo > maxBytes {
			return 0, fmt.Errorf("shape is too large; got %v of %s, want at most %d bytes", shape, d, int64(maxBytes))
		}
		size = int64(lo)
	}
	if empty {
		return 0, nil
	}
	return size, nil
}

// maxBytes bounds a tensor and a file, far above any disk, so that sums of two do not overflow.
const maxBytes = 1 << 61
