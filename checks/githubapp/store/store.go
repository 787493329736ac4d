// Package store keeps all that the GitHub App has to remember, so that nothing is lost
// when it is killed at any moment: what is to be judged, what became of it, deliveries,
// overrides, installations and sessions. It is one file on one machine (SQLite), or a
// PostgreSQL that several machines share: the same code, chosen by the URL.
//
// What is wanted of a subject is a row in a table, and a turn is taken by leasing that
// row. River, the queue, carries wake-ups only. Its unique jobs cannot hold what is
// wanted: an insert while a job of the same key runs is skipped, silently.
package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options are how a store works; the zero value is useful.
type Options struct {
	Now             func() time.Time // default: time.Now; on PostgreSQL leases go by the server's clock unless this is set
	Log             *slog.Logger     // default: none
	Workers         int              // subjects judged at once by this process; default 2
	Announcers      int              // default 4
	MaxAttempts     int              // tries to judge one want, the last of which ends in a verdict in any case; default 5
	PerInstallation int              // of one installation at once in this process; default half of the workers, at least 1
	Lease           time.Duration    // after this a turn of a process that died is another's; renewed while it runs; default 30 s
	Timeout         time.Duration    // of one turn; default 10 min
	Backoff         func(attempt int) time.Duration
	Poll            time.Duration // how late a wake-up that was lost is noticed; default 1 s
	Grace           time.Duration // for turns that run when Run's context ends; default 20 s
}

func (o Options) withDefaults() Options {
	set := func(v *int, n int) {
		if *v <= 0 {
			*v = n
		}
	}
	setTime := func(v *time.Duration, d time.Duration) {
		if *v <= 0 {
			*v = d
		}
	}
	set(&o.Workers, 2)
	set(&o.Announcers, 4)
	set(&o.MaxAttempts, 5)
	setTime(&o.Lease, 30*time.Second)
	setTime(&o.Timeout, 10*time.Minute)
	setTime(&o.Poll, time.Second)
	setTime(&o.Grace, 20*time.Second)
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	if o.Backoff == nil {
		o.Backoff = backoff
	}
	return o
}

// backoff is 5 s, 15 s, 45 s ... up to 10 minutes.
func backoff(attempt int) time.Duration {
	d := 5 * time.Second
	for ; attempt > 1 && d < 10*time.Minute; attempt-- {
		d *= 3
	}
	return min(d, 10*time.Minute)
}

// A Store is safe for use by many goroutines.
type Store struct {
	o        Options
	engine   engine
	requests chan *request
	closing  chan struct{}
	close    func()
	commits  sync.WaitGroup
	running  running

	accepted, duplicates atomic.Int64
}

// Open opens, and where necessary makes and migrates, the database at url:
// "sqlite:/var/lib/pmcheck/pmcheck.db", or "postgres://user@host/database". Errors carry no password.
func Open(ctx context.Context, url string, o Options) (*Store, error) {
	now := o.Now
	s := &Store{o: o.withDefaults(), requests: make(chan *request), closing: make(chan struct{})}
	s.running.turns = map[string]*turn{}
	if now == nil {
		s.o.Now = time.Now
	}
	var err error
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		path = strings.TrimPrefix(path, "//")
		if path == "" {
			return nil, errors.New(`open the database: "sqlite:" names no file`)
		}
		s.engine, err = openSQLite(ctx, path, s.o.Now, s.o.Log)
	} else if strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://") {
		s.engine, err = openPostgres(ctx, url, now, s.o.Log)
	} else {
		return nil, errors.New(`open the database: its URL must begin with "sqlite:" or "postgres://"`)
	}
	if err != nil {
		return nil, err
	}
	if err := s.engine.migrate(ctx); err != nil {
		s.engine.close()
		return nil, err
	}
	for range s.engine.writers() {
		s.commits.Go(s.commit)
	}
	s.close = sync.OnceFunc(func() {
		close(s.closing)
		s.commits.Wait()
		s.engine.close()
	})
	return s, nil
}

func newOwner() string { return rand.Text() }

// Close ends the store. Run must have returned before.
func (s *Store) Close() error {
	s.close()
	return nil
}

// Ping tells whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	var one int64
	if err := s.engine.reader().row(ctx, "SELECT count(*) FROM cursors").Scan(&one); err != nil {
		return fmt.Errorf("the database does not answer: %w", err)
	}
	return nil
}

// Backup copies a SQLite database into a new file at path, whole and consistent, while
// the App works. To restore, stop the App and put the copy in the database's place,
// without the old -wal and -shm files. PostgreSQL is backed up by its own tools.
func (s *Store) Backup(ctx context.Context, path string) error { return s.engine.backup(ctx, path) }
