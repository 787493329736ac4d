//go:build linux

package child

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/pmcheck/pmcheck/checks/example"
	"github.com/pmcheck/pmcheck/checks/facts"
	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

var now = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// bare makes a bare repository of an archive, as package example has it.
func bare(t testing.TB, archive string) string {
	t.Helper()
	dir := t.TempDir()
	if _, err := example.Write(context.Background(), txtar.Parse([]byte(archive)), dir); err != nil {
		t.Fatal(err)
	}
	return bareOf(t, dir)
}

func bareOf(t testing.TB, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "mirror.git")
	git(t, ".", "", "clone", "-q", "--bare", dir, to)
	git(t, to, "", "remote", "remove", "origin")
	return to
}

// git runs git in a folder, with its input, and gives what it prints.
func git(t testing.TB, dir, input string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader(input)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=pmcheck", "GIT_AUTHOR_EMAIL=pmcheck@example.com", "GIT_AUTHOR_DATE=2026-11-20T09:00:00Z",
		"GIT_COMMITTER_NAME=pmcheck", "GIT_COMMITTER_EMAIL=pmcheck@example.com", "GIT_COMMITTER_DATE=2026-11-20T09:00:00Z")
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git %s: %v: %s", args[0], err, errs.String())
	}
	return strings.TrimSpace(string(out))
}

func self(t testing.TB) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return exe
}

// ask judges the archive's pull request.
func ask(t testing.TB, repo string, change func(*Request)) (Answer, error) {
	t.Helper()
	r := Request{
		Repo: repo, Base: "main", Head: "change", Number: 7, Title: "Drop a column", Now: now,
		Repository: "acme/orders", Address: "https://github.com/acme/orders", DetailsURL: "https://pmcheck.example.com/r/acme/orders/7",
	}
	if change != nil {
		change(&r)
	}
	return Run(t.Context(), self(t), Limits{}, r)
}

func judged(t testing.TB, repo string, change func(*Request)) Answer {
	t.Helper()
	a, err := ask(t, repo, change)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestRun(t *testing.T) {
	dir := t.TempDir()
	if _, err := example.Write(context.Background(), example.Incident(), dir); err != nil {
		t.Fatal(err)
	}
	a := judged(t, bareOf(t, dir), nil)
	if a.Verdict != "fail" || a.Problem != "" || a.Findings["old-code-breaks"] == 0 || !strings.Contains(a.Title, " error") {
		t.Errorf("verdict %s, %q, %v, title %q", a.Verdict, a.Problem, a.Findings, a.Title)
	}
	for _, want := range []string{"BREAKS", "https://github.com/acme/orders/blob/", "(https://pmcheck.example.com/r/acme/orders/7)", "PM-2026-001/AI-1"} {
		if !strings.Contains(a.Summary, want) {
			t.Errorf("the summary lacks %q:\n%s", want, a.Summary)
		}
	}
	if len(a.Annotations) == 0 {
		t.Error("there are no annotations")
	}
	for _, n := range a.Annotations {
		if !strings.HasPrefix(n.Path, "migrations/") || n.StartLine < 1 || n.EndLine < n.StartLine || n.Level == "" || n.Message == "" || n.Title == "" {
			t.Errorf("annotation %+v", n)
		}
	}
	var document struct {
		Verdict  string
		Findings []struct{ Rule string }
	}
	if err := json.Unmarshal(a.JSON, &document); err != nil || document.Verdict != "fail" || len(document.Findings) == 0 {
		t.Errorf("JSON: %v, %+v", err, document)
	}
	if !strings.Contains(string(a.HTML), "<!DOCTYPE html>") {
		t.Errorf("HTML: %.200s", a.HTML)
	}
	if len(a.Items) != 1 || a.Items[0].Postmortem != "PM-2026-001" || a.Items[0].Findings == 0 || len(a.Items[0].Rules) == 0 {
		t.Errorf("items %+v", a.Items)
	}
	var documents []facts.Postmortem
	if err := json.Unmarshal(a.Postmortems, &documents); err != nil || len(documents) != 1 || documents[0].ID != "PM-2026-001" {
		t.Errorf("post-mortems %s: %v", a.Postmortems, err)
	}
	if a.Permission != "maintain" || len(a.Never) != 0 {
		t.Errorf("permission %q, never %v", a.Permission, a.Never)
	}
}

const users = "-- base/m/0001_users.up.sql --\nCREATE TABLE users (id bigint PRIMARY KEY, email text);\n"

func TestNoSchemaChange(t *testing.T) {
	a := judged(t, bare(t, users+"-- head/README --\nhello\n-- base/docs/postmortems/1.md --\n---\nid: PM-1\ntitle: t\n---\n"), nil)
	if !strings.Contains(string(a.Postmortems), `"PM-1"`) {
		t.Errorf("post-mortems: %s", a.Postmortems)
	}
	if a.Verdict != NoSchemaChange || a.Title != "No schema change" || len(a.Annotations) != 0 {
		t.Errorf("%s %q %v", a.Verdict, a.Title, a.Annotations)
	}
}

func TestProblem(t *testing.T) {
	a := judged(t, bare(t, users+"-- base/.pmcheck.yml --\nversion: 1\nfail_onn: error\n-- head/m/0002_drop.up.sql --\nTRUNCATE users;\n"), nil)
	if a.Verdict != "error" || !strings.Contains(a.Problem, "fail_onn") || !strings.Contains(a.Summary, "fail_onn") || !strings.Contains(a.Title, "Could not check") {
		t.Errorf("%+v", a)
	}
	repo := bare(t, users+"-- head/m/0002_drop.up.sql --\nTRUNCATE users;\n")
	a = judged(t, repo, func(r *Request) { r.Trusted = "nowhere" })
	if !strings.Contains(a.Problem, `"nowhere" is not in the repository`) {
		t.Errorf("%+v", a)
	}
	if _, err := ask(t, filepath.Join(repo, "absent"), nil); !errors.Is(err, ErrUndone) {
		t.Errorf("a repository that is not there: %v", err)
	}
}

func TestOverrides(t *testing.T) {
	repo := bare(t, users+"-- base/.pmcheck.yml --\nversion: 1\noverrides: {permission: admin, never: [drops-data]}\n"+
		"-- head/m/0002_drop.up.sql --\nTRUNCATE users;\nALTER TABLE users DROP COLUMN email;\n-- head/m/0002_drop.down.sql --\n\n")
	before := judged(t, repo, nil)
	if before.Verdict != "fail" || before.Findings["truncates"] != 1 || before.Permission != "admin" || fmt.Sprint(before.Never) != "[drops-data]" {
		t.Fatalf("%s %v %s %v", before.Verdict, before.Findings, before.Permission, before.Never)
	}
	at := time.Date(2026, 11, 30, 9, 30, 0, 0, time.UTC)
	a := judged(t, repo, func(r *Request) {
		for _, rule := range []string{"truncates", "drops-data", "no-such-rule", "duplicate-version"} {
			r.Overrides = append(r.Overrides, job.Override{Rule: rule, Because: "it is\nempty", By: "ann", At: at, URL: "https://github.com/acme/orders/pull/7#issuecomment-1"})
		}
	})
	if a.Suppressed["truncates"] != 1 || a.Findings["truncates"] != 0 || a.Findings["drops-data"] == 0 {
		t.Errorf("findings %v, suppressed %v", a.Findings, a.Suppressed)
	}
	const reason = "overridden by @ann because it is empty, 2026-11-30 09:30 UTC"
	for _, want := range []string{reason, `"overridden": true`, `"by": "ann"`, "lets nobody override this rule", "there is no such rule", "has found nothing"} {
		if !strings.Contains(string(a.JSON), want) {
			t.Errorf("the JSON lacks %q", want)
		}
	}
	for _, want := range []string{reason, "lets nobody override this rule", "there is no such rule", "has found nothing"} {
		if !strings.Contains(string(a.HTML), want) {
			t.Errorf("the page lacks %q", want)
		}
		if want = strings.ReplaceAll(want, "@", "@&#8203;"); !strings.Contains(a.Summary, want) {
			t.Errorf("the summary lacks %q:\n%s", want, a.Summary)
		}
	}
}

// commitTree makes a commit of a tree, and calls it change.
func commitTree(t testing.TB, repo, parent, tree string) {
	t.Helper()
	git(t, repo, "", "update-ref", "refs/heads/change", git(t, repo, "", "commit-tree", "-p", parent, "-m", "attack", tree))
}

func blob(t testing.TB, repo, content string) string {
	t.Helper()
	return git(t, repo, content, "hash-object", "-w", "--stdin")
}
