package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// sqliteEngine keeps everything in one file. Writes go through one connection, so they
// wait for each other here and not with SQLITE_BUSY; pages read through others.
type sqliteEngine struct {
	path   string
	now    func() time.Time
	log    *slog.Logger
	db     *sql.DB   // one connection
	gate   turnstile // to it: database/sql gives it to any of those who wait
	reads  *sql.DB
	insert *river.Client[*sql.Tx]
}

// sqliteDSN is how the driver opens path. FULL makes a committed transaction survive
// that the power goes: https://sqlite.org/pragma.html#pragma_synchronous
func sqliteDSN(path string, more url.Values) string {
	values := url.Values{"_pragma": {"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "journal_size_limit(67108864)"}}
	for k, v := range more {
		values[k] = append(values[k], v...)
	}
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: values.Encode()}).String()
}

func openSQLite(ctx context.Context, path string, now func() time.Time, log *slog.Logger) (*sqliteEngine, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	// Sessions are in it: nobody else may read the file. SQLite gives -wal and -shm the same mode.
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the database file: %w (its folder must exist and be writable)", err)
	}
	file.Close()
	e := &sqliteEngine{path: path, now: now, log: log}
	if e.db, err = sql.Open("sqlite", sqliteDSN(path, url.Values{"_txlock": {"immediate"}})); err != nil {
		return nil, err
	}
	e.db.SetMaxOpenConns(1)
	if e.reads, err = sql.Open("sqlite", sqliteDSN(path, url.Values{"_pragma": {"query_only(1)"}})); err != nil {
		e.db.Close()
		return nil, err
	}
	e.reads.SetMaxOpenConns(4)
	if err := e.db.PingContext(ctx); err != nil {
		e.close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	if e.insert, err = river.NewClient(riversqlite.New(e.db), riverConfig(log)); err != nil {
		e.close()
		return nil, err
	}
	return e, nil
}

type sqliteTx struct {
	sqlQuerier
	tx     *sql.Tx
	client *river.Client[*sql.Tx]
}

func (t sqliteTx) wake(ctx context.Context, turns []wakeup) error {
	if len(turns) == 0 {
		return nil
	}
	_, err := t.client.InsertManyFastTx(ctx, t.tx, insertMany(turns))
	return err
}

func (e *sqliteEngine) write(ctx context.Context, f func(tx) error) error {
	urgent, _ := ctx.Value(urgentKey{}).(bool)
	if err := e.gate.enter(ctx, urgent); err != nil {
		return err
	}
	defer e.gate.leave()
	t, err := e.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer t.Rollback()
	if err := f(sqliteTx{sqlQuerier{t}, t, e.insert}); err != nil {
		return err
	}
	return t.Commit()
}

func (e *sqliteEngine) reader() querier  { return sqlQuerier{e.reads} }
func (e *sqliteEngine) lock(bool) string { return "" }
func (e *sqliteEngine) writers() int     { return 1 }

func (e *sqliteEngine) clock(context.Context, querier) (time.Time, error) { return e.now(), nil }

// alone holds an exclusive lock on a second, empty database: the kernel takes the lock
// off a process that dies, so what a dead process left is known to be nobody's.
func (e *sqliteEngine) alone(ctx context.Context, log *slog.Logger) (bool, func(), error) {
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: filepath.ToSlash(e.path + ".lock"), RawQuery: "_pragma=busy_timeout(200)"}).String())
	if err != nil {
		return false, nil, err
	}
	db.SetMaxOpenConns(1)
	told := false
	for {
		conn, err := db.Conn(ctx)
		if err == nil {
			_, err = conn.ExecContext(ctx, "BEGIN EXCLUSIVE")
			if err == nil {
				return true, func() { conn.Close(); db.Close() }, nil
			}
			conn.Close()
		}
		if ctx.Err() != nil {
			db.Close()
			return false, nil, ctx.Err()
		}
		if busy := (*sqlite.Error)(nil); !errors.As(err, &busy) || busy.Code()&0xff != sqlite3.SQLITE_BUSY {
			db.Close()
			return false, nil, fmt.Errorf("lock %s.lock: %w", e.path, err)
		}
		if !told {
			log.Info("another process works on the database; waiting for it to end", "path", e.path)
			told = true
		}
	}
}

func (e *sqliteEngine) queue(w *river.Workers, queues map[string]river.QueueConfig, timeout time.Duration) (queue, error) {
	config := riverConfig(e.log)
	config.Workers, config.Queues, config.JobTimeout = w, queues, timeout
	config.PollOnly = true // its listener polls a table too, and must be written to
	config.FetchPollInterval = 100 * time.Millisecond
	return river.NewClient(riversqlite.New(e.db), config)
}

// backup writes a whole, consistent copy into a new file, while others write.
func (e *sqliteEngine) backup(ctx context.Context, path string) error {
	if _, err := os.Stat(path); err == nil {
		return fmt.Errorf("back up to %s: the file exists already", path)
	}
	old := path + ".part"
	if err := os.Remove(old); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	file, err := os.OpenFile(old, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	defer file.Close()
	db, err := sql.Open("sqlite", sqliteDSN(e.path, nil)) // the connection that writes has other things to do
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, "VACUUM INTO ?1", old); err != nil {
		os.Remove(old)
		return fmt.Errorf("back up to %s: %w", path, err)
	}
	if err := file.Sync(); err != nil {
		return fmt.Errorf("back up to %s: %w", path, err)
	}
	return os.Rename(old, path)
}

func (e *sqliteEngine) migrate(ctx context.Context) error {
	if err := migrate(ctx, "sqlite", func(ctx context.Context, f func(querier) error) error {
		return e.write(ctx, func(t tx) error { return f(t) })
	}); err != nil {
		return err
	}
	m, err := rivermigrate.New(riversqlite.New(e.db), &rivermigrate.Config{Logger: e.log})
	if err != nil {
		return err
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate the queue's tables: %w", err)
	}
	return nil
}

func (e *sqliteEngine) close() {
	e.reads.Close()
	e.db.Close()
}
