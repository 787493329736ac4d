// Package change compares two git trees: which files differ between a base and a head, and what every file of either side
// contains.
//
// A change is two commits of a clone, of a linked worktree or of a bare repository; or a commit and the files on disk. It is
// read with the git program, by a number of commands that does not depend on the size of the change; two of them, a
// `git cat-file` for names and sizes and one for contents, answer for as long as the change is open. Nothing is fetched,
// nothing is written, and no program that the repository's configuration or attributes name is run: no hook, no external
// diff, no filter. Symbolic links are never followed.
//
// Paths and contents are bytes as git stores them: paths need not be UTF-8, and line ends are not converted.
package change

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// Options say which change to open.
type Options struct {
	Repo     string // a directory in a clone or in a linked worktree, or a bare repository; "" is the current directory
	Base     string // a revision; "" is the merge base of the head and the default branch
	Head     string // a revision; "" is HEAD
	Worktree bool   // the head is the files on disk, tracked or not, without ignored ones; Head must be ""

	// FromMergeBase compares with the merge base of Head and Base, as a pull request into Base does: what others added to
	// Base since is left out. Without Base it makes no difference.
	FromMergeBase bool

	Trusted string // a revision whose files are to be read too, by TrustedTree; "" is the base

	Landed bool // also list what landed between base and head, by pull request and commit, and what each changed
}

// Errors of Open for which another base or head has to be named. Every other error says that the check cannot be done.
var (
	ErrUnknownRevision = errors.New("unknown revision")
	ErrNoDefaultBranch = errors.New("no default branch")
)

// Change is two trees and what differs between them. It is safe for concurrent use.
type Change struct {
	Base, Head       string // commit ids; for a worktree Head is the commit it stands on
	BaseRef, HeadRef string // as named in Options or as found ("origin/main"), for printing
	DefaultBranch    string // "main"; "" when there is none that could be recognised and Base was named
	Dirty            bool   // the head is the worktree
	Trusted          string // commit id of TrustedTree, which may be Base
	TrustedRef       string // as named in Options; "" when none was

	// MergeBase is the best common ancestor of Base and Head; "" when there is none or it is beyond a shallow clone's
	// history. When it is not Base, then Base has commits that Head lacks, and Files undoes them.
	MergeBase string

	// NothingAhead says that the head was to be compared with its merge base and that this is Head itself: the branch
	// BaseRef already contains it. Unless the worktree differs there is nothing to compare, and a person has to name a base.
	NothingAhead bool

	Repository string // "owner/name" of the remote "origin"; "" when its URL does not tell
	Address    string // of that repository for a browser: "https://github.com/owner/name"; "" when its URL does not tell

	Files []File // what differs, sorted by path

	Commits     []Commit // of Head and not of Base, newest first, at most MaxCommits
	MoreCommits bool     // Commits is not all: there are more than MaxCommits, or the clone is shallow and ends within them

	Landed     []Landing // of the head's first parents, what Base lacks, newest first, at most MaxLandings; only when it was asked for
	MoreLanded bool      // Landed is not all

	reader              *reader
	base, head, trusted *Tree
	cancel              context.CancelFunc
}

// MaxCommits is how many commits a Change lists at most.
const MaxCommits = 250

// Commit is one commit of a Change. Its title has no line break and, when the commit says in which encoding it was written,
// is UTF-8; otherwise it is as stored.
type Commit struct {
	ID    string
	Title string // at most 1,000 bytes
	Body  string // what stands below the title, at most 4,000 bytes
	Time  time.Time
}

// Status says how a file differs.
type Status string

// A file is type-changed when it turns from one Kind into another at the same path.
const (
	Added       Status = "added"
	Modified    Status = "modified"
	Deleted     Status = "deleted"
	Renamed     Status = "renamed"
	TypeChanged Status = "type-changed"
)

// Kind is what a path of a tree is.
type Kind string

// The kinds. A submodule's BlobID is a commit of another repository.
const (
	Regular   Kind = "file"
	Symlink   Kind = "symlink"
	Submodule Kind = "submodule"
)

// File is one difference. Modified with equal blob ids means that only the executable bit differs.
type File struct {
	Status  Status
	Path    string // at the head; for Deleted, at the base
	OldPath string // at the base, for Renamed only

	Kind    Kind // at the head; for Deleted, at the base
	OldKind Kind // at the base; "" for Added

	BlobID    string // at the head; "" for Deleted, and for a worktree's file over MaxFileBytes or that cannot be read
	OldBlobID string // at the base; "" for Added

	Similarity int // of a Renamed file's old and new contents, in percent

	executable, oldExecutable bool
}

// Open finds base and head and compares them. The Change lives until ctx ends or Close is called; then its files can no
// longer be read.
func Open(ctx context.Context, o Options) (*Change, error) {
	if o.Worktree && o.Head != "" {
		return nil, fmt.Errorf("the files on disk were asked for as head, and also %q: name one of the two", o.Head)
	}
	g, err := newGit(o.Repo)
	if err != nil {
		return nil, err
	}
	repo, err := examine(ctx, g, o.Worktree)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	c := &Change{Dirty: o.Worktree, cancel: cancel}
	c.Repository, c.Address = repositoryName(repo.config["remote.origin.url"]), repositoryAddress(repo.config["remote.origin.url"])
	if err := c.open(ctx, repo, o); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Change) open(ctx context.Context, repo *repository, o Options) (err error) {
	if c.reader, err = newReader(ctx, repo.git); err != nil {
		return err
	}
	if err := c.resolve(ctx, repo, o); err != nil {
		return err
	}
	if repo.config.isPartialClone() {
		if c.reader.absent, err = absentObjects(ctx, repo.git, c.Base, c.Head); err != nil {
			return err
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return c.listCommits(ctx, repo) })
	if o.Landed {
		group.Go(func() error { return c.listLanded(ctx, repo) })
	}
	if c.MergeBase == "" {
		group.Go(func() (err error) {
			c.MergeBase, err = mergeBase(ctx, repo.git, c.Base, c.Head)
			return err
		})
	}
	if o.Worktree {
		group.Go(func() error { return c.compareWorktree(ctx, repo) })
	} else {
		group.Go(func() error { return c.compareCommits(ctx, repo.git) })
	}
	if c.Trusted != c.Base {
		c.trusted = &Tree{name: c.Trusted, reader: c.reader}
		group.Go(func() (err error) {
			c.trusted.entries, err = listTree(ctx, repo.git, c.Trusted)
			return c.reader.explain(err)
		})
	}
	return group.Wait()
}

// Close ends the git processes of the change.
func (c *Change) Close() error {
	c.cancel()
	if c.reader != nil {
		c.reader.close()
	}
	if c.head != nil {
		c.head.disk.close()
	}
	return nil
}

// BaseTree is the tree of the base commit.
func (c *Change) BaseTree() *Tree { return c.base }

// TrustedTree is the tree of the trusted commit: the base's own where none was named.
func (c *Change) TrustedTree() *Tree {
	if c.trusted == nil {
		return c.base
	}
	return c.trusted
}

// HeadTree is the tree of the head commit, or the files on disk.
func (c *Change) HeadTree() *Tree { return c.head }

// compareCommits lists the head's tree and takes the base's from it by undoing the differences: one listing instead of two.
// The head is listed, and not the base, because a stranger made it: a tree too large to list is found out while the other
// command, which holds all differences in memory, has not gone far.
func (c *Change) compareCommits(ctx context.Context, g git) error {
	c.base = &Tree{name: c.Base, reader: c.reader}
	c.head = &Tree{name: c.Head, reader: c.reader}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		c.head.entries, err = listTree(ctx, g, c.Head)
		return err
	})
	group.Go(func() (err error) {
		c.Files, err = c.diff(ctx, g)
		return err
	})
	if err := group.Wait(); err != nil {
		return c.reader.explain(err)
	}
	c.base.entries = undo(c.head.entries, c.Files)
	return sortEntries(c.base.entries)
}

func listTree(ctx context.Context, g git, commit string) ([]Entry, error) {
	out, err := g.output(ctx, maxOutput, "ls-tree", "-r", "-z", "--full-tree", commit)
	if err != nil {
		return nil, err
	}
	return parseTree(out)
}

// diff compares the two commits. A rename may come with edits when at least half of the contents is the same.
func (c *Change) diff(ctx context.Context, g git) ([]File, error) {
	if c.Base == c.Head {
		return nil, nil
	}
	renames := "-M50%"
	if len(c.reader.absent) > 0 {
		renames = "-M100%" // needs ids alone; contents that are not here would have to be fetched
	}
	out, err := g.output(ctx, maxOutput, "diff-tree", "--raw", "-r", "-z", renames, fmt.Sprintf("-l%d", maxRenames),
		"--no-ext-diff", "--no-textconv", "--ignore-submodules=none", c.Base, c.Head, "--")
	if err != nil {
		return nil, err
	}
	return parseDiff(out)
}

// undo returns the entries at the base, sorted by path, given those at the head and what differs.
func undo(head []Entry, files []File) []Entry {
	gone := make(map[string]bool, len(files))
	var old []Entry
	for _, f := range files {
		if f.Status != Deleted {
			gone[f.Path] = true
		}
		if f.Status != Added {
			path := f.Path
			if f.Status == Renamed {
				path = f.OldPath
			}
			old = append(old, Entry{Path: path, BlobID: f.OldBlobID, Kind: f.OldKind, Executable: f.oldExecutable})
		}
	}
	slices.SortFunc(old, byPath)
	base := make([]Entry, 0, len(head)+len(old))
	for _, e := range head {
		if gone[e.Path] {
			continue
		}
		for len(old) > 0 && old[0].Path < e.Path {
			base, old = append(base, old[0]), old[1:]
		}
		base = append(base, e)
	}
	return append(base, old...)
}

// listCommits fills Commits and MoreCommits.
func (c *Change) listCommits(ctx context.Context, repo *repository) error {
	if c.Base == c.Head {
		return nil
	}
	out, err := repo.git.output(ctx, maxOutput, "rev-list", fmt.Sprintf("--max-count=%d", MaxCommits+1),
		"--encoding=UTF-8", "--format=%ct %s%x00%b%x00", c.Head, "^"+c.Base, "--")
	if err != nil {
		return err
	}
	if c.Commits, err = parseCommits(out); err != nil {
		return err
	}
	if len(c.Commits) > MaxCommits {
		c.Commits, c.MoreCommits = c.Commits[:MaxCommits], true
	}
	ends, err := repo.shallowEnds()
	if err != nil {
		return err
	}
	for _, commit := range c.Commits {
		c.MoreCommits = c.MoreCommits || ends[commit.ID]
	}
	return nil
}
