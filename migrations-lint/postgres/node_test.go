package postgres

import (
	"strings"
	"testing"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// partsOfStatements are the nodes named as statements that the grammar never gives
// as one, and why.
var partsOfStatements = map[string]string{
	"raw_stmt":              "the frame around every statement",
	"set_operation_stmt":    "made by the analyser",
	"return_stmt":           "the body of a function",
	"plassign_stmt":         "PL/pgSQL's parse mode only",
	"replica_identity_stmt": "a sub-command of ALTER TABLE",
}

// TestEveryStatementIsKnown gives the reader a node of every type whose name ends in
// Stmt, with nothing in it: it must say something about each, and not stumble over what is missing.
func TestEveryStatementIsKnown(t *testing.T) {
	fields := (&pg.Node{}).ProtoReflect().Descriptor().Oneofs().Get(0).Fields()
	seen := 0
	for i := range fields.Len() {
		field := fields.Get(i)
		name := string(field.Name())
		if !strings.HasSuffix(name, "_stmt") || partsOfStatements[name] != "" {
			continue
		}
		seen++
		n := &pg.Node{}
		statement := n.ProtoReflect().Mutable(field).Message()
		for j := range statement.Descriptor().Fields().Len() {
			if part := statement.Descriptor().Fields().Get(j); part.Message() != nil && part.Cardinality() != protoreflect.Repeated {
				statement.Mutable(part)
			}
		}
		r := &reader{}
		r.statement(n)
		for _, p := range r.problems {
			if strings.Contains(p.Reason, "of this kind") {
				t.Errorf("%s is not read", name)
			}
		}
	}
	if seen < 110 {
		t.Errorf("only %d kinds of statements", seen)
	}
}

// TestEverySubCommandIsKnown does the same for ALTER TABLE.
func TestEverySubCommandIsKnown(t *testing.T) {
	internal := map[string]bool{ // made by the server itself, never by the grammar
		"ALTER_TABLE_TYPE_UNDEFINED": true, "AT_AddColumnToView": true, "AT_CookedColumnDefault": true, "AT_CheckNotNull": true, "AT_AddIndex": true,
		"AT_ReAddIndex": true, "AT_ReAddConstraint": true, "AT_ReAddDomainConstraint": true, "AT_AddIndexConstraint": true, "AT_ReAddComment": true, "AT_ReAddStatistics": true,
	}
	for value, name := range pg.AlterTableType_name {
		r := &reader{}
		cmd := &pg.AlterTableCmd{Subtype: pg.AlterTableType(value), Def: &pg.Node{Node: &pg.Node_ColumnDef{ColumnDef: &pg.ColumnDef{}}}}
		if name == "AT_AddConstraint" {
			cmd.Def = &pg.Node{Node: &pg.Node_Constraint{Constraint: &pg.Constraint{}}}
		}
		r.alterTable(&pg.AlterTableStmt{Relation: &pg.RangeVar{Relname: "t"}, Objtype: pg.ObjectType_OBJECT_TABLE,
			Cmds: []*pg.Node{{Node: &pg.Node_AlterTableCmd{AlterTableCmd: cmd}}}})
		if known := len(r.ops) == 1 && len(r.problems) == 0; known == internal[name] {
			t.Errorf("%s: ops %v, problems %v", name, r.ops, r.problems)
		}
	}
}
