// Package example turns a txtar archive into a git repository with a pull
// request: files under base/ are the default branch, files under head/ are what
// the branch changes, an empty file under deleted/ is one that it deletes.
package example

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/tools/txtar"
)

//go:embed incident.txtar
var incident []byte

// Incident is the pull request that pmcheck comes from: a migration drops a
// column that the running release still reads.
func Incident() *txtar.Archive { return txtar.Parse(incident) }

// Repository is a repository that Write has made.
type Repository struct {
	Dir  string
	Base string // the default branch
	Head string // the pull request's branch, checked out
}

// Write makes the repository in dir, which must be empty. It needs git.
func Write(ctx context.Context, archive *txtar.Archive, dir string) (*Repository, error) {
	repo := &Repository{Dir: dir, Base: "main", Head: "change"}
	git := func(args ...string) error {
		cmd := exec.CommandContext(ctx, "git", args...)
		cmd.Dir = dir
		// The user's own configuration (signing, hooks, templates) has no part in an example.
		cmd.Env = append(os.Environ(),
			"GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_TEMPLATE_DIR=",
			"GIT_AUTHOR_NAME=pmcheck", "GIT_AUTHOR_EMAIL=pmcheck@example.com", "GIT_AUTHOR_DATE=2026-11-20T09:00:00Z",
			"GIT_COMMITTER_NAME=pmcheck", "GIT_COMMITTER_EMAIL=pmcheck@example.com", "GIT_COMMITTER_DATE=2026-11-20T09:00:00Z")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(string(out)))
		}
		return nil
	}
	if err := git("init", "-q", "-b", repo.Base); err != nil {
		return nil, err
	}
	commit := func(side, title string) error {
		if err := lay(archive, side, dir); err != nil {
			return err
		}
		if err := git("add", "-A", "-f", "."); err != nil {
			return err
		}
		return git("commit", "-q", "--allow-empty", "-m", title)
	}
	if err := commit("base/", "The release that is serving"); err != nil {
		return nil, err
	}
	if err := git("checkout", "-q", "-b", repo.Head); err != nil {
		return nil, err
	}
	for _, f := range archive.Files {
		if path, ok := strings.CutPrefix(f.Name, "deleted/"); ok {
			if err := git("rm", "-q", "--", path); err != nil {
				return nil, err
			}
		}
	}
	if err := commit("head/", "The pull request"); err != nil {
		return nil, err
	}
	return repo, nil
}

func lay(archive *txtar.Archive, side, dir string) error {
	for _, f := range archive.Files {
		name, ok := strings.CutPrefix(f.Name, side)
		if !ok {
			continue
		}
		if !filepath.IsLocal(name) {
			return fmt.Errorf("%s: the archive's file would stand outside of the repository", f.Name)
		}
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(path, f.Data, 0o666); err != nil {
			return err
		}
	}
	return nil
}
