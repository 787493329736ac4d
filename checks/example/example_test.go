package example

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

func TestWrite(t *testing.T) {
	archive := txtar.Parse([]byte("-- base/kept.txt --\nold\n-- base/gone.txt --\nx\n-- head/kept.txt --\nnew\n-- deleted/gone.txt --\n"))
	dir := t.TempDir()
	repo, err := Write(t.Context(), archive, dir)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadFile(filepath.Join(dir, "kept.txt"))
	if err != nil || string(kept) != "new\n" {
		t.Errorf("kept.txt holds %q (%v), want the head's text", kept, err)
	}
	out, err := exec.Command("git", "-C", dir, "diff", "--name-status", repo.Base, repo.Head).Output()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Fields(string(out)), "D gone.txt M kept.txt"; strings.Join(got, " ") != want {
		t.Errorf("the branches differ in %q, want %q", got, want)
	}
}

func TestWriteStaysInside(t *testing.T) {
	archive := txtar.Parse([]byte("-- base/../outside.txt --\nx\n"))
	if _, err := Write(t.Context(), archive, t.TempDir()); err == nil {
		t.Error("an archive's file outside of the repository was accepted")
	}
}

func TestIncidentHasSixActionItems(t *testing.T) {
	for _, f := range Incident().Files {
		if strings.HasPrefix(f.Name, "base/docs/postmortems/") {
			if n := strings.Count(string(f.Data), "- id: AI-"); n != 6 {
				t.Errorf("%s has %d action items, want 6", f.Name, n)
			}
			return
		}
	}
	t.Error("the incident has no post-mortem")
}
