package postgres

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

// lower turns an enumeration's constant into words: OBJECT_TABLE -> "table".
func lower(constant, prefix string) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(constant, prefix)), "_", " ")
}

// createSchema reads CREATE SCHEMA; its elements are made in the new schema, in
// the server's order (src/backend/parser/parse_utilcmd.c, transformCreateSchemaStmtElements).
func (r *reader) createSchema(s *pg.CreateSchemaStmt) {
	name := s.Schemaname
	if name == "" {
		name = roleName(s.Authrole)
	}
	r.add(catalog.CreateSchema{Base: on(catalog.Name{Name: name}), IfNotExists: s.IfNotExists})
	rank := func(n *pg.Node) int {
		switch n.GetNode().(type) {
		case *pg.Node_CreateSeqStmt:
			return 0
		case *pg.Node_CreateStmt:
			return 1
		case *pg.Node_ViewStmt:
			return 2
		case *pg.Node_IndexStmt:
			return 3
		case *pg.Node_CreateTrigStmt:
			return 4
		}
		return 5
	}
	elements := slices.Clone(s.SchemaElts)
	slices.SortStableFunc(elements, func(a, b *pg.Node) int { return rank(a) - rank(b) })
	own := map[string]bool{}
	for _, n := range elements {
		switch x := n.GetNode().(type) {
		case *pg.Node_CreateSeqStmt:
			own[x.CreateSeqStmt.Sequence.GetRelname()] = true
		case *pg.Node_CreateStmt:
			own[x.CreateStmt.Relation.GetRelname()] = true
		case *pg.Node_ViewStmt:
			own[x.ViewStmt.View.GetRelname()] = true
		}
	}
	for _, n := range elements {
		qualify(n, name, own)
		r.statement(n)
	}
}

// qualify puts the relations of an element of CREATE SCHEMA into the new schema.
func qualify(n *pg.Node, schema string, own map[string]bool) {
	set := func(v *pg.RangeVar, always bool) {
		if v != nil && v.Schemaname == "" && (always || own[v.Relname]) {
			v.Schemaname = schema
		}
	}
	switch x := n.GetNode().(type) {
	case *pg.Node_CreateSeqStmt:
		set(x.CreateSeqStmt.Sequence, true)
	case *pg.Node_CreateStmt:
		set(x.CreateStmt.Relation, true)
		for _, e := range x.CreateStmt.TableElts {
			set(e.GetConstraint().GetPktable(), false)
			for _, c := range e.GetColumnDef().GetConstraints() {
				set(c.GetConstraint().GetPktable(), false)
			}
		}
	case *pg.Node_ViewStmt:
		set(x.ViewStmt.View, true)
		walk(x.ViewStmt.Query, func(n *pg.Node) bool {
			set(n.GetRangeVar(), false)
			return true
		})
	case *pg.Node_IndexStmt:
		set(x.IndexStmt.Relation, true)
	case *pg.Node_CreateTrigStmt:
		set(x.CreateTrigStmt.Relation, true)
	case *pg.Node_GrantStmt:
		for _, o := range x.GrantStmt.Objects {
			set(o.GetRangeVar(), false)
		}
	}
}

// createTableAs reads CREATE TABLE AS, CREATE MATERIALIZED VIEW and SELECT INTO.
func (r *reader) createTableAs(s *pg.CreateTableAsStmt) {
	into := s.Into
	if s.Objtype == pg.ObjectType_OBJECT_MATVIEW {
		r.add(catalog.CreateView{Base: on(rangeName(into.GetRel())), Materialized: true, IfNotExists: s.IfNotExists,
			WithNoData: into.GetSkipData(), Columns: stringList(into.GetColNames()), Query: r.query(s.Query)})
		return
	}
	if s.Query.GetExecuteStmt() != nil {
		r.unsupported("CREATE TABLE AS EXECUTE: the columns are those of a statement that was prepared elsewhere")
	}
	r.add(r.tableFromQuery(into, s.Query, s.IfNotExists))
}

func (r *reader) tableFromQuery(into *pg.IntoClause, query *pg.Node, ifNotExists bool) catalog.CreateTable {
	return catalog.CreateTable{
		Base:         on(rangeName(into.GetRel())),
		IfNotExists:  ifNotExists,
		Temporary:    temporary(into.GetRel()),
		Unlogged:     into.GetRel().GetRelpersistence() == "u",
		As:           r.query(query),
		AsColumns:    stringList(into.GetColNames()),
		WithData:     !into.GetSkipData(),
		Method:       into.GetAccessMethod(),
		OnCommitDrop: into.GetOnCommit() == pg.OnCommitAction_ONCOMMIT_DROP,
	}
}

// drop reads DROP; an Op per object.
func (r *reader) drop(s *pg.DropStmt) {
	names := make([]catalog.Name, len(s.Objects))
	for i, n := range s.Objects {
		names[i] = nodeName(n)
	}
	others := together(names)
	drops := cascade(s.Behavior)
	for i, n := range s.Objects {
		b := on(names[i])
		switch s.RemoveType {
		case pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_MATVIEW, pg.ObjectType_OBJECT_INDEX,
			pg.ObjectType_OBJECT_SEQUENCE, pg.ObjectType_OBJECT_FOREIGN_TABLE:
			op := catalog.DropRelation{Base: b, Object: objectName(s.RemoveType), IfExists: s.MissingOk, Cascade: drops, Concurrently: s.Concurrent}
			op.Together = others(i)
			r.add(op)
		case pg.ObjectType_OBJECT_SCHEMA:
			r.add(catalog.DropSchema{Base: b, IfExists: s.MissingOk, Cascade: drops})
		case pg.ObjectType_OBJECT_TYPE, pg.ObjectType_OBJECT_DOMAIN:
			r.add(catalog.DropType{Base: on(systemName(n.GetTypeName().GetNames())), Domain: s.RemoveType == pg.ObjectType_OBJECT_DOMAIN, IfExists: s.MissingOk, Cascade: drops})
		case pg.ObjectType_OBJECT_EXTENSION:
			r.add(catalog.DropExtension{Base: b, IfExists: s.MissingOk, Cascade: drops})
		case pg.ObjectType_OBJECT_FUNCTION, pg.ObjectType_OBJECT_PROCEDURE, pg.ObjectType_OBJECT_ROUTINE, pg.ObjectType_OBJECT_AGGREGATE:
			f := n.GetObjectWithArgs()
			r.add(catalog.DropFunction{Base: b, Object: objectName(s.RemoveType), Args: functionArgs(f), ArgsGiven: !f.GetArgsUnspecified(), IfExists: s.MissingOk, Cascade: drops})
		case pg.ObjectType_OBJECT_TRIGGER, pg.ObjectType_OBJECT_RULE, pg.ObjectType_OBJECT_POLICY:
			table, name := tableObject(n)
			r.add(catalog.DropTableObject{Base: on(table), Object: objectName(s.RemoveType), Name: name, IfExists: s.MissingOk, Cascade: drops})
		default:
			r.other("drop_"+strings.ReplaceAll(objectName(s.RemoveType), " ", "_"), names[i])
		}
	}
}

// together gives for each name of a statement the others, which follow it in a
// circle: so all of them share one list, however many there are.
func together(names []catalog.Name) func(i int) []catalog.Name {
	n := len(names)
	circle := slices.Concat(names, names)
	return func(i int) []catalog.Name {
		if n < 2 {
			return nil
		}
		return circle[i+1 : i+n : i+n]
	}
}

// tableObject splits the name of a trigger, rule or policy, which follows its table's.
func tableObject(n *pg.Node) (table catalog.Name, name string) {
	parts := n.GetList().GetItems()
	if len(parts) == 0 {
		return catalog.Name{}, ""
	}
	last := len(parts) - 1
	return listName(parts[:last]), parts[last].GetString_().GetSval()
}

// functionArgs are the input types by which a function is named.
func functionArgs(f *pg.ObjectWithArgs) []catalog.Type {
	var args []catalog.Type
	for _, n := range f.GetObjargs() {
		t, _ := typeName(n.GetTypeName())
		args = append(args, t)
	}
	return args
}

// rename reads ALTER ... RENAME.
func (r *reader) rename(s *pg.RenameStmt) {
	rel := rangeName(s.Relation)
	b := alter(rel, s.RenameType, s.MissingOk)
	switch s.RenameType {
	case pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_MATVIEW, pg.ObjectType_OBJECT_INDEX,
		pg.ObjectType_OBJECT_SEQUENCE, pg.ObjectType_OBJECT_FOREIGN_TABLE:
		r.add(catalog.RenameRelation{AlterBase: b, To: s.Newname})
	case pg.ObjectType_OBJECT_COLUMN, pg.ObjectType_OBJECT_ATTRIBUTE:
		b.Object = objectName(s.RelationType)
		if s.RenameType == pg.ObjectType_OBJECT_ATTRIBUTE {
			b.Object = "type"
		}
		b.Only = s.RelationType == pg.ObjectType_OBJECT_TABLE && !s.Relation.GetInh()
		r.add(catalog.RenameColumn{AlterBase: b, Column: s.Subname, To: s.Newname})
	case pg.ObjectType_OBJECT_TABCONSTRAINT:
		b.Object = "table"
		b.Only = !s.Relation.GetInh()
		r.add(catalog.RenameConstraint{AlterBase: b, Name: s.Subname, To: s.Newname})
	case pg.ObjectType_OBJECT_DOMCONSTRAINT:
		r.add(catalog.AlterDomain{Base: on(nodeName(s.Object)), Action: "rename_constraint", Constraint: catalog.ConstraintDef{Name: s.Subname}, To: s.Newname})
	case pg.ObjectType_OBJECT_SCHEMA:
		r.add(catalog.RenameSchema{Base: on(catalog.Name{Name: s.Subname}), To: s.Newname})
	case pg.ObjectType_OBJECT_TYPE, pg.ObjectType_OBJECT_DOMAIN:
		r.add(catalog.RenameType{Base: on(nodeName(s.Object)), To: s.Newname})
	case pg.ObjectType_OBJECT_FUNCTION, pg.ObjectType_OBJECT_PROCEDURE, pg.ObjectType_OBJECT_ROUTINE, pg.ObjectType_OBJECT_AGGREGATE:
		f := s.Object.GetObjectWithArgs()
		r.add(catalog.RenameFunction{Base: on(nodeName(s.Object)), Object: objectName(s.RenameType), Args: functionArgs(f), ArgsGiven: !f.GetArgsUnspecified(), To: s.Newname})
	case pg.ObjectType_OBJECT_TRIGGER, pg.ObjectType_OBJECT_RULE, pg.ObjectType_OBJECT_POLICY:
		r.add(catalog.RenameTableObject{Base: on(rel), Object: objectName(s.RenameType), Name: s.Subname, To: s.Newname})
	default:
		name := nodeName(s.Object)
		if name.IsZero() {
			name.Name = s.Subname
		}
		r.other("rename_"+strings.ReplaceAll(objectName(s.RenameType), " ", "_"), name)
	}
}

// setSchema reads ALTER ... SET SCHEMA.
func (r *reader) setSchema(s *pg.AlterObjectSchemaStmt) {
	name := nodeName(s.Object)
	if s.Relation != nil {
		name = rangeName(s.Relation)
	}
	if s.ObjectType == pg.ObjectType_OBJECT_EXTENSION {
		r.add(catalog.AlterExtension{Base: on(name), Action: "set schema", To: s.Newschema})
		return
	}
	op := catalog.SetSchema{AlterBase: alter(name, s.ObjectType, s.MissingOk), To: s.Newschema}
	if f := s.Object.GetObjectWithArgs(); f != nil {
		op.Args, op.ArgsGiven = functionArgs(f), !f.ArgsUnspecified
	}
	r.add(op)
}

// alterEnum reads ALTER TYPE ... ADD VALUE or RENAME VALUE.
func (r *reader) alterEnum(s *pg.AlterEnumStmt) {
	b := on(listName(s.TypeName))
	if s.OldVal != "" {
		r.add(catalog.RenameEnumValue{Base: b, Label: s.OldVal, To: s.NewVal})
		return
	}
	op := catalog.AddEnumValue{Base: b, Label: s.NewVal, IfNotExists: s.SkipIfNewValExists}
	if s.NewValIsAfter {
		op.After = s.NewValNeighbor
	} else {
		op.Before = s.NewValNeighbor
	}
	r.add(op)
}

// define reads CREATE TYPE (base types), AGGREGATE, OPERATOR, COLLATION and text search objects.
func (r *reader) define(s *pg.DefineStmt) {
	name := listName(s.Defnames)
	switch s.Kind {
	case pg.ObjectType_OBJECT_TYPE:
		form := "base"
		if len(s.Definition) == 0 {
			form = "shell"
		}
		r.add(catalog.CreateType{Base: on(name), Form: form})
	case pg.ObjectType_OBJECT_AGGREGATE:
		op := catalog.CreateFunction{Base: on(name), Object: "aggregate", OrReplace: s.Replace, Volatile: "immutable"}
		if len(s.Args) > 0 {
			op.Args = r.parameters(s.Args[0].GetList().GetItems())
		}
		if e := option(s.Definition, "basetype"); s.Oldstyle && e != nil {
			if t, _ := typeName(e.Arg.GetTypeName()); !t.IsZero() && t.Name != "any" {
				op.Args = []catalog.FuncArg{{Mode: "in", Type: t}}
			}
		}
		r.add(op)
	default:
		r.other("create_"+strings.ReplaceAll(objectName(s.Kind), " ", "_"), name)
	}
}

func (r *reader) createDomain(s *pg.CreateDomainStmt) {
	op := catalog.CreateDomain{Base: on(listName(s.Domainname))}
	op.Type, _ = typeName(s.TypeName)
	for _, n := range s.Constraints {
		c := n.GetConstraint()
		switch c.GetContype() {
		case pg.ConstrType_CONSTR_NOTNULL:
			op.NotNull = true
		case pg.ConstrType_CONSTR_DEFAULT:
			op.Default = r.expr(c.RawExpr)
		case pg.ConstrType_CONSTR_CHECK:
			op.Checks = append(op.Checks, r.constraint(c))
		}
	}
	r.add(op)
}

func (r *reader) alterDomain(s *pg.AlterDomainStmt) {
	op := catalog.AlterDomain{Base: on(listName(s.TypeName)), IfExists: s.MissingOk}
	switch s.Subtype {
	case "T":
		op.Action = "drop_default"
		if s.Def != nil {
			op.Action, op.Default = "set_default", r.expr(s.Def)
		}
	case "N":
		op.Action = "drop_not_null"
	case "O":
		op.Action = "set_not_null"
	case "C":
		op.Action, op.Constraint = "add_constraint", r.constraint(s.Def.GetConstraint())
	case "X":
		op.Action, op.Constraint.Name = "drop_constraint", s.Name
	case "V":
		op.Action, op.Constraint.Name = "validate_constraint", s.Name
	default:
		r.unsupported("ALTER DOMAIN of an unknown form")
	}
	r.add(op)
}

func (r *reader) createSequence(s *pg.CreateSeqStmt) {
	op := catalog.CreateSequence{Base: on(rangeName(s.Sequence)), IfNotExists: s.IfNotExists, Temporary: temporary(s.Sequence)}
	op.Type, op.OwnedBy, _ = sequenceOptions(s.Options)
	r.add(op)
}

func (r *reader) alterSequence(s *pg.AlterSeqStmt) {
	op := catalog.AlterSequence{Base: on(rangeName(s.Sequence)), IfExists: s.MissingOk}
	op.Type, op.OwnedBy, op.OwnedNone = sequenceOptions(s.Options)
	r.add(op)
}

func sequenceOptions(options []*pg.Node) (typ catalog.Type, owner catalog.ColumnRef, none bool) {
	if e := option(options, "as"); e != nil {
		typ, _ = typeName(e.Arg.GetTypeName())
	}
	if e := option(options, "owned_by"); e != nil {
		names := e.Arg.GetList().GetItems()
		if parts := stringList(names); len(parts) == 1 && parts[0] == "none" {
			return typ, owner, true
		}
		owner = columnRef(&pg.ColumnRef{Fields: names})
	}
	return typ, owner, false
}

func (r *reader) createExtension(s *pg.CreateExtensionStmt) {
	op := catalog.CreateExtension{Base: on(catalog.Name{Name: s.Extname}), IfNotExists: s.IfNotExists}
	if e := option(s.Options, "schema"); e != nil {
		op.On.Schema = e.Arg.GetString_().GetSval()
	}
	if e := option(s.Options, "new_version"); e != nil {
		op.Version = e.Arg.GetString_().GetSval()
	}
	r.add(op)
}

// grant reads GRANT or REVOKE, an Op per object.
func (r *reader) grant(s *pg.GrantStmt) {
	op := catalog.Grant{Object: objectName(s.Objtype), Revoke: !s.IsGrant}
	if s.Targtype == pg.GrantTargetType_ACL_TARGET_ALL_IN_SCHEMA {
		op.Object = "all " + op.Object + "s in schema"
	}
	for _, n := range s.Privileges {
		p := n.GetAccessPriv()
		if p.GetPrivName() != "" {
			op.Privileges = append(op.Privileges, p.PrivName)
		}
		op.Columns = append(op.Columns, stringList(p.GetCols())...)
	}
	for _, n := range s.Grantees {
		op.Roles = append(op.Roles, roleName(n.GetRoleSpec()))
	}
	for _, n := range s.Objects {
		op.On = nodeName(n)
		r.add(op)
	}
}

func (r *reader) comment(s *pg.CommentStmt) {
	op := catalog.Comment{Object: objectName(s.Objtype)}
	switch s.Objtype {
	case pg.ObjectType_OBJECT_COLUMN:
		table, column := tableObject(s.Object)
		op.On, op.Column = table, column
	case pg.ObjectType_OBJECT_TABCONSTRAINT, pg.ObjectType_OBJECT_TRIGGER, pg.ObjectType_OBJECT_RULE, pg.ObjectType_OBJECT_POLICY:
		op.On, _ = tableObject(s.Object)
	case pg.ObjectType_OBJECT_DOMCONSTRAINT:
		op.On = nodeName(first(s.Object.GetList().GetItems()))
	default:
		op.On = nodeName(s.Object)
	}
	r.add(op)
}
