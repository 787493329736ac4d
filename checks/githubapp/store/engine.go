package store

import (
	"context"
	"database/sql"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
)

// An engine is the database: the statements are the same on both, with ?1, ?2 ... for arguments.
type engine interface {
	// write runs f in one transaction. It may run f again when the database asks for that.
	write(ctx context.Context, f func(tx) error) error
	// reader answers from what is committed.
	reader() querier
	// lock is appended to a SELECT of table alias s whose rows the transaction is going to change.
	lock(skip bool) string
	// writers is how many transactions can be written at once.
	writers() int
	// clock is the time that leases go by.
	clock(ctx context.Context, q querier) (time.Time, error)
	// alone waits until no other process works on the database, or ctx ends; it returns at
	// once where several may. release ends it.
	alone(ctx context.Context, log *slog.Logger) (exclusive bool, release func(), err error)
	// queue is a River client that works with w.
	queue(w *river.Workers, queues map[string]river.QueueConfig, timeout time.Duration) (queue, error)
	backup(ctx context.Context, path string) error
	migrate(ctx context.Context) error
	close()
}

// A queue is a River client that works.
type queue interface {
	Start(context.Context) error
	Stop(context.Context) error
}

type querier interface {
	exec(ctx context.Context, query string, args ...any) (affected int64, err error)
	query(ctx context.Context, query string, args ...any) (rows, error)
	row(ctx context.Context, query string, args ...any) row
}

type tx interface {
	querier
	// wake adds River jobs, which exist when the transaction is committed.
	wake(ctx context.Context, turns []wakeup) error
}

type row interface{ Scan(...any) error }

type rows interface {
	Next() bool
	Scan(...any) error
	Err() error
	Close()
}

// each calls f for every row of a query.
func each(ctx context.Context, q querier, f func(row) error, query string, args ...any) error {
	found, err := q.query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer found.Close()
	for found.Next() {
		if err := f(found); err != nil {
			return err
		}
	}
	return found.Err()
}

// insertMany is what wakeups become for River.
func insertMany(turns []wakeup) []river.InsertManyParams {
	params := make([]river.InsertManyParams, len(turns))
	for i, t := range turns {
		params[i] = river.InsertManyParams{Args: t, InsertOpts: &river.InsertOpts{Queue: t.Lane}}
	}
	return params
}

// riverConfig is what both engines tell River. A wake-up that is lost costs a poll, so
// River need not keep one for long.
func riverConfig(log *slog.Logger) *river.Config {
	return &river.Config{
		Logger:                      slog.New(warnings{log.Handler()}),
		CompletedJobRetentionPeriod: time.Minute,
		CancelledJobRetentionPeriod: time.Minute,
		DiscardedJobRetentionPeriod: time.Minute,
	}
}

// warnings leaves out what River says every few seconds while all is well.
type warnings struct{ slog.Handler }

func (w warnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && w.Handler.Enabled(ctx, level)
}

// sqlQuerier speaks to database/sql, which SQLite has.
type sqlQuerier struct {
	db interface {
		ExecContext(context.Context, string, ...any) (sql.Result, error)
		QueryContext(context.Context, string, ...any) (*sql.Rows, error)
		QueryRowContext(context.Context, string, ...any) *sql.Row
	}
}

func (q sqlQuerier) exec(ctx context.Context, query string, args ...any) (int64, error) {
	result, err := q.db.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (q sqlQuerier) query(ctx context.Context, query string, args ...any) (rows, error) {
	found, err := q.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return sqlRows{found}, nil
}

func (q sqlQuerier) row(ctx context.Context, query string, args ...any) row {
	return q.db.QueryRowContext(ctx, query, args...)
}

type sqlRows struct{ *sql.Rows }

func (r sqlRows) Close() { _ = r.Rows.Close() }

// pgxQuerier speaks to pgx, which writes an argument as $1.
type pgxQuerier struct {
	db interface {
		Query(context.Context, string, ...any) (pgx.Rows, error)
		QueryRow(context.Context, string, ...any) pgx.Row
	}
}

func dollars(query string) string { return strings.ReplaceAll(query, "?", "$") }

func (q pgxQuerier) exec(ctx context.Context, query string, args ...any) (int64, error) {
	found, err := q.db.Query(ctx, dollars(query), args...)
	if err != nil {
		return 0, err
	}
	found.Close()
	return found.CommandTag().RowsAffected(), found.Err()
}

func (q pgxQuerier) query(ctx context.Context, query string, args ...any) (rows, error) {
	return q.db.Query(ctx, dollars(query), args...)
}

func (q pgxQuerier) row(ctx context.Context, query string, args ...any) row {
	return q.db.QueryRow(ctx, dollars(query), args...)
}
