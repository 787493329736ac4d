package store

import (
	"context"
	"encoding/json"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

// command keeps what a comment asked for, once. It is about the head that was the newest
// when the person wrote it. A head that came after that is not it: whoever pushes between
// an override and its delivery is not let pass by it.
func (w *subject) command(ctx context.Context, t tx, c job.Command, now int64) (fresh bool, err error) {
	c.Head = ""
	if !w.revision.Updated.After(c.At) {
		c.Head = w.revision.Head
	}
	text, err := json.Marshal(c)
	if err != nil {
		return false, err
	}
	n, err := t.exec(ctx, `INSERT INTO commands (subject_key, comment, line, command, sequence, done, at) VALUES (?1, ?2, ?3, ?4, ?5, false, ?6)
		ON CONFLICT (subject_key, comment, line) DO NOTHING`, w.subject.Key(), c.Comment, c.Line, string(text), w.sequence, now)
	return n > 0, err
}

// commands are those that no turn has carried out.
func commands(ctx context.Context, q querier, key string) ([]job.Command, error) {
	var all []job.Command
	err := each(ctx, q, func(r row) error {
		var text string
		if err := r.Scan(&text); err != nil {
			return err
		}
		var c job.Command
		if err := json.Unmarshal([]byte(text), &c); err != nil {
			return err
		}
		all = append(all, c)
		return nil
	}, `SELECT command FROM commands WHERE subject_key = ?1 AND NOT done ORDER BY comment, line`, key)
	return all, err
}

// CarriedOut ends the commands of a work that has its turn now: they are answered after that, so that no answer is given
// twice. judged tells that they had the head judged again: should the verdict not be kept, it is judged once more.
func (s *Store) CarriedOut(ctx context.Context, w job.Work, judged bool) error {
	return s.during(ctx, w, func(ctx context.Context, x tx, own *subject) error {
		if judged && own.sequence == w.Sequence {
			own.doneHead = ""
		}
		return carriedOut(ctx, x, w)
	})
}

// next wants a turn for the commands that came while the one that ends now was running.
func (w *subject) next(ctx context.Context, t tx, now int64) error {
	var waiting int
	err := t.row(ctx, `SELECT count(*) FROM commands WHERE subject_key = ?1 AND NOT done`, w.subject.Key()).Scan(&waiting)
	if err != nil || waiting == 0 || w.done < w.sequence {
		return err
	}
	w.sequence++
	w.announced = w.sequence // the turn asks GitHub for the head, and may have nothing to judge
	w.refresh, w.wantedAt, w.reason = true, now, "commands that came while it was judged"
	return nil
}

// carriedOut ends the commands that a turn had.
func carriedOut(ctx context.Context, t tx, work job.Work) error {
	for _, c := range work.Commands {
		if _, err := t.exec(ctx, `UPDATE commands SET done = true WHERE subject_key = ?1 AND comment = ?2 AND line = ?3`, work.Subject.Key(), c.Comment, c.Line); err != nil {
			return err
		}
	}
	return nil
}
