package pages

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

// exampleShelf has something of each kind to show.
func exampleShelf() *shelf {
	s := &shelf{reports: map[string]string{}}
	orders := job.Repository{ID: 100, Owner: "acme", Name: "orders", DefaultBranch: "main", Private: true}
	billing := job.Repository{ID: 101, Owner: "acme", Name: "billing", DefaultBranch: "main", Private: true}
	secret := job.Repository{ID: 102, Owner: "acme", Name: "secret", DefaultBranch: "main", Private: true}
	docs := job.Repository{ID: 103, Owner: "acme", Name: "docs", DefaultBranch: "main"}
	s.repositories = []job.Repository{orders, billing, secret, docs}
	standing := func(r job.Repository, number, head int, phase, title, author string, ago time.Duration) *job.Standing {
		s.standings = append(s.standings, job.Standing{
			Subject: job.Subject{Installation: 7, Repository: r, Number: number}, Phase: phase, Wanted: noon.Add(-ago), Attempt: 1,
			Revision: job.Revision{Head: sha(head), BaseRef: "main", HeadRef: "topic", Title: title, Author: author},
		})
		at := &s.standings[len(s.standings)-1]
		if phase == job.Running {
			at.Began = at.Wanted.Add(time.Second)
		}
		return at
	}
	verdict := func(at *job.Standing, conclusion, title string, ran time.Duration) *job.Verdict {
		at.Verdict = &job.Verdict{Subject: at.Subject, Revision: at.Revision, Conclusion: conclusion, Title: title, Trace: "0b1c9f8e-5a77-11f1-9c1d-3ef0a2b4c6d8", Began: at.Wanted.Add(time.Second), Ended: at.Wanted.Add(time.Second + ran)}
		return at.Verdict
	}

	at := standing(orders, 42, 42, job.Running, "Drop customers.legacy_name", "olga", 20*time.Second)
	at.Attempt, at.LastError = 2, "GitHub answered 502 to the fetch of the head"
	standing(billing, 9, 90, job.Queued, "Add an index on invoices(customer_id)", "piet", 5*time.Second)

	at = standing(orders, 41, 41, job.Done, "Drop the column that nobody reads any more", "olga", 4*time.Minute)
	at.Revision.Labels = []string{"database", "release-2026.3"}
	verdict(at, "failure", "The running release breaks: 2 queries, and 2 warnings", 1840*time.Millisecond)
	s.reports[fmt.Sprintf("100#41@%s", sha(41))] = exampleReport()
	verdict(standing(orders, 41, 40, job.Done, "Drop the column that nobody reads any more", "olga", 50*time.Minute), "failure", "The running release breaks: 3 queries", 2100*time.Millisecond)
	standing(orders, 41, 39, job.Superseded, "Drop the column that nobody reads any more", "olga", 51*time.Minute)
	verdict(standing(orders, 42, 38, job.Done, "Drop customers.legacy_name", "olga", 2*time.Hour), "success", "Nothing to fix", 900*time.Millisecond)

	at = standing(billing, 8, 80, job.Done, "Rewrite invoices.total as numeric(12,2)", "piet", 3*time.Hour)
	verdict(at, "success", "1 finding is overridden", 14*time.Second).Overridden = []job.Override{{Rule: "table-rewrite", Because: "the table has 40 rows, and the shop is closed on Sunday", By: "anke",
		At: noon.Add(-2 * time.Hour), URL: "https://github.com/acme/billing/pull/8#issuecomment-1"}}
	s.reports[fmt.Sprintf("101#8@%s", sha(80))] = exampleReport()
	at = standing(billing, 7, 70, job.Done, "Move the migrations to Flyway", "piet", 26*time.Hour)
	at.Revision.Draft = true
	verdict(at, "failure", "Could not check", 3*time.Second).Problem = "db/migration/V7__invoices.sql is 61 MB, and files of up to 10 MB are read: split it, or load its rows outside of the migrations"
	verdict(standing(orders, 40, 30, job.Done, "Say which queue an order waits in", "renate", 30*time.Hour), "neutral", "2 warnings", 1200*time.Millisecond)
	at = standing(orders, 0, 20, job.Done, "", "", 49*time.Hour)
	at.Subject.Ref = "refs/heads/gh-readonly-queue/main/pr-40-" + sha(19)
	verdict(at, "success", "Nothing to fix", 1300*time.Millisecond)
	verdict(standing(secret, 1, 10, job.Done, "SECRET acquisition schema", "boss", time.Hour), "failure", "SECRET verdict", time.Second)
	s.reports[fmt.Sprintf("102#1@%s", sha(10))] = "<p>SECRET report</p>"
	verdict(standing(docs, 3, 11, job.Done, "Public pull request", "piet", time.Hour), "success", "No schema change", 300*time.Millisecond)

	const documents = `[
{"id": "PM-2026-001", "title": "Orders API 500s after deploy 1234", "severity": "SEV-2", "status": "in_review", "date": "2026-03-03", "path": "docs/postmortems/2026-001.md", "action_items": [
  {"id": "AI-1", "action": "Add a check of database migrations to the CI pipeline", "type": "prevent", "priority": "P0", "owner": "DevOps team", "due": "2026-03-07", "status": "in_progress", "issue": "https://github.com/acme/orders/issues/812", "enforced_by": ["migration-without-code", "old-code-breaks"]},
  {"id": "AI-2", "action": "Write a runbook for taking back a migration", "type": "process", "priority": "P1", "owner": "Backend lead", "due": "2026-03-17", "status": "open", "enforced_by": []},
  {"id": "AI-3", "action": "Set lock_timeout in all migrations", "type": "mitigate", "priority": "P1", "owner": "Piet", "due": "2026-03-01", "status": "done", "enforced_by": ["missing-lock-timeout"]}]},
{"id": "PM-2025-014", "title": "Checkout stood still while an index was built", "severity": "SEV-1", "status": "closed", "date": "2025-11-20", "path": "docs/postmortems/2025-014.md", "action_items": [
  {"id": "AI-1", "action": "Build indexes CONCURRENTLY", "type": "prevent", "priority": "P0", "owner": "Anke", "due": "2025-12-01", "status": "done", "enforced_by": ["index-not-concurrent"]}]}]`
	s.lessons = []job.Lessons{
		{Repository: orders, Documents: []byte(documents), At: noon.Add(-4 * time.Minute), Caught: []job.Catch{
			{Postmortem: "PM-2026-001", Item: "AI-1", Number: 41, Findings: 3, At: noon.Add(-4 * time.Minute)},
			{Postmortem: "PM-2026-001", Item: "AI-1", Number: 37, Findings: 1, At: noon.Add(-90 * time.Hour)},
			{Postmortem: "PM-2025-014", Item: "AI-1", Number: 33, Findings: 1, At: noon.Add(-400 * time.Hour)}}},
		{Repository: secret, Documents: []byte(`[{"id": "PM-SECRET", "title": "SECRET outage", "action_items": []}]`), At: noon},
	}
	return s
}

// exampleReport is a whole report, as the check makes it.
func exampleReport() string {
	b, err := os.ReadFile(filepath.Join("..", "..", "report", "testdata", "incident.html"))
	if err != nil {
		panic(err)
	}
	return string(b)
}
