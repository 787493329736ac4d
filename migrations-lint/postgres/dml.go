package postgres

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

// writes adds the data-modifying statements that a query reader has met.
func (r *reader) writes(q *queryReader) {
	for _, w := range q.writes {
		r.add(r.write(w))
	}
}

func (r *reader) write(w write) catalog.Op {
	b := on(w.to)
	switch x := w.node.GetNode().(type) {
	case *pg.Node_InsertStmt:
		s := x.InsertStmt
		op := catalog.Insert{Base: b, Columns: targetNames(s.Cols), Conflict: s.OnConflictClause != nil, Reads: w.reads}
		if sel := s.SelectStmt.GetSelectStmt(); sel != nil {
			op.Rows = len(sel.ValuesLists)
			op.Select = op.Rows == 0
			if op.Rows > 0 && r.piece.rows > 0 {
				op.Rows = r.piece.rows
			}
		}
		return op
	case *pg.Node_UpdateStmt:
		s := x.UpdateStmt
		return catalog.Update{Base: b, Columns: targetNames(s.TargetList), Where: s.WhereClause != nil, Reads: w.reads,
			WhereEquals: sortedSet(equalities(s.WhereClause)), Limited: limited(s.WhereClause)}
	case *pg.Node_DeleteStmt:
		s := x.DeleteStmt
		return catalog.Delete{Base: b, Where: s.WhereClause != nil, Reads: w.reads,
			WhereEquals: sortedSet(equalities(s.WhereClause)), Limited: limited(s.WhereClause)}
	}
	return catalog.Merge{Base: b, Reads: w.reads}
}

func targetNames(nodes []*pg.Node) []string {
	var list []string
	for _, n := range nodes {
		if t := n.GetResTarget(); t.GetName() != "" {
			list = append(list, t.Name)
		}
	}
	return list
}

func (r *reader) truncate(s *pg.TruncateStmt) {
	var names []catalog.Name
	for _, n := range s.Relations {
		names = append(names, rangeName(n.GetRangeVar()))
	}
	others := together(names)
	for i, name := range names {
		r.add(catalog.Truncate{Base: on(name), Cascade: cascade(s.Behavior), Together: others(i)})
	}
}

func (r *reader) copyTable(s *pg.CopyStmt) {
	if s.Query.GetNode() != nil {
		if s.Query.GetSelectStmt() != nil {
			r.selectStatement(s.Query)
		} else {
			r.statement(s.Query)
		}
		return
	}
	r.add(catalog.Copy{Base: on(rangeName(s.Relation)), Columns: stringList(s.Attlist), From: s.IsFrom, Rows: r.piece.rows})
}

// selectStatement reads a SELECT, VALUES or TABLE that stands for itself.
func (r *reader) selectStatement(n *pg.Node) {
	s := n.GetSelectStmt()
	first := s // INTO stands in the first SELECT of a UNION
	for first.GetLarg() != nil {
		first = first.Larg
	}
	if into := first.GetIntoClause(); into != nil {
		first.IntoClause = nil
		r.add(r.tableFromQuery(into, n, false))
		return
	}
	q := newQueryReader()
	q.statement(n)
	r.writes(q)
	if r.setConfig(s) {
		return
	}
	op := catalog.Read{Reads: q.relationList(), Functions: q.functionList(), ForUpdate: q.locking}
	if len(op.Reads) > 0 {
		op.On = op.Reads[0]
	}
	r.add(op)
}

// setConfig reads SELECT set_config('name', 'value', is_local).
func (r *reader) setConfig(s *pg.SelectStmt) bool {
	if len(s.GetTargetList()) == 0 || len(s.FromClause) > 0 {
		return false
	}
	var ops []catalog.Op
	for _, t := range s.TargetList {
		call := t.GetResTarget().GetVal().GetFuncCall()
		if systemName(call.GetFuncname()) != (catalog.Name{Name: "set_config"}) || len(call.Args) != 3 {
			return false
		}
		name, value := call.Args[0].GetAConst().GetSval(), call.Args[1].GetAConst().GetSval()
		if name == nil || value == nil {
			return false
		}
		op := catalog.SetVariable{Base: on(catalog.Name{Name: strings.ToLower(name.Sval)})}
		inner, _ := stripCasts(call.Args[2])
		op.Local = inner.GetAConst().GetBoolval().GetBoolval() || inner.GetAConst().GetSval().GetSval() == "t"
		for _, v := range strings.Split(value.Sval, ",") {
			if v = strings.Trim(strings.TrimSpace(v), `"`); v != "" || op.On.Name != "search_path" {
				op.Values = append(op.Values, v)
			}
		}
		ops = append(ops, op)
	}
	r.add(ops...)
	return true
}

// lockModes are the modes of LOCK TABLE (src/include/storage/lockdefs.h).
var lockModes = []string{"", "ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE"}

func (r *reader) lockTable(s *pg.LockStmt) {
	for _, n := range s.Relations {
		op := catalog.LockTable{Base: on(rangeName(n.GetRangeVar())), NoWait: s.Nowait}
		if int(s.Mode) < len(lockModes) && s.Mode > 0 {
			op.Mode = lockModes[s.Mode]
		}
		r.add(op)
	}
}

// explain reads EXPLAIN: with ANALYZE the statement inside is carried out.
func (r *reader) explain(s *pg.ExplainStmt) {
	if optionOn(s.Options, "analyze") {
		r.statement(s.Query)
		return
	}
	op := catalog.Read{}
	q := newQueryReader()
	if s.Query.GetSelectStmt() != nil {
		q.statement(s.Query)
	} else if target, _ := q.write(s.Query); !target.IsZero() {
		op.On = target
		q.relations[target] = true
	} else {
		walk(s.Query, func(n *pg.Node) bool { // EXPLAIN CREATE TABLE AS
			q.expr(n, &catalog.Select{})
			return n.GetSelectStmt() == nil
		})
	}
	op.Reads = q.relationList()
	if op.On.IsZero() && len(op.Reads) > 0 {
		op.On = op.Reads[0]
	}
	r.add(op)
}

func (r *reader) call(s *pg.CallStmt) {
	q := newQueryReader()
	q.expr(&pg.Node{Node: &pg.Node_FuncCall{FuncCall: s.Funccall}}, &catalog.Select{})
	r.add(catalog.Read{Functions: q.functionList(), Reads: q.relationList()})
	r.runs = append(r.runs, runs{listName(s.Funccall.GetFuncname()), len(r.problems)})
	r.unsupported("CALL runs the procedure " + listName(s.Funccall.GetFuncname()).String() + ", whose effect is not known")
}

func (r *reader) setVariable(s *pg.VariableSetStmt) {
	op := catalog.SetVariable{Base: on(catalog.Name{Name: strings.ToLower(s.Name)}), Local: s.IsLocal}
	switch s.Kind {
	case pg.VariableSetKind_VAR_SET_DEFAULT, pg.VariableSetKind_VAR_RESET:
		op.Reset = true
	case pg.VariableSetKind_VAR_RESET_ALL:
		op.Reset, op.On.Name = true, "all"
	case pg.VariableSetKind_VAR_SET_MULTI: // SET TRANSACTION ..., SET SESSION CHARACTERISTICS
		r.other("set_transaction", catalog.Name{})
		return
	case pg.VariableSetKind_VAR_SET_CURRENT: // sets what is set
		r.other("set_from_current", op.On)
		return
	default:
		for _, n := range s.Args {
			if v := settingValue(n); v != "" || op.On.Name != "search_path" {
				op.Values = append(op.Values, v)
			}
		}
	}
	r.add(op)
}

// settingValue is a value of SET as text.
func settingValue(n *pg.Node) string {
	n, _ = stripCasts(n)
	switch v := n.GetAConst().GetVal().(type) {
	case *pg.A_Const_Sval:
		return v.Sval.Sval
	case *pg.A_Const_Ival:
		return itoa(v.Ival.Ival)
	case *pg.A_Const_Fval:
		return v.Fval.Fval
	}
	return deparse(n)
}

func (r *reader) transaction(s *pg.TransactionStmt) {
	op := catalog.Transaction{Chain: s.Chain}
	op.On.Name = s.SavepointName
	switch s.Kind {
	case pg.TransactionStmtKind_TRANS_STMT_BEGIN, pg.TransactionStmtKind_TRANS_STMT_START:
		op.Action = "begin"
	case pg.TransactionStmtKind_TRANS_STMT_COMMIT:
		op.Action = "commit"
	case pg.TransactionStmtKind_TRANS_STMT_ROLLBACK:
		op.Action = "rollback"
	case pg.TransactionStmtKind_TRANS_STMT_SAVEPOINT:
		op.Action = "savepoint"
	case pg.TransactionStmtKind_TRANS_STMT_RELEASE:
		op.Action = "release"
	case pg.TransactionStmtKind_TRANS_STMT_ROLLBACK_TO:
		op.Action = "rollback to"
	case pg.TransactionStmtKind_TRANS_STMT_PREPARE:
		op.Action, op.On.Name = "prepare", s.Gid
	case pg.TransactionStmtKind_TRANS_STMT_COMMIT_PREPARED:
		r.other("commit_prepared", catalog.Name{Name: s.Gid})
		return
	case pg.TransactionStmtKind_TRANS_STMT_ROLLBACK_PREPARED:
		r.other("rollback_prepared", catalog.Name{Name: s.Gid})
		return
	}
	r.add(op)
}

func (r *reader) reindex(s *pg.ReindexStmt) {
	op := catalog.Reindex{Base: on(rangeName(s.Relation)), Object: lower(s.Kind.String(), "REINDEX_OBJECT_"), Concurrently: optionOn(s.Params, "concurrently")}
	if s.Kind == pg.ReindexObjectType_REINDEX_OBJECT_SCHEMA {
		op.On.Name = s.Name
	}
	r.add(op)
}

func (r *reader) vacuum(s *pg.VacuumStmt) {
	op := catalog.Vacuum{Full: optionOn(s.Options, "full"), Analyze: !s.IsVacuumcmd}
	if len(s.Rels) == 0 {
		r.add(op)
	}
	for _, n := range s.Rels {
		op.On = rangeName(n.GetVacuumRelation().GetRelation())
		r.add(op)
	}
}
