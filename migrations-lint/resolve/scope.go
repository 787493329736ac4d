package resolve

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

// column is a column of an entry of FROM or of a query's result.
type column struct {
	name string
	val  value
	uses []Object // what of the catalog it is
	id   int      // tells it from every other column of the query; 0 when it is computed
	open bool     // stands for an unknown number of columns
}

// item is what one entry of FROM makes visible (the server's ParseNamespaceItem).
type item struct {
	alias       string
	schema      string // of a relation that is named without an alias
	relation    *catalog.Relation
	columns     []column
	first       int  // the id of the first column
	open        bool // it may have columns that are not known
	server      bool // a relation of the server itself is in it, known as one version has it
	scalar      bool // a function of one value: the row is the value
	system      bool // it has system columns
	names       bool // its name is visible
	unqualified bool // its columns are visible without its name
	lateralOnly bool // visible to LATERAL only
	lateralBad  bool // visible, but must not be used
}

// scope is what one level of a query can name (the server's ParseState).
type scope struct {
	outer   *scope
	items   []*item
	ranges  []*item // all entries of FROM, visible or not
	ctes    []*cte
	lateral bool      // inside a LATERAL entry of FROM
	group   *grouping // of a plain SELECT
}

// systemColumns are those of every table (manual, 5.6 System Columns).
var systemColumns = map[string]typ{
	"tableoid": builtin("oid"), "xmin": builtin("xid"), "cmin": builtin("cid"), "xmax": builtin("xid"), "cmax": builtin("cid"), "ctid": builtin("tid"),
}

// newID makes room for n columns of one entry.
func (a *analyzer) newID(n int) int {
	first := a.lastID + 1
	a.lastID += n
	return first
}

// relationItem is a table or view as an entry of FROM.
func (a *analyzer) relationItem(r *catalog.Relation, alias string) *item {
	it := &item{alias: alias, relation: r, system: r.Kind != catalog.View, names: true, unqualified: true, open: r.Assumed}
	if alias == "" {
		it.alias, it.schema = r.Name, r.Schema
	}
	if r.Assumed {
		a.doubt("the columns of " + r.FullName().String() + " are not known")
	}
	it.first = a.newID(len(r.Columns))
	it.columns = make([]column, len(r.Columns))
	for i, col := range r.Columns {
		it.columns[i] = column{name: col.Name, val: a.columnValue(col.Type), id: it.first + i}
		if r.ID != 0 {
			it.columns[i].uses = []Object{columnObject(r, col.Name)}
		}
	}
	return it
}

func (a *analyzer) columnValue(t catalog.Type) value {
	return value{typ: typeOf(t), exact: t}
}

func tableObject(r *catalog.Relation) Object {
	return Object{Kind: "table", Schema: r.Schema, Name: r.Name}
}

func columnObject(r *catalog.Relation, name string) Object {
	return Object{Kind: "column", Schema: r.Schema, Relation: r.Name, Name: name}
}

func (a *analyzer) useColumn(c column) {
	for _, u := range c.uses {
		a.use(u)
	}
}

// useAll notes that a whole row is used.
func (a *analyzer) useAll(list []column) {
	for _, c := range list {
		a.useColumn(c)
	}
}

// find is the column of that name of an item. A second one makes it ambiguous.
func (it *item) find(name string) (c *column, count int) {
	for i := range it.columns {
		if it.columns[i].name == name && !it.columns[i].open {
			c = &it.columns[i]
			count++
		}
	}
	return c, count
}

// systemColumn is the system column of that name, as a column.
func (it *item) systemColumn(name string) (column, bool) {
	t, ok := systemColumns[name]
	if !ok || !it.system {
		return column{}, false
	}
	return column{name: name, val: known(t), id: -it.first*8 - len(name)}, true
}

// found is the outcome of a look-up.
type found int

const (
	missing found = iota
	unsure        // an entry whose columns are not known may have it
	hit
	failed // and the failure is noted
)

// otherVersion is why a column of the server's own relations is not judged.
const otherVersion = "the server's own relations have other columns in other versions"

// column looks an unqualified name up, from the inside out (colNameToVar).
func (a *analyzer) column(sc *scope, name string, at int32) (column, found) {
	open, server := false, false
	for level := sc; level != nil; level = level.outer {
		var result column
		matches := 0
		for _, it := range level.items {
			if !it.unqualified || it.lateralOnly && !level.lateral {
				continue
			}
			open, server = open || it.open, server || it.server
			c, n := it.find(name)
			if n == 0 {
				if s, ok := it.systemColumn(name); ok {
					c, n = &s, 1
				}
			}
			if n == 0 {
				continue
			}
			if it.lateralBad {
				a.fail(analysis, "42P10", Object{}, at, fmt.Sprintf("invalid reference to FROM-clause entry for table %q", it.alias))
				return column{}, failed
			}
			result = *c
			matches += n
		}
		switch {
		case matches > 1:
			a.fail(analysis, "42702", Object{Kind: "column", Name: name}, at, fmt.Sprintf("column reference %q is ambiguous", name))
			return column{}, failed
		case matches == 1:
			a.useColumn(result)
			return result, hit
		}
	}
	if server {
		a.doubt(otherVersion)
	}
	if open {
		return column{}, unsure
	}
	return column{}, missing
}

// item looks a table name or alias up, from the inside out (refnameNamespaceItem).
func (a *analyzer) item(sc *scope, schema, name string, at int32) (*item, found) {
	open := false
	for level := sc; level != nil; level = level.outer {
		var result *item
		for _, it := range level.items {
			if !it.names || it.lateralOnly && !level.lateral {
				continue
			}
			if isHole(it.alias) {
				open = true
			}
			if it.alias != name || schema != "" && it.schema != schema {
				continue
			}
			if it.lateralBad {
				a.fail(analysis, "42P10", Object{}, at, fmt.Sprintf("invalid reference to FROM-clause entry for table %q", name))
				return nil, failed
			}
			if result != nil {
				a.fail(analysis, "42P09", Object{}, at, fmt.Sprintf("table reference %q is ambiguous", name))
				return nil, failed
			}
			result = it
		}
		if result != nil {
			return result, hit
		}
	}
	if open {
		return nil, unsure
	}
	return nil, missing
}

// missingItem fails for a qualifier that no entry of FROM has (errorMissingRTE).
func (a *analyzer) missingItem(sc *scope, name string, at int32) {
	for level := sc; level != nil; level = level.outer {
		for _, it := range level.ranges {
			hidden := it.relation != nil && it.relation.Name == name
			if hidden || it.alias == name {
				a.fail(analysis, "42P01", Object{Kind: "table", Name: name}, at, fmt.Sprintf("invalid reference to FROM-clause entry for table %q", name))
				return
			}
		}
	}
	a.fail(analysis, "42P01", Object{Kind: "table", Name: name}, at, fmt.Sprintf("missing FROM-clause entry for table %q", name))
}

// missingColumn fails for a column that an entry does not have, or that no entry has.
func (a *analyzer) missingColumn(it *item, qualifier, name string, at int32) {
	o := Object{Kind: "column", Name: name}
	if it != nil {
		o.Relation = it.alias
		if it.relation != nil {
			o.Schema, o.Relation = it.relation.Schema, it.relation.Name
		}
	}
	if qualifier != "" {
		a.fail(analysis, "42703", o, at, fmt.Sprintf("column %s.%s does not exist", qualifier, name))
		return
	}
	a.fail(analysis, "42703", o, at, fmt.Sprintf("column %q does not exist", name))
}

// anyOpen tells that a name may belong to an entry whose columns are not known.
func (sc *scope) anyOpen() bool {
	for ; sc != nil; sc = sc.outer {
		if slices.ContainsFunc(sc.items, func(it *item) bool { return it.open }) {
			return true
		}
	}
	return false
}

// add puts an item into the scope; a second one of its name is refused (checkNameSpaceConflicts).
func (a *analyzer) add(sc *scope, list []*item, at int32) {
	for _, it := range list {
		if it.names && slices.ContainsFunc(sc.items, func(x *item) bool { return x.names && conflict(x, it) }) {
			a.fail(analysis, "42712", Object{}, at, fmt.Sprintf("table name %q specified more than once", it.alias))
			break
		}
	}
	sc.items = append(sc.items, list...)
}

// conflict tells that two entries have one name. Two relations without aliases, of
// different schemas, may.
func conflict(x, y *item) bool {
	if x.alias != y.alias || x.alias == "" {
		return false
	}
	return !(x.schema != "" && y.schema != "" && x.schema != y.schema)
}

// cte is a query of WITH.
type cte struct {
	name     string
	aliases  []string
	columns  []column
	open     bool
	returns  bool   // false for a data-modifying one without RETURNING
	analyse  func() // not nil while it has not been looked at
	pending  bool   // it is being looked at: the reference is to itself
	learned  bool   // its columns are known
	selfUsed bool   // it refers to itself
}

// cte finds a query of WITH, from the inside out.
func (sc *scope) cte(name string) *cte {
	for level := sc; level != nil; level = level.outer {
		for _, c := range slices.Backward(level.ctes) {
			if c.name == name {
				return c
			}
		}
	}
	return nil
}

// isSystemName tells that a relation can be one of the server's own.
func isSystemName(schema, name string) bool {
	return schema == "pg_catalog" || schema == "information_schema" || schema == "pg_toast" || schema == "" && strings.HasPrefix(name, "pg_")
}
