package githubapp_test

import (
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
