package store

import (
	"context"
	"time"
)

// keepFor is how long deliveries, and verdicts but the newest of each pull request, are kept.
// GitHub redelivers for three days.
const keepFor = 30 * 24 * time.Hour

// prune removes what is old, in small transactions: deliveries have to be accepted meanwhile.
func (s *Store) prune(ctx context.Context) {
	now, err := s.engine.clock(ctx, s.engine.reader())
	if err != nil {
		return // the next hour
	}
	old, ms := now.Add(-keepFor).UnixMilli(), now.UnixMilli()
	for _, p := range []struct {
		what, query string
		before      int64
	}{
		{"deliveries", `DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE received < ?1 LIMIT 500)`, old},
		{"verdicts", `DELETE FROM verdicts WHERE id IN (SELECT v.id FROM verdicts v WHERE v.ended < ?1
			AND (v.number = 0 OR EXISTS (SELECT 1 FROM verdicts n WHERE n.subject_key = v.subject_key AND n.id > v.id)) LIMIT 100)`, old},
		{"overrides", `DELETE FROM overrides WHERE at < ?1 AND NOT EXISTS (SELECT 1 FROM subjects s WHERE s.subject_key = overrides.subject_key AND s.head = overrides.head AND NOT s.cancelled)`, old},
		{"commands", `DELETE FROM commands WHERE at < ?1 AND done`, old},
		{"deploys", `DELETE FROM deploys WHERE deploy_key IN (SELECT deploy_key FROM deploys WHERE updated < ?1 AND done >= sequence LIMIT 500)`, old},
		{"merge groups", `DELETE FROM subjects WHERE subject_key IN (SELECT s.subject_key FROM subjects s WHERE s.number = 0 AND s.wanted_at < ?1
			AND s.done = s.sequence AND s.announced = s.sequence AND s.stale = 0 AND s.lease_owner = '' LIMIT 500)`, old},
		{"sessions", `DELETE FROM sessions WHERE token IN (SELECT token FROM sessions WHERE expires < ?1 LIMIT 500)`, ms},
	} {
		for total := int64(0); ; {
			n, err := s.write(ctx, p.query, p.before)
			total += n
			if err != nil {
				if ctx.Err() == nil {
					s.o.Log.Warn("could not remove what is old; the next hour tries again", "what", p.what, "error", err)
				}
				return
			}
			if n < 100 {
				if total > 0 {
					s.o.Log.Info("removed what is old", "what", p.what, "rows", total)
				}
				break
			}
		}
	}
}
