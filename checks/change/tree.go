package change

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// MaxFileBytes is the size of the largest file that is read.
const MaxFileBytes = 64 << 20

// Errors of reading a file, besides fs.ErrNotExist.
var (
	ErrTooLarge   = fmt.Errorf("larger than %d MiB", MaxFileBytes>>20)
	ErrNotRegular = errors.New("not a regular file")
	ErrNotFetched = errors.New("contents not fetched into this partial clone")
)

// Tree is all files of one side of a Change. It is safe for concurrent use.
type Tree struct {
	name    string // for messages: a commit id, or "the worktree"
	entries []Entry
	reader  *reader
	disk    *disk // of a worktree, else nil
}

// Entry is one path of a tree. Sizes are not listed: git has to look at every object for them.
type Entry struct {
	Path       string
	BlobID     string // see File.BlobID for when it is ""
	Kind       Kind
	Executable bool
}

// Folder is where the files of a worktree lie; "" for a commit's.
func (t *Tree) Folder() string {
	if t.disk == nil {
		return ""
	}
	return t.disk.top
}

// Entries lists all files, links and submodules of the tree, sorted by path. The caller must not change the list.
func (t *Tree) Entries() []Entry { return t.entries }

func (t *Tree) entry(path string) (Entry, bool) {
	i, found := slices.BinarySearchFunc(t.entries, path, func(e Entry, path string) int { return strings.Compare(e.Path, path) })
	if !found {
		return Entry{}, false
	}
	return t.entries[i], true
}

// BlobID is the id of a path's contents: equal ids mean equal contents, on either side of the change. It is "" and false
// for a path that is not in the tree.
func (t *Tree) BlobID(path string) (string, bool) {
	e, ok := t.entry(path)
	return e.BlobID, ok
}

// Read returns the contents of one file as they are stored. The error wraps fs.ErrNotExist, ErrTooLarge, ErrNotRegular or
// ErrNotFetched where one of them is the reason.
func (t *Tree) Read(path string) ([]byte, error) {
	var found []byte
	err := t.ReadMany(t.reader.ctx, []string{path}, func(_ string, content []byte, err error) error {
		found = content
		return err
	})
	return found, err
}

// How far ReadMany runs ahead of what it has handed out.
const (
	sizesAhead    = 256
	contentsAhead = 64
	bytesAhead    = 32 << 20 // at least one file, whatever its size
)

// wantedFile is a file that ReadMany is about to read.
type wantedFile struct {
	path    string
	err     error // why it is not read
	onDisk  bool
	id      string        // of the blob to ask git for, else ""
	size    <-chan object // asked first: a blob too large is never read
	content <-chan object
	bytes   int64 // of content while it is on its way
}

// ReadMany reads files and calls visit for each, in the order of paths, with its contents or with the error that Read would
// have returned. The contents are the visitor's to keep. It ends at the first error that visit returns, and returns it;
// other errors are those of ctx. It asks git for files ahead of those it hands out, which makes it much faster than Read.
func (t *Tree) ReadMany(ctx context.Context, paths []string, visit func(path string, content []byte, err error) error) error {
	files := make([]wantedFile, len(paths))
	for i, path := range paths {
		files[i] = t.want(path)
	}
	sized, asked := 0, 0 // files[:sized] and files[:asked] have been asked for
	var underway int64   // bytes asked for and not handed out
	for i := range files {
		if sized-i < sizesAhead/2 && sized < len(files) {
			sized = t.askSizes(files, sized, min(i+sizesAhead, len(files)))
		}
		if asked-i < contentsAhead/2 {
			asked = t.askContents(ctx, files, asked, min(i+contentsAhead, sized), &underway)
		}
		content, err := t.take(ctx, &files[i])
		underway -= files[i].bytes
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			err = fmt.Errorf("%s in %s: %w", quoted(files[i].path), t.name, err)
		}
		if err := visit(files[i].path, content, err); err != nil {
			return err
		}
		files[i] = wantedFile{}
	}
	return nil
}

// want looks a path up in the tree.
func (t *Tree) want(path string) wantedFile {
	w := wantedFile{path: path}
	e, ok := t.entry(path)
	switch {
	case !ok:
		w.err = fs.ErrNotExist
	case e.Kind != Regular:
		w.err = fmt.Errorf("%w but a %s", ErrNotRegular, e.Kind)
	case t.disk.has(path):
		w.onDisk = true
	case t.reader.absent[e.BlobID]:
		w.err = errNotFetched
	default:
		w.id = e.BlobID
	}
	return w
}

// askSizes asks for the sizes of files[from:to] and returns to.
func (t *Tree) askSizes(files []wantedFile, from, to int) int {
	var ids []string
	for _, f := range files[from:to] {
		if f.id != "" {
			ids = append(ids, f.id)
		}
	}
	if len(ids) == 0 {
		return to
	}
	answers := t.reader.index.ask(ids...)
	for i := from; i < to; i++ {
		if files[i].id != "" {
			files[i].size, answers = answers[0], answers[1:]
		}
	}
	return to
}

// askContents asks for the contents of files[from:to], or of fewer when they are large, and returns up to where it asked.
func (t *Tree) askContents(ctx context.Context, files []wantedFile, from, to int, underway *int64) int {
	var ids []string
	var waiting []*wantedFile
	for ; from < to && *underway < bytesAhead; from++ {
		f := &files[from]
		if f.size == nil {
			continue
		}
		if f.bytes, f.err = t.size(ctx, f); f.err == nil {
			*underway += f.bytes
			ids, waiting = append(ids, f.id), append(waiting, f)
		}
	}
	if len(ids) == 0 {
		return from
	}
	contents, err := t.reader.startContents()
	if err != nil {
		for _, f := range waiting {
			f.err = err
		}
		return from
	}
	for i, answer := range contents.ask(ids...) {
		waiting[i].content = answer
	}
	return from
}

// size waits for the size of a file that may be read.
func (t *Tree) size(ctx context.Context, f *wantedFile) (int64, error) {
	found, err := receive(ctx, f.size)
	switch {
	case err != nil:
		return 0, err
	case found.kind == "missing":
		return 0, damaged(f.id)
	case found.kind != "blob":
		return 0, fmt.Errorf("%w but a %s", ErrNotRegular, found.kind)
	case found.size > MaxFileBytes:
		return 0, fmt.Errorf("%w: it has %d bytes", ErrTooLarge, found.size)
	}
	return found.size, nil
}

func damaged(id string) error {
	return fmt.Errorf("object %s is missing: the repository is damaged, see `git fsck`", id)
}

// take waits for the contents of one file.
func (t *Tree) take(ctx context.Context, f *wantedFile) ([]byte, error) {
	if f.onDisk {
		return t.disk.read(f.path)
	}
	if f.err != nil {
		return nil, f.err
	}
	found, err := receive(ctx, f.content)
	if err == nil && found.kind != "blob" {
		err = damaged(f.id)
	}
	return found.content, err
}

// quoted is a path as it stands, unless printing it could confuse.
func quoted(path string) string {
	if strings.ContainsFunc(path, func(r rune) bool { return r < ' ' || r == '"' || r == 0x7f || r == '\uFFFD' }) {
		return fmt.Sprintf("%q", path)
	}
	return path
}
