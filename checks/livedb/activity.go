package livedb

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pmcheck/pmcheck/checks/snapshot"
)

// State is a database right before a deploy: its snapshot, and what goes on in it.
type State struct {
	Snapshot     *snapshot.Snapshot
	Transactions []Transaction // open for longer than a few seconds, the oldest first
	Replicas     []Replica
}

// Transaction is an open transaction of another session. What it runs is not asked.
type Transaction struct {
	PID      int // 0 for a prepared transaction, which has no session
	Role     string
	State    string // active, idle in transaction, idle in transaction (aborted), prepared
	Open     time.Duration
	Snapshot bool // it holds an old snapshot: CREATE INDEX CONCURRENTLY waits for its end
	Locks    []Lock
}

// Lock is a lock that a transaction holds on a table, view or index.
type Lock struct {
	Relation string // with its schema, as SQL
	Mode     string // ACCESS SHARE ...
}

// Replica is a server that follows this one.
type Replica struct {
	Name  string // its application_name
	State string // streaming, catchup
	Sync  bool
	Lag   time.Duration // until what is written here is visible there
	Bytes int64         // of WAL that it has not replayed
}

// Limits of what is listed.
const (
	young           = 5 * time.Second // a transaction that ends soon enough by itself
	maxTransactions = 100
)

// BeforeDeploy asks a database for its snapshot and for what goes on in it. Errors are as those of [Snapshot].
func BeforeDeploy(ctx context.Context, url string, now time.Time) (*State, error) {
	out := &State{}
	err := visit(ctx, url, func(ctx context.Context, s *session) (err error) {
		if err := s.part(ctx, "the open transactions", func(ctx context.Context) (err error) {
			out.Transactions, err = s.transactions(ctx)
			return err
		}); err != nil {
			return err
		}
		if err := s.part(ctx, "the replicas", func(ctx context.Context) (err error) {
			out.Replicas, err = s.replicas(ctx)
			return err
		}); err != nil {
			return err
		}
		out.Snapshot, err = s.snapshot(ctx, now)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (s *session) transactions(ctx context.Context) ([]Transaction, error) {
	var hidden int
	err := s.tx.QueryRow(ctx, mark+`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query = '<insufficient privilege>'`).Scan(&hidden)
	if err != nil {
		return nil, err
	}
	if hidden > 0 {
		s.leftOut = append(s.leftOut, fmt.Sprintf("what %d sessions of other roles do: role %s may not see it (GRANT pg_read_all_stats TO %[2]s)", hidden, s.role))
	}
	var out []Transaction
	at := map[string]int{} // by what pg_locks knows them by
	add := func(key string, t Transaction, seconds float64) {
		t.Open = time.Duration(seconds * float64(time.Second)).Truncate(time.Second)
		at[key] = len(out)
		out = append(out, t)
	}
	err = s.rows(ctx, `SELECT pid, coalesce(usename::text, ''), coalesce(state, ''), extract(epoch FROM clock_timestamp() - xact_start)::float8, backend_xmin IS NOT NULL
		FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND xact_start < clock_timestamp() - $1::text::interval
		ORDER BY xact_start LIMIT $2`, func(r pgx.Rows) error {
		var t Transaction
		var seconds float64
		if err := r.Scan(&t.PID, &t.Role, &t.State, &seconds, &t.Snapshot); err != nil {
			return err
		}
		add(fmt.Sprint(t.PID), t, seconds)
		return nil
	}, fmt.Sprintf("%d seconds", int(young.Seconds())), maxTransactions)
	if err != nil {
		return nil, err
	}
	err = s.rows(ctx, `
		SELECT coalesce((SELECT virtualtransaction FROM pg_locks l WHERE locktype = 'transactionid' AND pid IS NULL AND l.transactionid = x.transaction LIMIT 1), '-1/' || transaction),
			owner::text, extract(epoch FROM clock_timestamp() - prepared)::float8
		FROM pg_prepared_xacts x WHERE database = current_database() ORDER BY prepared LIMIT $1`, func(r pgx.Rows) error {
		t := Transaction{State: "prepared"}
		var key string
		var seconds float64
		if err := r.Scan(&key, &t.Role, &seconds); err != nil {
			return err
		}
		add(key, t, seconds)
		return nil
	}, maxTransactions)
	if err != nil {
		return nil, err
	}
	var keys []string
	for key := range at {
		keys = append(keys, key)
	}
	err = s.rows(ctx, `SELECT DISTINCT coalesce(pid::text, virtualtransaction), relation::regclass::text, mode FROM pg_locks
		WHERE locktype = 'relation' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND relation >= 16384
			AND coalesce(pid::text, virtualtransaction) = ANY ($1) ORDER BY 1, 2, 3 LIMIT 5000`, func(r pgx.Rows) error {
		var key string
		var l Lock
		if err := r.Scan(&key, &l.Relation, &l.Mode); err != nil {
			return err
		}
		l.Mode = words(l.Mode)
		t := &out[at[key]]
		t.Locks = append(t.Locks, l)
		return nil
	}, keys)
	return out, err
}

var capital = regexp.MustCompile(`([a-z])([A-Z])`)

// words is a lock's mode as the manual has it: "ACCESS SHARE" of "AccessShareLock".
func words(mode string) string {
	return strings.ToUpper(capital.ReplaceAllString(strings.TrimSuffix(mode, "Lock"), "$1 $2"))
}

func (s *session) replicas(ctx context.Context) ([]Replica, error) {
	var out []Replica
	hidden := 0
	err := s.rows(ctx, `SELECT coalesce(application_name, ''), state, coalesce(sync_state, '') IN ('sync', 'quorum'), coalesce(extract(epoch FROM replay_lag), 0)::float8,
			coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn), 0)::bigint
		FROM pg_stat_replication ORDER BY 1 LIMIT 100`, func(r pgx.Rows) error {
		var state *string
		var one Replica
		var seconds float64
		if err := r.Scan(&one.Name, &state, &one.Sync, &seconds, &one.Bytes); err != nil {
			return err
		}
		switch {
		case state == nil:
			hidden++
			return nil
		case *state != "streaming" && *state != "catchup":
			return nil // a backup, or one that has just come
		}
		one.State, one.Lag = *state, time.Duration(seconds*float64(time.Second))
		out = append(out, one)
		return nil
	})
	if hidden > 0 {
		s.leftOut = append(s.leftOut, fmt.Sprintf("how far %d replicas are behind: role %s may not see it (GRANT pg_read_all_stats TO %[2]s)", hidden, s.role))
	}
	return out, err
}
