package postgres

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

// createFunction reads CREATE FUNCTION and PROCEDURE. What the body does is not
// done by the statement, so it makes no operations.
func (r *reader) createFunction(s *pg.CreateFunctionStmt) {
	op := catalog.CreateFunction{
		Base:      on(listName(s.Funcname)),
		Object:    "function",
		OrReplace: s.Replace,
		Args:      r.parameters(s.Parameters),
		Language:  "sql",
		Volatile:  "volatile",
	}
	if s.IsProcedure {
		op.Object = "procedure"
	}
	if s.ReturnType != nil {
		op.Returns, _ = typeName(s.ReturnType)
		op.SetOf = s.ReturnType.Setof
	}
	var outs []catalog.FuncArg
	table := false
	for _, a := range op.Args {
		switch a.Mode {
		case "table":
			table = true
			outs = append(outs, a)
		case "out", "inout":
			outs = append(outs, a)
		}
	}
	switch {
	case s.IsProcedure:
	case table && len(outs) > 1 || s.ReturnType == nil && len(outs) > 1:
		op.Returns = catalog.Type{Name: "record"}
	case len(outs) == 1 && (table || s.ReturnType == nil):
		op.Returns = outs[0].Type
	}
	op.SetOf = op.SetOf || table
	if e := option(s.Options, "language"); e != nil {
		op.Language = strings.ToLower(e.Arg.GetString_().GetSval())
	}
	if e := option(s.Options, "volatility"); e != nil {
		op.Volatile = e.Arg.GetString_().GetSval()
	}
	if e := option(s.Options, "as"); e != nil {
		if parts := stringList(e.Arg.GetList().GetItems()); len(parts) > 0 {
			op.Body = parts[0]
		}
	}
	r.add(op)
}

func (r *reader) parameters(nodes []*pg.Node) []catalog.FuncArg {
	var args []catalog.FuncArg
	for _, n := range nodes {
		p := n.GetFunctionParameter()
		arg := catalog.FuncArg{Name: p.GetName(), Mode: "in", Default: p.GetDefexpr() != nil}
		arg.Type, _ = typeName(p.GetArgType())
		switch p.GetMode() {
		case pg.FunctionParameterMode_FUNC_PARAM_OUT:
			arg.Mode = "out"
		case pg.FunctionParameterMode_FUNC_PARAM_INOUT:
			arg.Mode = "inout"
		case pg.FunctionParameterMode_FUNC_PARAM_VARIADIC:
			arg.Mode = "variadic"
		case pg.FunctionParameterMode_FUNC_PARAM_TABLE:
			arg.Mode = "table"
		}
		args = append(args, arg)
	}
	return args
}

// The bits of a trigger's timing and events (src/include/catalog/pg_trigger.h).
const (
	triggerBefore   = 1 << 1
	triggerInsert   = 1 << 2
	triggerDelete   = 1 << 3
	triggerUpdate   = 1 << 4
	triggerTruncate = 1 << 5
	triggerInstead  = 1 << 6
)

func (r *reader) createTrigger(s *pg.CreateTrigStmt) {
	op := catalog.CreateTrigger{
		Base:       on(rangeName(s.Relation)),
		Name:       s.Trigname,
		OrReplace:  s.Replace,
		Timing:     "AFTER",
		Columns:    stringList(s.Columns),
		Function:   listName(s.Funcname),
		Constraint: s.Isconstraint,
		RefTable:   rangeName(s.Constrrel),
		Row:        s.Row,
	}
	switch {
	case s.Timing&triggerBefore != 0:
		op.Timing = "BEFORE"
	case s.Timing&triggerInstead != 0:
		op.Timing = "INSTEAD OF"
	}
	for _, e := range []struct {
		bit  int32
		name string
	}{{triggerInsert, "INSERT"}, {triggerUpdate, "UPDATE"}, {triggerDelete, "DELETE"}, {triggerTruncate, "TRUNCATE"}} {
		if s.Events&e.bit != 0 {
			op.Events = append(op.Events, e.name)
		}
	}
	if s.WhenClause != nil {
		op.WhenUses = r.expr(s.WhenClause).Columns
	}
	r.add(op)
}

func (r *reader) createRule(s *pg.RuleStmt) {
	q := newQueryReader()
	level := &catalog.Select{}
	q.expr(s.WhereClause, level)
	for _, n := range s.Actions {
		if n.GetSelectStmt() != nil {
			q.expr(n, level)
		} else {
			target, _ := q.write(n)
			if !target.IsZero() {
				q.relations[target] = true
			}
		}
	}
	target := rangeName(s.Relation)
	delete(q.relations, target)
	r.add(catalog.CreateTableObject{Base: on(target), Object: "rule", Name: s.Rulename, OrReplace: s.Replace,
		Functions: q.functionList(), Reads: q.relationList()})
}

func (r *reader) policy(op catalog.CreateTableObject, conditions ...*pg.Node) {
	op.Object = "policy"
	q := newQueryReader()
	level := &catalog.Select{}
	q.exprs(conditions, level)
	for _, ref := range level.Refs {
		if ref.Column != "*" && (ref.Table == "" || ref.Table == op.On.Name) {
			op.Columns = append(op.Columns, ref.Column)
		}
	}
	op.Columns = sortedSet(op.Columns)
	op.Functions, op.Reads = q.functionList(), q.relationList()
	r.add(op)
}
