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

// The lanes: each has its own workers, and a subject has a turn in one of them at a time.
const (
	laneAnnounce = "announce"
	laneJudge    = "judge"
)

// A wakeup is all that River carries. What is to be done stands in the subjects table, so
// that one lost, late or twice does no harm: whoever is woken takes the fairest turn there is.
type wakeup struct {
	Key      string `json:"key"`
	Sequence int64  `json:"sequence"`
	Lane     string `json:"lane"`
}

// Kind is the name of such a job in River's table.
func (wakeup) Kind() string { return "turn" }

// A turn is a subject that this process has leased.
type turn struct {
	lane      string
	owner     string
	lease     int64
	work      job.Work
	cancelled bool   // there is nothing to judge; GitHub is to be told of its check runs
	announce  bool   // the want was not announced yet
	giveUp    string // the error to give up with, without another try; "" to try
	ctx       context.Context
	cancel    context.CancelCauseFunc
}

// ErrLost is returned to a turn whose lease another process has taken over, and is the
// cause of its context being cancelled: nothing that it finds is written.
var ErrLost = errors.New("the lease on the subject was lost")

// claimable is which subjects have a turn to take in a lane.
//
//	?1 now   ?2 the owner who asks   ?3 its limit for one installation   ?4 the lane   ?5 how far ahead a lease can reach
//
// A time that lies further ahead than it was ever set is from before the clock was put back.
func claimable(lane string) string {
	what := `(s.announced < s.sequence OR s.stale > 0) AND (s.announce_due <= ?1 OR s.announce_due_set > ?1)`
	if lane == laneJudge {
		what = `s.done < s.sequence AND s.announced >= s.sequence AND NOT s.cancelled AND (s.due <= ?1 OR s.due_set > ?1)`
	}
	return ` FROM subjects s
		LEFT JOIN (SELECT installation, count(*) AS n, sum(CASE WHEN lease_owner = ?2 THEN 1 ELSE 0 END) AS mine
			FROM subjects WHERE lease_owner <> '' AND lane = ?4 AND lease_until > ?1 GROUP BY installation) r ON r.installation = s.installation
		LEFT JOIN turns t ON t.installation = s.installation AND t.lane = ?4
		WHERE ` + what + `
		AND (s.lease_owner = '' OR (s.lease_owner <> ?2 AND (s.lease_until <= ?1 OR s.lease_until > ?5)))
		AND coalesce(r.mine, 0) < ?3
		AND NOT EXISTS (SELECT 1 FROM installations i WHERE i.id = s.installation AND (i.suspended OR i.deleted))`
}

func (r *run) claimArgs(now time.Time, lane string) []any {
	return []any{now.UnixMilli(), r.owner, r.perInstallation(lane), lane, now.Add(2 * r.store.o.Lease).UnixMilli()}
}

// claim leases the fairest turn of a lane: of the installation of which least runs, then of
// the one that was served longest ago, what waits longest. It returns nil when there is none.
func (r *run) claim(ctx context.Context, lane string) (*turn, error) {
	r.claiming.Lock() // the limit for one installation is counted, then used
	defer r.claiming.Unlock()
	ctx, stop := context.WithTimeout(ctx, commitTimeout)
	defer stop()
	s := r.store
	var taken *turn
	err := s.engine.write(ctx, func(t tx) error {
		taken = nil
		now, err := s.engine.clock(ctx, t)
		if err != nil {
			return err
		}
		var key string // alone: thousands of rows may have to be sorted
		err = t.row(ctx, "SELECT s.subject_key"+claimable(lane)+`
			ORDER BY coalesce(r.n, 0), coalesce(t.served, 0), s.wanted_at, s.subject_key LIMIT 1`+s.engine.lock(true), r.claimArgs(now, lane)...).Scan(&key)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		found, known, err := s.load(ctx, t, key)
		if err != nil || !known {
			return err
		}
		giveUp := ""
		if lane == laneJudge {
			switch {
			case found.givingUp:
				giveUp = found.lastError
			case found.attempt >= int64(s.o.MaxAttempts):
				giveUp = fmt.Sprintf("pmcheck ended during each of %d attempts", found.attempt)
				if found.lastError != "" {
					giveUp += "; the last error before that: " + found.lastError
				}
			default:
				found.attempt++
			}
		}
		found.lease++
		if _, err := t.exec(ctx, `UPDATE subjects SET lane = ?2, lease = ?3, lease_owner = ?4, lease_until = ?5, attempt = ?6 WHERE subject_key = ?1`,
			key, lane, found.lease, r.owner, now.Add(s.o.Lease).UnixMilli(), found.attempt); err != nil {
			return err
		}
		if _, err := t.exec(ctx, `INSERT INTO turns (lane, installation, served) VALUES (?1, ?2, (SELECT coalesce(max(served), 0) + 1 FROM turns WHERE lane = ?1))
			ON CONFLICT (lane, installation) DO UPDATE SET served = excluded.served`, lane, found.subject.Installation); err != nil {
			return err
		}
		work := found.work()
		work.Last = lane == laneJudge && found.attempt >= int64(s.o.MaxAttempts)
		if work.Overridden, err = overrides(ctx, t, key, work.Revision.Head); err != nil {
			return err
		}
		if work.Commands, err = commands(ctx, t, key); err != nil {
			return err
		}
		taken = &turn{lane: lane, owner: r.owner, lease: found.lease, work: work, cancelled: found.cancelled, announce: found.announced < found.sequence, giveUp: giveUp}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("take a turn: %w", err)
	}
	if taken != nil {
		taken.ctx, taken.cancel = context.WithCancelCause(r.base)
		s.running.add(taken.work.Subject.Key(), taken)
	}
	return taken, nil
}

// held loads the subject of a turn for change, or returns ErrLost.
func (s *Store) held(ctx context.Context, t tx, own *turn) (*subject, error) {
	found, known, err := s.load(ctx, t, own.work.Subject.Key())
	if err != nil {
		return nil, err
	}
	if !known || found.leaseOwner != own.owner || found.lease != own.lease {
		return nil, ErrLost
	}
	return found, nil
}

// release ends the turn's lease.
func release(ctx context.Context, t tx, key string) error {
	_, err := t.exec(ctx, `UPDATE subjects SET lane = '', lease_owner = '', lease_until = 0 WHERE subject_key = ?1`, key)
	return err
}

// postpone makes a lane of a subject due at a time, set now.
func postpone(ctx context.Context, t tx, key, lane string, at, now time.Time) error {
	columns := "announce_due = ?2, announce_due_set = ?3"
	if lane == laneJudge {
		columns = "due = ?2, due_set = ?3"
	}
	_, err := t.exec(ctx, "UPDATE subjects SET "+columns+" WHERE subject_key = ?1", key, at.UnixMilli(), now.UnixMilli())
	return err
}

// setCheckRun keeps that a check run stands for the head of work. One for a head that
// nobody wants any more is kept for GitHub to be told.
func (w *subject) setCheckRun(ctx context.Context, t tx, work job.Work, id int64) error {
	current := !w.cancelled && (work.Sequence == w.sequence || work.Revision.Head == w.revision.Head)
	if !current {
		work.CheckRun = id
		return w.addStale(ctx, t, work)
	}
	if w.checkRunHead != work.Revision.Head {
		if err := w.letGo(ctx, t, work.Revision.Head); err != nil {
			return err
		}
	}
	if w.checkRun != id {
		w.annotated = 0
	}
	w.checkRun, w.checkRunHead = id, work.Revision.Head
	// An earlier turn may have made it, and have been superseded by one that asked GitHub and found the same head.
	if _, err := t.exec(ctx, `DELETE FROM stale_check_runs WHERE subject_key = ?1 AND head = ?2`, w.subject.Key(), work.Revision.Head); err != nil {
		return err
	}
	return w.countStale(ctx, t)
}

// stale lists the check runs of a subject that GitHub is to be told of.
func (s *Store) staleWork(ctx context.Context, key string) ([]job.Work, error) {
	var all []job.Work
	err := each(ctx, s.engine.reader(), func(r row) error {
		var text string
		var attempt int64
		if err := r.Scan(&text, &attempt); err != nil {
			return err
		}
		var work job.Work
		if err := json.Unmarshal([]byte(text), &work); err != nil {
			return err
		}
		work.Attempt, work.Last = int(attempt)+1, attempt+1 >= int64(s.o.MaxAttempts)
		all = append(all, work)
		return nil
	}, `SELECT work, attempt FROM stale_check_runs WHERE subject_key = ?1 ORDER BY head`, key)
	return all, err
}

func overrides(ctx context.Context, q querier, key, head string) ([]job.Override, error) {
	var all []job.Override
	err := each(ctx, q, func(r row) error {
		var text string
		if err := r.Scan(&text); err != nil {
			return err
		}
		var o job.Override
		if err := json.Unmarshal([]byte(text), &o); err != nil {
			return err
		}
		all = append(all, o)
		return nil
	}, `SELECT override FROM overrides WHERE subject_key = ?1 AND head = ?2 ORDER BY at, rule`, key, head)
	return all, err
}
