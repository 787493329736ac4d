package store

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

//go:embed migrations
var migrations embed.FS

// migrate brings the store's own tables to the newest version: every file that is newer
// than what the database has, each in a transaction of its own. A database that is newer
// than this program is left as it is: the release before must work on it.
func migrate(ctx context.Context, engine string, transact func(context.Context, func(querier) error) error) error {
	files, err := fs.Glob(migrations, "migrations/"+engine+"/*.up.sql") // in order of their names
	if err != nil {
		return err
	}
	if err := transact(ctx, func(q querier) error {
		_, err := q.exec(ctx, "CREATE TABLE IF NOT EXISTS store_migrations (version bigint PRIMARY KEY)")
		return err
	}); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	for _, file := range files {
		name := file[strings.LastIndexByte(file, '/')+1:]
		version, err := strconv.Atoi(name[:strings.IndexByte(name, '_')])
		if err != nil {
			return fmt.Errorf("migration %s: no number: %w", name, err)
		}
		text, err := migrations.ReadFile(file)
		if err != nil {
			return err
		}
		err = transact(ctx, func(q querier) error {
			var applied int64
			if err := q.row(ctx, "SELECT count(*) FROM store_migrations WHERE version = ?1", version).Scan(&applied); err != nil || applied > 0 {
				return err
			}
			for _, statement := range statements(string(text)) {
				if _, err := q.exec(ctx, statement); err != nil {
					return err
				}
			}
			_, err := q.exec(ctx, "INSERT INTO store_migrations (version) VALUES (?1)", version)
			return err
		})
		if err != nil {
			return fmt.Errorf("migration %s: %w", name, err)
		}
	}
	return nil
}

// applied is the number of the newest migration that a database has, 0 without any.
func applied(ctx context.Context, q querier) (version int, err error) {
	err = q.row(ctx, "SELECT coalesce(max(version), 0) FROM store_migrations").Scan(&version)
	return version, err
}

// newest is the number of the newest migration that this program has for an engine.
func newest(engine string) (int, error) {
	files, err := fs.Glob(migrations, "migrations/"+engine+"/*.up.sql") // in order of their names
	if err != nil || len(files) == 0 {
		return 0, fmt.Errorf("there are no migrations for %s: %w", engine, err)
	}
	name, _, _ := strings.Cut(path.Base(files[len(files)-1]), "_")
	return strconv.Atoi(name)
}

// statements takes the store's own migrations apart: a statement ends with a semicolon at
// the end of a line, and a comment is the rest of a line.
func statements(text string) []string {
	var all []string
	var statement strings.Builder
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "--")
		line = strings.TrimRight(line, " \n")
		statement.WriteString(line + "\n")
		if strings.HasSuffix(line, ";") {
			all = append(all, strings.TrimSpace(statement.String()))
			statement.Reset()
		}
	}
	return all
}
