package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

// A subject is a row of the table: what is wanted, and how far that is.
type subject struct {
	subject   job.Subject
	revision  job.Revision
	cancelled bool
	refresh   bool
	reason    string
	trace     string

	sequence  int64 // of the newest want
	announced int64 // of the newest want that was announced
	done      int64 // of the newest want that has its verdict
	doneHead  string
	wantedAt  int64

	attempt   int64
	lastError string
	givingUp  bool // tries are used up; only the visible verdict is missing

	checkRun     int64
	checkRunHead string
	annotated    int64
	stale        int64

	lane       string
	lease      int64
	leaseOwner string
}

const subjectColumns = `s.subject, s.revision, s.cancelled, s.refresh, s.reason, s.trace,
	s.sequence, s.announced, s.done, s.done_head, s.wanted_at, s.attempt, s.last_error, s.giving_up,
	s.check_run, s.check_run_head, s.annotated, s.stale, s.lane, s.lease, s.lease_owner`

func (s *subject) scan(r row) error {
	var who, what string
	err := r.Scan(&who, &what, &s.cancelled, &s.refresh, &s.reason, &s.trace,
		&s.sequence, &s.announced, &s.done, &s.doneHead, &s.wantedAt, &s.attempt, &s.lastError, &s.givingUp,
		&s.checkRun, &s.checkRunHead, &s.annotated, &s.stale, &s.lane, &s.lease, &s.leaseOwner)
	if err != nil {
		return err
	}
	return errors.Join(json.Unmarshal([]byte(who), &s.subject), json.Unmarshal([]byte(what), &s.revision))
}

// load reads a subject for this transaction to change it.
func (s *Store) load(ctx context.Context, t tx, key string) (*subject, bool, error) {
	var found subject
	err := found.scan(t.row(ctx, "SELECT "+subjectColumns+" FROM subjects s WHERE s.subject_key = ?1"+s.engine.lock(false), key))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	return &found, err == nil, err
}

// insert makes the row; false when another transaction was faster.
func (w *subject) insert(ctx context.Context, t tx) (bool, error) {
	n, err := t.exec(ctx, `INSERT INTO subjects (subject_key, installation, repository, number, subject, revision, head, base_ref, updated,
		cancelled, refresh, reason, trace, sequence, announced, done, done_head, wanted_at, attempt, last_error, giving_up,
		due, due_set, announce_due, announce_due_set, check_run, check_run_head, annotated, stale, lane, lease, lease_owner, lease_until)
		VALUES (?1, ?2, ?3, ?4, '', '', '', '', 0, false, false, '', '', 0, 0, 0, '', 0, 0, '', false, 0, 0, 0, 0, 0, '', 0, 0, '', 0, '', 0)
		ON CONFLICT (subject_key) DO NOTHING`,
		w.subject.Key(), w.subject.Installation, w.subject.Repository.ID, w.subject.Number)
	if err != nil || n == 0 {
		return false, err
	}
	return true, w.save(ctx, t, true)
}

// save writes what a want can change. due makes it due at once, in both lanes.
func (w *subject) save(ctx context.Context, t tx, due bool) error {
	who, err := json.Marshal(w.subject)
	if err != nil {
		return err
	}
	what, err := json.Marshal(w.revision)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, `UPDATE subjects SET installation = ?2, subject = ?3, revision = ?4, head = ?5, base_ref = ?6, updated = ?7,
		cancelled = ?8, refresh = ?9, reason = ?10, trace = ?11, sequence = ?12, announced = ?13, done = ?14, done_head = ?15, wanted_at = ?16,
		attempt = ?17, last_error = ?18, giving_up = ?19, check_run = ?20, check_run_head = ?21, annotated = ?22, stale = ?23,
		due = CASE WHEN ?24 THEN 0 ELSE due END, due_set = CASE WHEN ?24 THEN 0 ELSE due_set END,
		announce_due = CASE WHEN ?24 THEN 0 ELSE announce_due END, announce_due_set = CASE WHEN ?24 THEN 0 ELSE announce_due_set END
		WHERE subject_key = ?1`,
		w.subject.Key(), w.subject.Installation, string(who), string(what), w.revision.Head, w.revision.BaseRef, micros(w.revision.Updated),
		w.cancelled, w.refresh, w.reason, w.trace, w.sequence, w.announced, w.done, w.doneHead, w.wantedAt,
		w.attempt, w.lastError, w.givingUp, w.checkRun, w.checkRunHead, w.annotated, w.stale, due)
	return err
}

// work is one turn of the subject as it stands.
func (w *subject) work() job.Work {
	work := job.Work{
		Subject: w.subject, Revision: w.revision, Sequence: w.sequence, Wanted: time.UnixMilli(w.wantedAt), Attempt: int(w.attempt),
		Trace: w.trace, Reason: w.reason, Refresh: w.refresh, LastError: w.lastError,
		Judged: w.doneHead != "" && w.doneHead == w.revision.Head,
	}
	if w.checkRunHead == w.revision.Head {
		work.CheckRun, work.Annotated = w.checkRun, int(w.annotated)
	}
	return work
}

// retire gives up the check run of another head than keep. GitHub is still to be told
// that nobody judges that head any more, unless it has its verdict.
func (w *subject) retire(ctx context.Context, t tx, keep string) error {
	if w.checkRun == 0 || w.checkRunHead == keep {
		return nil
	}
	work := w.work()
	work.Revision.Head, work.CheckRun, work.Annotated = w.checkRunHead, w.checkRun, int(w.annotated)
	judged := w.doneHead == w.checkRunHead && (w.done == w.sequence || w.announced < w.sequence)
	w.checkRun, w.checkRunHead, w.annotated = 0, "", 0
	if judged {
		return nil
	}
	return w.addStale(ctx, t, work)
}

// letGo gives up what stands for another head than keep, whether it is known or not.
func (w *subject) letGo(ctx context.Context, t tx, keep string) error {
	if w.unkept() && w.revision.Head != keep {
		return w.addStale(ctx, t, w.work())
	}
	return w.retire(ctx, t, keep)
}

// unkept tells that a check run may stand for the head although none is known: who made it
// may have been killed before it was kept.
func (w *subject) unkept() bool {
	begun := w.announced < w.sequence || w.done < w.sequence && w.attempt > 0
	judged := w.doneHead == w.revision.Head // and what stands for it is complete
	return w.checkRun == 0 && begun && !judged && !w.cancelled && w.revision.Head != ""
}

func (w *subject) addStale(ctx context.Context, t tx, work job.Work) error {
	text, err := json.Marshal(work)
	if err != nil {
		return err
	}
	if _, err := t.exec(ctx, `INSERT INTO stale_check_runs (subject_key, head, work, attempt) VALUES (?1, ?2, ?3, 0)
		ON CONFLICT (subject_key, head) DO UPDATE SET work = excluded.work, attempt = 0`, w.subject.Key(), work.Revision.Head, string(text)); err != nil {
		return err
	}
	return w.countStale(ctx, t)
}

func (w *subject) countStale(ctx context.Context, t tx) error {
	return t.row(ctx, `SELECT count(*) FROM stale_check_runs WHERE subject_key = ?1`, w.subject.Key()).Scan(&w.stale)
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// meet keeps the newest names of a repository.
func meet(ctx context.Context, t tx, installation int64, r job.Repository, now int64) error {
	_, err := t.exec(ctx, `INSERT INTO repositories (id, installation, owner, name, lower_name, default_branch, private, seen)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
		ON CONFLICT (id) DO UPDATE SET installation = excluded.installation, owner = excluded.owner, name = excluded.name, lower_name = excluded.lower_name,
			default_branch = CASE WHEN excluded.default_branch = '' THEN repositories.default_branch ELSE excluded.default_branch END,
			private = excluded.private, seen = excluded.seen
		WHERE repositories.installation <> excluded.installation OR repositories.owner <> excluded.owner OR repositories.name <> excluded.name
			OR repositories.private <> excluded.private OR (excluded.default_branch <> '' AND repositories.default_branch <> excluded.default_branch)`,
		r.ID, installation, r.Owner, r.Name, strings.ToLower(r.FullName()), r.DefaultBranch, r.Private, now)
	return err
}
