package judge

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pmcheck/pmcheck/migrations-lint/postgres"
)

// Answer is what a server says of a query.
type Answer struct {
	Asked         bool   // false for what can only be found out by running it, such as COMMIT, COPY or CALL
	Code, Message string // of the refusal; "" when it takes the query
	Ran           bool   // it is the refusal of a run, not of PREPARE or EXPLAIN
	Column        string // that the refusal of a run names
}

// Ask asks a server about a query: whether it prepares each statement, and plans those
// that can be planned (without parameters' values from PostgreSQL 16 on). Statements
// that define something are carried out, for those after them. A single INSERT that
// would be planned is run as well, with made up values. All of it is taken back.
func Ask(ctx context.Context, conn *pgx.Conn, sql string) (answer Answer, err error) {
	c := conn.PgConn()
	run := func(sql string) error {
		_, err := c.Exec(ctx, sql).ReadAll()
		return err
	}
	if err := run("BEGIN"); err != nil {
		return Answer{}, fmt.Errorf("ask the server: %w", err)
	}
	defer func() {
		if rollbackErr := run("ROLLBACK"); err == nil && rollbackErr != nil {
			err = fmt.Errorf("ask the server: %w", rollbackErr)
		}
	}()
	tree, parseErr := postgres.Tree(sql)
	if parseErr != nil {
		_, err := c.Prepare(ctx, "", sql, nil)
		return refused(err)
	}
	var version int
	if _, err := fmt.Sscanf(c.ParameterStatus("server_version"), "%d", &version); err != nil {
		return Answer{}, fmt.Errorf("the server's version: %w", err)
	}
	for _, s := range tree.Stmts {
		end := int(s.StmtLocation + s.StmtLen)
		if s.StmtLen == 0 {
			end = len(sql)
		}
		text := sql[s.StmtLocation:end]
		described, err := c.Prepare(ctx, "", text, nil)
		if err != nil {
			return refused(err)
		}
		var failed error
		switch kind := s.Stmt.GetNode().(type) {
		case *pg.Node_SelectStmt, *pg.Node_InsertStmt, *pg.Node_UpdateStmt, *pg.Node_DeleteStmt, *pg.Node_MergeStmt:
			switch {
			case version >= 16:
				failed = run("EXPLAIN (GENERIC_PLAN) " + text)
			case len(described.ParamOIDs) == 0:
				failed = run("EXPLAIN " + text)
			}
			if insert, ok := kind.(*pg.Node_InsertStmt); ok && failed == nil && len(tree.Stmts) == 1 {
				return runInsert(ctx, conn, text, insert.InsertStmt, described.ParamOIDs)
			}
		case *pg.Node_CreateTableAsStmt:
			if len(described.ParamOIDs) > 0 && version >= 16 {
				failed = run("EXPLAIN (GENERIC_PLAN) " + text)
			} else {
				failed = run(text)
			}
		case *pg.Node_CreateStmt, *pg.Node_ViewStmt, *pg.Node_DropStmt, *pg.Node_TruncateStmt,
			*pg.Node_CreateSchemaStmt, *pg.Node_AlterTableStmt, *pg.Node_RenameStmt, *pg.Node_LockStmt, *pg.Node_RefreshMatViewStmt:
			failed = run(text)
		case *pg.Node_IndexStmt:
			if kind.IndexStmt.Concurrent {
				return Answer{}, nil
			}
			failed = run(text)
		case *pg.Node_ExplainStmt, *pg.Node_DeclareCursorStmt: // PREPARE has looked into it
		default:
			return Answer{}, nil
		}
		if failed != nil {
			return refused(failed)
		}
	}
	return Answer{Asked: true}, nil
}

// refused is the answer that an error of the server is; any other error is returned.
func refused(err error) (Answer, error) {
	var server *pgconn.PgError
	switch {
	case err == nil:
		return Answer{Asked: true}, nil
	case errors.As(err, &server):
		return Answer{Asked: true, Code: server.Code, Message: server.Message, Column: server.ColumnName}, nil
	}
	return Answer{}, fmt.Errorf("ask the server: %w", err)
}

// runInsert runs an INSERT with made up values. Only what no value could have saved it
// from is an answer: that a column which it does not name may not be null.
func runInsert(ctx context.Context, conn *pgx.Conn, sql string, insert *pg.InsertStmt, params []uint32) (Answer, error) {
	values := make([][]byte, len(params))
	for i, oid := range params {
		var value string
		// The session's prepared statements may be gone: no mode that keeps them.
		if err := conn.QueryRow(ctx, madeUp, pgx.QueryExecModeExec, oid).Scan(&value); err != nil {
			return Answer{}, fmt.Errorf("make up a value: %w", err)
		}
		values[i] = []byte(value)
	}
	answer, err := refused(conn.PgConn().ExecParams(ctx, sql, values, nil, nil, nil).Read().Err)
	named := slices.ContainsFunc(insert.Cols, func(n *pg.Node) bool { return n.GetResTarget().GetName() == answer.Column })
	if answer.Code != "23502" || named {
		return Answer{Asked: true}, err
	}
	answer.Ran = true
	return answer, err
}

// madeUp is some value of a type, an array of one for an array.
const madeUp = `SELECT CASE WHEN typcategory = 'A' THEN '{"' || one || '"}' ELSE one END FROM (
	SELECT t.typcategory, CASE
		WHEN e.typtype = 'e' THEN (SELECT enumlabel FROM pg_enum WHERE enumtypid = e.oid ORDER BY enumsortorder LIMIT 1)
		WHEN e.typname IN ('json', 'jsonb') THEN '{}'
		WHEN e.typname = 'uuid' THEN '00000000-0000-0000-0000-000000000001'
		WHEN e.typname LIKE 'macaddr%' THEN '08:00:2b:01:02:03'
		WHEN e.typcategory IN ('N', 'V') THEN '1'
		WHEN e.typcategory = 'B' THEN 'true'
		WHEN e.typcategory = 'D' THEN CASE WHEN e.typname LIKE 'time%' AND e.typname NOT LIKE 'timestamp%' THEN '12:00' ELSE '2020-01-01' END
		WHEN e.typcategory = 'T' THEN '1 day'
		WHEN e.typcategory = 'I' THEN '127.0.0.1'
		WHEN e.typcategory = 'R' THEN 'empty'
		ELSE 'a' END AS one
	FROM pg_type t JOIN pg_type e ON e.oid = CASE WHEN t.typcategory = 'A' THEN t.typelem ELSE t.oid END WHERE t.oid = $1) AS v`
