package clone

import (
	"path/filepath"
	"testing"
)

func TestTags(t *testing.T) {
	dir, id := server(t)
	git(t, dir, "tag", "-f", "old-1", "main~200")
	git(t, dir, "tag", "-f", "new-1", "main")
	git(t, dir, "tag", "-f", "new-0", "main~3")
	git(t, dir, "branch", "-f", "deploy/production", "main~2")
	shallow := filepath.Join(t.TempDir(), "w")
	git(t, dir, "clone", "-q", "--depth=1", "--branch=main", "--no-tags", "file://"+dir, shallow)
	c := At(shallow, nil)

	// The head's own tag is not enough, and one three commits back needs a single step.
	if err := c.Tags(t.Context(), "new-*", "HEAD"); err != nil {
		t.Fatal(err)
	}
	if got := git(t, shallow, "rev-parse", "new-0"); got != id("main~3") {
		t.Errorf("new-0 is %s", got)
	}
	git(t, shallow, "merge-base", "--is-ancestor", "new-0", "HEAD")
	if n := git(t, shallow, "rev-list", "--count", "HEAD"); len(n) > 2 {
		t.Errorf("%s commits are fetched", n)
	}
	if err := c.Tags(t.Context(), "old-[0-9]", "HEAD"); err != nil {
		t.Fatal(err)
	}
	git(t, shallow, "merge-base", "--is-ancestor", "old-1", "HEAD")
	if err := c.Tags(t.Context(), "deploy/production", "HEAD"); err != nil {
		t.Fatal(err)
	}
	if got := git(t, shallow, "rev-parse", "origin/deploy/production"); got != id("main~2") {
		t.Errorf("the branch is %s", got)
	}
	if err := c.Tags(t.Context(), "nowhere-*", "HEAD"); err != nil {
		t.Errorf("tags that are not there: %v", err)
	}
	if err := c.Tags(t.Context(), "nowhere", "HEAD"); err == nil {
		t.Error("a tag that is not there is found")
	}
	if name, err := c.DefaultBranch(t.Context()); name != "main" || err != nil {
		t.Errorf("default branch %q, %v", name, err)
	}
}
