package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

// A Following is a deploy whose newest state somebody is to be told of, leased to one who does.
type Following struct {
	Deploy  job.Deploy
	Begun   string    // what [Store.BegunDeploy] kept last; "" when nothing was started
	Attempt int       // from 1
	Waits   time.Time // since when

	sequence, lease int64
}

// AcceptDeploys keeps a delivery of CircleCI and what it says of deploys, in one transaction; when it returns nil they are
// on disk. fresh is false for a delivery that was accepted before, which changes nothing. notice tells that there is
// something to follow.
func (s *Store) AcceptDeploys(ctx context.Context, d job.Delivery, events []job.DeployEvent) (fresh, notice bool, err error) {
	if d.ID == "" {
		return false, false, errors.New("accept a delivery: it has no id")
	}
	err = s.engine.write(ctx, func(t tx) error {
		notice = false
		now, err := s.engine.clock(ctx, t)
		if err != nil {
			return err
		}
		if fresh, err = seen(ctx, t, d); err != nil || !fresh {
			return err
		}
		for _, e := range events {
			told, err := s.applyDeploy(ctx, t, e, now.UnixMilli())
			if err != nil {
				return err
			}
			notice = notice || told
		}
		return nil
	})
	if err != nil {
		return false, false, fmt.Errorf("keep delivery %s: %w", d.ID, err)
	}
	return fresh, notice, nil
}

func (s *Store) applyDeploy(ctx context.Context, t tx, e job.DeployEvent, now int64) (notice bool, err error) {
	key := e.Deploy.Key
	// The row is there before it is read, so that it can be locked: two events of one deploy can come at once.
	if _, err := t.exec(ctx, `INSERT INTO deploys (deploy_key, deploy, sequence, done, begun, attempt, last_error, wanted_at, due, due_set, lease, lease_until, updated)
		VALUES (?1, '{}', 0, 0, '', 0, '', 0, 0, 0, 0, 0, ?2) ON CONFLICT (deploy_key) DO NOTHING`, key, now); err != nil {
		return false, err
	}
	var text string
	if err := t.row(ctx, `SELECT s.deploy FROM deploys s WHERE s.deploy_key = ?1`+s.engine.lock(false), key).Scan(&text); err != nil {
		return false, err
	}
	var d job.Deploy
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		return false, err
	}
	notice = d.Apply(e)
	kept, err := json.Marshal(d)
	if err != nil {
		return false, err
	}
	if _, err := t.exec(ctx, `UPDATE deploys SET deploy = ?2, updated = ?3 WHERE deploy_key = ?1`, key, string(kept), now); err != nil || !notice {
		return false, err
	}
	_, err = t.exec(ctx, `UPDATE deploys SET wanted_at = CASE WHEN done < sequence THEN wanted_at ELSE ?2 END,
		sequence = sequence + 1, attempt = 0, last_error = '', due = 0, due_set = 0 WHERE deploy_key = ?1`, key, now)
	return true, err
}

// FollowDeploy takes the deploy that waits longest for somebody to be told of it, for that long; nobody else gets it meanwhile. It
// returns nil when there is none.
func (s *Store) FollowDeploy(ctx context.Context, lease time.Duration) (*Following, error) {
	var taken *Following
	err := s.engine.write(ctx, func(t tx) error {
		taken = nil
		clock, err := s.engine.clock(ctx, t)
		if err != nil {
			return err
		}
		now := clock.UnixMilli()
		var key string
		// A time that lies further ahead than it was ever set is from before the clock was put back.
		err = t.row(ctx, `SELECT s.deploy_key FROM deploys s WHERE s.done < s.sequence AND (s.due <= ?1 OR s.due_set > ?1)
			AND (s.lease_until <= ?1 OR s.lease_until > ?2) ORDER BY s.wanted_at, s.deploy_key LIMIT 1`+s.engine.lock(true),
			now, clock.Add(2*lease).UnixMilli()).Scan(&key)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		var text string
		var waits int64
		f := &Following{}
		if err := t.row(ctx, `UPDATE deploys SET attempt = attempt + 1, lease = lease + 1, lease_until = ?2 WHERE deploy_key = ?1
			RETURNING deploy, begun, attempt, wanted_at, sequence, lease`, key, clock.Add(lease).UnixMilli()).
			Scan(&text, &f.Begun, &f.Attempt, &waits, &f.sequence, &f.lease); err != nil {
			return err
		}
		f.Waits = time.UnixMilli(waits)
		taken = f
		return json.Unmarshal([]byte(text), &f.Deploy)
	})
	if err != nil {
		return nil, fmt.Errorf("take a deploy to follow: %w", err)
	}
	return taken, nil
}

// BegunDeploy keeps what was started for a deploy. It returns [ErrLost] when the lease has ended and another has the deploy.
func (s *Store) BegunDeploy(ctx context.Context, f *Following, begun string) error {
	return s.ofDeploy(ctx, f, `UPDATE deploys SET begun = ?3 WHERE deploy_key = ?1 AND lease = ?2`, begun)
}

// FollowedDeploy ends a lease: somebody was told of the state that f had. A newer one is to be told still.
func (s *Store) FollowedDeploy(ctx context.Context, f *Following) error {
	return s.ofDeploy(ctx, f, `UPDATE deploys SET done = CASE WHEN done < ?3 THEN ?3 ELSE done END, last_error = '', lease_until = 0,
		attempt = CASE WHEN sequence = ?3 THEN 0 ELSE attempt END WHERE deploy_key = ?1 AND lease = ?2`, f.sequence)
}

// PostponeDeploy ends a lease without success: it is tried again after a time.
func (s *Store) PostponeDeploy(ctx context.Context, f *Following, because error, after time.Duration) error {
	now, err := s.engine.clock(ctx, s.engine.reader())
	if err != nil {
		return err
	}
	return s.ofDeploy(ctx, f, `UPDATE deploys SET last_error = ?3, lease_until = 0, due = ?4, due_set = ?5 WHERE deploy_key = ?1 AND lease = ?2`,
		because.Error(), now.Add(after).UnixMilli(), now.UnixMilli())
}

func (s *Store) ofDeploy(ctx context.Context, f *Following, query string, args ...any) error {
	n, err := s.write(ctx, query, append([]any{f.Deploy.Key, f.lease}, args...)...)
	if err != nil {
		return fmt.Errorf("keep what follows from deploy %s: %w", f.Deploy.Key, err)
	}
	if n == 0 {
		return ErrLost
	}
	return nil
}

// Unfollowed is how many deploys nobody was told of yet.
func (s *Store) Unfollowed(ctx context.Context) (n int, err error) {
	err = s.engine.reader().row(ctx, `SELECT count(*) FROM deploys WHERE done < sequence`).Scan(&n)
	return n, err
}
