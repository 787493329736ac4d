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
)

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
	if found.Version, err = applied(ctx, sqlQuerier{db}); err != nil {
		return found, fmt.Errorf("read %s: %w", path, err)
	}
	return found, nil
}
