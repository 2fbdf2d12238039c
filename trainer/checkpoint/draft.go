package checkpoint

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// draft is a folder under a hidden name that becomes the folder at target by one
// rename. It holds a lock for as long as it is open.
type draft struct {
	target string
	dir    string
	lock   *os.File
	files  map[string]file // what was written so far
}

// draftPrefix begins the names of all drafts.
const draftPrefix = ".tmp-azr-"

// newDraft makes the draft of a folder, whose parent there is, and first removes those of it that a
// killed process left.
func newDraft(target string) (*draft, error) {
	parent, prefix := filepath.Dir(target), draftPrefix+filepath.Base(target)+"-"
	if err := removeStale(parent, prefix); err != nil {
		return nil, err
	}
	dir := filepath.Join(parent, prefix+strconv.Itoa(os.Getpid()))
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	lock, err := lockFolder(dir)
	if err != nil {
		os.Remove(dir)
		return nil, err
	}
	return &draft{target: target, dir: dir, lock: lock, files: map[string]file{}}, nil
}

// removeStale removes the drafts in parent whose names begin with prefix and that
// no living process holds.
func removeStale(parent, prefix string) error {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.IsDir() || !strings.HasPrefix(e.Name(), prefix) {
			continue
		}
		dir := filepath.Join(parent, e.Name())
		lock, err := lockFolder(dir)
		if errors.Is(err, unix.EWOULDBLOCK) {
			continue
		}
		if err != nil {
			return err
		}
		err = os.RemoveAll(dir)
		lock.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// lockFolder takes the folder's advisory lock, or fails with EWOULDBLOCK. The lock
// ends with the process or when the file is closed.
func lockFolder(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	return f, nil
}

// write adds a file whose content write produces, and forces it to the disk.
func (d *draft) write(name string, write func(io.Writer) error) error {
	f, err := os.OpenFile(filepath.Join(d.dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	w := newWriter(f)
	defer w.free()
	if err := write(w); err != nil {
		return err
	}
	if err := cmp.Or(w.flush(), f.Sync(), f.Close()); err != nil {
		return err
	}
	d.files[name] = file{w.written, hex.EncodeToString(w.sum.Sum(nil))}
	return nil
}

// writeBytes adds a small file.
func (d *draft) writeBytes(name string, content []byte) error {
	return d.write(name, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// writeJSON adds a small file of JSON.
func (d *draft) writeJSON(name string, v any) error {
	text, err := encodeJSON(v)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return d.writeBytes(name, text)
}

// commit makes the draft the folder at its target. With replace, an older folder
// there gives way in the same instant; without, it is an error.
func (d *draft) commit(replace bool) error {
	if err := d.lock.Sync(); err != nil {
		return err
	}
	err := unix.Renameat2(unix.AT_FDCWD, d.dir, unix.AT_FDCWD, d.target, unix.RENAME_NOREPLACE)
	if replace && errors.Is(err, unix.EEXIST) {
		err = unix.Renameat2(unix.AT_FDCWD, d.dir, unix.AT_FDCWD, d.target, unix.RENAME_EXCHANGE)
	}
	if errors.Is(err, unix.EINVAL) { // a file system that has neither, such as NFS
		err = d.moveIntoPlace(replace)
	}
	if err != nil {
		return fmt.Errorf("rename to %s: %w", d.target, err)
	}
	parent := filepath.Dir(d.target)
	return cmp.Or(syncFolder(parent), syncFolder(filepath.Dir(parent)))
}

// moveIntoPlace is commit in two steps; between them there is no folder at the target.
func (d *draft) moveIntoPlace(replace bool) error {
	if !replace {
		return os.Rename(d.dir, d.target) // fails where there is a folder that is not empty
	}
	old := d.dir + "-old"
	if err := os.Rename(d.target, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(d.dir, d.target); err != nil {
		return err
	}
	return os.RemoveAll(old)
}

// close removes what was not committed, or what a commit replaced, and releases the lock.
func (d *draft) close() {
	os.RemoveAll(d.dir)
	d.lock.Close()
}

func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return cmp.Or(f.Sync(), f.Close())
}
