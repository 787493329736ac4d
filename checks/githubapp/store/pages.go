package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

// Pages is the store as the App's pages read it: see pages.Store.
func (s *Store) Pages() *Pages { return &Pages{s} }

// Pages is what [Store.Pages] returns.
type Pages struct{ store *Store }

// idList is "(1,2,3)": the same on both engines, and without a limit on their number.
func idList(ids []int64) string {
	var b strings.Builder
	for i, id := range ids {
		b.WriteByte("(,"[min(i, 1)])
		b.WriteString(strconv.FormatInt(id, 10))
	}
	b.WriteByte(')')
	return b.String()
}

// Repositories returns those of ids that the App is installed on.
func (p *Pages) Repositories(ctx context.Context, ids []int64) ([]job.Repository, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var all []job.Repository
	err := each(ctx, p.store.engine.reader(), func(r row) error {
		var one job.Repository
		err := r.Scan(&one.ID, &one.Owner, &one.Name, &one.DefaultBranch, &one.Private)
		all = append(all, one)
		return err
	}, `SELECT id, owner, name, default_branch, private FROM repositories WHERE installation <> 0 AND id IN `+idList(ids)+` ORDER BY lower_name, id`)
	if err != nil {
		return nil, fmt.Errorf("read the repositories: %w", err)
	}
	return all, nil
}

// with scans further columns of a row.
type with struct {
	row
	more []any
}

func (w with) Scan(into ...any) error { return w.row.Scan(append(into, w.more...)...) }

// standing is where the newest revision of a subject stands.
func (w *subject) standing(v *job.Verdict) job.Standing {
	at := job.Standing{Subject: w.subject, Revision: w.revision, Wanted: time.UnixMilli(w.wantedAt), Phase: job.Done, Verdict: v}
	switch {
	case w.done < w.sequence && !w.cancelled && w.lane == laneJudge:
		at.Phase, at.Verdict, at.Attempt, at.LastError = job.Running, nil, int(w.attempt), w.lastError
	case w.done < w.sequence && !w.cancelled:
		at.Phase, at.Verdict, at.Attempt, at.LastError = job.Queued, nil, int(w.attempt)+1, w.lastError
	case v == nil:
		at.Phase = job.Dropped
	}
	return at
}

// Recent returns the newest revision of each subject of the repositories, limit at most:
// those that wait or run first, then the newest.
func (p *Pages) Recent(ctx context.Context, repositories []int64, limit int) ([]job.Standing, error) {
	if len(repositories) == 0 {
		return nil, nil
	}
	const order = ` ORDER BY CASE WHEN s.done < s.sequence AND NOT s.cancelled THEN 0 ELSE 1 END, s.wanted_at DESC, s.subject_key`
	var all []job.Standing
	err := each(ctx, p.store.engine.reader(), func(r row) error {
		at, err := scanStanding(r)
		all = append(all, at)
		return err
	}, `SELECT `+subjectColumns+`, coalesce(v.verdict, '') FROM (SELECT * FROM subjects s WHERE s.repository IN `+idList(repositories)+order+` LIMIT ?1) s
		LEFT JOIN verdicts v ON v.id = (SELECT max(n.id) FROM verdicts n WHERE n.subject_key = s.subject_key AND n.head = s.head)`+order, limit)
	if err != nil {
		return nil, fmt.Errorf("read where pull requests stand: %w", err)
	}
	return all, nil
}

// scanStanding reads a subject, and the verdict on its head or no text.
func scanStanding(r row) (job.Standing, error) {
	var w subject
	var text string
	if err := w.scan(with{r, []any{&text}}); err != nil {
		return job.Standing{}, err
	}
	if text == "" {
		return w.standing(nil), nil
	}
	v, err := scanVerdict(textRow(text), false)
	return w.standing(&v), err
}

// textRow is a row with one text.
type textRow string

func (t textRow) Scan(into ...any) error {
	*into[0].(*string) = string(t)
	return nil
}

// History returns the revisions of a pull request of which something is kept, or for number
// 0 those of all merge groups: what waits or runs first, then the newest; each head of a
// subject once, limit at most.
func (p *Pages) History(ctx context.Context, repository int64, number, limit int) ([]job.Standing, error) {
	q := p.store.engine.reader()
	var all []job.Standing
	err := each(ctx, q, func(r row) error {
		at, err := scanStanding(r)
		all = append(all, at)
		return err
	}, `SELECT `+subjectColumns+`, coalesce(v.verdict, '') FROM (SELECT * FROM subjects s WHERE s.repository = ?1 AND s.number = ?2 ORDER BY s.wanted_at DESC LIMIT ?3) s
		LEFT JOIN verdicts v ON v.id = (SELECT max(n.id) FROM verdicts n WHERE n.subject_key = s.subject_key AND n.head = s.head)`, repository, number, limit)
	if err == nil {
		err = each(ctx, q, func(r row) error {
			v, err := scanVerdict(r, false)
			all = append(all, job.Standing{Subject: v.Subject, Revision: v.Revision, Phase: job.Done, Wanted: v.Began, Verdict: &v})
			return err
		}, `SELECT v.verdict FROM verdicts v WHERE v.repository = ?1 AND v.number = ?2 ORDER BY v.id DESC LIMIT ?3`, repository, number, limit)
	}
	if err != nil {
		return nil, fmt.Errorf("read the history of pull request %d: %w", number, err)
	}
	seen := map[string]bool{}
	all = slices.DeleteFunc(all, func(at job.Standing) bool {
		key := at.Subject.Key() + "@" + at.Revision.Head
		defer func() { seen[key] = true }()
		return seen[key]
	})
	slices.SortStableFunc(all, func(a, b job.Standing) int {
		if a, b := a.Phase == job.Done, b.Phase == job.Done; a != b {
			return map[bool]int{false: -1, true: 1}[a]
		}
		return when(b).Compare(when(a))
	})
	return all[:min(len(all), limit)], nil
}

func when(at job.Standing) time.Time {
	if at.Verdict != nil {
		return at.Verdict.Ended
	}
	return at.Wanted
}

// Report returns the page of the newest verdict on a head of a pull request, or for number
// 0 of a merge group; nil where there is none.
func (p *Pages) Report(ctx context.Context, repository int64, number int, head string) ([]byte, error) {
	var packed []byte
	err := p.store.engine.reader().row(ctx, `SELECT v.page FROM verdicts v WHERE v.repository = ?1 AND v.number = ?2 AND v.head = ?3
		ORDER BY v.id DESC LIMIT 1`, repository, number, head).Scan(&packed)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err == nil {
		packed, err = unpack(packed)
	}
	if err != nil {
		return nil, fmt.Errorf("read the report on %s: %w", head, err)
	}
	return packed, nil
}
