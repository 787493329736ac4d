package githubapp_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A pull request that leaves its base where a rule was off is judged by what the base says now.
func TestTheTipOfTheBaseDecides(t *testing.T) {
	s := newScene(t, nil)
	s.repo.Commit("main", map[string]string{".pmcheck.yml": "version: 1\nrules:\n  old-code-breaks: {severity: off}\n  drop-without-evidence: {severity: off}\n"})
	s.repo.Branch("old", "main")
	s.repo.Commit("main", map[string]string{".pmcheck.yml": ""})
	s.repo.Commit("old", after())
	run := s.one(s.repo, s.repo.OpenPull("old", "main", "From long ago").Head(), "failure")
	if !strings.Contains(run.Summary, "configuration, own rules and post-mortems are those of") {
		t.Errorf("the report does not say whose configuration decided:\n%s", run.Summary)
	}

	// Where nothing that decides has changed, it says nothing.
	s.repo.Branch("young", "main")
	s.repo.Commit("main", map[string]string{"README": "more\n"})
	s.repo.Commit("young", after())
	run = s.one(s.repo, s.repo.OpenPull("young", "main", "From today").Head(), "failure")
	if strings.Contains(run.Summary, "are those of") {
		t.Errorf("the report speaks of what did not change:\n%s", run.Summary)
	}
}

// A pull request that switches off what a lesson stands on is told so, although the mirror does not reach as far back as the
// lesson's commit.
func TestALessonBeyondTheMirror(t *testing.T) {
	s := newScene(t, nil)
	s.repo.Branch("incident", "main")
	drop := s.repo.Commit("incident", after())
	s.repo.Git(nil, "update-ref", "refs/heads/main", drop)
	lesson := func(commit string) string {
		return "---\nid: PM-9\ntitle: Orders failed\ndate: 2026-03-03\nstatus: reviewed\nintroduced_by: " + commit +
			"\naction_items:\n  - {id: AI-1, action: Compare code and schema, status: done, enforced_by: [old-code-breaks]}\n---\n"
	}
	for i := range 70 { // the mirror is 64 commits deep
		s.repo.Commit("main", map[string]string{"README": fmt.Sprintf("%d\n", i)})
	}
	s.repo.Commit("main", map[string]string{"docs/postmortems/9.md": lesson(drop), "docs/postmortems/10.md": strings.Replace(lesson(strings.Repeat("1", 40)), "PM-9", "PM-10", 1)})
	off := map[string]string{".pmcheck.yml": "version: 1\nrules:\n  old-code-breaks: {severity: off}\n"}
	run := s.one(s.repo, s.change("off", off).Head(), "failure")
	for _, want := range []string{"not replayed by the rules of this change: PM-10", "The lesson of PM-9 is not guarded any more"} {
		if !strings.Contains(run.Summary, want) {
			t.Errorf("it does not say %q:\n%s", want, run.Summary)
		}
	}
}

// A mirror that git cannot read is made anew for the next attempt.
func TestABrokenMirror(t *testing.T) {
	s := newScene(t, nil)
	s.one(s.repo, s.change("one", after()).Head(), "failure")
	s.idle()
	broken := 0
	err := filepath.WalkDir(s.config.Data, func(path string, entry os.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".pack") {
			broken++
			if err := os.Chmod(path, 0o600); err != nil {
				return err
			}
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for i := 12; i < len(content)-20; i++ {
				content[i] ^= 0x55
			}
			return os.WriteFile(path, content, 0o600)
		}
		return err
	})
	if err != nil || broken == 0 {
		t.Fatalf("no pack was broken: %v", err)
	}
	s.one(s.repo, s.change("two", after()).Head(), "failure")
}
