package postgres

import (
	"context"
	"fmt"
	"testing"

	"github.com/pmcheck/pmcheck/internal/pgtest"
	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

// spelledTypes are types as migrations write them; the servers say what they are.
var spelledTypes = []string{
	"int", "INTEGER", "int2", "smallint", "bigint", "int8", "serial", "bigserial", "smallserial", "serial2", "serial8", "real", "float", "float4", "float8", "float(1)", "float(24)", "float(25)", "float(53)",
	"double precision", "numeric", "numeric(5)", "numeric(5,2)", "decimal", "decimal(7)", "dec(7,3)", "boolean", "bool", "text", "varchar", "varchar(10)", "character varying", "character varying(10)",
	"char", "char(4)", "character", "character(4)", "bpchar", `"char"`, "nchar", "nchar(3)", "national character(3)", "national char varying(3)", "name", "bytea", "bit", "bit(3)", "bit varying", "bit varying(3)", "varbit(3)",
	"date", "time", "time(3)", "time without time zone", "time with time zone", "time(2) with time zone", "timetz", "timetz(1)", "timestamp", "timestamp(0)", "timestamp(6)", "timestamptz", "timestamptz(3)",
	"timestamp with time zone", "timestamp(3) with time zone", "timestamp without time zone", "interval", "interval(3)", "interval year", "interval year to month", "interval day to second", "interval second(3)", "interval hour to second(2)",
	"uuid", "json", "jsonb", "xml", "inet", "cidr", "macaddr", "macaddr8", "money", "oid", "regclass", "tsvector", "tsquery", "point", "line", "lseg", "box", "path", "polygon", "circle", "pg_lsn", "jsonpath", "xid",
	"int4range", "tstzrange", "datemultirange", "int[]", "int[][]", "integer[3]", "integer ARRAY", "integer ARRAY[4]", "varchar(5)[]", "numeric(4,1)[]", "timestamptz[]", "_int4", "_text", "_varchar",
	"pg_catalog.int4", "pg_catalog.text", `pg_catalog."char"`, "pg_catalog.bpchar", "pg_catalog.varchar(3)", "mood", "public.mood", "mood[]", `"Mixed Case"`, `app."Other"[]`,
}

func TestTypesAreTheServers(t *testing.T) {
	ctx := context.Background()
	for _, server := range pgtest.Servers(t) {
		t.Run(fmt.Sprint(server.Version), func(t *testing.T) {
			db := server.NewDatabase(t)
			if _, err := db.Exec(ctx, `CREATE TYPE mood AS ENUM (); CREATE TYPE "Mixed Case" AS ENUM (); CREATE SCHEMA app; CREATE TYPE app."Other" AS ENUM ()`); err != nil {
				t.Fatal(err)
			}
			for i, spelled := range spelledTypes {
				sql := fmt.Sprintf("CREATE TABLE t%d (c %s)", i, spelled)
				if _, err := db.Exec(ctx, sql); err != nil {
					t.Fatalf("%s: %v", spelled, err)
				}
				var want string
				if err := db.QueryRow(ctx, "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = $1::text::regclass AND attname = 'c'", fmt.Sprintf("t%d", i)).Scan(&want); err != nil {
					t.Fatal(err)
				}
				typ := Parse(sql).Statements[0].Ops[0].Op.(catalog.CreateTable).Columns[0].Type
				if typ.Schema == "public" {
					typ.Schema = "" // the server leaves out what is on the search path
				}
				if got := typ.String(); got != want {
					t.Errorf("%s: %s, the server's %s", spelled, got, want)
				}
			}
		})
	}
}
