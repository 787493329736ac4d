package livedb

import (
	"regexp"
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pmcheck/pmcheck/migrations-lint/postgres"
)

// longNumber is how many digits a number in the schema may have before it is taken for data.
const longNumber = 6

// mask takes the literals out of an expression of the schema: '?' stands for a text,
// 0 for a number of more than six digits. What cannot hold data stays: a text without letters
// and digits, the name of a sequence in nextval('...'::regclass), and the labels of enums,
// which the schema lists anyway. ok is false for a text that cannot be taken apart.
func mask(sql string, labels map[string]bool) (masked string, ok bool) {
	if strings.IndexByte(sql, 0) >= 0 {
		return "", false
	}
	scanned, err := pg.Scan(sql)
	if err != nil {
		return "", false
	}
	var b strings.Builder
	at := int32(0)
	for i, t := range scanned.Tokens {
		text := sql[t.Start:t.End]
		with := text
		switch t.Token {
		case pg.Token_SCONST:
			if !names(scanned.Tokens[i+1:], sql) && !harmless(text, labels) {
				with = "'?'"
			}
		case pg.Token_USCONST, pg.Token_BCONST, pg.Token_XCONST:
			with = "'?'"
		case pg.Token_ICONST, pg.Token_FCONST:
			if len(text) > longNumber {
				with = "0"
			}
		case pg.Token_C_COMMENT, pg.Token_SQL_COMMENT:
			with = " "
		default:
			continue
		}
		b.WriteString(sql[at:t.Start])
		b.WriteString(with)
		at = t.End
	}
	b.WriteString(sql[at:])
	return b.String(), true
}

// names tells that a text is the name of an object: a cast to regclass follows.
func names(after []*pg.ScanToken, sql string) bool {
	return len(after) > 1 && after[0].Token == pg.Token_TYPECAST && strings.HasPrefix(sql[after[1].Start:after[1].End], "reg")
}

func harmless(literal string, labels map[string]bool) bool {
	text := strings.TrimSuffix(strings.TrimPrefix(literal, "'"), "'")
	return labels[strings.ReplaceAll(text, "''", "'")] || !strings.ContainsFunc(text, func(r rune) bool {
		return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r > 0x7f
	})
}

// typedLiteral is a literal with its type in front, of which pg_stat_statements leaves what no parser reads: interval $1.
var typedLiteral = regexp.MustCompile(`(?i)\b(interval|date|time|timestamp|timestamptz)\s+(\$[0-9]+)`)

// normalized is a query of pg_stat_statements without comments, and without the literals
// that the extension leaves in a text when it forgets and meets it again at a bad moment (PostgreSQL manual, F.32).
// ok is false for what is not one query: a utility statement can hold anything.
func normalized(sql string) (query string, ok bool) {
	if len(sql) > maxQuery || strings.IndexByte(sql, 0) >= 0 {
		return "", false
	}
	sql = typedLiteral.ReplaceAllString(sql, "$2::$1")
	tree, err := postgres.Tree(sql)
	if err != nil || len(tree.Stmts) != 1 || !isQuery(tree.Stmts[0].Stmt) {
		return "", false
	}
	if sql, err = pg.Normalize(sql); err != nil {
		return "", false
	}
	scanned, err := pg.Scan(sql)
	if err != nil {
		return "", false
	}
	var b strings.Builder
	at := int32(0)
	for _, t := range scanned.Tokens {
		switch t.Token {
		case pg.Token_C_COMMENT, pg.Token_SQL_COMMENT:
			b.WriteString(sql[at:t.Start])
			b.WriteByte(' ')
			at = t.End
		case pg.Token_SCONST, pg.Token_USCONST, pg.Token_BCONST, pg.Token_XCONST, pg.Token_FCONST:
			return "", false // Normalize has left it
		case pg.Token_ICONST:
			if t.End-t.Start > longNumber {
				return "", false
			}
		}
	}
	b.WriteString(sql[at:])
	return strings.TrimRight(strings.TrimSpace(b.String()), "; \n"), true
}

func isQuery(n *pg.Node) bool {
	switch n := n.Node.(type) {
	case *pg.Node_SelectStmt:
		return n.SelectStmt.IntoClause == nil
	case *pg.Node_InsertStmt, *pg.Node_UpdateStmt, *pg.Node_DeleteStmt, *pg.Node_MergeStmt:
		return true
	}
	return false
}

// isUtility tells that a text is no query at all, or more than one: nothing is lost with it. A utility
// statement that pg_stat_statements has normalised, from PostgreSQL 17 on, is one that no parser reads.
func isUtility(sql string) bool {
	tree, err := postgres.Tree(typedLiteral.ReplaceAllString(sql, "$2::$1"))
	if err == nil {
		return len(tree.Stmts) != 1 || !isQuery(tree.Stmts[0].Stmt)
	}
	return !queryBegins.MatchString(sql)
}

var queryBegins = regexp.MustCompile(`(?is)^(\s|\(|--[^\n]*\n|/\*.*?\*/)*(select|insert|update|delete|merge|with|values|table)\b`)

// merge is two sorted lists as one.
func merge(a, b []string) []string {
	all := append(slices.Clone(a), b...)
	slices.Sort(all)
	return slices.Compact(all)
}
