package checks

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pmcheck/pmcheck/checks/facts"
	"github.com/pmcheck/pmcheck/checks/livedb"
	"github.com/pmcheck/pmcheck/checks/snapshot"
	lint "github.com/pmcheck/pmcheck/migrations-lint"
	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
	"github.com/pmcheck/pmcheck/migrations-lint/layout"
)

// live is what a live database said, as far as a check uses it.
type live struct {
	*snapshot.Snapshot
	facts facts.Live
	path  string // that places of its queries name
	text  []byte // what they point into
	sizes map[string]facts.TableStats
	of    *database                // which of the repository's it is; nil for none that is known
	state *snapshot.MigrationTable // of that one; nil where it is not known what has run
	ran   map[string]bool          // migrations of that one that have run, by migrationKey
}

// statements is what the places of queries name that a database was asked for.
const statements = "pg_stat_statements"

// observe reads what a live database said: asked now, or in a snapshot. The one that
// lies in the repository is that of the trusted revision, since the head decides nothing about itself.
func (r *run) observe(ctx context.Context) error {
	switch {
	case r.DatabaseURL != "":
		if r.Stage != PreDeploy && r.Stage != Rollback {
			return usef("a database is asked before a deploy only (--stage %s): anywhere else give a check the snapshot that `pmcheck snapshot` takes", PreDeploy)
		}
		if r.Snapshot != "" {
			return usef("a database and a snapshot (%s): choose one", r.Snapshot)
		}
		r.Progress("asking the live database")
		state, err := livedb.BeforeDeploy(ctx, r.DatabaseURL, r.Now)
		if err != nil {
			return databaseError(err)
		}
		r.live = newLive(state.Snapshot, statements)
		r.live.facts.Source, r.live.facts.Path = "database", ""
		r.live.activity(state)
		var text strings.Builder
		for _, q := range r.live.Queries {
			text.WriteString(oneLine(q.Query, len(q.Query)) + "\n")
		}
		r.live.text = []byte(text.String())
	case r.Snapshot != "":
		content, err := readBounded(r.Snapshot)
		if err != nil {
			return useError{fmt.Errorf("read the snapshot: %w", err)}
		}
		s, err := snapshot.Read(content)
		if err != nil {
			return usef("%s: %w", r.Snapshot, err)
		}
		r.live = newLive(s, filepath.ToSlash(r.Snapshot))
		r.live.text = content
	case r.Stage == Rollback:
		return nil // the repository's own is of some day before: the schema as it is now is the head's
	default:
		content, err := r.change.TrustedTree().Read(snapshot.Path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		var s *snapshot.Snapshot
		if err == nil {
			s, err = snapshot.Read(content)
		}
		if err != nil {
			r.snapshotProblem = fmt.Sprintf("%s: %v", snapshot.Path, err)
			r.notes = append(r.notes, r.snapshotProblem)
			return nil
		}
		r.live = newLive(s, snapshot.Path)
		r.live.text = content
	}
	r.live.choose(r.databases)
	return nil
}

// databaseError is wrong use where the URL cannot be read; else the check cannot be done.
func databaseError(err error) error {
	var e *livedb.Error
	if errors.As(err, &e) && e.URL {
		return useError{err}
	}
	return err
}

func newLive(s *snapshot.Snapshot, path string) *live {
	l := &live{Snapshot: s, path: path, sizes: map[string]facts.TableStats{}}
	l.facts = facts.Live{
		Source: "snapshot", Path: path, TakenAt: s.TakenAt.UTC().Format(time.RFC3339), Name: s.Database, ServerVersion: s.ServerVersion,
		LeftOut: append([]string{}, s.LeftOut...), AppliedBefore: []string{}, Failed: []facts.FailedMigration{}, InvalidIndexes: []facts.InvalidIndex{},
		Transactions: []facts.OpenTransaction{}, Replicas: []facts.Replica{},
	}
	for _, t := range s.Tables {
		relation := plain(catalog.ParseName(t.Name))
		l.sizes[relation] = facts.TableStats{Rows: t.Rows, Bytes: t.Bytes, Text: sizeInWords(t.Rows, t.Bytes)}
		for _, name := range t.InvalidIndexes {
			l.facts.InvalidIndexes = append(l.facts.InvalidIndexes, facts.InvalidIndex{Relation: relation, Name: catalog.ParseName(name).Name})
		}
	}
	return l
}

// activity states what goes on in a database.
func (l *live) activity(state *livedb.State) {
	for _, t := range state.Transactions {
		open := facts.OpenTransaction{
			PID: t.PID, Role: t.Role, State: t.State, Seconds: int64(t.Open.Seconds()), Open: timeInWords(t.Open), Snapshot: t.Snapshot, Locks: []facts.TransactionLock{},
		}
		for _, lock := range t.Locks {
			open.Locks = append(open.Locks, facts.TransactionLock{Relation: plain(catalog.ParseName(lock.Relation)), Lock: lock.Mode})
		}
		l.facts.Transactions = append(l.facts.Transactions, open)
	}
	for _, replica := range state.Replicas {
		l.facts.Replicas = append(l.facts.Replicas, facts.Replica{
			Name: replica.Name, State: replica.State, Sync: replica.Sync, Seconds: int64(replica.Lag.Seconds()), Bytes: replica.Bytes,
			Text: timeInWords(replica.Lag) + " and " + bytesInWords(replica.Bytes),
		})
	}
}

// choose finds which of the repository's databases the live one is: the only one, the
// one of its name, or the one whose migrations it has run.
func (l *live) choose(databases []*database) {
	var candidates []*database
	for _, d := range databases {
		if engine := d.side().Engine; engine == layout.Postgres || engine == "" {
			candidates = append(candidates, d)
		}
	}
	best, most := -1, 0
	for i, d := range candidates {
		if d.side().Name == l.Database {
			best = i
			break
		}
		if _, ran := l.stateOf(d); len(ran) > most {
			best, most = i, len(ran)
		}
	}
	if len(candidates) == 1 {
		best = 0
	}
	if best < 0 {
		return
	}
	l.of = candidates[best]
	l.state, l.ran = l.stateOf(l.of)
	l.facts.Database = l.of.side().Name
	if l.state == nil {
		return
	}
	l.facts.Known, l.facts.StateTable = true, plain(catalog.ParseName(l.state.Table))
	for _, m := range l.of.side().Migrations {
		if m.Direction != layout.Up {
			continue
		}
		if l.ran[migrationKey(m)] {
			l.facts.Applied++
		} else {
			l.facts.Pending++
		}
	}
	l.facts.Unmatched = append(l.facts.Unmatched, l.unknown(l.of)...)
	for _, version := range l.state.Failed {
		failed := facts.FailedMigration{Version: version}
		for _, m := range l.of.side().Migrations {
			if m.Direction == layout.Up && isVersion(m, version) {
				failed.Path = m.Path
			}
		}
		l.facts.Failed = append(l.facts.Failed, failed)
	}
}

// knows tells that it is known which migrations of a database the live one has run.
func (l *live) knows(d *database) bool { return l != nil && l.of == d && l.state != nil }

// pending are the migrations before a deploy that it will really run: those of the
// head that the live database has not run, merged or not. What it has run is the schema that they meet.
func (r *run) pending(d *database, touched map[string]lint.Touched) (base *layout.Database, files lint.Source, pending map[string]lint.Touched) {
	if r.Stage != PreDeploy || !r.live.knows(d) || d.head == nil {
		return d.base, r.change.BaseTree(), touched
	}
	merged, here := map[string]bool{}, map[string]bool{}
	ran := layout.Database{}
	if d.base != nil {
		ran = *d.base
		ran.Migrations = nil
		for _, m := range d.base.Migrations {
			merged[migrationKey(m)] = true
			if m.Direction != layout.Up || r.live.ran[migrationKey(m)] || touched[m.Path].Status == lint.Deleted {
				ran.Migrations = append(ran.Migrations, m)
			}
		}
	} else {
		ran = *d.head
		ran.Migrations = nil
	}
	fromHead := map[string]bool{}
	pending = map[string]lint.Touched{}
	for path, t := range touched {
		pending[path] = t
	}
	for _, m := range d.head.Migrations {
		if m.Direction != layout.Up {
			continue
		}
		key := migrationKey(m)
		here[key] = true
		switch status := touched[m.Path].Status; {
		case r.live.ran[key] && status == lint.Added:
			delete(pending, m.Path)
			ran.Migrations = append(ran.Migrations, m)
			fromHead[m.Path] = true
			r.live.facts.AppliedBefore = append(r.live.facts.AppliedBefore, m.Path)
		case !r.live.ran[key]:
			pending[m.Path] = lint.Touched{Status: lint.Added}
			if merged[key] {
				d.mergedBefore = append(d.mergedBefore, m.Path)
			}
		}
	}
	return &ran, overlay{r.change.BaseTree(), r.change.HeadTree(), fromHead}, pending
}

// notRun takes away, before a rollback, what the head's files bring and the live database has not run: the schema as it is
// now is made by the rest.
func (r *run) notRun(d *database, touched map[string]lint.Touched) {
	if r.Stage != Rollback || !r.live.knows(d) || d.head == nil {
		return
	}
	merged := map[string]bool{}
	if d.base != nil {
		for _, m := range d.base.Migrations {
			merged[m.Path] = true
		}
	}
	head := *d.head
	head.Migrations = nil
	for _, m := range d.head.Migrations {
		if m.Direction != layout.Up || r.live.ran[migrationKey(m)] {
			head.Migrations = append(head.Migrations, m)
		}
	}
	for _, m := range d.head.Migrations {
		if m.Direction != layout.Up || r.live.ran[migrationKey(m)] {
			continue
		}
		partly := slices.ContainsFunc(head.Migrations, func(ran layout.Migration) bool { return ran.Path == m.Path && ran.Direction == layout.Up })
		switch {
		case merged[m.Path] && partly:
			touched[m.Path] = lint.Touched{Status: lint.Edited}
		case merged[m.Path]:
			touched[m.Path] = lint.Touched{Status: lint.Deleted}
		case !partly:
			delete(touched, m.Path)
		}
	}
	d.head = &head
}

// hasPending tells that a deploy would run a migration that the change does not bring.
func (r *run) hasPending() bool {
	return r.Stage == PreDeploy && r.live != nil && r.live.knows(r.live.of) && r.live.facts.Pending > 0
}

// overlay is the files of the base, with some of the head.
type overlay struct {
	base, head lint.Source
	fromHead   map[string]bool
}

func (o overlay) side(path string) lint.Source {
	if o.fromHead[path] {
		return o.head
	}
	return o.base
}

// Read gives a file's whole content.
func (o overlay) Read(path string) ([]byte, error) { return o.side(path).Read(path) }

// BlobID identifies a file's content.
func (o overlay) BlobID(path string) (string, bool) { return o.side(path).BlobID(path) }

// ReadMany hands each file's content to visit, in the order of paths.
func (o overlay) ReadMany(ctx context.Context, paths []string, visit func(path string, content []byte, err error) error) error {
	for len(paths) > 0 {
		n := 1
		for n < len(paths) && o.fromHead[paths[n]] == o.fromHead[paths[0]] {
			n++
		}
		if err := o.side(paths[0]).ReadMany(ctx, paths[:n], visit); err != nil {
			return err
		}
		paths = paths[n:]
	}
	return nil
}

// driftOfLive compares the live schema with what the migrations that it has run make.
func (r *run) driftOfLive(ctx context.Context, d *database) ([]facts.Delta, error) {
	schema, ok := "", false
	if r.live.knows(d) {
		schema, ok = r.live.SQL()
	}
	if !ok || len(r.live.state.Failed) > 0 {
		return nil, nil
	}
	ran := *d.side()
	ran.Migrations = nil
	source := lint.Source(r.change.BaseTree())
	if d.head != nil {
		source = r.change.HeadTree()
	}
	last := ""
	for _, m := range d.side().Migrations {
		if r.live.ran[migrationKey(m)] && m.Direction == layout.Up {
			ran.Migrations = append(ran.Migrations, m)
			last = m.Path
		}
	}
	if r.live.unmatched(d) > 0 {
		r.notes = append(r.notes, fmt.Sprintf("the live schema is not compared: %s has %d versions that no file here has", r.live.state.Table, r.live.unmatched(d)))
		return nil, nil
	}
	changes, ok, err := lint.Live(ctx, &ran, source, d.version, schema)
	if err != nil {
		return nil, err
	}
	if !ok {
		r.notes = append(r.notes, "the live schema is not compared: not all of the migrations can be replayed")
	}
	place := facts.Place{Path: r.live.path, Line: 1}
	if r.live.facts.Source == "database" {
		place.Path = last
	}
	var out []facts.Delta
	for _, c := range changes {
		delta := deltaFacts(c, d.side().Name)
		if c.Object == "index" && slices.ContainsFunc(r.live.facts.InvalidIndexes, func(i facts.InvalidIndex) bool { return i.Name == c.Name }) {
			continue // another rule speaks of it
		}
		delta.CausedBy = []facts.Place{place}
		out = append(out, delta)
	}
	return out, nil
}

// tableStats are a table's size, nil where it is not known.
func (l *live) tableStats(d *database, relation string) *facts.TableStats {
	if l == nil || l.of != d && l.of != nil {
		return nil
	}
	if stats, ok := l.sizes[relation]; ok {
		return &stats
	}
	return nil
}

// annotate adds what the live database said to the facts of a migration.
func (l *live) annotate(d *database, m *facts.Migration) {
	for i := range m.Statements {
		s := &m.Statements[i]
		s.TableStats = l.tableStats(d, s.Relation)
		for j := range s.AlsoLocks {
			s.AlsoLocks[j].TableStats = l.tableStats(d, s.AlsoLocks[j].Relation)
		}
	}
	if !l.knows(d) || m.Direction != "up" || m.Status != "added" {
		return
	}
	key := m.Path + "\x00" + m.Version
	m.MergedBefore = slices.Contains(d.mergedBefore, m.Path)
	switch {
	case slices.ContainsFunc(l.facts.Failed, func(f facts.FailedMigration) bool { return f.Path == m.Path }):
		m.Live = "failed"
	case l.ran[key]:
		m.Live = "applied"
		if !slices.Contains(l.facts.AppliedBefore, m.Path) {
			l.facts.AppliedBefore = append(l.facts.AppliedBefore, m.Path)
		}
	default:
		m.Live = "pending"
		m.LiveNewest = l.newerUnknown(d, m.Version)
	}
}
