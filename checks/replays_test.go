package checks_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/pmcheck/pmcheck/checks"
	"github.com/pmcheck/pmcheck/checks/example"
)

// pastIncident is a repository in which a migration dropped a column that the code still read, two commits ago; since then
// there is a post-mortem about it. {{...}} are replaced.
const pastIncident = `
-- base/app/orders.go --
package app

const get = "SELECT id, note FROM orders"
-- base/db/migrations/0001_orders.up.sql --
CREATE TABLE orders (id bigint PRIMARY KEY, note text);
-- base/db/migrations/0001_orders.down.sql --
DROP TABLE orders;
-- head/app/orders.go --
package app

const get = "SELECT id FROM orders"
-- head/db/migrations/0002_note.up.sql --
ALTER TABLE orders DROP COLUMN note;
-- head/db/migrations/0002_note.down.sql --
ALTER TABLE orders ADD COLUMN note text;
`

const lessonOfIt = `---
id: PM-1
title: Orders failed
date: 2026-03-03
status: closed
severity: SEV-2
introduced_by: the-drop
action_items:
  - id: AI-1
    action: Compare code and schema
    status: done
    enforced_by: [old-code-breaks]
---
`

const ownRule = `# METADATA
# title: The note stays
# description: The note of an order is kept.
# custom:
#   severity: error
#   on: [drop_column]
#   action_items: [PM-1/AI-1]
# schemas:
#   - input: schema.facts
package pmcheck.rules["note-stays"]

import data.pmcheck.lib.finding

findings contains finding.on(statement, "The note stays", "Keep it.") if {
	some migration in input.migrations
	some statement in migration.statements
	statement.column == "note"
}
`

// past is the repository of pastIncident. before, by path, is committed on main, and after, an empty text for a file
// that is deleted, as the pull request; it gives the folder.
func past(t *testing.T, before, after map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	if _, err := example.Write(t.Context(), txtar.Parse([]byte(pastIncident)), dir); err != nil {
		t.Fatal(err)
	}
	git := func(args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir, "-c", "user.name=pmcheck", "-c", "user.email=pmcheck@example.com"}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v\n%s", args, err, out)
		}
	}
	write := func(files map[string]string) {
		t.Helper()
		for path, text := range files {
			path = filepath.Join(dir, filepath.FromSlash(path))
			if text == "" {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
				continue
			}
			if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		git("add", "-A", "-f", ".")
		git("commit", "-q", "--allow-empty", "-m", "A change")
	}
	git("checkout", "-q", "main")
	git("merge", "-q", "--no-ff", "-m", "Drop the note", "change")
	git("tag", "the-drop")
	write(before)
	git("checkout", "-q", "-B", "change")
	write(after)
	return dir
}

const lessonPath = "docs/postmortems/1.md"

// guardrails are the findings of guardrail-removed, sorted by place, and then what was not replayed.
func guardrails(t *testing.T, dir string) []string {
	t.Helper()
	r, err := checks.Check(t.Context(), checks.Options{Repo: dir, Base: "main", Head: "change", Now: now})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range r.Findings {
		if f.Rule == "guardrail-removed" {
			causes := ""
			for _, p := range f.CausedBy {
				causes += " <- " + p.Path
			}
			out = append(out, fmt.Sprintf("%s %s:%d%s %s", f.Severity, f.Location.Path, f.Location.Line, causes, f.Message))
		}
	}
	return append(append(out, r.BaseNotes...), r.Problems...)
}

func TestReplaysThatStopCatching(t *testing.T) {
	const off = "version: 1\nrules:\n  old-code-breaks: {severity: off}\n"
	withoutLink := strings.Replace(lessonOfIt, "enforced_by: [old-code-breaks]", "", 1)
	for name, c := range map[string]struct {
		before, after map[string]string
		want          []string
	}{
		"the rule is switched off": {
			map[string]string{lessonPath: lessonOfIt}, map[string]string{".pmcheck.yml": off},
			[]string{
				"error .pmcheck.yml:3 The rule old-code-breaks is switched off, which enforces PM-1/AI-1 (Compare code and schema)",
				"error docs/postmortems/1.md:2 <- .pmcheck.yml The lesson of PM-1 is not guarded any more: the change behind it (the-drop) was caught by old-code-breaks, which is switched off now",
			},
		},
		"the configuration no longer looks at the code": {
			map[string]string{lessonPath: lessonOfIt},
			map[string]string{".pmcheck.yml": "version: 1\ndatabases:\n  - migrations: db/migrations\n    code: [elsewhere]\n"},
			[]string{
				"error docs/postmortems/1.md:2 <- .pmcheck.yml The lesson of PM-1 is not guarded any more: the change behind it (the-drop) was caught by old-code-breaks, which finds nothing there now",
			},
		},
		"deploy.order makes it harmless": {
			map[string]string{lessonPath: lessonOfIt},
			map[string]string{".pmcheck.yml": "version: 1\ndeploy: {order: code-first}\n"},
			[]string{
				"error docs/postmortems/1.md:2 <- .pmcheck.yml The lesson of PM-1 is not guarded any more: the change behind it (the-drop) was caught by old-code-breaks, which does not fail the check now",
			},
		},
		"another rule of the same item still catches it": {
			map[string]string{lessonPath: lessonOfIt, ".pmcheck/policies/note-stays/rule.rego": ownRule}, map[string]string{".pmcheck.yml": off},
			[]string{"error .pmcheck.yml:3 The rule old-code-breaks is switched off, which enforces PM-1/AI-1 (Compare code and schema)"},
		},
		"an own rule is edited, and an unrelated one catches it": {
			map[string]string{lessonPath: withoutLink, ".pmcheck/policies/note-stays/rule.rego": ownRule},
			map[string]string{".pmcheck/policies/note-stays/rule.rego": strings.Replace(ownRule, `== "note"`, `== "notes"`, 1)},
			[]string{
				"error docs/postmortems/1.md:2 <- .pmcheck/policies/note-stays/rule.rego The lesson of PM-1 is not guarded any more: the change behind it (the-drop) was caught by note-stays, which finds nothing there now; old-code-breaks still catches it, and no action item names that rule",
			},
		},
		"an own rule that cannot be asked guards nothing": {
			map[string]string{lessonPath: withoutLink, ".pmcheck/policies/note-stays/rule.rego": ownRule},
			map[string]string{".pmcheck/policies/note-stays/rule.rego": strings.Replace(ownRule, "import data.pmcheck.lib.finding", "import data.pmcheck.lib.nothing", 1)},
			[]string{
				"error docs/postmortems/1.md:2 <- .pmcheck/policies/note-stays/rule.rego The lesson of PM-1 is not guarded any more: the change behind it (the-drop) was caught by note-stays, which cannot be asked about it now; old-code-breaks still catches it, and no action item names that rule",
			},
		},
		"introduced_by is taken out": {
			map[string]string{lessonPath: lessonOfIt}, map[string]string{lessonPath: strings.Replace(lessonOfIt, "introduced_by: the-drop\n", "", 1)},
			[]string{"error docs/postmortems/1.md:2 The post-mortem PM-1 no longer says which commit introduced what it is about (introduced_by: the-drop), so its lesson is not replayed any more"},
		},
		"introduced_by names a commit that is not here": {
			map[string]string{lessonPath: lessonOfIt}, map[string]string{lessonPath: strings.Replace(lessonOfIt, "the-drop", "elsewhere", 1)},
			[]string{"error docs/postmortems/1.md:2 The lesson of PM-1 is not guarded any more: the change behind it (the-drop) was caught by old-code-breaks, which cannot be asked about it now; introduced_by names elsewhere now, and that cannot be replayed"},
		},
		"introduced_by names a harmless commit": {
			map[string]string{lessonPath: lessonOfIt}, map[string]string{lessonPath: strings.Replace(lessonOfIt, "the-drop", "main", 1)},
			[]string{"error docs/postmortems/1.md:2 The lesson of PM-1 is not guarded any more: the change behind it (the-drop) was caught by old-code-breaks, which finds nothing there now"},
		},
		"introduced_by is written otherwise": {
			map[string]string{lessonPath: lessonOfIt}, map[string]string{lessonPath: strings.Replace(lessonOfIt, "the-drop", "the-drop^0", 1)},
			nil,
		},
		"the document is deleted": {
			map[string]string{lessonPath: lessonOfIt}, map[string]string{lessonPath: ""},
			[]string{"error docs/postmortems/1.md:2 The post-mortem PM-1 is deleted"},
		},
		"the commit is not here": {
			map[string]string{lessonPath: strings.Replace(lessonOfIt, "the-drop", "elsewhere", 1)},
			map[string]string{".pmcheck.yml": "version: 1\ndeploy: {order: code-first}\n"},
			[]string{`not replayed by the rules of this change: PM-1: unknown revision: "elsewhere" is not in the repository: look at its spelling`},
		},
		"what nothing caught before is no loss": {
			map[string]string{lessonPath: lessonOfIt, ".pmcheck.yml": off}, map[string]string{".pmcheck.yml": off + "  varchar-limit: {severity: info}\n"},
			nil,
		},
		"nothing that decides is touched": {
			map[string]string{lessonPath: strings.Replace(lessonOfIt, "the-drop", "elsewhere", 1)}, map[string]string{"app/other.go": "package app\n"},
			nil,
		},
		"overrides are loosened": {
			map[string]string{lessonPath: lessonOfIt, ".pmcheck.yml": "version: 1\noverrides:\n  permission: admin\n  never: [old-code-breaks, varchar-limit]\n"},
			map[string]string{".pmcheck.yml": "version: 1\n\noverrides:\n  permission: write\n"},
			[]string{
				"error .pmcheck.yml:4 Findings may be overridden with the permission write, and only with admin before",
				"error .pmcheck.yml:4 The rule old-code-breaks may be overridden, which enforces PM-1/AI-1 (Compare code and schema)",
				"warning .pmcheck.yml:4 The rule varchar-limit may be overridden",
			},
		},
		"overrides are tightened": {
			map[string]string{lessonPath: lessonOfIt},
			map[string]string{".pmcheck.yml": "version: 1\noverrides: {permission: admin, never: [old-code-breaks]}\n"},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, guardrails(t, past(t, c.before, c.after))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// What decides is the base's, also where another revision is trusted and has other rules.
func TestReplaysCompareWithTheBase(t *testing.T) {
	dir := past(t, map[string]string{lessonPath: lessonOfIt}, map[string]string{".pmcheck.yml": "version: 1\nfail_on: error\n"})
	for _, args := range [][]string{
		{"checkout", "-q", "main"}, {"rm", "-q", lessonPath}, {"-c", "user.name=pmcheck", "-c", "user.email=pmcheck@example.com", "commit", "-q", "-m", "Later"},
	} {
		if out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v\n%s", args, err, out)
		}
	}
	r, err := checks.Check(t.Context(), checks.Options{Repo: dir, Base: "main", Head: "change", Trusted: "main", Now: now})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Findings) > 0 || len(r.BaseNotes) > 0 {
		t.Errorf("findings %v, notes %v; the head changes nothing that counts", r.Findings, r.BaseNotes)
	}
}

func TestReplaysAreBounded(t *testing.T) {
	before := map[string]string{}
	for i := range 33 {
		text := strings.NewReplacer("PM-1", fmt.Sprintf("PM-%d", i), "2026-03-03", fmt.Sprintf("2026-03-%02d", 1+i%28), "the-drop", "elsewhere").Replace(lessonOfIt)
		before[fmt.Sprintf("docs/postmortems/%d.md", i)] = text
	}
	dir := past(t, before, map[string]string{".pmcheck.yml": "version: 1\n"})
	got := guardrails(t, dir)
	if len(got) != 31 || !strings.Contains(got[0], "a check replays 30 post-mortems at most") {
		t.Errorf("%d notes: %q", len(got), got)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := checks.Check(ctx, checks.Options{Repo: dir, Base: "main", Head: "change", Now: now}); err == nil {
		t.Error("a check that was cancelled passes")
	}
}
