// Package resolve tells whether a query works on a catalog, and if not, why: in the
// server's own words. What it is not sure of it does not claim.
package resolve

import "github.com/pmcheck/pmcheck/migrations-lint/catalog"

// Hole is how an identifier begins that stands in for a name or a piece of a query
// that is only known when the program runs. What hangs on it is not judged.
const Hole = "pmcheck_hole"

// Level is how far a server gets with a query before it fails.
type Level string

// The levels, by what a server does first.
const (
	AtParse     Level = "parse"     // PREPARE refuses it
	AtPlan      Level = "plan"      // EXPLAIN refuses it
	AtExecution Level = "execution" // it fails with the first row
)

// Failure is one reason why a query does not work.
type Failure struct {
	Level    Level
	Reason   string // as the server words it, without "ERROR: "
	SQLState string // PostgreSQL's error code, manual appendix A
	Object   Object // what is missing or in the way
	Offset   int    // byte offset into the query's text
}

// Object is something of a schema that a query uses.
type Object struct {
	Kind     string // table | column | function | type | enum_value | index | constraint
	Schema   string
	Relation string // of a column, index, constraint; the enum of an enum_value
	Name     string
}

// Column is a column of a query's result.
type Column struct {
	Name string
	Type catalog.Type // zero where it could not be derived
}

// Result is what a catalog makes of a query.
type Result struct {
	Failures []Failure
	Unclear  []string // reasons why a part of it was not judged; empty when the query is understood
	Columns  []Column // of its result
	Uses     []Object // what of the catalog it uses, each once, sorted
}
