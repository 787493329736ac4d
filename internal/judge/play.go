package judge

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
	"github.com/pmcheck/pmcheck/migrations-lint/postgres"
)

// Session plays scripts on a server and in a catalog side by side.
type Session struct {
	Conn    *pgx.Conn
	Catalog *catalog.Catalog
	Roles   bool // make the roles that scripts name and the server lacks

	AnyRefusal bool // a refusal agrees with any other, whatever their SQLSTATEs

	Statements int      // statements that were played
	Disagreed  []string // statements that only one side refused, or each with another SQLSTATE
	Refused    []string // statements that both refused
	NotPlayed  []string // statements that nobody could analyse, with what the server said
}

// Play plays a script statement by statement. With atomic, all of it is one
// transaction, as most migration tools have it; a statement that is refused then
// takes back the whole script on both sides.
func (s *Session) Play(ctx context.Context, name, text string, atomic bool) error {
	script := postgres.Parse(text)
	for _, p := range script.Problems {
		s.NotPlayed = append(s.NotPlayed, fmt.Sprintf("%s:%d: %s", name, line(text, p.Offset), p.Reason))
	}
	for attempt := 0; ; attempt++ {
		role, err := s.play(ctx, name, text, script, atomic)
		if err != nil || role == "" {
			return err
		}
		if attempt > 20 {
			return fmt.Errorf("%s: the server keeps missing roles", name)
		}
		if _, err := s.Conn.Exec(ctx, "CREATE ROLE "+pgx.Identifier{role}.Sanitize()); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
}

func opensTransaction(script *postgres.Script) bool {
	for _, st := range script.Statements {
		for _, op := range st.Ops {
			if t, ok := op.Op.(catalog.Transaction); ok && t.Action == "begin" {
				return true
			}
		}
	}
	return false
}

var missingRole = regexp.MustCompile(`^role "(.*)" does not exist$`)

// play plays the script once; role is a role that the server misses, for another attempt.
func (s *Session) play(ctx context.Context, name, text string, script *postgres.Script, wanted bool) (role string, err error) {
	atomic := wanted && !opensTransaction(script)
	before := s.Catalog.Clone()
	rollback := func() { *s.Catalog = *before.Clone() }
	if atomic {
		if _, err := s.Conn.Exec(ctx, "BEGIN"); err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
	}
	saved := before
	for _, st := range script.Statements {
		sql := text[st.Start:st.End]
		where := fmt.Sprintf("%s:%d", name, line(text, st.Start))
		if strings.HasPrefix(sql, `\`) {
			continue // psql's own commands
		}
		s.Statements++
		serverErr := s.send(ctx, sql)
		if match := missingRole.FindStringSubmatch(message(serverErr)); match != nil && s.Roles && (atomic || s.Conn.PgConn().TxStatus() == 'I') {
			if atomic {
				s.endTransaction(ctx)
				rollback()
			}
			if atomic {
				return match[1], nil
			}
			if _, err := s.Conn.Exec(ctx, "CREATE ROLE "+pgx.Identifier{match[1]}.Sanitize()); err != nil {
				return "", fmt.Errorf("%s: %w", where, err)
			}
			serverErr = s.send(ctx, sql)
		}
		catalogErr, conditional := s.apply(st)
		if serverErr != nil && catalogErr == nil && code(conditional) == code(serverErr) {
			catalogErr = conditional
		}
		if transaction, ok := action(st); ok {
			switch transaction {
			case "begin", "savepoint":
				saved = s.Catalog.Clone()
			case "rollback":
				*s.Catalog = *saved.Clone()
				s.Catalog.EndTransaction()
			case "commit":
				s.Catalog.EndTransaction()
			}
		}
		s.judge(where, sql, st, serverErr, catalogErr)
		if serverErr != nil && atomic {
			s.endTransaction(ctx)
			rollback()
			return "", nil
		}
		if serverErr != nil && s.Conn.PgConn().TxStatus() == 'E' {
			s.endTransaction(ctx)
			*s.Catalog = *saved.Clone()
		}
		if s.Conn.PgConn().TxStatus() == 'I' {
			s.Catalog.EndTransaction()
		}
	}
	if atomic || wanted && s.Conn.PgConn().TxStatus() == 'T' {
		if _, err := s.Conn.Exec(ctx, "COMMIT"); err != nil {
			rollback()
			s.Refused = append(s.Refused, fmt.Sprintf("%s: COMMIT: %v", name, err))
			return "", nil
		}
		s.Catalog.EndTransaction()
	}
	return "", nil
}

// EndSession ends the session on both sides, as a tool does that connects anew.
func (s *Session) EndSession(ctx context.Context) error {
	if s.Conn.PgConn().TxStatus() != 'I' {
		s.endTransaction(ctx)
	}
	s.Catalog.EndSession()
	if _, err := s.Conn.Exec(ctx, "DISCARD ALL"); err != nil {
		return fmt.Errorf("end the session: %w", err)
	}
	return nil
}

func (s *Session) endTransaction(ctx context.Context) {
	_, _ = s.Conn.Exec(ctx, "ROLLBACK") // outside of a transaction it is but a warning
}

func (s *Session) send(ctx context.Context, sql string) error {
	_, err := s.Conn.PgConn().Exec(ctx, sql).ReadAll()
	return err
}

// apply carries out a statement's operations, all or none. What stands under a
// condition may not be carried out: the first refusal of it is returned apart.
func (s *Session) apply(st postgres.Statement) (refused, conditional error) {
	before := s.Catalog.Clone()
	for _, op := range st.Ops {
		err := s.Catalog.Apply(op.Op)
		switch {
		case err == nil:
		case !op.Conditional:
			*s.Catalog = *before
			return err, conditional
		case conditional == nil:
			conditional = err
		}
	}
	return nil, conditional
}

func action(st postgres.Statement) (string, bool) {
	for _, op := range st.Ops {
		if t, ok := op.Op.(catalog.Transaction); ok {
			return t.Action, true
		}
	}
	return "", false
}

func (s *Session) judge(where, sql string, st postgres.Statement, serverErr, catalogErr error) {
	short := strings.Join(strings.Fields(sql), " ")
	if len(short) > 160 {
		short = short[:160] + "..."
	}
	switch {
	case st.NotAnalysed != "":
		said := "the server accepts it"
		if serverErr != nil {
			said = "the server says " + message(serverErr)
		}
		s.NotPlayed = append(s.NotPlayed, fmt.Sprintf("%s: %s: %s (%s)", where, short, st.NotAnalysed, said))
	case s.AnyRefusal && serverErr != nil && catalogErr != nil:
		s.Refused = append(s.Refused, fmt.Sprintf("%s: %s: %s", where, short, said(serverErr)))
	case code(serverErr) != code(catalogErr):
		s.Disagreed = append(s.Disagreed, fmt.Sprintf("%s: %s: server %s, catalog %s", where, short, said(serverErr), said(catalogErr)))
	case serverErr != nil:
		s.Refused = append(s.Refused, fmt.Sprintf("%s: %s: %s", where, short, said(serverErr)))
	}
}

func said(err error) string {
	if err == nil {
		return "accepts"
	}
	return fmt.Sprintf("refuses (%s %s)", code(err), message(err))
}

func code(err error) string {
	var server *pgconn.PgError
	var ours *catalog.Error
	switch {
	case errors.As(err, &server):
		return server.Code
	case errors.As(err, &ours):
		return ours.Code
	case err != nil:
		return err.Error()
	}
	return ""
}

func message(err error) string {
	var server *pgconn.PgError
	if errors.As(err, &server) {
		return server.Message
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func line(text string, offset int) int { return 1 + strings.Count(text[:min(offset, len(text))], "\n") }
