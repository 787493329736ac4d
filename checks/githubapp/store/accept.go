package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

// A request waits to be committed, together with others: on SQLite a commit costs a
// fsync, and a hundred deliveries can share one.
type request struct {
	delivery *job.Delivery // nil: the reconciler or a person
	trace    string
	wants    []job.Want
	fresh    bool
	done     chan error
}

const (
	batch         = 64               // requests in one transaction
	commitTimeout = 20 * time.Second // of one transaction
)

// ErrClosed is returned by a store that was closed.
var ErrClosed = errors.New("the store is closed")

// Accept keeps a delivery and what it wants, in one transaction; when it returns nil they
// are on disk. fresh is false for a redelivery, which changes nothing: what the first
// wanted is either done or still wanted, since both are kept in one transaction.
func (s *Store) Accept(ctx context.Context, d job.Delivery, wants []job.Want) (fresh bool, err error) {
	if d.ID == "" {
		return false, errors.New("accept a delivery: it has no id")
	}
	r := &request{delivery: &d, trace: d.ID, wants: wants}
	if err := s.submit(ctx, r); err != nil {
		return false, fmt.Errorf("keep delivery %s: %w", d.ID, err)
	}
	return r.fresh, nil
}

// Want keeps what the reconciler or a person wants. trace is the id by which logs are found.
func (s *Store) Want(ctx context.Context, trace string, wants []job.Want) error {
	if len(wants) == 0 {
		return nil
	}
	if err := s.submit(ctx, &request{trace: trace, wants: wants}); err != nil {
		return fmt.Errorf("keep what %s wants: %w", trace, err)
	}
	return nil
}

func (s *Store) submit(ctx context.Context, r *request) error {
	r.done = make(chan error, 1)
	select {
	case s.requests <- r:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.closing:
		return ErrClosed
	}
	select {
	case err := <-r.done:
		return err
	case <-ctx.Done(): // it may be kept all the same
		return ctx.Err()
	}
}

// commit takes requests as they come, as many as wait, and ends when the store closes.
func (s *Store) commit() {
	for {
		var group []*request
		select {
		case r := <-s.requests:
			group = append(group, r)
		case <-s.closing:
			return
		}
	more:
		for len(group) < batch {
			select {
			case r := <-s.requests:
				group = append(group, r)
			default:
				break more
			}
		}
		began := time.Now()
		err := s.apply(group)
		for i, r := range group {
			// One that cannot be kept must not take the others with it. Where a transaction
			// fails after a while, it is the database that does not answer.
			if err != nil && len(group) > 1 && time.Since(began) < time.Second {
				alone := s.apply(group[i : i+1])
				if r.done <- alone; alone == nil {
					began = time.Now()
				}
			} else {
				r.done <- err
			}
		}
	}
}

// apply commits requests in one transaction.
func (s *Store) apply(group []*request) error {
	ctx, stop := context.WithTimeout(urgently(context.Background()), commitTimeout)
	defer stop()
	var changed map[string]int64 // key -> its sequence
	err := s.engine.write(ctx, func(t tx) error {
		changed = map[string]int64{}
		b := &want{store: s, t: t, changed: changed, woken: map[wakeup]bool{}}
		now, err := s.engine.clock(ctx, t)
		if err != nil {
			return err
		}
		b.now = now.UnixMilli()
		for _, r := range group {
			r.fresh = true
			if r.delivery != nil {
				if r.fresh, err = seen(ctx, t, *r.delivery); err != nil {
					return err
				}
			}
			for _, w := range r.wants {
				if err := b.take(ctx, r, w); err != nil {
					return fmt.Errorf("%s: %w", w.Subject.Key(), err)
				}
			}
		}
		turns := make([]wakeup, 0, len(b.woken))
		for turn := range b.woken {
			turns = append(turns, turn)
		}
		return t.wake(ctx, turns)
	})
	if err != nil {
		return err
	}
	for _, r := range group {
		if r.delivery != nil {
			s.accepted.Add(1)
			if !r.fresh {
				s.duplicates.Add(1)
			}
		}
	}
	for key, sequence := range changed {
		s.running.supersede(key, sequence)
	}
	return nil
}

func seen(ctx context.Context, t tx, d job.Delivery) (fresh bool, err error) {
	var duplicates int64
	err = t.row(ctx, `INSERT INTO deliveries (id, event, action, installation, received, duplicates) VALUES (?1, ?2, ?3, ?4, ?5, 0)
		ON CONFLICT (id) DO UPDATE SET duplicates = deliveries.duplicates + 1 RETURNING duplicates`,
		d.ID, d.Event, d.Action, d.Installation, d.Received.UnixMilli()).Scan(&duplicates)
	return duplicates == 0, err
}

// A want is one transaction of wants.
type want struct {
	store   *Store
	t       tx
	now     int64
	changed map[string]int64
	woken   map[wakeup]bool
}

// take carries one want out.
func (b *want) take(ctx context.Context, r *request, w job.Want) error {
	key := w.Subject.Key()
	s, known, err := b.store.load(ctx, b.t, key)
	if err != nil {
		return err
	}
	if !r.fresh {
		if known && s.pending() && s.leaseOwner == "" {
			b.woken[s.wakeup()] = true
		}
		return nil
	}
	if !known {
		s = &subject{subject: w.Subject}
	}
	if w.Command != nil {
		s.sequence++ // of the want that brings it
		fresh, err := s.command(ctx, b.t, *w.Command, b.now)
		s.sequence--
		// Anybody can write a command: it does not break off the turn that runs, which is followed by one that has it.
		if err != nil || !fresh || known && s.leaseOwner != "" && s.lane == laneJudge {
			return err
		}
	}
	before := *s // its revision is the one that its check run stands for
	effect := s.decide(w, known)
	if effect == nothing {
		return nil
	}
	s.subject = w.Subject
	if w.Subject.Repository.DefaultBranch == "" {
		s.subject.Repository.DefaultBranch = before.subject.Repository.DefaultBranch
	}
	if effect != describe {
		keep := s.revision.Head
		if effect == cancel {
			keep = ""
		}
		if err := before.letGo(ctx, b.t, keep); err != nil {
			return err
		}
		s.stale, s.checkRun, s.checkRunHead, s.annotated = before.stale, before.checkRun, before.checkRunHead, before.annotated
		if !before.pending() {
			s.wantedAt = b.now
		}
		s.sequence++
		s.attempt, s.lastError, s.givingUp = 0, "", false
		s.reason, s.trace = w.Reason, r.trace
		b.changed[key] = s.sequence
		if effect == cancel && s.leaseOwner == "" && s.stale == 0 { // nobody has to be told
			s.announced, s.done = s.sequence, s.sequence
		}
	}
	if err := meet(ctx, b.t, s.subject.Installation, s.subject.Repository, b.now); err != nil {
		return err
	}
	if known {
		err = s.save(ctx, b.t, effect != describe)
	} else {
		var inserted bool
		if inserted, err = s.insert(ctx, b.t); err == nil && !inserted {
			return b.take(ctx, r, w) // another process was faster
		}
	}
	if err == nil && s.pending() && effect != describe {
		b.woken[s.wakeup()] = true
	}
	return err
}

// pending tells whether a turn is to come.
func (s *subject) pending() bool {
	return s.announced < s.sequence || s.done < s.sequence || s.stale > 0
}

func (s *subject) wakeup() wakeup {
	lane := laneJudge
	if s.announced < s.sequence || s.stale > 0 {
		lane = laneAnnounce
	}
	return wakeup{Key: s.subject.Key(), Sequence: s.sequence, Lane: lane}
}

// running is the turns of this process.
type running struct {
	mu    sync.Mutex
	turns map[string]*turn
}

func (r *running) get(key string) *turn {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.turns[key]
}

func (r *running) add(key string, t *turn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.turns[key] = t
}

func (r *running) remove(key string, t *turn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.turns[key] == t {
		delete(r.turns, key)
	}
}

// all is a copy.
func (r *running) all() map[string]*turn {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make(map[string]*turn, len(r.turns))
	for key, t := range r.turns {
		all[key] = t
	}
	return all
}

// supersede cancels the turn of a subject that works on an older want than sequence.
func (r *running) supersede(key string, sequence int64) {
	if t := r.get(key); t != nil && t.work.Sequence < sequence {
		t.cancel(job.ErrSuperseded)
	}
}
