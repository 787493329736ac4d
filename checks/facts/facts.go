// Package facts is the input of every rule: what a change is and does, as one
// document. It states what is, never what is allowed.
//
// The structs' JSON names are a contract. [Schema] is the JSON Schema made from
// them; rules are type-checked against it. A member is added freely; removing or
// renaming one needs a new [Version].
package facts

// Version is the version of the document's form.
const Version = 1

// Facts is the document.
type Facts struct {
	Version      int           `json:"version"`
	Change       Change        `json:"change"`
	Databases    []Database    `json:"databases"`
	Migrations   []Migration   `json:"migrations"`
	Matrix       Matrix        `json:"matrix"`
	Uses         []Use         `json:"uses"`
	Postmortems  Postmortems   `json:"postmortems"`
	Config       ConfigChange  `json:"config"`
	Suppressions []Suppression `json:"suppressions"`
	Pipeline     Pipeline      `json:"pipeline"`
	Runbooks     []Runbook     `json:"runbooks"`       // those that name a migration of the change
	Findings     []Judged      `json:"findings"`       // known only to the rules that run after the others (custom.after in METADATA)
	Live         *Live         `json:"live,omitempty"` // what a live database said; absent where none was asked
	Settings     Settings      `json:"settings"`
	Now          string        `json:"now"` // RFC 3339, UTC
}

// Change is what is judged.
type Change struct {
	Repository string   `json:"repository,omitempty"` // "owner/name"
	Base       string   `json:"base"`                 // commit id
	Head       string   `json:"head"`                 // commit id
	Dirty      bool     `json:"dirty"`                // the head is the worktree, with what is not committed
	Stage      string   `json:"stage"`                // local | pull-request | pre-deploy | rollback
	Number     int      `json:"number,omitempty"`
	Title      string   `json:"title,omitempty"`
	Body       string   `json:"body,omitempty"` // the description of the pull request, where it is known, cut at 20,000 bytes
	Labels     []string `json:"labels"`
	Commits    []Commit `json:"commits"`
	Files      []File   `json:"files"`

	BaseSource string   `json:"base_source,omitempty"` // how the base was found: flag | circleci-deploy | circleci-job | circleci-workflow | ref | ... ; "" = the default branch
	BaseReason string   `json:"base_reason,omitempty"` // the same in words
	Landed     []Landed `json:"landed"`                // before a deploy: what goes out, newest first
	MoreLanded bool     `json:"more_landed"`           // landed is not all of it
}

// Landed is what goes out with a deploy and came to its branch in one step: a merged
// pull request, or a commit that was made on the branch itself.
type Landed struct {
	Commit      string   `json:"commit"`                 // the merge commit, or the commit itself
	Label       string   `json:"label"`                  // "#12" or "!12", as its host writes the pull request; else the commit, cut
	PullRequest int      `json:"pull_request,omitempty"` // its number
	Title       string   `json:"title"`
	Brings      []string `json:"brings"` // the kinds of its files, as File.Kind: migration, code ...
	Files       []string `json:"files"`  // that it adds, changes or deletes, at most 2,000
}

// Commit is a commit of the change.
type Commit struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	Body  string `json:"body,omitempty"` // what stands below the title, cut at 4,000 bytes
}

// File is a file that differs between base and head.
type File struct {
	Path    string `json:"path"`
	OldPath string `json:"old_path,omitempty"`
	Status  string `json:"status"` // added | modified | deleted | renamed | type-changed
	Kind    string `json:"kind"`   // migration | schema-dump | policy | postmortem | config | pipeline | code | test | document | other
}

// Place is a place in a file. Lines and columns count from 1; columns count bytes.
type Place struct {
	Path    string `json:"path"`
	Line    int    `json:"line"`
	Column  int    `json:"column,omitempty"`
	EndLine int    `json:"end_line,omitempty"`
	Side    string `json:"side,omitempty"` // base | head; "" = head
}

// Database is one database of the repository.
type Database struct {
	Name      string   `json:"name"`
	Engine    string   `json:"engine"`  // postgres | mysql | sqlite | unknown
	Version   string   `json:"version"` // major version that the costs are for
	Layout    string   `json:"layout"`  // the migration framework; sqldef where schema files stand in the place of migrations
	Root      string   `json:"root"`
	Why       string   `json:"why"`
	Read      int      `json:"read"`       // migrations at head that were read
	Statement int      `json:"statements"` // statements in them
	Delta     []Delta  `json:"delta"`
	Drift     []Delta  `json:"drift"`      // where the committed schema dump, after the change and not before it, differs from the migrations; caused_by is the dump
	LiveDrift []Delta  `json:"live_drift"` // where the live database differs from what the migrations that it has run make; in what they make alone
	Unread    []Unread `json:"unread"`
}

// Unread is a migration of this change that could not be read.
type Unread struct {
	Place  Place  `json:"place"`
	Layout string `json:"layout"`
	Reason string `json:"reason"`
	Status string `json:"status"`            // as Migration.Status
	NotRun bool   `json:"not_run,omitempty"` // the tool passes over it: it changes no database
}

// Delta is one difference between the schema at base and at head.
type Delta struct {
	Kind      string  `json:"kind"`   // added | removed | renamed | changed
	Object    string  `json:"object"` // schema | table | column | index | constraint | view | enum | enum_value | type | domain | function | trigger | sequence | extension
	Relation  string  `json:"relation,omitempty"`
	Name      string  `json:"name"`
	Attribute string  `json:"attribute,omitempty"` // changed: type | not_null | default | ...
	From      string  `json:"from,omitempty"`
	To        string  `json:"to,omitempty"`
	Type      string  `json:"type,omitempty"`     // of a column that is there at head
	NotNull   bool    `json:"not_null,omitempty"` // likewise
	Required  bool    `json:"required,omitempty"` // an added or changed column that every INSERT must now name
	Tested    bool    `json:"tested"`             // a test that the change adds or edits has its name, or that of its relation
	Named     bool    `json:"named"`              // code at head has its name somewhere, in any usual spelling, or the new schema's views and functions have
	Database  string  `json:"database"`
	CausedBy  []Place `json:"caused_by"`
}

// Migration is a migration file, or the half of one, that the change adds, edits,
// renames or deletes.
type Migration struct {
	Database       string      `json:"database"`
	Path           string      `json:"path"`
	OldPath        string      `json:"old_path,omitempty"`
	Version        string      `json:"version"`
	Name           string      `json:"name"`
	Layout         string      `json:"layout"`
	Direction      string      `json:"direction"`   // up | down | repeatable
	Transaction    string      `json:"transaction"` // file | all | implicit | none
	TransactionWhy string      `json:"transaction_why"`
	Status         string      `json:"status"` // added | edited | renamed | deleted
	Statements     []Statement `json:"statements"`
	NotAnalysed    []Problem   `json:"not_analysed"`
	HasDown        bool        `json:"has_down"`               // an up migration that has a down half
	DownMissing    bool        `json:"down_missing"`           // the framework knows down migrations, others here have one, this has none
	DownDiffers    []string    `json:"down_differs,omitempty"` // what is not as before after up and down
	LeftOut        []LeftOut   `json:"left_out,omitempty"`     // of a schema file: what the tool that applies it does not run
	DuplicateOf    string      `json:"duplicate_of,omitempty"` // path of another migration with the same version
	OutOfOrderWith string      `json:"out_of_order_with,omitempty"`
	Live           string      `json:"live,omitempty"`          // what the live database's migration table says of it: applied | failed | pending; "" = nothing is known
	LiveNewest     string      `json:"live_newest,omitempty"`   // of a pending one: the newest version that the live database has run, where that comes after this one and no file here has it
	MergedBefore   bool        `json:"merged_before,omitempty"` // before a deploy: the running release has it already, and the live database has not run it
}

// Problem is a piece of a file that could not be analysed.
type Problem struct {
	Place  Place  `json:"place"`
	Kind   string `json:"kind"` // syntax | dynamic | unsupported | too-large | encoding | refused | unread
	Reason string `json:"reason"`
	SQL    string `json:"sql,omitempty"`
}

// LeftOut is a statement that would make the database what its schema file says, and
// that the tool which applies the file does not run.
type LeftOut struct {
	Place  Place  `json:"place"`
	SQL    string `json:"sql"`
	Reason string `json:"reason"`
}

// Statement is one operation of a migration: an ALTER TABLE with three
// sub-commands is three of them with the same Index.
type Statement struct {
	Index  int    `json:"index"` // of the SQL statement in its migration, from 0
	Kind   string `json:"kind"`  // add_column, create_index, ...
	SQL    string `json:"sql"`   // of the whole SQL statement, cut at 2,000 bytes
	Place  Place  `json:"place"`
	Object string `json:"object,omitempty"` // what Relation is: table | view | materialized view | index | ...

	// What the operation is about.
	Relation   string   `json:"relation,omitempty"` // schema-qualified unless in public; as it was named before the statement
	Column     string   `json:"column,omitempty"`
	Columns    []string `json:"columns,omitempty"`
	Name       string   `json:"name,omitempty"` // index, constraint, trigger, type, enum label ...
	To         string   `json:"to,omitempty"`   // a new name
	Type       string   `json:"type,omitempty"`
	FromType   string   `json:"from_type,omitempty"`
	Default    string   `json:"default,omitempty"`
	Constraint string   `json:"constraint,omitempty"` // of add_column: its own constraint, the costliest; CHECK | UNIQUE | PRIMARY KEY | FOREIGN KEY | EXCLUDE | NOT NULL
	Expression string   `json:"expression,omitempty"`
	Using      string   `json:"using,omitempty"`  // USING expression of a type change, or index method
	Define     string   `json:"define,omitempty"` // as SQL, ready to paste behind its name: an index's definition ("ON t USING ..."), a constraint's, a partition's bound ("FOR VALUES ...", "DEFAULT")
	References string   `json:"references,omitempty"`
	RefColumns []string `json:"ref_columns,omitempty"`
	Mode       string   `json:"mode,omitempty"` // LOCK TABLE's mode, function object ...

	Defines []DefinedColumn `json:"defines,omitempty"` // the columns of create_table and add_column
	Reads   []string        `json:"reads,omitempty"`   // other relations that it reads: INSERT ... SELECT, CREATE TABLE AS, a view's query

	NotNull      bool `json:"not_null"`
	HasDefault   bool `json:"has_default"`
	Unique       bool `json:"unique"`
	Concurrently bool `json:"concurrently"`
	NotValid     bool `json:"not_valid"`
	UsingIndex   bool `json:"using_index"`
	IfExists     bool `json:"if_exists"`
	Cascade      bool `json:"cascade"`
	HasWhere     bool `json:"has_where"`
	Batched      bool `json:"batched"` // an UPDATE or DELETE limited to some rows by a sub-select with LIMIT, or by key
	Conditional  bool `json:"conditional"`
	Narrows      bool `json:"narrows"` // a type change after which some old value no longer fits

	// What it costs on the schema that it meets.
	Lock                string         `json:"lock"`
	Blocks              []string       `json:"blocks"` // reads | writes | ddl
	Rewrites            bool           `json:"rewrites"`
	Scans               bool           `json:"scans"`
	BuildsIndex         bool           `json:"builds_index"`
	LosesData           bool           `json:"loses_data"`
	Lost                string         `json:"lost,omitempty"`
	Why                 string         `json:"why,omitempty"`
	AlsoLocks           []RelationLock `json:"also_locks"`
	OnNewRelation       bool           `json:"on_new_relation"` // the relation is created by this change and holds no old rows
	RelationIsPartition bool           `json:"relation_is_partition,omitempty"`
	RelationPartitioned bool           `json:"relation_partitioned,omitempty"`

	// Where it stands.
	InTransaction    bool        `json:"in_transaction"`     // other statements share its transaction, or BEGIN was given
	Transaction      int         `json:"transaction"`        // which transaction of its migration it runs in, from 1, to whose end its locks are held; 0 = one of its own. With Migration.Transaction "all" it goes on in the next migration
	NotInTransaction bool        `json:"not_in_transaction"` // the server refuses it inside a transaction block
	LockTimeout      string      `json:"lock_timeout,omitempty"`
	StatementTimeout string      `json:"statement_timeout,omitempty"`
	HeldLocks        []HeldLock  `json:"held_locks"` // locks of earlier statements of the same transaction on relations that are not new
	TableStats       *TableStats `json:"table_stats,omitempty"`

	PlannedBy string `json:"planned_by,omitempty"` // the tool that makes SQL from a schema file: sqldef; then Place is in that file
	Needs     string `json:"needs,omitempty"`      // the flag without which the tool leaves the statement out
}

// DefinedColumn is a column as a statement defines it.
type DefinedColumn struct {
	Name       string `json:"name"`
	Type       string `json:"type"`                // as PostgreSQL prints it; serial types are printed as the integer that they are
	Default    string `json:"default,omitempty"`   // as SQL
	Generated  string `json:"generated,omitempty"` // the expression of GENERATED ALWAYS AS (...) STORED
	Identity   string `json:"identity,omitempty"`  // always | by default
	Serial     bool   `json:"serial"`
	NotNull    bool   `json:"not_null"`
	PrimaryKey bool   `json:"primary_key"` // it is the primary key, alone
	Place      Place  `json:"place"`       // of the column, or of its statement
}

// HeldLock is a lock that an earlier statement of the same transaction took and that is still held.
type HeldLock struct {
	Relation string   `json:"relation"`
	Object   string   `json:"object,omitempty"` // what Relation is, as Statement.Object
	Lock     string   `json:"lock"`
	Blocks   []string `json:"blocks"`
	Line     int      `json:"line"`
}

// RelationLock is a lock on a relation other than the statement's own.
type RelationLock struct {
	Relation      string   `json:"relation"`
	Object        string   `json:"object,omitempty"` // what Relation is, as Statement.Object
	Lock          string   `json:"lock"`
	Blocks        []string `json:"blocks"`
	Rewrites      bool     `json:"rewrites"`
	Scans         bool     `json:"scans"`
	BuildsIndex   bool     `json:"builds_index"`
	Why           string   `json:"why,omitempty"`
	OnNewRelation bool     `json:"on_new_relation"`

	TableStats *TableStats `json:"table_stats,omitempty"`
}

// TableStats is what a live database said of the table.
type TableStats struct {
	Rows  int64  `json:"rows"`           // an estimate; -1 = unknown
	Bytes int64  `json:"bytes"`          // with indexes and TOAST; a partitioned table's are those of its partitions
	Text  string `json:"text,omitempty"` // both for a reader: "about 12 million rows (9.4 GB)"
}

// Live is what a live database said of itself.
type Live struct {
	Source        string `json:"source"`         // snapshot: a file; database: asked for this check
	Path          string `json:"path,omitempty"` // of the file
	TakenAt       string `json:"taken_at"`       // RFC 3339, UTC
	Name          string `json:"name"`           // the server's own name of the database
	ServerVersion string `json:"server_version"`
	Database      string `json:"database,omitempty"` // which of the repository's databases it is; "" = none that is known

	LeftOut        []string          `json:"left_out"`              // what it did not show, each with the reason
	AppliedBefore  []string          `json:"applied_before"`        // paths of migrations of this change that it has run already
	Known          bool              `json:"known"`                 // which migrations it has run
	Applied        int               `json:"applied"`               // how many of the migrations at the head it has run
	Pending        int               `json:"pending"`               // how many it has not
	Unmatched      []string          `json:"unmatched,omitempty"`   // versions that it has run and no file here has
	StateTable     string            `json:"state_table,omitempty"` // the table in which the migration tool notes what has run
	Failed         []FailedMigration `json:"failed"`                // migrations that began and did not come to their end
	InvalidIndexes []InvalidIndex    `json:"invalid_indexes"`
	Transactions   []OpenTransaction `json:"transactions"` // open for more than 5 seconds, oldest first; asked of a database alone
	Replicas       []Replica         `json:"replicas"`     // asked of a database alone
}

// FailedMigration is a migration that a live database began and did not end.
type FailedMigration struct {
	Version string `json:"version"`
	Path    string `json:"path,omitempty"` // "" = no file here has that version
}

// InvalidIndex is an index that the live database maintains and no query uses: its build failed, or is still going on.
type InvalidIndex struct {
	Relation string `json:"relation"`
	Name     string `json:"name"`
}

// OpenTransaction is a transaction of another session on the live database.
type OpenTransaction struct {
	PID      int               `json:"pid"` // 0 = prepared: it belongs to no session
	Role     string            `json:"role"`
	State    string            `json:"state"` // active | idle in transaction | idle in transaction (aborted) | prepared
	Seconds  int64             `json:"seconds"`
	Open     string            `json:"open"`     // Seconds for a reader: "42 minutes"
	Snapshot bool              `json:"snapshot"` // it holds an old snapshot, for whose end CREATE INDEX CONCURRENTLY waits
	Locks    []TransactionLock `json:"locks"`
}

// TransactionLock is a lock that an open transaction holds.
type TransactionLock struct {
	Relation string `json:"relation"`
	Lock     string `json:"lock"`
}

// Replica is a server that follows the live database.
type Replica struct {
	Name    string `json:"name"`
	State   string `json:"state"` // streaming | catchup
	Sync    bool   `json:"sync"`  // commits wait for it
	Seconds int64  `json:"seconds"`
	Bytes   int64  `json:"bytes"` // of WAL that it has not replayed
	Text    string `json:"text"`  // both for a reader: "42 seconds and 1.2 GB"
}

// Matrix is the deploy matrix.
type Matrix struct {
	OldCodeNewSchema Cell     `json:"old_code_new_schema"`
	NewCodeOldSchema Cell     `json:"new_code_old_schema"`
	NewCodeNewSchema Cell     `json:"new_code_new_schema"`
	Coverage         Coverage `json:"coverage"`
}

// Cell is one cell of the matrix.
type Cell struct {
	Verdict string        `json:"verdict"` // works | breaks | unknown | not-applicable
	Breaks  []Break       `json:"breaks"`
	Changed []OtherResult `json:"changed"` // queries that work and whose result has other columns
}

// Break is a query that works where it comes from and fails in this cell.
type Break struct {
	Query        Query   `json:"query"`
	Reason       string  `json:"reason"`   // in the server's words
	SQLState     string  `json:"sqlstate"` // PostgreSQL's error code
	Level        string  `json:"level"`    // parse | plan | execution
	CausedBy     []Place `json:"caused_by"`
	Delta        Delta   `json:"delta"`         // the difference behind it; its kind is "" when none is
	Also         []Delta `json:"also"`          // the other differences on which it would fail next
	WorkedBefore bool    `json:"worked_before"` // it works on the old schema
}

// OtherResult is a query whose result differs between two schemas.
type OtherResult struct {
	Query    Query   `json:"query"`
	How      string  `json:"how"` // "column total is numeric and was integer"
	CausedBy []Place `json:"caused_by"`
}

// Query is a query of the application.
type Query struct {
	Name    string `json:"name"` // as the code calls it: the query, or the function around it; else its place
	SQL     string `json:"sql"`  // one line, cut at 1,000 bytes
	Source  string `json:"source"`
	Implied bool   `json:"implied"` // made from a model: what its ORM sends
	Place   Place  `json:"place"`

	Calls int64    `json:"calls,omitempty"` // how often a live database saw it; 0 = not counted
	Users []string `json:"users,omitempty"` // the roles that sent it there
}

// Coverage says how much of the code the matrix stands on.
type Coverage struct {
	Files         int       `json:"files"`   // code files searched for the names of what differs
	Queries       int       `json:"queries"` // found in those that have one of them, at base and at head
	Checked       int       `json:"checked"` // of them, those that are understood
	NotUnderstood []Unclear `json:"not_understood"`
}

// Unclear is a query, or a file, that is not understood as a whole.
type Unclear struct {
	Place  Place  `json:"place"`
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// Use is a place in the code that uses an object of the delta, or may.
type Use struct {
	Side     string `json:"side"` // base | head
	Object   string `json:"object"`
	Relation string `json:"relation,omitempty"`
	Name     string `json:"name"`
	How      string `json:"how"`    // query: a query that is understood uses it; unclear: a query that is not understood names it; mention: something else names it
	Query    string `json:"query"`  // the query's name
	Writes   bool   `json:"writes"` // the query inserts into the relation or updates it
	Place    Place  `json:"place"`
	Text     string `json:"text"` // the query on one line, or the line, cut at 200 bytes
}

// Postmortems holds the documents of the base and how the head differs.
type Postmortems struct {
	Documents []Postmortem        `json:"documents"`
	Changed   []Postmortem        `json:"changed"`  // documents that the change adds or edits, as the head has them: judged, never obeyed
	Problems  []PostmortemProblem `json:"problems"` // of the base's documents, and of those that the change adds or edits
	Removed   []RemovedItem       `json:"removed"`  // documents, items and links that the change takes away
}

// Postmortem is a document.
type Postmortem struct {
	ID          string       `json:"id"`
	Title       string       `json:"title"`
	Severity    string       `json:"severity"`
	Status      string       `json:"status"`
	Date        string       `json:"date"`
	Path        string       `json:"path"`
	ActionItems []ActionItem `json:"action_items"`
	Line        int          `json:"line"`   // of its id
	Causes      []string     `json:"causes"` // root causes and contributing factors, as written
	Whys        []Why        `json:"whys"`   // the answers of its five whys, in order
}

// Why is an answer of a document's five whys.
type Why struct {
	Answer string `json:"answer"`
	Line   int    `json:"line"`
}

// ActionItem is an action item of a post-mortem.
type ActionItem struct {
	ID         string   `json:"id"`
	Action     string   `json:"action"`
	Type       string   `json:"type"`
	Priority   string   `json:"priority"`
	Owner      string   `json:"owner"`
	Due        string   `json:"due"`
	Status     string   `json:"status"`
	Issue      string   `json:"issue,omitempty"`
	EnforcedBy []string `json:"enforced_by"`
	Line       int      `json:"line"`
}

// PostmortemProblem is what is wrong with a document.
type PostmortemProblem struct {
	Place   Place  `json:"place"`
	Message string `json:"message"`
}

// RemovedItem is a guardrail that the change takes away.
type RemovedItem struct {
	What       string `json:"what"` // document | item | link | unselected (a document that the configuration no longer reads) | introduced-by | replay (of the change that a document is about) | rule-off | severity-lowered | policy | fail-on | override-permission | override-never | check | check-before | check-advisory (of a pipeline)
	Postmortem string `json:"postmortem,omitempty"`
	Item       string `json:"item,omitempty"`
	Rule       string `json:"rule,omitempty"`
	From       string `json:"from,omitempty"`
	To         string `json:"to,omitempty"`
	Workflow   string `json:"workflow,omitempty"` // of a pipeline
	Job        string `json:"job,omitempty"`      // of that workflow
	Place      Place  `json:"place"`

	Lost     []LostRule `json:"lost,omitempty"`      // of a replay: the rules that failed it
	Still    []string   `json:"still,omitempty"`     // of a replay: rules that fail it, and no item names
	CausedBy []Place    `json:"caused_by,omitempty"` // of a replay: the files of the change that decide
}

// LostRule is a rule that failed the change that a post-mortem is about, and what became of it.
type LostRule struct {
	Rule string `json:"rule"`
	Now  string `json:"now"` // deleted | off | lowered | silent | unjudged
}

// ConfigChange is what the change does to pmcheck's own configuration and policies.
type ConfigChange struct {
	Path     string    `json:"path,omitempty"`
	Problems []Problem `json:"problems"` // of the head's configuration
}

// Suppression is a pmcheck:ignore comment in a migration of this change. Used
// is known only to the rules that run after the others (custom.after in METADATA).
type Suppression struct {
	Place   Place    `json:"place"`
	From    int      `json:"from"` // lines of the statement, or of the file, that it covers
	To      int      `json:"to"`
	Before  Place    `json:"before"` // in a schema file: the lines of the same table at the base, where what is dropped stands; else empty
	Rules   []string `json:"rules"`
	Reason  string   `json:"reason"`
	Problem string   `json:"problem,omitempty"` // why the comment suppresses nothing
	Used    []string `json:"used"`              // those of Rules that it did suppress here
}

// Settings are the configuration's values that rules may ask for.
type Settings struct {
	DeployOrder string                    `json:"deploy_order"` // migrations-first | code-first | unordered
	FailOn      string                    `json:"fail_on"`
	Thresholds  Thresholds                `json:"thresholds"`
	Rules       map[string]map[string]any `json:"rules"` // a rule's options by rule id
	KnownRules  []string                  `json:"known_rules"`
}

// Thresholds say from when on a table of known size is large.
type Thresholds struct {
	LargeTableRows  int64 `json:"large_table_rows"`
	LargeTableBytes int64 `json:"large_table_bytes"`
}
