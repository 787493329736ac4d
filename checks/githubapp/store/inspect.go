package store

import (
	"context"
	"fmt"
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
	if found.Version, err = applied(ctx, pgxQuerier{conn}); err != nil {
		return found, fmt.Errorf("ask the database: %w", err)
	}
	return found, nil
}
