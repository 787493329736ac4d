package incident

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pmcheck/pmcheck/checks/deploy"
	"github.com/pmcheck/pmcheck/checks/facts"
	"github.com/pmcheck/pmcheck/checks/report"
)

func environment(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func TestFromEnvironment(t *testing.T) {
	circleci := []string{"CIRCLECI", "true", "CIRCLE_BUILD_URL", "https://circleci.com/gh/acme/orders/1234", "CIRCLE_JOB", "deploy", "CIRCLE_SHA1", "4f2c1e0d9b", "CIRCLE_BRANCH", "main",
		"CIRCLE_PROJECT_REPONAME", "orders", "CIRCLE_WORKFLOW_ID", "7aef-1"}
	want := Deploy{Service: "orders", BuildURL: "https://circleci.com/gh/acme/orders/1234", WorkflowURL: "https://app.circleci.com/pipelines/workflows/7aef-1", Job: "deploy", Commit: "4f2c1e0d9b", Ref: "main"}
	with := func(repository string) Deploy { d := want; d.Repository = repository; return d }
	github := Deploy{Service: "orders", Job: "deploy", Commit: "4f2c1e0d9b", Ref: "v1.2", Repository: "https://github.com/acme/orders", BuildURL: "https://github.com/acme/orders/actions/runs/99"}
	for name, c := range map[string]struct {
		env  []string
		want Deploy
	}{
		"elsewhere":    {nil, Deploy{}},
		"circleci app": {circleci, want},
		"ssh":          {append(circleci, "CIRCLE_REPOSITORY_URL", "git@github.com:acme/orders.git"), with("https://github.com/acme/orders")},
		"https":        {append(circleci, "CIRCLE_REPOSITORY_URL", "https://x:token@github.com/acme/orders"), with("https://github.com/acme/orders")},
		"pull request": {append(circleci, "CIRCLE_PULL_REQUEST", "https://github.com/acme/orders/pull/12"), with("https://github.com/acme/orders")},
		"nonsense":     {append(circleci, "CIRCLE_REPOSITORY_URL", "javascript:alert(1)"), want},
		"github": {[]string{"GITHUB_ACTIONS", "true", "GITHUB_JOB", "deploy", "GITHUB_SHA", "4f2c1e0d9b", "GITHUB_REF_NAME", "v1.2", "GITHUB_REPOSITORY", "acme/orders",
			"GITHUB_SERVER_URL", "https://github.com", "GITHUB_RUN_ID", "99"}, github},
	} {
		if got := FromEnvironment(environment(c.env...)); fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

// written are the files that pmcheck writes, read here: their forms are those of the packages that write them.
func written(t *testing.T, d *Deploy) {
	t.Helper()
	r := &report.Result{Verdict: report.Fail, Change: facts.Change{Stage: "pre-deploy", Base: "aaaa", Head: "bbbb", MoreLanded: true, Landed: []facts.Landed{
		{Commit: "1111111111111111", Label: "111111111", Title: "Say hello", Brings: []string{"code"}},
		{Commit: "2222222222222222", Label: "#12", PullRequest: 12, Title: "Drop <!channel> the legacy name", Brings: []string{"migration"}},
	}}}
	r.Findings = []report.Finding{
		{Rule: "varchar-limit", Severity: "info", Message: "small"},
		{Rule: "old-code-breaks", Severity: "error", Message: `ByID: column "legacy_name" does not exist`, Location: facts.Place{Path: "store/users.go", Line: 42},
			CausedBy: []facts.Place{{Path: "db/migrations/0002_drop.up.sql", Line: 1}}, ActionItems: []report.ActionItem{{Postmortem: "PM-2026-001", ID: "AI-1"}}},
		{Rule: "truncates", Severity: "error", Message: "hidden", Suppressed: true},
	}
	var text bytes.Buffer
	if err := report.JSON(&text, r); err != nil {
		t.Fatal(err)
	}
	gate := fmt.Sprintf(`{"kind": "gate", "verdict": %q, "reason": "error-rate: Failed: failed (2) > failureLimit (1)"}`, deploy.Failed)
	for name, content := range map[string]string{"pmcheck.json": text.String(), "gate.json": gate} {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := d.ReadReport(file); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMessage(t *testing.T) {
	d := FromEnvironment(environment("CIRCLECI", "true", "CIRCLE_BUILD_URL", "https://circleci.com/gh/acme/orders/1234", "CIRCLE_JOB", "deploy", "CIRCLE_SHA1", "4f2c1e0d9b4f2c1e", "CIRCLE_BRANCH", "main",
		"CIRCLE_PROJECT_REPONAME", "orders", "CIRCLE_REPOSITORY_URL", "git@github.com:acme/orders.git", "CIRCLE_WORKFLOW_ID", "7aef"))
	d.Environment = "production"
	written(t, &d)
	want := `:x: *The deploy failed*: orders to production
errors at 25%
commit <https://github.com/acme/orders/commit/4f2c1e0d9b4f2c1e|4f2c1e0d9> · main · <https://circleci.com/gh/acme/orders/1234|job deploy> · <https://app.circleci.com/pipelines/workflows/7aef|workflow>
deploy gate: *failed*, error-rate: Failed: failed (2) &gt; failureLimit (1)
*Goes out*: 1 pull request, 1 commit, and more that is not listed
• <https://github.com/acme/orders/pull/12|#12> Drop &lt;!channel&gt; the legacy name (*migration*)
• <https://github.com/acme/orders/commit/1111111111111111|111111111> Say hello
*pmcheck*: fail, 1 error, 1 info
• error *old-code-breaks*: ByID: column "legacy_name" does not exist (store/users.go:42) PM-2026-001/AI-1
• info *varchar-limit*: small
Migrations behind it: db/migrations/0002_drop.up.sql`
	if got := d.Message(Failed, "errors at 25%"); got != want {
		t.Errorf("\n%s\nwant\n%s", got, want)
	}
	plain := Deploy{}
	if got := plain.Message(RolledBack, ""); got != ":rewind: *Rolled back*" {
		t.Errorf("%q", got)
	}
}

func TestLongMessage(t *testing.T) {
	var d Deploy
	for range 20 {
		d.records = append(d.records, record{"gate", "failed", strings.Repeat("<x> ", 200)})
	}
	got := d.Message(Failed, strings.Repeat("y", 1000))
	if n := len([]rune(got)); n > 4000 || !strings.HasSuffix(got, "\n…") {
		t.Errorf("%d characters, ends with %q", n, got[len(got)-20:])
	}
}

func TestRollbackRecord(t *testing.T) {
	var d Deploy
	if err := d.read([]byte(`{"version":1,"outcome":"rolled-back","why":"the pipeline succeeded","to":{"name":"v1.2","commit":"4f2c"}}`)); err != nil {
		t.Fatal(err)
	}
	if got := d.Details(); len(got) != 1 || got[0] != "deploy rollback: *rolled-back*, to v1.2, the pipeline succeeded" {
		t.Errorf("%q", got)
	}
}

func TestReadReport(t *testing.T) {
	for _, text := range []string{"", "[]", "{}", `{"version":2,"verdict":"fail"}`, `{"verdict":"fail"}`, `{"kind":"gate"}`, `{"version":1,"verdict":"fail","findings":7}`, "findings: []"} {
		var d Deploy
		if err := d.read([]byte(text)); err == nil || len(d.Details()) > 0 {
			t.Errorf("%q: %v, %q", text, err, d.Details())
		}
	}
	var d Deploy
	if err := d.ReadReport(t.TempDir()); err == nil {
		t.Error("a folder is a report")
	}
	if err := (&Deploy{BuildURL: "javascript:alert(1)"}).Check(); err == nil {
		t.Error("javascript: is an address of a job")
	}
}
