package postgres

import (
	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

// statement reads one statement's tree.
func (r *reader) statement(n *pg.Node) {
	switch x := n.GetNode().(type) {
	// Schemas and tables.
	case *pg.Node_CreateSchemaStmt:
		r.createSchema(x.CreateSchemaStmt)
	case *pg.Node_CreateStmt:
		r.add(r.createTable(x.CreateStmt, false))
	case *pg.Node_CreateForeignTableStmt:
		r.add(r.createTable(x.CreateForeignTableStmt.BaseStmt, true))
	case *pg.Node_CreateTableAsStmt:
		r.createTableAs(x.CreateTableAsStmt)
	case *pg.Node_AlterTableStmt:
		r.alterTable(x.AlterTableStmt)
	case *pg.Node_ViewStmt:
		r.add(catalog.CreateView{Base: on(rangeName(x.ViewStmt.View)), OrReplace: x.ViewStmt.Replace, Temporary: temporary(x.ViewStmt.View),
			Columns: stringList(x.ViewStmt.Aliases), Query: r.query(x.ViewStmt.Query)})
	case *pg.Node_DropStmt:
		r.drop(x.DropStmt)
	case *pg.Node_RenameStmt:
		r.rename(x.RenameStmt)
	case *pg.Node_AlterObjectSchemaStmt:
		r.setSchema(x.AlterObjectSchemaStmt)
	case *pg.Node_AlterOwnerStmt:
		s := x.AlterOwnerStmt
		name := nodeName(s.Object)
		if s.Relation != nil {
			name = rangeName(s.Relation)
		}
		r.add(catalog.ChangeOwner{AlterBase: alter(name, s.ObjectType, false), Role: roleName(s.Newowner)})

	// Indexes and maintenance.
	case *pg.Node_IndexStmt:
		r.add(r.createIndex(x.IndexStmt))
	case *pg.Node_ReindexStmt:
		r.reindex(x.ReindexStmt)
	case *pg.Node_ClusterStmt:
		r.add(catalog.Cluster{Base: on(rangeName(x.ClusterStmt.Relation)), Index: x.ClusterStmt.Indexname})
	case *pg.Node_VacuumStmt:
		r.vacuum(x.VacuumStmt)
	case *pg.Node_RefreshMatViewStmt:
		s := x.RefreshMatViewStmt
		r.add(catalog.RefreshMatview{Base: on(rangeName(s.Relation)), Concurrently: s.Concurrent, WithNoData: s.SkipData})

	// Types, functions and the rest.
	case *pg.Node_CreateEnumStmt:
		r.add(catalog.CreateEnum{Base: on(listName(x.CreateEnumStmt.TypeName)), Labels: stringList(x.CreateEnumStmt.Vals)})
	case *pg.Node_AlterEnumStmt:
		r.alterEnum(x.AlterEnumStmt)
	case *pg.Node_CompositeTypeStmt:
		op := catalog.CreateComposite{Base: on(rangeName(x.CompositeTypeStmt.Typevar))}
		for _, c := range x.CompositeTypeStmt.Coldeflist {
			op.Columns = append(op.Columns, r.columnDef(c.GetColumnDef()))
		}
		r.add(op)
	case *pg.Node_CreateRangeStmt:
		op := catalog.CreateType{Base: on(listName(x.CreateRangeStmt.TypeName)), Form: "range"}
		if e := option(x.CreateRangeStmt.Params, "subtype"); e != nil {
			op.Subtype, _ = typeName(e.Arg.GetTypeName())
		}
		r.add(op)
	case *pg.Node_DefineStmt:
		r.define(x.DefineStmt)
	case *pg.Node_CreateDomainStmt:
		r.createDomain(x.CreateDomainStmt)
	case *pg.Node_AlterDomainStmt:
		r.alterDomain(x.AlterDomainStmt)
	case *pg.Node_CreateFunctionStmt:
		r.createFunction(x.CreateFunctionStmt)
	case *pg.Node_CreateTrigStmt:
		r.createTrigger(x.CreateTrigStmt)
	case *pg.Node_RuleStmt:
		r.createRule(x.RuleStmt)
	case *pg.Node_CreatePolicyStmt:
		s := x.CreatePolicyStmt
		r.policy(catalog.CreateTableObject{Base: on(rangeName(s.Table)), Name: s.PolicyName}, s.Qual, s.WithCheck)
	case *pg.Node_AlterPolicyStmt:
		s := x.AlterPolicyStmt
		r.policy(catalog.CreateTableObject{Base: on(rangeName(s.Table)), Name: s.PolicyName, Alter: true}, s.Qual, s.WithCheck)
	case *pg.Node_CreateSeqStmt:
		r.createSequence(x.CreateSeqStmt)
	case *pg.Node_AlterSeqStmt:
		r.alterSequence(x.AlterSeqStmt)
	case *pg.Node_CreateExtensionStmt:
		r.createExtension(x.CreateExtensionStmt)
	case *pg.Node_AlterExtensionStmt:
		op := catalog.AlterExtension{Base: on(catalog.Name{Name: x.AlterExtensionStmt.Extname}), Action: "update"}
		if e := option(x.AlterExtensionStmt.Options, "new_version"); e != nil {
			op.To = e.Arg.GetString_().GetSval()
		}
		r.add(op)
	case *pg.Node_AlterExtensionContentsStmt:
		action := "add"
		if x.AlterExtensionContentsStmt.Action < 0 {
			action = "drop"
		}
		r.add(catalog.AlterExtension{Base: on(catalog.Name{Name: x.AlterExtensionContentsStmt.Extname}), Action: action})
	case *pg.Node_GrantStmt:
		r.grant(x.GrantStmt)
	case *pg.Node_CommentStmt:
		r.comment(x.CommentStmt)

	// Data.
	case *pg.Node_InsertStmt, *pg.Node_UpdateStmt, *pg.Node_DeleteStmt, *pg.Node_MergeStmt:
		q := newQueryReader()
		q.write(n)
		r.writes(q)
	case *pg.Node_TruncateStmt:
		r.truncate(x.TruncateStmt)
	case *pg.Node_CopyStmt:
		r.copyTable(x.CopyStmt)
	case *pg.Node_SelectStmt:
		r.selectStatement(n)
		r.selected(x.SelectStmt)
	case *pg.Node_LockStmt:
		r.lockTable(x.LockStmt)

	// Statements that hold statements.
	case *pg.Node_ExplainStmt:
		r.explain(x.ExplainStmt)
	case *pg.Node_DeclareCursorStmt:
		r.selectStatement(x.DeclareCursorStmt.Query)
	case *pg.Node_PrepareStmt:
		// Preparing runs nothing; EXECUTE does.
		r.other("prepare_statement", catalog.Name{Name: x.PrepareStmt.Name})
	case *pg.Node_ExecuteStmt:
		r.other("execute_statement", catalog.Name{Name: x.ExecuteStmt.Name})
		r.unsupported("EXECUTE runs a statement that was prepared elsewhere")
	case *pg.Node_CallStmt:
		r.call(x.CallStmt)
	case *pg.Node_DoStmt:
		r.do(x.DoStmt)

	// Statements whose effect the text does not show.
	case *pg.Node_DropOwnedStmt:
		r.other("drop_owned", catalog.Name{})
		r.unsupported("DROP OWNED drops whatever the role owns")
	case *pg.Node_ImportForeignSchemaStmt:
		r.other("import_foreign_schema", catalog.Name{Name: x.ImportForeignSchemaStmt.LocalSchema})
		r.unsupported("IMPORT FOREIGN SCHEMA creates whatever tables the other server has")

	// The session.
	case *pg.Node_VariableSetStmt:
		r.setVariable(x.VariableSetStmt)
	case *pg.Node_TransactionStmt:
		r.transaction(x.TransactionStmt)

	default:
		if name, target, ok := otherStatement(n); ok {
			r.other(name, target)
			return
		}
		r.unsupported("statements of this kind are not known")
	}
}

func (r *reader) other(name string, target catalog.Name) {
	r.add(catalog.Other{Base: on(target), Name: name})
}

// objectName is what a statement calls an object.
func objectName(t pg.ObjectType) string {
	switch t {
	case pg.ObjectType_OBJECT_MATVIEW:
		return "materialized view"
	case pg.ObjectType_OBJECT_FOREIGN_TABLE:
		return "foreign table"
	case pg.ObjectType_OBJECT_FOREIGN_SERVER:
		return "server"
	case pg.ObjectType_OBJECT_FDW:
		return "foreign data wrapper"
	case pg.ObjectType_OBJECT_EVENT_TRIGGER:
		return "event trigger"
	case pg.ObjectType_OBJECT_ACCESS_METHOD:
		return "access method"
	case pg.ObjectType_OBJECT_TABCONSTRAINT, pg.ObjectType_OBJECT_DOMCONSTRAINT:
		return "constraint"
	case pg.ObjectType_OBJECT_OPCLASS:
		return "operator class"
	case pg.ObjectType_OBJECT_OPFAMILY:
		return "operator family"
	case pg.ObjectType_OBJECT_LARGEOBJECT:
		return "large object"
	case pg.ObjectType_OBJECT_STATISTIC_EXT:
		return "statistics"
	case pg.ObjectType_OBJECT_TSCONFIGURATION:
		return "text search configuration"
	case pg.ObjectType_OBJECT_TSDICTIONARY:
		return "text search dictionary"
	case pg.ObjectType_OBJECT_TSPARSER:
		return "text search parser"
	case pg.ObjectType_OBJECT_TSTEMPLATE:
		return "text search template"
	case pg.ObjectType_OBJECT_USER_MAPPING:
		return "user mapping"
	case pg.ObjectType_OBJECT_PARAMETER_ACL:
		return "parameter"
	}
	return lower(t.String(), "OBJECT_")
}

func alter(name catalog.Name, t pg.ObjectType, ifExists bool) catalog.AlterBase {
	return catalog.AlterBase{Base: on(name), IfExists: ifExists, Object: objectName(t), First: true}
}

// otherStatement names the statements that change nothing that the catalog holds.
func otherStatement(n *pg.Node) (name string, target catalog.Name, ok bool) {
	simple := func(name, target string) (string, catalog.Name, bool) {
		return name, catalog.Name{Name: target}, true
	}
	switch x := n.GetNode().(type) {
	case *pg.Node_AlterCollationStmt:
		return "alter_collation", listName(x.AlterCollationStmt.Collname), true
	case *pg.Node_AlterDatabaseRefreshCollStmt:
		return simple("alter_database", x.AlterDatabaseRefreshCollStmt.Dbname)
	case *pg.Node_AlterDatabaseSetStmt:
		return simple("alter_database", x.AlterDatabaseSetStmt.Dbname)
	case *pg.Node_AlterDatabaseStmt:
		return simple("alter_database", x.AlterDatabaseStmt.Dbname)
	case *pg.Node_AlterDefaultPrivilegesStmt:
		return simple("alter_default_privileges", "")
	case *pg.Node_AlterEventTrigStmt:
		return simple("alter_event_trigger", x.AlterEventTrigStmt.Trigname)
	case *pg.Node_AlterFdwStmt:
		return simple("alter_foreign_data_wrapper", x.AlterFdwStmt.Fdwname)
	case *pg.Node_AlterForeignServerStmt:
		return simple("alter_server", x.AlterForeignServerStmt.Servername)
	case *pg.Node_AlterFunctionStmt:
		return "alter_" + objectName(x.AlterFunctionStmt.Objtype), listName(x.AlterFunctionStmt.Func.GetObjname()), true
	case *pg.Node_AlterObjectDependsStmt:
		name := nodeName(x.AlterObjectDependsStmt.Object)
		if x.AlterObjectDependsStmt.Relation != nil {
			name = rangeName(x.AlterObjectDependsStmt.Relation)
		}
		return "depends_on_extension", name, true
	case *pg.Node_AlterOpFamilyStmt:
		return "alter_operator_family", listName(x.AlterOpFamilyStmt.Opfamilyname), true
	case *pg.Node_AlterOperatorStmt:
		return "alter_operator", listName(x.AlterOperatorStmt.Opername.GetObjname()), true
	case *pg.Node_AlterPublicationStmt:
		return simple("alter_publication", x.AlterPublicationStmt.Pubname)
	case *pg.Node_AlterRoleSetStmt:
		return simple("alter_role", roleName(x.AlterRoleSetStmt.Role))
	case *pg.Node_AlterRoleStmt:
		return simple("alter_role", roleName(x.AlterRoleStmt.Role))
	case *pg.Node_AlterStatsStmt:
		return "alter_statistics", listName(x.AlterStatsStmt.Defnames), true
	case *pg.Node_AlterSubscriptionStmt:
		return simple("alter_subscription", x.AlterSubscriptionStmt.Subname)
	case *pg.Node_AlterSystemStmt:
		return simple("alter_system", x.AlterSystemStmt.Setstmt.GetName())
	case *pg.Node_AlterTableSpaceOptionsStmt:
		return simple("alter_tablespace", x.AlterTableSpaceOptionsStmt.Tablespacename)
	case *pg.Node_AlterTsconfigurationStmt:
		return "alter_text_search_configuration", listName(x.AlterTsconfigurationStmt.Cfgname), true
	case *pg.Node_AlterTsdictionaryStmt:
		return "alter_text_search_dictionary", listName(x.AlterTsdictionaryStmt.Dictname), true
	case *pg.Node_AlterTypeStmt:
		return "alter_type", listName(x.AlterTypeStmt.TypeName), true
	case *pg.Node_AlterUserMappingStmt:
		return simple("alter_user_mapping", x.AlterUserMappingStmt.Servername)
	case *pg.Node_CheckPointStmt:
		return simple("checkpoint", "")
	case *pg.Node_ClosePortalStmt:
		return simple("close", x.ClosePortalStmt.Portalname)
	case *pg.Node_ConstraintsSetStmt:
		return simple("set_constraints", "")
	case *pg.Node_CreateAmStmt:
		return simple("create_access_method", x.CreateAmStmt.Amname)
	case *pg.Node_CreateCastStmt:
		return "create_cast", catalog.Name{}, true
	case *pg.Node_CreateConversionStmt:
		return "create_conversion", listName(x.CreateConversionStmt.ConversionName), true
	case *pg.Node_CreateEventTrigStmt:
		return simple("create_event_trigger", x.CreateEventTrigStmt.Trigname)
	case *pg.Node_CreateFdwStmt:
		return simple("create_foreign_data_wrapper", x.CreateFdwStmt.Fdwname)
	case *pg.Node_CreateForeignServerStmt:
		return simple("create_server", x.CreateForeignServerStmt.Servername)
	case *pg.Node_CreateOpClassStmt:
		return "create_operator_class", listName(x.CreateOpClassStmt.Opclassname), true
	case *pg.Node_CreateOpFamilyStmt:
		return "create_operator_family", listName(x.CreateOpFamilyStmt.Opfamilyname), true
	case *pg.Node_CreatePlangStmt:
		return simple("create_language", x.CreatePlangStmt.Plname)
	case *pg.Node_CreatePublicationStmt:
		return simple("create_publication", x.CreatePublicationStmt.Pubname)
	case *pg.Node_CreateRoleStmt:
		return simple("create_role", x.CreateRoleStmt.Role)
	case *pg.Node_CreateStatsStmt:
		return "create_statistics", listName(x.CreateStatsStmt.Defnames), true
	case *pg.Node_CreateSubscriptionStmt:
		return simple("create_subscription", x.CreateSubscriptionStmt.Subname)
	case *pg.Node_CreateTableSpaceStmt:
		return simple("create_tablespace", x.CreateTableSpaceStmt.Tablespacename)
	case *pg.Node_CreateTransformStmt:
		return "create_transform", systemName(x.CreateTransformStmt.TypeName.GetNames()), true
	case *pg.Node_CreateUserMappingStmt:
		return simple("create_user_mapping", x.CreateUserMappingStmt.Servername)
	case *pg.Node_CreatedbStmt:
		return simple("create_database", x.CreatedbStmt.Dbname)
	case *pg.Node_DeallocateStmt:
		return simple("deallocate", x.DeallocateStmt.Name)
	case *pg.Node_DiscardStmt:
		return simple("discard", "")
	case *pg.Node_DropRoleStmt:
		return simple("drop_role", roleName(first(x.DropRoleStmt.Roles).GetRoleSpec()))
	case *pg.Node_DropSubscriptionStmt:
		return simple("drop_subscription", x.DropSubscriptionStmt.Subname)
	case *pg.Node_DropTableSpaceStmt:
		return simple("drop_tablespace", x.DropTableSpaceStmt.Tablespacename)
	case *pg.Node_DropUserMappingStmt:
		return simple("drop_user_mapping", x.DropUserMappingStmt.Servername)
	case *pg.Node_DropdbStmt:
		return simple("drop_database", x.DropdbStmt.Dbname)
	case *pg.Node_FetchStmt:
		return simple("fetch", x.FetchStmt.Portalname)
	case *pg.Node_GrantRoleStmt:
		if x.GrantRoleStmt.IsGrant {
			return simple("grant_role", "")
		}
		return simple("revoke_role", "")
	case *pg.Node_ListenStmt:
		return simple("listen", x.ListenStmt.Conditionname)
	case *pg.Node_LoadStmt:
		return simple("load", x.LoadStmt.Filename)
	case *pg.Node_NotifyStmt:
		return simple("notify", x.NotifyStmt.Conditionname)
	case *pg.Node_ReassignOwnedStmt:
		return simple("reassign_owned", "")
	case *pg.Node_SecLabelStmt:
		return "security_label", nodeName(x.SecLabelStmt.Object), true
	case *pg.Node_UnlistenStmt:
		return simple("unlisten", x.UnlistenStmt.Conditionname)
	case *pg.Node_VariableShowStmt:
		return simple("show", x.VariableShowStmt.Name)
	case *pg.Node_AlterTableMoveAllStmt:
		return simple("move_all_in_tablespace", x.AlterTableMoveAllStmt.NewTablespacename)
	}
	return "", catalog.Name{}, false
}

func first(nodes []*pg.Node) *pg.Node {
	if len(nodes) == 0 {
		return nil
	}
	return nodes[0]
}
