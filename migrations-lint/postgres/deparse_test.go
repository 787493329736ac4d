package postgres

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	pg "github.com/pganalyze/pg_query_go/v6"
)

var deparsedExpressions = []string{
	"NULL", "0", "1", "-1", "2147483647", "1.50", "9999999999", "'x'", "''", "'it''s'", `E'a\\b'`, `E'a\nb'`, "'äöü'", "true", "FALSE", "'t'::bool", "'x'::text", "''::text", "'{}'::jsonb",
	"'a'::varchar(3)", "'{}'::text[]", "'{}'::int[3][]", "NULL::text", "NULL::character varying", "'x'::\"Text\"", "'x'::app.\"T y\"", "'a'::pg_catalog.text", "1.5::numeric(3,1)", "-1::int", "(-1)::int", "1::int8", "1::bigint", "'a'::char(3)", "'a'::bpchar",
	"'2020-01-01'::timestamp", "'2020-01-01'::timestamptz", "'2020-01-01'::timestamp(3) with time zone", "'1'::interval", "'1'::interval day", "1::double precision", "(a + b)::text", "(a AND b)::text", "(a IS NULL)::text",
	"now()", "NOW()", "now(1)", "gen_random_uuid()", "public.gen_random_uuid()", "nextval('s'::regclass)", "nextval('a.\"S\"'::regclass)", "lower(name)", "count(*)", "count(DISTINCT a)", "f(a, b => 3)", "f(VARIADIC a)", "\"Now\"()", "trim(a)", "extract(year FROM a)",
	"current_timestamp", "now() + '1 day'::interval", "a", "t.a", "s.t.a", "\"Odd\"", "\"a b\".\"c\"", "\"select\"", "t.*", "(a).b", "a[1]",
	"a = 1", "a + b * c", "(a + b) * c", "a - (b - c)", "a || 'x' || b", "a ~ 'x'", "a OPERATOR(pg_catalog.+) b", "- a", "a -> 'x' ->> 'y'", "a @> '{}'::jsonb",
	"a IS NULL", "a IS NOT NULL", "(a = b) IS NULL", "lower(a) IS NOT NULL", "a AND b", "a AND (b OR c)", "a OR b AND c", "NOT a", "NOT (a AND b)", "NOT a = b", "NOT (NOT a)", "(NOT a) AND b", "(a = b) = c", "current_date", "current_user", "localtime", "current_timestamp(3)", "a NOT LIKE 'x'",
	"a IN (1, 2)", "a NOT IN ('x', 'y')", "lower(a) IN ('x')", "(a + 1) IN (2)", "a IN (SELECT 1)", "a = ANY (ARRAY['x', 'y'])", "a = ANY (ARRAY['x'::text, 'y'::text])", "(a)::text = ANY ((ARRAY['x'::character varying, 'y'::character varying])::text[])", "a = ALL (b)",
	"a LIKE 'x%'", "a BETWEEN 1 AND 2", "a IS DISTINCT FROM b", "COALESCE(a, b, 1)", "NULLIF(a, b)", "CASE WHEN a THEN b END", "ARRAY[1, 2]", "ARRAY[]::text[]", "ARRAY[[1], [2]]", "B'1'", "length(a) > 0 AND length(a) <= 10", "num_nonnulls(a, b) = 1", "a COLLATE \"C\"",
}

func parseExpression(t *testing.T, sql string) *pg.Node {
	t.Helper()
	tree, err := parseSQL("SELECT " + sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return tree.Stmts[0].Stmt.GetSelectStmt().TargetList[0].GetResTarget().Val
}

// throughC is an expression's text by the parser's own deparser.
func throughC(t *testing.T, n *pg.Node) string {
	t.Helper()
	text, err := deparseStatement(&pg.Node{Node: &pg.Node_SelectStmt{SelectStmt: &pg.SelectStmt{
		TargetList:  []*pg.Node{{Node: &pg.Node_ResTarget{ResTarget: &pg.ResTarget{Val: n}}}},
		LimitOption: pg.LimitOption_LIMIT_OPTION_DEFAULT, Op: pg.SetOperation_SETOP_NONE,
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(text, "SELECT ")
}

func TestExpressionsAreWrittenAsTheParsersDeparserDoes(t *testing.T) {
	here := 0
	for _, sql := range deparsedExpressions {
		n := parseExpression(t, sql)
		if got, want := deparse(n), throughC(t, n); got != want {
			t.Errorf("%s: %s, the parser's deparser %s", sql, got, want)
		}
		var w exprWriter
		if w.expr(n) {
			here++
		}
	}
	if here < 70 {
		t.Errorf("only %d of %d were written here", here, len(deparsedExpressions))
	}
}

// TestCorpusExpressionsAreWrittenAlike compares every expression of the projects in
// PMCHECK_CORPUS that is written here.
func TestCorpusExpressionsAreWrittenAlike(t *testing.T) {
	root := os.Getenv("PMCHECK_CORPUS")
	if root == "" {
		t.Skip("PMCHECK_CORPUS names no folder of projects with .sql files")
	}
	here, all := 0, 0
	err := filepath.Walk(root, func(path string, info os.FileInfo, err error) error {
		if err != nil || filepath.Ext(path) != ".sql" {
			return err
		}
		sql, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		tree, err := parseSQL((&Script{}).clean(string(sql)))
		if err != nil {
			return nil
		}
		compare := func(n *pg.Node) {
			if n.GetNode() == nil {
				return
			}
			all++
			var w exprWriter
			if w.expr(n) {
				here++
				if want := throughC(t, n); w.String() != want {
					t.Errorf("%s, the parser's deparser %s", w.String(), want)
				}
			}
		}
		for _, raw := range tree.Stmts {
			walk(raw.Stmt, func(n *pg.Node) bool {
				switch x := n.GetNode().(type) {
				case *pg.Node_Constraint:
					compare(x.Constraint.RawExpr)
					compare(x.Constraint.WhereClause)
				case *pg.Node_IndexStmt:
					compare(x.IndexStmt.WhereClause)
				case *pg.Node_IndexElem:
					compare(x.IndexElem.Expr)
				case *pg.Node_UpdateStmt:
					compare(x.UpdateStmt.WhereClause)
				}
				return true
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d of %d expressions were written here", here, all)
}
