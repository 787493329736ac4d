package change

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// Everything a repository can say to have a program run is said, and no program runs: whatever runs leaves a mark.
func TestNothingOfTheRepositoryRuns(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the programs of this test are shell scripts")
	}
	marks := filepath.Join(t.TempDir(), "marks")
	program := filepath.Join(t.TempDir(), "program")
	script := fmt.Sprintf("#!/bin/sh\necho \"$0 $*\" >>'%s'\nexit 1\n", marks)
	if err := os.WriteFile(program, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	marked := func() string {
		text, err := os.ReadFile(marks)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		os.Remove(marks)
		return string(text)
	}

	f := newFixture(t)
	f.write("a.sql", "SELECT 1;\n")
	f.write("b.bin", numbered(0, 30))
	f.write("racy.sql", "1")
	f.write("touched.sql", "1")
	f.symlink("a.sql", "link")
	base := f.commit("base")
	f.write("a.sql", "SELECT 2;\n")
	f.git("mv", "b.bin", "c.bin")
	f.write("c.bin", numbered(0, 31))
	f.write(".gitattributes", "* filter=evil diff=evil merge=evil ident text\n")
	head := f.commit("head")

	f.git("config", "core.repositoryFormatVersion", "1")
	for key, value := range map[string]string{
		"core.fsmonitor": program, "core.pager": program, "core.editor": program, "core.askPass": program,
		"core.sshCommand": program, "core.gitProxy": program, "core.alternateRefsCommand": program,
		"core.attributesFile": f.path(".gitattributes"), "pager.ls-tree": program, "pager.rev-list": program,
		"diff.external": program, "diff.evil.command": program, "diff.evil.textconv": program,
		"diff.renames": "false", "diff.ignoreSubmodules": "all", "diff.orderFile": "/dev/null",
		"filter.evil.clean": program, "filter.evil.smudge": program, "filter.evil.process": program, "filter.evil.required": "true",
		"merge.evil.driver": program, "gpg.program": program, "log.showSignature": "true", "credential.helper": "!" + program,
		"alias.ls-tree": "!" + program, "alias.rev-parse": "!" + program, "alias.cat-file": "!" + program,
		"interactive.diffFilter": program, "sequence.editor": program, "trailer.evil.command": program,
		"uploadpack.packObjectsHook": program,
		"remote.origin.url":          "ext::" + program, "remote.origin.promisor": "true", "remote.origin.partialCloneFilter": "blob:none",
		"remote.origin.uploadpack": program, "remote.origin.vcs": "evil", "extensions.partialClone": "origin", "extensions.objectFormat": "sha1",
		"protocol.allow": "always", "protocol.ext.allow": "always", "protocol.evil.allow": "always",
		"include.path": f.path("included"),
	} {
		f.git("config", key, value)
	}
	f.write("included", "[core]\n\thooksPath = "+f.path(".git/hooks")+"\n[core]\n\tfsmonitor = "+program+"\n")
	for _, hook := range []string{"post-index-change", "fsmonitor-watchman", "reference-transaction", "post-checkout", "pre-auto-gc", "query-watchman"} {
		f.write(".git/hooks/"+hook, script)
		if err := os.Chmod(f.path(".git/hooks/"+hook), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	f.write(".git/info/attributes", "* filter=evil diff=evil\n")

	// A blob that is not here, which git would fetch by running the remote's program.
	lost := f.gitInput("no longer here", "hash-object", "-w", "--stdin", "--no-filters")
	tree := f.gitInput(f.git("ls-tree", "HEAD")+"\n100644 blob "+lost+"\tlost.sql\n100644 blob "+lost+"\tlost.bin\n", "mktree")
	withLost := f.git("commit-tree", "-p", "HEAD", "-m", "lost", tree)
	f.remove(filepath.Join(".git/objects", lost[:2], lost[2:]))
	f.write("touched.sql", "2")
	marked()

	// The traps work: git's own commands spring them.
	for _, args := range [][]string{{"status"}, {"diff", "--ext-diff"}, {"show", "--textconv", base}, {"cat-file", "blob", lost}} {
		cmd := exec.Command("git", args...)
		cmd.Dir = f.dir
		cmd.Run()
		if got := marked(); !strings.Contains(got, program) {
			t.Fatalf("git %s runs nothing of the repository, so this test shows nothing: %q", args, got)
		}
	}

	f.write("untracked.sql", "new\n")
	f.write("racy.sql", "2")
	// Git's program on PATH could also be one of the repository's.
	f.write("git", script)
	os.Chmod(f.path("git"), 0o755)
	t.Chdir(f.dir)
	t.Setenv("PATH", "."+string(os.PathListSeparator)+os.Getenv("PATH"))
	if _, err := newGit(f.dir); err == nil {
		t.Error("git was taken from the current directory")
	}
	t.Setenv("PATH", strings.TrimPrefix(os.Getenv("PATH"), "."+string(os.PathListSeparator)))

	t.Setenv("GIT_EXTERNAL_DIFF", program)
	t.Setenv("GIT_PAGER", program)
	t.Setenv("GIT_SSH_COMMAND", program)
	t.Setenv("GIT_ASKPASS", program)
	t.Setenv("GIT_PROXY_COMMAND", program)
	for _, git := range []string{":", "unset GIT_NO_LAZY_FETCH"} { // as it is, and as an older one is
		wrapGit(t, git)
		for _, o := range []Options{
			{Base: base}, {}, {Base: base, Head: head}, {Base: head, Head: base}, {Base: base, Worktree: true}, {Base: head, Worktree: true},
			{Base: base, Head: withLost}, {Base: withLost, Worktree: true}, {Base: strings.Repeat("0", 39) + "1"}, {Base: lost},
		} {
			c, err := Open(t.Context(), Options{Repo: f.dir, Base: o.Base, Head: o.Head, Worktree: o.Worktree})
			if err == nil {
				for _, tree := range []*Tree{c.BaseTree(), c.HeadTree()} {
					for _, e := range tree.Entries() {
						content, err := tree.Read(e.Path)
						if e.BlobID == lost && !errors.Is(err, ErrNotFetched) {
							t.Errorf("%+v: contents that are not here: %v", o, err)
						}
						if e.Path == "a.sql" && (err != nil || !strings.HasPrefix(string(content), "SELECT ")) {
							t.Errorf("%+v: a.sql is %q, %v", o, content, err)
						}
					}
				}
				c.Close()
			} else if o.Base != lost && !strings.HasPrefix(o.Base, "000") {
				t.Errorf("%+v: %v", o, err)
			}
			if got := marked(); got != "" {
				t.Errorf("%+v: a program ran:\n%s", o, got)
			}
		}
	}
	c := f.open(Options{Base: base})
	wantSummary(t, c, "added .gitattributes", "modified a.sql", "renamed c.bin from b.bin")
}
