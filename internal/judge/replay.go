package judge

import (
	"context"
	"fmt"
	"path"

	"github.com/jackc/pgx/v5"

	"github.com/pmcheck/pmcheck/migrations-lint/layout"
	"github.com/pmcheck/pmcheck/migrations-lint/postgres"
)

// Replay plays the migrations of a database on both sides, upwards, each in a session
// of its own. Before each of them, and after the last one, it calls at with the number
// of migrations that are still to come. Unread says which ones could not be read, and why.
func (s *Session) Replay(ctx context.Context, db layout.Database, read func(layout.Migration) ([]byte, error), at func(toCome int) error) (played int, unread []string, err error) {
	var up []layout.Migration
	for _, m := range db.Migrations {
		if m.Direction != layout.Down {
			up = append(up, m)
		}
	}
	for i, m := range up {
		if err := at(len(up) - i); err != nil {
			return played, unread, err
		}
		content, err := read(m)
		if err != nil {
			return played, unread, err
		}
		script, err := m.SQL(content)
		if err != nil || script.Absent {
			unread = append(unread, fmt.Sprintf("%s: %v", m.Path, err))
			continue
		}
		if err := s.standIns(ctx, script); err != nil {
			return played, unread, err
		}
		played++
		if err := s.Play(ctx, path.Base(path.Dir(m.Path))+"/"+path.Base(m.Path), script.Text, atomic(script)); err != nil {
			return played, unread, err
		}
		if err := s.EndSession(ctx); err != nil {
			return played, unread, err
		}
	}
	return played, unread, at(0)
}

// standIns makes the schemas that the project's settings name: a placeholder stands
// for each.
func (s *Session) standIns(ctx context.Context, script layout.Script) error {
	for _, standIn := range script.StandIns {
		if standIn.Kind == layout.Named && standIn.Text != "" && s.Catalog.Schemas[standIn.Text] == nil {
			if err := s.Play(ctx, "stand-in", "CREATE SCHEMA "+pgx.Identifier{standIn.Text}.Sanitize(), false); err != nil {
				return err
			}
		}
	}
	return nil
}

// atomic tells that one transaction surrounds the whole script. The implicit one of a
// query is that of its only statement when there is but one.
func atomic(script layout.Script) bool {
	switch script.Transaction {
	case layout.Autocommit:
		return false
	case layout.Implicit:
		return len(postgres.Parse(script.Text).Statements) > 1
	}
	return true
}
