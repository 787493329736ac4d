# METADATA
# title: Fixtures
# description: Small inputs for the tests of rules.
package pmcheck.lib.fixtures

# statement is a statement that does nothing, with what the test says of it.
statement(is) := object.union(
	{
		"index": 0, "kind": "none", "sql": "", "place": {"path": "migrations/2.sql", "line": 1}, "object": "table",
		"not_null": false, "has_default": false, "unique": false, "concurrently": false, "not_valid": false,
		"using_index": false, "if_exists": false, "cascade": false, "has_where": false, "batched": false,
		"conditional": false, "narrows": false, "lock": "", "blocks": [], "rewrites": false, "scans": false,
		"builds_index": false, "loses_data": false, "also_locks": [], "on_new_relation": false,
		"in_transaction": false, "not_in_transaction": false, "held_locks": [],
	},
	is,
)

# on_orders is a statement about an old table that holds an ACCESS EXCLUSIVE lock on it.
on_orders(is) := statement(object.union(
	{"relation": "orders", "lock": "ACCESS EXCLUSIVE", "blocks": ["reads", "writes", "ddl"]},
	is,
))

# also is a lock on another relation.
also(is) := object.union(
	{
		"relation": "users", "lock": "SHARE ROW EXCLUSIVE", "blocks": ["writes", "ddl"],
		"rewrites": false, "scans": false, "on_new_relation": false,
	},
	is,
)

# migration is an added up migration of these statements.
migration(is, statements) := object.union(
	{
		"database": "main", "path": "migrations/2.sql", "version": "2", "name": "change", "layout": "goose",
		"direction": "up", "transaction": "file", "transaction_why": "goose's default", "status": "added",
		"statements": statements, "not_analysed": [], "has_down": true, "down_missing": false,
	},
	is,
)

# facts is a document of these migrations.
facts(migrations) := {
	"version": 1,
	"databases": [{
		"name": "main", "engine": "postgres", "version": "17", "layout": "goose", "root": "migrations",
		"delta": [], "drift": [], "live_drift": [], "unread": [],
	}],
	"migrations": migrations,
	"matrix": {
		"old_code_new_schema": {"verdict": "works", "breaks": [], "changed": []},
		"new_code_old_schema": {"verdict": "works", "breaks": [], "changed": []},
		"new_code_new_schema": {"verdict": "works", "breaks": [], "changed": []},
		"coverage": {"files": 3, "queries": 2, "checked": 2, "not_understood": []},
	},
	"uses": [],
	"postmortems": {"documents": [], "changed": [], "problems": [], "removed": []},
	"config": {"problems": []},
	"suppressions": [],
	"change": {"base": "0123456789abcdef", "head": "fedcba9876543210", "labels": [], "files": []},
	"settings": {
		"deploy_order": "migrations-first", "rules": {}, "known_rules": [],
		"thresholds": {"large_table_rows": 1000000, "large_table_bytes": 104857600},
	},
	"now": "2026-11-22T12:00:00Z",
}

# running is a document of one added migration that holds this statement.
running(statements) := facts([migration({}, statements)])

# with_option sets a rule's option.
with_option(document, rule, name, value) := object.union(document, {"settings": {"rules": {rule: {name: value}}}})

# delta is a difference between the schemas: users.legacy_name is dropped.
delta(is) := object.union(
	{
		"kind": "removed", "object": "column", "relation": "users", "name": "legacy_name", "named": false,
		"database": "main", "caused_by": [{"path": "migrations/2.sql", "line": 1}],
	},
	is,
)

# differing is a document of these differences and of the places that use what differs.
differing(deltas, uses) := object.union(facts([]), {"databases": [{"name": "main", "delta": deltas}], "uses": uses})

# use is a place that names users.legacy_name outside of any query.
use(is) := object.union(
	{
		"side": "base", "object": "column", "relation": "users", "name": "legacy_name", "how": "mention", "query": "",
		"writes": false, "place": {"path": "web/form.ts", "line": 9, "side": "base"}, "text": "field('users.legacy_name')",
	},
	is,
)

# query is a query of the code, at a line of store/users.go.
query(name, line, is) := object.union(
	{
		"name": name, "sql": "SELECT legacy_name FROM users", "source": "go", "implied": false,
		"place": {"path": "store/users.go", "line": line, "column": 3, "side": "base"},
	},
	is,
)

# broken is a query that fails for want of users.legacy_name.
broken(query, is) := object.union(
	{
		"query": query, "reason": `column "legacy_name" does not exist`, "sqlstate": "42703", "level": "parse",
		"caused_by": [{"path": "migrations/2.sql", "line": 1}], "delta": delta({}), "also": [], "worked_before": true,
	},
	is,
)

# breaking is a document in which these queries fail in a cell of the matrix.
breaking(cell, breaks) := object.union(facts([]), {"matrix": {cell: {"verdict": "breaks", "breaks": breaks}}})

# returning is a document in which these queries of the running release return something else.
returning(changed) := object.union(facts([]), {"matrix": {"old_code_new_schema": {"changed": changed}}})

# job is a job of a pipeline that does these things.
job(name, is, does) := object.union(
	{
		"name": name, "place": {"path": ".circleci/config.yml", "line": 10}, "requires": [], "needs": [], "follows": [],
		"does": does,
	},
	is,
)

# doing is one thing that a job does, on success.
doing(kind, is) := object.union(
	{
		"kind": kind, "why": "kubectl apply -f k8s", "place": {"path": ".circleci/config.yml", "line": 12}, "step": 1,
		"runs": "success", "advisory": false, "chosen": false, "opaque": false,
	},
	is,
)

# workflow is a workflow that the change touches.
workflow(name, jobs) := {
	"name": name, "place": {"path": ".circleci/config.yml", "line": 9}, "touched": true, "events": [], "after": [], "jobs": jobs,
}

# pipeline is a document about a change that edits these workflows of a provider and nothing else.
pipeline(provider, workflows) := object.union(facts([]), {"pipeline": {
	"touched": true,
	"providers": [{"name": provider, "workflows": workflows, "problems": []}],
}})

# asked is a document whose live database said this, before a deploy.
asked(document, is) := object.union(document, {
	"change": {"stage": "pre-deploy"},
	"live": object.union(
		{
			"source": "database", "taken_at": "2026-11-22T12:00:00Z", "name": "orders", "server_version": "17.2", "database": "main",
			"known": true, "applied": 1, "pending": 1, "state_table": "goose_db_version", "left_out": [], "applied_before": [],
			"failed": [], "invalid_indexes": [], "transactions": [], "replicas": [],
		},
		is,
	),
})
