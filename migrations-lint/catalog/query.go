package catalog

import (
	"cmp"
	"slices"
)

// outColumn is a column of a query or of an entry of FROM.
type outColumn struct {
	name string
	typ  Type
	uses []Use // the columns of relations that it is, without having been computed
	open bool  // stands for an unknown number of columns
}

func columnsOpen(list []outColumn) bool {
	return slices.ContainsFunc(list, func(col outColumn) bool { return col.open })
}

// fromEntry is a table, sub-select, function or CTE that a query can name columns of.
type fromEntry struct {
	alias    string
	schema   string // of a table that is named without an alias
	columns  []outColumn
	relation uint32 // 0 when it is not a relation of the catalog
	open     bool   // its columns are not known
	loose    bool   // it may be a row, with fields that are not known
}

// scope is what the expressions of one level of a query can name.
type scope struct {
	entries []fromEntry
	star    []outColumn // what * stands for
	ctes    map[string][]outColumn
	outer   *scope
}

// resolver finds the columns that a query has and those that it depends on.
type resolver struct {
	c    *Catalog
	uses map[Use]bool
}

// queryColumns are the columns of a query and what a view over it depends on.
func (c *Catalog) queryColumns(q *Query) ([]outColumn, []Use, error) {
	if q == nil {
		return nil, nil, nil
	}
	r := &resolver{c: c, uses: map[Use]bool{}}
	var columns []outColumn
	if q.Select != nil {
		var err error
		if columns, err = r.selectColumns(q.Select, nil); err != nil {
			return nil, nil, err
		}
	}
	for _, n := range q.Relations {
		if rel := c.Relation(n); rel != nil {
			r.uses[Use{Relation: rel.ID}] = true
		} else if err := c.mustRead(n); err != nil {
			return nil, nil, err
		}
	}
	var uses []Use
	for u := range r.uses {
		uses = append(uses, u)
	}
	slices.SortFunc(uses, func(a, b Use) int {
		return cmp.Or(cmp.Compare(a.Relation, b.Relation), cmp.Compare(a.Column, b.Column))
	})
	// The relation alone only counts where no column of it is used.
	uses = slices.DeleteFunc(uses, func(u Use) bool {
		return u.Column == "" && slices.ContainsFunc(uses, func(x Use) bool { return x.Relation == u.Relation && x.Column != "" })
	})
	return columns, uses, nil
}

func (r *resolver) use(list []Use) {
	for _, u := range list {
		r.uses[u] = true
	}
}

func (r *resolver) selectColumns(sel *Select, outer *scope) ([]outColumn, error) {
	sc := &scope{outer: outer, ctes: map[string][]outColumn{}}
	for _, cte := range sel.With {
		if err := r.addCTE(cte, sc); err != nil {
			return nil, err
		}
	}
	switch {
	case sel.Set != nil:
		left, err := r.selectColumns(sel.Set.Left, sc)
		if err != nil {
			return nil, err
		}
		right, err := r.selectColumns(sel.Set.Right, sc)
		if err != nil {
			return nil, err
		}
		return r.unite(left, right)
	case len(sel.Values) > 0:
		if err := r.resolveRefs(sel, sc); err != nil {
			return nil, err
		}
		return r.valuesColumns(sel.Values, sc), nil
	}
	for _, item := range sel.From {
		columns, err := r.from(item, sc)
		if err != nil {
			return nil, err
		}
		sc.star = append(sc.star, columns...)
	}
	if err := r.resolveRefs(sel, sc); err != nil {
		return nil, err
	}
	var columns []outColumn
	for _, out := range sel.Outputs {
		list, err := r.output(out, sc)
		if err != nil {
			return nil, err
		}
		columns = append(columns, list...)
	}
	return columns, nil
}

// resolveRefs checks what the expressions of one level name, and notes it.
func (r *resolver) resolveRefs(sel *Select, sc *scope) error {
	for _, ref := range sel.Refs {
		if _, err := r.ref(ref, sc); err != nil {
			return err
		}
	}
	for _, sub := range sel.Subs {
		if _, err := r.selectColumns(sub, sc); err != nil {
			return err
		}
	}
	return nil
}

func (r *resolver) addCTE(cte CTE, sc *scope) error {
	var columns []outColumn
	rename := func(list []outColumn) []outColumn {
		list = slices.Clone(list)
		for i, name := range cte.Columns {
			if i < len(list) {
				list[i].name = name
			}
		}
		for i := range list {
			list[i].uses = nil
		}
		return list
	}
	switch q := cte.Query; {
	case q == nil:
		var entries []fromEntry
		if rel := r.c.Relation(cte.DML); rel != nil {
			entries = []fromEntry{r.relationEntry(rel, "")}
		} else if err := r.c.mustRead(cte.DML); err != nil {
			return err
		}
		inner := &scope{entries: entries, outer: sc}
		for _, e := range entries {
			inner.star = append(inner.star, e.columns...)
		}
		for _, out := range cte.Returning {
			list, err := r.output(out, inner)
			if err != nil {
				list = []outColumn{{name: out.Name}}
			}
			columns = append(columns, list...)
		}
	case cte.Recursive && q.Set != nil:
		// The part that does not recurse decides the columns.
		level := &scope{outer: sc, ctes: map[string][]outColumn{}}
		for _, inner := range q.With {
			if err := r.addCTE(inner, level); err != nil {
				return err
			}
		}
		left, err := r.selectColumns(q.Set.Left, level)
		if err != nil {
			return err
		}
		level.ctes[cte.Name] = rename(left)
		if _, err := r.selectColumns(q.Set.Right, level); err != nil {
			return err
		}
		columns = left
	default:
		var err error
		if columns, err = r.selectColumns(q, sc); err != nil {
			return err
		}
	}
	sc.ctes[cte.Name] = rename(columns)
	return nil
}

// unite are the columns of a set operation: the names of the left side.
func (r *resolver) unite(left, right []outColumn) ([]outColumn, error) {
	if columnsOpen(left) || columnsOpen(right) {
		return left, nil
	}
	if len(left) != len(right) {
		return nil, errorf("42601", "each UNION query must have the same number of columns")
	}
	columns := slices.Clone(left)
	for i := range columns {
		columns[i].uses = nil
		columns[i].typ = commonType(left[i].typ, right[i].typ)
	}
	return columns, nil
}

// commonType is the type of a column that is fed from two; zero where it is not plain.
func commonType(a, b Type) Type {
	switch {
	case a.IsZero() || b.IsZero():
		return Type{}
	case a.Equal(b):
		return a
	case sameType(a, b) && (a.Dims > 0) == (b.Dims > 0):
		a.Mods, a.Text = nil, ""
		return a
	}
	if a.Schema == "" && b.Schema == "" && a.Dims == 0 && b.Dims == 0 {
		if implicitCasts[[2]string{a.Name, b.Name}] && !implicitCasts[[2]string{b.Name, a.Name}] {
			return Type{Name: b.Name}
		}
		if implicitCasts[[2]string{b.Name, a.Name}] && !implicitCasts[[2]string{a.Name, b.Name}] {
			return Type{Name: a.Name}
		}
	}
	return Type{}
}

func (r *resolver) valuesColumns(rows [][]Output, sc *scope) []outColumn {
	var columns []outColumn
	for i, row := range rows {
		for j, out := range row {
			t := r.outputType(out, sc)
			if i == 0 {
				columns = append(columns, outColumn{name: numbered("column", j+1), typ: t})
			} else if j < len(columns) {
				columns[j].typ = commonType(columns[j].typ, t)
			}
		}
	}
	return columns
}

func (r *resolver) output(out Output, sc *scope) ([]outColumn, error) {
	if !out.Star {
		return []outColumn{{name: out.Name, typ: r.outputType(out, sc)}}, nil
	}
	columns := sc.star
	switch e := sc.entry(out.Ref.Schema, out.Ref.Table); {
	case out.Func.Name != "":
		var open bool
		if columns, open = r.functionColumns(out.Func, out.Func.Name); open {
			columns = []outColumn{{open: true}}
		}
	case out.Ref.Column != "":
		return r.fields(out.Ref, sc)
	case out.Ref.Table == "":
	case e == nil:
		if col, err := r.ref(ColumnRef{Column: out.Ref.Table}, sc); err != nil || col == nil {
			return nil, errorf("42P01", "missing FROM-clause entry for table %q", out.Ref.Table)
		}
		return r.fields(ColumnRef{Column: out.Ref.Table}, sc)
	case e.open:
		columns = []outColumn{{open: true}}
	default:
		columns = e.columns
	}
	for _, col := range columns {
		r.use(col.uses)
	}
	return columns, nil
}

// fields are the columns that (c).* of a composite column stands for.
func (r *resolver) fields(ref ColumnRef, sc *scope) ([]outColumn, error) {
	col, err := r.ref(ref, sc)
	if ref.Column == "?" || err == nil && col == nil {
		return []outColumn{{open: true}}, nil
	}
	if err != nil {
		return nil, err
	}
	var list []*Column
	if u := r.c.Type(col.typ); u != nil {
		list = u.Columns
	} else if rel := r.c.Relation(Name{col.typ.Schema, col.typ.Name}); rel != nil && col.typ.Schema != "" {
		list = rel.Columns
	}
	if len(list) == 0 {
		return []outColumn{{open: true}}, nil
	}
	var columns []outColumn
	for _, field := range list {
		columns = append(columns, outColumn{name: field.Name, typ: field.Type})
	}
	return columns, nil
}

// outputType is the type of an entry of a select list, where it can be told.
func (r *resolver) outputType(out Output, sc *scope) Type {
	if !out.Type.IsZero() {
		t, _ := r.c.ResolveType(out.Type)
		return t
	}
	if out.Ref.Column != "" {
		if col, err := r.ref(out.Ref, sc); err == nil && col != nil {
			return col.typ
		}
	}
	if out.Func.Name != "" {
		return r.c.resultType(out.Func)
	}
	return Type{}
}

// entry is the entry of FROM that a qualifier stands for, of this level or an outer one.
func (sc *scope) entry(schema, alias string) *fromEntry {
	for ; sc != nil; sc = sc.outer {
		for i, e := range sc.entries {
			if e.alias == alias && (schema == "" || e.schema == schema) {
				return &sc.entries[i]
			}
		}
	}
	return nil
}

// ref finds the column that a reference names and notes its use. It is nil for a
// whole row and where the columns are not all known.
func (r *resolver) ref(ref ColumnRef, sc *scope) (*outColumn, error) {
	if ref.Column == "*" {
		return nil, checkStar(ref, sc)
	}
	if ref.Table != "" {
		e := sc.entry(ref.Schema, ref.Table)
		if e == nil {
			if sc.anyOpen() || ref.Table == "excluded" {
				return nil, nil
			}
			if col, err := r.ref(ColumnRef{Column: ref.Table}, sc); err == nil && col != nil {
				return nil, nil // column.field of a composite type
			}
			return nil, errorf("42P01", "missing FROM-clause entry for table %q", ref.Table)
		}
		for i, col := range e.columns {
			if col.name == ref.Column {
				r.use(col.uses)
				return &e.columns[i], nil
			}
		}
		if e.open || e.loose || ref.Column == "" || systemColumns[ref.Column] || ref.Column == "oid" {
			return nil, nil
		}
		return nil, errorf("42703", "column %s.%s does not exist", ref.Table, ref.Column)
	}
	for level := sc; level != nil; level = level.outer {
		found := level.named(ref.Column)
		if len(found) > 0 {
			r.use(found[0].uses)
			if len(found) > 1 {
				return nil, errorf("42702", "column reference %q is ambiguous", ref.Column)
			}
			return &found[0], nil
		}
	}
	if sc.anyOpen() || systemColumns[ref.Column] || sc.entry("", ref.Column) != nil {
		return nil, nil
	}
	return nil, errorf("42703", "column %q does not exist", ref.Column)
}

// checkStar refuses t.* where there is no t. What it stands for is noted where it is a select list's.
func checkStar(ref ColumnRef, sc *scope) error {
	if ref.Table != "" && sc.entry(ref.Schema, ref.Table) == nil && !sc.anyOpen() {
		return errorf("42P01", "missing FROM-clause entry for table %q", ref.Table)
	}
	return nil
}

// named are the columns of one level that an unqualified name can mean: what a join
// has merged is one.
func (sc *scope) named(name string) []outColumn {
	var found []outColumn
	for _, col := range sc.star {
		if col.name == name && !col.open {
			found = append(found, col)
		}
	}
	return found
}

func (sc *scope) anyOpen() bool {
	for ; sc != nil; sc = sc.outer {
		for _, e := range sc.entries {
			if e.open || e.loose {
				return true
			}
		}
	}
	return false
}
