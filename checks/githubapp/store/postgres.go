package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// postgresEngine keeps everything on a PostgreSQL, for any number of processes.
type postgresEngine struct {
	now    func() time.Time // nil: the server's clock
	log    *slog.Logger
	pool   *pgxpool.Pool
	insert *river.Client[pgx.Tx]
}

// migrationLock is the advisory lock that one process at a time migrates under.
const migrationLock = 0x706d636865636b // "pmcheck"

func openPostgres(ctx context.Context, url string, now func() time.Time, log *slog.Logger) (*postgresEngine, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("the database's URL: %w", err) // pgx leaves the password out
	}
	if !strings.Contains(url, "pool_max_conns") {
		config.MaxConns = max(config.MaxConns, 8) // a turn holds none while it runs
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = 10 * time.Second
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("open the database: %w", err)
	}
	e := &postgresEngine{now: now, log: log, pool: pool}
	if e.insert, err = river.NewClient(riverpgxv5.New(pool), riverConfig(log)); err != nil {
		pool.Close()
		return nil, err
	}
	return e, nil
}

type postgresTx struct {
	pgxQuerier
	tx     pgx.Tx
	client *river.Client[pgx.Tx]
}

func (t postgresTx) wake(ctx context.Context, turns []wakeup) error {
	if len(turns) == 0 {
		return nil
	}
	_, err := t.client.InsertManyFastTx(ctx, t.tx, insertMany(turns))
	return err
}

// write runs f again after a deadlock or a failed serialization: the server has undone
// all of it. https://www.postgresql.org/docs/current/mvcc-serialization-failure-handling.html
func (e *postgresEngine) write(ctx context.Context, f func(tx) error) error {
	for attempt := 1; ; attempt++ {
		err := pgx.BeginFunc(ctx, e.pool, func(t pgx.Tx) error {
			return f(postgresTx{pgxQuerier{t}, t, e.insert})
		})
		var failed *pgconn.PgError
		if attempt < 5 && errors.As(err, &failed) && (failed.Code == "40P01" || failed.Code == "40001") {
			continue
		}
		return err
	}
}

func (e *postgresEngine) reader() querier { return pgxQuerier{e.pool} }
func (e *postgresEngine) writers() int    { return 4 }

func (e *postgresEngine) lock(skip bool) string {
	if skip {
		return " FOR UPDATE OF s SKIP LOCKED"
	}
	return " FOR UPDATE OF s"
}

// clock is the server's, so that processes whose clocks differ agree on who holds a lease.
func (e *postgresEngine) clock(ctx context.Context, q querier) (time.Time, error) {
	if e.now != nil {
		return e.now(), nil
	}
	var now time.Time
	err := q.row(ctx, "SELECT clock_timestamp()").Scan(&now)
	return now, err
}

func (e *postgresEngine) alone(context.Context, *slog.Logger) (bool, func(), error) {
	return false, func() {}, nil
}

func (e *postgresEngine) queue(w *river.Workers, queues map[string]river.QueueConfig, timeout time.Duration) (queue, error) {
	config := riverConfig(e.log)
	config.Workers, config.Queues, config.JobTimeout = w, queues, timeout
	return river.NewClient(riverpgxv5.New(e.pool), config)
}

func (e *postgresEngine) backup(context.Context, string) error {
	return errors.New("back up a PostgreSQL database with pg_dump: the store copies SQLite files only")
}

func (e *postgresEngine) migrate(ctx context.Context) error {
	conn, err := e.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	lock := strconv.Itoa(migrationLock)
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock("+lock+")"); err != nil {
		return err
	}
	defer conn.Exec(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock("+lock+")")
	if err := migrate(ctx, "postgres", func(ctx context.Context, f func(querier) error) error {
		return pgx.BeginFunc(ctx, conn, func(t pgx.Tx) error { return f(pgxQuerier{t}) })
	}); err != nil {
		return err
	}
	m, err := rivermigrate.New(riverpgxv5.New(e.pool), &rivermigrate.Config{Logger: e.log})
	if err != nil {
		return err
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate the queue's tables: %w", err)
	}
	return nil
}

func (e *postgresEngine) close() { e.pool.Close() }
