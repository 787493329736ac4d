package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/pmcheck/pmcheck/checks/example"
)

// Nothing that a repository or an argument holds reaches the terminal as a command.
func TestPrintsNoEscapes(t *testing.T) {
	archive := txtar.Parse([]byte("-- base/.pmcheck/policies/evil/rule.rego --\n" + strings.ReplaceAll(`# METADATA
# title: "evil\e[2Jtitle"
# description: "evil\e[2Jtext\u202e"
# custom:
#   severity: error
#   on: [truncate]
# schemas:
#   - input: schema.facts
package pmcheck.rules["evil"]

import data.pmcheck.lib.finding

findings contains finding.on(statement, "evil\u001b[2J", "evil\u001b[2J") if {
	some migration in input.migrations
	some statement in migration.statements
	statement.kind == "truncate"
}
`, "\t", "  ") + "-- base/docs/postmortems/1.md --\n---\nid: PM-1\ntitle: \"t\\e[2J\"\naction_items:\n  - id: AI-1\n    action: \"a\\e[2J\"\n    enforced_by: [evil]\n---\n" +
		"-- base/m/0001_users.up.sql --\nCREATE TABLE users (id bigint);\n" +
		"-- head/m/0002_\x1b[2J.up.sql --\nTRUNCATE users; -- \x1b[2J\n"))
	repo, err := example.Write(context.Background(), archive, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"--repo", repo.Dir},
		{"--repo", repo.Dir, "--verbose"},
		{"--repo", repo.Dir, "--format", "json"},
		{"facts", "--repo", repo.Dir},
		{"rules", "--repo", repo.Dir},
		{"explain", "evil", "--repo", repo.Dir},
		{"lint", filepath.Join(repo.Dir, "m")},
		{"lint", "\x1b[2J.sql"},
		{"--base", "\x1b[2J", "--repo", repo.Dir},
		{"\x1b[2J"},
		{"--format", "\x1b[2J"},
		{"--\x1b[2J"},
		{"explain", "\x1b[2J"},
		{"policy", "new", "\x1b[2J"},
	} {
		var out, errs bytes.Buffer
		status := run(args, &out, &errs)
		if out.Len()+errs.Len() == 0 {
			t.Errorf("%q prints nothing and ends with %d", args, status)
		}
		for _, b := range out.String() + errs.String() {
			if b < 0x20 && b != '\n' {
				t.Errorf("%q prints %U:\n%s%s", args, b, out.String(), errs.String())
				break
			}
		}
	}
	var out, errs bytes.Buffer
	if status := run([]string{"--repo", repo.Dir}, &out, &errs); status != exitFail || !strings.Contains(out.String(), `evil\x1b[2J`) {
		t.Errorf("the check ends with %d, and the rule's text is not to be seen:\n%s%s", status, out.String(), errs.String())
	}
}
