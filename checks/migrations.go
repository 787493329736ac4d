package checks

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/pmcheck/pmcheck/checks/change"
	"github.com/pmcheck/pmcheck/checks/facts"
	"github.com/pmcheck/pmcheck/checks/pipeline"
	"github.com/pmcheck/pmcheck/checks/policy"
	lint "github.com/pmcheck/pmcheck/migrations-lint"
	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
	"github.com/pmcheck/pmcheck/migrations-lint/layout"
)

// defaultVersion is the PostgreSQL version that costs are for when the configuration names none.
const defaultVersion = 17

// database is one database of the repository, at base and at head.
type database struct {
	base, head *layout.Database
	version    int
	result     *lint.Result // nil when the change does not touch its migrations, or they cannot be read
	unread     []facts.Unread

	mergedBefore []string      // paths of merged migrations that the live database has not run, before a deploy
	liveDrift    []facts.Delta // where the live schema differs
}

// side is the newer description: the head's, or the base's for a database that the change removes.
func (d *database) side() *layout.Database {
	if d.head != nil {
		return d.head
	}
	return d.base
}

// tree lets layout look at one side of the change.
type tree struct{ *change.Tree }

// Paths lists the files. A link is one that cannot be read: a migration tool may
// follow it, and it must not pass unseen.
func (t tree) Paths() []string {
	var paths []string
	for _, e := range t.Entries() {
		if e.Kind != change.Submodule {
			paths = append(paths, e.Path)
		}
	}
	return paths
}

// readable is a tree in which every file can be read: one that cannot be, such as
// one that is too large, must not keep the others from being judged. Who needs its
// content says so.
type readable struct{ layout.Tree }

// Read gives a file's content, or nothing.
func (r readable) Read(path string) ([]byte, error) {
	content, err := r.Tree.Read(path)
	if err != nil {
		return nil, nil
	}
	return content, nil
}

// detect finds the databases of both sides and pairs them by name.
func (r *run) detect() error {
	configs := layoutConfigs(r.config)
	base, err := layout.Detect(readable{tree{r.change.BaseTree()}}, configs)
	if err != nil {
		return fmt.Errorf("look for migrations at the base: %w", err)
	}
	head, err := layout.Detect(readable{tree{r.change.HeadTree()}}, configs)
	if err != nil {
		return fmt.Errorf("look for migrations at the head: %w", err)
	}
	version := map[string]int{}
	for _, c := range r.config.Databases {
		version[c.Name] = major(c)
	}
	pairs := map[string]*database{}
	pair := func(d *layout.Database) *database {
		key := d.Root + "\x00" + d.Name
		if pairs[key] == nil {
			pairs[key] = &database{version: defaultVersion}
			if v := version[d.Name]; v != 0 {
				pairs[key].version = v
			}
			r.databases = append(r.databases, pairs[key])
		}
		return pairs[key]
	}
	for i := range base {
		pair(&base[i]).base = &base[i]
	}
	for i := range head {
		pair(&head[i]).head = &head[i]
	}
	r.pairDeclared()
	r.pairMoved()
	for _, f := range r.change.Files {
		if f.OldKind == change.Submodule {
			path := f.Path
			if f.OldPath != "" {
				path = f.OldPath
			}
			r.submodule(path, func(d *database) **layout.Database { return &d.base })
		}
		if f.Kind == change.Submodule && f.Status != change.Deleted {
			r.submodule(f.Path, func(d *database) **layout.Database { return &d.head })
		}
	}
	r.kinds = fileKinds(r.databases)
	return nil
}

// pairDeclared joins the schema files of one database that the change moves: each
// side has one such database, in another place.
func (r *run) pairDeclared() {
	var only [2][]*database
	for _, d := range r.databases {
		if d.side().Declared != nil && d.head == nil {
			only[0] = append(only[0], d)
		} else if d.side().Declared != nil && d.base == nil {
			only[1] = append(only[1], d)
		}
	}
	if len(only[0]) != 1 || len(only[1]) != 1 {
		return
	}
	only[1][0].base = only[0][0].base
	r.databases = slices.DeleteFunc(r.databases, func(d *database) bool { return d == only[0][0] })
}

// pairMoved joins a database that only the base has with the one that its migrations
// have moved to: a folder with another name runs on the same server as before.
func (r *run) pairMoved() {
	from, to := map[string]*database{}, map[string]*database{}
	for _, d := range r.databases {
		switch {
		case d.head == nil && d.base.Declared == nil:
			addPaths(from, d, d.base)
		case d.base == nil && d.head.Declared == nil:
			addPaths(to, d, d.head)
		}
	}
	moved := map[[2]*database]int{} // how many files go which way
	for _, f := range r.change.Files {
		if old, new := from[f.OldPath], to[f.Path]; f.Status == change.Renamed && old != nil && new != nil {
			moved[[2]*database{old, new}]++
		}
	}
	for _, d := range slices.Clone(r.databases) {
		for pair, n := range moved {
			if old, new := pair[0], pair[1]; new == d && 2*n > len(old.base.Migrations)+len(old.base.Unread) {
				new.base = old.base
				r.databases = slices.DeleteFunc(r.databases, func(d *database) bool { return d == old })
				break
			}
		}
	}
}

func addPaths(byPath map[string]*database, d *database, side *layout.Database) {
	for _, m := range side.Migrations {
		byPath[m.Path] = d
	}
	for _, u := range side.Unread {
		byPath[u.Path] = d
	}
}

// submodule notes a submodule that may hold migrations, as one that is not read:
// it lies among migrations, or is called so.
func (r *run) submodule(path string, side func(*database) **layout.Database) {
	unread := layout.Unread{Path: path, Framework: "submodule", Reason: "it lies in another repository"}
	for _, d := range r.databases {
		if db := *side(d); db != nil && (db.Root == "." || strings.HasPrefix(path+"/", db.Root+"/")) {
			db.Unread = append(db.Unread, unread)
			return
		}
	}
	if !strings.Contains(strings.ToLower(path), "migrat") {
		return
	}
	db := &layout.Database{Name: path, Root: path, Framework: "submodule", Why: "a submodule that is called so", Unread: []layout.Unread{unread}}
	for _, d := range r.databases {
		if d.side().Root == path && d.side().Framework == "submodule" {
			*side(d) = db
			return
		}
	}
	d := &database{version: defaultVersion}
	*side(d) = db
	r.databases = append(r.databases, d)
}

// touched is what the change does to the migrations of a database.
func (d *database) touched(files []change.File) map[string]lint.Touched {
	at := func(db *layout.Database) map[string]bool {
		paths := map[string]bool{}
		if db == nil {
			return paths
		}
		for _, m := range db.Migrations {
			paths[m.Path] = true
		}
		for _, u := range db.Unread {
			paths[u.Path] = true
		}
		return paths
	}
	base, head := at(d.base), at(d.head)
	out := map[string]lint.Touched{}
	for _, f := range files {
		switch {
		case f.Status == change.Deleted:
			if base[f.Path] {
				out[f.Path] = lint.Touched{Status: lint.Deleted}
			}
		case f.Status == change.Renamed && base[f.OldPath]:
			if !head[f.Path] {
				out[f.OldPath] = lint.Touched{Status: lint.Deleted}
			} else if f.BlobID == f.OldBlobID {
				out[f.Path] = lint.Touched{Status: lint.Renamed, OldPath: f.OldPath}
			} else {
				out[f.Path] = lint.Touched{Status: lint.Edited, OldPath: f.OldPath}
			}
		case head[f.Path] && (f.Status == change.Added || f.Status == change.Renamed || !base[f.Path]):
			out[f.Path] = lint.Touched{Status: lint.Added}
		case head[f.Path] && f.BlobID != f.OldBlobID:
			out[f.Path] = lint.Touched{Status: lint.Edited}
		}
	}
	return out
}

// maxTouched is how many migrations a change may touch: no history of a project is that long, and a million files are
// made of two small objects of git.
const maxTouched = 10_000

// touchedMigrations counts the files.
func (r *run) touchedMigrations() int {
	n := 0
	for _, f := range r.change.Files {
		if r.kinds[f.Path] == "migration" || r.kinds[f.OldPath] == "migration" {
			n++
		}
	}
	return n
}

// judgeMigrations replays and prices the migrations of every database that the change touches.
func (r *run) judgeMigrations(ctx context.Context) error {
	if n := r.touchedMigrations(); n > maxTouched {
		return usef("the change adds, edits, moves or deletes %d migrations, more than the %d that one check judges: split it", n, maxTouched)
	}
	for _, d := range r.databases {
		touched := d.touched(r.change.Files)
		dump := r.dumpTouched(d)
		d.unread = unread(d, touched)
		base, files, touched := r.pending(d, touched)
		d.base = base
		r.notRun(d, touched)
		if len(touched) == 0 && !dump {
			if r.Stage == Rollback { // how the live schema differs matters to the code that comes back all the same
				var err error
				if d.liveDrift, err = r.driftOfLive(ctx, d); err != nil {
					return err
				}
			}
			continue
		}
		if engine := d.side().Engine; engine != layout.Postgres && engine != "" {
			continue // it stands among what is unread
		}
		r.Progress(fmt.Sprintf("replaying the migrations in %s", d.side().Root))
		result, err := lint.Judge(ctx, lint.Request{
			Base: d.base, Head: d.head, BaseFiles: files, HeadFiles: r.change.HeadTree(),
			Touched: touched, Version: d.version, DumpTouched: dump,
		})
		if err != nil {
			return err
		}
		d.result = result
		if run := d.side().Declared; run != nil && run.Drops == layout.Unknown {
			r.notes = append(r.notes, fmt.Sprintf("%s: no command line of sqldef was found, so drops are judged as if it ran with --enable-drop; `enable_drop: false` in %s says that it does not", d.side().Root, ConfigPath))
		}
		if d.liveDrift, err = r.driftOfLive(ctx, d); err != nil {
			return err
		}
		for _, gap := range result.Gaps {
			r.notes = append(r.notes, fmt.Sprintf("%s:%d: not replayed: %s", gap.Place.Path, gap.Place.Line, gap.Reason))
		}
	}
	return nil
}

func (r *run) dumpTouched(d *database) bool {
	dump := d.side().Baseline
	for _, f := range r.change.Files {
		if dump != "" && f.Path == dump {
			return true
		}
	}
	return false
}

// unread are the touched migrations that are of a kind that cannot be read.
func unread(d *database, touched map[string]lint.Touched) []facts.Unread {
	out := []facts.Unread{}
	add := func(path, framework, reason string, status lint.Status, notRun bool) {
		u := facts.Unread{Place: facts.Place{Path: path, Line: 1}, Layout: framework, Reason: reason, Status: string(status), NotRun: notRun}
		if status == lint.Deleted {
			u.Place.Side = "base"
		}
		out = append(out, u)
	}
	for _, db := range []*layout.Database{d.base, d.head} {
		if db == nil {
			continue
		}
		for _, u := range db.Unread {
			if t, ok := touched[u.Path]; ok && (t.Status == lint.Deleted) == (db == d.base) {
				add(u.Path, u.Framework, u.Reason, t.Status, u.NotRun)
			}
		}
		if db.Engine == layout.Postgres || db.Engine == "" {
			continue
		}
		seen := map[string]bool{}
		for _, m := range db.Migrations {
			if t, ok := touched[m.Path]; ok && (t.Status == lint.Deleted) == (db == d.base) && !seen[m.Path] {
				seen[m.Path] = true
				if db.Declared != nil {
					t.Status = lint.Added // a schema file is edited each time; what comes of it is new
				}
				add(m.Path, db.Framework, fmt.Sprintf("it is for %s, which is not read yet", db.Engine), t.Status, false)
			}
		}
	}
	return out
}

// databaseFacts states a database and what the change does to its schema.
func databaseFacts(d *database) facts.Database {
	db := d.side()
	out := facts.Database{
		Name: db.Name, Engine: string(db.Engine), Version: fmt.Sprint(d.version), Layout: db.Framework, Root: db.Root, Why: db.Why,
		Delta: []facts.Delta{}, Drift: []facts.Delta{}, LiveDrift: []facts.Delta{}, Unread: d.unread,
	}
	if db.Declared != nil && db.Declared.DropsWhy != "" {
		out.Why += "; " + db.Declared.DropsWhy
	}
	if out.Engine == "" {
		out.Engine = string(layout.Postgres)
	}
	out.LiveDrift = append(out.LiveDrift, d.liveDrift...)
	if d.result == nil {
		return out
	}
	out.Read, out.Statement = d.result.Read, d.result.Statements
	for _, c := range d.result.Delta {
		delta := deltaFacts(c.Change, db.Name)
		if r := d.result.Head.Relation(catalog.Name{Schema: c.Schema, Name: c.Relation}); r != nil && c.Object == "column" {
			if column := r.Column(c.Name); column != nil {
				delta.Type, delta.NotNull = column.Type.String(), column.NotNull
			}
		}
		for _, p := range c.CausedBy {
			delta.CausedBy = append(delta.CausedBy, placeFacts(p))
		}
		out.Delta = append(out.Delta, delta)
	}
	for _, c := range d.result.Drift {
		delta := deltaFacts(c, db.Name)
		delta.CausedBy = []facts.Place{{Path: d.result.DriftPath, Line: 1}}
		out.Drift = append(out.Drift, delta)
	}
	return out
}

func deltaFacts(c catalog.Change, database string) facts.Delta {
	delta := facts.Delta{
		Kind: c.Kind, Object: c.Object, Relation: c.Relation, Name: c.Name, Attribute: c.Attribute, From: c.From, To: c.To,
		Required: c.Required, Database: database, CausedBy: []facts.Place{},
	}
	if c.Schema != "" && c.Schema != "public" {
		if delta.Relation != "" {
			delta.Relation = catalog.Name{Schema: c.Schema, Name: c.Relation}.String()
		} else {
			delta.Name = catalog.Name{Schema: c.Schema, Name: c.Name}.String()
		}
	}
	return delta
}

// migrationFacts states the migrations that the change touches.
func migrationFacts(d *database, l *live) []facts.Migration {
	if d.result == nil {
		return nil
	}
	db := d.side()
	downs := false
	for _, m := range db.Migrations {
		downs = downs || m.Direction == layout.Down
	}
	var out []facts.Migration
	for _, m := range d.result.Migrations {
		transaction := m.Transaction
		if transaction == "" {
			transaction = m.Migration.Transaction
		}
		f := facts.Migration{
			Database: db.Name, Path: m.Path, OldPath: m.OldPath, Version: m.Version, Name: m.Name, Layout: db.Framework,
			Direction: string(m.Direction), Transaction: string(transaction), TransactionWhy: m.TransactionWhy, Status: string(m.Status),
			Statements: []facts.Statement{}, NotAnalysed: []facts.Problem{},
			HasDown: m.Down != "", DownMissing: downs && m.Down == "" && m.Direction == layout.Up, DownDiffers: m.DownDiffers,
		}
		same := map[string]int{}
		for _, s := range m.Statements {
			statement := statementFacts(s)
			if writesRows[statement.Kind] && len(m.Statements) > repeats {
				key := alike(statement)
				if same[key]++; same[key] > repeats {
					continue
				}
			}
			f.Statements = append(f.Statements, statement)
		}
		for _, l := range m.LeftOut {
			f.LeftOut = append(f.LeftOut, facts.LeftOut{Place: placeFacts(l.Place), SQL: shown(l.SQL), Reason: l.Reason})
		}
		for _, p := range m.Problems {
			f.NotAnalysed = append(f.NotAnalysed, facts.Problem{Place: placeFacts(p.Place), Kind: p.Kind, Reason: p.Reason, SQL: shown(p.SQL)})
		}
		order(&f, m, d)
		l.annotate(d, &f)
		out = append(out, f)
	}
	return out
}

// repeats is how many statements that write rows, and differ in their text alone,
// the facts of a migration hold: a rule that says something of one says it of all,
// and a data load of 100,000 INSERTs is no more work than one of 100.
const repeats = 100

var writesRows = map[string]bool{"insert": true, "update": true, "delete": true, "merge": true}

// alike is what a statement has in common with others like it.
func alike(s facts.Statement) string {
	s.Index, s.SQL, s.Place = 0, "", facts.Place{}
	return fmt.Sprint(s)
}

// analysed counts the SQL statements that were analysed in what the change adds or edits.
func analysed(databases []*database) int {
	n := 0
	for _, d := range databases {
		if d.result == nil {
			continue
		}
		for _, m := range d.result.Migrations {
			if m.Status != lint.Added && m.Status != lint.Edited || m.Direction == layout.Down {
				continue
			}
			last := -1
			for _, s := range m.Statements {
				if s.Index != last {
					n, last = n+1, s.Index
				}
			}
		}
	}
	return n
}

// order says whether a migration's version is taken, or comes before one that has run already.
func order(f *facts.Migration, m lint.Migration, d *database) {
	if m.Status == lint.Deleted || m.Direction != layout.Up || d.head == nil {
		return
	}
	for _, other := range d.head.Migrations {
		if other.Direction == layout.Up && other.Version == m.Version && other.Path != m.Path && m.Version != "" {
			f.DuplicateOf = other.Path
		}
	}
	if d.base == nil || m.Status != lint.Added {
		return
	}
	merged := map[string]bool{}
	for _, b := range d.base.Migrations {
		if b.Direction == layout.Up {
			merged[b.Path] = true
		}
	}
	after := false
	for _, other := range d.head.Migrations {
		if other.Path == m.Path {
			after = true
		} else if after && merged[other.Path] && other.Direction == layout.Up {
			f.OutOfOrderWith = other.Path
		}
	}
}

func shown(sql string) string {
	if len(sql) > shownSQL {
		sql = sql[:shownSQL] + " ..."
	}
	return strings.ToValidUTF8(sql, "\ufffd")
}

// fileKinds are the files that belong to databases; a folder ends with a slash.
func fileKinds(databases []*database) map[string]string {
	kinds := map[string]string{}
	for _, d := range databases {
		for _, db := range []*layout.Database{d.base, d.head} {
			if db == nil {
				continue
			}
			if db.Baseline != "" {
				kinds[db.Baseline] = "schema-dump"
			}
			for _, m := range db.Migrations {
				kinds[m.Path] = "migration"
			}
			if strings.Contains(strings.ToLower(path.Base(db.Root)), "migrat") {
				kinds[db.Root+"/"] = "migration" // what moves data lies beside the SQL, in the code's language
			}
			for _, u := range db.Unread {
				kinds[u.Path] = "migration"
			}
		}
	}
	return kinds
}

// isDatabase tells that a file belongs to a database: a migration, a schema, or what
// lies in a folder of migrations.
func (r *run) isDatabase(name string) bool {
	for folder := path.Dir(name); folder != "." && folder != "/"; folder = path.Dir(folder) {
		if r.kinds[folder+"/"] != "" {
			return true
		}
	}
	return r.kinds[name] != ""
}

// fileKind says what a changed file is to a check.
func (r *run) fileKind(name string) string {
	if kind := r.kinds[name]; kind != "" {
		return kind
	}
	switch {
	case name == r.Config:
		return "config"
	case strings.HasPrefix(name, policy.Dir+"/"):
		return "policy"
	case r.isPostmortem(name):
		return "postmortem"
	case pipeline.IsFile(name):
		return "pipeline"
	}
	switch strings.ToLower(path.Ext(name)) {
	case ".md", ".rst", ".adoc", ".txt":
		return "document"
	}
	if r.isDatabase(name) {
		return "other"
	}
	return codeKind(name)
}
