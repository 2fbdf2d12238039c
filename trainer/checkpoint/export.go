package checkpoint

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Export copies a checkpoint without the optimiser and the state: an ordinary
// model folder at outDir, which must not exist. What is copied is verified on the
// way; on an error nothing is left at outDir.
func Export(ckptDir, outDir string) error {
	if err := export(ckptDir, filepath.Clean(outDir)); err != nil {
		return fmt.Errorf("checkpoint.Export: %w", err)
	}
	return nil
}

func export(ckptDir, outDir string) error {
	m, err := readManifest(ckptDir)
	if err != nil {
		return err
	}
	if err := placeNew(outDir); err != nil {
		return err
	}
	need := int64(0)
	for _, name := range m.modelFiles() {
		need += m.Files[name].Bytes + block
	}
	return withSpace(outDir, need, func(d *draft) error {
		for _, name := range m.modelFiles() {
			if err := d.write(name, func(w io.Writer) error { return m.copyFile(w, ckptDir, name) }); err != nil {
				return err
			}
		}
		return d.commit(false)
	})
}

// placeNew refuses a folder that exists and makes those around one that does not.
func placeNew(dir string) error {
	if _, err := os.Lstat(dir); err == nil {
		return fmt.Errorf("%s: %w; want a new folder", dir, fs.ErrExist)
	}
	return os.MkdirAll(filepath.Dir(dir), 0o755)
}
