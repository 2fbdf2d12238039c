package torch

import "github.com/azr-train/azr/torch/internal/capi"

// Clamp limits t to [lo, hi].
func (t Tensor) Clamp(lo, hi float64) Tensor {
	h, err := capi.Clamp(t.handle("Clamp"), lo, hi)
	return t.scope.own("Clamp", h, err, t)
}

// Where chooses a where the Bool tensor t holds, else b, broadcasting.
func (t Tensor) Where(a, b Tensor) Tensor {
	h, err := capi.Where(t.handle("Where"), a.handle("Where"), b.handle("Where"))
	return innermost("Where", t, a, b).own("Where", h, err, t, a, b)
}

// Reshape gives t another shape of as many elements; one size may be -1.
func (t Tensor) Reshape(shape ...int64) Tensor {
	h, err := capi.Reshape(t.handle("Reshape"), shape)
	return t.scope.own("Reshape", h, err, t)
}

// Expand repeats dimensions of size 1 without copying; -1 keeps a size.
func (t Tensor) Expand(shape ...int64) Tensor {
	h, err := capi.Expand(t.handle("Expand"), shape)
	return t.scope.own("Expand", h, err, t)
}

// Permute reorders the dimensions.
func (t Tensor) Permute(dims ...int64) Tensor {
	h, err := capi.Permute(t.handle("Permute"), dims)
	return t.scope.own("Permute", h, err, t)
}

// Transpose swaps two dimensions.
func (t Tensor) Transpose(a, b int) Tensor {
	h, err := capi.Transpose(t.handle("Transpose"), a, b)
	return t.scope.own("Transpose", h, err, t)
}

// Narrow is the view of length elements of dim from start.
func (t Tensor) Narrow(dim, start, length int) Tensor {
	h, err := capi.Narrow(t.handle("Narrow"), dim, int64(start), int64(length))
	return t.scope.own("Narrow", h, err, t)
}

// Unsqueeze inserts a dimension of size 1 at dim.
func (t Tensor) Unsqueeze(dim int) Tensor {
	h, err := capi.Unsqueeze(t.handle("Unsqueeze"), dim)
	return t.scope.own("Unsqueeze", h, err, t)
}

// Squeeze removes dimension dim if its size is 1.
func (t Tensor) Squeeze(dim int) Tensor {
	h, err := capi.Squeeze(t.handle("Squeeze"), dim)
	return t.scope.own("Squeeze", h, err, t)
}

// Cat joins tensors along dim.
func Cat(dim int, first Tensor, rest ...Tensor) Tensor {
	hs := []capi.Handle{first.handle("Cat")}
	for _, t := range rest {
		hs = append(hs, t.handle("Cat"))
	}
	h, err := capi.Cat(hs, dim)
	return innermost("Cat", first, rest...).own("Cat", h, err, append([]Tensor{first}, rest...)...)
}

// IndexSelect takes the entries of dim that index (N) I64 names.
func (t Tensor) IndexSelect(dim int, index Tensor) Tensor {
	h, err := capi.IndexSelect(t.handle("IndexSelect"), dim, index.handle("IndexSelect"))
	return innermost("IndexSelect", t, index).own("IndexSelect", h, err, t, index)
}

// RepeatInterleave repeats each entry of dim.
func (t Tensor) RepeatInterleave(repeats, dim int) Tensor {
	h, err := capi.RepeatInterleave(t.handle("RepeatInterleave"), int64(repeats), dim)
	return t.scope.own("RepeatInterleave", h, err, t)
}

// To converts t to a dtype on a device; itself if it is already.
func (t Tensor) To(dtype DType, device Device) Tensor {
	h, err := capi.To(t.handle("To"), int32(dtype), device.Index())
	return t.scope.own("To", h, err, t)
}
