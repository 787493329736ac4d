package change

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"
)

// repository is what git says about the repository before any commit is looked at.
type repository struct {
	git        git
	config     configuration
	bare       bool
	shallow    string // the file of the commits where a shallow clone's history ends; "" for a whole one
	top        string // of the worktree
	gitDir     string // of the worktree
	index      string // the worktree's index file
	originHead string // what refs/remotes/origin/HEAD stands for, "refs/remotes/origin/main"
	headBranch string // the branch that HEAD is on; "" when detached
}

const (
	remoteBranches = "refs/remotes/origin/"
	localBranches  = "refs/heads/"
)

// examine asks git about the repository that g's directory is in.
func examine(ctx context.Context, g git, worktree bool) (*repository, error) {
	repo := &repository{git: g}
	var facts, settings string
	var factsErr, settingsErr error
	var group errgroup.Group
	group.Go(func() error {
		// rev-parse prints what it finds in the order of its arguments and stops at what it does not: HEAD is last, since it
		// may name no commit. The brackets make a pattern of a name, so that a missing origin/HEAD is no failure.
		args := []string{"rev-parse", "--is-bare-repository", "--is-shallow-repository", "--git-path", "shallow"}
		if worktree {
			args = append(args, "--is-inside-work-tree", "--absolute-git-dir", "--git-path", "index", "--show-toplevel")
		}
		args = append(args, "--symbolic-full-name", "--glob="+remoteBranches+"HEA[D]", "HEAD")
		facts, factsErr = g.output(ctx, maxOutput, args...)
		return nil
	})
	group.Go(func() error {
		settings, settingsErr = g.output(ctx, maxOutput, "config", "-z", "--get-regexp", wanted)
		if exitCode(settingsErr) == 1 { // none of the keys is set
			settingsErr = nil
		}
		return nil
	})
	group.Wait()
	if err := repo.read(facts, factsErr, worktree); err != nil {
		return nil, err
	}
	if settingsErr != nil {
		return nil, settingsErr
	}
	var err error
	repo.config, err = parseConfiguration(settings)
	return repo, err
}

// read takes in what rev-parse printed, and with which error it stopped.
func (r *repository) read(facts string, err error, worktree bool) error {
	lines := strings.Split(strings.TrimSuffix(facts, "\n"), "\n")
	fixed := 3
	if worktree {
		fixed = 7
	}
	if len(lines) < fixed || len(lines) > fixed+2 {
		return r.unreadable(err, worktree)
	}
	r.bare = lines[0] == "true"
	if lines[1] == "true" {
		r.shallow = r.absolute(lines[2])
	}
	if worktree {
		if lines[3] != "true" {
			return r.noWorktree()
		}
		r.gitDir, r.index, r.top = lines[4], r.absolute(lines[5]), lines[6]
	}
	for _, ref := range lines[fixed:] {
		if branch, ok := strings.CutPrefix(ref, localBranches); ok && err == nil {
			r.headBranch = branch
		} else if strings.HasPrefix(ref, remoteBranches) && ref != remoteBranches+"HEAD" { // else it names no branch
			r.originHead = ref
		}
	}
	return nil
}

// absolute is a path of git's answer, which may start from the directory git was run in.
func (r *repository) absolute(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(r.git.dir, path)
}

// unreadable says why a directory is not read as a repository.
func (r *repository) unreadable(err error, worktree bool) error {
	var failed *gitError
	switch {
	case err == nil:
		return fmt.Errorf("repository %s: git's answer about it was not understood", r.git.dir)
	case !errors.As(err, &failed):
		return err
	case strings.Contains(failed.message, "not a git repository"):
		return fmt.Errorf("%s is not in a git repository: name a clone with --repo", r.git.dir)
	case worktree && strings.Contains(failed.message, "must be run in a work tree"):
		return r.noWorktree()
	}
	return fmt.Errorf("git does not read the repository %s: %w", r.git.dir, err)
}

func (r *repository) noWorktree() error {
	return fmt.Errorf("%s has no files checked out: only commits can be compared there", r.git.dir)
}

// shallowEnds is the set of commits whose parents a shallow clone left out.
func (r *repository) shallowEnds() (map[string]bool, error) {
	if r.shallow == "" {
		return nil, nil
	}
	text, err := os.ReadFile(r.shallow)
	if err != nil {
		return nil, fmt.Errorf("where the shallow clone ends: %w", err)
	}
	ends := map[string]bool{}
	for id := range strings.FieldsSeq(string(text)) {
		ends[id] = true
	}
	return ends, nil
}

// branch is a candidate for the default branch.
type branch struct {
	ref  string // refs/remotes/origin/main
	name string // main
}

// short is how people write the branch.
func (b branch) short() string {
	if strings.HasPrefix(b.ref, remoteBranches) {
		return "origin/" + b.name
	}
	return b.name
}

// candidates lists where the default branch may be, best first. Remote-tracking branches come before local ones, which may
// be behind or hold what is being checked. A bare repository's HEAD is its default branch.
func (r *repository) candidates() []branch {
	var all []branch
	add := func(prefix, name string) {
		if name != "" {
			all = append(all, branch{ref: prefix + name, name: name})
		}
	}
	add(remoteBranches, strings.TrimPrefix(r.originHead, remoteBranches))
	add(remoteBranches, "main")
	add(remoteBranches, "master")
	if r.bare {
		add(localBranches, r.headBranch)
	}
	add(localBranches, "main")
	add(localBranches, "master")
	add(localBranches, r.config["init.defaultbranch"])
	return all
}

// resolve fills the commits of the change and the names of where they come from.
func (c *Change) resolve(ctx context.Context, repo *repository, o Options) error {
	if err := c.resolveSides(ctx, repo, o); err != nil {
		return err
	}
	c.Trusted, c.TrustedRef = c.Base, o.Trusted
	if o.Trusted == "" {
		return nil
	}
	var err error
	c.Trusted, err = c.reader.commit(ctx, repo, o.Trusted, c.reader.index.ask(o.Trusted + "^{commit}")[0])
	return err
}

// resolveSides fills base and head.
func (c *Change) resolveSides(ctx context.Context, repo *repository, o Options) error {
	c.HeadRef = o.Head
	revision := o.Head
	if revision == "" {
		revision, c.HeadRef = "HEAD", "HEAD"
		if repo.headBranch != "" {
			c.HeadRef = repo.headBranch
		}
	}
	candidates := repo.candidates()
	names := []string{revision + "^{commit}"}
	for _, candidate := range candidates {
		names = append(names, candidate.ref+"^{commit}")
	}
	if o.Base != "" {
		names = append(names, o.Base+"^{commit}")
	}
	answers := c.reader.index.ask(names...)

	var err error
	if c.Head, err = c.reader.commit(ctx, repo, revision, answers[0]); err != nil {
		if o.Head == "" && errors.Is(err, ErrUnknownRevision) {
			return fmt.Errorf("HEAD names no commit: the repository or its current branch has none yet; commit first, or name one with --head: %w", ErrUnknownRevision)
		}
		return err
	}
	trunk, trunkRef := "", ""
	for i, candidate := range candidates {
		found, err := receive(ctx, answers[1+i])
		if err != nil {
			return err
		}
		if found.kind == "commit" {
			c.DefaultBranch, trunkRef, trunk = candidate.name, candidate.short(), found.id
			break
		}
	}
	if o.Base != "" {
		c.BaseRef = o.Base
		if c.Base, err = c.reader.commit(ctx, repo, o.Base, answers[len(answers)-1]); err != nil || !o.FromMergeBase {
			return err
		}
		trunk = c.Base
	} else if c.BaseRef = trunkRef; trunk == "" {
		return repo.noDefaultBranch()
	}
	if c.Base, err = mergeBase(ctx, repo.git, c.Head, trunk); err != nil {
		return err
	}
	if c.Base == "" {
		return repo.noMergeBase(c.HeadRef, c.Head, c.BaseRef, trunk)
	}
	c.MergeBase, c.NothingAhead = c.Base, c.Base == c.Head
	return nil
}

// mergeBase is the best common ancestor of two commits, the first that git names when there are several; "" for none.
func mergeBase(ctx context.Context, g git, a, b string) (string, error) {
	out, err := g.output(ctx, maxOutput, "merge-base", a, b)
	if exitCode(err) == 1 {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	id := strings.TrimSpace(out)
	if !isID(id) {
		return "", fmt.Errorf("git merge-base: unexpected answer %.80q", out)
	}
	return id, nil
}

// commit is the id of the commit that a revision leads to, given the answer for "<revision>^{commit}".
func (r *reader) commit(ctx context.Context, repo *repository, revision string, peeled <-chan object) (string, error) {
	unknown := func(why string) error { return fmt.Errorf("%w: %s", ErrUnknownRevision, why) }
	notHere := func() error {
		return unknown(fmt.Sprintf("%q is not in the repository%s", revision, repo.howToFetch(revision)))
	}
	found, err := receive(ctx, peeled)
	var failed *gitError
	if errors.As(err, &failed) && strings.Contains(failed.message, "promisor remote") { // an older git that may not fetch gives up
		return "", notHere()
	}
	if err != nil {
		return "", err
	}
	if found.kind == "commit" {
		return found.id, nil
	}
	if found.kind == "missing" { // ":/text" takes the suffix as text; and what is not a commit is named as what it is
		if found, err = receive(ctx, r.index.ask(revision)[0]); err != nil {
			return "", err
		}
	}
	switch found.kind {
	case "commit":
		return found.id, nil
	case "ambiguous":
		return "", unknown(fmt.Sprintf("several objects begin with %q: give more digits", revision))
	case "missing":
		return "", notHere()
	}
	return "", unknown(fmt.Sprintf("%q is a %s, not a commit", revision, found.kind))
}

// howToFetch is the end of a message about a revision that is not there.
func (r *repository) howToFetch(revision string) string {
	if _, ok := r.config["remote.origin.url"]; !ok {
		return ": look at its spelling"
	}
	name := strings.TrimPrefix(strings.TrimPrefix(revision, remoteBranches), "origin/")
	relative := strings.ContainsAny(name, "~^@:")
	switch {
	case relative && r.shallow != "":
		return ", whose history is shallow: run `git fetch --unshallow origin`"
	case relative || strings.HasPrefix(name, "-") || strings.Trim(name, nameCharacters+"/") != "":
		return ": look at its spelling"
	case r.shallow != "" && isHex(name):
		return fmt.Sprintf(", whose history is shallow: run `git fetch --unshallow origin`, or `git fetch origin %s` for this commit alone", name)
	case isHex(name) && len(name) >= 7:
		return fmt.Sprintf(": look at its spelling, or run `git fetch origin %s`, which takes all its digits", name)
	case name != revision:
		return fmt.Sprintf(": look at its spelling, or run `git fetch origin +refs/heads/%s:%s%s`", name, remoteBranches, name)
	}
	return fmt.Sprintf(": look at its spelling, or run `git fetch origin tag %s` for a tag, `git fetch origin +refs/heads/%s:%s%s` for a branch and name it origin/%s",
		name, name, remoteBranches, name, name)
}

func (r *repository) noDefaultBranch() error {
	const looked = "looked for origin/HEAD, main and master of origin, main and master: name a base with --base"
	if _, ok := r.config["remote.origin.url"]; !ok {
		return fmt.Errorf("%w: %s", ErrNoDefaultBranch, looked)
	}
	unshallow := ""
	if r.shallow != "" {
		unshallow = "--unshallow "
	}
	return fmt.Errorf("%w: %s, or run `git fetch %sorigin '+refs/heads/*:%s*'` and `git remote set-head origin --auto`", ErrNoDefaultBranch, looked, unshallow, remoteBranches)
}

// noMergeBase says why a head has nothing in common with the branch it is meant for.
func (r *repository) noMergeBase(headRef, head, trunkRef, trunk string) error {
	between := fmt.Sprintf("%s (%.10s) and %s (%.10s)", headRef, head, trunkRef, trunk)
	if r.shallow == "" {
		return fmt.Errorf("%s have no commit in common, their histories are unrelated: name another base with --base", between)
	}
	advice := "`git fetch --unshallow`"
	if name, ok := strings.CutPrefix(trunkRef, "origin/"); ok {
		advice = fmt.Sprintf("`git fetch --unshallow origin`, or `git fetch --deepen=50 origin %s` until it is there", name)
	}
	return fmt.Errorf("the clone is shallow and ends before the commit that %s have in common: run %s", between, advice)
}

// absentObjects lists the objects of two commits' trees that a partial clone has not fetched. Asking for one of them would
// fetch it, each on its own.
func absentObjects(ctx context.Context, g git, base, head string) (map[string]bool, error) {
	out, err := g.output(ctx, maxOutput, "rev-list", "--objects", "--no-object-names", "--missing=print", "--no-walk", base, head, "--")
	if err != nil {
		return nil, err
	}
	absent := map[string]bool{}
	for line := range strings.Lines(out) {
		if id, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "?"); ok {
			absent[id] = true
		}
	}
	return absent, nil
}
