package postgres

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

// between puts a statement between two others, which must be found whatever it is.
func between(t *testing.T, sql string) Statement {
	t.Helper()
	script := Parse("DROP TABLE first;\n" + sql + ";\nDROP TABLE last;")
	if len(script.Statements) != 3 {
		t.Fatalf("%d statements, want 3", len(script.Statements))
	}
	for _, i := range []int{0, 2} {
		if st := script.Statements[i]; len(st.Ops) != 1 || st.Ops[0].Kind() != "drop_table" {
			t.Errorf("statement %d: %+v", i, st)
		}
	}
	return script.Statements[1]
}

// TestDeepNesting takes the parser to where it would end the process.
func TestDeepNesting(t *testing.T) {
	for name, build := range map[string]func(n int) string{
		"parentheses":     func(n int) string { return "SELECT " + strings.Repeat("(", n) + "1" + strings.Repeat(")", n) },
		"operators":       func(n int) string { return "SELECT 1" + strings.Repeat(" + 1", n) },
		"right operators": func(n int) string { return "SELECT " + strings.Repeat("(1 + ", n) + "1" + strings.Repeat(")", n) },
		"named operators": func(n int) string { return "SELECT 1" + strings.Repeat(" OPERATOR(+) 1", n) },
		"casts":           func(n int) string { return "SELECT 1" + strings.Repeat("::int", n) },
		"collations":      func(n int) string { return "SELECT a" + strings.Repeat(` COLLATE "C"`, n) },
		"time zones":      func(n int) string { return "SELECT a" + strings.Repeat(" AT TIME ZONE 'x'", n) },
		"unions":          func(n int) string { return "SELECT 1, 2" + strings.Repeat(" UNION ALL SELECT 1, 2", n) },
		"joins":           func(n int) string { return "SELECT 1 FROM a" + strings.Repeat(" JOIN b ON a.x = b.x AND b.y", n) },
		"calls":           func(n int) string { return "SELECT " + strings.Repeat("f(", n) + "1" + strings.Repeat(")", n) },
		"sub-selects":     func(n int) string { return "SELECT " + strings.Repeat("(SELECT ", n) + "1" + strings.Repeat(")", n) },
		"derived tables": func(n int) string {
			return strings.Repeat("SELECT * FROM (", n) + "SELECT 1" + strings.Repeat(") s", n)
		},
		"WITH": func(n int) string {
			return strings.Repeat("WITH a AS (", n) + "SELECT 1" + strings.Repeat(") SELECT 1", n)
		},
		"writes in WITH": func(n int) string {
			return strings.Repeat("WITH a AS (DELETE FROM t WHERE x IN (", n) + "SELECT 1" + strings.Repeat(")) SELECT 1", n)
		},
		"NOT":    func(n int) string { return "SELECT " + strings.Repeat("NOT ", n) + "a" },
		"minus":  func(n int) string { return "SELECT " + strings.Repeat("- ", n) + "a" },
		"arrays": func(n int) string { return "SELECT " + strings.Repeat("ARRAY[", n) + "1" + strings.Repeat("]", n) },
		"CASE": func(n int) string {
			return "SELECT " + strings.Repeat("CASE WHEN a THEN ", n) + "1" + strings.Repeat(" END", n)
		},
		"IS": func(n int) string { return "SELECT " + strings.Repeat("(", n) + "a" + strings.Repeat(" IS NULL)", n) },
		"IN": func(n int) string { return "SELECT " + strings.Repeat("a IN (", n) + "1" + strings.Repeat(")", n) },
		"BETWEEN": func(n int) string {
			return "SELECT a" + strings.Repeat(" BETWEEN a AND b", 1) + strings.Repeat(" - 1", n)
		},
		"in a VALUES list": func(n int) string { return "INSERT INTO t VALUES (1" + strings.Repeat(" + 1", n) + ")" },
		"in a DO block":    func(n int) string { return "DO $$ BEGIN PERFORM 1" + strings.Repeat(" + 1", n) + "; END $$" },
		"blocks":           func(n int) string { return "DO $$ " + strings.Repeat("BEGIN ", n) + strings.Repeat("END; ", n) + "$$" },
		"IFs": func(n int) string {
			return "DO $$ BEGIN " + strings.Repeat("IF a THEN ", n) + strings.Repeat("END IF; ", n) + "END $$"
		},
		"block comments": func(n int) string { return "SELECT 1 " + strings.Repeat("/*", n) + strings.Repeat("*/", n) },
		"a function's body": func(n int) string {
			return "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1" + strings.Repeat(" + 1", n) + "; END"
		},
		"key words as fields": func(n int) string { return "SELECT 1" + strings.Repeat(" + t.and", n) },
		"key words as labels": func(n int) string { return "SELECT 1 AS end" + strings.Repeat(" UNION SELECT 1 AS end", n) },
		"commas between":      func(n int) string { return "SELECT 1, 2 FROM a, b" + strings.Repeat(" CROSS JOIN c", n) + ", d" },
		"comments between":    func(n int) string { return "SELECT 1" + strings.Repeat("/**/+ t./**/and", n) },
		"a check": func(n int) string {
			return "CREATE TABLE t (a int CHECK (a > 0" + strings.Repeat(" OR (a > 0", n) + strings.Repeat(")", n+1) + ")"
		},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			for _, n := range []int{10, 900, 10_000, 100_000} {
				st := between(t, build(n))
				if n == 10 && st.NotAnalysed != "" {
					t.Errorf("10 levels: %s", st.NotAnalysed)
				}
			}
			if d := time.Since(start); d > 20*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
}

// TestTimeIsBounded repeats what a careless scanner takes quadratic time for.
func TestTimeIsBounded(t *testing.T) {
	const n = 20_000
	for name, sql := range map[string]string{
		"long identifiers":       "SELECT 1" + strings.Repeat(", a"+strings.Repeat("x", 100), 1500),
		"open comments":          "SELECT 1 " + strings.Repeat("/*", n),
		"nested comments":        "SELECT 1 " + strings.Repeat("/*", n) + strings.Repeat("*/", n),
		"stars in a comment":     "SELECT 1 /*" + strings.Repeat("*", 20*n) + "*/",
		"a long operator":        "SELECT 1 " + strings.Repeat("+", 20*n) + " 1",
		"a long mixed operator":  "SELECT 1 " + strings.Repeat("-+", 20*n) + " 1",
		"continued strings":      "SELECT 'a'" + strings.Repeat("\n'b'", n),
		"dollars":                "SELECT " + strings.Repeat("$a", 20*n),
		"doubled quotes":         "SELECT '" + strings.Repeat("''", 20*n) + "'",
		"escapes":                "SELECT E'" + strings.Repeat(`\n`, 20*n) + "'",
		"subscripts":             "SELECT a" + strings.Repeat("[1]", n),
		"fields":                 "SELECT a" + strings.Repeat(".a", n),
		"parameters":             "CREATE FUNCTION f(" + strings.Repeat("a int,", n) + "b int) RETURNS int LANGUAGE sql AS ''",
		"columns":                "CREATE TABLE t (" + strings.Repeat("a int,", n) + "b int)",
		"grants":                 "GRANT SELECT ON " + strings.Repeat("a,", n) + "b TO c",
		"drops":                  "DROP TABLE " + strings.Repeat("a,", n) + "b",
		"truncates":              "TRUNCATE " + strings.Repeat("a,", n) + "b",
		"WITH queries":           "WITH " + strings.Repeat("a AS (SELECT 1 FROM a),", n) + "b AS (SELECT 1) SELECT 1",
		"writes in WITH":         "WITH " + strings.Repeat("a AS (DELETE FROM x),", n) + "b AS (SELECT 1) SELECT 1",
		"sub-commands":           "ALTER TABLE t " + strings.Repeat("ADD a int,", n) + "ADD b int",
		"IFs":                    "DO $$ BEGIN " + strings.Repeat("IF a THEN DROP TABLE x; END IF;", n/4) + " END $$",
		"doubled quotes in DO":   "DO 'BEGIN " + strings.Repeat("EXECUTE ''DROP TABLE x''; ", n/4) + " END'",
		"parentheses in DO":      "DO $$ BEGIN " + strings.Repeat("( ", 10*n) + " END $$",
		"newer columns":          "CREATE TABLE t (" + strings.Repeat("a int CHECK (a > 0) NOT ENFORCED,", n/4) + "b int)",
		"newer words":            "CREATE TABLE t (a int GENERATED ALWAYS AS (b) " + strings.Repeat("NOT ENFORCED ", n/2) + ")",
		"newer open parentheses": "SELECT " + strings.Repeat("GENERATED ALWAYS AS (", n/2) + ")",
		"broken statements":      strings.Repeat("x 'a';", n/2),
		"commands":               strings.Repeat("select 1 \\x\n", n/2),
		"COPY without data":      strings.Repeat("COPY a FROM STDIN;\n", n),
	} {
		done := make(chan struct{})
		go func() {
			Parse(sql)
			close(done)
		}()
		select {
		case <-done:
		case <-time.After(5 * time.Minute):
			t.Fatalf("%s: no answer for %d bytes", name, len(sql))
		}
	}
}

// TestWideIsNotDeep has much of what does not nest.
func TestWideIsNotDeep(t *testing.T) {
	for name, sql := range map[string]string{
		"AND":       "DELETE FROM t WHERE a = 1" + strings.Repeat(" AND a <> 2", 5000),
		"OR":        "DELETE FROM t WHERE a = 1 + 1" + strings.Repeat(" OR a = 1 + 2", 5000),
		"IN":        "DELETE FROM t WHERE a IN (-1" + strings.Repeat(", -2", 20000) + ")",
		"columns":   "CREATE TABLE t (a int" + strings.Repeat(", a numeric(10,2) DEFAULT 1 + 2 CHECK (a > 0) NOT NULL", 1500) + ")",
		"CASE":      "SELECT CASE" + strings.Repeat(" WHEN a = 1 THEN b + 1", 5000) + " END FROM t",
		"outputs":   "SELECT 1" + strings.Repeat(", a + b AS c", 1600) + " FROM t",
		"functions": "SELECT 1" + strings.Repeat(", f(a, g(b))", 1600) + " FROM t",
	} {
		if st := between(t, sql); st.NotAnalysed != "" || len(st.Ops) != 1 {
			t.Errorf("%s: %s", name, st.NotAnalysed)
		}
	}
}

func TestHugeStatements(t *testing.T) {
	rows := 200_000
	insert := "INSERT INTO t (a, b) VALUES (1, 'x')" + strings.Repeat(",\n(2, 'some text; with '' (quotes)')", rows-1) + " ON CONFLICT DO NOTHING"
	start := time.Now()
	st := between(t, insert)
	if st.NotAnalysed != "" || len(st.Ops) != 1 {
		t.Fatalf("%d MB of VALUES: %s", len(insert)>>20, st.NotAnalysed)
	}
	if op := st.Ops[0].Op.(catalog.Insert); op.Rows != rows || !op.Conflict || len(op.Columns) != 2 {
		t.Errorf("%+v", op)
	}
	if d := time.Since(start); d > 10*time.Second {
		t.Errorf("took %v", d)
	}

	// Rows that read other tables are not cut.
	st = between(t, "INSERT INTO t VALUES (1)"+strings.Repeat(", (2)", 10_000)+", ((SELECT max(a) FROM other))")
	if op := st.Ops[0].Op.(catalog.Insert); op.Rows != 10_002 || len(op.Reads) != 1 {
		t.Errorf("%+v", op)
	}
	// A list that is broken behind the first rows is.
	if st = between(t, "INSERT INTO t VALUES (1)"+strings.Repeat(", (2)", 10_000)+", (2"); st.NotAnalysed == "" {
		t.Error("a broken VALUES list was read")
	}
	if st = between(t, "SELECT a IN (1"+strings.Repeat(",1", MaxStatementTokens/2)+")"); st.NotAnalysed == "" || st.Problems[0].Kind != TooLarge {
		t.Errorf("too many tokens: %+v", st.Problems)
	}
	if st = between(t, "SELECT '"+strings.Repeat("x", 5<<20)+"'"); st.NotAnalysed != "" {
		t.Errorf("5 MB in one line: %s", st.NotAnalysed)
	}
}

func TestHugeScripts(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	line := "INSERT INTO t (a, b) VALUES (1, '" + strings.Repeat("x", 2000) + "');\n"
	sql := "DROP TABLE first;\n" + strings.Repeat(line, (100<<20)/len(line)) + "DROP TABLE last;"
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	script := Parse(sql)
	runtime.ReadMemStats(&after)
	t.Logf("100 MB: %v, %d MB allocated, %d statements", time.Since(start), (after.TotalAlloc-before.TotalAlloc)>>20, len(script.Statements))
	if len(script.Problems) != 1 || script.Problems[0].Kind != TooLarge {
		t.Errorf("%+v", script.Problems)
	}
	if n := len(script.Statements); n < MaxScriptSize/len(line)-1 || script.Statements[0].Ops[0].Kind() != "drop_table" {
		t.Errorf("%d statements", n)
	}
	for _, st := range script.Statements {
		if st.NotAnalysed != "" {
			t.Fatalf("%+v", st)
		}
	}

	script = Parse(strings.Repeat("SELECT 1;\n", MaxStatements+5))
	if len(script.Statements) != MaxStatements || len(script.Problems) != 1 || script.Problems[0].Kind != TooLarge {
		t.Errorf("%d statements, %+v", len(script.Statements), script.Problems)
	}
}

func TestForeignBytes(t *testing.T) {
	for name, c := range map[string]struct {
		sql  string
		kind ProblemKind
	}{
		"NUL in a string":           {"SELECT 'a\x00b'", Encoding},
		"NUL between":               {"SELECT 1; \x00 SELECT 2", Encoding},
		"NUL first":                 {"\x00DROP TABLE a", Encoding},
		"invalid UTF-8 in a string": {"INSERT INTO t VALUES ('\xff\xfe')", Encoding},
		"invalid UTF-8 in a name":   {"DROP TABLE t\xe4st", Encoding},
		"invalid UTF-8 in comments": {"-- \xe4\nDROP TABLE t", Encoding},
		"cut UTF-8":                 {"DROP TABLE t -- \xe2\x82", Encoding},
		"UTF-16, little endian":     {"\xff\xfeS\x00E\x00L\x00", Encoding},
		"UTF-16, big endian":        {"\xfe\xff\x00S\x00E\x00L", Encoding},
	} {
		script := Parse(c.sql)
		if len(script.Problems) == 0 || script.Problems[0].Kind != c.kind {
			t.Errorf("%s: %+v", name, script.Problems)
		}
	}
	script := Parse("\ufeffDROP TABLE a;\r\nDROP TABLE b;\r\n")
	if len(script.Statements) != 2 || len(script.Problems) != 0 || script.Statements[0].Start != 3 || script.Statements[1].Start != 18 {
		t.Errorf("BOM and CRLF: %+v", script)
	}
	if script := Parse("DROP TABLE \"äö\"; DROP TABLE ü; DROP TABEL é"); len(script.Statements) != 3 || script.Statements[1].Ops[0].Target().Name != "ü" ||
		script.Statements[2].Problems[0].Offset != strings.Index("DROP TABLE \"äö\"; DROP TABLE ü; DROP TABEL é", "TABEL") {
		t.Errorf("more than one byte per character: %+v", script)
	}
	for _, sql := range []string{"", " ", ";", "-- nothing", "/* nothing */", "\ufeff", "\\", "\\\n", "\\;", "$", "'", "\"", "/*", "$$", "$a$", "E'\\", "U&\"", "(", "\\i", "x"} {
		Parse(sql)
	}
}

func TestUnterminated(t *testing.T) {
	for sql, reason := range map[string]string{
		"DROP TABLE a; SELECT 'x; DROP TABLE b":        "unterminated quoted string",
		"DROP TABLE a; SELECT E'x\\'; DROP TABLE b":    "unterminated quoted string",
		"DROP TABLE a; SELECT \"x; DROP TABLE b":       "unterminated quoted identifier",
		"DROP TABLE a; DO $x$ $$ $y$; DROP TABLE b":    "unterminated dollar-quoted string",
		"DROP TABLE a; DROP /* /* */ x; DROP TABLE b":  "unterminated comment",
		"DROP TABLE a; /* only a comment DROP TABLE b": "unterminated comment",
	} {
		script := Parse(sql)
		if len(script.Statements) != 2 || script.Statements[1].NotAnalysed != reason || len(script.Statements[0].Ops) != 1 {
			t.Errorf("%s: %+v", sql, script.Statements)
		}
	}
}

func TestParseFromSeveralGoroutines(t *testing.T) {
	var group sync.WaitGroup
	for g := range 8 {
		group.Go(func() {
			for i := range 200 {
				name := fmt.Sprintf("t_%d_%d", g, i)
				script := Parse("CREATE TABLE " + name + " (a int DEFAULT 1 + 2 CHECK (a > 0)); bogus; DROP TABLE " + name)
				if len(script.Statements) != 3 || script.Statements[0].Ops[0].Target().Name != name || script.Statements[2].Ops[0].Target().Name != name {
					t.Errorf("%+v", script)
					return
				}
			}
		})
	}
	group.Wait()
}
