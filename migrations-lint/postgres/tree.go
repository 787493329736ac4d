package postgres

import (
	"errors"
	"strings"
	"unicode/utf8"

	pg "github.com/pganalyze/pg_query_go/v6"
	"github.com/pganalyze/pg_query_go/v6/parser"
)

// Tree is the parser's own tree of a text that holds one or more statements, within
// the limits of this package. Locations in it are byte offsets into the text. The
// error is what the server says of a text that it does not take.
func Tree(sql string) (*pg.ParseResult, error) {
	switch {
	case len(sql) > MaxScriptSize:
		return nil, errors.New("the text is larger than 64 MB")
	case strings.IndexByte(sql, 0) >= 0:
		return nil, errors.New("the text holds a NUL byte")
	case !utf8.ValidString(sql):
		return nil, errors.New(`invalid byte sequence for encoding "UTF8"`)
	}
	if p := tooLarge(sql); p != nil {
		return nil, errors.New(p.Reason)
	}
	tree, err := parseSQL(sql)
	if err != nil {
		return nil, err
	}
	return tree, nil
}

// Accepts tells that the parser takes a text, and that there is a statement in it. It
// says less than [Tree] does and costs a fraction.
func Accepts(sql string) bool {
	if len(sql) > MaxScriptSize || strings.IndexByte(sql, 0) >= 0 || !utf8.ValidString(sql) || tooLarge(sql) != nil {
		return false
	}
	statements, err := parser.IsUtilityStmt(sql)
	return err == nil && len(statements) > 0
}
