package store

import (
	"context"
	"slices"
	"sync"
)

// A turnstile lets one through at a time: deliveries before all else, since somebody waits for their answer, but never two of
// them in a row while others wait; the others in the order in which they came.
type turnstile struct {
	mu        sync.Mutex
	taken     bool
	wasUrgent bool // who has it, or had it last
	urgent    []chan struct{}
	others    []chan struct{}
}

// enter waits for its turn, or for ctx to end.
func (t *turnstile) enter(ctx context.Context, urgent bool) error {
	t.mu.Lock()
	if !t.taken {
		t.taken, t.wasUrgent = true, urgent
		t.mu.Unlock()
		return nil
	}
	turn, queue := make(chan struct{}), &t.others
	if urgent {
		queue = &t.urgent
	}
	*queue = append(*queue, turn)
	t.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	i := slices.Index(*queue, turn)
	if i >= 0 {
		*queue = slices.Delete(*queue, i, i+1)
	}
	t.mu.Unlock()
	if i < 0 { // it came just now
		t.leave()
	}
	return ctx.Err()
}

// leave lets the next one through.
func (t *turnstile) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	queue := &t.others
	if len(t.urgent) > 0 && (!t.wasUrgent || len(t.others) == 0) {
		queue = &t.urgent
	}
	if len(*queue) == 0 {
		t.taken = false
		return
	}
	t.wasUrgent = queue == &t.urgent
	next := (*queue)[0]
	*queue = slices.Delete(*queue, 0, 1)
	close(next)
}

type urgentKey struct{}

// urgently makes the transactions of a context go before others.
func urgently(ctx context.Context) context.Context { return context.WithValue(ctx, urgentKey{}, true) }
