package livedb_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pmcheck/pmcheck/checks/livedb"
	"github.com/pmcheck/pmcheck/internal/pgtest"
)

// A prepared transaction and a replica are seen, with what they hold and lack.
func TestBeforeDeploy(t *testing.T) {
	onEach(t, func(t *testing.T, server *pgtest.Server, db *pgx.Conn) {
		must(t, db, "CREATE TABLE orders (id bigint PRIMARY KEY)", "BEGIN", "LOCK TABLE orders IN SHARE UPDATE EXCLUSIVE MODE", "PREPARE TRANSACTION 'kept'")
		defer db.Exec(context.WithoutCancel(t.Context()), "ROLLBACK PREPARED 'kept'") //nolint:errcheck // the database goes anyway
		follow(t, db)
		state, err := livedb.BeforeDeploy(t.Context(), db.Config().ConnString(), now)
		if err != nil {
			t.Fatal(err)
		}
		if len(state.Transactions) != 1 || state.Transactions[0].State != "prepared" || state.Transactions[0].Role != "postgres" {
			t.Fatalf("transactions are %+v", state.Transactions)
		}
		if got := state.Transactions[0].Locks; len(got) != 1 || got[0] != (livedb.Lock{Relation: "public.orders", Mode: "SHARE UPDATE EXCLUSIVE"}) {
			t.Errorf("locks are %+v", got)
		}
		if len(state.Replicas) != 1 || state.Replicas[0].Name != "follower" || state.Replicas[0].State == "" {
			t.Errorf("replicas are %+v", state.Replicas)
		}

		// Who may see neither is told so.
		must(t, db, "CREATE ROLE stranger_"+db.Config().Database+" LOGIN")
		state, err = livedb.BeforeDeploy(t.Context(), url(db, "stranger_"+db.Config().Database), now)
		if err != nil {
			t.Fatal(err)
		}
		if said := strings.Join(state.Snapshot.LeftOut, "\n"); !strings.Contains(said, "what 1 sessions of other roles do") || !strings.Contains(said, "how far 1 replicas are behind") {
			t.Errorf("it is said:\n%s", said)
		}
	})
}

// follow streams the server's log as a replica does, and never says how far it is.
func follow(t *testing.T, db *pgx.Conn) {
	t.Helper()
	config, err := pgconn.ParseConfig(db.Config().ConnString() + " replication=true application_name=follower")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgconn.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	at, err := conn.Exec(t.Context(), "IDENTIFY_SYSTEM").ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	conn.Frontend().SendQuery(&pgproto3.Query{String: "START_REPLICATION PHYSICAL " + string(at[0].Rows[0][2])})
	if err := conn.Frontend().Flush(); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ReceiveMessage(t.Context()); err != nil { // CopyBothResponse: it streams
		t.Fatal(err)
	}
}
