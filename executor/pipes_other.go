//go:build !linux

package executor

// bytesToRead asks a pipe how much is in it: FIONREAD.
const bytesToRead = 0x4004667f
