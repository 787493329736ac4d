package postgres

import (
	"sort"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

// alterTable reads ALTER TABLE, VIEW, INDEX ... with sub-commands: one Op each, in
// the order of the server's passes.
func (r *reader) alterTable(s *pg.AlterTableStmt) {
	if s.Objtype == pg.ObjectType_OBJECT_TYPE {
		r.alterComposite(s)
		return
	}
	base := catalog.AlterBase{
		Base:     on(rangeName(s.Relation)),
		IfExists: s.MissingOk,
		Only:     !s.Relation.GetInh() && s.Objtype == pg.ObjectType_OBJECT_TABLE,
		Object:   objectName(s.Objtype),
	}
	places := r.subCommands(s)
	type step struct {
		op    catalog.Op
		pass  int
		place [2]int
	}
	var steps []step
	for i, n := range s.Cmds {
		cmd := n.GetAlterTableCmd()
		base.First = i == 0
		op, pass := r.alterCommand(base, cmd)
		if op == nil {
			r.unsupported("ALTER TABLE sub-command " + cmd.GetSubtype().String())
			continue
		}
		steps = append(steps, step{op, pass, places[i]})
	}
	sort.SliceStable(steps, func(i, j int) bool { return steps[i].pass < steps[j].pass })
	for _, st := range steps {
		r.addAt(st.op, st.place[0], st.place[1])
	}
}

// The passes in which the server runs the sub-commands of one ALTER TABLE
// (src/backend/commands/tablecmds.c, AlterTablePass).
const (
	passDrop = iota
	passAlterType
	passAddColumn
	passSetExpression
	passColumnAttributes
	passAddIndexConstraint
	passAddOther
	passMisc
)

// subCommands finds the place of each sub-command: the text between the commas
// that stand outside of parentheses. Without an answer it is the whole statement.
func (r *reader) subCommands(s *pg.AlterTableStmt) [][2]int {
	n := len(s.Cmds)
	places := make([][2]int, n)
	for i := range places {
		places[i] = [2]int{r.start, r.end}
	}
	l := lexer{src: r.src[:r.end], pos: int(s.Relation.GetLocation())}
	if l.pos < r.start || l.pos >= r.end {
		return places
	}
	// Behind the relation's name: schema.name, then ")" of ONLY (name) or "*".
	l.next()
	t := l.next()
	for ; l.is(t, "."); t = l.next() {
		l.next()
	}
	for l.is(t, ")", "*") {
		t = l.next()
	}
	var found [][2]int
	depth := 0
	cur := [2]int{t.start, t.end}
	for ; t.kind != tokenEnd; t = l.next() {
		switch {
		case l.is(t, "(", "["):
			depth++
		case l.is(t, ")", "]"):
			depth--
		case depth == 0 && l.is(t, ","):
			found = append(found, cur)
			cur = [2]int{-1, 0}
			continue
		}
		if cur[0] < 0 {
			cur[0] = t.start
		}
		cur[1] = t.end
	}
	if found = append(found, cur); len(found) == n {
		return found
	}
	return places
}

// alterCommand reads one sub-command; nil when it is not known.
func (r *reader) alterCommand(b catalog.AlterBase, c *pg.AlterTableCmd) (catalog.Op, int) {
	optional := func(n *pg.Node) *catalog.Expr {
		if n == nil {
			return nil
		}
		return r.expr(n)
	}
	table := func(name string, value string) (catalog.Op, int) {
		return catalog.SetTableOption{AlterBase: b, Option: name, Value: value}, passMisc
	}
	column := func(name string) (catalog.Op, int) {
		return catalog.SetColumnOption{AlterBase: b, Column: c.Name, Option: name}, passMisc
	}
	switch c.Subtype {
	case pg.AlterTableType_AT_AddColumn:
		return catalog.AddColumn{AlterBase: b, Column: r.columnDef(c.Def.GetColumnDef()), IfNotExists: c.MissingOk}, passAddColumn
	case pg.AlterTableType_AT_DropColumn:
		return catalog.DropColumn{AlterBase: b, Column: c.Name, ColumnIfExists: c.MissingOk, Cascade: cascade(c.Behavior)}, passDrop
	case pg.AlterTableType_AT_AlterColumnType:
		def := c.Def.GetColumnDef()
		op := catalog.AlterColumnType{AlterBase: b, Column: c.Name, Using: optional(def.GetRawDefault()), Collation: collation(def.GetCollClause())}
		op.Type, _ = typeName(def.GetTypeName())
		return op, passAlterType
	case pg.AlterTableType_AT_ColumnDefault:
		if c.Def == nil {
			return catalog.SetDefault{AlterBase: b, Column: c.Name}, passDrop
		}
		return catalog.SetDefault{AlterBase: b, Column: c.Name, Default: r.expr(c.Def)}, passAddOther
	case pg.AlterTableType_AT_SetNotNull:
		return catalog.SetNotNull{AlterBase: b, Column: c.Name}, passColumnAttributes
	case pg.AlterTableType_AT_DropNotNull:
		return catalog.DropNotNull{AlterBase: b, Column: c.Name}, passDrop
	case pg.AlterTableType_AT_AddIdentity:
		return catalog.SetIdentity{AlterBase: b, Column: c.Name, Identity: identity(c.Def.GetConstraint().GetGeneratedWhen()), Add: true}, passAddOther
	case pg.AlterTableType_AT_SetIdentity:
		op := catalog.SetIdentity{AlterBase: b, Column: c.Name}
		if e := option(c.Def.GetList().GetItems(), "generated"); e != nil {
			op.Identity = "by default"
			if e.Arg.GetInteger().GetIval() == 'a' {
				op.Identity = "always"
			}
			return op, passMisc
		}
		return column("identity_sequence") // SET START, RESTART ...: options of the sequence only
	case pg.AlterTableType_AT_DropIdentity:
		return catalog.SetIdentity{AlterBase: b, Column: c.Name, IfExists: c.MissingOk}, passDrop
	case pg.AlterTableType_AT_SetExpression:
		return catalog.SetGenerated{AlterBase: b, Column: c.Name, Expr: optional(c.Def)}, passSetExpression
	case pg.AlterTableType_AT_DropExpression:
		return catalog.SetGenerated{AlterBase: b, Column: c.Name, IfExists: c.MissingOk}, passDrop
	case pg.AlterTableType_AT_SetStatistics:
		if c.Name == "" { // ALTER INDEX ... ALTER COLUMN 2 SET STATISTICS
			c.Name = itoa(c.Num)
		}
		return column("statistics")
	case pg.AlterTableType_AT_SetStorage:
		return column("storage")
	case pg.AlterTableType_AT_SetCompression:
		return column("compression")
	case pg.AlterTableType_AT_SetOptions, pg.AlterTableType_AT_ResetOptions, pg.AlterTableType_AT_AlterColumnGenericOptions:
		return column("options")

	case pg.AlterTableType_AT_AddConstraint:
		def := r.constraint(c.Def.GetConstraint())
		switch def.Type {
		case catalog.PrimaryKey, catalog.Unique, catalog.Exclude:
			return catalog.AddConstraint{AlterBase: b, Constraint: def}, passAddIndexConstraint
		case catalog.NotNull:
			return catalog.AddConstraint{AlterBase: b, Constraint: def}, passColumnAttributes
		}
		return catalog.AddConstraint{AlterBase: b, Constraint: def}, passAddOther
	case pg.AlterTableType_AT_DropConstraint:
		return catalog.DropConstraint{AlterBase: b, Name: c.Name, ConstraintIfExists: c.MissingOk, Cascade: cascade(c.Behavior)}, passDrop
	case pg.AlterTableType_AT_ValidateConstraint:
		return catalog.ValidateConstraint{AlterBase: b, Name: c.Name}, passMisc
	case pg.AlterTableType_AT_AlterConstraint:
		k := c.Def.GetConstraint()
		newer := r.newer.alters[k.GetConname()]
		return catalog.AlterConstraint{AlterBase: b, Name: k.GetConname(), Deferrable: k.GetDeferrable(), InitiallyDefer: k.GetInitdeferred(),
			Enforced: newer.enforced, Inherit: newer.inherit}, passMisc

	case pg.AlterTableType_AT_AttachPartition:
		p := c.Def.GetPartitionCmd()
		return catalog.AttachPartition{AlterBase: b, Partition: rangeName(p.GetName()), Bound: r.bound(p.GetBound())}, passMisc
	case pg.AlterTableType_AT_DetachPartition, pg.AlterTableType_AT_DetachPartitionFinalize:
		p := c.Def.GetPartitionCmd()
		return catalog.DetachPartition{AlterBase: b, Partition: rangeName(p.GetName()), Concurrently: p.GetConcurrent(),
			Finalize: c.Subtype == pg.AlterTableType_AT_DetachPartitionFinalize}, passMisc
	case pg.AlterTableType_AT_AddInherit:
		return catalog.SetInherit{AlterBase: b, Parent: rangeName(c.Def.GetRangeVar())}, passMisc
	case pg.AlterTableType_AT_DropInherit:
		return catalog.SetInherit{AlterBase: b, Parent: rangeName(c.Def.GetRangeVar()), Remove: true}, passMisc

	case pg.AlterTableType_AT_ChangeOwner:
		return catalog.ChangeOwner{AlterBase: b, Role: roleName(c.Newowner)}, passMisc
	case pg.AlterTableType_AT_ClusterOn:
		return table("cluster_on", c.Name)
	case pg.AlterTableType_AT_DropCluster:
		return table("set_without_cluster", "")
	case pg.AlterTableType_AT_SetLogged:
		return table("set_logged", "")
	case pg.AlterTableType_AT_SetUnLogged:
		return table("set_unlogged", "")
	case pg.AlterTableType_AT_DropOids:
		return table("set_without_oids", "")
	case pg.AlterTableType_AT_SetAccessMethod:
		return table("set_access_method", c.Name)
	case pg.AlterTableType_AT_SetTableSpace:
		return table("set_tablespace", c.Name)
	case pg.AlterTableType_AT_SetRelOptions, pg.AlterTableType_AT_ReplaceRelOptions:
		return catalog.SetTableOption{AlterBase: b, Option: "set_storage_parameters", Names: optionNames(c.Def.GetList().GetItems())}, passMisc
	case pg.AlterTableType_AT_ResetRelOptions:
		return catalog.SetTableOption{AlterBase: b, Option: "reset_storage_parameters", Names: optionNames(c.Def.GetList().GetItems())}, passMisc
	case pg.AlterTableType_AT_EnableTrig, pg.AlterTableType_AT_EnableAlwaysTrig, pg.AlterTableType_AT_EnableReplicaTrig:
		return table("enable_trigger", c.Name)
	case pg.AlterTableType_AT_EnableTrigAll:
		return table("enable_trigger", "all")
	case pg.AlterTableType_AT_EnableTrigUser:
		return table("enable_trigger", "user")
	case pg.AlterTableType_AT_DisableTrig:
		return table("disable_trigger", c.Name)
	case pg.AlterTableType_AT_DisableTrigAll:
		return table("disable_trigger", "all")
	case pg.AlterTableType_AT_DisableTrigUser:
		return table("disable_trigger", "user")
	case pg.AlterTableType_AT_EnableRule, pg.AlterTableType_AT_EnableAlwaysRule, pg.AlterTableType_AT_EnableReplicaRule:
		return table("enable_rule", c.Name)
	case pg.AlterTableType_AT_DisableRule:
		return table("disable_rule", c.Name)
	case pg.AlterTableType_AT_AddOf:
		return table("of_type", systemName(c.Def.GetTypeName().GetNames()).String())
	case pg.AlterTableType_AT_DropOf:
		return table("not_of_type", "")
	case pg.AlterTableType_AT_ReplicaIdentity:
		id := c.Def.GetReplicaIdentityStmt()
		switch id.GetIdentityType() {
		case "n":
			return table("replica_identity", "nothing")
		case "f":
			return table("replica_identity", "full")
		case "d":
			return table("replica_identity", "default")
		}
		return table("replica_identity", id.GetName())
	case pg.AlterTableType_AT_EnableRowSecurity:
		return table("enable_row_level_security", "")
	case pg.AlterTableType_AT_DisableRowSecurity:
		return table("disable_row_level_security", "")
	case pg.AlterTableType_AT_ForceRowSecurity:
		return table("force_row_level_security", "")
	case pg.AlterTableType_AT_NoForceRowSecurity:
		return table("no_force_row_level_security", "")
	case pg.AlterTableType_AT_GenericOptions:
		return catalog.SetTableOption{AlterBase: b, Option: "foreign_options", Names: optionNames(c.Def.GetList().GetItems())}, passMisc
	}
	return nil, 0
}

// alterComposite reads ALTER TYPE with ADD, DROP or ALTER ATTRIBUTE.
func (r *reader) alterComposite(s *pg.AlterTableStmt) {
	places := r.subCommands(s)
	for i, n := range s.Cmds {
		c := n.GetAlterTableCmd()
		op := catalog.AlterComposite{Base: on(rangeName(s.Relation)), Cascade: cascade(c.GetBehavior())}
		switch c.GetSubtype() {
		case pg.AlterTableType_AT_AddColumn:
			op.Action, op.Column = "add", r.columnDef(c.Def.GetColumnDef())
		case pg.AlterTableType_AT_DropColumn:
			op.Action, op.Column.Name, op.IfExists = "drop", c.Name, c.MissingOk
		case pg.AlterTableType_AT_AlterColumnType:
			op.Action, op.Column.Name = "alter", c.Name
			op.Column.Type, _ = typeName(c.Def.GetColumnDef().GetTypeName())
			op.Column.Collation = collation(c.Def.GetColumnDef().GetCollClause())
		case pg.AlterTableType_AT_ChangeOwner:
			r.addAt(catalog.ChangeOwner{AlterBase: catalog.AlterBase{Base: on(rangeName(s.Relation)), Object: "type", First: i == 0}, Role: roleName(c.Newowner)}, places[i][0], places[i][1])
			continue
		default:
			r.unsupported("ALTER TYPE sub-command " + c.GetSubtype().String())
			continue
		}
		r.addAt(op, places[i][0], places[i][1])
	}
}
