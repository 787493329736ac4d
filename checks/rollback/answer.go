package rollback

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pmcheck/pmcheck/checks"
	"github.com/pmcheck/pmcheck/checks/change"
	"github.com/pmcheck/pmcheck/checks/facts"
	"github.com/pmcheck/pmcheck/checks/running"
)

// The answers to whether a version's code works on the schema as it is now.
const (
	Works    = "works"
	Breaks   = "breaks"
	NotKnown = "unknown"
)

// Answer says whether a version's code works on the schema as it is now.
type Answer struct {
	Verdict string   `json:"verdict"` // works | breaks | unknown
	Same    bool     `json:"same"`    // nothing that a query can name differs between the two
	Breaks  []Break  `json:"breaks"`
	Changed []string `json:"changed"` // queries that work, and whose results have other columns
	Unknown []string `json:"unknown"` // why it is not known

	Queries       int      `json:"queries"`        // of that version and of what is left, that name what differs
	Checked       int      `json:"checked"`        // of them, those that are understood
	NotUnderstood []string `json:"not_understood"` // those of that version

	schema string // in words
}

// Break is a query of the version that fails on the schema.
type Break struct {
	Query      string      `json:"query"`
	Place      facts.Place `json:"place"` // at that version
	SQL        string      `json:"sql"`
	Reason     string      `json:"reason"` // in the server's words
	SQLState   string      `json:"sqlstate"`
	Migrations []Migration `json:"migrations"` // that made it so
}

// Migration is a statement of a migration.
type Migration struct {
	Place   facts.Place `json:"place"`             // at what is left
	Brought string      `json:"brought,omitempty"` // the pull request or commit that brought it
}

// ask asks about one version: its code is the base, and the schema as it is now the head, of a change like any other.
func (j *job) ask(ctx context.Context, v running.Version) (*Answer, error) {
	if err := j.fetch(ctx, v); err != nil {
		return nil, err
	}
	document, err := checks.Facts(ctx, checks.Options{
		Repo: j.Repo, Base: v.Commit, Head: j.record.From.Commit, Trusted: j.record.From.Commit, Stage: checks.Rollback,
		Config: j.Config, Snapshot: j.Snapshot, DatabaseURL: j.DatabaseURL, Now: j.Now(),
	})
	if errors.Is(err, change.ErrUnknownRevision) { // it was found elsewhere, so that nobody asked wrongly
		return nil, fmt.Errorf("the clone lacks %s: %v; --deepen fetches it", label(v.Short(), v.Commit), err) //nolint:errorlint // not wrong use
	}
	if err != nil {
		return nil, err
	}
	return answer(document, label(j.From, j.record.From.Commit)), nil
}

// answer reads the cell of the deploy matrix in which old code meets the new schema.
func answer(document *facts.Facts, schema string) *Answer {
	cell, coverage := document.Matrix.OldCodeNewSchema, document.Matrix.Coverage
	a := &Answer{Verdict: cell.Verdict, Breaks: []Break{}, Changed: []string{}, Unknown: []string{}, NotUnderstood: []string{}, Queries: coverage.Queries, Checked: coverage.Checked, schema: "of " + schema}
	for _, u := range coverage.NotUnderstood {
		if u.Place.Side == "base" {
			a.NotUnderstood = append(a.NotUnderstood, fmt.Sprintf("%s:%d: %s", u.Place.Path, u.Place.Line, u.Reason))
		}
	}
	if document.Live != nil {
		a.schema = fmt.Sprintf("that the live database %s has", document.Live.Name)
	}
	if a.Verdict == "not-applicable" {
		a.Verdict, a.Same = Works, true
	}
	for _, b := range cell.Breaks {
		broken := Break{Query: b.Query.Name, Place: b.Query.Place, SQL: b.Query.SQL, Reason: b.Reason, SQLState: b.SQLState, Migrations: []Migration{}}
		for _, p := range b.CausedBy {
			broken.Migrations = append(broken.Migrations, Migration{Place: p, Brought: brought(document.Change.Landed, p)})
		}
		a.Breaks = append(a.Breaks, broken)
	}
	for _, c := range cell.Changed {
		a.Changed = append(a.Changed, fmt.Sprintf("%s (%s:%d): %s", c.Query.Name, c.Query.Place.Path, c.Query.Place.Line, c.How))
	}
	if a.Verdict == Breaks {
		return a
	}
	a.Unknown = append(unknownSchema(document), unknownLive(document.Live, document.Databases)...)
	if cell.Verdict == NotKnown {
		a.Unknown = append(a.Unknown, unknownCode(document)...)
	}
	if cell.Verdict == NotKnown && len(a.Unknown) == 0 {
		a.Unknown = append(a.Unknown, "none of the queries that name what differs is understood")
	}
	if len(a.Unknown) > 0 {
		a.Verdict = NotKnown
	}
	return a
}

// unknownSchema says what of the schema is not known.
func unknownSchema(document *facts.Facts) []string {
	out := []string{}
	if len(document.Databases) == 0 {
		return append(out, "no migrations and no schema files were found in this repository, so nothing is known of the schema")
	}
	for _, db := range document.Databases {
		for _, u := range db.Unread {
			if !u.NotRun {
				out = append(out, fmt.Sprintf("%s is not read: %s", u.Place.Path, u.Reason))
			}
		}
	}
	for _, m := range document.Migrations {
		for _, p := range m.NotAnalysed {
			out = append(out, fmt.Sprintf("%s:%d is not understood: %s", p.Place.Path, p.Place.Line, p.Reason))
		}
	}
	return out
}

// unknownLive says what a live database lets stand open.
func unknownLive(live *facts.Live, databases []facts.Database) []string {
	if live == nil {
		return nil
	}
	if !live.Known {
		return []string{fmt.Sprintf("database %s does not say which of the migrations it has run: without it, the schema is taken from the files", live.Name)}
	}
	var out []string
	for _, m := range live.Failed {
		out = append(out, fmt.Sprintf("migration %s began in database %s and did not come to its end", cmp.Or(m.Path, m.Version), live.Name))
	}
	if len(live.Unmatched) > 0 {
		out = append(out, fmt.Sprintf("database %s has run %s, which no file here is: --from names the revision that was deployed", live.Name, strings.Join(live.Unmatched, ", ")))
	}
	for _, db := range databases {
		for _, d := range db.LiveDrift {
			if d.Kind != "added" || d.Required {
				out = append(out, fmt.Sprintf("database %s is not as its migrations make it: %s %s is %s", live.Name, strings.ReplaceAll(d.Object, "_", " "), dotted(d.Relation, d.Name), d.Kind))
			}
		}
	}
	return out
}

func dotted(relation, name string) string {
	if relation == "" || relation == name {
		return name
	}
	return relation + "." + name
}

// unknownCode says what of the code is not known.
func unknownCode(document *facts.Facts) []string {
	var out []string
	coverage := document.Matrix.Coverage
	if coverage.Files == 0 {
		out = append(out, "no code was found that could send queries: it may be in another repository")
	}
	for _, u := range document.Uses {
		gone := slices.ContainsFunc(document.Databases, func(db facts.Database) bool {
			return slices.ContainsFunc(db.Delta, func(d facts.Delta) bool {
				return (d.Kind == "removed" || d.Kind == "renamed") && d.Relation == u.Relation && (d.Name == u.Name || d.From == u.Name)
			})
		})
		if u.Side == "base" && u.How != "query" && gone {
			out = append(out, fmt.Sprintf("%s:%d names %s, which is gone, and what it does with it is not understood", u.Place.Path, u.Place.Line, dotted(u.Relation, u.Name)))
		}
	}
	return out
}

// brought is the pull request or commit that a file came with.
func brought(landed []facts.Landed, p facts.Place) string {
	for _, l := range landed {
		if slices.Contains(l.Files, p.Path) {
			return fmt.Sprintf("%s %q", l.Label, l.Title)
		}
	}
	return ""
}

// short is the answer in a sentence's part.
func (a *Answer) short() string {
	switch {
	case a.Verdict == Breaks:
		broken := map[string]bool{}
		for _, b := range a.Breaks {
			broken[fmt.Sprintf("%s:%d %s", b.Place.Path, b.Place.Line, b.Query)] = true
		}
		first := a.Breaks[0]
		more := ""
		if n := len(broken) - 1; n == 1 {
			more = " and one more query"
		} else if n > 1 {
			more = fmt.Sprintf(" and %d more queries", n)
		}
		return fmt.Sprintf("%s (%s:%d)%s would fail on the schema %s: %s", first.Query, first.Place.Path, first.Place.Line, more, a.schema, first.Reason)
	case a.Verdict == Works && a.Same:
		return fmt.Sprintf("the schema %s has all that it was written for, as it was", a.schema)
	case a.Verdict == Works:
		return fmt.Sprintf("its queries work on the schema %s (of those that name what differs, %d of %d are understood)", a.schema, a.Checked, a.Queries)
	}
	why := a.Unknown[0]
	if n := len(a.Unknown) - 1; n > 0 {
		why += fmt.Sprintf(", and %d more reasons", n)
	}
	return fmt.Sprintf("whether it works on the schema %s is not known: %s", a.schema, why)
}

// maxSaid is how many lines of a kind are said; the record has all.
const maxSaid = 20

// sayAnswer says what was found out.
func (j *job) sayAnswer(a *Answer) {
	j.say("asked: does the code of %s work on the schema %s?", label(j.target.Short(), j.target.Commit), a.schema)
	for i, b := range a.Breaks {
		if i == maxSaid {
			j.say("  and %d more failures", len(a.Breaks)-i)
			break
		}
		j.say("  %s:%d  %s fails: %s", b.Place.Path, b.Place.Line, b.Query, b.Reason)
		for _, m := range b.Migrations {
			by := ""
			if m.Brought != "" {
				by = ", brought by " + m.Brought
			}
			j.say("    since %s:%d%s", m.Place.Path, m.Place.Line, by)
		}
	}
	for i, why := range a.Unknown {
		if i == maxSaid {
			j.say("  and %d more", len(a.Unknown)-i)
			break
		}
		j.say("  not known: %s", why)
	}
	for _, how := range a.Changed[:min(len(a.Changed), maxSaid)] {
		j.say("  note: the result of %s", how)
	}
	for _, text := range a.NotUnderstood[:min(len(a.NotUnderstood), maxSaid)] {
		j.say("  not understood: %s", text)
	}
	if a.Verdict == Works {
		j.say("  yes: %s", a.short())
	}
}
