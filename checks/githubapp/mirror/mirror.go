// Package mirror brings commits of a repository to disk by git, into one bare mirror per
// repository that jobs and processes share. Nothing is ever checked out.
//
// A mirror is shallow: of the history it has what lies between the commits that were asked
// for, with all trees and files of that. Measured on LemmyNet/lemmy and rust-lang/crates.io
// over smart HTTP: 3 MB in 1.5 to 2 seconds; the whole history without files, and then the
// files of two trees, 9 and 25 MB in 4 and 7 seconds; all of it 57 and 85 MB.
//
// A job reads through a view, a repository of its own that borrows the mirror's objects
// and has its own list of where the history ends: a fetch with a depth, for another job,
// may cut the mirror's history short at any time.
package mirror

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

// Options say where mirrors are and how much they may take.
type Options struct {
	Dir           string        // made if need be; processes may share it
	MaxBytes      int64         // of all mirrors; beyond it those that were not used for longest are removed, none in use; 0: no limit
	MaxRepository int64         // of one mirror; a fetch that would go beyond it is stopped; 0: no limit
	Timeout       time.Duration // of the fetches of one call together; 0: 5 minutes; at most 10
	Git           string        // the program; "": git in PATH
	Protocols     []string      // by which git may fetch; nil: https, and http for a server without TLS

	Log     *slog.Logger                             // nil: slog.Default
	Now     func() time.Time                         // nil: time.Now
	Observe func(outcome string, took time.Duration) // for metrics; may be nil
}

// What became of a Fetch, as Observe is told; and Evicted, for each mirror that was removed to make room.
const (
	Present = "present" // all was there, nothing was fetched
	Fetched = "fetched"
	Rebuilt = "rebuilt" // the mirror was broken and was made anew
	Failed  = "failed"
	Evicted = "evicted"
)

// The kinds of errors. A network that fails, and a server that is down or wants less, are a *job.RetryAfter.
var (
	ErrTooLarge = errors.New("the repository is too large")
	ErrNotFound = errors.New("not found at the server")
	ErrAuth     = errors.New("the server refuses access")
	ErrDiskFull = errors.New("the disk is full")
)

// errBroken marks an error that a new mirror may not have.
var errBroken = errors.New("the mirror is broken")

// A Remote is a repository at a server.
type Remote struct {
	URL          string                                    // https://github.com/OWNER/NAME.git; without credentials
	RepositoryID int64                                     // the mirror goes by it, so it survives a new name
	Token        func(ctx context.Context) (string, error) // an installation's; asked for only before something is fetched; nil for a repository that all may read

	// Refs are what leads to the commits, such as refs/pull/7/head, for a server that gives refs only and no commits by
	// their ids.
	Refs []string
}

// Mirrors are the mirrors of a directory. They are safe for concurrent use.
type Mirrors struct {
	o                      Options
	manyPacks, keptCommits int

	mutex   sync.Mutex
	whole   map[string]time.Time    // packs whose content was found whole, and when they were written
	locks   map[int64]chan struct{} // in this process, besides the lock on disk: waiting for that is by asking again
	sizes   map[int64]int64
	scanned time.Time // when sizes was read from the disk; another process may have changed it since
}

const (
	defaultTimeout = 5 * time.Minute
	longestTimeout = 10 * time.Minute // package clone's own
)

// New opens a directory of mirrors. It needs the git program.
func New(o Options) (*Mirrors, error) {
	if o.Dir == "" {
		return nil, errors.New("mirrors: no directory is named")
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	o.Dir = dir
	if o.Git == "" {
		o.Git = "git"
	}
	if o.Git, err = exec.LookPath(o.Git); err != nil {
		return nil, fmt.Errorf("mirrors: the git program is needed and was not found: install git, or add its folder to PATH: %w", err)
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	o.Timeout = min(o.Timeout, longestTimeout)
	if o.Protocols == nil {
		o.Protocols = []string{"https", "http"}
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Observe == nil {
		o.Observe = func(string, time.Duration) {}
	}
	m := &Mirrors{o: o, manyPacks: manyPacks, keptCommits: keptCommits, locks: map[int64]chan struct{}{}, sizes: map[int64]int64{}, whole: map[string]time.Time{}}
	if err := os.MkdirAll(m.trash(), 0o700); err != nil {
		return nil, fmt.Errorf("mirrors: %w", err)
	}
	m.emptyTrash() // of a process that was killed
	m.scan()
	return m, nil
}

var commitForm = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// Fetch makes commits readable, with all of their files. Of the first and the last, a base
// and a head, it also brings the history back to what they have in common. dir is a bare
// repository for the caller alone, whose HEAD is the last of the commits; it stays until
// release is called, which has to be. Only commits that are not there yet are fetched. Two calls for one repository fetch
// one after the other; they may use what they got at the same time.
//
// A mirror that turns out to be broken is made anew, once, within the call.
func (m *Mirrors) Fetch(ctx context.Context, remote Remote, commits ...string) (dir string, release func(), err error) {
	began := m.o.Now()
	f := &fetching{m: m, remote: remote, commits: commits, outcome: Present}
	dir, release, err = f.do(ctx)
	if err != nil {
		f.outcome = Failed
		err = fmt.Errorf("mirror of repository %d: %w", remote.RepositoryID, err)
	}
	took := m.o.Now().Sub(began)
	if err == nil { // an error is the caller's to log
		m.o.Log.InfoContext(ctx, "commits are there", "repository", remote.RepositoryID, "outcome", f.outcome, "took", took)
	}
	m.o.Observe(f.outcome, took)
	return dir, release, err
}

// Discard says that the mirror of a repository is broken, as a job has found that read it:
// the next Fetch makes it anew. Whoever reads it now may go on.
func (m *Mirrors) Discard(ctx context.Context, repositoryID int64) error {
	l, err := m.lock(ctx, repositoryID)
	if err != nil {
		return err
	}
	defer l.unlock()
	generations, err := l.generations()
	for _, g := range generations {
		err = errors.Join(err, g.condemn())
	}
	return err
}

// fetching is one call of Fetch.
type fetching struct {
	m       *Mirrors
	remote  Remote
	commits []string
	outcome string
	header  string // with the token; "" until one was needed
	secrets []string
}

func (f *fetching) do(ctx context.Context) (string, func(), error) {
	if err := f.check(); err != nil {
		return "", nil, err
	}
	l, err := f.m.lock(ctx, f.remote.RepositoryID)
	if err != nil {
		return "", nil, err
	}
	defer func() {
		l.unlock()
		if f.m.o.MaxBytes > 0 {
			f.m.evict(f.m.o.MaxBytes, f.remote.RepositoryID)
		}
	}()
	fetch, cancel := context.WithTimeoutCause(ctx, f.m.o.Timeout, fmt.Errorf("fetching took longer than %v: %w", f.m.o.Timeout, context.DeadlineExceeded))
	defer cancel()

	g, err := l.current()
	if err != nil {
		return "", nil, err
	}
	for again := true; ; again = false {
		dir, release, err := f.attempt(fetch, l, g)
		if err == nil {
			return dir, release, nil
		}
		g.sweep()
		if fetch.Err() != nil { // what is half done then is no sign that the mirror is broken
			if cause := context.Cause(fetch); !errors.Is(err, cause) {
				err = cause
			}
			return "", nil, err
		}
		anew := false
		switch {
		case errors.Is(err, ErrDiskFull):
			f.m.evict(f.m.Bytes()/2, f.remote.RepositoryID)
		case errors.Is(err, ErrTooLarge):
			// What is too large for a new mirror is too large; an old one has commits that nobody asks for any more.
			anew = g.made || g.was > f.m.o.MaxRepository/2
			again = again && anew && !g.made
		case errors.Is(err, errBroken):
			anew = true
		default:
			again = false
		}
		if anew {
			if condemned := g.condemn(); condemned != nil {
				return "", nil, errors.Join(err, condemned)
			}
		}
		if !again {
			return "", nil, err
		}
		f.m.o.Log.WarnContext(ctx, "fetching once more", "repository", f.remote.RepositoryID, "anew", anew, "error", err)
		if anew {
			f.outcome = Rebuilt
			if g, err = l.current(); err != nil {
				return "", nil, err
			}
		}
	}
}

// attempt is Fetch with one generation of the mirror.
func (f *fetching) attempt(ctx context.Context, l *locked, g *generation) (string, func(), error) {
	held, err := f.prepare(ctx, l, g)
	if err == nil {
		err = f.bring(ctx, l, g)
	}
	if err == nil {
		var dir string
		var release func()
		if dir, release, err = g.view(f.commits, f.remote.URL, held); err == nil {
			f.m.measure(f.remote.RepositoryID)
			f.m.trust(g)
			return dir, release, nil
		}
	}
	if held != nil {
		held.Close()
	}
	return "", nil, asKind(err)
}

var pathForm = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)+$`)

func (f *fetching) check() error {
	u, err := url.Parse(f.remote.URL)
	switch {
	case err != nil:
		return errors.New("the address is not a URL") // err repeats it, and with it credentials
	case u.User != nil:
		return errors.New("the address has credentials in it")
	case u.Scheme != "file" && u.Host == "" || u.RawQuery != "" || u.Fragment != "" || !pathForm.MatchString(u.EscapedPath()) || path.Clean(u.Path) != u.Path:
		return fmt.Errorf("the address %q is not that of a repository", f.remote.URL)
	case !slices.Contains(f.m.o.Protocols, u.Scheme):
		return fmt.Errorf("nothing is fetched by %q", u.Scheme)
	case f.remote.RepositoryID <= 0:
		return fmt.Errorf("%d is not the id of a repository", f.remote.RepositoryID)
	case len(f.commits) == 0:
		return errors.New("no commit is named")
	}
	for _, commit := range f.commits {
		if !commitForm.MatchString(commit) || len(commit) != len(f.commits[0]) {
			return fmt.Errorf("%q is not the full id of a commit", commit)
		}
	}
	for _, ref := range f.remote.Refs {
		if !strings.HasPrefix(ref, "refs/") || strings.ContainsAny(ref, " :*?[\\^~\x7f\n") {
			return fmt.Errorf("%q is not the full name of a ref", ref)
		}
	}
	return nil
}

// retry is an error that passes by itself.
func (f *fetching) retry(after time.Duration, err error) error {
	return &job.RetryAfter{At: f.m.o.Now().Add(after), Err: err}
}
