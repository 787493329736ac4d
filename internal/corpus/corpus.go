// Package corpus gives tests the real projects that lie in the folder that
// PMCHECK_CORPUS names: folders of files, git repositories with or without a work
// tree, or folders with such a repository "repo" in them.
package corpus

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/pmcheck/pmcheck/migrations-lint/layout"
)

// Project is the files of a folder, or those of a git repository's HEAD. It is safe
// for concurrent use.
type Project struct {
	Name string // the folder's

	dir   string
	git   bool
	paths []string
	blobs map[string]string // blob ids by path, of a git repository

	mu  sync.Mutex
	cat *catFile
}

// Projects are the projects of PMCHECK_CORPUS, sorted by name. It skips the test when
// that is not set.
func Projects(t testing.TB) []*Project {
	t.Helper()
	root := os.Getenv("PMCHECK_CORPUS")
	if root == "" {
		t.Skip("PMCHECK_CORPUS does not name a folder of projects")
	}
	dirs, err := filepath.Glob(filepath.Join(root, "*"))
	if err != nil {
		t.Fatal(err)
	}
	var projects []*Project
	for _, dir := range dirs {
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			continue
		}
		p, err := open(dir)
		if err != nil {
			t.Fatalf("%s: %v", dir, err)
		}
		t.Cleanup(p.close)
		projects = append(projects, p)
	}
	if len(projects) == 0 {
		t.Fatalf("PMCHECK_CORPUS: no projects in %s", root)
	}
	return projects
}

func open(dir string) (*Project, error) {
	name := filepath.Base(dir)
	for _, d := range []string{dir, filepath.Join(dir, ".git"), filepath.Join(dir, "repo")} {
		if exec.Command("git", "--git-dir", d, "rev-parse", "--git-dir").Run() == nil {
			p := &Project{Name: name, dir: d, git: true, blobs: map[string]string{}}
			return p, p.list()
		}
	}
	p := &Project{Name: name, dir: dir}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			p.paths = append(p.paths, path)
		}
		return err
	})
	slices.Sort(p.paths)
	return p, err
}

// list reads which files a repository's HEAD has.
func (p *Project) list() error {
	out, err := exec.Command("git", "--git-dir", p.dir, "ls-tree", "-r", "-z", "HEAD").Output()
	if err != nil {
		return fmt.Errorf("git ls-tree: %w", err)
	}
	for entry := range bytes.SplitSeq(out, []byte{0}) {
		about, path, _ := strings.Cut(string(entry), "\t")
		if fields := strings.Fields(about); len(fields) == 3 && strings.HasPrefix(fields[0], "100") {
			p.blobs[path] = fields[2]
		}
	}
	p.paths = slices.Sorted(maps.Keys(p.blobs))
	return nil
}

// Paths are the regular files, sorted.
func (p *Project) Paths() []string { return p.paths }

// BlobID is the git id of a file's content; there is none outside of git.
func (p *Project) BlobID(path string) (string, bool) {
	if p.git {
		id, ok := p.blobs[path]
		return id, ok
	}
	_, ok := slices.BinarySearch(p.paths, path)
	return "", ok
}

// Read is a file's content.
func (p *Project) Read(path string) ([]byte, error) {
	if !p.git {
		return os.ReadFile(filepath.Join(p.dir, filepath.FromSlash(path)))
	}
	id, ok := p.blobs[path]
	if !ok {
		return nil, fmt.Errorf("%s: %w", path, fs.ErrNotExist)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cat == nil {
		cat, err := startCatFile(p.dir)
		if err != nil {
			return nil, err
		}
		p.cat = cat
	}
	content, err := p.cat.blob(id)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return content, nil
}

// ReadMany reads files one after the other.
func (p *Project) ReadMany(ctx context.Context, paths []string, visit func(path string, content []byte, err error) error) error {
	for _, path := range paths {
		if err := ctx.Err(); err != nil {
			return err
		}
		content, err := p.Read(path)
		if err := visit(path, content, err); err != nil {
			return err
		}
	}
	return nil
}

// Migration is a migration's text as the project's own runner has it.
func (p *Project) Migration(m layout.Migration) ([]byte, error) {
	content, err := p.Read(m.Path)
	if err == nil && p.Name == "riverqueue+river" {
		content = bytes.ReplaceAll(content, []byte("/* TEMPLATE: schema */"), nil)
	}
	return content, err
}

func (p *Project) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cat != nil {
		p.cat.stop()
		p.cat = nil
	}
}

// catFile is a running git cat-file.
type catFile struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func startCatFile(dir string) (*catFile, error) {
	cmd := exec.Command("git", "--git-dir", dir, "cat-file", "--batch")
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("git cat-file: %w", err)
	}
	return &catFile{cmd: cmd, in: in, out: bufio.NewReader(out)}, nil
}

func (c *catFile) blob(id string) ([]byte, error) {
	if _, err := fmt.Fprintln(c.in, id); err != nil {
		return nil, fmt.Errorf("git cat-file: %w", err)
	}
	head, err := c.out.ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("git cat-file: %w", err)
	}
	fields := strings.Fields(head)
	if len(fields) != 3 || fields[1] != "blob" {
		return nil, errors.New("git cat-file: " + strings.TrimSpace(head))
	}
	size, err := strconv.Atoi(fields[2])
	if err != nil {
		return nil, fmt.Errorf("git cat-file: %w", err)
	}
	content := make([]byte, size+1) // and a line's end
	if _, err := io.ReadFull(c.out, content); err != nil {
		return nil, fmt.Errorf("git cat-file: %w", err)
	}
	return content[:size], nil
}

func (c *catFile) stop() {
	c.in.Close()
	_ = c.cmd.Wait() // it ends when there is nothing more to read
}
