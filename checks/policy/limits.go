package policy

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"github.com/open-policy-agent/opa/v1/topdown"
)

// limits bound what judging a change may cost.
type limits struct {
	facts   int           // bytes of the facts
	modules int           // files of the project's own
	module  int           // bytes of one of them
	nesting int           // of brackets in one of them
	time    time.Duration // to evaluate a built-in rule; these are known to end
	ownTime time.Duration // to read, to compile, and to evaluate a rule of the project's own
	heap    uint64        // bytes that the heap may grow by while that runs
}

var defaultLimits = limits{
	facts:   64 << 20,
	modules: 500,
	module:  64 << 10,
	nesting: 100,
	time:    time.Minute,
	ownTime: 10 * time.Second,
	heap:    256 << 20,
}

var (
	errTime   = errors.New("did not end in time")
	errMemory = errors.New("needs too much memory")
)

// grace is how long work may take to notice that it was cancelled.
const grace = 250 * time.Millisecond

// run runs work of built-in rules here, until it ends or heeds its cancellation:
// the stack, which grows deep, is then the same for all of them.
func (l limits) run(ctx context.Context, work func(topdown.Cancel) error) error {
	ctx, stop := context.WithTimeoutCause(ctx, l.time, fmt.Errorf("%w: more than %s", errTime, l.time))
	defer stop()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	cancel := topdown.NewCancel()
	defer context.AfterFunc(ctx, cancel.Cancel)()
	err := recovered(work, cancel)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// runOwn runs work of the project's own rules until it ends or a limit is met.
// Work that does not heed its cancellation is left behind: only the end of the
// process ends it.
func (l limits) runOwn(ctx context.Context, work func(topdown.Cancel) error) error {
	cancel := topdown.NewCancel()
	done := make(chan error, 1)
	go func() { done <- recovered(work, cancel) }()
	deadline, tick := time.NewTimer(l.ownTime), time.NewTicker(5*time.Millisecond)
	defer deadline.Stop()
	defer tick.Stop()
	for ceiling := heapBytes() + l.heap; ; {
		select {
		case err := <-done:
			return err
		case <-tick.C:
			if heapBytes() < ceiling {
				continue
			}
			return abandon(cancel, done, fmt.Errorf("%w: more than %d MB", errMemory, l.heap>>20))
		case <-deadline.C:
			return abandon(cancel, done, fmt.Errorf("%w: more than %s", errTime, l.ownTime))
		case <-ctx.Done():
			return abandon(cancel, done, ctx.Err())
		}
	}
}

func recovered(work func(topdown.Cancel) error, cancel topdown.Cancel) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the policy engine failed: %v\n%s", p, debug.Stack())
		}
	}()
	return work(cancel)
}

// isAbandoned tells that work was cut off, and may not have ended yet.
func isAbandoned(err error) bool {
	return errors.Is(err, errTime) || errors.Is(err, errMemory) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

func abandon(cancel topdown.Cancel, done <-chan error, reason error) error {
	cancel.Cancel()
	select {
	case <-done:
	case <-time.After(grace):
	}
	return reason
}

// heapBytes is the size of the objects on the heap.
func heapBytes() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
