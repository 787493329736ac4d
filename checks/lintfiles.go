package checks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pmcheck/pmcheck/checks/change"
	"github.com/pmcheck/pmcheck/checks/config"
	"github.com/pmcheck/pmcheck/checks/facts"
	"github.com/pmcheck/pmcheck/checks/policy"
	"github.com/pmcheck/pmcheck/checks/report"
	lint "github.com/pmcheck/pmcheck/migrations-lint"
	"github.com/pmcheck/pmcheck/migrations-lint/layout"
)

// LintOptions say which files are judged alone.
type LintOptions struct {
	Files   []string // files, and folders whose .sql files are meant
	Version int      // PostgreSQL's major version; 0 is 17
	Now     time.Time
}

// Lint judges migration files alone, without git: all of them together are the
// change, and what they do not create exists already and is in use.
func Lint(ctx context.Context, o LintOptions) (*report.Result, error) {
	began := time.Now()
	files, err := readFiles(o.Files)
	if err != nil {
		return nil, err
	}
	engine, err := policy.Load(policy.Options{})
	if err != nil {
		return nil, err
	}
	if o.Version == 0 {
		o.Version = defaultVersion
	}
	c := config.Default()
	document := empty(c, engine, o.Now)
	document.Change.Stage = Local
	databases, err := files.databases(o.Version)
	if err != nil {
		return nil, err
	}
	group, groupCtx := errgroup.WithContext(ctx)
	for _, d := range databases {
		group.Go(func() (err error) {
			d.result, err = lint.Files(groupCtx, *d.head, files, d.version)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for _, d := range databases {
		document.Databases = append(document.Databases, databaseFacts(d))
		document.Migrations = append(document.Migrations, migrationFacts(d, nil)...)
		document.Suppressions = append(document.Suppressions, suppressionFacts(d)...)
	}
	document.Matrix = noMatrix()
	findings, problems := judge(ctx, engine, document)
	out := result(document, engine, findings, problems)
	out.Alone, out.Analysed = true, analysed(databases)
	for _, f := range out.Findings {
		if content, err := files.Read(f.Location.Path); err == nil {
			out.Sources.Put("head", f.Location.Path, content)
		}
	}
	return timed(out, o.Now, began), nil
}

// fileSet is files on disk, by the path that the caller named.
type fileSet struct {
	paths []string
	mu    sync.Mutex // of read
	read  map[string]readFile
}

// readFile is what came of reading a file.
type readFile struct {
	content []byte
	err     error
}

// Paths lists the files.
func (s *fileSet) Paths() []string { return s.paths }

// BlobID identifies nothing: each file is read once.
func (s *fileSet) BlobID(string) (string, bool) { return "", true }

// Read reads one file, once: it may be a pipe.
func (s *fileSet) Read(path string) ([]byte, error) {
	s.mu.Lock()
	found, ok := s.read[path]
	s.mu.Unlock()
	if !ok {
		if found.content, found.err = readBounded(filepath.FromSlash(path)); found.err != nil {
			found.err = fmt.Errorf("%s: %w", path, found.err)
		}
		s.mu.Lock()
		s.read[path] = found
		s.mu.Unlock()
	}
	return found.content, found.err
}

func readBounded(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.Size() > change.MaxFileBytes {
		return nil, fmt.Errorf("%w: it has %d bytes", change.ErrTooLarge, info.Size())
	}
	content, err := io.ReadAll(io.LimitReader(file, change.MaxFileBytes+1))
	if err == nil && len(content) > change.MaxFileBytes {
		return nil, change.ErrTooLarge
	}
	return content, err
}

// ReadMany reads files in order.
func (s *fileSet) ReadMany(ctx context.Context, paths []string, visit func(path string, content []byte, err error) error) error {
	for _, path := range paths {
		if err := ctx.Err(); err != nil {
			return err
		}
		content, err := s.Read(path)
		if err := visit(path, content, err); err != nil {
			return err
		}
	}
	return nil
}

// readFiles finds the files that the arguments mean. A file that is named must
// exist; a folder means the .sql files in it, at any depth.
func readFiles(args []string) (*fileSet, error) {
	s := &fileSet{read: map[string]readFile{}}
	for _, arg := range args {
		info, err := os.Stat(arg)
		if arg == "-" && err != nil {
			return s, usef("standard input is not read: name a file")
		}
		if err != nil {
			return s, useError{err}
		}
		if !info.IsDir() {
			s.paths = append(s.paths, filepath.ToSlash(filepath.Clean(arg)))
			continue
		}
		err = filepath.WalkDir(arg, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || !strings.HasSuffix(path, ".sql") {
				return err
			}
			s.paths = append(s.paths, filepath.ToSlash(path))
			if !e.Type().IsRegular() {
				s.read[filepath.ToSlash(path)] = readFile{err: fmt.Errorf("%s: %w", path, errors.New("it is no regular file, and no link is followed"))}
			}
			return nil
		})
		if err != nil {
			return s, useError{err}
		}
	}
	sort.Strings(s.paths)
	s.paths = slices.Compact(s.paths)
	if len(s.paths) == 0 {
		return s, usef("no file to judge: name migration files, or a folder that holds .sql files")
	}
	return s, nil
}

// databases groups the files as their migration framework would see them. A file
// that no framework claims is a script of its own.
func (s *fileSet) databases(version int) ([]*database, error) {
	found, err := layout.Detect(readable{s}, nil)
	if err != nil {
		return nil, useError{err}
	}
	var out []*database
	claimed := map[string]bool{}
	for i := range found {
		db := &found[i]
		for _, m := range db.Migrations {
			claimed[m.Path] = true
		}
		d := &database{head: db, version: version}
		for _, u := range db.Unread {
			claimed[u.Path] = true
			d.unread = append(d.unread, facts.Unread{Place: facts.Place{Path: u.Path, Line: 1}, Layout: u.Framework, Reason: u.Reason, Status: "added", NotRun: u.NotRun})
		}
		out = append(out, d)
	}
	var alone []string
	for _, path := range s.paths {
		if !claimed[path] {
			alone = append(alone, path)
		}
	}
	if len(alone) == 0 {
		return out, nil
	}
	scripts := layout.Loose(alone)
	out = append(out, &database{head: &scripts, version: version})
	return out, nil
}

// ParseVersion reads a PostgreSQL version as a user writes it: "17", "17.4".
func ParseVersion(s string) (int, error) {
	majorPart, _, _ := strings.Cut(s, ".")
	v, err := strconv.Atoi(majorPart)
	if err != nil || v < 12 || v > 18 {
		return 0, usef("PostgreSQL version %q: expected 12 to 18", s)
	}
	return v, nil
}
