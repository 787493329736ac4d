// Package hook is what runs before a push: which changes git is about to push, and the file by which git calls pmcheck.
package hook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/pmcheck/pmcheck/checks/change"
)

// maxInput bounds what git tells of a push: a line is some hundred bytes, and a push of all refs of a large repository has
// some thousand.
const maxInput = 16 << 20

// Update is one ref that a push changes at the remote. An id of zeros, which Deletes and New ask for, stands for no object.
type Update struct {
	LocalRef, Local   string // what is pushed: a ref or any other name, and the id that it has
	RemoteRef, Remote string // where to, and the id that it has there
}

// Deletes tells that the ref is deleted, New that the remote has none yet.
func (u Update) Deletes() bool { return strings.Trim(u.Local, "0") == "" }
func (u Update) New() bool     { return strings.Trim(u.Remote, "0") == "" }

// ReadUpdates reads what git gives to a pre-push hook on standard input: for each ref a line
// "<local ref> <local id> <remote ref> <remote id>" (githooks(5)).
func ReadUpdates(r io.Reader) ([]Update, error) {
	content, err := io.ReadAll(io.LimitReader(r, maxInput+1))
	if err != nil {
		return nil, fmt.Errorf("read the refs that are pushed: %w", err)
	}
	if len(content) > maxInput {
		return nil, fmt.Errorf("the list of refs that are pushed is longer than %d bytes", maxInput)
	}
	var updates []Update
	for line := range strings.Lines(string(content)) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			continue
		}
		// A local name may be any expression, with spaces in it: the three words at the end are certain.
		words := strings.Split(line, " ")
		n := len(words)
		if n < 4 || !isID(words[n-1]) || !isID(words[n-3]) {
			return nil, fmt.Errorf("standard input: %.120q is not what git gives to a pre-push hook: expected \"<local ref> <local id> <remote ref> <remote id>\"", line)
		}
		updates = append(updates, Update{strings.Join(words[:n-3], " "), words[n-3], words[n-2], words[n-1]})
	}
	return updates, nil
}

func isID(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == ""
}

// Push is one change to judge.
type Push struct {
	Name  string // of the branch or tag at the remote, for people
	Head  string // the commit that is pushed
	Base  string // the revision to compare with: where Head left it
	Since string // the commit that the remote has, when only what came after it is to be judged; else ""
}

// Pushes turns the updates of a push to a remote into the changes to judge, each once. Left out is what is deleted, what the
// remote's default branch has already, and what is no commit; a note says why there is nothing to compare with.
//
// A branch is compared with where it left the remote's default branch, as its pull request will be, and not with what the
// remote has of it: a migration that was pushed and is not merged may still be edited, and what was merged into the branch
// is not its doing. Since then selects what this push brings.
func Pushes(ctx context.Context, repo *change.Repo, remote string, updates []Update) (pushes []Push, notes []string, err error) {
	trunk, err := defaultBranch(ctx, repo, remote)
	if err != nil {
		return nil, nil, err
	}
	seen := map[Push]bool{}
	for _, u := range updates {
		if u.Deletes() {
			continue
		}
		head, err := repo.Commit(ctx, u.Local)
		if errors.Is(err, change.ErrUnknownRevision) {
			continue // a tag of something else than a commit
		}
		if err != nil {
			return nil, nil, err
		}
		name := strings.TrimPrefix(strings.TrimPrefix(u.RemoteRef, "refs/heads/"), "refs/tags/")
		push := Push{Name: name, Head: head, Base: trunk.revision}
		there := "" // what the remote has of this ref, if it is here
		if !u.New() {
			if there, err = repo.Commit(ctx, u.Remote); err != nil && !errors.Is(err, change.ErrUnknownRevision) {
				return nil, nil, err
			}
		}
		isBranch := strings.HasPrefix(u.RemoteRef, "refs/heads/")
		switch {
		case isBranch && name == trunk.name && there != "":
			push.Base = there
		case there != "" && push.Base == "":
			push.Base = there
		case there != "" && isBranch:
			common, err := repo.MergeBase(ctx, there, head)
			if err != nil {
				return nil, nil, err
			}
			if common == there { // else the history was rewritten, and all of it is new to the remote
				push.Since = there
			}
		}
		if push.Base == "" {
			notes = append(notes, fmt.Sprintf("%s: the remote has no default branch here to compare with, so it is not judged", name))
			continue
		}
		base, err := repo.Commit(ctx, push.Base)
		if err != nil {
			return nil, nil, err
		}
		common, err := repo.MergeBase(ctx, base, head)
		if err != nil {
			return nil, nil, err
		}
		key := Push{Head: head, Base: base, Since: push.Since}
		if common == head || push.Since == head || seen[key] {
			continue
		}
		seen[key] = true
		pushes = append(pushes, push)
	}
	return pushes, notes, nil
}

type trunk struct{ revision, name string }

// defaultBranch is the default branch of a remote as this clone knows it: of the one that is pushed to, else of origin.
func defaultBranch(ctx context.Context, repo *change.Repo, remote string) (trunk, error) {
	revision, name, err := repo.DefaultBranch(ctx)
	if err != nil || remote == "" || remote == "origin" || strings.ContainsAny(remote, ":/ ") {
		return trunk{revision, name}, err
	}
	for _, candidate := range []string{name, "main", "master"} {
		if candidate == "" {
			continue
		}
		ref := "refs/remotes/" + remote + "/" + candidate
		switch _, err := repo.Commit(ctx, ref); {
		case err == nil:
			return trunk{remote + "/" + candidate, candidate}, nil
		case !errors.Is(err, change.ErrUnknownRevision):
			return trunk{}, err
		}
	}
	return trunk{revision, name}, nil
}

// FromPreCommit is the push that pre-commit runs a hook for, which it says in the environment and not on standard input
// (pre-commit.com, "pre-commit during push"); false when pre-commit does not run the hook.
func FromPreCommit(env func(string) string) ([]Update, bool) {
	if env("PRE_COMMIT") != "1" {
		return nil, false
	}
	to := env("PRE_COMMIT_TO_REF")
	if to == "" { // all of the repository is pushed: there is nothing at the remote
		return nil, true
	}
	from := env("PRE_COMMIT_FROM_REF")
	if from == "" {
		from = strings.Repeat("0", len(to))
	}
	return []Update{{env("PRE_COMMIT_LOCAL_BRANCH"), to, env("PRE_COMMIT_REMOTE_BRANCH"), from}}, true
}
