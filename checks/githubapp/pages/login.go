package pages

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// pending is a login that has begun: GitHub has to send its state back to the browser
// that began it. Several may be pending, one for each tab.
type pending struct {
	State, Verifier, Next string
	Until                 time.Time
}

const maxPending = 5

// safeNext is where a login leads to: one of our own pages, or the first.
func safeNext(next string) string {
	u, err := url.Parse(next)
	if err != nil || len(next) > 500 || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" || strings.ContainsFunc(u.Path, func(r rune) bool { return r < ' ' || r == '\\' || r == 0x7f }) {
		return "/"
	}
	if path.Clean(u.Path) != u.Path || (u.Path != "/" && u.Path != "/postmortems" && !strings.HasPrefix(u.Path, "/r/")) {
		return "/"
	}
	return (&url.URL{Path: u.Path, RawQuery: u.Query().Encode()}).String()
}

func (s *server) loginPage(w http.ResponseWriter, r *http.Request) {
	next := safeNext(r.URL.Query().Get("next"))
	switch _, err := s.reader(r.Context()); {
	case err == nil:
		http.Redirect(w, r, next, http.StatusSeeOther)
	case !errors.Is(err, errNobody):
		s.failed(w, r, nil, err)
	default:
		s.showLogin(w, r, http.StatusOK, next, "")
	}
}

func (s *server) showLogin(w http.ResponseWriter, r *http.Request, status int, next, problem string) {
	// Chromium holds a form's redirects against form-action too.
	w.Header().Set("Content-Security-Policy", strings.Replace(pagePolicy, "form-action 'self'", "form-action 'self' "+s.web, 1))
	s.show(w, r, status, nil, "login", "Sign in", struct{ Next, Problem string }{next, problem})
}

// beginLogin sends the browser to GitHub.
func (s *server) beginLogin(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 4096)
	ctx, now := r.Context(), s.Now()
	next := safeNext(r.PostFormValue("next"))
	switch _, err := s.reader(ctx); {
	case err == nil:
		http.Redirect(w, r, next, http.StatusSeeOther) // another tab was faster
		return
	case !errors.Is(err, errNobody):
		s.failed(w, r, nil, err)
		return
	}
	login := pending{State: oauth2.GenerateVerifier(), Verifier: oauth2.GenerateVerifier(), Next: next, Until: now.Add(loginTime)}
	logins := append(s.pending(ctx), login)
	if len(logins) > maxPending {
		logins = logins[len(logins)-maxPending:]
	}
	if err := s.keep(ctx, logins); err != nil {
		s.failed(w, r, nil, err)
		return
	}
	s.sessions.SetDeadline(ctx, time.Now().Add(loginTime)) // by the clock that scs goes by
	http.Redirect(w, r, s.OAuth.AuthCodeURL(login.State, oauth2.S256ChallengeOption(login.Verifier)), http.StatusSeeOther)
}

// pending are the logins that have begun in this session and may still end.
func (s *server) pending(ctx context.Context) []pending {
	var logins []pending
	if raw := s.sessions.GetBytes(ctx, loginsKey); raw != nil {
		if err := json.Unmarshal(raw, &logins); err != nil {
			return nil
		}
	}
	return slices.DeleteFunc(logins, func(p pending) bool { return s.Now().After(p.Until) })
}

func (s *server) keep(ctx context.Context, logins []pending) error {
	raw, err := json.Marshal(logins)
	if err != nil {
		return err
	}
	s.sessions.Put(ctx, loginsKey, raw)
	return nil
}

// endLogin is where GitHub sends the browser back to. Each state is good for one answer.
func (s *server) endLogin(w http.ResponseWriter, r *http.Request) {
	ctx, q := r.Context(), r.URL.Query()
	logins := s.pending(ctx)
	at := slices.IndexFunc(logins, func(p pending) bool { return p.State != "" && p.State == q.Get("state") })
	if at < 0 {
		if _, err := s.reader(ctx); err == nil {
			http.Redirect(w, r, "/", http.StatusSeeOther) // another tab was faster
			return
		}
		s.showLogin(w, r, http.StatusBadRequest, "/", "This answer belongs to no login that was begun here, or to one that took too long. Please sign in again.")
		return
	}
	login := logins[at]
	if err := s.keep(ctx, slices.Delete(logins, at, at+1)); err != nil {
		s.failed(w, r, nil, err)
		return
	}
	if q.Get("error") != "" || q.Get("code") == "" {
		s.showLogin(w, r, http.StatusForbidden, login.Next, "GitHub was not allowed to say who you are. Nothing can be shown without that.")
		return
	}
	token, err := s.OAuth.Exchange(context.WithValue(ctx, oauth2.HTTPClient, s.Client), q.Get("code"), oauth2.VerifierOption(login.Verifier))
	if err != nil {
		// The answer itself is not logged: it may hold what the App or the user must keep secret.
		var refused *oauth2.RetrieveError
		if errors.As(err, &refused) && refused.ErrorCode != "" {
			s.Log.WarnContext(ctx, "GitHub refused a login's code", "error", refused.ErrorCode)
			s.showLogin(w, r, http.StatusForbidden, login.Next, "GitHub did not accept this login. Please sign in again.")
			return
		}
		s.unavailable(w, r, nil, errors.New("GitHub does not exchange a login's code for a token"))
		return
	}
	who := &reader{Since: s.Now().UTC(), token: token.AccessToken}
	if who.ID, who.Login, err = s.github.user(ctx, who.token); err != nil {
		s.unavailable(w, r, nil, err)
		return
	}
	if err := s.begin(ctx, who); err != nil {
		s.failed(w, r, nil, err)
		return
	}
	s.Log.InfoContext(ctx, "signed in", "login", who.Login, "user", who.ID)
	http.Redirect(w, r, login.Next, http.StatusSeeOther)
}

func (s *server) logout(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	if err := s.forget(ctx); err != nil {
		s.failed(w, r, nil, err)
		return
	}
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

// private gives a page its reader, and everybody else the login.
func (s *server) private(page func(http.ResponseWriter, *http.Request, *reader)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who, err := s.reader(r.Context())
		switch {
		case errors.Is(err, errNobody):
			target := "/login"
			if next := safeNext(r.URL.RequestURI()); next != "/" {
				target += "?next=" + url.QueryEscape(next)
			}
			http.Redirect(w, r, target, http.StatusSeeOther)
		case err != nil:
			s.failed(w, r, nil, err)
		default:
			page(w, r, who)
		}
	}
}
