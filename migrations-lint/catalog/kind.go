package catalog

import "strings"

// The kinds of operations, as facts and rules name them.

func (CreateSchema) Kind() string       { return "create_schema" }
func (DropSchema) Kind() string         { return "drop_schema" }
func (RenameSchema) Kind() string       { return "rename_schema" }
func (CreateTable) Kind() string        { return "create_table" }
func (SetSchema) Kind() string          { return "set_schema" }
func (ChangeOwner) Kind() string        { return "change_owner" }
func (AddColumn) Kind() string          { return "add_column" }
func (DropColumn) Kind() string         { return "drop_column" }
func (RenameColumn) Kind() string       { return "rename_column" }
func (AlterColumnType) Kind() string    { return "alter_column_type" }
func (SetNotNull) Kind() string         { return "set_not_null" }
func (DropNotNull) Kind() string        { return "drop_not_null" }
func (SetColumnOption) Kind() string    { return "set_column_option" }
func (AddConstraint) Kind() string      { return "add_constraint" }
func (DropConstraint) Kind() string     { return "drop_constraint" }
func (ValidateConstraint) Kind() string { return "validate_constraint" }
func (AlterConstraint) Kind() string    { return "alter_constraint" }
func (RenameConstraint) Kind() string   { return "rename_constraint" }
func (AttachPartition) Kind() string    { return "attach_partition" }
func (DetachPartition) Kind() string    { return "detach_partition" }
func (CreateIndex) Kind() string        { return "create_index" }
func (Reindex) Kind() string            { return "reindex" }
func (Cluster) Kind() string            { return "cluster" }
func (RefreshMatview) Kind() string     { return "refresh_materialized_view" }
func (CreateEnum) Kind() string         { return "create_enum" }
func (AddEnumValue) Kind() string       { return "add_enum_value" }
func (RenameEnumValue) Kind() string    { return "rename_enum_value" }
func (CreateComposite) Kind() string    { return "create_composite_type" }
func (AlterComposite) Kind() string     { return "alter_composite_type" }
func (CreateType) Kind() string         { return "create_type" }
func (CreateDomain) Kind() string       { return "create_domain" }
func (AlterDomain) Kind() string        { return "alter_domain" }
func (RenameType) Kind() string         { return "rename_type" }
func (DropType) Kind() string           { return "drop_type" }
func (CreateTrigger) Kind() string      { return "create_trigger" }
func (CreateSequence) Kind() string     { return "create_sequence" }
func (AlterSequence) Kind() string      { return "alter_sequence" }
func (CreateExtension) Kind() string    { return "create_extension" }
func (AlterExtension) Kind() string     { return "alter_extension" }
func (DropExtension) Kind() string      { return "drop_extension" }
func (Comment) Kind() string            { return "comment" }
func (Insert) Kind() string             { return "insert" }
func (Update) Kind() string             { return "update" }
func (Delete) Kind() string             { return "delete" }
func (Merge) Kind() string              { return "merge" }
func (Truncate) Kind() string           { return "truncate" }
func (Copy) Kind() string               { return "copy" }
func (Read) Kind() string               { return "read" }
func (LockTable) Kind() string          { return "lock_table" }

func (o DropRelation) Kind() string      { return "drop_" + underscore(o.Object) }
func (o RenameRelation) Kind() string    { return "rename_" + underscore(o.Object) }
func (o SetTableOption) Kind() string    { return o.Option }
func (o Other) Kind() string             { return o.Name }
func (o CreateFunction) Kind() string    { return "create_" + o.Object }
func (o DropFunction) Kind() string      { return "drop_" + o.Object }
func (o RenameFunction) Kind() string    { return "rename_" + o.Object }
func (o DropTableObject) Kind() string   { return "drop_" + o.Object }
func (o RenameTableObject) Kind() string { return "rename_" + o.Object }
func (o Transaction) Kind() string       { return underscore(o.Action) }

func (o SetDefault) Kind() string {
	if o.Default == nil {
		return "drop_default"
	}
	return "set_default"
}

func (o SetIdentity) Kind() string {
	switch {
	case o.Identity == "":
		return "drop_identity"
	case o.Add:
		return "add_identity"
	}
	return "set_identity"
}

func (o SetGenerated) Kind() string {
	if o.Expr == nil {
		return "drop_expression"
	}
	return "set_expression"
}

func (o SetInherit) Kind() string {
	if o.Remove {
		return "no_inherit"
	}
	return "inherit"
}

func (o Vacuum) Kind() string {
	switch {
	case o.Full:
		return "vacuum_full"
	case o.Analyze:
		return "analyze"
	}
	return "vacuum"
}

func (o CreateView) Kind() string {
	if o.Materialized {
		return "create_materialized_view"
	}
	return "create_view"
}

func (o CreateTableObject) Kind() string {
	if o.Alter {
		return "alter_" + o.Object
	}
	return "create_" + o.Object
}

func (o Grant) Kind() string {
	if o.Revoke {
		return "revoke"
	}
	return "grant"
}

func (o SetVariable) Kind() string {
	if o.Reset {
		return "reset"
	}
	return "set"
}

func underscore(s string) string { return strings.ReplaceAll(s, " ", "_") }
