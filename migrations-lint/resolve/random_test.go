package resolve_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

var (
	rounds = flag.Int("rounds", 25, "random schemas that TestRandom makes")
	seed   = flag.Uint64("seed", 1, "where TestRandom begins")
)

// world makes a random schema, a change of it, and queries of the schema before.
type world struct {
	*rand.Rand
	tables []*randomTable
}

type randomTable struct {
	name    string
	columns []randomColumn
}

type randomColumn struct{ name, typ, literal string }

func (w *world) pick(list ...string) string { return list[w.IntN(len(list))] }

func (w *world) chance(percent int) bool { return w.IntN(100) < percent }

// types are what columns have, with literals of them.
var types = [][2]string{{"integer", "1"}, {"bigint", "2"}, {"text", "'a'"}, {"boolean", "true"}, {"numeric(10,2)", "1.5"}, {"jsonb", "'{}'"}, {"mood", "'ok'"},
	{"timestamptz", "now()"}, {"date", "'2024-01-01'"}, {"text[]", "'{a}'"}, {"uuid", "gen_random_uuid()"}, {"varchar(9)", "'v'"}, {"email", "'e@x'"}, {"json", "'{}'"}}

func (w *world) schema() string {
	var b strings.Builder
	b.WriteString("CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');\nCREATE DOMAIN email AS text;\n")
	for i := range 3 {
		t := &randomTable{name: fmt.Sprintf("t%d", i+1)}
		t.columns = append(t.columns, randomColumn{"id", "bigint", "1"})
		for k := range 2 + w.IntN(5) {
			kind := types[w.IntN(len(types))]
			t.columns = append(t.columns, randomColumn{fmt.Sprintf("%s%d", w.pick("a", "b", "c"), k), kind[0], kind[1]})
		}
		w.tables = append(w.tables, t)
		fmt.Fprintf(&b, "CREATE TABLE %s (id bigint%s", t.name, w.pick(" PRIMARY KEY", " GENERATED ALWAYS AS IDENTITY PRIMARY KEY", " UNIQUE", ""))
		for _, c := range t.columns[1:] {
			fmt.Fprintf(&b, ", %s %s", c.name, c.typ)
			if w.chance(30) {
				b.WriteString(" NOT NULL")
			}
			if w.chance(30) {
				fmt.Fprintf(&b, " DEFAULT %s", c.literal)
			}
		}
		b.WriteString(");\n")
		if c := t.columns[w.IntN(len(t.columns))]; c.typ != "json" && w.chance(60) {
			fmt.Fprintf(&b, "CREATE UNIQUE INDEX %s_u ON %s (%s)%s;\n", t.name, t.name, c.name, w.pick("", "", " WHERE id > 0", " WHERE id IS NOT NULL"))
		}
	}
	t := w.table()
	fmt.Fprintf(&b, "CREATE VIEW v AS SELECT id, %s AS x FROM %s;\n", w.column(t).name, t.name)
	fmt.Fprintf(&b, "CREATE FUNCTION f(i %s) RETURNS integer LANGUAGE sql AS 'SELECT 1';\n", w.pick("integer", "bigint", "text", "jsonb"))
	return b.String()
}

func (w *world) table() *randomTable { return w.tables[w.IntN(len(w.tables))] }

func (w *world) column(t *randomTable) randomColumn { return t.columns[w.IntN(len(t.columns))] }

// change is a random migration, which the server may refuse.
func (w *world) change() string {
	t := w.table()
	c := w.column(t)
	kind := types[w.IntN(len(types))]
	switch w.IntN(12) {
	case 0:
		return fmt.Sprintf("ALTER TABLE %s DROP COLUMN %s CASCADE", t.name, c.name)
	case 1:
		return fmt.Sprintf("ALTER TABLE %s RENAME COLUMN %s TO %s", t.name, c.name, w.pick("renamed", "z9"))
	case 2, 3:
		return fmt.Sprintf("DROP VIEW IF EXISTS v; ALTER TABLE %s ALTER COLUMN %s DROP DEFAULT; ALTER TABLE %s ALTER COLUMN %s TYPE %s USING NULL", t.name, c.name, t.name, c.name, kind[0])
	case 4:
		return fmt.Sprintf("DROP TABLE %s CASCADE", t.name)
	case 5:
		return fmt.Sprintf("ALTER TABLE %s RENAME TO t9", t.name)
	case 6:
		return fmt.Sprintf("DROP INDEX IF EXISTS %s_u; ALTER TABLE %s DROP CONSTRAINT IF EXISTS %s_pkey CASCADE", t.name, t.name, t.name)
	case 7:
		return fmt.Sprintf("ALTER TABLE %s ADD COLUMN n%d %s %s", t.name, w.IntN(3), kind[0], w.pick("NOT NULL", "", "NOT NULL DEFAULT "+kind[1]))
	case 8:
		return "ALTER TYPE mood RENAME VALUE 'ok' TO 'fine'"
	case 9:
		return fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s SET NOT NULL; ALTER TABLE %s ALTER COLUMN %s DROP DEFAULT", t.name, c.name, t.name, c.name)
	case 10:
		return w.pick("DROP VIEW v", "DROP FUNCTION f", "ALTER FUNCTION f RENAME TO g", "DROP DOMAIN email CASCADE")
	}
	return fmt.Sprintf("CREATE SCHEMA s; ALTER TABLE %s SET SCHEMA s", t.name)
}

// value is a random expression over a table's columns.
func (w *world) value(t *randomTable, alias string, depth int) string {
	c := w.column(t)
	name := alias + "." + c.name
	if depth > 2 {
		return w.pick(name, name, c.literal)
	}
	inner := func() string { return w.value(t, alias, depth+1) }
	switch w.IntN(16) {
	case 0, 1, 2, 3:
		return name
	case 4:
		return c.literal
	case 5:
		return "(" + inner() + " " + w.pick("=", "<>", "<", "+", "-", "||", "->>", "@>", "*", "~", "LIKE") + " " + inner() + ")"
	case 6:
		return "(" + name + " = " + c.literal + ")"
	case 7:
		return "coalesce(" + inner() + ", " + inner() + ")"
	case 8:
		return "CASE WHEN " + name + " IS NULL THEN " + inner() + " ELSE " + inner() + " END"
	case 9:
		return w.pick("lower", "length", "abs", "date_trunc", "f", "to_jsonb", "md5", "cardinality", "jsonb_typeof", "date", "round", "upper") + "(" + inner() + ")"
	case 10:
		return inner() + "::" + types[w.IntN(len(types))][0]
	case 11:
		return "(" + inner() + " IN (" + inner() + ", " + inner() + "))"
	case 12:
		return "(" + inner() + " = ANY (" + inner() + "))"
	case 13:
		return "ARRAY[" + inner() + ", " + inner() + "]"
	case 14:
		o := w.table()
		return "(SELECT s." + w.column(o).name + " FROM " + o.name + " s LIMIT 1)"
	}
	return w.pick("greatest", "nullif", "concat", "format", "array_append", "string_to_array", "jsonb_build_object") + "(" + inner() + ", " + inner() + ")"
}

func (w *world) query() string {
	t, o := w.table(), w.table()
	switch w.IntN(12) {
	case 0:
		return "SELECT * FROM " + t.name
	case 1, 2:
		return fmt.Sprintf("SELECT %s, %s FROM %s x WHERE %s", w.value(t, "x", 0), w.value(t, "x", 1), t.name, w.value(t, "x", 0))
	case 3:
		return fmt.Sprintf("SELECT %s, %s FROM %s x %s JOIN %s y ON %s = %s", w.value(t, "x", 1), w.value(o, "y", 1), t.name, w.pick("", "LEFT", "RIGHT"), o.name, w.value(t, "x", 2), w.value(o, "y", 2))
	case 4:
		return fmt.Sprintf("SELECT %s FROM %s %s %s %s", w.column(t).name, t.name, w.pick("NATURAL JOIN", "CROSS JOIN", "NATURAL LEFT JOIN"), o.name, w.pick("", "ORDER BY 1", "LIMIT 1"))
	case 5:
		return fmt.Sprintf("SELECT %s, count(*) FROM %s x GROUP BY x.%s", w.value(t, "x", 2), t.name, w.pick("id", w.column(t).name))
	case 6:
		return fmt.Sprintf("SELECT %s FROM %s x %s SELECT %s FROM %s y", w.value(t, "x", 1), t.name, w.pick("UNION", "UNION ALL", "EXCEPT"), w.value(o, "y", 1), o.name)
	case 7:
		return w.insert(t)
	case 8:
		c := w.column(t)
		return fmt.Sprintf("UPDATE %s AS x SET %s = %s WHERE %s", t.name, c.name, w.pick(c.literal, w.value(t, "x", 1)), w.pick("true", w.value(t, "x", 1)))
	case 9:
		return fmt.Sprintf("DELETE FROM %s x USING %s y WHERE %s = %s RETURNING x.*", t.name, o.name, w.value(t, "x", 2), w.value(o, "y", 2))
	case 10:
		return fmt.Sprintf("WITH w AS (SELECT %s AS q, %s FROM %s x) SELECT q, %s FROM w", w.value(t, "x", 1), w.column(t).name, t.name, w.column(t).name)
	}
	return w.pick("SELECT id, x FROM v", "SELECT f(1), f('1')", "SELECT f(id) FROM "+t.name, "SELECT j.id FROM "+t.name+" JOIN "+o.name+" USING (id) AS j",
		"SELECT max("+w.column(t).name+"), array_agg("+w.column(t).name+") FROM "+t.name, "SELECT to_jsonb(x), (x).id FROM "+t.name+" x")
}

func (w *world) insert(t *randomTable) string {
	var names, values []string
	for _, c := range t.columns {
		if w.chance(70) {
			names, values = append(names, c.name), append(values, w.pick(c.literal, c.literal, c.literal, "NULL", "DEFAULT"))
		}
	}
	if len(names) == 0 {
		return "INSERT INTO " + t.name + " DEFAULT VALUES"
	}
	sql := fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", t.name, strings.Join(names, ", "), strings.Join(values, ", "))
	if w.chance(50) {
		c := w.column(t)
		sql += fmt.Sprintf(" ON CONFLICT (%s)%s DO %s", w.pick("id", c.name), w.pick("", " WHERE id > 0", " WHERE id IS NOT NULL"), w.pick("NOTHING", "UPDATE SET "+c.name+" = excluded."+c.name))
	}
	return sql
}

// TestRandom compares random queries on random schemas with a server, before and
// after a random change.
func TestRandom(t *testing.T) {
	server := judges(t)[0]
	if server.Version < 16 {
		t.Skipf("PostgreSQL %d words some refusals in another way and has no EXPLAIN (GENERIC_PLAN): this needs 16 or newer", server.Version)
	}
	conn := server.NewDatabase(t)
	count := map[string]int{}
	for round := range *rounds {
		w := &world{Rand: rand.New(rand.NewPCG(*seed, uint64(round)))}
		schema := w.schema()
		if _, err := conn.PgConn().Exec(context.Background(), "DROP SCHEMA IF EXISTS s CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public; "+schema).ReadAll(); err != nil {
			t.Fatalf("%v\n%s", err, schema)
		}
		queries := make([]string, 40)
		for i := range queries {
			queries[i] = w.query()
		}
		for _, change := range []string{"", w.change()} {
			if change != "" {
				if _, err := conn.PgConn().Exec(context.Background(), change).ReadAll(); err != nil {
					count["changes refused"]++
					break
				}
				schema += change + ";"
			}
			c := load(t, schema)
			c.Version = server.Version
			for _, sql := range queries {
				count["queries"]++
				before := t.Failed()
				compare(t, conn, c, sql, count)
				if t.Failed() && !before {
					t.Logf("-seed %d, round %d, on\n%s", *seed, round, schema)
				}
			}
		}
	}
	t.Log(count)
}
