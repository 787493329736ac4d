package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

// An Installation is one of the App, on an account. While it is suspended its wants wait;
// when it is deleted they are dropped.
type Installation struct {
	ID        int64
	Account   string // login of the user or organization
	Suspended bool
	Deleted   bool
}

// Installations returns those that are not deleted, in order of their accounts.
func (s *Store) Installations(ctx context.Context) ([]Installation, error) {
	var all []Installation
	err := each(ctx, s.engine.reader(), func(r row) error {
		var i Installation
		err := r.Scan(&i.ID, &i.Account, &i.Suspended, &i.Deleted)
		all = append(all, i)
		return err
	}, `SELECT id, account, suspended, deleted FROM installations WHERE NOT deleted ORDER BY account, id`)
	if err != nil {
		return nil, fmt.Errorf("read the installations: %w", err)
	}
	return all, nil
}

// SetInstallation keeps the state of an installation. A deleted one watches no repository
// any more, and nothing of it is judged or told: the App may not speak to GitHub about it.
func (s *Store) SetInstallation(ctx context.Context, i Installation) error {
	err := s.engine.write(ctx, func(t tx) error {
		if _, err := t.exec(ctx, `INSERT INTO installations (id, account, suspended, deleted) VALUES (?1, ?2, ?3, ?4)
			ON CONFLICT (id) DO UPDATE SET account = CASE WHEN excluded.account = '' THEN installations.account ELSE excluded.account END,
				suspended = excluded.suspended, deleted = excluded.deleted`, i.ID, i.Account, i.Suspended, i.Deleted); err != nil || !i.Deleted {
			return err
		}
		if _, err := t.exec(ctx, `UPDATE repositories SET installation = 0 WHERE installation = ?1`, i.ID); err != nil {
			return err
		}
		if _, err := t.exec(ctx, `DELETE FROM stale_check_runs WHERE subject_key IN (SELECT subject_key FROM subjects WHERE installation = ?1)`, i.ID); err != nil {
			return err
		}
		_, err := t.exec(ctx, `UPDATE subjects SET cancelled = true, sequence = sequence + 1, announced = sequence + 1, done = sequence + 1, stale = 0, refresh = false
			WHERE installation = ?1`, i.ID)
		return err
	})
	if err != nil {
		return fmt.Errorf("keep installation %d: %w", i.ID, err)
	}
	return nil
}

// SetRepositories keeps all repositories that an installation watches, in the place of those that it did.
func (s *Store) SetRepositories(ctx context.Context, installation int64, repositories []job.Repository) error {
	return s.repositories(ctx, installation, repositories, func(t tx) error {
		_, err := t.exec(ctx, `UPDATE repositories SET installation = 0 WHERE installation = ?1`, installation)
		return err
	})
}

// ChangeRepositories keeps that an installation watches some more repositories and some no longer.
func (s *Store) ChangeRepositories(ctx context.Context, installation int64, added []job.Repository, removed []int64) error {
	return s.repositories(ctx, installation, added, func(t tx) error {
		for _, id := range removed {
			if _, err := t.exec(ctx, `UPDATE repositories SET installation = 0 WHERE id = ?1 AND installation = ?2`, id, installation); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Store) repositories(ctx context.Context, installation int64, added []job.Repository, first func(tx) error) error {
	err := s.engine.write(ctx, func(t tx) error {
		if err := first(t); err != nil {
			return err
		}
		for _, r := range added {
			if err := meet(ctx, t, installation, r, s.o.Now().UnixMilli()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep the repositories of installation %d: %w", installation, err)
	}
	return nil
}

// A Watched repository is one that an installation watches.
type Watched struct {
	job.Repository
	Installation int64
	Open         int // subjects that are not closed
	Pending      int // of them, those that wait for a verdict
}

// Repositories returns all that are watched, in order of their names.
func (s *Store) Repositories(ctx context.Context) ([]Watched, error) {
	var all []Watched
	err := each(ctx, s.engine.reader(), func(r row) error {
		var w Watched
		err := r.Scan(&w.ID, &w.Installation, &w.Owner, &w.Name, &w.DefaultBranch, &w.Private, &w.Open, &w.Pending)
		all = append(all, w)
		return err
	}, `SELECT r.id, r.installation, r.owner, r.name, r.default_branch, r.private, coalesce(s.n, 0), coalesce(s.pending, 0)
		FROM repositories r LEFT JOIN (SELECT repository, count(*) AS n, sum(CASE WHEN done < sequence THEN 1 ELSE 0 END) AS pending
			FROM subjects WHERE NOT cancelled GROUP BY repository) s ON s.repository = r.id
		WHERE r.installation <> 0 ORDER BY r.lower_name, r.id`)
	if err != nil {
		return nil, fmt.Errorf("read the repositories: %w", err)
	}
	return all, nil
}

// Cursor returns what was kept under a name, or "".
func (s *Store) Cursor(ctx context.Context, name string) (string, error) {
	var value string
	err := s.engine.reader().row(ctx, `SELECT value FROM cursors WHERE name = ?1`, name).Scan(&value)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("read cursor %s: %w", name, err)
	}
	return value, nil
}

// SetCursor keeps a value under a name.
func (s *Store) SetCursor(ctx context.Context, name, value string) error {
	if _, err := s.write(ctx, `INSERT INTO cursors (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value); err != nil {
		return fmt.Errorf("keep cursor %s: %w", name, err)
	}
	return nil
}

// Counts are for metrics.
type Counts struct {
	Open       int       // subjects that are not closed
	Queued     int       // they wait for a verdict, and no turn runs
	Running    int       // turns of judging, in all processes
	Announcing int       // wants that GitHub was not told of yet
	GivingUp   int       // all attempts failed, and the verdict that says so has not got through yet
	Stale      int       // check runs of heads that nobody judges, of which GitHub was not told yet
	Oldest     time.Time // since when the oldest of Queued waits; zero without one
	Accepted   int64     // deliveries, by this process
	Duplicates int64     // of them, those that were known
}

// Counts counts what the database has at this moment.
func (s *Store) Counts(ctx context.Context) (Counts, error) {
	var c Counts
	var oldest int64
	err := s.engine.reader().row(ctx, `SELECT
		(SELECT count(*) FROM subjects WHERE NOT cancelled),
		(SELECT count(*) FROM subjects WHERE done < sequence AND NOT cancelled AND lane <> 'judge'),
		(SELECT count(*) FROM subjects WHERE lease_owner <> '' AND lane = 'judge'),
		(SELECT count(*) FROM subjects WHERE announced < sequence),
		(SELECT count(*) FROM subjects WHERE done < sequence AND giving_up),
		(SELECT count(*) FROM stale_check_runs),
		(SELECT coalesce(min(wanted_at), 0) FROM subjects WHERE done < sequence AND NOT cancelled AND lane <> 'judge')`).
		Scan(&c.Open, &c.Queued, &c.Running, &c.Announcing, &c.GivingUp, &c.Stale, &oldest)
	if err != nil {
		return Counts{}, fmt.Errorf("count: %w", err)
	}
	if oldest > 0 {
		c.Oldest = time.UnixMilli(oldest)
	}
	c.Accepted, c.Duplicates = s.accepted.Load(), s.duplicates.Load()
	return c, nil
}
