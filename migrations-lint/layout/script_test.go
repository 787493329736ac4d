package layout

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// sqlOf runs one file through one framework.
func sqlOf(t *testing.T, framework string, direction Direction, placeholders map[string]string, content string) (Script, error) {
	t.Helper()
	fw := frameworkNamed(framework)
	if fw == nil {
		t.Fatalf("no framework %q", framework)
	}
	m := Migration{
		Path: "m.sql", Direction: direction, Transaction: fw.transaction, TransactionWhy: fw.transactionWhy,
		framework: fw, engine: Postgres, values: placeholders,
	}
	return m.SQL([]byte(content))
}

// The bytes that txtar cannot hold.
func TestLineEndsAndMarks(t *testing.T) {
	const mark = "\xef\xbb\xbf"
	tests := []struct {
		name, framework string
		direction       Direction
		content         string
		text            string
		tx              Transaction
	}{
		{"goose with CRLF", "goose", Up, "-- +goose Up\r\n-- +goose NO TRANSACTION\r\nSELECT 1;\r\n-- +goose Down\r\nSELECT 2;\r\n",
			"            \r\n                        \r\nSELECT 1;\r\n              \r\n         \r\n", Autocommit},
		{"goose with a mark", "goose", Up, mark + "-- +goose Up\nSELECT 1;\n", "               \nSELECT 1;\n", InFile},
		{"dbmate with CRLF", "dbmate", Down, "-- migrate:up transaction:false\r\nA;\r\n-- migrate:down\r\nB;\r\n",
			"                               \r\n  \r\n               \r\nB;\r\n", InFile},
		{"sql-migrate with CRLF", "sql-migrate", Up, "-- +migrate Up notransaction\r\nSELECT 1;\r\n", "                            \r\nSELECT 1;\r\n", Autocommit},
		{"tern's directive does not end in CR", "tern", Up, "---- tern: disable-tx ----\r\nSELECT 1;\r\n", "---- tern: disable-tx ----\r\nSELECT 1;\r\n", InFile},
		{"tern's directive as the last line", "tern", Up, "SELECT 1;\n---- tern: disable-tx ----", "SELECT 1;\n---- tern: disable-tx ----", Autocommit},
		{"tern's directive with more on its line", "tern", Up, "---- tern: disable-tx ---- x\nSELECT 1;", "---- tern: disable-tx ---- x\nSELECT 1;", InFile},
		{"to Atlas a line of CRLF is not empty", "atlas", Up, "-- atlas:txmode none\r\n\r\nSELECT 1;\r\n", "-- atlas:txmode none\r\n\r\nSELECT 1;\r\n", InFile},
		{"sqlx's directive must be the first bytes", "sqlx", Up, mark + "-- no-transaction\nSELECT 1;", "   -- no-transaction\nSELECT 1;", InFile},
		{"a mark before plain SQL", "plain", Up, mark + "SELECT 1;", "   SELECT 1;", Implicit},
		{"no line end at the end", "goose", Down, "-- +goose Up\nSELECT 1;\n-- +goose Down\nSELECT 2;", "            \n         \n              \nSELECT 2;", InFile},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, err := sqlOf(t, test.framework, test.direction, nil, test.content)
			if err != nil {
				t.Fatal(err)
			}
			if s.Text != test.text {
				t.Errorf("text\n%q, want\n%q", s.Text, test.text)
			}
			if s.Transaction != test.tx {
				t.Errorf("transaction %s, want %s", s.Transaction, test.tx)
			}
		})
	}
}

func TestNotText(t *testing.T) {
	for content, want := range map[string]string{
		"\xff\xfeS\x00E\x00":      "m.sql:1: is UTF-16, which no migration tool reads: save it as UTF-8",
		"\xfe\xff\x00S":           "m.sql:1: is UTF-16, which no migration tool reads: save it as UTF-8",
		"SELECT 1;\nSELECT\x002;": "m.sql:2: holds a NUL byte, so it is not SQL text",
	} {
		_, err := sqlOf(t, "plain", Up, nil, content)
		if err == nil || err.Error() != want {
			t.Errorf("%q: error %v, want %s", content, err, want)
		}
	}
}

// goose reads lines without regard to quotes, so an annotation in a string counts; placeholders do heed quotes.
func TestMarkersInQuotes(t *testing.T) {
	s, err := sqlOf(t, "goose", Up, nil, "-- +goose Up\nINSERT INTO t VALUES ('a;\n-- +goose Down\nb');\n")
	if err != nil || strings.TrimSpace(s.Text) != "INSERT INTO t VALUES ('a;" {
		t.Errorf("goose ends the way up within the string, got %q, %v", s.Text, err)
	}
	s, err = sqlOf(t, "goose", Up, nil, "-- +goose Up\nCREATE FUNCTION f() AS $$\nBEGIN\n  x;\nEND $$;\n")
	if err != nil {
		t.Fatal(err)
	}
	var queries []string
	for _, q := range s.Statements {
		queries = append(queries, s.Text[q.Start:q.End])
	}
	if want := []string{"CREATE FUNCTION f() AS $$\nBEGIN\n  x;", "END $$;"}; !slices.Equal(queries, want) {
		t.Errorf("without StatementBegin goose sends %q, want %q", queries, want)
	}
	for content, want := range map[string]string{
		"-- {{ no }}\nSELECT '{{ no }}', E'\\'{{ no }}', \"{{ yes }}\";": "-- {{ no }}\nSELECT '{{ no }}', E'\\'{{ no }}', \"ph_yes\";",
		"/* ${no} /* ${no} */ ${no} */ SELECT ${yes} ;":                  "/* ${no} /* ${no} */ ${no} */ SELECT ph_yes ;",
		"SELECT $$ ${no} $$, $a$ $$ ${no} $a$ FROM ${yes};":              "SELECT $$ ${no} $$, $a$ $$ ${no} $a$ FROM ph_yes;",
		"SELECT 'it''s ${no}' || ${x}y || z${x};":                        "SELECT 'it''s ${no}' || ph_xy || zph_x;",
		"SELECT :'no_psql_word', :\"a\"::text, b::text, c[1:2];":         "SELECT 'ph_no_psql_word', \"ph_a\"::text, b::text, c[1:2];",
		"SELECT {{ \"}}\" }};":                                           "SELECT }}        ;",
	} {
		s, err := sqlOf(t, "plain", Up, nil, content)
		if err != nil {
			t.Errorf("%s: %v", content, err)
		}
		if s.Text != want {
			t.Errorf("%s\n got %s\nwant %s", content, s.Text, want)
		}
	}
}

func TestPlaceholderValues(t *testing.T) {
	placeholders := map[string]string{"schema": "app", "Namespace": "auth", ".Dotted": "d", "quoted": "o'clock", "table": `a"b`}
	tests := []struct{ framework, content, want string }{
		{"plain", "SELECT 1 FROM ${schema}.t;", "SELECT 1 FROM app      .t;"},
		{"plain", "ALTER TABLE /* TEMPLATE: schema */t ADD a int;", "ALTER TABLE appt ADD a int;"},
		{"pop", `SELECT '{{ index .Options "Namespace" }}' FROM {{.Dotted}}.t;`, "SELECT 'auth' FROM d          .t;"},
		{"sqitch", `SELECT :'quoted', :"table", :schema;`, `SELECT 'o''clock', "a""b"  , app    ;`},
		{"flyway", "SELECT ${SCHEMA};", "SELECT app      ;"},
		{"plain", "SELECT ${missing:-42};", "SELECT 42            ;"},
		{"plain", "SELECT ${schema:-other};", "SELECT app             ;"},
		{"liquibase", "--liquibase formatted sql\n--changeset a:1\nSELECT '${schema}';", "                         \n--changeset a:1\nSELECT 'app';"},
	}
	for _, test := range tests {
		vals := placeholders
		if test.framework == "flyway" {
			vals = values(placeholders).lowered()
		}
		s, err := sqlOf(t, test.framework, Up, vals, test.content)
		if err != nil {
			t.Fatal(err)
		}
		if s.Text != test.want {
			t.Errorf("%s: %s\n got %s\nwant %s", test.framework, test.content, s.Text, test.want)
		}
	}
}

func TestTemplateControl(t *testing.T) {
	tests := []struct{ content, want string }{
		{"{{if .A}}a{{else}}b{{end}}c;", "a c;"},
		{"{{if .A}}a{{else if .B}}b{{else}}c{{end}}d;", "a d;"},
		{"{{if .A}}{{if .B}}a{{else}}b{{end}}{{else}}{{if .C}}c{{else}}d{{end}}{{end}};", "a ;"},
		{"{{with .A}}a{{end}} {{block \"x\" .}}b{{end}} {{define \"y\"}}c{{end}}d;", "a b d;"},
		{"{{- /* comment }} */ -}}a;", "a;"},
		{"{{ $x := 1 }}{{ $x = 2 }}a {{ $x }};", "a ph_x ;"},
		{"{{ range $i, $v := .L }}a{{ break }}{{ end }};", "a ;"},
	}
	for _, test := range tests {
		s, err := sqlOf(t, "pop", Up, nil, test.content)
		if err != nil {
			t.Errorf("%s: %v", test.content, err)
			continue
		}
		if got := strings.Join(strings.Fields(s.Text), " "); got != test.want {
			t.Errorf("%s\n got %q\nwant %q", test.content, got, test.want)
		}
	}
	for content, want := range map[string]string{
		"SELECT 1;\n{{ end }}":                  "m.sql:2: {{ end }} without an opening {{ if }}, {{ range }} or {{ with }}",
		"SELECT 1;\n{{ if .A }}\nSELECT 2;":     "m.sql:2: this template tag has no {{ end }}",
		"{{ if .A }}{{ else }}{{ end }}{{end}}": "m.sql:1: {{ end }} without an opening {{ if }}, {{ range }} or {{ with }}",
	} {
		if _, err := sqlOf(t, "pop", Up, nil, content); err == nil || err.Error() != want {
			t.Errorf("%s: error %v, want %s", content, err, want)
		}
		if _, err := sqlOf(t, "plain", Up, nil, content); err != nil {
			t.Errorf("%s: not certain to be a template, and yet refused: %v", content, err)
		}
	}
}

// Templates that include each other end in an error, not in all memory.
func TestIncludesAreBounded(t *testing.T) {
	m := Migration{Path: "1_a.sql", Direction: Up, framework: frameworkNamed("tern"), includes: map[string]string{
		"self": `{{ template "self" . }}`,
	}}
	for i := range 12 {
		m.includes[fmt.Sprintf("l%d", i)] = strings.Repeat(fmt.Sprintf(`{{ template "l%d" . }}`, i+1), 10)
	}
	m.includes["l12"] = "SELECT 1;"
	m.includes["wide"] = strings.Repeat(`{{ template "big" . }}`, 100)
	m.includes["big"] = strings.Repeat("SELECT 1;\n", 1<<16)
	for _, name := range []string{"self", "l0", "wide"} {
		if _, err := m.SQL([]byte(fmt.Sprintf(`{{ template "%s" . }}`, name))); err == nil {
			t.Errorf("template %s: no error", name)
		}
	}
}

func TestOffset(t *testing.T) {
	const content = "SELECT '${a}', ${longer}x, ${b}y FROM ${c};"
	s, err := sqlOf(t, "flyway", Up, map[string]string{"a": "much longer", "longer": "s", "b": "", "c": "z"}, content)
	if err != nil {
		t.Fatal(err)
	}
	if want := "SELECT 'much longer', sx, y FROM z   ;"; s.Text != want {
		t.Fatalf("text %q, want %q", s.Text, want)
	}
	for _, word := range []string{"SELECT", "x,", "y FROM", "FROM"} {
		if got, want := s.Offset(strings.Index(s.Text, word)), strings.Index(content, word); got != want {
			t.Errorf("offset of %q is %d, want %d", word, got, want)
		}
	}
	for i := strings.Index(s.Text, "much"); i < strings.Index(s.Text, "'m")+12; i++ {
		if got, want := s.Offset(i), strings.Index(content, "${a}"); got != want {
			t.Errorf("offset %d in the value is %d, want %d", i, got, want)
		}
	}
	if got := s.Offset(len(s.Text)); got != len(content) {
		t.Errorf("the end is at %d, want %d", got, len(content))
	}
}

// The spans of queries move with the text.
func TestSpansMove(t *testing.T) {
	s, err := sqlOf(t, "goose", Up, map[string]string{"LONG": strings.Repeat("x", 40)},
		"-- +goose Up\n-- +goose ENVSUB ON\nSELECT '${LONG}';\nSELECT '${S}';\nSELECT 3;\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"SELECT '" + strings.Repeat("x", 40) + "';", "SELECT 'ph_s';", "SELECT 3;"}
	for i, q := range s.Statements {
		if got := s.Text[q.Start:q.End]; got != want[i] {
			t.Errorf("query %d is %q, want %q", i, got, want[i])
		}
	}
}

func TestZeroMigration(t *testing.T) {
	s, err := Migration{}.SQL([]byte("SELECT '${x}' {{ y }};"))
	if err != nil || s.Text != "SELECT '${x}' {{ y }};" {
		t.Errorf("got %q, %v", s.Text, err)
	}
	if got := (Script{}).Offset(7); got != 7 {
		t.Errorf("offset 7 of an empty script is %d", got)
	}
}

func TestStatements(t *testing.T) {
	const text = `-- first
CREATE TABLE a (b text DEFAULT ';'); /* ; */
CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END;
DO $x$ BEGIN; END; $x$;
CREATE RULE r AS ON INSERT TO a DO (SELECT 1; SELECT 2);
REINDEX (VERBOSE) TABLE CONCURRENTLY a; ;
SELECT ";" AS e`
	var got []string
	for _, s := range statements(text, Postgres) {
		got = append(got, s.words+"|"+text[s.end-1:s.end])
	}
	want := []string{
		"CREATE TABLE A ( B TEXT DEFAULT '|;",
		"CREATE FUNCTION F ( ) RETURNS INT LANGUAGE|;",
		"DO $|;",
		"CREATE RULE R AS ON INSERT TO A|;",
		"REINDEX ( VERBOSE ) TABLE CONCURRENTLY A|;",
		`SELECT " AS E|e`,
	}
	// The semicolon belongs to the words of none.
	for i := range got {
		got[i] = strings.Replace(got[i], " ;|", "|", 1)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestMySQLQuotes(t *testing.T) {
	l := newLexer("SELECT 'a\\'b', \"c\\\"d\", `e;f` # g;\n;", MySQL, 0)
	var got []string
	for tok := l.next(); tok.kind != endToken; tok = l.next() {
		got = append(got, l.src[tok.start:tok.end])
	}
	if want := []string{"SELECT", `'a\'b'`, ",", `"c\"d"`, ",", "`e;f`", "# g;\n", ";"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestVersionOrder(t *testing.T) {
	tests := []struct {
		compare func(a, b string) int
		a, b    string
		want    int
	}{
		{byNumber, "9", "10", -1},
		{byNumber, "009", "9", 0},
		{byNumber, "18446744073709551616", "18446744073709551615", 1},
		{byParts, "1.9", "1.10", -1},
		{byParts, "1_10", "1.10", 0},
		{byParts, "1", "1.0.0", 0},
		{byParts, "2", "1.99", 1},
		{byParts, "2024.01.01", "2023.12.31.5", 1},
		{comparePlain, "2024-01-02", "2024-01-10", -1},
		{comparePlain, "abc", "1", 1},
	}
	for _, test := range tests {
		if got := test.compare(test.a, test.b); sign(got) != test.want {
			t.Errorf("%s and %s: %d, want %d", test.a, test.b, got, test.want)
		}
	}
}

func sign(i int) int {
	switch {
	case i < 0:
		return -1
	case i > 0:
		return 1
	}
	return 0
}
