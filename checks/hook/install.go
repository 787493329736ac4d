package hook

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// PrePush is the hook's name (githooks(5)).
const PrePush = "pre-push"

// mark is in every hook that Install writes.
const mark = "# Written by `pmcheck hook install`; `pmcheck hook uninstall` takes it away."

// before is where a hook that was there first is kept.
const before = PrePush + ".before-pmcheck"

// Errors of Install and Uninstall that are not the machine's fault.
var (
	// ErrOther says that there is a hook that pmcheck did not write.
	ErrOther = errors.New("there is another pre-push hook")
	// ErrShared says that the folder of hooks belongs to more than this repository.
	ErrShared = errors.New("the hooks are shared")
	// ErrNone says that there is no hook of pmcheck.
	ErrNone = errors.New("there is no pre-push hook of pmcheck")
)

// Line is what another hook or hook manager has to run.
const Line = `pmcheck hook run pre-push "$@"`

// script is the hook. Git clients that are no terminals have a short PATH: then the program that wrote the hook is taken.
func script(program string, chained bool) string {
	run := "exec \"$pmcheck\" hook run pre-push \"$@\"\n"
	if chained {
		run = `
# What git says of the push comes once, on standard input; both hooks need it.
refs=$(cat)
say() { [ -z "$refs" ] || printf '%s\n' "$refs"; }
say | "$(dirname -- "$0")/` + before + `" "$@" || exit $?
say | "$pmcheck" hook run pre-push "$@"
`
	}
	missing := "exit 0"
	if chained {
		missing = `exec "$(dirname -- "$0")/` + before + `" "$@"`
	}
	return `#!/bin/sh
` + mark + `
# It judges what is pushed. To push all the same, once: git push --no-verify
pmcheck=$(command -v pmcheck) || pmcheck=` + quote(program) + `
if [ ! -x "$pmcheck" ]; then
	echo "pmcheck is not installed, so this push is not judged" >&2
	` + missing + `
fi
` + run
}

// quote is a word for a POSIX shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// Install writes the hook for the repository that a directory is in, and returns its path. program is the path of the
// program that it runs when PATH has no pmcheck. With chain a hook that is there already is kept and runs first; without,
// the error is ErrOther. A hook of pmcheck is written anew.
func Install(ctx context.Context, dir, program string, chain bool) (path string, err error) {
	folder, err := folderOfHooks(ctx, dir)
	if err != nil {
		return "", err
	}
	path = filepath.Join(folder, PrePush)
	kept := filepath.Join(folder, before)
	own, err := isOwn(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return "", err
	case !own && !chain:
		return path, fmt.Errorf("%w, %s", ErrOther, path)
	case !own:
		if _, err := os.Lstat(kept); err == nil {
			return path, fmt.Errorf("%w, %s, and one that was kept, %s: remove the one that is not wanted", ErrOther, path, kept)
		}
		if err := os.Rename(path, kept); err != nil {
			return "", err
		}
	}
	_, err = os.Lstat(kept)
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return "", err
	}
	return path, write(path, script(program, err == nil))
}

// write puts a hook in its place in one step, so that git never runs half of one.
func write(path, content string) error {
	file, err := os.CreateTemp(filepath.Dir(path), PrePush+".*")
	if err != nil {
		return err
	}
	_, err = file.WriteString(content)
	err = errors.Join(err, file.Chmod(0o755), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		os.Remove(file.Name())
	}
	return err
}

// Uninstall removes the hook, and puts back the one that was there before.
func Uninstall(ctx context.Context, dir string) (path string, restored bool, err error) {
	folder, err := folderOfHooks(ctx, dir)
	if err != nil {
		return "", false, err
	}
	path = filepath.Join(folder, PrePush)
	own, err := isOwn(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return path, false, fmt.Errorf("%w in %s", ErrNone, folder)
	case err != nil:
		return path, false, err
	case !own:
		return path, false, fmt.Errorf("%w: %s is another one", ErrNone, path)
	}
	kept := filepath.Join(folder, before)
	if _, err := os.Lstat(kept); err == nil {
		return path, true, os.Rename(kept, path)
	}
	return path, false, os.Remove(path)
}

// isOwn tells whether pmcheck wrote a hook.
func isOwn(path string) (bool, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return false, err
	}
	if !info.Mode().IsRegular() {
		return false, nil
	}
	content, err := os.ReadFile(path)
	return strings.Contains(string(content), mark), err
}

// folderOfHooks is where git looks for the repository's hooks: it heeds core.hooksPath, and worktrees share their
// repository's. A folder outside of the repository serves others too, and is refused.
func folderOfHooks(ctx context.Context, dir string) (string, error) {
	out, err := git(ctx, dir, "rev-parse", "--path-format=absolute", "--git-path", "hooks", "--git-common-dir")
	if err != nil {
		return "", err
	}
	folder, common, ok := strings.Cut(out, "\n")
	if !ok {
		return "", fmt.Errorf("git rev-parse: unexpected answer %.200q", out)
	}
	if inside(folder, common) {
		return folder, nil
	}
	if top, err := git(ctx, dir, "rev-parse", "--show-toplevel"); err == nil && inside(folder, top) {
		return folder, nil
	}
	return "", fmt.Errorf("%w: core.hooksPath is %s, outside of this repository", ErrShared, folder)
}

func inside(path, folder string) bool {
	real := func(path string) string {
		if resolved, err := filepath.EvalSymlinks(path); err == nil {
			return resolved
		}
		return filepath.Clean(path)
	}
	rel, err := filepath.Rel(real(folder), real(path))
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

func git(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && len(exit.Stderr) > 0 {
		return "", fmt.Errorf("git %s: %s", args[0], strings.TrimSpace(string(exit.Stderr)))
	}
	return strings.TrimSuffix(string(out), "\n"), err
}
