package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Lease gives a name to one process at a time, for that long or until release. held is
// false while another process has it.
func (s *Store) Lease(ctx context.Context, name string, d time.Duration) (held bool, release func(), err error) {
	var value string
	var n int64
	err = s.engine.write(ctx, func(t tx) error {
		now, err := s.engine.clock(ctx, t)
		if err != nil {
			return err
		}
		value = fmt.Sprintf("%016d %s", now.Add(d).UnixMilli(), newOwner())
		// One that reaches further than any lease does is from before the clock was put back.
		n, err = t.exec(ctx, `INSERT INTO cursors (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value
			WHERE cursors.value < ?3 OR cursors.value > ?4`,
			"lease "+name, value, fmt.Sprintf("%016d", now.UnixMilli()), fmt.Sprintf("%016d", now.Add(2*d).UnixMilli()))
		return err
	})
	if err != nil {
		return false, nil, fmt.Errorf("lease %s: %w", name, err)
	}
	release = func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
		defer cancel()
		if _, err := s.write(ctx, `DELETE FROM cursors WHERE name = ?1 AND value = ?2`, "lease "+name, value); err != nil {
			s.o.Log.Warn("a lease was not given back; it ends by itself", "name", name, "error", err)
		}
	}
	return n > 0, release, nil
}

// Delivered tells whether a delivery was accepted.
func (s *Store) Delivered(ctx context.Context, id string) (bool, error) {
	var found int64
	err := s.engine.reader().row(ctx, `SELECT 1 FROM deliveries WHERE id = ?1`, id).Scan(&found)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return false, fmt.Errorf("look for delivery %s: %w", id, err)
	}
	return found == 1, nil
}

// JudgedBefore tells whether there was a verdict on a subject's head at a time.
func (s *Store) JudgedBefore(ctx context.Context, subjectKey, head string, at time.Time) (bool, error) {
	var found int64
	err := s.engine.reader().row(ctx, `SELECT count(*) FROM verdicts WHERE subject_key = ?1 AND head = ?2 AND ended <= ?3`, subjectKey, head, at.UnixMilli()).Scan(&found)
	if err != nil {
		return false, fmt.Errorf("look for verdicts on %s: %w", head, err)
	}
	return found > 0, nil
}
