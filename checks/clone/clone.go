// Package clone completes a shallow clone, as continuous integration makes them, as far as a comparison of two commits needs:
// both commits, and the one that they have in common. Everything else of pmcheck reads a repository and never fetches.
//
// The fetches are made with the clone's own configuration, since that is where a CI system keeps the credentials. Hooks, file
// monitors, garbage collection, submodules and tags are left out.
package clone

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"
)

// steps are by how many commits a history is deepened, one after the other; then all of it is fetched. Few commits lie
// between most branches and where they began; a fetch costs a second whether it brings ten commits or a hundred.
var steps = []int{30, 120, 500, 2000}

// patience is how long all fetches together may take.
const patience = 10 * time.Minute

// Clone is a repository on disk.
type Clone struct {
	git func(ctx context.Context, args ...string) (string, error)
	say func(string)
}

// At is the repository that a directory is in. Before each fetch say is called with what is fetched; it may be nil.
func At(dir string, say func(string)) *Clone {
	if say == nil {
		say = func(string) {}
	}
	return &Clone{git: program(dir).git, say: say}
}

// Through is a repository that is reached through a function of the caller, who has credentials or limits of his own. It runs
// one git command there and returns what that prints, without the line break at its end; its error wraps *exec.ExitError.
func Through(git func(ctx context.Context, args ...string) (string, error)) *Clone {
	return &Clone{git: git, say: func(string) {}}
}

// Commit is a revision's commit and the ids of its parents, which a shallow clone knows without having them.
func (c *Clone) Commit(ctx context.Context, revision string) (id string, parents []string, err error) {
	id, err = c.git(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", revision+"^{commit}")
	if err != nil {
		return "", nil, err
	}
	header, err := c.git(ctx, "cat-file", "commit", id)
	if err != nil {
		return "", nil, err
	}
	for line := range strings.Lines(header) {
		if parent, ok := strings.CutPrefix(line, "parent "); ok {
			parents = append(parents, strings.TrimSpace(parent))
		} else if strings.TrimSpace(line) == "" {
			break
		}
	}
	return id, parents, nil
}

// Reach fetches from the remote "origin" what is missing of base, of head and, when common is true, of the commit that both
// have in common; nothing when all is there. base and head are commits, branches ("main", "origin/main"), tags, or stand
// relative to one ("HEAD~2"). It returns the ids of the two commits.
func (c *Clone) Reach(ctx context.Context, base, head string, common bool) (baseID, headID string, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("fetching took longer than %v", patience))
	defer cancel()
	if headID, err = c.find(ctx, head, ""); err != nil {
		return "", "", err
	}
	if baseID, err = c.find(ctx, base, headID); err != nil || !common {
		return baseID, headID, err
	}
	for _, step := range append(steps, 0) {
		complete, err := c.joined(ctx, baseID, headID)
		if err != nil || complete {
			return baseID, headID, err
		}
		if err := c.deepen(ctx, step, baseID, headID); err != nil {
			return "", "", err
		}
	}
	return baseID, headID, nil // without anything in common after all: the comparison says so
}

// joined tells that what two commits have in common is there, or that no fetch would bring it.
func (c *Clone) joined(ctx context.Context, base, head string) (bool, error) {
	if shallow, err := c.shallow(ctx); err != nil || !shallow {
		return true, err
	}
	common, err := c.git(ctx, "merge-base", base, head)
	if common == base {
		return true, nil
	}
	if common == "" {
		if exitCode(err) == 1 { // nothing in common yet
			err = nil
		}
		return false, err
	}
	// A better one may lie behind the end of the history, on the head's side.
	own, err := c.git(ctx, "rev-list", head, "^"+common)
	if err != nil {
		return false, err
	}
	ends, err := c.ends(ctx)
	if err != nil {
		return false, err
	}
	for commit := range strings.FieldsSeq(own) {
		if slices.Contains(ends, commit) {
			return false, nil
		}
	}
	return true, nil
}

var (
	fullID = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
	name   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/+-]*$`)
)

// find is the commit that a revision names, which is fetched if need be. child is a commit that may be its child, or "".
func (c *Clone) find(ctx context.Context, revision, child string) (string, error) {
	resolve := func(name string) string {
		id, _ := c.git(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", name+"^{commit}")
		return id
	}
	if id := resolve(revision); id != "" {
		return id, nil
	}
	shallow, err := c.shallow(ctx)
	if err != nil {
		return "", err
	}
	var depth []string
	if shallow {
		depth = []string{"--depth=1"}
	}
	branch := strings.TrimPrefix(revision, "origin/")
	switch {
	case fullID.MatchString(revision):
		if child != "" && shallow {
			if _, parents, err := c.Commit(ctx, child); err == nil && slices.Contains(parents, revision) {
				return revision, c.deepen(ctx, 1, child)
			}
		}
		c.say("fetching commit " + revision[:10])
		if err := c.fetch(ctx, append(depth, "origin", revision)...); err != nil {
			return "", err
		}
	case name.MatchString(branch):
		c.say("fetching " + branch)
		err := c.fetch(ctx, append(depth, "origin", "+refs/heads/"+branch+":refs/remotes/origin/"+branch)...)
		if err == nil {
			revision = "refs/remotes/origin/" + branch
		} else if branch != revision || c.fetch(ctx, append(depth, "origin", "+refs/tags/"+branch+":refs/tags/"+branch)...) != nil {
			return "", err
		}
	case shallow && strings.ContainsAny(revision, "~^"):
		for _, step := range append(steps, 0) {
			if err := c.deepen(ctx, step, "HEAD"); err != nil {
				return "", err
			}
			if id := resolve(revision); id != "" {
				return id, nil
			}
			if shallow, err = c.shallow(ctx); err != nil {
				return "", err
			} else if !shallow {
				break
			}
		}
	}
	if id := resolve(revision); id != "" {
		return id, nil
	}
	return "", fmt.Errorf("%q names no commit of this clone, nor a branch, tag or commit of its remote", revision)
}

// deepen fetches so many commits more behind the ends of the history of some commits; 0 stands for all.
func (c *Clone) deepen(ctx context.Context, by int, commits ...string) error {
	depth := fmt.Sprintf("--deepen=%d", by)
	if by == 0 {
		depth = "--unshallow"
		c.say("fetching the rest of the history")
	} else {
		c.say(fmt.Sprintf("fetching %d commits more of the history", by))
	}
	var ids []string
	for _, commit := range commits {
		id, _, err := c.Commit(ctx, commit)
		if err != nil {
			return err
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	err := c.fetch(ctx, append([]string{depth, "origin"}, ids...)...)
	if err != nil && strings.Contains(err.Error(), "unadvertised") { // a server that gives branches only
		return c.fetch(ctx, depth, "origin")
	}
	return err
}

func (c *Clone) shallow(ctx context.Context) (bool, error) {
	answer, err := c.git(ctx, "rev-parse", "--is-shallow-repository")
	return answer == "true", err
}

// ends are the commits whose parents a shallow clone left out.
func (c *Clone) ends(ctx context.Context) ([]string, error) {
	file, err := c.git(ctx, "rev-parse", "--path-format=absolute", "--git-path", "shallow")
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("where the shallow clone ends: %w", err)
	}
	return strings.Fields(string(text)), nil
}

func (c *Clone) fetch(ctx context.Context, args ...string) error {
	_, err := c.git(ctx, append([]string{"fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-auto-maintenance", "--no-write-fetch-head"}, args...)...)
	return err
}

// program is the git program in a directory.
type program string

// git runs a command and returns what it prints, without the line break at its end.
func (dir program) git(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"--no-pager", "-c", "core.hooksPath=" + os.DevNull, "-c", "core.fsmonitor=false", "-c", "protocol.ext.allow=never"}, args...)...)
	cmd.Dir = string(dir)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "GIT_TERMINAL_PROMPT=0")
	cmd.WaitDelay = 10 * time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	out := strings.TrimSuffix(stdout.String(), "\n")
	switch {
	case err == nil:
		return out, nil
	case ctx.Err() != nil:
		return "", fmt.Errorf("git %s: %w", args[0], context.Cause(ctx))
	}
	message := strings.TrimSpace(stderr.String())
	if message == "" {
		return out, fmt.Errorf("git %s: %w", args[0], err)
	}
	const most = 1000
	return out, &gitError{fmt.Sprintf("git %s: %s", args[0], message[:min(len(message), most)]), err}
}

type gitError struct {
	message string
	err     error
}

func (e *gitError) Error() string { return e.message }
func (e *gitError) Unwrap() error { return e.err }

func exitCode(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return -1
}
