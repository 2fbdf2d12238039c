package checkpoint

import (
	"crypto/sha256"
	"hash"
	"os"

	"golang.org/x/sys/unix"
)

// bufferBytes is written at once. It is a multiple of every disk's block.
const bufferBytes = 1 << 20

// writer fills a file and adds up its checksum. Whole buffers go to the disk past the kernel's page cache, where the file
// system can do that: nobody reads a checkpoint soon, and the copy would cost the processors, which play the next step
// meanwhile, more than the checksum does.
type writer struct {
	file    *os.File
	sum     hash.Hash
	written int64
	buffer  []byte // aligned to a page, as the disk wants it
	filled  int
	direct  bool // past the page cache
	refused bool
}

func newWriter(f *os.File) *writer {
	w := &writer{file: f, sum: sha256.New()}
	buffer, err := unix.Mmap(-1, 0, bufferBytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		panic(err) // a megabyte, where a step's tensors were just now
	}
	w.buffer = buffer
	return w
}

func (w *writer) free() { _ = unix.Munmap(w.buffer) }

// Write adds p, of which the last part may stay in the buffer until flush.
func (w *writer) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		n := copy(w.buffer[w.filled:], rest)
		rest, w.filled = rest[n:], w.filled+n
		if w.filled < bufferBytes {
			break
		}
		if err := w.flush(); err != nil {
			return len(p) - len(rest), err
		}
	}
	return len(p), nil
}

// flush writes what is in the buffer.
func (w *writer) flush() error {
	content := w.buffer[:w.filled]
	w.filled = 0
	if len(content) == 0 {
		return nil
	}
	w.sum.Write(content)
	w.goDirect(len(content) == bufferBytes)
	n, err := w.file.Write(content)
	w.written += int64(n)
	return err
}

// goDirect chooses the way past the page cache or through it; a file's end, which is no whole block, has to go through.
func (w *writer) goDirect(direct bool) {
	if direct == w.direct || w.refused {
		return
	}
	fd := w.file.Fd()
	flags, err := unix.FcntlInt(fd, unix.F_GETFL, 0)
	if err == nil {
		_, err = unix.FcntlInt(fd, unix.F_SETFL, flags^unix.O_DIRECT)
	}
	if err != nil {
		w.refused = true // a file system without that
		return
	}
	w.direct = direct
}
