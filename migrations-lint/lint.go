// Package lint says what migrations do to a database: SQL in, what it does to a
// schema and what that costs out. It knows nothing of git or of pull requests.
//
// The way through it is one: package layout says which files are migrations, an
// engine's package parses them, package catalog replays them, package hazard
// prices each operation on the schema that it meets.
package lint

import (
	"context"
	"fmt"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
	"github.com/pmcheck/pmcheck/migrations-lint/hazard"
	"github.com/pmcheck/pmcheck/migrations-lint/layout"
)

// Source is the files of one revision.
type Source interface {
	// Read gives a file's whole content.
	Read(path string) ([]byte, error)
	// ReadMany hands each file's content to visit, or the error of reading it, in the order of paths.
	ReadMany(ctx context.Context, paths []string, visit func(path string, content []byte, err error) error) error
	// BlobID identifies a file's content; a file with the same path and id on both
	// sides is parsed once. "" is never shared.
	BlobID(path string) (string, bool)
}

// Status is what the change does to a migration.
type Status string

// What a change does to a migration. Unchanged migrations are replayed, not judged.
const (
	Unchanged Status = ""
	Added     Status = "added"
	Edited    Status = "edited"
	Renamed   Status = "renamed" // moved, with the same content
	Deleted   Status = "deleted"
)

// Touched is a migration file that the change touches; Path is its path at head,
// or at base for a deleted one.
type Touched struct {
	Status  Status
	OldPath string
}

// Request is one database of a change.
type Request struct {
	Base, Head  *layout.Database // nil where the tree has no such database
	BaseFiles   Source
	HeadFiles   Source
	Touched     map[string]Touched // by path
	Version     int                // PostgreSQL's major version, 12 to 18
	Unknown     bool               // the files stand alone: tables that they do not create exist already
	DumpTouched bool               // the change edits the schema dump
}

// Result is what a change does to one database.
type Result struct {
	Base, Head *catalog.Catalog
	Migrations []Migration // those that the change touches, in the order of the head
	Delta      []Change
	Drift      []catalog.Change // the committed dump against the migrations: what the change brings in
	DriftPath  string
	Read       int   // up migrations of the head that were read
	Statements int   // statements in them
	Gaps       []Gap // what the history before the change left open
}

// Change is a difference between the schemas, and the operations that make it.
type Change struct {
	catalog.Change
	CausedBy []Place
}

// Gap is a piece of the merged history that could not be replayed.
type Gap struct {
	Place  Place
	Reason string
}

// Place is a place in a file, counted from 1; columns count bytes.
type Place struct {
	Path         string
	Line, Column int
	EndLine      int
	Base         bool // in the file as the base has it
}

// Migration is a migration that the change touches. Statements holds the
// operations of an added or edited up or repeatable migration.
type Migration struct {
	layout.Migration
	Status      Status
	OldPath     string
	Content     []byte
	Text        string // what the server is sent
	Transaction layout.Transaction
	Spans       []Place // of the SQL statements, in order
	Before      []Place // of a schema file, for each of Spans: the table as the base has it, or nothing
	Statements  []Statement
	Problems    []Problem
	Down        string   // path of its down half, "" if there is none
	DownDiffers []string // what up and then down leave changed; nil when they leave nothing
	LeftOut     []LeftOut
}

// LeftOut is a statement that makes the database what the schema file says, and that the tool does not run.
type LeftOut struct {
	Place  Place
	SQL    string
	Reason string
}

// Problem is a piece of a migration that could not be analysed.
type Problem struct {
	Place  Place
	Kind   string // one of package postgres, or "refused" by the schema, or "unread"
	Reason string
	SQL    string
}

// Statement is one operation in its place, with its cost on the schema it meets.
type Statement struct {
	Index       int // of the SQL statement in its migration, from 0
	SQL         string
	Place       Place
	Op          catalog.Op
	Conditional bool
	Before      Before
	Cost        hazard.Cost
	Narrows     bool            // a type change after which some old value no longer fits
	ByKey       bool            // an UPDATE or DELETE whose WHERE fixes every column of a unique index
	New         bool            // the relation is new in this change and holds no old rows
	NewAlso     map[string]bool // the same for each relation of Cost.Also, by its name

	InTransaction    bool
	Transaction      int    // which transaction of its migration it runs in, from 1; 0 = one of its own
	LockTimeout      string // "" = not set in this migration
	StatementTimeout string
	Held             []Held

	PlannedBy string // the tool that makes the statement from a schema file, "" where a file holds it
	Needs     string // the flag without which the tool leaves it out
}

// Before is the schema that an operation meets, as far as it is about it.
type Before struct {
	Relation    catalog.Name // schema-qualified; zero when there is none
	Known       bool
	Kind        catalog.RelationKind
	Partition   bool
	ColumnType  catalog.Type
	IndexTable  catalog.Name // for an operation on an index
	IndexUnique bool
}

// Held is a lock that an earlier statement of the transaction holds on a relation that is not new.
type Held struct {
	Relation string
	Kind     string // "table", "index" ...
	Lock     hazard.Lock
	Line     int
}

// Judge replays the merged history of a database, carries out what the change
// adds, and prices it. It fails only when ctx ends or a file cannot be read;
// what cannot be understood becomes a Problem or a Gap.
func Judge(ctx context.Context, req Request) (*Result, error) {
	if d := req.Head; d != nil && d.Declared != nil {
		return judgeDeclared(ctx, req)
	}
	scripts, err := parseAll(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	j := &judge{Request: req, scripts: scripts, result: &Result{}}
	j.replayBase()
	j.applyHead()
	j.compare()
	return j.result, nil
}
