package resolve

import (
	"errors"
	"fmt"
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
	"github.com/pmcheck/pmcheck/migrations-lint/postgres"
)

// statement judges one statement of the text.
func (a *analyzer) statement(n *pg.Node) {
	switch x := n.GetNode().(type) {
	case *pg.Node_SelectStmt, *pg.Node_InsertStmt, *pg.Node_UpdateStmt, *pg.Node_DeleteStmt, *pg.Node_MergeStmt:
		a.columns = a.output(a.query(n, &scope{}))
	case *pg.Node_ExplainStmt:
		a.statement(x.ExplainStmt.Query)
		a.columns = []Column{{Name: "QUERY PLAN", Type: catalog.Type{Name: "text"}}}
	case *pg.Node_DeclareCursorStmt:
		a.statement(x.DeclareCursorStmt.Query)
		a.columns = nil
	case *pg.Node_PrepareStmt:
		for i, n := range x.PrepareStmt.Argtypes {
			a.params[i+1] = typeOf(a.typeName(n.GetTypeName()))
		}
		a.statement(x.PrepareStmt.Query)
		a.columns = nil
	case *pg.Node_ExecuteStmt:
		for _, n := range x.ExecuteStmt.Params {
			a.expr(n, &scope{})
		}
		a.doubt("EXECUTE of a prepared statement")
	case *pg.Node_CreateTableAsStmt:
		a.statement(x.CreateTableAsStmt.Query)
		a.columns = nil
		a.ddl = true
	case *pg.Node_ViewStmt:
		a.query(x.ViewStmt.Query, &scope{})
		a.ddl = true
	case *pg.Node_CallStmt:
		a.call(x.CallStmt.Funccall, &scope{})
	case *pg.Node_CopyStmt:
		a.copy(x.CopyStmt)
	case *pg.Node_LockStmt:
		for _, n := range x.LockStmt.Relations {
			a.named(n.GetRangeVar())
		}
	case *pg.Node_TruncateStmt:
		a.truncate(x.TruncateStmt)
	case *pg.Node_VacuumStmt:
		for _, n := range x.VacuumStmt.Rels {
			v := n.GetVacuumRelation()
			if r := a.named(v.GetRelation()); r != nil && !r.Assumed && r.ID != 0 {
				for _, name := range stringList(v.GetVaCols()) {
					a.definedColumn(r, name)
				}
			}
		}
	case *pg.Node_RefreshMatViewStmt:
		a.named(x.RefreshMatViewStmt.Relation)
	case *pg.Node_VariableShowStmt:
		a.columns = []Column{{Name: x.VariableShowStmt.Name, Type: catalog.Type{Name: "text"}}}
	case *pg.Node_TransactionStmt, *pg.Node_VariableSetStmt, *pg.Node_ListenStmt, *pg.Node_NotifyStmt, *pg.Node_UnlistenStmt, *pg.Node_DeallocateStmt,
		*pg.Node_ClosePortalStmt, *pg.Node_DiscardStmt, *pg.Node_ConstraintsSetStmt, *pg.Node_LoadStmt, *pg.Node_CheckPointStmt:
	case *pg.Node_FetchStmt:
	case *pg.Node_DoStmt:
		a.doubt("the code of DO")
	default:
		a.ddl = true
	}
}

// output are a query's columns as its caller sees them.
func (a *analyzer) output(columns []column) []Column {
	if containsOpen(columns) {
		return nil
	}
	var list []Column
	for _, c := range columns {
		list = append(list, Column{c.name, c.val.result()})
		if c.val.param > 0 && c.val.isUnknown() {
			a.params[c.val.param] = textType
		}
	}
	return list
}

// named is a relation that a statement names without reading it.
func (a *analyzer) named(v *pg.RangeVar) *catalog.Relation {
	if v == nil {
		return nil
	}
	n := catalog.Name{Schema: v.Schemaname, Name: v.Relname}
	r := a.relation(n)
	if r == nil {
		a.noRelation(n, v.Location)
		return nil
	}
	a.use(tableObject(r))
	return r
}

// truncate is TRUNCATE: without CASCADE every table that references one of its tables
// must be one of them (heap_truncate_check_FKs).
func (a *analyzer) truncate(s *pg.TruncateStmt) {
	emptied := map[uint32]bool{}
	var list []*catalog.Relation
	for _, n := range s.Relations {
		r := a.named(n.GetRangeVar())
		if r == nil || r.ID == 0 {
			return // nothing is known of it
		}
		emptied[r.ID] = true
		list = append(list, r)
		if n.GetRangeVar().GetInh() {
			for _, child := range a.c.Descendants(r) {
				emptied[child.ID] = true
				list = append(list, child)
			}
		}
	}
	if s.Behavior == pg.DropBehavior_DROP_CASCADE {
		return
	}
	for _, r := range list {
		for _, ref := range a.c.ForeignKeysTo(r) {
			if !emptied[ref.Table.ID] {
				a.fail(executing, "0A000", Object{Kind: "constraint", Schema: ref.Table.Schema, Relation: ref.Table.Name, Name: ref.Constraint.Name}, s.Relations[0].GetRangeVar().GetLocation(),
					"cannot truncate a table referenced in a foreign key constraint")
				return
			}
		}
	}
}

func (a *analyzer) definedColumn(r *catalog.Relation, name string) *catalog.Column {
	col := r.Column(name)
	if col == nil {
		if _, system := systemColumns[name]; !system && !isHole(name) {
			a.fail(analysis, "42703", columnObject(r, name), 0, fmt.Sprintf("column %q of relation %q does not exist", name, r.Name))
		}
		return nil
	}
	a.use(columnObject(r, name))
	return col
}

// copy is COPY.
func (a *analyzer) copy(s *pg.CopyStmt) {
	if s.Query != nil {
		a.query(s.Query, &scope{})
		return
	}
	r := a.named(s.Relation)
	if r == nil || r.Assumed {
		return
	}
	names := stringList(s.Attlist)
	var given []*assigned
	for i, name := range names {
		col := a.definedColumn(r, name)
		if col == nil {
			if isHole(name) {
				return
			}
			continue
		}
		if slices.Contains(names[:i], name) {
			a.fail(analysis, "42701", Object{}, 0, fmt.Sprintf("column %q specified more than once", name))
		}
		if col.Generated != nil {
			a.fail(analysis, "42P10", columnObject(r, name), 0, fmt.Sprintf("column %q is a generated column", name))
		}
		given = append(given, &assigned{name: name, normal: true})
	}
	if len(names) == 0 {
		a.useAll(a.relationItem(r, "").columns)
		return
	}
	if s.IsFrom && r.Kind != catalog.View && len(r.Rules) == 0 {
		a.required(&target{relation: r, base: r}, given, s.Relation.Location)
	}
}

// carryOut makes the changes of a statement on a copy of the catalog, for those behind
// it. A refusal is believed where it is about a name.
func (a *analyzer) carryOut(s *pg.RawStmt, judge bool) {
	switch s.Stmt.GetNode().(type) {
	case *pg.Node_SelectStmt:
		if s.Stmt.GetSelectStmt().IntoClause == nil {
			return
		}
	case *pg.Node_InsertStmt, *pg.Node_UpdateStmt, *pg.Node_DeleteStmt, *pg.Node_MergeStmt, *pg.Node_TransactionStmt, *pg.Node_ExplainStmt, *pg.Node_DeclareCursorStmt,
		*pg.Node_PrepareStmt, *pg.Node_CopyStmt, *pg.Node_LockStmt, *pg.Node_DeallocateStmt, *pg.Node_FetchStmt, *pg.Node_ClosePortalStmt, *pg.Node_NotifyStmt:
		return
	}
	text := a.q.text[s.StmtLocation:]
	if s.StmtLen > 0 {
		text = text[:s.StmtLen]
	}
	if !a.owned {
		a.c, a.owned = a.c.Clone(), true
	}
	for _, st := range postgres.Parse(text).Statements {
		if st.NotAnalysed != "" {
			a.doubt("a statement that changes the schema")
			continue
		}
		for _, op := range st.Ops {
			var refused *catalog.Error
			switch err := a.c.Apply(op.Op); {
			case err == nil:
			case judge && errors.As(err, &refused) && slices.Contains(believed, refused.Code):
				a.fail(analysis, refused.Code, Object{}, s.StmtLocation, refused.Message)
				return
			default:
				a.doubt("a statement that changes the schema")
				return
			}
		}
	}
}

// believed are refusals of schema changes that are about the names in them.
var believed = []string{"42P01", "42703", "42704"}
