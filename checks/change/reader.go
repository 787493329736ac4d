package change

import (
	"context"
	"fmt"
	"sync"
)

// reader reads objects for both trees of a Change.
type reader struct {
	ctx    context.Context // of the Change
	git    git
	index  *objects        // finds names, types and sizes
	absent map[string]bool // what a partial clone lacks

	mu       sync.Mutex
	contents *objects // started with the first file that is read
}

func newReader(ctx context.Context, g git) (*reader, error) {
	index, err := startObjects(ctx, g, false)
	if err != nil {
		return nil, err
	}
	return &reader{ctx: ctx, git: g, index: index}, nil
}

func (r *reader) startContents() (*objects, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.contents == nil {
		contents, err := startObjects(r.ctx, r.git, true)
		if err != nil {
			return nil, err
		}
		r.contents = contents
	}
	return r.contents, nil
}

func (r *reader) close() {
	r.index.close()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.contents != nil {
		r.contents.close()
	}
}

// receive waits for an answer or the end of ctx.
func receive(ctx context.Context, answer <-chan object) (object, error) {
	select {
	case found := <-answer:
		return found, found.err
	case <-ctx.Done():
		return object{}, context.Cause(ctx)
	}
}

// explain adds to the failure of a command that reads trees that a partial clone may lack them.
func (r *reader) explain(err error) error {
	if err == nil || len(r.absent) == 0 {
		return err
	}
	return fmt.Errorf("%w: %w", errNotFetched, err)
}

// errNotFetched is ErrNotFetched with what to do.
var errNotFetched = fmt.Errorf("%w: run `git fetch --refetch --no-filter origin` first, or clone without --filter (CircleCI: checkout with `method: full`)", ErrNotFetched)
