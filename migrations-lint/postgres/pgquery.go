package postgres

import (
	"errors"

	pg "github.com/pganalyze/pg_query_go/v6"
	"github.com/pganalyze/pg_query_go/v6/parser"
)

// parseSQL parses a text without NUL bytes, no deeper than [MaxDepth].
func parseSQL(sql string) (*pg.ParseResult, error) {
	json, err := parser.ParseToJSON(sql)
	if err != nil {
		return nil, err
	}
	if tree, err := decodeTree(json); err == nil {
		return tree, nil
	}
	return pg.Parse(sql) // slower, but without a hand in how it is decoded
}

// syntaxProblem is what the parser said, and the place as an offset into the text.
func syntaxProblem(err error) (p Problem, characters int) {
	p = Problem{Kind: Syntax, Reason: err.Error()}
	var e *parser.Error
	if errors.As(err, &e) && e.Cursorpos > 0 {
		return p, e.Cursorpos - 1
	}
	return p, 0
}
