package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// An Inspection is what a look at a database says.
type Inspection struct {
	Made    bool   // Open has been there; else it makes the tables
	Version int    // number of the newest migration that the database has
	Newest  int    // number of the newest that this program has
	Server  string // version of PostgreSQL, as "17.4"; "" for SQLite
	Number  int    // the same as a number, as 170004; 0 for SQLite
}

// Inspect looks at the database at url, which is as Open takes it, and changes nothing: it
// makes no file and migrates nothing. An error says why the database cannot be read, and holds no password.
func Inspect(ctx context.Context, url string) (Inspection, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		return inspectSQLite(ctx, strings.TrimPrefix(path, "//"))
	}
	return inspectPostgres(ctx, url)
}

func inspectSQLite(ctx context.Context, path string) (found Inspection, err error) {
	if found.Newest, err = newest("sqlite"); err != nil {
		return found, err
	}
	if path, err = filepath.Abs(path); err != nil {
		return found, err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return found, nil
	} else if err != nil {
		return found, err
	}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: "mode=ro&_pragma=busy_timeout(5000)"}).String())
	if err != nil {
		return found, err
	}
	defer db.Close()
	var tables int
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema WHERE name = 'store_migrations'").Scan(&tables); err != nil {
		return found, fmt.Errorf("read %s: %w", path, err)
	}
	if found.Made = tables > 0; !found.Made {
		return found, nil
	}
	if err := db.QueryRowContext(ctx, "SELECT coalesce(max(version), 0) FROM store_migrations").Scan(&found.Version); err != nil {
		return found, fmt.Errorf("read %s: %w", path, err)
	}
	return found, nil
}

func inspectPostgres(ctx context.Context, url string) (found Inspection, err error) {
	if found.Newest, err = newest("postgres"); err != nil {
		return found, err
	}
	config, err := pgxpool.ParseConfig(url) // it knows the pool's own settings
	if err != nil {
		return found, fmt.Errorf("the database's URL: %w", err) // pgx leaves the password out
	}
	conn, err := pgx.ConnectConfig(ctx, config.ConnConfig)
	if err != nil {
		return found, fmt.Errorf("open the database: %w", err) // pgx leaves the password out
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var number string
	if err := conn.QueryRow(ctx, "SELECT current_setting('server_version'), current_setting('server_version_num'), to_regclass('store_migrations') IS NOT NULL").Scan(&found.Server, &number, &found.Made); err != nil {
		return found, fmt.Errorf("ask the database: %w", err)
	}
	found.Server, _, _ = strings.Cut(found.Server, " ")
	if found.Number, err = strconv.Atoi(number); err != nil {
		return found, fmt.Errorf("ask the database: its version is %q", number)
	}
	if !found.Made {
		return found, nil
	}
	if err := conn.QueryRow(ctx, "SELECT coalesce(max(version), 0) FROM store_migrations").Scan(&found.Version); err != nil {
		return found, fmt.Errorf("ask the database: %w", err)
	}
	return found, nil
}

// newest is the number of the newest migration of an engine.
func newest(engine string) (int, error) {
	files, err := fs.Glob(migrations, "migrations/"+engine+"/*.up.sql") // in order of their names
	if err != nil || len(files) == 0 {
		return 0, fmt.Errorf("there are no migrations for %s: %w", engine, err)
	}
	name, _, _ := strings.Cut(filepath.Base(files[len(files)-1]), "_")
	return strconv.Atoi(name)
}
