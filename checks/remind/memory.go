package remind

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	maxFile  = 8 << 20
	kept     = 400 * 24 * time.Hour // after which it is forgotten that something was said that is no longer so
	fileForm = 1
)

// A File is a Memory on disk, of one run at a time.
type File struct {
	path  string
	now   time.Time
	state fileState
	asked []string // keys that still hold
}

type fileState struct {
	Version int                  `json:"version"`
	Said    map[string]time.Time `json:"said"`             // by key
	Issues  json.RawMessage      `json:"issues,omitempty"` // what the caller keeps beside, see Issues
}

// ErrFile is in errors of a file that is not one of remind's.
var ErrFile = errors.New("not a file in which pmcheck remind keeps what it said")

// OpenFile reads a memory. A file that is not there is an empty one, and is made by Remember.
func OpenFile(path string, now time.Time) (*File, error) {
	f := &File{path: path, now: now.UTC(), state: fileState{Version: fileForm, Said: map[string]time.Time{}}}
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, err
	}
	var read fileState
	if err := json.Unmarshal(text, &read); err != nil || read.Version != fileForm || len(text) > maxFile {
		return nil, fmt.Errorf("%s: %w: name another, or remove it", path, ErrFile)
	}
	if read.Said != nil {
		f.state.Said = read.Said
	}
	f.state.Issues = read.Issues
	return f, nil
}

// Said is [Memory]'s.
func (f *File) Said(_ context.Context, keys []string) (map[string]bool, error) {
	f.asked = slices.Clone(keys)
	said := map[string]bool{}
	for _, key := range keys {
		_, said[key] = f.state.Said[key]
	}
	return said, nil
}

// Remember is [Memory]'s. The file is replaced as a whole.
func (f *File) Remember(_ context.Context, keys []string) error {
	for _, key := range keys {
		f.state.Said[key] = f.now
	}
	for key, at := range f.state.Said {
		if f.now.Sub(at) > kept && !slices.Contains(f.asked, key) {
			delete(f.state.Said, key)
		}
	}
	return f.write()
}

// Issues decodes what KeepIssues kept; nothing is no error.
func (f *File) Issues(into any) error {
	if len(f.state.Issues) == 0 {
		return nil
	}
	if err := json.Unmarshal(f.state.Issues, into); err != nil {
		return fmt.Errorf("%s: %w: name another, or remove it", f.path, ErrFile)
	}
	return nil
}

// KeepIssues keeps what is known of issues, for the next run.
func (f *File) KeepIssues(known any) error {
	text, err := json.Marshal(known)
	if err != nil {
		return err
	}
	f.state.Issues = text
	return f.write()
}

func (f *File) write() error {
	text, err := json.MarshalIndent(f.state, "", "  ")
	if err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(f.path), ".pmcheck-remind-*")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.Write(append(text, '\n'))
	if err := errors.Join(err, temporary.Close()); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), f.path)
}

// Forgetful is a Memory of nothing: everything is said each time.
type Forgetful struct{}

// Said is [Memory]'s: nothing was.
func (Forgetful) Said(context.Context, []string) (map[string]bool, error) { return nil, nil }

// Remember is [Memory]'s, and does nothing.
func (Forgetful) Remember(context.Context, []string) error { return nil }
