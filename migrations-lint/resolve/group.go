package resolve

import (
	"fmt"
	"slices"
	"strconv"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

// grouping is what GROUP BY and aggregates ask of one level of a query.
type grouping struct {
	sets       bool // GROUPING SETS, ROLLUP or CUBE
	aggregates bool // the level has an aggregate
	unsure     bool // it may have one, or an expression that it groups by is not known
	columns    map[int]bool
	shapes     map[string]bool
	order      []*pg.Node // entries of ORDER BY and DISTINCT ON that are not in the select list
}

// groupedBy notes an entry of GROUP BY, which may be an output.
func (a *analyzer) groupedBy(n *pg.Node, output int, columns []column, nodes []*pg.Node, sc *scope) {
	g := sc.group
	if g == nil {
		return
	}
	if output >= 0 {
		if columns[output].id > 0 {
			g.columns[columns[output].id] = true
		}
		if n = nodes[output]; n == nil {
			return
		}
	}
	if ref := n.GetColumnRef(); ref != nil {
		if c, it := a.local(ref, sc); c != nil {
			g.columns[c.id] = true
		} else if it != nil {
			for _, c := range it.columns {
				g.columns[c.id] = true
			}
		} else {
			g.unsure = true
		}
		return
	}
	walk(n, func(n *pg.Node) bool {
		g.unsure = g.unsure || slices.ContainsFunc(stringList(n.GetColumnRef().GetFields()), isHole)
		return true
	})
	g.shapes[a.shapeIn(n, sc)] = true
}

// local is the column of this level that a reference means, or the entry whose row it means.
func (a *analyzer) local(ref *pg.ColumnRef, sc *scope) (*column, *item) {
	names := stringList(ref.Fields)
	if len(names) == 0 {
		return nil, nil
	}
	star := len(names) < len(ref.Fields)
	name := names[len(names)-1]
	if len(names) == 1 && !star {
		for _, it := range sc.items {
			if it.unqualified {
				if c, n := it.find(name); n > 0 {
					return c, nil
				}
			}
		}
	}
	for _, it := range sc.items {
		switch {
		case !it.names:
		case (len(names) == 1 || star) && it.alias == name:
			return nil, it
		case len(names) > 1 && !star && it.alias == names[len(names)-2]:
			c, _ := it.find(name)
			return c, nil
		}
	}
	return nil, nil
}

// shapeIn is a text that two expressions of one level have in common when the server
// takes them for the same. Parameters count as one: a driver may have put in the same value.
func (a *analyzer) shapeIn(n *pg.Node, sc *scope) string {
	return shapeOf(n, func(ref *pg.ColumnRef) (string, bool) {
		if c, _ := a.local(ref, sc); c != nil && c.id != 0 {
			return "#" + strconv.Itoa(c.id), true
		}
		return "", false
	})
}

// aggregateSeen notes an aggregate at the level that its arguments belong to.
func (a *analyzer) aggregateSeen(sc *scope, args []*pg.Node) {
	refs := 0
	var levels []*scope
	for level := sc; level != nil; level = level.outer {
		if level.group != nil {
			levels = append(levels, level)
		}
	}
	if len(levels) == 0 {
		return
	}
	own := len(levels)
	for _, n := range args {
		walk(n, func(n *pg.Node) bool {
			ref := n.GetColumnRef()
			if ref == nil {
				return true
			}
			refs++
			for i, level := range levels {
				if c, it := a.local(ref, level); c != nil || it != nil {
					own = min(own, i)
					break
				}
			}
			return true
		})
	}
	switch {
	case refs == 0:
		own = 0
	case own == len(levels):
		for _, level := range levels {
			level.group.unsure = true
		}
		return
	}
	levels[own].group.aggregates = true
}

// checkGrouping fails for a column that is neither grouped by nor inside an aggregate
// (check_ungrouped_columns).
func (a *analyzer) checkGrouping(s *pg.SelectStmt, sc *scope, columns []column, nodes []*pg.Node) {
	g := sc.group
	if len(s.GroupClause) == 0 && !g.aggregates && s.HavingClause == nil || g.sets || g.unsure || sc.anyOpen() && len(s.GroupClause) > 0 {
		return
	}
	if len(a.failures) > 0 {
		return // what is missing may be what groups
	}
	for i, n := range nodes {
		if n == nil {
			if columns[i].id > 0 && !a.grouped(columns[i].id, sc) {
				a.ungrouped(columns[i].id, columns[i].name, sc, 0)
				return
			}
			continue
		}
		if !a.checkGrouped(n, sc) {
			return
		}
	}
	for _, n := range append(slices.Clone(g.order), s.HavingClause) {
		if !a.checkGrouped(n, sc) {
			return
		}
	}
}

// checkGrouped judges one expression; false means that it has failed.
func (a *analyzer) checkGrouped(n *pg.Node, sc *scope) bool {
	fine := true
	walk(n, func(n *pg.Node) bool {
		if !fine {
			return false
		}
		switch x := n.GetNode().(type) {
		case *pg.Node_ColumnRef:
			c, it := a.local(x.ColumnRef, sc)
			switch {
			case c != nil && c.id > 0:
				if !a.grouped(c.id, sc) {
					fine = false
					a.ungrouped(c.id, c.name, sc, x.ColumnRef.Location)
				}
			case it != nil && it.relation != nil && it.relation.ID != 0 && !it.open:
				for _, c := range it.columns {
					if !a.grouped(c.id, sc) {
						fine = false
						a.ungrouped(c.id, "*", sc, x.ColumnRef.Location)
						break
					}
				}
			}
			return false
		case *pg.Node_FuncCall:
			if x.FuncCall.Over == nil && a.mayAggregate(x.FuncCall) {
				return false
			}
		case *pg.Node_JsonObjectAgg, *pg.Node_JsonArrayAgg, *pg.Node_GroupingFunc:
			return false
		case *pg.Node_SubLink:
			fine = a.checkGrouped(x.SubLink.Testexpr, sc)
			return false
		}
		return len(sc.group.shapes) == 0 || !sc.group.shapes[a.shapeIn(n, sc)]
	})
	return fine
}

func (a *analyzer) mayAggregate(f *pg.FuncCall) bool {
	names := stringList(f.Funcname)
	n := catalog.Name{Name: names[len(names)-1]}
	if len(names) > 1 {
		n.Schema = names[len(names)-2]
	}
	overloads := a.overloads(n)
	return len(overloads) == 0 || slices.ContainsFunc(overloads, func(r *routine) bool { return r.kind == 'a' || r.unsure })
}

// grouped tells that a column is grouped by, or depends on a primary key that is.
func (a *analyzer) grouped(id int, sc *scope) bool {
	if sc.group.columns[id] {
		return true
	}
	it := sc.owner(id)
	if it == nil {
		return true
	}
	if it.relation == nil {
		return false
	}
	k := it.relation.PrimaryKey()
	if k == nil || k.Deferrable {
		return false
	}
	for _, name := range k.Columns {
		i := slices.IndexFunc(it.relation.Columns, func(c *catalog.Column) bool { return c.Name == name })
		if i < 0 || !sc.group.columns[it.first+i] {
			return false
		}
	}
	return true
}

// owner is the entry of FROM that a column belongs to.
func (sc *scope) owner(id int) *item {
	for _, it := range sc.ranges {
		if id >= it.first && id < it.first+len(it.columns) {
			return it
		}
	}
	return nil
}

func (a *analyzer) ungrouped(id int, name string, sc *scope, at int32) {
	it := sc.owner(id)
	if name != "*" {
		name = it.columns[id-it.first].name
	}
	o := Object{Kind: "column", Relation: it.alias, Name: name}
	if it.relation != nil {
		o.Schema, o.Relation = it.relation.Schema, it.relation.Name
	}
	a.fail(analysis, "42803", o, at, fmt.Sprintf("column %q must appear in the GROUP BY clause or be used in an aggregate function", it.alias+"."+name))
}
