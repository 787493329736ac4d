package judge_test

import (
	"context"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/pmcheck/pmcheck/internal/judge"
	"github.com/pmcheck/pmcheck/internal/pgtest"
	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

// TestRandomScripts plays random sequences of statements over few names, so that
// they meet each other's objects, on a server and in the catalog. PMCHECK_RANDOM is
// the number of sequences (20), PMCHECK_RANDOM_SEED the first seed (1).
func TestRandomScripts(t *testing.T) {
	sequences, first := number(t, "PMCHECK_RANDOM", 20), number(t, "PMCHECK_RANDOM_SEED", 1)
	for _, server := range judges(t) {
		r := &random{t: t, server: server, conn: server.NewDatabase(t)}
		failures := 0
		for seed := first; seed < first+sequences && failures < 5; seed++ {
			g := &generator{Rand: rand.New(rand.NewPCG(uint64(seed), 0))}
			var played []string
			differences := r.play(func(c *catalog.Catalog) string {
				if len(played) == 60 {
					return ""
				}
				g.catalog = c
				played = append(played, g.statement())
				return played[len(played)-1]
			})
			if len(differences) == 0 {
				continue
			}
			failures++
			played = r.shrink(played)
			t.Errorf("PostgreSQL %d, seed %d:\n%s;\n%s", server.Version, seed, strings.Join(played, ";\n"), strings.Join(r.play(each(played)), "\n"))
		}
		t.Logf("PostgreSQL %d: %d sequences, %d statements, %d of them refused by both, %d objects compared", server.Version, sequences, r.statements, r.refused, r.objects)
	}
}

// random plays sequences of statements and counts what was played.
type random struct {
	t      *testing.T
	server *pgtest.Server
	conn   *pgx.Conn

	statements, refused, objects int
}

// play plays the statements that next gives until it gives "", in an empty
// database, and returns how server and catalog differ.
func (r *random) play(next func(*catalog.Catalog) string) []string {
	ctx := context.Background()
	if err := empty(ctx, r.conn); err != nil {
		r.conn = r.server.NewDatabase(r.t)
	}
	s := &judge.Session{Conn: r.conn, Catalog: catalog.New(), AnyRefusal: true} // of several mistakes in one statement, either may be named
	s.Catalog.Version = r.server.Version
	for sql := next(s.Catalog); sql != ""; sql = next(s.Catalog) {
		if err := s.Play(ctx, sql, sql, false); err != nil {
			r.t.Fatal(err)
		}
		if len(s.Disagreed)+len(s.NotPlayed) > 0 {
			break
		}
	}
	onServer, err := judge.OfServer(ctx, r.conn)
	if err != nil {
		r.t.Fatal(err)
	}
	res := judge.Compare(onServer, judge.OfCatalog(s.Catalog))
	r.statements, r.refused, r.objects = r.statements+s.Statements, r.refused+len(s.Refused), r.objects+res.Compared
	return slices.Concat(s.NotPlayed, s.Disagreed, res.Differences)
}

// each gives the statements of a list one after the other.
func each(list []string) func(*catalog.Catalog) string {
	return func(*catalog.Catalog) string {
		if len(list) == 0 {
			return ""
		}
		sql := list[0]
		list = list[1:]
		return sql
	}
}

// shrink leaves out every statement without which the two still differ.
func (r *random) shrink(list []string) []string {
	for i := len(list) - 1; i >= 0; i-- {
		without := slices.Concat(list[:i], list[i+1:])
		if len(r.play(each(without))) > 0 {
			list = without
		}
	}
	return list
}

func number(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}

type generator struct {
	*rand.Rand
	catalog *catalog.Catalog // what there is, to be named more often than what there is not
	on      *catalog.Relation
}

// hasF tells that the function f exists: that one does not is nothing that the catalog knows.
func (g *generator) hasF() bool { return len(g.catalog.Functions(catalog.Name{Name: "f"})) > 0 }

func (g *generator) pick(list ...string) string { return list[g.IntN(len(list))] }

// maybe is the text, one time in n.
func (g *generator) maybe(n int, text string) string {
	if g.IntN(n) == 0 {
		return text
	}
	return ""
}

// newTable is a name for a table, which may be taken.
func (g *generator) newTable() string {
	return g.maybe(8, "s.") + g.pick("t", "t", "u", "w", "p", "p1", "x", "y")
}

// table is the name of a table, which mostly exists; what is picked next is of that table.
func (g *generator) table() string {
	g.on = nil
	var tables []*catalog.Relation
	for _, r := range g.catalog.Relations() {
		if r.Kind == catalog.Table || r.Kind == catalog.PartitionedTable {
			tables = append(tables, r)
		}
	}
	if len(tables) == 0 || g.IntN(8) == 0 {
		return g.newTable()
	}
	g.on = tables[g.IntN(len(tables))]
	return g.on.FullName().String()
}

func (g *generator) column() string {
	if g.on != nil && len(g.on.Columns) > 0 && g.IntN(8) > 0 {
		return g.on.Columns[g.IntN(len(g.on.Columns))].Name
	}
	return g.pick("a", "b", "c", "d", "e")
}

func (g *generator) view() string { return g.pick("v", "v2", "m") }

func (g *generator) index() string {
	if g.on != nil && g.IntN(4) > 0 {
		if list := g.catalog.Indexes(g.on); len(list) > 0 {
			return list[g.IntN(len(list))].Name
		}
	}
	return g.pick("i", "j", "t_a_idx", "t_pkey", "u_a_key", "p1_a_idx", "p_a_idx")
}

func (g *generator) constraint() string {
	if g.on != nil && len(g.on.Constraints) > 0 && g.IntN(4) > 0 {
		return g.on.Constraints[g.IntN(len(g.on.Constraints))].Name
	}
	return g.pick("k", "l", "t_pkey", "t_a_check", "u_a_key", "t_a_fkey", "p_pkey", "p_a_check")
}

// reference is REFERENCES of a table, of its key or of a column that mostly is none.
func (g *generator) reference(columns int) string {
	here := g.on
	defer func() { g.on = here }()
	text := "REFERENCES " + g.table()
	if g.on != nil && g.on.PrimaryKey() != nil && g.IntN(4) > 0 {
		return text
	}
	var list []string
	for range columns {
		list = append(list, g.column())
	}
	return text + " (" + strings.Join(list, ", ") + ")" + g.maybe(3, " ON DELETE CASCADE")
}
func (g *generator) typ() string {
	return g.pick("int", "int", "bigint", "text", "varchar(10)", "numeric(8,2)", "mood", "pos", "timestamptz", "uuid", "json", "int[]", "mood[]", "serial")
}
func (g *generator) scalar() string { return strings.ReplaceAll(g.typ(), "serial", "smallint") }

func (g *generator) columns(n int) string {
	var list []string
	for range 1 + g.IntN(n) {
		list = append(list, g.column())
	}
	return strings.Join(list, ", ")
}

func (g *generator) check() string {
	if g.hasF() && g.IntN(4) == 0 {
		return "f() > 0"
	}
	return g.pick(g.column()+" IS NOT NULL", g.column()+" IS NOT NULL OR "+g.column()+" IS NULL", "true")
}

func (g *generator) columnDef(name string) string {
	return name + " " + g.typ() + g.pick("", "", "", " NOT NULL", " PRIMARY KEY", " UNIQUE", " CHECK ("+g.check()+")", " "+g.reference(1), " DEFAULT NULL", " NOT NULL UNIQUE")
}

func (g *generator) tableConstraint() string {
	return g.maybe(3, "CONSTRAINT "+g.constraint()+" ") + g.pick("PRIMARY KEY ("+g.columns(2)+")", "UNIQUE ("+g.columns(2)+")", "CHECK ("+g.check()+")",
		"FOREIGN KEY ("+g.column()+") "+g.reference(1), "FOREIGN KEY ("+g.column()+", "+g.column()+") "+g.reference(2))
}

func (g *generator) tableBody() string {
	var list []string
	for _, name := range []string{"a", "b", "c", "d", "e"}[:1+g.IntN(5)] {
		list = append(list, g.columnDef(name))
	}
	if g.IntN(3) == 0 {
		list = append(list, g.tableConstraint())
	}
	if g.IntN(8) == 0 {
		list = []string{"LIKE " + g.table() + g.pick("", " INCLUDING ALL", " INCLUDING DEFAULTS", " INCLUDING INDEXES", " INCLUDING CONSTRAINTS")}
	}
	return strings.Join(list, ", ")
}

func (g *generator) statement() string {
	switch g.IntN(14) {
	case 0, 1:
		return g.create()
	case 2:
		return g.drop()
	case 3:
		return g.other()
	case 4:
		return g.query()
	case 5:
		table := g.pick(g.table(), g.table(), "m")
		name := g.pick("", "", "IF NOT EXISTS "+g.index()+" ", g.index()+" ")
		return g.pick("CREATE ", "CREATE UNIQUE ") + "INDEX " + name + "ON " + g.maybe(8, "ONLY ") + table +
			" (" + g.pick(g.columns(2), "("+g.column()+" IS NULL)", g.column()+" DESC", g.columns(2)+") INCLUDE ("+g.column()) + ")" + g.maybe(4, " WHERE "+g.check())
	}
	table := g.table()
	return "ALTER TABLE " + g.maybe(10, "IF EXISTS ") + g.maybe(10, "ONLY ") + table + " " + g.alter()
}

func (g *generator) create() string {
	name := g.newTable()
	g.on = nil
	switch g.IntN(8) {
	case 0:
		return "CREATE TABLE " + name + " (a int, b int, c text) PARTITION BY RANGE (" + g.pick("a", "b", "a, b") + ")"
	case 1:
		return "CREATE TABLE " + name + " PARTITION OF " + g.table() + g.pick("", " (CHECK (a IS NOT NULL))", " (b DEFAULT 3 NOT NULL)") + g.pick(" FOR VALUES FROM (1) TO (10)", " FOR VALUES FROM (10) TO (20)", " DEFAULT")
	case 2:
		return "CREATE TABLE " + name + " (" + g.pick("", g.tableBody()) + ") INHERITS (" + g.pick(g.table(), g.table(), g.table()+", "+g.table()) + ")"
	case 3:
		return "CREATE TABLE " + name + " AS SELECT " + g.pick("*", g.columns(3)) + " FROM " + g.table()
	}
	return "CREATE " + g.maybe(10, "UNLOGGED ") + "TABLE " + g.maybe(8, "IF NOT EXISTS ") + name + " (" + g.tableBody() + ")"
}

func (g *generator) drop() string {
	g.table()
	end := g.maybe(3, " CASCADE")
	exists := g.maybe(4, "IF EXISTS ")
	return g.pick(
		"DROP TABLE "+exists+g.table()+end, "DROP TABLE "+exists+g.table()+end, "DROP TABLE "+g.pick("t", "p", "s.t")+", "+g.pick("u", "w", "p1")+end,
		"DROP INDEX "+exists+g.index()+end, "DROP VIEW "+exists+g.view()+end, "DROP MATERIALIZED VIEW "+exists+"m"+end,
		"DROP TYPE "+exists+g.pick("mood", "comp", "pos")+end, "DROP DOMAIN "+exists+"pos"+end, "DROP SEQUENCE "+exists+g.pick("q", "t_a_seq", "u_b_seq")+end,
		"DROP FUNCTION "+exists+g.pick("f()", "f", "tf()")+end, "DROP TRIGGER "+exists+"tr ON "+g.table(), "DROP SCHEMA "+exists+"s"+end)
}

func (g *generator) alter() string {
	col, here := g.column(), g.on
	other := g.table()
	g.on = here
	return g.pick(
		"ADD COLUMN "+g.columnDef(col), "ADD COLUMN "+g.columnDef(col), "ADD COLUMN IF NOT EXISTS "+g.columnDef(col),
		"DROP COLUMN "+col+g.maybe(3, " CASCADE"), "DROP COLUMN "+col+g.maybe(3, " CASCADE"), "DROP COLUMN IF EXISTS "+col,
		"RENAME COLUMN "+col+" TO "+g.pick("a", "b", "c", "d", "e"), "RENAME TO "+g.pick("t", "u", "w", "x"), "RENAME CONSTRAINT "+g.constraint()+" TO "+g.constraint(),
		"ALTER "+col+" TYPE "+g.scalar(), "ALTER "+col+" TYPE "+g.scalar()+" USING NULL", "ALTER "+col+" SET NOT NULL", "ALTER "+col+" DROP NOT NULL",
		"ALTER "+col+" SET DEFAULT NULL", "ALTER "+col+" DROP DEFAULT", "ALTER "+col+" SET DEFAULT nextval('q')",
		"ALTER "+col+" ADD GENERATED ALWAYS AS IDENTITY", "ALTER "+col+" DROP IDENTITY",
		"ADD "+g.tableConstraint(), "ADD "+g.tableConstraint(), "ADD "+g.tableConstraint(), "ADD CONSTRAINT "+g.constraint()+" UNIQUE USING INDEX "+g.index(),
		"ADD CONSTRAINT "+g.constraint()+" CHECK ("+g.check()+") NOT VALID", "VALIDATE CONSTRAINT "+g.constraint(),
		"DROP CONSTRAINT "+g.constraint()+g.maybe(3, " CASCADE"), "DROP CONSTRAINT "+g.constraint()+g.maybe(3, " CASCADE"),
		"ATTACH PARTITION "+other+g.pick(" FOR VALUES FROM (1) TO (10)", " FOR VALUES FROM (20) TO (30)", " DEFAULT"), "DETACH PARTITION "+other,
		"INHERIT "+other, "NO INHERIT "+other, "SET SCHEMA "+g.pick("s", "public"), "ADD CHECK ("+g.check()+"), DROP COLUMN "+g.column())
}

func (g *generator) query() string {
	from := g.pick(g.table(), g.table(), g.table()+" AS x JOIN "+g.table()+" AS y ON x.a IS NOT NULL", g.table()+" x CROSS JOIN "+g.table()+" y")
	what := g.pick("*", "a", "a, b", "a AS one, b AS two", "count(*) AS n", "a, e")
	if g.hasF() {
		what += g.maybe(3, ", f() AS f")
	}
	if g.IntN(5) == 0 {
		return "CREATE MATERIALIZED VIEW m AS SELECT * FROM v"
	}
	return g.pick("CREATE VIEW v AS SELECT ", "CREATE OR REPLACE VIEW v AS SELECT ", "CREATE VIEW v2 AS SELECT ", "CREATE MATERIALIZED VIEW m AS SELECT ") + what + " FROM " + from
}

func (g *generator) other() string {
	table := g.table()
	return g.pick(
		"CREATE TYPE mood AS ENUM ('a', 'b')", "ALTER TYPE mood ADD VALUE 'c'", "ALTER TYPE mood RENAME VALUE 'a' TO 'z'", "ALTER TYPE mood RENAME TO feeling",
		"CREATE DOMAIN pos AS int CHECK (VALUE > 0)", "ALTER DOMAIN pos SET NOT NULL", "CREATE TYPE comp AS (a int, b mood)", "CREATE SCHEMA s",
		"ALTER SCHEMA s RENAME TO s2", "CREATE SEQUENCE q", "ALTER SEQUENCE q OWNED BY "+table+"."+g.column(), "ALTER SEQUENCE q RENAME TO q2",
		"CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "CREATE FUNCTION tf() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
		"CREATE TRIGGER tr BEFORE UPDATE OF "+g.column()+" ON "+table+" FOR EACH ROW EXECUTE FUNCTION tf()", "ALTER INDEX "+g.index()+" RENAME TO "+g.index(),
		"CREATE POLICY pol ON "+table+" USING ("+g.column()+" IS NOT NULL)", "ALTER TABLE "+g.table()+" SET UNLOGGED", "REFRESH MATERIALIZED VIEW m",
		"ALTER VIEW v RENAME a TO "+g.column(), "TRUNCATE "+g.table())
}
