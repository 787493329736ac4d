package store

import (
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

// Reports are text that repeats itself, and most of the database: they are kept as gzip.
func pack(text []byte) ([]byte, error) {
	if text == nil {
		return []byte{}, nil
	}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(text); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func unpack(packed []byte) ([]byte, error) {
	if len(packed) == 0 {
		return nil, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

func insertVerdict(ctx context.Context, t tx, key string, v job.Verdict, now int64) error {
	report, err := pack(v.JSON)
	if err != nil {
		return err
	}
	page, err := pack(v.HTML)
	if err != nil {
		return err
	}
	v.JSON, v.HTML, v.Postmortems = nil, nil, nil
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, `INSERT INTO verdicts (subject_key, repository, number, head, conclusion, verdict, report, page, ended)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)`,
		key, v.Subject.Repository.ID, v.Subject.Number, v.Revision.Head, v.Conclusion, string(text), report, page, now)
	return err
}

func scanVerdict(r row, reports bool) (v job.Verdict, err error) {
	var text string
	var report, page []byte
	into := []any{&text}
	if reports {
		into = append(into, &report, &page)
	}
	if err := r.Scan(into...); err != nil {
		return v, err
	}
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return v, err
	}
	if v.JSON, err = unpack(report); err != nil {
		return v, err
	}
	v.HTML, err = unpack(page)
	return v, err
}

// Verdict returns the newest verdict on a pull request, with its report. owner and name
// are compared as GitHub does, without regard to case; of two repositories that had the
// name one after the other, the one that was seen last counts.
func (s *Store) Verdict(ctx context.Context, owner, name string, number int) (job.Verdict, bool, error) {
	v, err := scanVerdict(s.engine.reader().row(ctx, `SELECT v.verdict, v.report, v.page FROM verdicts v
		WHERE v.number = ?1 AND v.repository = (SELECT r.id FROM repositories r WHERE r.lower_name = ?2 ORDER BY r.seen DESC, r.id DESC LIMIT 1)
		ORDER BY v.id DESC LIMIT 1`, number, strings.ToLower(owner+"/"+name)), true)
	if errors.Is(err, sql.ErrNoRows) {
		return job.Verdict{}, false, nil
	}
	if err != nil {
		return job.Verdict{}, false, fmt.Errorf("read the verdict on %s/%s#%d: %w", owner, name, number, err)
	}
	return v, true, nil
}

// Verdicts returns the newest verdicts on a repository's subjects, the newest first,
// without their reports; repository 0 stands for all.
func (s *Store) Verdicts(ctx context.Context, repositoryID int64, limit int) ([]job.Verdict, error) {
	var all []job.Verdict
	err := each(ctx, s.engine.reader(), func(r row) error {
		v, err := scanVerdict(r, false)
		all = append(all, v)
		return err
	}, `SELECT v.verdict FROM verdicts v WHERE (?1 = 0 OR v.repository = ?1) ORDER BY v.id DESC LIMIT ?2`, repositoryID, limit)
	if err != nil {
		return nil, fmt.Errorf("read verdicts: %w", err)
	}
	return all, nil
}

// Override keeps that one rule's findings pass for one head of a subject. Judging it
// again is another want.
func (s *Store) Override(ctx context.Context, subjectKey, head string, o job.Override) error {
	text, err := json.Marshal(o)
	if err != nil {
		return err
	}
	if _, err := s.write(ctx, `INSERT INTO overrides (subject_key, head, rule, override, at) VALUES (?1, ?2, ?3, ?4, ?5)
		ON CONFLICT (subject_key, head, rule) DO UPDATE SET override = excluded.override, at = excluded.at`,
		subjectKey, head, o.Rule, string(text), o.At.UnixMilli()); err != nil {
		return fmt.Errorf("keep the override of %s: %w", o.Rule, err)
	}
	return nil
}

// Overrides returns the overrides for one head, oldest first. A Work has those of the head
// that it was made for; one with Refresh may turn out to be about another.
func (s *Store) Overrides(ctx context.Context, subjectKey, head string) ([]job.Override, error) {
	return overrides(ctx, s.engine.reader(), subjectKey, head)
}

// write runs one statement in a transaction of its own.
func (s *Store) write(ctx context.Context, query string, args ...any) (n int64, err error) {
	err = s.engine.write(ctx, func(t tx) error {
		n, err = t.exec(ctx, query, args...)
		return err
	})
	return n, err
}

// A State is what a subject that is not closed stands at.
type State struct {
	Subject  job.Subject
	Wanted   string // the head that is to be judged
	Judged   string // the head that the newest verdict is about; "" before the first
	Pending  bool   // a verdict on Wanted is to come, also when Judged is the same
	Running  bool
	Sequence int64
	CheckRun int64 // of Wanted, where known
	Updated  time.Time
	Since    time.Time // since when it is pending
}

// Wanted returns the state of a repository's open subjects, by their keys.
func (s *Store) Wanted(ctx context.Context, repositoryID int64) (map[string]State, error) {
	all := map[string]State{}
	err := each(ctx, s.engine.reader(), func(r row) error {
		var w subject
		if err := w.scan(r); err != nil {
			return err
		}
		all[w.subject.Key()] = State{
			Subject: w.subject, Wanted: w.revision.Head, Judged: w.doneHead, Pending: w.done < w.sequence,
			Running: w.lane == laneJudge, Sequence: w.sequence, CheckRun: w.work().CheckRun, Updated: w.revision.Updated, Since: time.UnixMilli(w.wantedAt),
		}
		return nil
	}, "SELECT "+subjectColumns+" FROM subjects s WHERE s.repository = ?1 AND NOT s.cancelled", repositoryID)
	if err != nil {
		return nil, fmt.Errorf("read what is wanted: %w", err)
	}
	return all, nil
}

// FindSubject returns the subjects whose wanted head is a commit: the events of check runs
// and suites do not name the pull requests of forks. There may be several, as one branch
// can be proposed for two.
func (s *Store) FindSubject(ctx context.Context, repositoryID int64, head string) ([]job.Subject, error) {
	var all []job.Subject
	err := each(ctx, s.engine.reader(), func(r row) error {
		var w subject
		err := w.scan(r)
		all = append(all, w.subject)
		return err
	}, "SELECT "+subjectColumns+" FROM subjects s WHERE s.repository = ?1 AND s.head = ?2 ORDER BY s.subject_key", repositoryID, head)
	if err != nil {
		return nil, fmt.Errorf("find the subjects at %s: %w", head, err)
	}
	return all, nil
}
