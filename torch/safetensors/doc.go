// Package safetensors reads and writes the safetensors file format: named,
// typed, shaped runs of bytes behind a JSON header. It knows no tensors, no
// devices and no models; it hands out bytes in little-endian order, exactly as
// they lie in the file.
//
// A file is
//
//	8 bytes   length of the header, little-endian
//	header    {"__metadata__": {...}, "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}
//	data      the tensors' bytes, back to back
//
// # Data flow
//
// Reading: [Open] validates a whole header before it returns, so every [Info]
// that it lists can be read; [File.ReadInto] then copies one tensor at a time.
// [OpenFolder] does the same for a model folder, in one file or in shards.
// Writing: [Write] takes the names, types and shapes of all tensors first and
// asks for the bytes of one tensor at a time, so that memory is bounded by the
// largest tensor.
//
// # Contract
//
// Errors are one line and name the file, the tensor, what was found and what was
// wanted. A file is never trusted: no length in it is used before it is checked
// against the size of the file. Reading is safe for concurrent use until Close.
package safetensors
