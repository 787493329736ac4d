package mirror

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/pmcheck/pmcheck/checks/clone"
)

const (
	// depth of the history that a fetch of a commit brings. Most pull requests began fewer commits ago, and a fetch takes a
	// second whether it brings one commit or a hundred.
	depth = "--depth=64"

	// A mirror of so many packs is packed anew, with so many of the commits that were asked for, the newest.
	manyPacks   = 24
	keptCommits = 40
)

// keep is the ref that says that a commit was fetched whole, and holds on to it.
func keep(commit string) string { return "refs/keep/" + commit }

// prepare makes a generation ready to be fetched into, and holds on to it as a reader. The file may be there with an error.
func (f *fetching) prepare(ctx context.Context, l *locked, g *generation) (*os.File, error) {
	l.touch()
	if err := os.MkdirAll(g.dir, 0o700); err != nil {
		return nil, err
	}
	held, err := openLock(g.beside("use"))
	if err != nil {
		return nil, err
	}
	alone := flock(held, syscall.LOCK_EX|syscall.LOCK_NB) == nil
	if alone { // views of processes that were killed
		if err := os.RemoveAll(g.beside("views")); err != nil {
			return held, err
		}
	}
	if g.made {
		format := "sha1"
		if len(f.commits[0]) == 64 {
			format = "sha256"
		}
		if _, err := f.git(ctx, g, l.file, "", "init", "--quiet", "--bare", "--template=", "--object-format="+format); err != nil {
			return held, err
		}
	} else {
		g.sweep()
		if _, err := os.Stat(filepath.Join(g.dir, "HEAD")); err != nil {
			return held, fmt.Errorf("%w: %w", errBroken, err)
		}
		if err := f.m.examine(ctx, g); err != nil {
			return held, err
		}
		g.was = g.size()
		if alone {
			if err := f.maintain(ctx, l, g); err != nil {
				return held, err
			}
		}
	}
	// Nobody waits here: an exclusive lock is taken only by who has the repository's.
	return held, flock(held, syscall.LOCK_SH)
}

// bring fetches what is missing of the commits, and of the history of the first and the last.
func (f *fetching) bring(ctx context.Context, l *locked, g *generation) error {
	git := func(ctx context.Context, args ...string) (string, error) {
		if args[0] == "fetch" && f.outcome == Present {
			f.outcome = Fetched
		}
		out, err := f.git(ctx, g, l.file, "", args...)
		if err == nil && args[0] == "fetch" {
			err = f.uncut(ctx, l, g)
		}
		return out, err
	}
	var missing, specs []string
	for _, commit := range f.commits {
		if g.has(commit, f.m.o.Now()) || slices.Contains(missing, commit) {
			continue
		}
		missing = append(missing, commit)
		specs = append(specs, "+"+commit+":"+keep(commit))
	}
	fetch := []string{"fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", depth, "origin"}
	if len(missing) > 0 {
		_, err := git(ctx, append(fetch, specs...)...)
		if err != nil && len(f.remote.Refs) > 0 && strings.Contains(err.Error(), "unadvertised object") {
			err = f.byRefs(ctx, git, fetch, missing)
		}
		if err != nil {
			return err
		}
	}
	read := slices.Clone(f.commits)
	base, head := f.commits[0], f.commits[len(f.commits)-1]
	if _, _, err := clone.Through(git).Reach(ctx, base, head, true); err != nil {
		return err
	}
	common, err := git(ctx, "merge-base", base, head)
	if err != nil && exitCode(err) != 1 { // 1: they have nothing in common
		return err
	}
	if common != "" {
		read = append(read, common)
	}
	// All trees and files of what will be compared are there: nothing is fetched while a check reads.
	if _, err := git(ctx, append([]string{"rev-list", "--quiet", "--objects", "--no-walk"}, read...)...); err != nil {
		return err
	}
	if f.m.o.MaxRepository > 0 && g.size() > f.m.o.MaxRepository {
		return f.tooLarge()
	}
	return nil
}

// byRefs fetches commits from a server that gives no commits by their ids.
func (f *fetching) byRefs(ctx context.Context, git func(context.Context, ...string) (string, error), fetch, commits []string) error {
	if _, err := git(ctx, append(slices.Clone(fetch), f.remote.Refs...)...); err != nil {
		return err
	}
	for _, commit := range commits {
		if _, err := git(ctx, "cat-file", "-e", commit+"^{commit}"); err != nil {
			return fmt.Errorf("%w: commit %s is at none of %s any more", ErrNotFound, commit, strings.Join(f.remote.Refs, ", "))
		}
		if _, err := git(ctx, "update-ref", keep(commit), commit); err != nil {
			return err
		}
	}
	return nil
}

// has tells that a commit was fetched whole before, and that it is asked for again.
func (g *generation) has(commit string, now time.Time) bool {
	path := filepath.Join(g.dir, filepath.FromSlash(keep(commit)))
	text, err := os.ReadFile(path)
	if err != nil || strings.TrimSpace(string(text)) != commit {
		return false
	}
	os.Chtimes(path, now, now) // for the order of pruning only
	return true
}

// uncut joins the history again where a fetch has cut it: a server knows of no more than the depth that was asked for, and
// says that the history ends there, even within what another fetch has brought.
func (f *fetching) uncut(ctx context.Context, l *locked, g *generation) error {
	path := filepath.Join(g.dir, "shallow")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	ends := strings.Fields(string(text))
	// The parents as the commits name them: git log and rev-list see none at an end.
	contents, err := f.git(ctx, g, l.file, strings.Join(ends, "\n")+"\n", "cat-file", "--batch")
	if err != nil {
		return err
	}
	parents, err := readParents(contents, len(ends))
	if err != nil {
		return fmt.Errorf("%w: %w", errBroken, err)
	}
	all := slices.Concat(parents...)
	answers := ""
	if len(all) > 0 {
		if answers, err = f.git(ctx, g, l.file, strings.Join(all, "\n")+"\n", "cat-file", "--batch-check=%(objecttype)"); err != nil {
			return err
		}
	}
	there := strings.FieldsFunc(answers, func(r rune) bool { return r == '\n' }) // "commit", or "ID missing"
	if len(there) != len(all) {
		return fmt.Errorf("%w: %d answers about %d commits", errBroken, len(there), len(all))
	}
	var remaining strings.Builder
	cut := 0
	for i, end := range ends {
		own := there[:len(parents[i])]
		there = there[len(parents[i]):]
		if parents[i] == nil || len(own) > 0 && !slices.ContainsFunc(own, func(answer string) bool { return answer != "commit" }) {
			cut++
			continue
		}
		remaining.WriteString(end + "\n")
	}
	if cut == 0 {
		return nil
	}
	if remaining.Len() == 0 {
		return os.Remove(path)
	}
	// Named like git's own, so that it is swept away when this process is killed here.
	if err := os.WriteFile(path+".lock", []byte(remaining.String()), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".lock", path)
}

// readParents reads what git cat-file --batch prints of so many commits: the parents of each; nil for one that is not there,
// since a process was killed while it let commits go.
func readParents(contents string, commits int) ([][]string, error) {
	contents += "\n" // of the last line break, which was trimmed
	all := make([][]string, 0, commits)
	for range commits {
		header, rest, _ := strings.Cut(contents, "\n")
		if strings.HasSuffix(header, " missing") {
			all = append(all, nil)
			contents = rest
			continue
		}
		var id, kind string
		var size int
		if n, err := fmt.Sscanf(header, "%s %s %d", &id, &kind, &size); n != 3 || err != nil || kind != "commit" || size < 0 || size >= len(rest) {
			return nil, fmt.Errorf("the end of the history is not a commit: %.100q", header)
		}
		parents := []string{}
		for line := range strings.Lines(rest[:size]) {
			if line == "\n" {
				break
			}
			if parent, ok := strings.CutPrefix(line, "parent "); ok {
				parents = append(parents, strings.TrimSpace(parent))
			}
		}
		all = append(all, parents)
		contents = rest[size+1:]
	}
	return all, nil
}

// maintain packs a mirror of many packs anew and lets old commits go. Nobody may be reading it.
func (f *fetching) maintain(ctx context.Context, l *locked, g *generation) error {
	packs := g.packs()
	if len(packs) < f.m.manyPacks {
		return nil
	}
	f.m.forget(packs)
	refs := filepath.Join(g.dir, "refs", "keep")
	entries, err := os.ReadDir(refs)
	if err != nil {
		return fmt.Errorf("%w: %w", errBroken, err)
	}
	used := map[string]time.Time{}
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil {
			used[entry.Name()] = info.ModTime()
		}
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return used[b.Name()].Compare(used[a.Name()]) })
	for _, entry := range entries[min(f.m.keptCommits, len(entries)):] {
		if err := os.Remove(filepath.Join(refs, entry.Name())); err != nil {
			return err
		}
	}
	if _, err := f.git(ctx, g, l.file, "", "repack", "-a", "-d", "-q"); err != nil {
		return err
	}
	_, err = f.git(ctx, g, l.file, "", "prune", "--expire=now") // and the ends of histories that are gone
	return err
}
