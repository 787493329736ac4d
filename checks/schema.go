package checks

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pmcheck/pmcheck/checks/change"
	"github.com/pmcheck/pmcheck/checks/facts"
	"github.com/pmcheck/pmcheck/checks/snapshot"
	lint "github.com/pmcheck/pmcheck/migrations-lint"
	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
	"github.com/pmcheck/pmcheck/migrations-lint/declared"
	"github.com/pmcheck/pmcheck/migrations-lint/layout"
)

// SchemaOptions say which two schemas are compared.
type SchemaOptions struct {
	Options
	From, To []string // files or folders on disk, in the place of revisions
	Database string   // of several, by its name
	Engine   string   // postgres, mysql or sqlite; "" is found out
	Against  string   // of drift: a dump, schema file or snapshot of the repository
}

// SchemaPlan is the way from one schema to another, and back.
type SchemaPlan struct {
	Database       string          `json:"database,omitempty"` // its name, or "" for files
	Engine         string          `json:"engine"`
	FromName       string          `json:"from"` // what the names of revisions or files say
	ToName         string          `json:"to"`
	Forward        []SchemaStep    `json:"forward"`
	Back           []SchemaStep    `json:"back"`
	NotPlanned     []facts.Problem `json:"not_planned"`     // statements that differ and are in neither way
	StillDifferent []string        `json:"still_different"` // what the way forward leaves different
}

// SchemaStep is a statement of a way.
type SchemaStep struct {
	SQL   string      `json:"sql"`
	Place facts.Place `json:"place"` // the line of a schema file that it comes from; empty where that is not known
	Drop  bool        `json:"drop"`  // runs with --enable-drop only
	Alone bool        `json:"alone"` // runs behind the others' transaction, outside of one
}

// PlanSchema plans the way between two schemas with sqldef: between two sets of files, or the schema files of two revisions.
func PlanSchema(ctx context.Context, o SchemaOptions) ([]SchemaPlan, error) {
	if len(o.From)+len(o.To) > 0 {
		from, to, engine, err := bothOnDisk(o)
		if err != nil {
			return nil, err
		}
		p, err := planFiles(ctx, engine, from, to, false)
		if err != nil {
			return nil, err
		}
		p.FromName, p.ToName = strings.Join(o.From, " "), strings.Join(o.To, " ")
		return []SchemaPlan{*p}, nil
	}
	r, err := open(ctx, o.Options)
	if err != nil {
		return nil, err
	}
	defer r.close()
	if err := r.detect(); err != nil {
		return nil, err
	}
	var out []SchemaPlan
	for _, d := range r.databases {
		if o.Database != "" && d.side().Name != o.Database {
			continue
		}
		basePaths, headPaths := schemaPaths(d.base), schemaPaths(d.head)
		if len(basePaths)+len(headPaths) == 0 {
			continue
		}
		from, err := filesOfTree(r.change.BaseTree(), basePaths)
		if err != nil {
			return nil, err
		}
		to, err := filesOfTree(r.change.HeadTree(), headPaths)
		if err != nil {
			return nil, err
		}
		engine := cmp.Or(layout.Engine(o.Engine), d.side().Engine, layout.EngineOf(contents(from, to)), layout.Postgres)
		concurrently := d.side().Declared != nil && d.side().Declared.Concurrently
		p, err := planFiles(ctx, engine, from, to, concurrently)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", d.side().Name, err)
		}
		p.Database, p.FromName, p.ToName = d.side().Name, r.change.BaseRef, r.change.HeadRef
		out = append(out, *p)
	}
	if len(out) == 0 {
		return nil, usef("there is no schema file and no schema dump here%s: name files with --from and --to, or the schema files with `declared:` in %s", ofDatabase(o.Database), ConfigPath)
	}
	return out, nil
}

func ofDatabase(name string) string {
	if name == "" {
		return ""
	}
	return " of a database " + name
}

// schemaPaths are a database's schema files, or its dump.
func schemaPaths(db *layout.Database) []string {
	switch {
	case db == nil:
		return nil
	case db.Declared != nil:
		var paths []string
		for _, m := range db.Migrations {
			paths = append(paths, m.Path)
		}
		return paths
	case db.Baseline != "":
		return []string{db.Baseline}
	}
	return nil
}

func planFiles(ctx context.Context, engine layout.Engine, from, to []declared.File, concurrently bool) (*SchemaPlan, error) {
	old, new := declared.Read(engine, from), declared.Read(engine, to)
	o := declared.Options{Engine: engine, Concurrently: concurrently}
	forward, err := declared.Make(ctx, old, new, o)
	if err != nil {
		return nil, err
	}
	back, err := declared.Make(ctx, new, old, o)
	if err != nil {
		return nil, fmt.Errorf("the way back: %w", err)
	}
	for _, u := range forward.Unread {
		if u.End == 0 { // nothing of the files was read
			return nil, fmt.Errorf("%s: %s", u.Path, u.Reason)
		}
	}
	out := &SchemaPlan{NotPlanned: []facts.Problem{}, StillDifferent: []string{}, Engine: string(engine), Forward: steps(forward, old, new, old), Back: steps(back, new, old, old)}
	for _, u := range forward.Unread {
		files := to
		if u.Old {
			files = from
		}
		at := placeIn(files, u.Span, u.Old)
		out.NotPlanned = append(out.NotPlanned, facts.Problem{Place: at, Kind: u.Kind, Reason: u.Reason, SQL: shown(u.SQL)})
	}
	if engine == layout.Postgres {
		for _, c := range lint.Remaining(old, new, forward) {
			out.StillDifferent = append(out.StillDifferent, difference(c))
		}
	}
	return out, nil
}

// steps are a plan's statements with their places; base is the side of those that are marked so.
func steps(plan *declared.Plan, from, to, base *declared.Schema) []SchemaStep {
	out := []SchemaStep{}
	for _, s := range plan.Ordered() {
		step := SchemaStep{SQL: s.SQL, Drop: s.Drop, Alone: s.Alone}
		if at, old, ok := declared.Source(s, from, to); ok {
			in := to
			if old {
				in = from
			}
			step.Place = placeIn(in.Files, at, in == base)
		}
		out = append(out, step)
	}
	return out
}

// placeIn is a span's place in one of some files.
func placeIn(files []declared.File, at declared.Span, old bool) facts.Place {
	p := facts.Place{Path: at.Path, Line: 1}
	if old {
		p.Side = "base"
	}
	for _, f := range files {
		if f.Path == at.Path {
			before := f.Content[:min(at.Start, len(f.Content))]
			p.Line += bytes.Count(before, []byte("\n"))
			p.Column = len(before) - (bytes.LastIndexByte(before, '\n') + 1) + 1
		}
	}
	return p
}

func contents(sides ...[]declared.File) [][]byte {
	var out [][]byte
	for _, files := range sides {
		for _, f := range files {
			out = append(out, f.Content)
		}
	}
	return out
}

// bothOnDisk are the two sets of files to compare, and the engine that they are for.
func bothOnDisk(o SchemaOptions) (from, to []declared.File, engine layout.Engine, err error) {
	if from, err = filesOnDisk(o.From, "--from"); err != nil {
		return nil, nil, "", err
	}
	if to, err = filesOnDisk(o.To, "--to"); err != nil {
		return nil, nil, "", err
	}
	if engine = cmp.Or(layout.Engine(o.Engine), layout.EngineOf(contents(from, to))); engine == "" {
		return nil, nil, "", usef("the files do not show which engine they are for: say --engine postgres, mysql or sqlite")
	}
	return from, to, engine, nil
}

// filesOnDisk are the files that a flag names, and those in the folders that it names.
func filesOnDisk(args []string, flag string) ([]declared.File, error) {
	if len(args) == 0 {
		return nil, usef("%s is missing: name a schema file or a folder of them", flag)
	}
	set, err := readFiles(args)
	if err != nil {
		return nil, err
	}
	var out []declared.File
	for _, p := range set.Paths() {
		content, err := set.Read(p)
		if err != nil {
			return nil, useError{err}
		}
		out = append(out, declared.File{Path: filepath.ToSlash(p), Content: content})
	}
	return out, nil
}

func filesOfTree(tree *change.Tree, paths []string) ([]declared.File, error) {
	var out []declared.File
	for _, p := range paths {
		content, err := tree.Read(p)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if err == nil {
			out = append(out, declared.File{Path: p, Content: content})
		}
	}
	return out, nil
}

// SchemaDrift is how two descriptions of one schema differ.
type SchemaDrift struct {
	Database string   `json:"database,omitempty"`
	Engine   string   `json:"engine"`
	Name     string   `json:"name"`    // what makes the schema
	Against  string   `json:"against"` // what says what it is
	Differs  []string `json:"differs"` // each in words
	Gaps     []string `json:"gaps"`    // what of them could not be read, so that nothing is known of it
}

// migrationTables are those in which tools note what has run, which no migration makes; see checks/livedb.
var migrationTables = []string{
	"schema_migrations", "schema_migrations_lock", "goose_db_version", "__diesel_schema_migrations", "flyway_schema_history", "databasechangelog", "databasechangeloglock",
	"_prisma_migrations", "__drizzle_migrations", "_sqlx_migrations", "gorp_migrations", "schema_version", "pgmigrations", "bun_migrations", "bun_migration_locks",
	"atlas_schema_revisions", "refinery_schema_history", "schema_migration", "db_migrations", "ar_internal_metadata", "schema_lock",
}

// DriftOf compares what the migrations or schema files of a revision make with a dump, schema file or snapshot.
func DriftOf(ctx context.Context, o SchemaOptions) ([]SchemaDrift, error) {
	if len(o.From)+len(o.To) > 0 {
		return driftOfFiles(ctx, o)
	}
	o.Base = cmp.Or(o.Head, "HEAD") // there is no change: one revision is looked at
	r, err := open(ctx, o.Options)
	if err != nil {
		return nil, err
	}
	defer r.close()
	if err := r.detect(); err != nil {
		return nil, err
	}
	tree := r.change.HeadTree()
	var out []SchemaDrift
	var missing []string
	for _, d := range r.databases {
		if d.head == nil || len(d.head.Migrations)+len(d.head.Unread) == 0 || o.Database != "" && d.head.Name != o.Database {
			continue
		}
		against := cmp.Or(o.Against, d.head.Baseline)
		if _, err := tree.Read(snapshot.Path); against == "" && err == nil {
			against = snapshot.Path
		}
		if against == "" {
			missing = append(missing, d.head.Root)
			continue
		}
		drift, err := r.drift(ctx, d, against, layout.Engine(o.Engine))
		if err != nil {
			return nil, err
		}
		out = append(out, *drift)
	}
	switch {
	case len(out) > 0:
		return out, nil
	case len(missing) > 0:
		return nil, usef("there is nothing to compare %s with: name a dump, a schema file or a snapshot with --against", strings.Join(missing, ", "))
	}
	return nil, usef("there are no migrations and no schema files here%s", ofDatabase(o.Database))
}

func (r *run) drift(ctx context.Context, d *database, against string, engine layout.Engine) (*SchemaDrift, error) {
	tree := r.change.HeadTree()
	content, err := tree.Read(against)
	if err != nil {
		return nil, useError{err}
	}
	engine = cmp.Or(engine, d.head.Engine, layout.Postgres)
	out := &SchemaDrift{Differs: []string{}, Gaps: []string{}, Database: d.head.Name, Engine: string(engine), Name: d.head.Root, Against: against}
	for _, u := range d.head.Unread {
		out.Gaps = append(out.Gaps, fmt.Sprintf("%s: %s", u.Path, u.Reason))
	}
	if engine != layout.Postgres {
		if d.head.Declared == nil {
			return nil, usef("%s: migrations for %s are not replayed; two schema files are compared: --from and --to", d.head.Root, engine)
		}
		files, err := filesOfTree(tree, schemaPaths(d.head))
		if err != nil {
			return nil, err
		}
		return out, out.plan(ctx, engine, files, []declared.File{{Path: against, Content: content}})
	}
	made, gaps, err := lint.Replay(ctx, *d.head, tree, d.version)
	if err != nil {
		return nil, err
	}
	for _, g := range gaps {
		out.Gaps = append(out.Gaps, fmt.Sprintf("%s:%d: %s", g.Place.Path, g.Place.Line, g.Reason))
	}
	skip := func(catalog.Change) bool { return false }
	if strings.HasSuffix(against, ".json") {
		s, err := snapshot.Read(content)
		if err != nil {
			return nil, useError{fmt.Errorf("%s: %w", against, err)}
		}
		sql, ok := s.SQL()
		if !ok {
			return nil, usef("%s holds no schema: the server did not show it", against)
		}
		content = []byte(sql)
		skip = func(c catalog.Change) bool {
			// A snapshot has no functions, triggers and partitions, and no values; what counts the queries is there for it.
			return c.Object == "extension" && c.Name == statements || c.Object == "function" || c.Object == "trigger" || c.Object == "constraint" && c.Kind == "changed" || isPartition(made, c)
		}
	}
	out.compare(made, []declared.File{{Path: against, Content: content}}, skip)
	return out, nil
}

// isPartition tells that a difference is about a partition.
func isPartition(c *catalog.Catalog, change catalog.Change) bool {
	r := c.Relation(catalog.Name{Schema: change.Schema, Name: cmp.Or(change.Relation, change.Name)})
	return r != nil && r.IsPartition()
}

// compare lists how a schema differs from what PostgreSQL files declare.
func (d *SchemaDrift) compare(made *catalog.Catalog, against []declared.File, skip func(catalog.Change) bool) {
	is := declared.Read(layout.Postgres, against).Catalog(func(at declared.Span, reason string) {
		place := placeIn(against, at, false)
		d.Gaps = append(d.Gaps, fmt.Sprintf("%s:%d: %s", place.Path, place.Line, reason))
	})
	for _, c := range lint.Differences(made, is) {
		if !skip(c) && !slices.Contains(migrationTables, strings.ToLower(cmp.Or(c.Relation, c.Name))) {
			d.Differs = append(d.Differs, difference(c))
		}
	}
}

// plan lists what sqldef would do to make one schema the other: the comparison for engines without a catalog of their own.
func (d *SchemaDrift) plan(ctx context.Context, engine layout.Engine, from, to []declared.File) error {
	plan, err := declared.Make(ctx, declared.Read(engine, from), declared.Read(engine, to), declared.Options{Engine: engine})
	if err != nil {
		return err
	}
	for _, s := range plan.Ordered() {
		d.Differs = append(d.Differs, strings.Join(strings.Fields(s.SQL), " "))
	}
	for _, u := range plan.Unread {
		files := to
		if u.Old {
			files = from
		}
		place := placeIn(files, u.Span, false)
		d.Gaps = append(d.Gaps, fmt.Sprintf("%s:%d: %s", place.Path, place.Line, u.Reason))
	}
	return nil
}

func driftOfFiles(ctx context.Context, o SchemaOptions) ([]SchemaDrift, error) {
	from, to, engine, err := bothOnDisk(o)
	if err != nil {
		return nil, err
	}
	out := &SchemaDrift{Differs: []string{}, Gaps: []string{}, Engine: string(engine), Name: strings.Join(o.From, " "), Against: strings.Join(o.To, " ")}
	if engine != layout.Postgres {
		err := out.plan(ctx, engine, from, to)
		return []SchemaDrift{*out}, err
	}
	made := declared.Read(engine, from).Catalog(func(at declared.Span, reason string) {
		place := placeIn(from, at, false)
		out.Gaps = append(out.Gaps, fmt.Sprintf("%s:%d: %s", place.Path, place.Line, reason))
	})
	out.compare(made, to, func(catalog.Change) bool { return false })
	return []SchemaDrift{*out}, nil
}

// difference is a difference between two schemas, as seen from the first, in words.
func difference(c catalog.Change) string {
	name := c.Name
	if c.Relation != "" && c.Relation != c.Name {
		name = c.Relation + "." + c.Name
	}
	if c.Schema != "" && c.Schema != "public" {
		name = c.Schema + "." + name
	}
	object := strings.ReplaceAll(c.Object, "_", " ")
	switch c.Kind {
	case "added":
		return fmt.Sprintf("%s %s is there only", object, name)
	case "removed":
		return fmt.Sprintf("%s %s is not there", object, name)
	case "renamed":
		return fmt.Sprintf("%s %s is called %s there", object, c.From, name)
	}
	return fmt.Sprintf("%s %s has another %s there: %s, not %s", object, name, strings.ReplaceAll(c.Attribute, "_", " "), cmp.Or(c.To, "none"), cmp.Or(c.From, "none"))
}
