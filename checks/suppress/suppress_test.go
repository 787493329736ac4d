package suppress

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	pg_query "github.com/pganalyze/pg_query_go/v6"
)

// line writes a comment as a table wants it: place, target, and what it says.
func line(c Comment) string {
	said := fmt.Sprintf("%s: %s", strings.Join(c.Rules, ","), c.Reason)
	if c.Problem != "" {
		said = "! " + c.Problem
	}
	if c.Scope == File {
		said = "file " + said
	}
	return fmt.Sprintf("%d-%d>%d:%d %s", c.Line, c.EndLine, c.Target.Line, c.Target.Column, said)
}

func lines(comments []Comment) []string {
	var all []string
	for _, c := range comments {
		all = append(all, line(c))
	}
	return all
}

func TestFind(t *testing.T) {
	const marker = "-- pmcheck:ignore a: why"
	tests := []struct {
		name, sql string
		want      []string
	}{
		{"nothing", "DROP TABLE a; -- a comment\n", nil},
		{"above", marker + "\nDROP TABLE a;\n", []string{"1-1>2:1 a: why"}},
		{"two rules, spaces, colon in the reason", "--   pmcheck:ignore  a , b-c,a :  see  https://x.test/1: fine\n\n  DROP TABLE a;", []string{"1-1>3:3 a,b-c: see https://x.test/1: fine"}},
		{"no space", "--pmcheck:ignore a:why\nDROP TABLE a", []string{"1-1>2:1 a: why"}},
		{"CRLF", marker + "\r\nDROP TABLE a;\r\n", []string{"1-1>2:1 a: why"}},
		{"carriage return alone ends the comment", marker + "\rDROP TABLE a;", []string{"1-1>1:26 a: why"}},
		{"BOM", "\ufeff" + marker + "\nDROP TABLE a;", []string{"1-1>2:1 a: why"}},
		{"blank lines and other comments between", marker + "\n\n-- text\n/* more */\nDROP TABLE a;", []string{"1-1>5:1 a: why"}},
		{"several above one", marker + "\n-- pmcheck:ignore b: too\nDROP TABLE a;", []string{"1-1>3:1 a: why", "2-2>3:1 b: too"}},
		{"end of the line", "SELECT 1;\nDROP TABLE a; " + marker + "\nDROP TABLE b;", []string{"2-2>2:1 a: why"}},
		{"end of the last line of several", "ALTER TABLE a\n  DROP b; " + marker + "\nDROP TABLE b;", []string{"2-2>1:1 a: why"}},
		{"end of the file", "DROP TABLE a; " + marker, []string{"1-1>1:1 a: why"}},
		{"end of the line, no semicolon", "DROP TABLE a " + marker, []string{"1-1>1:1 a: why"}},
		{"second statement of a line", "DROP TABLE a; DROP TABLE b; " + marker, []string{"1-1>1:15 a: why"}},
		{"before the second statement of a line", "DROP TABLE a; /* pmcheck:ignore a: why */ DROP TABLE b;", []string{"1-1>1:43 a: why"}},
		{"inside a statement", "ALTER TABLE a\n  " + marker + "\n  DROP b;", []string{"2-2>1:1 a: why"}},
		{"inside parentheses with semicolons", "CREATE RULE r AS ON INSERT TO a DO (DELETE FROM b; " + marker + "\nDELETE FROM c);", []string{"1-1>1:1 a: why"}},
		{"below the last statement", "DROP TABLE a;\n" + marker + "\n", []string{"2-2>0:0 a: why"}},
		{"below a last statement without semicolon", "DROP TABLE a\n\n" + marker + "\n", []string{"3-3>0:0 a: why"}},
		{"behind an empty statement", "DROP TABLE a;\n; " + marker + "\n", []string{"2-2>0:0 a: why"}},
		{"above an empty statement", marker + "\n;\nDROP TABLE a;", []string{"1-1>2:1 a: why"}},
		{"alone", marker, []string{"1-1>0:0 a: why"}},

		{"block", "/* pmcheck:ignore a: why */\nDROP TABLE a;", []string{"1-1>2:1 a: why"}},
		{"block over lines", "/*\n * pmcheck:ignore a,\n *   b: why\n *   and how\n *\n * Text.\n */\nDROP TABLE a;", []string{"2-7>8:1 a,b: why and how"}},
		{"two in a block", "/* pmcheck:ignore a: why\n   pmcheck:ignore b: too */\nDROP TABLE a;", []string{"1-2>3:1 a: why", "2-2>3:1 b: too"}},
		{"block begins behind a statement", "DROP TABLE a; /*\npmcheck:ignore a: why\n*/\nDROP TABLE b;", []string{"2-3>1:1 a: why"}},
		{"block with another inside", "/* pmcheck:ignore a: why /* not here */ but here */ DROP TABLE a;", []string{"1-1>1:53 a: why /* not here */ but here"}},
		{"commented out", "/* /* pmcheck:ignore a: why */ */ DROP TABLE a;\n-- -- text pmcheck:ignore a: why\n", nil},
		{"block never closed", "DROP TABLE a; /* pmcheck:ignore a: why", []string{`1-1>1:1 ! the comment is never closed: end it with "*/"`}},

		{"in a string", "SELECT '\n" + marker + "\n', 'it''s\n" + marker + "\n';", nil},
		{"in an escape string", `SELECT E'\'` + "\n" + marker + "\n', e'it''s \\'\n" + marker + "\n'\n'\\'" + marker + "\n'", nil},
		{"a backslash in a plain string hides nothing", `SELECT '\' ` + marker + "\n'", []string{"1-1>1:1 a: why"}},
		{"a name that ends in e", `SELECT type'\' ` + marker + "\n'", []string{"1-1>1:1 a: why"}},
		{"in a quoted identifier", "SELECT \"\n" + marker + "\n\", \"a\"\"\n" + marker + "\n\"", nil},
		{"in dollar quotes", "DO $$\n" + marker + "\n$$; DO $a$ $$ $b$\n" + marker + "\n$a$; DO $ä_1$\n" + marker + "\n$ä_1$", nil},
		{"a parameter is no dollar quote", "SELECT $1, $2$ " + marker + "\n$2$", []string{"1-1>1:1 a: why"}},
		{"a dollar in a name is no dollar quote", "SELECT a$b$ " + marker + "\n$b$", []string{"1-1>1:1 a: why"}},
		{"a string never closed", "SELECT '\n" + marker, nil},
		{"a dollar quote never closed", "SELECT $$\n" + marker, nil},
		{"a body with semicolons", marker + "\nDO $$ BEGIN DROP TABLE a; END $$; -- text\nDROP TABLE b;", []string{"1-1>2:1 a: why"}},
		{"minus minus", "SELECT 5" + marker, []string{"1-1>1:1 a: why"}},

		{"data of a COPY", "COPY a (b) FROM stdin; -- text\n" + marker + "\nit's\n\\.\n" + marker + "\nDROP TABLE a;", []string{"5-5>6:1 a: why"}},
		{"data of a COPY to the end", "copy a from STDIN;\n" + marker + "\n", nil},
		{"COPY from a file has none", "COPY a FROM 'stdin';\n" + marker + "\nDROP TABLE a;", []string{"2-2>3:1 a: why"}},
		{"psql", "\\restrict it's\nDROP TABLE a; " + marker + "\n\\echo ok\nSELECT 'x' \\gexec\nDROP TABLE b\n" + marker + "\n;", []string{"2-2>2:1 a: why", "6-6>5:1 a: why"}},
		{"above a command of psql", marker + "\n\\set x\nDROP TABLE a;", []string{"1-1>2:1 a: why"}},

		{"file", "-- +goose Up\n-- pmcheck:ignore-file a, b: why\nDROP TABLE a;", []string{"2-2>0:0 file a,b: why"}},
		{"file, below a statement", "DROP TABLE a;\n-- pmcheck:ignore-file a: why", []string{
			`2-2>0:0 file ! it stands below a statement: move it to the top of the file, or for one statement write "-- pmcheck:ignore RULE: why it is safe here"`}},
		{"file, no reason", "-- pmcheck:ignore-file a", []string{`1-1>0:0 file ! no reason is given, after a colon: write "-- pmcheck:ignore-file RULE: why it is safe in this file"`}},
		{"text about it", "-- see the manual on pmcheck:ignore a: why\n-- pmcheck found this\n-- pmcheckers: ignore\nDROP TABLE a;", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, lines(Find(test.sql))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestMalformed(t *testing.T) {
	tests := map[string]string{
		"pmcheck:ignore":                          "no rule is named",
		"pmcheck:ignore : why":                    "no rule is named",
		"pmcheck:ignore: why":                     "no rule is named",
		"pmcheck:ignore a":                        "no reason is given, after a colon",
		"pmcheck:ignore a the table is empty":     "no reason is given, after a colon",
		"pmcheck:ignore a:":                       "no reason is given, after the colon",
		"pmcheck:ignore a: ...":                   "no reason is given, after the colon",
		"pmcheck:ignore a,: why":                  "a rule is missing beside a comma",
		"pmcheck:ignore , a: why":                 "a rule is missing beside a comma",
		"pmcheck:ignore a b: why":                 "rules are separated by commas, and followed by a colon and the reason",
		"pmcheck:ignore *: why":                   "every rule at once cannot be ignored, name each",
		"pmcheck:ignore ALL: why":                 "every rule at once cannot be ignored, name each",
		"pmcheck:ignore [a]: why":                 `"[a]" is no rule id`,
		"pmcheck:ignore \x1b[31m: why":            `"\x1b[31m" is no rule id`,
		"pmcheck:ignored a: why":                  `unknown form "pmcheck:ignored"`,
		"pmcheck:ignore-next-line a: why":         `unknown form "pmcheck:ignore-next-line"`,
		"pmcheck:ignore-files a: why":             `unknown form "pmcheck:ignore-files"`,
		"pmcheck:ignore,a: why":                   `unknown form "pmcheck:ignore,a:"`,
		"pmcheck:disable a: why":                  `unknown form "pmcheck:disable"`,
		"pmcheck: ignore a: why":                  `unknown form "pmcheck:"`,
		"PMCHECK:IGNORE a: why":                   `unknown form "PMCHECK:IGNORE"`,
		"pmcheck-ignore a: why":                   `unknown form "pmcheck-ignore"`,
		"pmcheck ignore a: why":                   `unknown form "pmcheck"`,
		"pmcheck:" + strings.Repeat("x", 100_000): `unknown form "pmcheck:` + strings.Repeat("x", 52) + `..."`,
	}
	for text, want := range tests {
		t.Run(text[:min(40, len(text))], func(t *testing.T) {
			for _, sql := range []string{"-- " + text + "\nDROP TABLE a;", "/* " + text + " */\nDROP TABLE a;"} {
				comments := Find(sql)
				if len(comments) != 1 {
					t.Fatalf("%d comments in %s, want 1", len(comments), sql)
				}
				c := comments[0]
				if !strings.HasPrefix(c.Problem, want+": write \"-- pmcheck:ignore") {
					t.Errorf("problem is %q, want %q and how to write it", c.Problem, want)
				}
				if c.Rules != nil || c.Reason != "" || c.Covers("a") || c.Covers("") || Attach(comments, []Span{{2, 1, 2}})[0] != None {
					t.Errorf("it suppresses: %+v", c)
				}
			}
		})
	}
}

func TestCovers(t *testing.T) {
	c := Find("-- pmcheck:ignore a, b: why\n")[0]
	for rule, want := range map[string]bool{"a": true, "b": true, "c": false, "": false, "A": false} {
		if c.Covers(rule) != want {
			t.Errorf("Covers(%q) = %v", rule, !want)
		}
	}
}

func TestAttach(t *testing.T) {
	const marker = "-- pmcheck:ignore a: why"
	tests := []struct {
		name, sql  string
		statements []Span
		want       []int
	}{
		{"above, inside, behind, nowhere",
			marker + "\nDROP TABLE a;\nALTER TABLE b\n" + marker + "\nDROP c; " + marker + "\n" + marker + "\nDROP TABLE d;\n" + marker,
			[]Span{{2, 1, 2}, {3, 1, 5}, {7, 1, 7}}, []int{0, 1, 1, 2, None}},
		{"one line", "DROP TABLE a; DROP TABLE b; " + marker, []Span{{1, 1, 1}, {1, 15, 1}}, []int{1}},
		{"columns not known", "DROP TABLE a;\n" + marker + "\nDROP TABLE b;", []Span{{Line: 1}, {Line: 3}}, []int{1}},
		{"next to something that is no statement", marker + "\n\\set x\nDROP TABLE a;", []Span{{3, 1, 3}}, []int{None}},
		{"next to a statement that is not among them", marker + "\nVACUUM;\nDROP TABLE a;", []Span{{3, 1, 3}}, []int{None}},
		{"in the body of a function", "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC\nSELECT 1;\n" + marker + "\nSELECT 2;\nEND;", []Span{{1, 1, 5}}, []int{0}},
		{"a bracket that never closes", "CREATE TABLE a (;\nDROP TABLE b;\nDROP TABLE c; " + marker, []Span{{1, 1, 1}, {2, 1, 2}, {3, 1, 3}}, []int{None}},
		{"file", "-- pmcheck:ignore-file a: why\nDROP TABLE a;", []Span{{2, 1, 2}}, []int{None}},
		{"no statements", marker + "\nDROP TABLE a;", nil, []int{None}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, Attach(Find(test.sql), test.statements)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// hostile texts are linear only to a scanner that reads nothing twice.
var hostile = []string{"'", "\"", "$$", "$a$", "$a$ $b$ ", "/*", "*/", "--", "E'\\", "e''", "(", ";", "\\", "\n", "\x00", "\xff", "'\n",
	"-- pmcheck:ignore a: b\n", "/* pmcheck:ignore a: b */", "/*\npmcheck:ignore a: b\n", "copy a from stdin;\n", "a,", "pmcheck:", "E'a'\n"}

func TestFindIsLinear(t *testing.T) {
	const size = 512 << 10
	for _, part := range hostile {
		for _, before := range []string{"", "-- pmcheck:ignore ", "/* pmcheck:ignore "} {
			sql := before + strings.Repeat(part, size/len(part))
			start := time.Now()
			comments := Find(sql)
			Attach(comments, make([]Span, 1000))
			if took := time.Since(start); took > 30*time.Second { // far above what a loaded machine needs; what this catches takes longer
				t.Errorf("%q after %q took %v", part, before, took)
			}
		}
	}
}

func FuzzFind(f *testing.F) {
	for _, part := range hostile {
		f.Add(part + "-- pmcheck:ignore a: b\nDROP TABLE a;")
		f.Add("-- pmcheck:ignore a: b\n" + part + part)
	}
	f.Add("SELECT U&'d\\0061', B'1', $1, a$b$, E'\\'' \n '\\'', $q$ $$ $q$ /* /* */ pmcheck:ignore x: y */;")
	f.Fuzz(func(t *testing.T, sql string) {
		comments := Find(sql)
		last := strings.Count(sql, "\n") + 1
		for _, c := range comments {
			if c.Line < 1 || c.EndLine < c.Line || c.EndLine > last || c.Target.Line > last || c.Scope == "" {
				t.Errorf("%+v of %d lines", c, last)
			}
			if (c.Problem == "") != (len(c.Rules) > 0 && c.Reason != "") || strings.ContainsAny(c.Reason+c.Problem, "\n\r") {
				t.Errorf("%+v", c)
			}
		}
		comparePostgres(t, sql)
	})
}

// Every short sequence of what begins and ends strings and comments.
func TestFindAgreesWithPostgres(t *testing.T) {
	parts := []string{"'", "E'", "\\", `"`, "$$", "$a$", "a", "1", "$", "\n", " ", "--", "/*", "*/", "-- pmcheck:ignore a: b\n", "/* pmcheck:ignore a: b */"}
	compared := 0
	var extend func(sql string, more int)
	extend = func(sql string, more int) {
		if comparePostgres(t, sql+"\n-- pmcheck:ignore a: b") {
			compared++
		}
		if more == 0 {
			return
		}
		for _, part := range parts {
			extend(sql+part, more-1)
		}
	}
	extend("", 4)
	extend("E'", 3)
	t.Logf("%d texts compared", compared)
	if compared < 10_000 {
		t.Errorf("only %d texts could be compared", compared)
	}
}

// comparePostgres compares Find with PostgreSQL's own lexer on what is a comment. It
// is false where there is nothing to compare: the text is no SQL, or psql has a say.
func comparePostgres(t *testing.T, sql string) bool {
	t.Helper()
	if strings.ContainsAny(sql, "\x00\v") || strings.Contains(strings.ToLower(sql), "stdin") || strings.Contains(sql, "\ufeff") {
		return false // \v became white space in PostgreSQL 16
	}
	scanned, err := pg_query.Scan(sql)
	if err != nil {
		return false
	}
	var want []Comment
	for _, token := range scanned.Tokens {
		switch token.Token {
		case pg_query.Token_ASCII_92:
			return false
		case pg_query.Token_SQL_COMMENT, pg_query.Token_C_COMMENT:
			for _, c := range Find(sql[token.Start:token.End]) {
				lines := strings.Count(sql[:token.Start], "\n")
				c.Line += lines
				c.EndLine += lines
				want = append(want, c)
			}
		}
	}
	plain := func(comments []Comment) []Comment {
		var out []Comment
		for _, c := range comments {
			c.Target = Position{}
			if c.Scope == File { // whose problem depends on what stands above
				c = Comment{Line: c.Line}
			}
			out = append(out, c)
		}
		return out
	}
	if diff := cmp.Diff(plain(want), plain(Find(sql))); diff != "" {
		t.Errorf("comments of %q (-PostgreSQL +Find):\n%s", sql, diff)
	}
	return true
}
