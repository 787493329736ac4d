package store

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
	"github.com/riverqueue/river"
)

// A Handler does the work. Its functions are called by many goroutines, but for one
// subject never two at a time, in no process. Their contexts end with the cause
// job.ErrSuperseded when a newer want came, and with [ErrLost] when another process took over.
type Handler struct {
	// Announce tells that the work waits, at once, and returns the check run that stands
	// for it. With Work.Refresh the head may be an old one. After a job.RetryAfter it is called again; after another error Judge goes
	// ahead with no check run known.
	Announce func(context.Context, job.Work) (checkRun int64, err error)
	// Judge does the work. A job.RetryAfter error does not count as an attempt;
	// job.ErrClosed says that GitHub, when asked, has the subject closed, job.ErrJudged
	// that it has nothing newer than what was judged.
	Judge func(context.Context, job.Work) (job.Verdict, error)
	// GiveUp makes the verdict that people see of the error that the last attempt ended in.
	// It is tried until it succeeds.
	GiveUp func(context.Context, job.Work, error) (job.Verdict, error)
	// Cancelled tells that nobody judges the work's head any more; Work.CheckRun is what
	// stands for it, 0 where one may have been made and was not kept. It is called for
	// heads that were superseded too.
	Cancelled func(context.Context, job.Work) error
}

// errStopping is the cause of a turn's context ending with Run: the turn is handed back.
var errStopping = errors.New("the process stops")

// A run is one call of Run.
type run struct {
	store    *Store
	h        Handler
	owner    string
	alone    bool            // no other process works on the database
	base     context.Context // of turns
	stopping atomic.Bool
	claiming sync.Mutex
	active   map[string]*atomic.Int64 // lane -> workers that look for turns or have one
	renewed  atomic.Pointer[time.Time]
}

func newRun(base context.Context, s *Store, h Handler) *run {
	r := &run{store: s, h: h, owner: newOwner(), base: base, active: map[string]*atomic.Int64{laneAnnounce: {}, laneJudge: {}}}
	now := time.Now()
	r.renewed.Store(&now)
	return r
}

func (r *run) workers(lane string) int {
	if lane == laneJudge {
		return r.store.o.Workers
	}
	return r.store.o.Announcers
}

func (r *run) perInstallation(lane string) int {
	if n := r.store.o.PerInstallation; lane == laneJudge && n > 0 {
		return n
	}
	return max(1, r.workers(lane)/2)
}

type riverWorker struct {
	river.WorkerDefaults[wakeup]
	run *run
}

// Work takes turns for as long as there are some. An error is no reason for River to try
// again: what was not done stays in the table, and is found by the next poll.
func (w *riverWorker) Work(_ context.Context, j *river.Job[wakeup]) error {
	w.run.takeTurns(j.Args.Lane)
	return nil
}

// Run works with h until ctx ends. Then it takes no more turns, waits for those that run,
// up to Options.Grace, and hands the rest back. On SQLite it waits at first for another
// process that works on the same file to end.
func (s *Store) Run(ctx context.Context, h Handler) error {
	alone, leave, err := s.engine.alone(ctx, s.o.Log)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	defer leave()
	if alone {
		if err := s.engine.write(ctx, func(t tx) error {
			_, err := t.exec(ctx, `UPDATE subjects SET lane = '', lease_owner = '', lease_until = 0 WHERE lease_owner <> ''`)
			return err
		}); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("take over what an earlier process left: %w", err)
		}
	}
	base, hardStop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer hardStop(errStopping)
	r := newRun(base, s, h)
	r.alone = alone
	workers := river.NewWorkers()
	river.AddWorker(workers, &riverWorker{run: r})
	queue, err := s.engine.queue(workers, map[string]river.QueueConfig{
		laneAnnounce: {MaxWorkers: s.o.Announcers},
		laneJudge:    {MaxWorkers: s.o.Workers},
	}, s.o.Timeout+turnsLimit+giveUpTimeout+time.Minute)
	if err != nil {
		return err
	}
	if err := queue.Start(base); err != nil {
		return fmt.Errorf("start to work: %w", err)
	}
	var loops sync.WaitGroup
	ticking, stopTicking := context.WithCancel(base)
	defer loops.Wait()
	defer stopTicking()
	loops.Go(func() { every(ticking, s.o.Poll, r.sweep) })
	loops.Go(func() { every(ticking, s.o.Lease/3, r.renew) })
	loops.Go(func() { every(ticking, time.Hour, s.prune) })

	<-ctx.Done()
	r.stopping.Store(true)
	stop := func(d time.Duration) error {
		graceful, cancel := context.WithTimeout(context.WithoutCancel(ctx), d)
		defer cancel()
		return queue.Stop(graceful)
	}
	if stop(s.o.Grace) == nil {
		return nil
	}
	hardStop(errStopping)
	if err := stop(handBack); err != nil {
		return fmt.Errorf("%d turns did not end in time; another process takes them over when their lease ends", len(s.running.all()))
	}
	return nil
}

const (
	turnsLimit    = time.Minute      // how long one River job goes on taking turns
	giveUpTimeout = 2 * time.Minute  // for GiveUp, after the turn's own time
	handBack      = 10 * time.Second // for handlers to notice that their context has ended
	keepTries     = 2 * time.Minute  // to keep how a turn ended, before it has to begin anew
)

// every calls f at once and then every d.
func every(ctx context.Context, d time.Duration, f func(context.Context)) {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for {
		f(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (r *run) takeTurns(lane string) {
	r.active[lane].Add(1)
	defer r.active[lane].Add(-1)
	for began := time.Now(); !r.stopping.Load(); {
		t, err := r.claim(r.base, lane)
		if err != nil {
			r.store.o.Log.Error("no turn taken; the next poll tries again", "lane", lane, "error", err)
			return
		}
		if t == nil {
			return
		}
		r.take(t)
		if time.Since(began) > turnsLimit {
			if err := r.store.engine.write(r.base, func(x tx) error { return x.wake(r.base, []wakeup{{Lane: lane}}) }); err != nil {
				r.store.o.Log.Warn("no wake-up for what follows; the next poll makes one", "lane", lane, "error", err)
			}
			return
		}
	}
}

// take carries out a turn.
func (r *run) take(t *turn) {
	s, key := r.store, t.work.Subject.Key()
	defer s.running.remove(key, t)
	defer t.cancel(nil)
	log := s.o.Log.With("trace", t.work.Trace, "subject", key, "head", t.work.Revision.Head, "sequence", t.work.Sequence, "lane", t.lane)
	log.Debug("turn begins", "attempt", t.work.Attempt, "reason", t.work.Reason)
	var err error
	if t.lane == laneAnnounce {
		err = r.announce(t.ctx, t)
	} else {
		err = r.judge(t.ctx, t)
	}
	switch {
	case errors.Is(err, ErrLost):
		log.Warn("turn ends without effect: another process has taken the subject over")
	case err != nil:
		log.Error("how the turn ended could not be kept; it begins anew", "error", err)
	}
}

// safely makes an error of a panic.
func (r *run) safely(what string, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			r.store.o.Log.Error("panic", "in", what, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = fmt.Errorf("%s: panic: %v", what, p)
		}
	}()
	return f()
}

// keep writes how a turn ended, and tries for as long as its lease is surely its own, or
// where nobody else can take it, for a while.
func (r *run) keep(t *turn, f func(ctx context.Context, x tx, s *subject, now time.Time) error) error {
	s := r.store
	for began := time.Now(); ; {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.base), commitTimeout)
		err := s.engine.write(ctx, func(x tx) error {
			own, err := s.held(ctx, x, t)
			if err != nil {
				return err
			}
			now, err := s.engine.clock(ctx, x)
			if err != nil {
				return err
			}
			if err := f(ctx, x, own, now); err != nil {
				return err
			}
			superseded := own.sequence > t.work.Sequence
			announced := t.lane == laneAnnounce && own.announced >= own.sequence && own.done < own.sequence
			if superseded || announced || t.lane == laneJudge && own.stale > 0 {
				return x.wake(ctx, []wakeup{own.wakeup()})
			}
			return nil
		})
		cancel()
		if err == nil || errors.Is(err, ErrLost) || r.overdue() || time.Since(began) > keepTries {
			return err
		}
		s.o.Log.Warn("could not keep how a turn ended; trying again", "trace", t.work.Trace, "subject", t.work.Subject.Key(), "error", err)
		select {
		case <-time.After(min(s.o.Poll, s.o.Lease/10)):
		case <-s.closing:
			return err
		}
	}
}

// overdue tells that other processes may take the leases of this one. The time goes by the
// monotonic clock, and leaves a third of the lease to notice.
func (r *run) overdue() bool {
	return !r.alone && time.Since(*r.renewed.Load()) > r.store.o.Lease*2/3
}

// renew prolongs the leases of this run, and ends turns that were superseded or lost.
// Turns end too when the database has not answered for so long that another process may
// have them soon. A lease without a turn, of which the end could not be kept, is given back.
func (r *run) renew(ctx context.Context) {
	s := r.store
	began := time.Now()
	held := map[string]int64{}
	r.claiming.Lock() // or a turn that is being taken is neither here nor there
	defer r.claiming.Unlock()
	before := s.running.all()
	limited, stop := context.WithTimeout(ctx, s.o.Lease/3)
	defer stop()
	err := s.engine.write(limited, func(t tx) error {
		ctx := limited
		clear(held)
		now, err := s.engine.clock(ctx, t)
		if err != nil {
			return err
		}
		if err := each(ctx, t, func(row row) error {
			var key string
			var lease int64
			err := row.Scan(&key, &lease)
			held[key] = lease
			return err
		}, `UPDATE subjects SET lease_until = ?1 WHERE lease_owner = ?2 RETURNING subject_key, lease`, now.Add(s.o.Lease).UnixMilli(), r.owner); err != nil {
			return err
		}
		for key := range held {
			if before[key] == nil {
				if err := release(ctx, t, key); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err == nil {
		r.renewed.Store(&began)
	} else if ctx.Err() != nil {
		return
	} else {
		s.o.Log.Warn("leases could not be renewed", "error", err)
		if !r.overdue() {
			return
		}
	}
	for key, t := range before {
		if t.owner == r.owner && (err != nil || held[key] != t.lease) {
			t.cancel(ErrLost)
		}
	}
}

// sweep is what makes up for every wake-up that was lost, and for those that River's own
// clock holds back: it wakes as many workers as are idle and have something to do. It
// also notices wants that other processes took.
func (r *run) sweep(ctx context.Context) {
	s := r.store
	ctx, stop := context.WithTimeout(ctx, commitTimeout)
	defer stop()
	fail := func(err error) {
		if ctx.Err() == nil {
			s.o.Log.Warn("no look at what is due; the next poll tries again", "error", err)
		}
	}
	if err := each(ctx, s.engine.reader(), func(row row) error {
		var key string
		var sequence int64
		if err := row.Scan(&key, &sequence); err != nil {
			return err
		}
		s.running.supersede(key, sequence)
		return nil
	}, `SELECT subject_key, sequence FROM subjects WHERE lease_owner = ?1`, r.owner); err != nil {
		fail(err)
		return
	}
	now, err := s.engine.clock(ctx, s.engine.reader())
	if err != nil {
		fail(err)
		return
	}
	for _, lane := range []string{laneAnnounce, laneJudge} {
		idle := r.workers(lane) - int(r.active[lane].Load())
		if idle <= 0 {
			continue
		}
		var due int
		if err := s.engine.reader().row(ctx, "SELECT count(*) FROM (SELECT 1"+claimable(lane)+" LIMIT ?6) due", append(r.claimArgs(now, lane), idle)...).Scan(&due); err != nil {
			fail(err)
			return
		}
		if due == 0 {
			continue
		}
		turns := make([]wakeup, due)
		for i := range turns {
			turns[i].Lane = lane
		}
		if err := s.engine.write(ctx, func(t tx) error { return t.wake(ctx, turns) }); err != nil {
			fail(err)
			return
		}
	}
}
