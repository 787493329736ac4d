package hazard

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pmcheck/pmcheck/internal/pgtest"
)

// effect is what one statement does: as a server shows it, or as [Of] predicts it.
//
// Relations are those that exist before the statement, outside pg_toast. Locks on
// tables and views count from ACCESS SHARE on, those on indexes and sequences from SHARE
// UPDATE EXCLUSIVE on: the weaker ones block nothing that the table's lock does not. Heaps
// read under a lock weaker than that are left out: they are read as a query's plan likes.
type effect struct {
	Error            string            `json:"error,omitempty"`
	NotInTransaction bool              `json:"not_in_transaction,omitempty"`
	Waits            bool              `json:"waits_for_transactions,omitempty"`
	Locks            map[string]string `json:"locks,omitempty"`
	Rewrites         []string          `json:"rewrites,omitempty"` // heaps that are replaced by new ones with rows in them
	Scans            []string          `json:"scans,omitempty"`    // heaps read whole, or rewritten
	Builds           []string          `json:"builds,omitempty"`   // tables on which an index is built, and the old indexes that are built anew
}

// observer runs statements on one database of one server.
type observer struct {
	t       *testing.T
	server  *pgtest.Server
	conn    *pgx.Conn // runs the statements
	watcher *pgx.Conn // looks at it
	notices *[]string
	idle    []*pgx.Conn // sessions to stand in the statements' way
}

type relation struct {
	name     string
	kind     string
	filenode uint32
	size     int64
}

var background = context.Background()

func newObserver(t *testing.T, server *pgtest.Server) *observer {
	t.Helper()
	o := &observer{t: t, server: server, watcher: server.NewDatabase(t), notices: new([]string)}
	config := o.watcher.Config()
	config.DefaultQueryExecMode = pgx.QueryExecModeExec // DISCARD ALL takes prepared statements away
	notices := o.notices
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { *notices = append(*notices, n.Message) }
	conn, err := pgx.ConnectConfig(background, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(background) })
	o.conn = conn
	o.must(o.watcher, `SET allow_in_place_tablespaces = on`)
	for _, shared := range []string{`CREATE ROLE pmcheck_owner`, `CREATE TABLESPACE pmcheck_space LOCATION ''`} {
		if err := execute(o.watcher, shared); err != nil && !isCode(err, "42710") { // another database's test has made it
			t.Fatal(err)
		}
	}
	o.must(o.watcher, `CREATE ACCESS METHOD heap2 TYPE TABLE HANDLER heap_tableam_handler`)
	return o
}

func (o *observer) must(conn *pgx.Conn, sql string) {
	o.t.Helper()
	if err := execute(conn, sql); err != nil {
		o.t.Fatalf("PostgreSQL %d: %v\n%s", o.server.Version, err, sql)
	}
}

// execute sends statements in one message, which are one transaction.
func execute(conn *pgx.Conn, sql string) error {
	_, err := conn.PgConn().Exec(background, sql).ReadAll()
	return err
}

func isCode(err error, code string) bool {
	var pgError *pgconn.PgError
	return errors.As(err, &pgError) && pgError.Code == code
}

const clean = `DO $$
DECLARE name text;
BEGIN
	FOR name IN SELECT extname FROM pg_extension WHERE extname <> 'plpgsql' LOOP
		EXECUTE format('DROP EXTENSION %I CASCADE', name);
	END LOOP;
	FOR name IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' LOOP
		EXECUTE format('DROP SCHEMA %I CASCADE', name);
	END LOOP;
END $$;
CREATE SCHEMA public`

// prepare makes the group's schema and rows afresh. It tells when this server's version
// cannot.
func (o *observer) prepare(g group) error {
	o.t.Helper()
	o.must(o.conn, `RESET ALL; SET client_min_messages = error`)
	o.must(o.conn, clean)
	return execute(o.conn, g.setup)
}

// observe runs a statement of a prepared group: in a transaction that is rolled back, so
// that the group stays as it is, or outside one, where the group is prepared again.
func (o *observer) observe(g group, statement string) effect {
	o.t.Helper()
	before := o.relations()
	e := o.inTransaction(statement, before)
	if e.NotInTransaction {
		o.observeOutside(g, statement, &e)
	}
	return e
}

// inTransaction runs a statement in a transaction that is rolled back. Of one that refuses
// that, it tells no more.
func (o *observer) inTransaction(statement string, before map[uint32]relation) effect {
	o.t.Helper()
	e := effect{Locks: map[string]string{}}
	o.must(o.conn, `BEGIN; SET LOCAL client_min_messages = error; SET LOCAL enable_seqscan = off`)
	scansBefore := o.sequentialScans()
	o.must(o.conn, `SET LOCAL client_min_messages = debug1`)
	*o.notices = nil
	err := execute(o.conn, statement)
	if isCode(err, "25001") {
		o.must(o.conn, `ROLLBACK`)
		e.NotInTransaction = true
		return e
	}
	messages := *o.notices
	if err != nil {
		o.must(o.conn, `ROLLBACK`)
		e.Error = err.Error()
		return e
	}
	o.must(o.conn, `SET LOCAL client_min_messages = error`)
	o.readLocks(before, &e)
	for oid, count := range o.sequentialScans() {
		if r, ok := before[oid]; ok && count > scansBefore[oid] {
			e.Scans = append(e.Scans, r.name)
		}
	}
	readMessages(before, messages, &e)
	o.readValidations(before, messages, &e)
	o.readFiles(before, &e)
	o.must(o.conn, `ROLLBACK`)
	e.tidy()
	return e
}

// relations are the user's relations by oid; names are qualified where they are not in public.
func (o *observer) relations() map[uint32]relation {
	o.t.Helper()
	rows, err := o.watcher.Query(background, `SELECT c.oid, CASE WHEN n.nspname = 'public' THEN '' ELSE n.nspname || '.' END || c.relname, c.relkind::text, coalesce(pg_relation_filenode(c.oid), 0), coalesce(pg_relation_size(c.oid), 0)
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relkind <> 'c'`)
	if err != nil {
		o.t.Fatal(err)
	}
	found := map[uint32]relation{}
	var oid uint32
	var r relation
	if _, err := pgx.ForEachRow(rows, []any{&oid, &r.name, &r.kind, &r.filenode, &r.size}, func() error { found[oid] = r; return nil }); err != nil {
		o.t.Fatal(err)
	}
	return found
}

// sequentialScans counts each table's sequential scans of the session so far.
func (o *observer) sequentialScans() map[uint32]int64 {
	o.t.Helper()
	rows, err := o.conn.Query(background, `SELECT relid, coalesce(seq_scan, 0) FROM pg_stat_xact_user_tables`)
	if err != nil {
		o.t.Fatal(err)
	}
	counts := map[uint32]int64{}
	var oid uint32
	var count int64
	if _, err := pgx.ForEachRow(rows, []any{&oid, &count}, func() error { counts[oid] = count; return nil }); err != nil {
		o.t.Fatal(err)
	}
	return counts
}

// readLocks adds the locks that the statement's session holds or waits for.
func (o *observer) readLocks(before map[uint32]relation, e *effect) {
	o.t.Helper()
	rows, err := o.watcher.Query(background, `SELECT coalesce(relation, 0)::oid, locktype, mode, granted FROM pg_locks WHERE pid = $1`, o.conn.PgConn().PID())
	if err != nil {
		o.t.Fatal(err)
	}
	var oid uint32
	var kind, mode string
	var granted bool
	_, err = pgx.ForEachRow(rows, []any{&oid, &kind, &mode, &granted}, func() error {
		if kind == "virtualxid" && !granted {
			e.Waits = true
		}
		r, ok := before[oid]
		if kind != "relation" || !ok {
			return nil
		}
		lock := lockModes[mode]
		if strings.Contains("iIS", r.kind) && lock.rank() < ShareUpdateExclusive.rank() {
			return nil
		}
		if lock.rank() > Lock(e.Locks[r.name]).rank() {
			e.Locks[r.name] = string(lock)
		}
		return nil
	})
	if err != nil {
		o.t.Fatal(err)
	}
}

var lockModes = map[string]Lock{
	"AccessShareLock": AccessShare, "RowShareLock": RowShare, "RowExclusiveLock": RowExclusive,
	"ShareUpdateExclusiveLock": ShareUpdateExclusive, "ShareLock": Share,
	"ShareRowExclusiveLock": ShareRowExclusive, "ExclusiveLock": Exclusive, "AccessExclusiveLock": AccessExclusive,
}

// readFiles finds heaps whose file is another one than before, and takes back what was
// read of a heap that is now empty, as TRUNCATE leaves it: nothing of it is written or read.
func (o *observer) readFiles(before map[uint32]relation, e *effect) {
	o.t.Helper()
	rows, err := o.conn.Query(background, `SELECT c.oid, coalesce(i.indrelid, c.oid), coalesce(pg_relation_filenode(c.oid), 0), coalesce(pg_relation_size(c.oid), 0)
		FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid ORDER BY c.relkind = 'i'`)
	if err != nil {
		o.t.Fatal(err)
	}
	emptied := map[uint32]bool{}
	var oid, table, filenode uint32
	var size int64
	_, err = pgx.ForEachRow(rows, []any{&oid, &table, &filenode, &size}, func() error {
		r, ok := before[oid]
		if !ok || r.filenode == filenode || !strings.Contains("rmi", r.kind) {
			return nil
		}
		switch {
		case size == 0 && r.size > 0:
			emptied[oid] = true
		case r.kind != "i":
			e.Rewrites = append(e.Rewrites, r.name)
		}
		if emptied[table] {
			gone := func(name string) bool { return name == r.name }
			e.Scans, e.Builds = slices.DeleteFunc(e.Scans, gone), slices.DeleteFunc(e.Builds, gone)
		}
		return nil
	})
	if err != nil {
		o.t.Fatal(err)
	}
}

var (
	building   = regexp.MustCompile(`^building index "(.+)" on table "(.+)" serially`)
	concurrent = regexp.MustCompile(`_ccnew\d*$`)
)

// readMessages finds index builds in what the server says at DEBUG1.
func readMessages(before map[uint32]relation, messages []string, e *effect) {
	known := map[string][]string{} // qualified names: a message has none
	for _, r := range before {
		name := r.name[strings.LastIndex(r.name, ".")+1:]
		known[name] = append(known[name], r.name)
	}
	for _, m := range messages {
		match := building.FindStringSubmatch(m)
		if match == nil {
			continue
		}
		for _, table := range known[match[2]] {
			if e.Locks[table] == "" && len(known[match[2]]) > 1 {
				continue // another schema's
			}
			e.Builds = append(e.Builds, table)
			e.Scans = append(e.Scans, table)
			e.Builds = append(e.Builds, known[concurrent.ReplaceAllString(match[1], "")]...)
		}
	}
}

var validating = regexp.MustCompile(`^validating foreign key constraint "(.+)"`)

// readValidations finds the tables whose keys the server looks up, by a query that may use
// an index of them.
func (o *observer) readValidations(before map[uint32]relation, messages []string, e *effect) {
	o.t.Helper()
	validated := map[string]bool{}
	for _, m := range messages {
		if match := validating.FindStringSubmatch(m); match != nil {
			validated[match[1]] = true
		}
	}
	if len(validated) == 0 {
		return
	}
	rows, err := o.conn.Query(background, `SELECT conname, conrelid FROM pg_constraint WHERE contype = 'f'`)
	if err != nil {
		o.t.Fatal(err)
	}
	var name string
	var oid uint32
	_, err = pgx.ForEachRow(rows, []any{&name, &oid}, func() error {
		if r, ok := before[oid]; ok && r.kind == "r" && validated[name] {
			e.Scans = append(e.Scans, r.name)
		}
		return nil
	})
	if err != nil {
		o.t.Fatal(err)
	}
}

// observeOutside runs a statement that refuses a transaction, twice: beside sessions
// that hold SHARE UPDATE EXCLUSIVE on each table, and beside sessions that hold an old
// snapshot and ROW EXCLUSIVE. Wherever it has to wait, its locks are read and one of the
// sessions in its way ends.
func (o *observer) observeOutside(g group, statement string, e *effect) {
	o.t.Helper()
	for _, mode := range []Lock{ShareUpdateExclusive, RowExclusive} {
		o.must(o.watcher, `DROP DATABASE IF EXISTS pmcheck_never`)
		if err := o.prepare(g); err != nil {
			o.t.Fatalf("PostgreSQL %d: %s: %v", o.server.Version, g.title, err)
		}
		before := o.relations()
		holders := o.hold(before, mode)
		o.must(o.conn, `SET client_min_messages = debug1`)
		*o.notices = nil
		done := make(chan error, 1)
		go func() { done <- execute(o.conn, statement) }()
		err := o.releaseOneByOne(holders, done, before, e)
		for _, h := range holders {
			o.release(h)
		}
		if err != nil {
			*e = effect{Error: err.Error(), NotInTransaction: true}
			break
		}
		messages := *o.notices
		o.must(o.conn, `SET client_min_messages = error`)
		readMessages(before, messages, e)
		o.readFiles(before, e)
	}
	o.must(o.watcher, `DROP DATABASE IF EXISTS pmcheck_never`)
	e.tidy()
	if err := o.prepare(g); err != nil {
		o.t.Fatalf("PostgreSQL %d: %s: %v", o.server.Version, g.title, err)
	}
}

// hold opens a session for every table, which locks it and keeps a snapshot.
func (o *observer) hold(before map[uint32]relation, mode Lock) map[uint32]*pgx.Conn {
	o.t.Helper()
	holders := map[uint32]*pgx.Conn{}
	begin := func(statements ...string) {
		var h *pgx.Conn
		if last := len(o.idle) - 1; last >= 0 {
			h, o.idle = o.idle[last], o.idle[:last]
		} else {
			h = o.server.Connect(o.t, o.conn.Config().Database)
		}
		for _, s := range statements {
			o.must(h, s)
		}
		holders[h.PgConn().PID()] = h
	}
	for _, r := range before {
		if r.kind == "r" || r.kind == "p" {
			lock := fmt.Sprintf("LOCK TABLE ONLY %s IN %s MODE", r.name, mode)
			if mode == RowExclusive {
				begin("BEGIN ISOLATION LEVEL REPEATABLE READ", lock, "SELECT 1")
			} else {
				begin("BEGIN", lock)
			}
		}
	}
	for key := range 4 { // see the groups whose indexes pause()
		begin(fmt.Sprintf("SELECT pg_advisory_lock(%d)", key+1))
	}
	return holders
}

// release ends what a session holds.
func (o *observer) release(h *pgx.Conn) {
	o.t.Helper()
	o.must(h, `ROLLBACK; SELECT pg_advisory_unlock_all()`)
	o.idle = append(o.idle, h)
}

func (o *observer) releaseOneByOne(holders map[uint32]*pgx.Conn, done chan error, before map[uint32]relation, e *effect) error {
	o.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for time.Now().Before(deadline) {
		select {
		case err := <-done:
			return err
		default:
		}
		var blockers []int32
		if err := o.watcher.QueryRow(background, `SELECT pg_blocking_pids($1)`, o.conn.PgConn().PID()).Scan(&blockers); err != nil {
			o.t.Fatal(err)
		}
		for _, pid := range blockers {
			if h := holders[uint32(pid)]; h != nil {
				o.readLocks(before, e)
				o.release(h)
				delete(holders, uint32(pid))
				break
			}
		}
	}
	o.t.Fatal("the statement waits for something that the test does not hold")
	return nil
}

// tidy makes effects comparable.
func (e *effect) tidy() {
	e.Scans = append(e.Scans, e.Rewrites...)
	e.Scans = slices.DeleteFunc(e.Scans, func(name string) bool {
		return Lock(e.Locks[name]).rank() < ShareUpdateExclusive.rank()
	})
	e.Rewrites, e.Scans, e.Builds = unique(e.Rewrites), unique(e.Scans), unique(e.Builds)
}

func unique(names []string) []string {
	sort.Strings(names)
	var out []string
	for i, n := range names {
		if i == 0 || n != names[i-1] {
			out = append(out, n)
		}
	}
	return out
}
