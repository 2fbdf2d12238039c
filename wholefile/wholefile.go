// Package wholefile reads files that someone else may have made: a named pipe would have
// a reader wait for ever, and a device or a file without end take all memory.
//
//	text, err := wholefile.Read("config.json", 16<<20)
package wholefile

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Read returns what is in a regular file of at most so many bytes. Errors name the path, and those of os.Open are kept.
func Read(path string, most int64) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0) // a pipe is opened whether or not someone writes to it
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file; got %s", path, info.Mode().Type())
	}
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(text)) > most {
		return nil, fmt.Errorf("%s: too long; got %d bytes, want at most %d", path, info.Size(), most)
	}
	return text, nil
}
