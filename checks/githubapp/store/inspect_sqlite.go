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
	"strings"
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
	found.Version, err = applied(ctx, sqlQuerier{db})
	if err != nil && strings.Contains(err.Error(), "no such table") {
		return found, nil
	}
	if err != nil {
		return found, fmt.Errorf("read %s: %w", path, err)
	}
	found.Made = true
	return found, nil
}
