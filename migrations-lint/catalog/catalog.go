// Package catalog is a database's schema as a value: it is built by replaying the
// operations of migrations or of a dump, can be cloned, and compared with another.
//
// It behaves as a PostgreSQL server does: names resolve through the search path,
// IF [NOT] EXISTS, CASCADE and RENAME have the server's effect, and an operation
// that the server would refuse is refused with an [Error].
package catalog

import "fmt"

// Catalog is one database's schema. The zero value is not ready; use [New].
//
// What a lookup returns (a [Relation], an [Index] ...) is never changed afterwards:
// [Catalog.Apply] replaces what it changes by a changed copy. So a value that was
// looked up before an Apply tells how things were before it.
type Catalog struct {
	Schemas    map[string]*Schema
	SearchPath []string // without "$user"; "pg_catalog" is implied
	Extensions map[string]*Extension
	Variables  map[string]string // session variables that a script has SET: "lock_timeout" ...
	Version    int               // the server's major version: 12 to 18

	CustomCasts     bool // a script has defined casts, of which nothing is kept
	CustomOperators bool // a script has defined operators or operator classes, of which nothing is kept

	origin  *byte // the New that it stems from: catalogs of one origin know each other's IDs
	nextID  uint32
	epoch   uint64                // counts Apply calls: what an earlier one made is copied before it is changed
	byID    map[uint32]*Relation  // every relation
	indexes map[uint32][]string   // names of a table's indexes, in order of creation
	undo    []func()              // takes back what the running Apply has done so far
	local   map[string]savedValue // what SET LOCAL has hidden until the end of the transaction
}

// Schema is a namespace. Tables, indexes and sequences share one name space, as in pg_class.
type Schema struct {
	Name      string
	Relations map[string]*Relation // tables, views, materialized views, foreign tables
	Indexes   map[string]*Index
	Sequences map[string]*Sequence
	Types     map[string]*UserType
	Functions map[string][]*Function // overloads by name
}

// RelationKind is what a relation is.
type RelationKind string

// The kinds of relations that have columns.
const (
	Table            RelationKind = "table"
	PartitionedTable RelationKind = "partitioned table"
	View             RelationKind = "view"
	MaterializedView RelationKind = "materialized view"
	ForeignTable     RelationKind = "foreign table"
)

// Relation is a table, view, materialized view or foreign table.
type Relation struct {
	ID           uint32 // never used twice; survives RENAME, so it tells an old table from a new one of the same name
	Schema       string
	Name         string
	Kind         RelationKind
	Columns      []*Column
	Constraints  []*Constraint
	Triggers     []*Trigger
	Rules        []string
	Policies     []string
	Parents      []uint32 // inheritance or the partitioned table, by ID
	PartitionBy  string   // "RANGE", "LIST", "HASH" for a partitioned table
	PartitionKey []IndexElement
	Bound        string // for a partition: text of FOR VALUES, or "DEFAULT"
	Temporary    bool
	Unlogged     bool
	RowSecurity  bool
	Query        *Query // for a view
	Uses         []Use  // for a view: what it depends on
	Populated    bool   // for a materialized view
	Rows         Rows   // rows that the replayed scripts have put in
	Owner        string
	Assumed      bool   // by Assume: nothing but its name is known
	OfType       Type   // CREATE TABLE OF
	Extension    string // that defines it

	policyUses   map[string]policyUse
	onCommitDrop bool
	epoch        uint64
}

// Rows is what the replay knows of a table's rows.
type Rows int

// A table is Empty after CREATE TABLE, has Few rows after INSERT ... VALUES, and
// Many after INSERT ... SELECT, COPY, MERGE or CREATE TABLE AS.
const (
	Empty Rows = iota
	Few
	Many
)

// Use is a dependency of a view: a relation, and a column of it ("" = the relation only).
type Use struct {
	Relation uint32
	Column   string
}

// Column is a column of a relation.
type Column struct {
	ID           uint32 // never used twice; survives RENAME
	Name         string
	Type         Type // zero where a view's column type could not be derived
	NotNull      bool
	NotNullValid bool   // false for a PostgreSQL 18 NOT NULL ... NOT VALID that is not validated yet
	Default      *Expr  // nil for none; a serial's is nextval(...)
	Identity     string // "", "always", "by default"
	Generated    *Expr
	Virtual      bool
	Collation    Name
	Sequence     Name // the sequence that a serial or identity column owns
	Inherited    bool // comes from a parent
	Local        bool // is also defined here

	defaultSequence uint32   // the sequence that Default's nextval() names, by ID
	defaultTypes    []uint32 // the user-defined types that Default needs, by ID
}

// Constraint is a constraint of a table, or of a domain.
type Constraint struct {
	ID uint32 // never used twice; survives RENAME
	ConstraintDef
	Valid     bool
	Index     string // the index behind UNIQUE, PRIMARY KEY, EXCLUDE: in the table's schema
	RefID     uint32 // the referenced table, by ID
	Inherited bool
	Local     bool   // is also defined here
	Parent    uint32 // the constraint of the partitioned table that it belongs to
	refIndex  uint32 // the index that a foreign key rests on, by ID
}

// Index is an index.
type Index struct {
	ID               uint32 // never used twice; survives RENAME
	Schema           string
	Name             string
	Table            uint32
	Unique           bool
	Primary          bool
	Method           string
	Elements         []IndexElement
	Include          []string
	Predicate        *Expr
	NullsNotDistinct bool
	Valid            bool   // false for CREATE INDEX ON ONLY a partitioned table until all partitions are attached
	Parent           string // index of the partitioned table that it belongs to
	Constraint       string // the constraint that owns it

	columnNames []string // the index's own, which stay when the table's column is renamed
	epoch       uint64
}

// Trigger is a trigger of a table.
type Trigger struct {
	ID       uint32 // never used twice; survives RENAME
	Name     string
	Timing   string
	Events   []string
	Columns  []string
	Function Name
	Disabled bool
	WhenUses []string // columns of the table that WHEN names
	Deferred bool     // a constraint trigger
	Row      bool     // FOR EACH ROW
	Parent   uint32   // the trigger of the partitioned table that it was made from, by ID
}

// Sequence is a sequence; Owner is the column that owns it.
type Sequence struct {
	ID        uint32 // never used twice; survives RENAME
	Schema    string
	Name      string
	Type      Type
	OwnerID   uint32
	Column    string
	Identity  bool
	Temporary bool

	epoch uint64
}

// TypeKind is what a user-defined type is.
type TypeKind string

// The kinds of user-defined types.
const (
	Enum      TypeKind = "enum"
	Domain    TypeKind = "domain"
	Composite TypeKind = "composite"
	Range     TypeKind = "range"
	BaseType  TypeKind = "base" // also what an extension defines
)

// UserType is an enum, domain, composite, range or extension type.
type UserType struct {
	ID          uint32 // never used twice; survives RENAME
	Schema      string
	Name        string
	Kind        TypeKind
	Labels      []string  // enum
	Columns     []*Column // composite
	Base        Type      // domain
	NotNull     bool      // domain
	Default     *Expr     // domain
	Constraints []*Constraint
	Extension   string

	shell bool // CREATE TYPE name; without a definition yet
	epoch uint64
}

// Function is a function, procedure or aggregate.
type Function struct {
	ID        uint32 // never used twice; survives RENAME and OR REPLACE
	Schema    string
	Name      string
	Object    string // "function", "procedure", "aggregate"
	Args      []FuncArg
	Returns   Type
	SetOf     bool
	Language  string
	Volatile  string // "volatile", "stable", "immutable"
	Extension string
}

// Extension is an installed extension.
type Extension struct {
	Name, Schema, Version string
}

// New is a catalog as CREATE DATABASE leaves it on PostgreSQL 17: the schema public, and public on the search path.
func New() *Catalog {
	c := &Catalog{
		Schemas:    map[string]*Schema{},
		SearchPath: []string{"public"},
		Extensions: map[string]*Extension{},
		Variables:  map[string]string{},
		Version:    17,
		byID:       map[uint32]*Relation{},
		indexes:    map[uint32][]string{},
		origin:     new(byte),
	}
	c.Schemas["public"] = newSchema("public")
	c.Extensions["plpgsql"] = &Extension{Name: "plpgsql", Schema: "pg_catalog", Version: "1.0"}
	return c
}

func newSchema(name string) *Schema {
	return &Schema{
		Name:      name,
		Relations: map[string]*Relation{},
		Indexes:   map[string]*Index{},
		Sequences: map[string]*Sequence{},
		Types:     map[string]*UserType{},
		Functions: map[string][]*Function{},
	}
}

// Error says why the server would refuse an operation, in the server's words.
type Error struct {
	Code    string // SQLSTATE, "42P01" ...
	Message string
}

func (e *Error) Error() string { return e.Message }

func errorf(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}
