package change

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Repo answers the questions about a repository that come before a base is known. It runs git as a Change does.
type Repo struct {
	repo *repository
}

// OpenRepo looks at the clone or bare repository that a directory is in; "" is the current one.
func OpenRepo(ctx context.Context, dir string) (*Repo, error) {
	g, err := newGit(dir)
	if err != nil {
		return nil, err
	}
	repo, err := examine(ctx, g, false)
	if err != nil {
		return nil, err
	}
	return &Repo{repo}, nil
}

// Repository is "owner/name" of the remote "origin"; "" when its URL does not tell.
func (c *Repo) Repository() string { return repositoryName(c.repo.config["remote.origin.url"]) }

// Commit is the commit that a revision leads to; ErrUnknownRevision when there is none.
func (c *Repo) Commit(ctx context.Context, revision string) (string, error) {
	out, err := c.repo.git.output(ctx, maxOutput, "rev-parse", "--verify", "--quiet", "--end-of-options", revision+"^{commit}")
	if id := strings.TrimSpace(out); err == nil && isID(id) {
		return id, nil
	}
	if err != nil && exitCode(err) < 0 {
		return "", err
	}
	return "", fmt.Errorf("%w: %q is not in the repository", ErrUnknownRevision, revision)
}

// MergeBase is the best common ancestor of two commits; "" when there is none here.
func (c *Repo) MergeBase(ctx context.Context, a, b string) (string, error) {
	return mergeBase(ctx, c.repo.git, a, b)
}

// FirstParent is a commit's first parent; "" when it has none here.
func (c *Repo) FirstParent(ctx context.Context, commit string) (string, error) {
	parent, err := c.Commit(ctx, commit+"^1")
	if errors.Is(err, ErrUnknownRevision) {
		return "", nil
	}
	return parent, err
}

// ReadFile is a file's content at a revision, at most limit bytes; fs.ErrNotExist when it is not there.
func (c *Repo) ReadFile(ctx context.Context, revision, path string, limit int) ([]byte, error) {
	commit, err := c.Commit(ctx, revision)
	if err != nil {
		return nil, err
	}
	listed, err := c.repo.git.output(ctx, maxOutput, "ls-tree", "-r", "-z", "--full-tree", commit, "--", path)
	if err != nil {
		return nil, err
	}
	entries, err := parseTree(listed)
	if err != nil {
		return nil, err
	}
	if len(entries) != 1 || entries[0].Path != path || entries[0].Kind != Regular {
		return nil, fs.ErrNotExist
	}
	content, err := c.repo.git.output(ctx, limit, "cat-file", "blob", entries[0].BlobID)
	return []byte(content), err
}

// LastChange is when a file changed last in the history of a revision, by the committer's clock, as far as the clone goes back;
// false where no commit of it has the file. path is from the folder of OpenRepo.
func (c *Repo) LastChange(ctx context.Context, revision, path string) (time.Time, bool, error) {
	commit, err := c.Commit(ctx, revision)
	if err != nil {
		return time.Time{}, false, err
	}
	out, err := c.repo.git.output(ctx, maxOutput, "rev-list", "--max-count=1", "--format=%ct", commit, "--", path)
	_, stamp, found := strings.Cut(strings.TrimSpace(out), "\n") // "commit ID" and the time
	if err != nil || !found {
		return time.Time{}, false, err
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	return time.Unix(seconds, 0), err == nil, err
}

// DefaultBranch is the default branch as git finds it, "origin/main", and its name, "main"; "" when none is here.
func (c *Repo) DefaultBranch(ctx context.Context) (revision, name string, err error) {
	candidates := c.repo.candidates()
	args := []string{"for-each-ref", "--format=%(refname)", "--"}
	for _, b := range candidates {
		args = append(args, b.ref)
	}
	out, err := c.repo.git.output(ctx, maxOutput, args...)
	if err != nil {
		return "", "", err
	}
	there := strings.Split(out, "\n")
	for _, b := range candidates {
		if slices.Contains(there, b.ref) {
			return b.short(), b.name, nil
		}
	}
	return "", "", nil
}

// Ref is a ref and the commit that it leads to.
type Ref struct {
	Name   string // "v1.4", "origin/deploy/production"
	Commit string
	Time   time.Time // of the tag when it is annotated, else of the commit
}

// FindRef finds the ref that a name or a glob means: with a name, that tag, branch of origin or branch; with a glob, the
// newest tag of that pattern which the head contains and which is not at the head itself. It is false when there is none.
func (c *Repo) FindRef(ctx context.Context, pattern, head string) (Ref, bool, error) {
	found, err := c.Refs(ctx, pattern, head)
	if err != nil || len(found) == 0 {
		return Ref{}, false, err
	}
	return found[0], true, nil
}

// Refs are all that [Repo.FindRef] chooses from: of a glob the tags, newest first.
func (c *Repo) Refs(ctx context.Context, pattern, head string) ([]Ref, error) {
	const format = "--format=%(refname) %(objecttype) %(objectname) %(*objectname) %(creatordate:unix)"
	var args []string
	var names []string
	if IsGlob(pattern) {
		args = []string{"for-each-ref", "--merged=" + head, "--sort=-version:refname", "--sort=-creatordate", format, "--", "refs/tags/" + pattern}
	} else {
		names = []string{"refs/tags/" + pattern, remoteBranches + pattern, localBranches + pattern}
		if strings.HasPrefix(pattern, "refs/") {
			names = []string{pattern}
		}
		args = append([]string{"for-each-ref", format, "--"}, names...)
	}
	out, err := c.repo.git.output(ctx, maxOutput, args...)
	if err != nil {
		return nil, err
	}
	var found []Ref
	for line := range strings.Lines(out) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), " ")
		if len(f) != 5 {
			return nil, fmt.Errorf("unexpected line %.120q in a list of refs", line)
		}
		id := f[2]
		if f[1] == "tag" {
			id = f[3]
		} else if f[1] != "commit" {
			continue
		}
		seconds, _ := strconv.ParseInt(f[4], 10, 64)
		r := Ref{Name: f[0], Commit: id, Time: time.Unix(seconds, 0).UTC()}
		if names == nil && r.Commit == head {
			continue
		}
		found = append(found, r)
	}
	if names != nil {
		slices.SortStableFunc(found, func(a, b Ref) int { return slices.Index(names, a.Name) - slices.Index(names, b.Name) })
		found = slices.DeleteFunc(found, func(r Ref) bool { return !slices.Contains(names, r.Name) }) // "deploy" also lists "deploy/x"
	}
	for i := range found {
		for _, prefix := range []string{"refs/tags/", "refs/remotes/", "refs/heads/"} {
			found[i].Name = strings.TrimPrefix(found[i].Name, prefix)
		}
	}
	return found, nil
}

// IsGlob tells that a ref's name is a pattern.
func IsGlob(pattern string) bool { return strings.ContainsAny(pattern, "*?[") }
