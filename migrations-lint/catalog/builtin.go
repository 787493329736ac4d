package catalog

import "strings"

func words(list string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(list) {
		m[w] = true
	}
	return m
}

// builtinTypes are the types of pg_catalog that a column can have (manual, chapter 8).
var builtinTypes = words(`bool bytea char name int8 int2 int2vector int4 regproc text oid tid xid xid8 cid oidvector json jsonb jsonpath xml
	pg_node_tree pg_lsn pg_snapshot txid_snapshot pg_ndistinct pg_dependencies pg_mcv_list
	point lseg path box polygon line circle float4 float8 money macaddr macaddr8 inet cidr aclitem bpchar varchar
	date time timestamp timestamptz interval timetz bit varbit numeric refcursor
	regprocedure regoper regoperator regclass regtype regrole regnamespace regconfig regdictionary regcollation
	uuid tsvector gtsvector tsquery
	int4range numrange tsrange tstzrange daterange int8range
	int4multirange nummultirange tsmultirange tstzmultirange datemultirange int8multirange`)

// pseudoTypes are the types that functions have and columns cannot (manual, 8.21).
var pseudoTypes = words(`record any anyelement anyarray anynonarray anyenum anyrange anymultirange anycompatible anycompatiblearray
	anycompatiblenonarray anycompatiblerange anycompatiblemultirange cstring internal language_handler fdw_handler table_am_handler
	index_am_handler tsm_handler trigger event_trigger pg_ddl_command void unknown`)

// modifiable are the built-in types that take a modifier in parentheses.
var modifiable = words("bpchar varchar bit varbit numeric time timetz timestamp timestamptz interval")

// catalogTypes are composite types of system relations that scripts use as types.
var catalogSchemas = words("pg_catalog information_schema pg_toast")

// withoutDefault lists, by access method, the built-in types that have no default operator class for it.
var withoutDefault = map[string]map[string]bool{
	"btree": words(`json xml point lseg path box polygon line circle jsonpath aclitem xid cid txid_snapshot pg_snapshot refcursor
		pg_node_tree gtsvector int2vector`),
	"hash": words(`json xml point lseg path box polygon line circle jsonpath tsvector tsquery bit varbit money txid_snapshot pg_snapshot
		refcursor pg_node_tree gtsvector int2vector`),
}

// withDefault lists, by access method, the only built-in types with a default operator class.
var withDefault = map[string]map[string]bool{
	"gin": words("jsonb tsvector"),
	"gist": words(`point box polygon circle tsvector tsquery int4range numrange tsrange tstzrange daterange int8range
		int4multirange nummultirange tsmultirange tstzmultirange datemultirange int8multirange`),
	"spgist": words("point box polygon text varchar inet cidr int4range numrange tsrange tstzrange daterange int8range"),
}
