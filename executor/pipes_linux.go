package executor

import "golang.org/x/sys/unix"

// bytesToRead asks a pipe, from either end, how much is in it.
const bytesToRead = unix.TIOCINQ
