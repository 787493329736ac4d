package change

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha1" // the names that git gives to contents, not a protection
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// disk reads the files of a worktree.
type disk struct {
	top        string
	root       *os.Root  // no path leads out of it, whatever links there are
	indexed    time.Time // when the index was written
	sha256     bool      // the repository's object format
	noSymlinks bool      // links are checked out as files
	noExecBit  bool      // whether a file is executable is known to the index alone
	autocrlf   bool
	ids        map[string]string // of the files whose contents git does not have
}

func newDisk(repo *repository, sha256 bool) (*disk, error) {
	root, err := os.OpenRoot(repo.top)
	if err != nil {
		return nil, fmt.Errorf("worktree: %w", err)
	}
	d := &disk{
		top: repo.top, root: root, sha256: sha256,
		noSymlinks: !repo.config.isTrue("core.symlinks", true),
		noExecBit:  !repo.config.isTrue("core.filemode", true),
		autocrlf:   repo.config["core.autocrlf"] == "input" || repo.config.isTrue("core.autocrlf", false),
		ids:        map[string]string{},
	}
	if info, err := os.Stat(repo.index); err == nil { // before the first `git add` there is none
		d.indexed = info.ModTime()
	}
	return d, nil
}

func (d *disk) close() {
	if d != nil {
		d.root.Close()
	}
}

// has tells whether the contents of a path are to be read from disk.
func (d *disk) has(name string) bool {
	if d == nil {
		return false
	}
	_, ok := d.ids[name]
	return ok
}

// read returns the contents of a path that entries has seen, if they are still the same.
func (d *disk) read(name string) ([]byte, error) {
	content, err := d.contents(name)
	if err != nil {
		return nil, err
	}
	if d.blobID(content) != d.ids[name] {
		return nil, errors.New("the file changed on disk during the check: run it again")
	}
	return content, nil
}

// contents reads one file.
func (d *disk) contents(name string) ([]byte, error) {
	file, size, err := d.open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if size > MaxFileBytes {
		return nil, fmt.Errorf("%w: it has %d bytes", ErrTooLarge, size)
	}
	var content bytes.Buffer
	content.Grow(int(size) + bytes.MinRead)
	if _, err := content.ReadFrom(io.LimitReader(file, MaxFileBytes+1)); err != nil {
		return nil, bare(err)
	}
	if content.Len() > MaxFileBytes {
		return nil, ErrTooLarge
	}
	return content.Bytes(), nil
}

// open opens a regular file and returns its size.
func (d *disk) open(name string) (*os.File, int64, error) {
	file, err := d.root.Open(name)
	if err != nil {
		return nil, 0, bare(err)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = ErrNotRegular
	}
	if err != nil {
		file.Close()
		return nil, 0, bare(err)
	}
	return file, info.Size(), nil
}

// bare is the reason of a failed file operation without the path, which messages name in their own way.
func bare(err error) error {
	var failed *fs.PathError
	if errors.As(err, &failed) {
		return failed.Err
	}
	return err
}

// blobID is the name that git gives to contents (gitformat-loose(5) and git-hash-object(1)).
func (d *disk) blobID(content []byte) string {
	h := d.newHash(int64(len(content)))
	h.Write(content)
	return hex.EncodeToString(h.Sum(nil))
}

// fileID is the blobID of a file of any size.
func (d *disk) fileID(name string) (string, error) {
	file, size, err := d.open(name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	h := d.newHash(size)
	if n, err := io.Copy(h, file); err != nil || n != size {
		return "", cmp.Or(err, io.ErrUnexpectedEOF)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func (d *disk) newHash(size int64) hash.Hash {
	h := sha1.New()
	if d.sha256 {
		h = sha256.New()
	}
	fmt.Fprintf(h, "blob %d\x00", size)
	return h
}

// scanned is what is on disk at one path.
type scanned struct {
	entry   Entry
	present bool
	unknown bool // git does not have the contents
}

// entries looks at every file that the index names or that is untracked, and lists those that are there, sorted by path.
func (d *disk) entries(ctx context.Context, indexed []indexEntry) ([]Entry, error) {
	slices.SortFunc(indexed, func(a, b indexEntry) int { return byPath(a.Entry, b.Entry) })
	results := make([]scanned, len(indexed))
	group, ctx := errgroup.WithContext(ctx)
	const share = 512
	group.SetLimit(runtime.GOMAXPROCS(0))
	for from := 0; from < len(indexed); from += share {
		group.Go(func() error {
			to := min(from+share, len(indexed))
			directories := map[string]bool{".": true}
			for i := from; i < to; i++ {
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				results[i] = d.scan(indexed[i], directories)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	entries := make([]Entry, 0, len(results))
	for _, found := range results {
		if !found.present {
			continue
		}
		entries = append(entries, found.entry)
		if found.unknown {
			d.ids[found.entry.Path] = found.entry.BlobID
		}
	}
	return entries, sortEntries(entries)
}

// scan looks at one path. directories remembers which paths are directories.
func (d *disk) scan(e indexEntry, directories map[string]bool) scanned {
	asIndexed := scanned{entry: e.Entry, present: true}
	if strings.HasSuffix(e.Path, "/") { // another repository inside this one, of which git lists no files
		return scanned{}
	}
	var info fs.FileInfo
	err := fs.ErrNotExist
	if d.isDirectory(path.Dir(e.Path), directories) {
		info, err = os.Lstat(filepath.Join(d.top, filepath.FromSlash(e.Path)))
	}
	switch {
	case err != nil && e.sparse:
		return asIndexed
	case err != nil:
		return scanned{}
	case info.IsDir() && e.Kind == Submodule:
		return asIndexed
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(filepath.Join(d.top, filepath.FromSlash(e.Path)))
		if err != nil {
			return scanned{}
		}
		id := d.blobID([]byte(filepath.ToSlash(target)))
		return scanned{entry: Entry{Path: e.Path, BlobID: id, Kind: Symlink}, present: true}
	case !info.Mode().IsRegular(): // a directory, a pipe, a device
		return scanned{}
	}
	found := scanned{entry: Entry{Path: e.Path, Kind: Regular, Executable: info.Mode()&0o100 != 0}, present: true, unknown: true}
	if d.noExecBit {
		found.entry.Executable = e.Executable
	}
	if d.noSymlinks && e.Kind == Symlink {
		found.entry.Kind, found.entry.Executable = Symlink, false
	}
	tracked := !e.untracked && !e.conflict && e.Kind == found.entry.Kind
	if tracked && d.unchanged(e.seen, info) {
		found.entry.BlobID, found.unknown = e.BlobID, false
		return found
	}
	if !tracked && info.Size() > MaxFileBytes { // is new, and will not be read
		return found
	}
	id, err := d.fileID(e.Path)
	if err != nil { // reading it will say why
		return found
	}
	if tracked && id != e.BlobID && d.autocrlf {
		if content, err := d.contents(e.Path); err == nil && d.blobID(withoutCR(content)) == e.BlobID {
			id = e.BlobID
		}
	}
	found.entry.BlobID = id
	found.unknown = !tracked || id != e.BlobID
	return found
}

// isDirectory tells whether a path, all of whose parents have to be directories too and not links to them, is one.
func (d *disk) isDirectory(name string, known map[string]bool) bool {
	is, ok := known[name]
	if !ok {
		if d.isDirectory(path.Dir(name), known) {
			info, err := os.Lstat(filepath.Join(d.top, filepath.FromSlash(name)))
			is = err == nil && info.IsDir()
		}
		known[name] = is
	}
	return is
}

// unchanged tells whether a file still is as the index remembers it. A file that was written when the index was, or later,
// may have been written again since without a trace in its times.
func (d *disk) unchanged(seen fileState, info fs.FileInfo) bool {
	if changed, ok := changeTime(info); ok && !changed.Equal(seen.changed) {
		return false
	}
	return info.ModTime().Equal(seen.modified) && uint32(info.Size()) == seen.size && seen.modified.Before(d.indexed)
}

// withoutCR is text as core.autocrlf stores it; binary contents stay as they are.
func withoutCR(content []byte) []byte {
	if isBinary(content) {
		return content
	}
	return bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n"))
}

// isBinary is git's own test: a NUL among the first 8,000 bytes (gitattributes(5), "Marking files as binary").
func isBinary(content []byte) bool {
	return bytes.IndexByte(content[:min(len(content), 8000)], 0) >= 0
}
