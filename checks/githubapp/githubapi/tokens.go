package githubapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
)

// tokenMargin is how long a token that is handed out is good for at least: a fetch
// takes minutes. GitHub's last an hour.
const tokenMargin = 10 * time.Minute

// tokens keeps an installation's token.
type tokens struct {
	g            *GitHub
	installation int64
	renewing     chan struct{} // holds one while a token is asked for: waiting for it ends with the context

	mu      sync.Mutex
	token   string
	expires time.Time
}

func newTokens(g *GitHub, installation int64) *tokens {
	return &tokens{g: g, installation: installation, renewing: make(chan struct{}, 1)}
}

// cached is the token if it is good for margin.
func (t *tokens) cached(margin time.Duration) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token == "" || t.g.options.Now().Add(margin).After(t.expires) {
		return ""
	}
	return t.token
}

// invalidate forgets that token, if it is still the one.
func (t *tokens) invalidate(token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token == token {
		t.token = ""
	}
}

func (t *tokens) get(ctx context.Context) (string, error) {
	if token := t.cached(tokenMargin); token != "" {
		return token, nil
	}
	select {
	case t.renewing <- struct{}{}:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	defer func() { <-t.renewing }()
	if token := t.cached(tokenMargin); token != "" {
		return token, nil // somebody else has asked meanwhile
	}
	token, expires, err := t.renew(ctx)
	if err != nil {
		if old := t.cached(time.Minute); old != "" && ctx.Err() == nil && !errors.Is(err, ErrNoInstallation) {
			t.g.options.Log.WarnContext(ctx, "the installation's token could not be renewed; the old one is good for a while",
				"installation", t.installation, "error", err)
			return old, nil
		}
		return "", err
	}
	t.mu.Lock()
	t.token, t.expires = token, expires
	t.mu.Unlock()
	return token, nil
}

// renew asks GitHub for a token. The library's transport is used once: it locks while it
// waits, cannot forget a token, and its copies share what they write.
func (t *tokens) renew(ctx context.Context) (string, time.Time, error) {
	ctx = withCall(ctx, call{route: "/app/installations/{installation_id}/access_tokens", repeat: true})
	apps := ghinstallation.NewAppsTransportFromPrivateKey(t.g.transport(0), t.g.options.AppID, t.g.key)
	apps.BaseURL = t.g.api.String()
	one := ghinstallation.NewFromAppsTransport(apps, t.installation)
	token, err := one.Token(ctx)
	if err == nil {
		expires, _, err := one.Expiry()
		if err != nil || token == "" {
			return "", time.Time{}, fmt.Errorf("installation %d: GitHub's answer has no token", t.installation)
		}
		return token, expires, nil
	}
	if ctx.Err() != nil {
		return "", time.Time{}, ctx.Err()
	}
	var refused *ghinstallation.HTTPError
	if !errors.As(err, &refused) || refused.Response == nil {
		return "", time.Time{}, fmt.Errorf("token of installation %d: %w", t.installation, errors.Unwrap(err))
	}
	resp := refused.Response
	switch problem := newError(resp); resp.StatusCode {
	case http.StatusNotFound, http.StatusForbidden:
		t.g.drop(t.installation)
		return "", time.Time{}, fmt.Errorf("installation %d: %w: %w", t.installation, ErrNoInstallation, problem)
	case http.StatusUnauthorized:
		return "", time.Time{}, fmt.Errorf("installation %d: GitHub does not take the App's signature. Is it the App's newest private key, "+
			"is %d the App's id, and is this machine's clock right? %w", t.installation, t.g.options.AppID, problem)
	default:
		return "", time.Time{}, fmt.Errorf("token of installation %d: %w", t.installation, problem)
	}
}
