// Package livedb asks a running PostgreSQL server, 12 to 18, what pmcheck wants to
// know of it: a snapshot to keep, and before a deploy who would stand in its way. It
// only reads, in a transaction that can do nothing else and gives up soon, and needs
// no superuser: what a role may not see is left out, and said.
package livedb

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// The server's versions that are asked.
const (
	oldest = 12
	newest = 18
)

// The limits of a visit.
const (
	connectTimeout = 10 * time.Second
	visitTimeout   = 2 * time.Minute
)

// Error says why a database could not be asked, and what to do. It never holds a password.
type Error struct {
	Message string
	URL     bool // the URL itself cannot be read: nothing was tried
}

func (e *Error) Error() string { return e.Message }

func failf(format string, args ...any) *Error { return &Error{Message: fmt.Sprintf(format, args...)} }

// session is one visit to a server.
type session struct {
	tx       pgx.Tx
	version  int    // major
	full     string // 17.2
	database string
	role     string
	leftOut  []string
}

// errRefused is that of a part that the server did not show; why is a sentence's end.
type errRefused struct{ why string }

func (e errRefused) Error() string { return e.why }

// visit opens a session and hands it to work. The transaction is rolled back: there is nothing to keep.
func visit(ctx context.Context, rawURL string, work func(context.Context, *session) error) error {
	ctx, cancel := context.WithTimeout(ctx, visitTimeout)
	defer cancel()
	config, err := configure(rawURL)
	if err != nil {
		return err
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return explainConnect(err, config)
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(closing)
	}()
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly})
	if err != nil {
		return explain(err, config)
	}
	s := &session{tx: tx}
	if err := s.begin(ctx); err != nil {
		return explain(err, config)
	}
	if err := work(ctx, s); err != nil {
		return explain(err, config)
	}
	return nil
}

// configure reads a URL, or a connection string of key=value pairs. What is missing in it comes from the
// environment and from the password file, as libpq has it (PostgreSQL manual, 34.15 and 34.16).
func configure(rawURL string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(rawURL)
	if err != nil {
		return nil, &Error{URL: true, Message: "the database's URL cannot be read: expected postgres://user:password@host:5432/database?sslmode=require, " +
			"with what is special in the password as %XX (it is not shown here, because it may hold a password)"}
	}
	config.ConnectTimeout = connectTimeout
	config.RuntimeParams["application_name"] = "pmcheck"
	// Nothing is prepared by name, so that a pooler may stand between.
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	return config, nil
}

// begin limits what the transaction can do to others, and looks whom it speaks to.
func (s *session) begin(ctx context.Context) error {
	// All of them end with the transaction; a path without schemas makes the server write names in full.
	for _, set := range []string{
		"SET LOCAL statement_timeout = '30s'",
		"SET LOCAL lock_timeout = '2s'",
		"SET LOCAL idle_in_transaction_session_timeout = '60s'",
		"SET LOCAL search_path = pg_catalog",
		"SET LOCAL extra_float_digits = 0",
		"SET LOCAL DateStyle = ISO",
	} {
		if _, err := s.tx.Exec(ctx, set); err != nil {
			return err
		}
	}
	var number int
	var standby bool
	err := s.tx.QueryRow(ctx, mark+`SELECT current_setting('server_version_num')::int, current_setting('server_version'), current_database(), current_user::text, pg_is_in_recovery()`).
		Scan(&number, &s.full, &s.database, &s.role, &standby)
	if err != nil {
		return err
	}
	s.full, _, _ = strings.Cut(s.full, " ") // "17.2 (Debian 17.2-1)"
	s.version = number / 10000
	switch {
	case s.version < oldest:
		return failf("the server is PostgreSQL %s, and pmcheck reads %d to %d", s.full, oldest, newest)
	case standby:
		return failf("the server is a standby (in recovery): its statistics, locks and pg_stat_statements are not those of the primary, which the migrations will meet. Give the primary's URL")
	}
	if s.version > newest {
		s.leftOut = append(s.leftOut, fmt.Sprintf("what is new in PostgreSQL %d: this pmcheck knows %d to %d", s.version, oldest, newest))
	}
	return nil
}

// mark begins each query of this package, so that a snapshot does not hold them.
const mark = "/* pmcheck */ "

// part asks for one part. Where the server does not show it, it is left out and said;
// the transaction goes on. Another error ends the visit.
func (s *session) part(ctx context.Context, what string, ask func(context.Context) error) error {
	sub, err := s.tx.Begin(ctx) // a savepoint
	if err != nil {
		return err
	}
	outer := s.tx
	s.tx = sub
	err = ask(ctx)
	s.tx = outer
	if err == nil {
		return sub.Commit(ctx)
	}
	why := ""
	var refused errRefused
	var server *pgconn.PgError
	switch {
	case errors.As(err, &refused):
		why = refused.why
	case errors.As(err, &server):
		switch server.Code {
		case "42501": // insufficient_privilege
			why = fmt.Sprintf("role %s has no permission (%s)", s.role, server.Message)
		case "55P03": // lock_not_available
			why = "another session holds a lock on it; try again later"
		case "57014": // query_canceled
			why = "the server did not answer within 30 seconds"
		case "55000": // object_not_in_prerequisite_state
			why = server.Message
		}
	}
	if rollback := sub.Rollback(ctx); rollback != nil || why == "" {
		return err
	}
	s.leftOut = append(s.leftOut, what+": "+why)
	return nil
}

// rows runs a query and hands each row's scan to each.
func (s *session) rows(ctx context.Context, sql string, each func(pgx.Rows) error, args ...any) error {
	rows, err := s.tx.Query(ctx, mark+sql, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// explainConnect says why no session was opened.
func explainConnect(err error, config *pgx.ConnConfig) error {
	at := fmt.Sprintf("database %q at %s", config.Database, address(config))
	var server *pgconn.PgError
	var dns *net.DNSError
	switch {
	case errors.As(err, &server) && (server.Code == "28P01" || server.Code == "28000"):
		return failf("%s: the server refuses user %q: %s. Check the user, the password and pg_hba.conf", at, config.User, clean(server.Message, config))
	case errors.As(err, &server) && server.Code == "3D000":
		return failf("%s: the server has no such database", at)
	case errors.As(err, &server) && server.Code == "57P03":
		return failf("%s: the server does not take connections now: %s. Try again later", at, clean(server.Message, config))
	case errors.As(err, &server) && server.Code == "53300":
		return failf("%s: the server has no connection left (%s). Try again, or raise max_connections", at, clean(server.Message, config))
	case errors.As(err, &server):
		return failf("%s: %s (SQLSTATE %s)", at, clean(server.Message, config), server.Code)
	case errors.As(err, &dns):
		return failf("%s: there is no host of that name, or no name server answers", at)
	case isTimeout(err):
		return failf("%s: no answer within %s. Is the host reachable from here, and its port open?", at, connectTimeout)
	}
	return failf("%s: cannot connect: %s", at, clean(innermost(err), config))
}

// explain says why a visit came to no end.
func explain(err error, config *pgx.ConnConfig) error {
	var known *Error
	var server *pgconn.PgError
	at := fmt.Sprintf("database %q at %s", config.Database, address(config))
	switch {
	case errors.As(err, &known):
		return failf("%s: %s", at, known.Message)
	case errors.As(err, &server) && server.Code == "42501":
		return failf("%s: permission denied for user %q: %s. docs/live-database.md has the grants that are needed", at, config.User, clean(server.Message, config))
	case errors.As(err, &server) && server.Code == "57014":
		return failf("%s: the server did not answer a question within 30 seconds", at)
	case errors.As(err, &server):
		return failf("%s: %s (SQLSTATE %s)", at, clean(server.Message, config), server.Code)
	case isTimeout(err):
		return failf("%s: not all was answered within %s", at, visitTimeout)
	}
	return failf("%s: the connection was lost: %s", at, clean(innermost(err), config))
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}

func address(config *pgx.ConnConfig) string {
	if strings.HasPrefix(config.Host, "/") {
		return config.Host
	}
	return net.JoinHostPort(config.Host, fmt.Sprint(config.Port))
}

// innermost is the last of a chain of errors: those around it repeat what is said anyway.
func innermost(err error) string {
	for {
		switch inner := err.(type) {
		case interface{ Unwrap() error }:
			if inner.Unwrap() == nil {
				return err.Error()
			}
			err = inner.Unwrap()
		case interface{ Unwrap() []error }:
			if len(inner.Unwrap()) == 0 {
				return err.Error()
			}
			err = inner.Unwrap()[0]
		default:
			return err.Error()
		}
	}
}

// clean takes the password out of a text, in any form in which a URL holds it.
func clean(text string, config *pgx.ConnConfig) string {
	if config.Password == "" {
		return text
	}
	for _, form := range []string{config.Password, url.QueryEscape(config.Password), url.PathEscape(config.Password), url.UserPassword("", config.Password).String()[1:]} {
		if form != "" {
			text = strings.ReplaceAll(text, form, "***")
		}
	}
	return text
}
