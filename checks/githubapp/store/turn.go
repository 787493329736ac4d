package store

import (
	"context"
	"errors"
	"time"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

// latest bounds how far a job.RetryAfter can put a turn off: GitHub's limits end within an hour.
const latest = 6 * time.Hour

// again is when a turn that ended in err is due: err says so, or the backoff does.
func (r *run) again(err error, attempt int, now time.Time) (at time.Time, counts bool) {
	if later := (*job.RetryAfter)(nil); errors.As(err, &later) {
		at := now.Add(later.At.Sub(r.store.o.Now())) // the database's clock may be another
		if at.Before(now.Add(time.Second)) {
			at = now.Add(time.Second)
		}
		if at.After(now.Add(latest)) {
			at = now.Add(latest)
		}
		return at, false
	}
	return now.Add(r.store.o.Backoff(attempt)), true
}

// announce is a turn in the lane of that name: the newest want is announced, and GitHub
// is told of the check runs of heads that nobody judges any more.
func (r *run) announce(ctx context.Context, t *turn) error {
	s, key := r.store, t.work.Subject.Key()
	ctx, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	var id int64
	var failed error
	if t.announce && !t.cancelled {
		failed = r.safely("announce", func() (err error) { id, err = r.h.Announce(ctx, t.work); return err })
	}
	stale, err := s.staleWork(ctx, key)
	if err != nil {
		s.o.Log.Warn("no look at stale check runs", "subject", key, "error", err)
	}
	told := make([]error, len(stale))
	for i, work := range stale {
		told[i] = r.safely("cancelled", func() error { return r.h.Cancelled(ctx, work) })
		if told[i] != nil {
			s.o.Log.Warn("GitHub could not be told that a head is not judged any more", "trace", work.Trace, "subject", key, "head", work.Revision.Head, "error", told[i])
		}
	}
	if failed != nil && context.Cause(ctx) == nil {
		s.o.Log.Warn("not announced", "trace", t.work.Trace, "subject", key, "error", failed)
	}
	return r.keep(t, func(ctx context.Context, x tx, own *subject, now time.Time) error {
		var due time.Time
		if id != 0 {
			if err := own.setCheckRun(ctx, x, t.work, id); err != nil {
				return err
			}
		}
		at, counts := r.again(failed, 1, now)
		switch stopped := errors.Is(context.Cause(r.base), errStopping); {
		case failed != nil && stopped: // another process does it
		case failed != nil && !counts:
			due = at
		case own.cancelled && own.sequence == t.work.Sequence:
			own.announced, own.done = own.sequence, own.sequence
		case t.announce:
			own.announced = max(own.announced, t.work.Sequence)
		}
		for i, work := range stale {
			at, counts := r.again(told[i], work.Attempt, now)
			query := `DELETE FROM stale_check_runs WHERE subject_key = ?1 AND head = ?2`
			switch {
			case told[i] == nil, counts && work.Last:
			case counts:
				query = `UPDATE stale_check_runs SET attempt = attempt + 1 WHERE subject_key = ?1 AND head = ?2`
				fallthrough
			default:
				if due.IsZero() || at.Before(due) {
					due = at
				}
				if !counts {
					continue
				}
			}
			if _, err := x.exec(ctx, query, key, work.Revision.Head); err != nil {
				return err
			}
		}
		if err := own.countStale(ctx, x); err != nil {
			return err
		}
		if err := own.save(ctx, x, false); err != nil {
			return err
		}
		if !due.IsZero() && own.sequence == t.work.Sequence {
			if err := postpone(ctx, x, key, laneAnnounce, due, now); err != nil {
				return err
			}
		}
		return release(ctx, x, key)
	})
}

// judge is a turn in the lane of that name: one attempt.
func (r *run) judge(ctx context.Context, t *turn) error {
	s, key := r.store, t.work.Subject.Key()
	var verdict job.Verdict
	var failed error
	began := s.o.Now()
	if t.giveUp == "" {
		failed = r.safely("judge", func() (err error) {
			ctx, cancel := context.WithTimeout(ctx, s.o.Timeout)
			defer cancel()
			verdict, err = r.h.Judge(ctx, t.work)
			return err
		})
	} else {
		failed = errors.New(t.giveUp)
	}
	log := s.o.Log.With("trace", t.work.Trace, "subject", key, "head", t.work.Revision.Head, "attempt", t.work.Attempt)
	_, counts := r.again(failed, 1, began)
	nothingToDo := errors.Is(failed, job.ErrClosed) || errors.Is(failed, job.ErrJudged)
	counts = counts && !nothingToDo
	reason := failed // what people are told in the end
	var notGivenUp bool
	if failed != nil && context.Cause(ctx) == nil && counts && t.work.Last {
		log.Error("gives up", "error", failed)
		err := r.safely("give up", func() (err error) {
			ctx, cancel := context.WithTimeout(ctx, giveUpTimeout)
			defer cancel()
			verdict, err = r.h.GiveUp(ctx, t.work, failed)
			return err
		})
		failed, notGivenUp = err, err != nil
	}
	if failed != nil && context.Cause(ctx) == nil {
		if nothingToDo {
			log.Info("nothing to judge", "because", failed)
		} else {
			log.Warn("not judged", "error", failed)
		}
	}
	stopped := errors.Is(context.Cause(ctx), errStopping)
	return r.keep(t, func(ctx context.Context, x tx, own *subject, now time.Time) error {
		current := own.sequence == t.work.Sequence
		switch {
		case failed == nil:
			if err := s.judged(ctx, x, own, t, verdict, began, now); err != nil {
				return err
			}
		case !current: // the newer want has begun anew
		case errors.Is(failed, job.ErrClosed):
			if err := own.letGo(ctx, x, ""); err != nil {
				return err
			}
			if _, err := x.exec(ctx, `UPDATE commands SET done = true WHERE subject_key = ?1`, key); err != nil {
				return err
			}
			own.cancelled, own.refresh, own.done, own.attempt = true, false, own.sequence, 0
		case errors.Is(failed, job.ErrJudged):
			own.refresh, own.done, own.attempt, own.lastError, own.givingUp = false, own.sequence, 0, "", false
		case stopped:
			own.attempt = max(0, own.attempt-1)
		default:
			at, counts := r.again(failed, t.work.Attempt, now)
			switch {
			case notGivenUp:
				own.givingUp, own.lastError = true, reason.Error()
			case counts:
				own.lastError = failed.Error()
			default:
				own.attempt, own.lastError = max(0, own.attempt-1), failed.Error()
			}
			if err := postpone(ctx, x, key, laneJudge, at, now); err != nil {
				return err
			}
		}
		if failed == nil || errors.Is(failed, job.ErrJudged) {
			if err := own.next(ctx, x, now.UnixMilli()); err != nil {
				return err
			}
		}
		if err := own.save(ctx, x, false); err != nil {
			return err
		}
		return release(ctx, x, key)
	})
}

// judged keeps a verdict, and what it means for the subject.
func (s *Store) judged(ctx context.Context, x tx, own *subject, t *turn, v job.Verdict, began, now time.Time) error {
	if v.Subject == (job.Subject{}) {
		v.Subject = t.work.Subject
	}
	if v.Revision.Head == "" {
		v.Revision = t.work.Revision
	}
	if v.Trace == "" {
		v.Trace = t.work.Trace
	}
	if v.Began.IsZero() {
		v.Began = began
	}
	if v.Ended.IsZero() {
		v.Ended = s.o.Now()
	}
	work := t.work
	work.Revision = v.Revision
	key := work.Subject.Key()
	if v.CheckRun == 0 && own.checkRunHead == v.Revision.Head {
		v.CheckRun = own.checkRun
	}
	if err := insertVerdict(ctx, x, key, v, now.UnixMilli()); err != nil {
		return err
	}
	if err := s.learn(ctx, x, key, v, now.UnixMilli()); err != nil {
		return err
	}
	if err := carriedOut(ctx, x, work); err != nil {
		return err
	}
	if own.sequence != work.Sequence { // of a head that is not wanted any more; its check run is complete
		if _, err := x.exec(ctx, `DELETE FROM stale_check_runs WHERE subject_key = ?1 AND head = ?2`, key, v.Revision.Head); err != nil {
			return err
		}
		own.done = max(own.done, work.Sequence)
		return own.countStale(ctx, x)
	}
	if v.CheckRun != 0 {
		if err := own.setCheckRun(ctx, x, work, v.CheckRun); err != nil {
			return err
		}
	}
	own.revision = v.Revision
	own.done, own.doneHead = own.sequence, v.Revision.Head
	own.refresh, own.attempt, own.lastError, own.givingUp = false, 0, "", false
	return nil
}

// SetCheckRun keeps that a check run stands for the head of w, which has its turn now. An
// id that comes too late, when that head is not wanted any more, is kept too, for Cancelled.
func (s *Store) SetCheckRun(ctx context.Context, w job.Work, id int64) error {
	return s.during(ctx, w, func(ctx context.Context, x tx, own *subject) error { return own.setCheckRun(ctx, x, w, id) })
}

// SetAnnotated keeps how many annotations the check run of w has.
func (s *Store) SetAnnotated(ctx context.Context, w job.Work, n int) error {
	return s.during(ctx, w, func(_ context.Context, _ tx, own *subject) error {
		if own.checkRunHead == w.Revision.Head {
			own.annotated = int64(n)
		}
		return nil
	})
}

// during changes the subject of a turn that runs. It does not end with ctx, which a newer
// want cancels: what has happened at GitHub has happened.
func (s *Store) during(ctx context.Context, w job.Work, f func(context.Context, tx, *subject) error) error {
	t := s.running.get(w.Subject.Key())
	if t == nil || t.work.Sequence != w.Sequence {
		return ErrLost
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	return s.engine.write(ctx, func(x tx) error {
		own, err := s.held(ctx, x, t)
		if err != nil {
			return err
		}
		if err := f(ctx, x, own); err != nil {
			return err
		}
		return own.save(ctx, x, false)
	})
}
