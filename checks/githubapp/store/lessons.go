package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

// learn keeps what a verdict says about post-mortems: the documents, where it is about the
// default branch, and what their rules have caught.
func (s *Store) learn(ctx context.Context, x tx, key string, v job.Verdict, now int64) error {
	caught, err := job.Caught(v.JSON)
	if err != nil { // the verdict counts, whatever its report looks like
		s.o.Log.ErrorContext(ctx, "a report's findings are not counted", "subject", key, "error", err)
	}
	for _, c := range caught {
		if !keepable(c.Postmortem) || !keepable(c.Item) {
			continue
		}
		if _, err := x.exec(ctx, `INSERT INTO catches (subject_key, postmortem, item, repository, number, findings, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
			ON CONFLICT (subject_key, postmortem, item) DO UPDATE SET at = excluded.at,
				findings = CASE WHEN excluded.findings > catches.findings THEN excluded.findings ELSE catches.findings END`,
			key, c.Postmortem, c.Item, v.Subject.Repository.ID, v.Subject.Number, c.Findings, now); err != nil {
			return err
		}
	}
	if v.Postmortems == nil {
		return nil
	}
	branch := v.Subject.Repository.DefaultBranch
	if branch == "" {
		err := x.row(ctx, `SELECT default_branch FROM repositories WHERE id = ?1`, v.Subject.Repository.ID).Scan(&branch)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
	}
	if branch == "" || v.Revision.BaseRef != branch {
		return nil
	}
	documents, err := pack(v.Postmortems)
	if err != nil {
		return err
	}
	_, err = x.exec(ctx, `INSERT INTO postmortems (repository, documents, at) VALUES (?1, ?2, ?3)
		ON CONFLICT (repository) DO UPDATE SET documents = excluded.documents, at = excluded.at`, v.Subject.Repository.ID, documents, now)
	return err
}

// keepable is whether PostgreSQL takes an id that a project wrote.
func keepable(id string) bool {
	return len(id) <= 200 && utf8.ValidString(id) && !strings.ContainsRune(id, 0)
}

// Lessons returns the post-mortems of those of the repositories that have any, with what
// they have caught, in order of the repositories' ids.
func (p *Pages) Lessons(ctx context.Context, repositories []int64) ([]job.Lessons, error) {
	if len(repositories) == 0 {
		return nil, nil
	}
	q, in := p.store.engine.reader(), idList(repositories)
	var all []job.Lessons
	at := map[int64]int{}
	err := each(ctx, q, func(r row) error {
		var l job.Lessons
		var documents []byte
		var ms int64
		if err := r.Scan(&l.Repository.ID, &l.Repository.Owner, &l.Repository.Name, &l.Repository.DefaultBranch, &l.Repository.Private, &documents, &ms); err != nil {
			return err
		}
		var err error
		l.Documents, err = unpack(documents)
		l.At = time.UnixMilli(ms)
		at[l.Repository.ID] = len(all)
		all = append(all, l)
		return err
	}, `SELECT r.id, r.owner, r.name, r.default_branch, r.private, p.documents, p.at
		FROM postmortems p JOIN repositories r ON r.id = p.repository WHERE p.repository IN `+in+` ORDER BY r.id`)
	if err != nil {
		return nil, fmt.Errorf("read the post-mortems: %w", err)
	}
	err = each(ctx, q, func(r row) error {
		var c job.Catch
		var repository, ms int64
		if err := r.Scan(&repository, &c.Postmortem, &c.Item, &c.Number, &c.Findings, &ms); err != nil {
			return err
		}
		c.At = time.UnixMilli(ms)
		if i, ok := at[repository]; ok {
			all[i].Caught = append(all[i].Caught, c)
		}
		return nil
	}, `SELECT repository, postmortem, item, number, findings, at FROM catches WHERE repository IN `+in+` ORDER BY at DESC, subject_key, postmortem, item`)
	if err != nil {
		return nil, fmt.Errorf("read what post-mortems have caught: %w", err)
	}
	return all, nil
}
