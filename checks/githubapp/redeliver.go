package githubapp

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/pmcheck/pmcheck/checks/githubapp/githubapi"
	"github.com/pmcheck/pmcheck/checks/githubapp/webhook"
)

const (
	// How long GitHub keeps deliveries: docs.github.com, "Redelivering webhooks".
	keptDotCom     = 3 * 24 * time.Hour
	keptEnterprise = 7 * 24 * time.Hour

	// redeliveries is how many deliveries one look asks for. Each is a write, of which GitHub allows about 180 a minute.
	redeliveries = 150

	// triesOfDelivery is how often one delivery is asked for again: one that always fails must not come back for days.
	triesOfDelivery = 5

	// listLag is how long a delivery may take to appear in GitHub's list.
	listLag = 2 * time.Minute

	cursorName = "deliveries"
)

// redeliver asks GitHub to send again what failed since the last look.
func (a *reconciler) redeliver(ctx context.Context, log *slog.Logger) error {
	began := a.now()
	since := began.Add(-a.kept())
	text, err := a.store.Cursor(ctx, cursorName)
	if err != nil {
		return err
	}
	if last, err := time.Parse(time.RFC3339, text); err == nil && last.After(since) {
		since = last
	}
	failed, err := a.failed(ctx, since)
	if err != nil {
		return err
	}
	next := began.Add(-listLag)
	asked := 0
	for _, d := range failed {
		if a.tries[d.GUID] >= triesOfDelivery {
			continue
		}
		if asked == redeliveries {
			next = d.At // the next look goes on here
			break
		}
		if done, err := a.store.Delivered(ctx, d.GUID); err != nil {
			return err
		} else if done { // only the answer was lost
			continue
		}
		if err := a.github.Redeliver(ctx, d.ID); err != nil {
			return err
		}
		asked++
		a.tries[d.GUID]++
		a.metrics.Redelivered()
		log.InfoContext(ctx, "asked for a delivery again", "delivery", d.GUID, "event", d.Event, "action", d.Action, "status", d.Code, "at", d.At)
	}
	if len(a.tries) > 10_000 {
		clear(a.tries)
	}
	return a.store.SetCursor(ctx, cursorName, next.UTC().Format(time.RFC3339))
}

// failed returns one attempt of each event that something follows from and of which no attempt was OK, the oldest first.
func (a *reconciler) failed(ctx context.Context, since time.Time) ([]githubapi.Delivery, error) {
	failed := map[string]githubapi.Delivery{}
	succeeded := map[string]bool{} // by a later attempt: a first attempt that succeeded has no other
	err := a.github.Deliveries(ctx, since, func(page []githubapi.Delivery) error {
		for _, d := range page {
			switch {
			case d.Status == "OK" && d.Redelivery:
				succeeded[d.GUID] = true
			case d.Status == "OK" || succeeded[d.GUID] || !webhook.Takes(d.Event, d.Action) || refused(d.Code):
			default:
				failed[d.GUID] = d
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var oldest []githubapi.Delivery
	for guid, d := range failed {
		if !succeeded[guid] {
			oldest = append(oldest, d)
		}
	}
	slices.SortFunc(oldest, func(x, y githubapi.Delivery) int { return x.At.Compare(y.At) })
	return oldest, nil
}

// refused tells an answer of this App by which the same delivery would be answered again.
func refused(code int) bool { return code == 413 || code == 422 }

func (a *App) kept() time.Duration {
	if a.config.GitHub.Host == "github.com" {
		return keptDotCom
	}
	return keptEnterprise
}
