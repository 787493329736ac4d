package githubapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/go-github/v62/github"
)

// An App is what GitHub knows of the App.
type App struct {
	ID          int64             `json:"id"`
	Slug        string            `json:"slug"`
	Name        string            `json:"name"`
	HTMLURL     string            `json:"html_url"`
	Permissions map[string]string `json:"permissions"` // "checks": "write"
	Events      []string          `json:"events"`      // without those that every App gets
	Owner       struct {
		Login string `json:"login"`
	} `json:"owner"`
}

// App is the App that the private key belongs to.
func (g *GitHub) App(ctx context.Context) (App, error) {
	var a App
	err := do(ctx, g.app, http.MethodGet, "app", call{route: "/app"}, nil, &a)
	if err != nil {
		return a, fmt.Errorf("the App at GitHub: %w", g.signature(err))
	}
	return a, nil
}

// signature says what a 401 as the App means.
func (g *GitHub) signature(err error) error {
	var e *Error
	if errors.As(err, &e) && e.Status == http.StatusUnauthorized {
		return fmt.Errorf("GitHub does not take the App's signature. Is it the App's newest private key, is %d the App's id, and is this machine's clock right? %w",
			g.options.AppID, err)
	}
	return err
}

// An Installation is where the App is installed.
type Installation struct {
	ID          int64             `json:"id"`
	Permissions map[string]string `json:"permissions"` // that its owner has granted
	Events      []string          `json:"events"`
	SuspendedAt *time.Time        `json:"suspended_at"` // nil: it is not
	Account     struct {
		Login string `json:"login"`
	} `json:"account"`
}

// Installations are all installations of the App, suspended ones too.
func (g *GitHub) Installations(ctx context.Context) ([]Installation, error) {
	var all []Installation
	for page := 1; ; {
		req, err := g.app.NewRequest(http.MethodGet, fmt.Sprintf("app/installations?per_page=100&page=%d", page), nil)
		if err != nil {
			return nil, err
		}
		var some []Installation
		resp, err := g.app.Do(withCall(ctx, call{route: "/app/installations"}), req, &some)
		if err != nil {
			return nil, fmt.Errorf("the App's installations: %w", g.signature(explain(ctx, err)))
		}
		all = append(all, some...)
		if page = resp.NextPage; page == 0 {
			return all, nil
		}
	}
}

// A Delivery is an attempt to deliver an event to the App, as GitHub keeps it for three
// days (seven on an Enterprise Server).
type Delivery struct {
	ID           int64  // of the attempt
	GUID         string // of the event: attempts to deliver the same event share it
	At           time.Time
	Redelivery   bool
	Status       string // "OK", or what went wrong
	Code         int    // our answer's; 0 when there was none
	Event        string
	Action       string
	Installation int64
	Repository   int64
}

// Deliveries hands out the attempts since then in pages of up to 100, newest first. An
// error of each ends it.
func (g *GitHub) Deliveries(ctx context.Context, since time.Time, each func([]Delivery) error) error {
	options := &github.ListCursorOptions{PerPage: 100}
	for {
		page, resp, err := g.app.Apps.ListHookDeliveries(withCall(ctx, call{route: "/app/hook/deliveries"}), options)
		if err != nil {
			return fmt.Errorf("deliveries to the App: %w", g.signature(explain(ctx, err)))
		}
		var some []Delivery
		old := false
		for _, d := range page {
			if d.GetDeliveredAt().Before(since) {
				old = true
				break
			}
			some = append(some, Delivery{
				ID: d.GetID(), GUID: d.GetGUID(), At: d.GetDeliveredAt().Time, Redelivery: d.GetRedelivery(),
				Status: d.GetStatus(), Code: d.GetStatusCode(), Event: d.GetEvent(), Action: d.GetAction(),
				Installation: d.GetInstallationID(), Repository: d.GetRepositoryID(),
			})
		}
		if len(some) > 0 {
			if err := each(some); err != nil {
				return err
			}
		}
		if old || resp.Cursor == "" || resp.Cursor == options.Cursor {
			return nil
		}
		options.Cursor = resp.Cursor
	}
}

// Redeliver asks GitHub to deliver again, by an attempt's id. The new attempt has the
// same GUID; the receiver knows what it has processed, so it may be asked for twice.
func (g *GitHub) Redeliver(ctx context.Context, id int64) error {
	_, _, err := g.app.Apps.RedeliverHookDelivery(withCall(ctx, call{route: "/app/hook/deliveries/{delivery_id}/attempts", repeat: true}), id)
	var accepted *github.AcceptedError // 202 is the answer, and an error to the library
	if err == nil || errors.As(err, &accepted) {
		return nil
	}
	return fmt.Errorf("delivery %d again: %w", id, g.signature(explain(ctx, err)))
}

// A HookConfig is where GitHub delivers the App's events.
type HookConfig struct {
	URL         string `json:"url"`
	ContentType string `json:"content_type"` // json, form
	InsecureSSL any    `json:"insecure_ssl"` // "1" or 1: certificates are not checked
}

// HookConfig asks for it; the secret is never in the answer.
func (g *GitHub) HookConfig(ctx context.Context) (HookConfig, error) {
	var c HookConfig
	err := do(ctx, g.app, http.MethodGet, "app/hook/config", call{route: "/app/hook/config"}, nil, &c)
	if err != nil {
		return c, fmt.Errorf("the App's webhook: %w", g.signature(err))
	}
	return c, nil
}
