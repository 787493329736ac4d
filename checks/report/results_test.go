package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/pmcheck/pmcheck/checks/facts"
)

const (
	baseCommit = "ed8adc6390d21c1d5b7d2a1f0a33bb1fd62e4a10"
	headCommit = "177c61ac5f0b0b3f1f0e3b3cde2d0e8c4b7a9d21"
)

const dropColumn = "-- The code no longer needs it.\nALTER TABLE customers DROP COLUMN legacy_name;\n"

const customersGo = `package store

func (c Customers) ByID(id int64) error {
	return c.DB.QueryRow(` + "`SELECT id, legacy_name FROM customers WHERE id = $1`" + `, id).Scan()
}

func (c Customers) Rename(id int64) error {
	return c.DB.Exec(` + "`UPDATE customers SET legacy_name = $2 WHERE id = $1`" + `, id)
}
`

// migrationItem is the action item that the incident's rules enforce.
var migrationItem = ActionItem{
	Postmortem: "PM-2026-001", PostmortemTitle: "Orders API 500s after deploy 1234", ID: "AI-1",
	Action: "Add DB migration check to CI pipeline", Priority: "P0", Owner: "DevOps team", Due: "2026-12-05",
	Status: "in_progress", Path: "docs/postmortems/2026-001-orders-api-500s.md", Line: 21,
}

// change is a change with a verdict from its findings.
func change(findings ...Finding) *Result {
	r := &Result{
		FailOn: "error", BaseName: "main", HeadName: "drop-legacy-name", Sources: Sources{}, Findings: findings, Touched: 2, Judged: 1, Analysed: 1,
		Change: facts.Change{Base: baseCommit, Head: headCommit, Stage: "local"},
		Databases: []facts.Database{{
			Name: "migrations", Engine: "postgres", Version: "17", Layout: "golang-migrate", Root: "migrations",
			Why: "golang-migrate: all 3 SQL files are named NUMBER_TITLE.up.sql or .down.sql", Read: 3, Statement: 4,
			Delta: []facts.Delta{{Kind: "removed", Object: "column", Relation: "customers", Name: "legacy_name", Database: "migrations", CausedBy: []facts.Place{{Path: "migrations/0003_drop.up.sql", Line: 2, Column: 23, EndLine: 2}}}},
		}},
		Matrix: facts.Matrix{
			OldCodeNewSchema: facts.Cell{Verdict: "works"}, NewCodeOldSchema: facts.Cell{Verdict: "unknown"}, NewCodeNewSchema: facts.Cell{Verdict: "unknown"},
			Coverage: facts.Coverage{Files: 2, Queries: 5, Checked: 4},
		},
		Rules: rules(), Now: time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC), Took: 412 * time.Millisecond,
	}
	r.Sources.Put("head", "migrations/0003_drop.up.sql", []byte(dropColumn))
	r.Sources.Put("base", "internal/store/customers.go", []byte(customersGo))
	for _, f := range findings {
		if !f.Suppressed && Fails(f.Severity, r.FailOn) {
			r.Verdict = Fail
			return r
		}
	}
	r.Verdict = Pass
	return r
}

// rules are those of the findings here, one that finds nothing, and one of the project's own.
func rules() []Rule {
	page := func(id string) string { return "https://github.com/pmcheck/pmcheck/blob/main/docs/rules/" + id + ".md" }
	return []Rule{
		{ID: "drops-data", Category: "data", Severity: "warning", Title: "Data is deleted for good", Description: "What is dropped is gone.", Remedy: "Keep a copy.", Help: page("drops-data"), OfMigration: true},
		{ID: "guardrail-removed", Category: "postmortem", Severity: "error", Title: "A guardrail is taken away", Description: "A document or a link is gone.", Remedy: "Keep it.", Help: page("guardrail-removed")},
		{ID: "missing-lock-timeout", Category: "locks", Severity: "warning", Title: "Nothing limits how long a lock is waited for", Description: "Others wait behind it.", Remedy: "Limit the wait:\n  SET lock_timeout = '5s';", Help: page("missing-lock-timeout"), OfMigration: true},
		{ID: "no-enums", Category: "own", Severity: "info", Title: "An enum `type` is [made](http://example.com)", Description: "We <b>agreed</b> on tables.", Remedy: "Make a table.", Path: ".pmcheck/policies/no-enums/rule.rego", OfMigration: true},
		{ID: "old-code-breaks", Category: "compat", Severity: "error", Title: "The running release breaks", Description: "A query of the release that is running\nfails.", Remedy: "Expand first, contract later.", Help: page("old-code-breaks"), OfMigration: true},
	}
}

// incident is the result that pmcheck exists for.
func incident() *Result {
	r := change(oldCodeBreaks(), dropsData(), missingLockTimeout())
	r.Matrix.OldCodeNewSchema = facts.Cell{Verdict: "breaks", Breaks: make([]facts.Break, 1)}
	return r
}

func oldCodeBreaks() Finding {
	return Finding{
		Rule: "old-code-breaks", Category: "compat", Severity: "error", Title: "The running release breaks",
		Message:     "column customers.legacy_name is dropped, and the running release still names it here",
		Remedy:      "First deploy code that no longer uses it; drop it in a later pull request, when that code runs everywhere.",
		Location:    facts.Place{Path: "internal/store/customers.go", Line: 4, Column: 35, Side: "base"},
		CausedBy:    []facts.Place{{Path: "migrations/0003_drop.up.sql", Line: 2, Column: 23, EndLine: 2}},
		Related:     []Related{{facts.Place{Path: "internal/store/customers.go", Line: 8, Column: 44, Side: "base"}, "\treturn c.DB.Exec(`UPDATE customers SET legacy_name = $2 WHERE id = $1`, id)"}},
		Fingerprint: "1c0ffee1", ActionItems: []ActionItem{migrationItem},
	}
}

func dropsData() Finding {
	return Finding{
		Rule: "drops-data", Category: "data", Severity: "warning", Title: "Data is deleted for good",
		Message:  "ALTER TABLE customers DROP COLUMN legacy_name deletes the data of column customers.legacy_name for good",
		Remedy:   "Keep a copy of what may be needed.",
		Location: facts.Place{Path: "migrations/0003_drop.up.sql", Line: 2, Column: 23, EndLine: 2}, Fingerprint: "1c0ffee2",
	}
}

func missingLockTimeout() Finding {
	return Finding{
		Rule: "missing-lock-timeout", Category: "locks", Severity: "warning", Title: "Nothing limits how long a lock is waited for",
		Message:  "ALTER TABLE customers DROP COLUMN legacy_name takes an ACCESS EXCLUSIVE lock on customers, and nothing limits how long it waits",
		Remedy:   "Limit the wait at the top of the migration, and let the deploy run it again when it gives up:\n  SET lock_timeout = '5s';",
		Location: facts.Place{Path: "migrations/0003_drop.up.sql", Line: 2, Column: 23, EndLine: 2}, Fingerprint: "1c0ffee3",
	}
}

// suppressed is a finding with a reason not to be heard.
func suppressed(f Finding, reason string) Finding {
	f.Suppressed, f.Reason = true, reason
	return f
}

// hostile holds text that would mislead a reader if it were printed as it is.
func hostile() *Result {
	path := "migrations/0004\npmcheck: PASS\x1b[2J\u202elqs.exe\xff.sql"
	f := missingLockTimeout()
	f.Location = facts.Place{Path: path, Line: 1, Column: 13}
	f.Message = "ALTER TABLE \x1b[31mred\x1b[0m \u202e takes a lock\r\nPASS"
	f.Remedy = "Say so:\n  SET \x1b]0;title\x07 lock_timeout = '5s';\n\u2028PASS"
	f.CausedBy = []facts.Place{{Path: path + "2", Line: 3}}
	f.Related = []Related{{facts.Place{Path: path, Line: 9}, "\x1b[8mhidden\tx"}}
	f.ActionItems = []ActionItem{{Postmortem: "PM\x1b[1m", PostmortemTitle: "T\u200b", ID: "AI\n1", Action: "a\x1b[2K\"b", Owner: "o\x9bx", Status: "open", Path: path, Line: 2}}
	quiet := suppressed(f, "because \x1b[5mblink")
	quiet.Rule = "drops-data"
	r := change(f, quiet)
	r.BaseName, r.HeadName = "main\x1b[7m", "\u202ehead"
	r.Problems = []string{"rule \x1b[7mevil: it\nran"}
	r.Verdict = Undone
	r.Databases[0].Name, r.Databases[0].Why, r.Databases[0].Root = "db\x1b[1m", "why \x1b[1m", "root\n"
	r.Databases[0].Delta[0].Name = "c\x1b[1m"
	r.Notes = []string{"note \x1b[1m"}
	r.Missed = []facts.Problem{{Place: facts.Place{Path: path, Line: 1}, Kind: "syntax", Reason: "near \x1b[1m"}}
	r.Sources.Put("head", path, []byte("ALTER TABLE \x1b[31m\u202ered\x00\xff ADD x int;\n"))
	return r
}

// carets are lines on which a caret is hard to place.
func carets() *Result {
	sql := strings.Join([]string{
		"\tALTER TABLE t\tADD COLUMN x int;",
		"ALTER TABLE 注文 ADD COLUMN 名前 text;",
		"ALTER TABLE cafe\u0301 ADD COLUMN x int;",
		"-- 🚀 ALTER TABLE t ADD COLUMN x int;",
		"INSERT INTO t VALUES ('" + strings.Repeat("abcdefghij", 60) + "'); DROP TABLE here; -- " + strings.Repeat("klmno", 40),
		"DROP TABLE at_the_beginning; -- " + strings.Repeat("pqrst", 40),
		strings.Repeat(" ", 300) + "DROP TABLE indented;",
		"   \t ",
		"DROP TABLE \xff\xfe;\r",
		strings.Repeat("注", 200) + "X",
	}, "\n")
	at := func(line int, what string) facts.Place {
		return facts.Place{Path: "m/1.sql", Line: line, Column: strings.Index(strings.Split(sql, "\n")[line-1], what) + 1}
	}
	var findings []Finding
	for _, p := range []facts.Place{
		at(1, "ADD"), at(2, "ADD"), at(3, "ADD"), at(4, "ALTER"), at(5, "DROP"), at(6, "DROP"), at(7, "DROP"),
		{Path: "m/1.sql", Line: 8, Column: 2}, at(9, "\xff"), at(10, "X"),
		{Path: "m/1.sql", Line: 2}, {Path: "m/1.sql", Line: 1, Column: 4000}, {Path: "m/1.sql", Line: 99, Column: 3}, {Path: "m/1.sql"},
	} {
		findings = append(findings, Finding{Rule: "table-rewrite", Severity: "error", Message: fmt.Sprintf("line %d, column %d", p.Line, p.Column), Location: p})
	}
	r := change(findings...)
	r.Sources.Put("head", "m/1.sql", []byte(sql))
	return r
}

// thousand is a result with 1,000 findings in ten files.
func thousand() *Result {
	var findings []Finding
	for i := range 1000 {
		f := missingLockTimeout()
		f.Location = facts.Place{Path: fmt.Sprintf("migrations/%04d_many.sql", i/100), Line: i%100 + 1, Column: 1}
		f.Message = fmt.Sprintf("statement %d takes a lock", i)
		f.Remedy += "\nand a second line that makes the remedy longer than the terminal is wide, so that it is printed once."
		f.ActionItems = []ActionItem{migrationItem}
		if i%10 == 0 {
			f.Severity = "error"
		}
		findings = append(findings, f)
	}
	r := change(findings...)
	r.Judged, r.Analysed = 10, 1000
	for i := range 10 {
		r.Sources.Put("head", fmt.Sprintf("migrations/%04d_many.sql", i), []byte(strings.Repeat("ALTER TABLE t ADD COLUMN x int;\n", 100)))
	}
	return r
}
