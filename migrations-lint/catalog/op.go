package catalog

// Op is one thing that a statement does to a schema or to its data. An engine's
// parser makes Ops, [Catalog.Apply] carries them out, package hazard prices them.
// An ALTER TABLE with three sub-commands is three Ops, in the order in which the
// server runs them.
type Op interface {
	// Kind is the operation's name in facts: "add_column", "create_index" ...
	Kind() string
	// Target is the object that the operation is about, as the statement names it.
	Target() Name
}

// Name is the name of an object as a statement writes it, case already folded.
// Schema is "" where the search path decides.
type Name struct {
	Schema string
	Name   string
}

// String is the name as a message shows it: quoted only where it must be.
func (n Name) String() string {
	if n.Schema == "" {
		return QuoteIdent(n.Name)
	}
	return QuoteIdent(n.Schema) + "." + QuoteIdent(n.Name)
}

// IsZero tells that there is no name.
func (n Name) IsZero() bool { return n == Name{} }

// Expr is an expression of a statement, as far as a schema's shape and a
// statement's cost depend on it.
type Expr struct {
	SQL       string   // its text, normalised by the engine's deparser
	Columns   []string // columns of the table it names, sorted, without duplicates
	Functions []Name   // functions it calls, sorted, without duplicates
	Const     bool     // only literals, casts and signs: needs no row and no call
	Null      bool     // the literal NULL, cast or not
	Column    string   // the expression is this column and nothing but casts
	Casts     []Type   // the casts around Column or around a literal, innermost first
	Select    bool     // holds a sub-select
	NotNullOf []string // columns for which a true result proves IS NOT NULL (CHECK analysis)
}

// ColumnDef is a column as CREATE TABLE, ADD COLUMN or a composite type defines it.
type ColumnDef struct {
	Name             string
	Type             Type
	Collation        Name
	NotNull          bool
	NotNullName      string // PostgreSQL 18 names NOT NULL constraints
	NotNullNoInherit bool   // PostgreSQL 18: NOT NULL NO INHERIT
	Null             bool   // an explicit NULL
	Default          *Expr
	Serial           bool   // serial, bigserial, smallserial: Type is then the integer type
	Identity         string // "", "always", "by default"
	Generated        *Expr
	Virtual          bool            // Generated is VIRTUAL, not STORED
	Constraints      []ConstraintDef // CHECK, UNIQUE, PRIMARY KEY, REFERENCES written at the column
	Storage          string
	Compression      string
}

// ConstraintType says what a constraint is.
type ConstraintType string

// The constraint types, named as in SQL.
const (
	Check      ConstraintType = "CHECK"
	Unique     ConstraintType = "UNIQUE"
	PrimaryKey ConstraintType = "PRIMARY KEY"
	ForeignKey ConstraintType = "FOREIGN KEY"
	Exclude    ConstraintType = "EXCLUDE"
	NotNull    ConstraintType = "NOT NULL" // PostgreSQL 18: ADD CONSTRAINT c NOT NULL col
)

// ConstraintDef is a constraint as a statement defines it.
type ConstraintDef struct {
	Name             string // "" = the server chooses
	Type             ConstraintType
	Columns          []string // of this table; for EXCLUDE the plain columns among its elements
	Elements         []IndexElement
	Expr             *Expr // CHECK, or the predicate of EXCLUDE
	Predicate        *Expr
	RefTable         Name
	RefColumns       []string // empty = the referenced primary key
	OnDelete         string   // "", "CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT"
	OnUpdate         string
	Match            string
	NotValid         bool
	NotEnforced      bool // PostgreSQL 18
	NoInherit        bool
	Deferrable       bool
	InitiallyDefer   bool
	UsingIndex       string // ADD CONSTRAINT ... USING INDEX
	Method           string // EXCLUDE USING method
	Include          []string
	NullsNotDistinct bool
	WithoutOverlaps  bool // PostgreSQL 18
	Period           bool // PostgreSQL 18: FOREIGN KEY (a, PERIOD b)
}

// IndexElement is one key of an index.
type IndexElement struct {
	Column    string // "" for an expression
	Expr      *Expr
	OpClass   Name
	Collation Name
	Desc      bool
	Nulls     string // "", "FIRST", "LAST"
	Operator  string // EXCLUDE ... WITH operator
	Derived   string // for an expression, the column name that the server derives from it: "lower" for lower(x); "" where it finds none
}

// Base carries what nearly every Op has. Embedded; the zero value is useful.
type Base struct{ On Name }

// Target is the object's name.
func (b Base) Target() Name { return b.On }

// AlterBase is embedded by the sub-commands of ALTER TABLE (VIEW, INDEX,
// MATERIALIZED VIEW, FOREIGN TABLE).
type AlterBase struct {
	Base
	IfExists bool   // ALTER TABLE IF EXISTS
	Only     bool   // ALTER TABLE ONLY
	Object   string // what the statement calls it: "table", "view", "materialized view", "index", "foreign table", "sequence"
	First    bool   // the first sub-command of its statement
}

// Schemas.
type (
	// CreateSchema is CREATE SCHEMA; its elements follow as Ops of their own.
	CreateSchema struct {
		Base        // On.Name is the schema
		IfNotExists bool
	}
	// DropSchema is DROP SCHEMA.
	DropSchema struct {
		Base
		IfExists, Cascade bool
	}
	// RenameSchema is ALTER SCHEMA RENAME TO.
	RenameSchema struct {
		Base
		To string
	}
)

// Tables.
type (
	// CreateTable is CREATE TABLE in all its forms.
	CreateTable struct {
		Base
		IfNotExists  bool
		Temporary    bool
		Unlogged     bool
		Foreign      bool
		Columns      []ColumnDef
		Constraints  []ConstraintDef
		Inherits     []Name
		Like         []Like
		PartitionOf  Name
		Bound        string // the text of FOR VALUES, "DEFAULT" for the default partition
		PartitionBy  string // "", "RANGE", "LIST", "HASH"
		PartitionKey []IndexElement
		OfType       Name
		As           *Query // CREATE TABLE AS, SELECT INTO
		AsColumns    []string
		WithData     bool // CREATE TABLE AS ... [WITH DATA]
		Method       string
		OnCommitDrop bool // ON COMMIT DROP of a temporary table
	}
	// Like is LIKE source INCLUDING ....
	Like struct {
		Source  Name
		Options []string // "ALL", "DEFAULTS", "CONSTRAINTS", "INDEXES", "IDENTITY", "GENERATED", "STATISTICS", "STORAGE", "COMMENTS", "COMPRESSION"
		After   int      // how many of the statement's own Columns stand before it
	}
	// DropRelation is DROP TABLE, VIEW, MATERIALIZED VIEW, INDEX, SEQUENCE or
	// FOREIGN TABLE, one Op per name; Together holds the other names of the statement.
	DropRelation struct {
		Base
		Object       string // "table", "view", "materialized view", "index", "sequence", "foreign table"
		IfExists     bool
		Cascade      bool
		Concurrently bool
		Together     []Name
	}
	// RenameRelation is ALTER TABLE, VIEW, INDEX, SEQUENCE ... RENAME TO.
	RenameRelation struct {
		AlterBase
		To string
	}
	// SetSchema is ALTER TABLE, VIEW, SEQUENCE, TYPE, FUNCTION ... SET SCHEMA.
	SetSchema struct {
		AlterBase
		To        string
		Args      []Type // of a function
		ArgsGiven bool
	}
	// ChangeOwner is ALTER ... OWNER TO.
	ChangeOwner struct {
		AlterBase
		Role string
	}
)

// Columns.
type (
	// AddColumn is ADD COLUMN.
	AddColumn struct {
		AlterBase
		Column      ColumnDef
		IfNotExists bool
	}
	// DropColumn is DROP COLUMN.
	DropColumn struct {
		AlterBase
		Column         string
		ColumnIfExists bool
		Cascade        bool
	}
	// RenameColumn is RENAME COLUMN (also of views and composite types).
	RenameColumn struct {
		AlterBase
		Column, To string
	}
	// AlterColumnType is ALTER COLUMN TYPE.
	AlterColumnType struct {
		AlterBase
		Column    string
		Type      Type
		Using     *Expr
		Collation Name
	}
	// SetDefault is ALTER COLUMN SET DEFAULT; Default nil is DROP DEFAULT.
	SetDefault struct {
		AlterBase
		Column  string
		Default *Expr
	}
	// SetNotNull is ALTER COLUMN SET NOT NULL.
	SetNotNull struct {
		AlterBase
		Column string
	}
	// DropNotNull is ALTER COLUMN DROP NOT NULL.
	DropNotNull struct {
		AlterBase
		Column string
	}
	// SetIdentity is ADD GENERATED ... AS IDENTITY (Add), SET GENERATED, or DROP
	// IDENTITY (Identity "").
	SetIdentity struct {
		AlterBase
		Column   string
		Identity string // "", "always", "by default"
		Add      bool
		IfExists bool
	}
	// SetGenerated is SET EXPRESSION AS (PostgreSQL 17) or DROP EXPRESSION (Expr nil).
	SetGenerated struct {
		AlterBase
		Column   string
		Expr     *Expr
		IfExists bool
	}
	// SetColumnOption is SET STATISTICS, STORAGE, COMPRESSION, (n_distinct ...): no
	// change of shape.
	SetColumnOption struct {
		AlterBase
		Column string
		Option string // "statistics", "storage", "compression", "options"
	}
)

// Constraints.
type (
	// AddConstraint is ADD [CONSTRAINT] table constraint.
	AddConstraint struct {
		AlterBase
		Constraint ConstraintDef
	}
	// DropConstraint is DROP CONSTRAINT.
	DropConstraint struct {
		AlterBase
		Name               string
		ConstraintIfExists bool
		Cascade            bool
	}
	// ValidateConstraint is VALIDATE CONSTRAINT.
	ValidateConstraint struct {
		AlterBase
		Name string
	}
	// AlterConstraint is ALTER CONSTRAINT: it sets the deferrability, unless it is
	// about [NOT] ENFORCED or [NO] INHERIT (PostgreSQL 18).
	AlterConstraint struct {
		AlterBase
		Name           string
		Deferrable     bool
		InitiallyDefer bool
		Enforced       *bool
		Inherit        *bool
	}
	// RenameConstraint is RENAME CONSTRAINT.
	RenameConstraint struct {
		AlterBase
		Name, To string
	}
)

// Table storage, partitions and switches.
type (
	// AttachPartition is ALTER TABLE ATTACH PARTITION and ALTER INDEX ATTACH PARTITION.
	AttachPartition struct {
		AlterBase
		Partition Name
		Bound     string // text of FOR VALUES, "DEFAULT"
	}
	// DetachPartition is ALTER TABLE DETACH PARTITION.
	DetachPartition struct {
		AlterBase
		Partition    Name
		Concurrently bool
		Finalize     bool
	}
	// SetInherit is INHERIT parent, or NO INHERIT (Remove).
	SetInherit struct {
		AlterBase
		Parent Name
		Remove bool
	}
	// SetTableOption is every sub-command without effect on the shape that tables
	// have, by the name in Option: "set_tablespace", "set_access_method",
	// "set_logged", "set_unlogged", "set_storage_parameters",
	// "reset_storage_parameters", "replica_identity", "cluster_on",
	// "set_without_cluster", "set_without_oids", "enable_trigger",
	// "disable_trigger", "enable_rule", "disable_rule",
	// "enable_row_level_security", "disable_row_level_security",
	// "force_row_level_security", "no_force_row_level_security", "of_type",
	// "not_of_type", "foreign_options".
	SetTableOption struct {
		AlterBase
		Option string
		Value  string   // trigger, index, tablespace, access method ...
		Names  []string // storage parameters' names
	}
)

// Indexes and maintenance.
type (
	// CreateIndex is CREATE INDEX; On is the table.
	CreateIndex struct {
		Base
		Name             string // "" = the server chooses
		IfNotExists      bool
		Unique           bool
		Concurrently     bool
		Only             bool
		Method           string // "btree" by default
		Elements         []IndexElement
		Include          []string
		Predicate        *Expr
		NullsNotDistinct bool
	}
	// Reindex is REINDEX; On is the index or table, zero for SYSTEM and DATABASE.
	Reindex struct {
		Base
		Object       string // "index", "table", "schema", "database", "system"
		Concurrently bool
	}
	// Cluster is CLUSTER; On is zero for all tables.
	Cluster struct {
		Base
		Index string
	}
	// Vacuum is VACUUM or ANALYZE, one Op per table; On is zero for all tables.
	Vacuum struct {
		Base
		Full    bool
		Analyze bool // plain ANALYZE
	}
	// RefreshMatview is REFRESH MATERIALIZED VIEW.
	RefreshMatview struct {
		Base
		Concurrently bool
		WithNoData   bool
	}
)

// Views.
type (
	// CreateView is CREATE [OR REPLACE] VIEW or CREATE MATERIALIZED VIEW.
	CreateView struct {
		Base
		OrReplace    bool
		Materialized bool
		Temporary    bool
		IfNotExists  bool
		WithNoData   bool
		Columns      []string
		Query        *Query
	}
)

// Query is a SELECT as far as the columns of a view or of CREATE TABLE AS need it.
type Query struct {
	SQL       string
	Relations []Name // every relation it names that is not a CTE, sorted
	Functions []Name // every function it calls, sorted
	Select    *Select
}

// Select is one level of a query. Either Set or Values or the rest is filled.
type Select struct {
	With    []CTE
	From    []FromItem
	Outputs []Output
	Refs    []ColumnRef // every column reference of this level, outputs included
	Values  [][]Output  // VALUES lists
	Set     *SetOp
	Subs    []*Select // sub-selects inside expressions of this level
}

// SetOp is UNION, INTERSECT or EXCEPT; its columns are those of Left.
type SetOp struct{ Left, Right *Select }

// CTE is one query of WITH.
type CTE struct {
	Name      string
	Columns   []string
	Recursive bool
	Query     *Select // nil when it is not a SELECT
	Returning []Output
	DML       Name     // target of INSERT, UPDATE, DELETE, MERGE
	Extra     []string // columns that SEARCH and CYCLE add
}

// FromItem is a relation, a sub-select, a function or a join of two.
type FromItem struct {
	Relation    Name
	Sub         *Select
	Function    Name
	Alias       string
	Columns     []ColumnDef // aliases (Type zero) or a column definition list
	Ordinality  bool
	Lateral     bool
	Left, Right *FromItem // a join
	Natural     bool
	Using       []string
}

// Output is one entry of a select list.
type Output struct {
	Name string    // the alias or the name that the server derives; "?column?" where it has none
	Star bool      // *, t.*, or (...).*: all fields of a row, of a composite column, or of what Func returns
	Ref  ColumnRef // set when the entry is a plain column (casts allowed: then Type is set); for Star the qualifier as Table, or the composite column
	Type Type      // known from an outermost cast, a literal or a construct with a fixed type
	Func Name      // the function, when the entry is a call
}

// ColumnRef is a column as a query names it.
type ColumnRef struct {
	Schema, Table, Column string
}

// Types, functions and the rest.
type (
	// CreateEnum is CREATE TYPE AS ENUM.
	CreateEnum struct {
		Base
		Labels []string
	}
	// AddEnumValue is ALTER TYPE ADD VALUE.
	AddEnumValue struct {
		Base
		Label         string
		IfNotExists   bool
		Before, After string
	}
	// RenameEnumValue is ALTER TYPE RENAME VALUE.
	RenameEnumValue struct {
		Base
		Label, To string
	}
	// CreateComposite is CREATE TYPE AS (...).
	CreateComposite struct {
		Base
		Columns []ColumnDef
	}
	// AlterComposite is ALTER TYPE ADD, DROP or ALTER ATTRIBUTE.
	AlterComposite struct {
		Base
		Action   string // "add", "drop", "alter"
		Column   ColumnDef
		IfExists bool // DROP ATTRIBUTE IF EXISTS
		Cascade  bool
	}
	// CreateType is any other CREATE TYPE: "range", "base", "shell".
	CreateType struct {
		Base
		Form    string
		Subtype Type // of a range
	}
	// CreateDomain is CREATE DOMAIN.
	CreateDomain struct {
		Base
		Type    Type
		NotNull bool
		Default *Expr
		Checks  []ConstraintDef
	}
	// AlterDomain is ALTER DOMAIN.
	AlterDomain struct {
		Base
		Action     string // "set_default", "drop_default", "set_not_null", "drop_not_null", "add_constraint", "drop_constraint", "validate_constraint", "rename_constraint"
		Default    *Expr
		Constraint ConstraintDef
		IfExists   bool
		To         string
	}
	// RenameType is ALTER TYPE or DOMAIN RENAME TO.
	RenameType struct {
		Base
		To string
	}
	// DropType is DROP TYPE or DOMAIN.
	DropType struct {
		Base
		Domain            bool
		IfExists, Cascade bool
	}
	// CreateFunction is CREATE [OR REPLACE] FUNCTION or PROCEDURE or AGGREGATE.
	CreateFunction struct {
		Base
		Object    string // "function", "procedure", "aggregate"
		OrReplace bool
		Args      []FuncArg
		Returns   Type // zero for procedures; "trigger" for trigger functions; "record" with table columns
		SetOf     bool
		Language  string
		Volatile  string // "volatile" (default), "stable", "immutable"
		Body      string // text of AS $$...$$; "" for SQL-standard bodies
	}
	// FuncArg is a parameter of a function.
	FuncArg struct {
		Name    string
		Mode    string // "in", "out", "inout", "variadic", "table"
		Type    Type
		Default bool
	}
	// DropFunction is DROP FUNCTION, PROCEDURE, ROUTINE or AGGREGATE.
	DropFunction struct {
		Base
		Object            string
		Args              []Type
		ArgsGiven         bool
		IfExists, Cascade bool
	}
	// RenameFunction is ALTER FUNCTION RENAME TO.
	RenameFunction struct {
		Base
		Object    string
		Args      []Type
		ArgsGiven bool
		To        string
	}
	// CreateTrigger is CREATE TRIGGER; On is the table.
	CreateTrigger struct {
		Base
		Name       string
		OrReplace  bool
		Timing     string   // "BEFORE", "AFTER", "INSTEAD OF"
		Events     []string // "INSERT", "UPDATE", "DELETE", "TRUNCATE"
		Columns    []string
		Function   Name
		Constraint bool
		RefTable   Name     // CREATE CONSTRAINT TRIGGER ... FROM
		WhenUses   []string // columns of the table that WHEN (...) names
		Row        bool     // FOR EACH ROW
	}
	// DropTableObject is DROP TRIGGER, RULE or POLICY; On is the table.
	DropTableObject struct {
		Base
		Object            string // "trigger", "rule", "policy"
		Name              string
		IfExists, Cascade bool
	}
	// RenameTableObject is ALTER TRIGGER, RULE or POLICY RENAME TO.
	RenameTableObject struct {
		Base
		Object   string
		Name, To string
	}
	// CreateTableObject is CREATE RULE or CREATE or ALTER POLICY; On is the table.
	CreateTableObject struct {
		Base
		Object    string // "rule", "policy"
		Name      string
		OrReplace bool
		Alter     bool
		Columns   []string // columns of the table that a policy's expressions name
		Functions []Name   // functions that a policy's expressions call
		Reads     []Name   // other relations that a policy's expressions or a rule's actions name
	}
	// CreateSequence is CREATE SEQUENCE.
	CreateSequence struct {
		Base
		IfNotExists bool
		Temporary   bool
		Type        Type
		OwnedBy     ColumnRef
	}
	// AlterSequence is ALTER SEQUENCE with options.
	AlterSequence struct {
		Base
		IfExists  bool
		Type      Type
		OwnedBy   ColumnRef // Column "" = not given; OwnedNone = OWNED BY NONE
		OwnedNone bool
	}
	// CreateExtension is CREATE EXTENSION.
	CreateExtension struct {
		Base        // On.Name is the extension, On.Schema the SCHEMA clause
		IfNotExists bool
		Version     string
	}
	// AlterExtension is ALTER EXTENSION UPDATE, SET SCHEMA, ADD or DROP.
	AlterExtension struct {
		Base
		Action string // "update", "set schema", "add", "drop"
		To     string // the schema of SET SCHEMA, the version of UPDATE TO
	}
	// DropExtension is DROP EXTENSION.
	DropExtension struct {
		Base
		IfExists, Cascade bool
	}
	// Grant is GRANT or REVOKE on one object.
	Grant struct {
		Base
		Object     string // "table", "sequence", "schema", "function", "type", "all tables in schema" ...
		Revoke     bool
		Privileges []string // empty = ALL
		Columns    []string
		Roles      []string
	}
	// Comment is COMMENT ON.
	Comment struct {
		Base
		Object string // "table", "column", ...
		Column string
	}
	// Other is a statement without effect on what the catalog holds, by its name:
	// "create_role", "alter_default_privileges", "create_statistics",
	// "create_publication", "create_operator", "create_cast", "security_label" ...
	Other struct {
		Base
		Name string
	}
)

// Data and session.
type (
	// Insert is INSERT.
	Insert struct {
		Base
		Columns  []string // empty = all
		Rows     int      // rows of VALUES; 0 for SELECT or DEFAULT VALUES
		Select   bool     // INSERT ... SELECT
		Reads    []Name   // other relations it reads
		Conflict bool     // ON CONFLICT
	}
	// Update is UPDATE.
	Update struct {
		Base
		Columns []string
		Where   bool
		Reads   []Name
		// WhereUnique lists columns compared for equality with a literal or parameter at the
		// top level of WHERE (joined by AND).
		WhereEquals []string
		Limited     bool // WHERE ctid/id IN (SELECT ... LIMIT n): a batch
	}
	// Delete is DELETE.
	Delete struct {
		Base
		Where       bool
		Reads       []Name
		WhereEquals []string
		Limited     bool
	}
	// Merge is MERGE.
	Merge struct {
		Base
		Reads []Name
	}
	// Truncate is TRUNCATE, one Op per table; Together holds the others.
	Truncate struct {
		Base
		Cascade  bool
		Together []Name
	}
	// Copy is COPY table FROM or TO.
	Copy struct {
		Base
		Columns []string
		From    bool
		Rows    int // data rows in the script, for COPY FROM STDIN in a dump
	}
	// Read is SELECT, VALUES, EXPLAIN, CALL ...: reads only, as far as can be seen.
	Read struct {
		Base
		Reads     []Name
		Functions []Name
		ForUpdate string // "", "FOR UPDATE", "FOR SHARE" ...
	}
	// LockTable is LOCK TABLE, one Op per table.
	LockTable struct {
		Base
		Mode   string // "ACCESS EXCLUSIVE" ...
		NoWait bool
	}
	// SetVariable is SET [LOCAL] name = value, RESET, or set_config(...) called by SELECT.
	SetVariable struct {
		Base   // On.Name is the variable, lower case
		Values []string
		Local  bool
		Reset  bool // RESET or SET TO DEFAULT; name "all" for RESET ALL
	}
	// Transaction is BEGIN, COMMIT, ROLLBACK, SAVEPOINT, RELEASE, ROLLBACK TO.
	Transaction struct {
		Base
		Action string // "begin", "commit", "rollback", "savepoint", "release", "rollback to", "prepare"
		Chain  bool
	}
)
