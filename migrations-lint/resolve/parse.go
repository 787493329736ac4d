package resolve

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
	"github.com/pmcheck/pmcheck/migrations-lint/postgres"
)

// Query is a parsed text of one or more statements. It may be used on many catalogs,
// from several goroutines at once.
type Query struct {
	text       string
	statements []*pg.RawStmt
}

// Parse reads the SQL of a query, with PostgreSQL's own parser. Parameters are
// written $1, $2 ...; the error is the parser's.
func Parse(sql string) (*Query, error) {
	tree, err := postgres.Tree(sql)
	if err != nil {
		return nil, err
	}
	q := &Query{text: sql}
	for _, s := range tree.Stmts {
		if s.Stmt != nil {
			q.statements = append(q.statements, s)
		}
	}
	return q, nil
}

// On tells what a catalog makes of the query. Statements are judged in their order: a
// table that an earlier one creates is there for the later ones, and the first
// statement that fails ends it. The columns are those of the last statement.
func (q *Query) On(c *catalog.Catalog) Result {
	a := &analyzer{q: q, c: c, uses: map[Object]bool{}, unclear: map[string]bool{}}
	for i, s := range q.statements {
		a.params, a.columns = map[int]typ{}, nil
		a.ddl = false
		a.protect(func() {
			a.statement(s.Stmt)
			if len(a.failures) == 0 && (a.ddl || i < len(q.statements)-1) {
				a.carryOut(s, a.ddl)
			}
		})
		if len(a.failures) > 0 {
			break
		}
	}
	return a.result()
}

// analyzer judges one query on one catalog.
type analyzer struct {
	q        *Query
	c        *catalog.Catalog
	ddl      bool // the statement changes the schema
	owned    bool // c is a copy, for statements that change the schema
	failures []failure
	unclear  map[string]bool
	uses     map[Object]bool
	columns  []Column
	params   map[int]typ // what parameters have turned out to be
	depth    int
	lastID   int // of columns
}

// failure is a Failure with the stage of the server at which it appears.
type failure struct {
	Failure
	stage stage
}

// stage orders failures as the server meets them.
type stage int

const (
	analysis  stage = iota // parse analysis
	rewriting              // of rules, views and generated columns; PREPARE shows it too
	planning
	executing
)

func (s stage) level() Level {
	switch s {
	case planning:
		return AtPlan
	case executing:
		return AtExecution
	}
	return AtParse
}

func (a *analyzer) fail(s stage, state string, o Object, at int32, reason string) {
	a.failures = append(a.failures, failure{Failure{Level: s.level(), Reason: reason, SQLState: state, Object: o, Offset: max(int(at), 0)}, s})
}

// doubt notes a reason why a part is not judged.
func (a *analyzer) doubt(reason string) { a.unclear[reason] = true }

func (a *analyzer) use(o Object) { a.uses[o] = true }

// protect turns a panic, which would be a mistake in this package, into doubt: a
// check of a whole repository must not end with one odd query.
func (a *analyzer) protect(f func()) {
	defer func() {
		if r := recover(); r != nil {
			a.failures = nil
			a.doubt("the resolver failed")
		}
	}()
	f()
}

func (a *analyzer) result() Result {
	r := Result{Columns: a.columns}
	slices.SortStableFunc(a.failures, func(x, y failure) int { return int(x.stage) - int(y.stage) })
	for _, f := range a.failures {
		if !slices.ContainsFunc(r.Failures, func(x Failure) bool { return x.Reason == f.Reason && x.SQLState == f.SQLState }) {
			r.Failures = append(r.Failures, f.Failure)
		}
	}
	for reason := range a.unclear {
		r.Unclear = append(r.Unclear, reason)
	}
	slices.Sort(r.Unclear)
	for o := range a.uses {
		r.Uses = append(r.Uses, o)
	}
	slices.SortFunc(r.Uses, compareObjects)
	return r
}

func compareObjects(a, b Object) int {
	for _, pair := range [][2]string{{a.Schema, b.Schema}, {a.Relation, b.Relation}, {a.Kind, b.Kind}, {a.Name, b.Name}} {
		if n := strings.Compare(pair[0], pair[1]); n != 0 {
			return n
		}
	}
	return 0
}

// isHole tells that a name is only known when the program runs.
func isHole(name string) bool { return strings.HasPrefix(name, Hole) }
