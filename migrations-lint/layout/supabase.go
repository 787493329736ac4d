package layout

import (
	"path"
	"regexp"
	"strings"
)

// Supabase: supabase/migrations/{digits}_{name}.sql, in the order of the file names as text; no ways down (supabase/cli
// apps/cli-go/pkg/migration/file.go, migrateFilePattern; list.go). A file's statements and the record of it are sent as one pipeline, which the
// server runs in one implicit transaction (file.go, ExecBatch).
//
// From 2.109 on, a statement that cannot run in a transaction is sent on its own between two such pipelines: CREATE or DROP INDEX
// CONCURRENTLY, REINDEX CONCURRENTLY, VACUUM, ALTER SYSTEM, CLUSTER (supabase/cli issue 5139, pull requests 5156, 5671, 6276). The package.json
// beside may pin an older version; without a pin the newest is taken to run.
var _ = register(framework{
	name: "supabase",
	claim: func(f *folder) claim {
		if !f.isSupabase() || f.shapes&shapeNumbered == 0 {
			return claim{}
		}
		if f.control("../config.toml") {
			return claim{evidence: byControlFile, why: "supabase/migrations beside supabase/config.toml"}
		}
		return claim{evidence: byFolder, why: "supabase/migrations"}
	},
	parse:   func(name string) (migrationName, bool) { return numbered(name, "_", ".sql") },
	compare: strings.Compare,
	adjust: func(l *listing) error {
		version, pinned := l.folders[0].npmVersion("supabase")
		for i := range l.migrations {
			l.migrations[i].variant.standalone = l.config.Transaction == "" && (!pinned || atLeast(version, "2", "109"))
		}
		return nil
	},
	transaction:    Implicit,
	transactionWhy: "Supabase sends a file as one pipeline",
	script: func(b *builder) error {
		if b.m.variant.standalone {
			b.after = func() { supabaseSpans(&b.out) }
		}
		return nil
	},
})

// isSupabase says whether the folder is the one that Supabase's tool reads.
func (f *folder) isSupabase() bool {
	return f.last() == "migrations" && path.Base(path.Dir(f.path)) == "supabase"
}

// supabaseAlone matches the statements that are sent on their own.
var supabaseAlone = regexp.MustCompile(`^(CREATE( UNIQUE)? INDEX CONCURRENTLY|DROP INDEX CONCURRENTLY|REINDEX\b.*\bCONCURRENTLY|VACUUM|ALTER SYSTEM|CLUSTER)\b`)

// supabaseSpans cuts the text where a statement is sent on its own.
func supabaseSpans(out *Script) {
	var (
		spans []Span
		alone bool
	)
	for _, st := range statements(out.Text, Postgres) {
		if supabaseAlone.MatchString(st.words) {
			spans = append(spans, Span{Start: st.start, End: st.end, Transaction: Autocommit, Unit: len(spans)})
			alone = true
			continue
		}
		if n := len(spans); n > 0 && spans[n-1].Transaction == Implicit {
			spans[n-1].End = st.end
			continue
		}
		spans = append(spans, Span{Start: st.start, End: st.end, Transaction: Implicit, Unit: len(spans)})
	}
	if alone {
		out.Statements = spans
		out.TransactionWhy += "; what cannot run in a transaction is sent on its own"
	}
}
