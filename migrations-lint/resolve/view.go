package resolve

import (
	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
	"github.com/pmcheck/pmcheck/migrations-lint/postgres"
)

const unsureView = "?"

// viewBase is the table behind a view that is automatically updatable (manual, CREATE
// VIEW, "Updatable Views"), with the table's columns by the view's. Why is "" then;
// otherwise what keeps it from being so, or unsureView.
func (a *analyzer) viewBase(r *catalog.Relation, depth int) (base *catalog.Relation, columns map[string]string, why string) {
	if r.Query == nil || depth > 16 {
		return nil, nil, unsureView
	}
	tree, err := postgres.Tree(r.Query.SQL)
	if err != nil || len(tree.Stmts) != 1 {
		return nil, nil, unsureView
	}
	s := tree.Stmts[0].Stmt.GetSelectStmt()
	if v := tree.Stmts[0].Stmt.GetViewStmt(); v != nil {
		s = v.Query.GetSelectStmt()
	}
	switch {
	case s == nil:
		return nil, nil, unsureView
	case s.Op != pg.SetOperation_SETOP_NONE, len(s.DistinctClause) > 0, len(s.GroupClause) > 0, s.HavingClause != nil, s.LimitCount != nil,
		s.LimitOffset != nil, s.WithClause != nil, len(s.ValuesLists) > 0, len(s.FromClause) != 1:
		return nil, nil, "it is not a plain selection"
	}
	v := s.FromClause[0].GetRangeVar()
	if v == nil {
		return nil, nil, "it does not select from a single table"
	}
	for _, u := range r.Uses {
		if found := a.c.RelationByID(u.Relation); found != nil {
			if base != nil && base != found {
				base = nil // a sub-query uses another
				break
			}
			base = found
		}
	}
	if base == nil {
		if base = a.c.Relation(catalog.Name{Schema: v.Schemaname, Name: v.Relname}); base == nil {
			return nil, nil, unsureView
		}
	}
	columns = map[string]string{}
	plain := 0
	position := 0
	for _, n := range s.TargetList {
		val := n.GetResTarget().GetVal()
		ref := val.GetColumnRef()
		switch {
		case ref != nil && ref.Fields[len(ref.Fields)-1].GetAStar() != nil:
			// The star stands for what the table had then: the names that both have.
			for _, col := range r.Columns {
				if base.Column(col.Name) != nil && columns[col.Name] == "" {
					columns[col.Name] = col.Name
					plain++
				}
			}
			position = len(r.Columns)
			continue
		case ref != nil && position < len(r.Columns):
			name := ref.Fields[len(ref.Fields)-1].GetString_().GetSval()
			if base.Column(name) != nil {
				columns[r.Columns[position].Name] = name
				plain++
			} else if systemColumns[name] == (typ{}) {
				return nil, nil, unsureView // renamed since
			}
		default:
			if hasAggregateOrSet(val) {
				return nil, nil, unsureView
			}
		}
		position++
	}
	if plain == 0 {
		return nil, nil, "it has no column that can be written to"
	}
	if base.Kind == catalog.View {
		inner, below, why := a.viewBase(base, depth+1)
		if why != "" {
			return nil, nil, unsureView
		}
		for name, middle := range columns {
			columns[name] = below[middle]
		}
		return inner, columns, ""
	}
	if base.Kind == catalog.MaterializedView {
		return nil, nil, "it selects from a materialized view"
	}
	return base, columns, ""
}

// hasAggregateOrSet tells that an expression may be an aggregate, a window function
// or return a set: it holds a call.
func hasAggregateOrSet(n *pg.Node) bool {
	found := false
	walk(n, func(n *pg.Node) bool {
		if n.GetFuncCall() != nil {
			found = true
		}
		return !found
	})
	return found
}
