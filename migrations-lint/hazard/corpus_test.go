package hazard

import (
	"bytes"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pmcheck/pmcheck/internal/pgtest"
	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
	"github.com/pmcheck/pmcheck/migrations-lint/layout"
	"github.com/pmcheck/pmcheck/migrations-lint/postgres"
)

// TestCorpus runs the migrations of every project in the folder that PMCHECK_CORPUS names,
// and compares each schema change with its price, on the newest server that is installed.
//
// The tables are empty here, so statements about rows are played but not compared, and of
// statements that refuse a transaction only that they do. Left out are relations that the
// project makes by functions, such as partitions by date, and which index is built: one
// that a statement drops and adds again has the old one's name.
func TestCorpus(t *testing.T) {
	corpus := os.Getenv("PMCHECK_CORPUS")
	if corpus == "" {
		t.Skip("PMCHECK_CORPUS does not name a folder of projects")
	}
	servers := pgtest.Servers(t)
	dirs, err := filepath.Glob(filepath.Join(corpus, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		databases, err := layout.Detect(folder(dir), nil)
		if err != nil {
			t.Errorf("%s: %v", dir, err)
			continue
		}
		for _, db := range databases {
			if db.Engine == layout.Postgres && len(db.Migrations) > 2 && !strings.Contains(db.Root, "testdata") {
				t.Run(filepath.Base(dir)+"/"+db.Root, func(t *testing.T) {
					o := newObserver(t, servers[len(servers)-1])
					o.playProject(folder(dir), db)
				})
			}
		}
	}
}

// folder is the tree of a project's files.
type folder string

func (f folder) Paths() []string {
	var paths []string
	fs.WalkDir(os.DirFS(string(f)), ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			paths = append(paths, path)
		}
		return nil
	})
	return paths
}

func (f folder) Read(path string) ([]byte, error) { return os.ReadFile(filepath.Join(string(f), path)) }

func (o *observer) playProject(tree folder, db layout.Database) {
	o.must(o.conn, `SET client_min_messages = error; SET TimeZone = 'UTC'`)
	c := catalog.New()
	c.Version = o.server.Version
	compared, played, refused := 0, 0, 0
	for _, m := range db.Migrations {
		if m.Direction == layout.Down {
			continue
		}
		content, err := tree.Read(m.Path)
		if err != nil {
			o.t.Fatal(err)
		}
		script, err := m.SQL(bytes.ReplaceAll(content, []byte("/* TEMPLATE: schema */"), nil))
		if err != nil || script.Absent {
			continue
		}
		for _, standIn := range script.StandIns {
			// A placeholder in a schema's place is a schema that the project's settings name.
			if standIn.Kind == layout.Named && standIn.Text != "" && c.Schemas[standIn.Text] == nil {
				execute(o.conn, "CREATE SCHEMA "+catalog.QuoteIdent(standIn.Text))
				c.Apply(catalog.CreateSchema{Base: catalog.Base{On: catalog.Name{Name: standIn.Text}}})
			}
		}
		c.Apply(catalog.SetVariable{Base: catalog.Base{On: catalog.Name{Name: "timezone"}}, Values: []string{"UTC"}})
		for _, st := range postgres.Parse(script.Text).Statements {
			sql := script.Text[st.Start:st.End]
			if action(st) {
				continue
			}
			played++
			predicted, certain := priceAll(c, st, o.server.Version)
			if certain {
				before := o.relations()
				if e := o.inTransaction(sql, before); e.Error == "" {
					compared++
					known := names(c)
					e, predicted = e.among(known), predicted.among(known)
					if e.NotInTransaction {
						predicted = effect{Locks: map[string]string{}, NotInTransaction: predicted.NotInTransaction}
					}
					if !cmp.Equal(e, predicted, cmpopts.EquateEmpty()) {
						o.t.Errorf("%s: %s\nserver:    %s\npredicted: %s", m.Path, sql, e, predicted)
					}
				}
			}
			if err := execute(o.conn, sql); err != nil {
				refused++
				continue
			}
			if !certain {
				execute(o.conn, `VACUUM`) // dead rows would make a rewrite look like TRUNCATE
			}
			for _, op := range st.Ops {
				if err := c.Apply(op.Op); err != nil && !op.Conditional {
					o.t.Logf("%s: the catalog refuses it: %v: %s", m.Path, err, sql)
				}
			}
		}
		execute(o.conn, `RESET ALL; SET client_min_messages = error; SET TimeZone = 'UTC'`)
		c.EndSession()
	}
	o.t.Logf("PostgreSQL %d: %d statements, %d compared, %d refused", o.server.Version, played, compared, refused)
}

// among is the effect on known relations.
func (e effect) among(known map[catalog.Name]bool) effect {
	unknown := func(name string) bool {
		schema, relation, ok := strings.Cut(name, ".")
		if !ok {
			schema, relation = "public", name
		}
		return !known[catalog.Name{Schema: schema, Name: relation}] || schema == "pg_temp"
	}
	e.Locks = maps.Clone(e.Locks)
	maps.DeleteFunc(e.Locks, func(name, _ string) bool { return unknown(name) })
	e.Rewrites = slices.DeleteFunc(slices.Clone(e.Rewrites), unknown)
	e.Scans = slices.DeleteFunc(slices.Clone(e.Scans), unknown)
	e.Builds = nil
	return e
}

// action tells whether a statement begins or ends a transaction: here each statement has
// its own.
func action(st postgres.Statement) bool {
	for _, op := range st.Ops {
		if _, ok := op.Op.(catalog.Transaction); ok {
			return true
		}
	}
	return false
}

// priceAll is what Of says of a statement. It is not certain where rows decide, or where
// it is not known what runs.
func priceAll(c *catalog.Catalog, st postgres.Statement, version int) (e effect, certain bool) {
	e.Locks = map[string]string{}
	old := names(c)
	c = c.Clone()
	for _, op := range st.Ops {
		switch op.Op.(type) {
		case catalog.Insert, catalog.Update, catalog.Delete, catalog.Merge, catalog.Copy, catalog.Truncate, catalog.Read,
			catalog.SetVariable, catalog.CreateFunction, catalog.CreateExtension:
			return e, false
		}
		if op.Conditional || op.Within != "" || op.Kind() == "create_statistics" { // see docs/locks.md, "Left out"
			return e, false
		}
		merge(&e, Of(op.Op, c, version), old)
		c.Apply(op.Op)
	}
	e.tidy()
	return e, st.NotAnalysed == "" && len(st.Ops) > 0
}
