package report

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/pmcheck/pmcheck/checks/facts"
)

// deploy is a result of three pull requests that go out at once.
func deploy() *Result {
	f := oldCodeBreaks()
	r := change(f, missingLockTimeout())
	r.BaseName = baseCommit
	r.BaseNotes = []string{"a run of it with 5f0b0b3f1 (pipeline 1235) is underway"}
	drop := facts.Landed{Commit: "3f2c1e0d9b177c61ac5f0b0b3f1f0e3b3cde2d0e", Label: "#12", PullRequest: 12, Title: "Drop the legacy name", Brings: []string{"migration"}, Files: []string{"migrations/0003_drop.up.sql"}}
	code := facts.Landed{Commit: "5f0b0b3f1f0e3b3cde2d0e3f2c1e0d9b177c61ac", Label: "#14", PullRequest: 14, Title: "Read names from profiles", Brings: []string{"code", "test"}, Files: []string{"internal/store/customers.go"}}
	other := facts.Landed{Commit: "aaaaaaaaaf0e3b3cde2d0e3f2c1e0d9b177c61ac", Label: "aaaaaaaaa", Title: "Fix a \x1b[31mtypo\u202e", Brings: []string{"document"}, Files: []string{"README.md"}}
	r.Change.Stage, r.Change.BaseSource = "pre-deploy", "circleci-job"
	r.Change.BaseReason = "the last successful run of job deploy on main, pipeline 1234 of 2026-11-30 14:05 UTC, https://app.circleci.com/pipelines/github/acme/orders/1234/workflows/b0"
	r.Change.Landed = []facts.Landed{other, code, drop}
	r.Findings[0].Landed = []facts.Landed{drop, code}
	r.Findings[1].Landed = []facts.Landed{drop}
	return r
}

func TestFailureReason(t *testing.T) {
	const want = `pmcheck: old-code-breaks: `
	got := FailureReason(deploy())
	if !strings.HasPrefix(got, want) || !strings.Contains(got, "(#12, migrations/0003_drop.up.sql") || !strings.Contains(got, "; PM-2026-001/AI-1: Add DB migration check to CI pipeline") {
		t.Errorf("got %s", got)
	}
	if got := FailureReason(change(missingLockTimeout())); got != "" {
		t.Errorf("of a check that passes: %q", got)
	}
	undone := change()
	undone.Verdict, undone.Problems = Undone, []string{"rule x: out of\ntime"}
	if got := FailureReason(undone); got != "pmcheck: the check could not be done: rule x: out of time" {
		t.Errorf("of a check that is not complete: %q", got)
	}
	for _, r := range []*Result{hostile(), thousand(), deploy()} {
		r.FailOn = "info"
		if got := FailureReason(r); wide(got) > maxReason || strings.ContainsAny(got, "\n\r\x1b") {
			t.Errorf("%d characters: %q", wide(got), got)
		}
	}
}

// TestShellAssignment has a shell read what a pull request's author may have chosen.
func TestShellAssignment(t *testing.T) {
	for _, value := range []string{
		"", "plain", "it's", "'", "''", `\'`, "$(touch ran)", "`touch ran`", "${HOME}", `"; touch ran; "`, "'; touch ran; '", "a'$(touch ran)'b", `!!`, "#12", "*", "~", "\\", "\xff",
	} {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", ShellAssignment("FAILURE_REASON", value)+`printf %s "$FAILURE_REASON"`).Output()
		if err != nil || string(out) != value {
			t.Errorf("%q came out as %q, %v", value, out, err)
		}
	}
}
