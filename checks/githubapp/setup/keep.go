package setup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// A file is one that is kept for nobody but its owner to read.
type file struct {
	path    string
	content []byte
}

// vacant says why files could not be written at these paths, before anything depends on it.
// With force an existing regular file may be replaced.
func vacant(force bool, paths ...string) error {
	for _, path := range paths {
		info, err := os.Lstat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return fmt.Errorf("%s cannot be written: %w", path, err)
		case !info.Mode().IsRegular():
			return fmt.Errorf("%s exists and is not a file", path)
		case !force:
			return fmt.Errorf("%s exists: choose another with --out, or replace it with --force", path)
		}
		probe, err := os.CreateTemp(filepath.Dir(path), ".pmcheck-*")
		if err != nil {
			return fmt.Errorf("%s cannot be written: %w", path, err)
		}
		_ = probe.Close()
		if err := os.Remove(probe.Name()); err != nil {
			return fmt.Errorf("%s cannot be written: %w", path, err)
		}
	}
	return nil
}

// keep writes the files with mode 0600: each whole or not at all, the last only when all
// others are there. Without force it replaces nothing.
func keep(force bool, files ...file) error {
	for _, f := range files {
		if err := keepOne(force, f); err != nil {
			return fmt.Errorf("%s cannot be written: %w", f.path, err)
		}
	}
	return nil
}

func keepOne(force bool, f file) (err error) {
	out, err := os.CreateTemp(filepath.Dir(f.path), ".pmcheck-*") // of mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(out.Name())
	_, err = out.Write(f.content)
	if err := errors.Join(err, out.Sync(), out.Close()); err != nil {
		return err
	}
	if force {
		return os.Rename(out.Name(), f.path)
	}
	return os.Link(out.Name(), f.path) // unlike a rename, it fails where something is
}
