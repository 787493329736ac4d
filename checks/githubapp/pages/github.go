package pages

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"
)

const (
	// rememberFor is how long GitHub's word on what somebody may read is believed.
	rememberFor = 5 * time.Minute

	perPage       = 100 // GitHub's most
	maxPages      = 100 // of one list: 10,000 repositories of one installation
	maxAnswer     = 16 << 20
	maxReaders    = 2000 // sessions that are remembered at once
	maxSingles    = 500  // repositories asked for one by one, of one session
	atOnce        = 4    // requests for one reader's list
	askAltogether = 60 * time.Second
)

var (
	// errRevoked is that GitHub no longer takes the user's token.
	errRevoked = errors.New("GitHub no longer accepts this login")

	// errUnavailable is that GitHub does not say whether something may be read.
	errUnavailable = errors.New("GitHub does not answer")
)

// A readable repository is one that GitHub says its reader may read.
type readable struct {
	ID      int64
	Owner   string
	Name    string
	Private bool
}

func (r readable) FullName() string { return r.Owner + "/" + r.Name }

// github asks GitHub with users' tokens, and remembers the answers for a short time, in
// memory alone: a list of somebody's repositories is nowhere else.
type github struct {
	api    string
	client *http.Client
	now    func() time.Time
	flight singleflight.Group

	mu       sync.Mutex
	sessions map[string]*remembered
}

// remembered is what GitHub said to one session.
type remembered struct {
	list    []readable
	listAt  time.Time
	singles map[string]single // by OWNER/NAME in lower case
	used    time.Time
}

type single struct {
	repository readable
	ok         bool
	at         time.Time
}

func newGitHub(api string, client *http.Client, now func() time.Time) *github {
	own := *client
	own.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		// A repository that was renamed answers with a redirect; only to itself goes a token.
		if len(via) > 3 || r.URL.Host != via[0].URL.Host || r.URL.Scheme != via[0].URL.Scheme {
			return errors.New("GitHub's API redirects to another host, or too often")
		}
		return nil
	}
	return &github{api: api, client: &own, now: now, sessions: map[string]*remembered{}}
}

// entry is what is remembered of a session; g.mu is held.
func (g *github) entry(session string) *remembered {
	e := g.sessions[session]
	if e == nil {
		if len(g.sessions) >= maxReaders {
			var oldest string
			for key, e := range g.sessions {
				if oldest == "" || e.used.Before(g.sessions[oldest].used) {
					oldest = key
				}
			}
			delete(g.sessions, oldest)
		}
		e = &remembered{singles: map[string]single{}}
		g.sessions[session] = e
	}
	e.used = g.now()
	return e
}

func (g *github) forget(session string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.sessions, session)
}

func (g *github) fresh(at time.Time) bool {
	age := g.now().Sub(at)
	return !at.IsZero() && age >= 0 && age < rememberFor
}

// repositories are those that the reader may read and the App is installed on. The
// error is errRevoked, errUnavailable or the context's.
func (g *github) repositories(ctx context.Context, who *reader) ([]readable, error) {
	g.mu.Lock()
	if e := g.sessions[who.session]; e != nil && g.fresh(e.listAt) {
		defer g.mu.Unlock()
		e.used = g.now()
		return e.list, nil
	}
	g.mu.Unlock()
	// Two tabs ask once; neither waits for the other's connection to last.
	flight := g.flight.DoChan("list "+who.session, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askAltogether)
		defer cancel()
		at := g.now()
		list, err := g.ask(ctx, who.token)
		if err != nil {
			return nil, err
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		e := g.entry(who.session)
		e.list, e.listAt = list, at
		return list, nil
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case answer := <-flight:
		if answer.Err != nil {
			return nil, answer.Err
		}
		return answer.Val.([]readable), nil
	}
}

// ask lists the repositories of all installations that the user may see.
func (g *github) ask(ctx context.Context, token string) ([]readable, error) {
	var installations []int64
	err := g.pages(ctx, token, "/user/installations", func(raw []byte) (int, error) {
		var page struct {
			Installations []struct {
				ID          int64
				SuspendedAt *string `json:"suspended_at"`
			}
		}
		if err := json.Unmarshal(raw, &page); err != nil {
			return 0, err
		}
		for _, i := range page.Installations {
			if i.SuspendedAt == nil {
				installations = append(installations, i.ID)
			}
		}
		return len(page.Installations), nil
	})
	if err != nil {
		return nil, err
	}
	lists := make([][]readable, len(installations))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, id := range installations {
		group.Go(func() error {
			err := g.pages(ctx, token, fmt.Sprintf("/user/installations/%d/repositories", id), func(raw []byte) (int, error) {
				var page struct{ Repositories []apiRepository }
				if err := json.Unmarshal(raw, &page); err != nil {
					return 0, err
				}
				for _, r := range page.Repositories {
					lists[i] = append(lists[i], r.readable())
				}
				return len(page.Repositories), nil
			})
			// One organization that wants its own single sign-on hides only its own.
			if errors.Is(err, errHidden) {
				lists[i] = nil
				return nil
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var out []readable
	for _, list := range lists {
		out = append(out, list...)
	}
	return out, nil
}

type apiRepository struct {
	ID      int64
	Name    string
	Private bool
	Owner   struct{ Login string }
}

func (r apiRepository) readable() readable { return readable{r.ID, r.Owner.Login, r.Name, r.Private} }

var (
	ownerName      = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)
	repositoryName = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)
)

// repository is the one of that name, if the reader may read it. Everybody may read a
// public one, which is in nobody's list. Without ok, it does not exist or is not the
// reader's to see: GitHub does not tell these apart, and so nor can we. Errors are those
// of repositories.
func (g *github) repository(ctx context.Context, who *reader, owner, name string) (_ readable, ok bool, _ error) {
	if max(len(owner), len(name)) > 100 || !ownerName.MatchString(owner) || !repositoryName.MatchString(name) || name == "." || name == ".." {
		return readable{}, false, nil
	}
	key := strings.ToLower(owner + "/" + name)
	g.mu.Lock()
	if e := g.sessions[who.session]; e != nil {
		if known := e.singles[key]; g.fresh(known.at) {
			defer g.mu.Unlock()
			e.used = g.now()
			return known.repository, known.ok, nil
		}
	}
	g.mu.Unlock()
	answer := single{at: g.now()}
	raw, err := g.get(ctx, who.token, "/repos/"+owner+"/"+name)
	switch {
	case err == nil:
		var r apiRepository
		if err := json.Unmarshal(raw, &r); err != nil || r.ID == 0 {
			return readable{}, false, fmt.Errorf("%w: its answer on a repository cannot be read", errUnavailable)
		}
		answer.repository, answer.ok = r.readable(), true
	case !errors.Is(err, errHidden):
		return readable{}, false, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	e := g.entry(who.session)
	if len(e.singles) >= maxSingles {
		clear(e.singles)
	}
	e.singles[key] = answer
	return answer.repository, answer.ok, nil
}

// user is whose token it is.
func (g *github) user(ctx context.Context, token string) (id int64, login string, _ error) {
	raw, err := g.get(ctx, token, "/user")
	if err != nil {
		return 0, "", err
	}
	var user struct {
		ID    int64
		Login string
	}
	if err := json.Unmarshal(raw, &user); err != nil || user.ID == 0 || user.Login == "" {
		return 0, "", fmt.Errorf("%w: its answer on the user cannot be read", errUnavailable)
	}
	return user.ID, user.Login, nil
}

// pages reads a list to its end. read says how many elements a page has.
func (g *github) pages(ctx context.Context, token, path string, read func([]byte) (int, error)) error {
	for page := 1; page <= maxPages; page++ {
		raw, err := g.get(ctx, token, path+"?"+url.Values{"per_page": {strconv.Itoa(perPage)}, "page": {strconv.Itoa(page)}}.Encode())
		if err != nil {
			return err
		}
		n, err := read(raw)
		if err != nil {
			return fmt.Errorf("%w: its answer to %s cannot be read: %v", errUnavailable, path, err)
		}
		if n < perPage {
			return nil
		}
	}
	return nil
}

// errHidden is that something does not exist or may not be read.
var errHidden = errors.New("GitHub does not show this")

// get asks with the user's token. Its errors hold neither token nor answer.
func (g *github) get(ctx context.Context, token, path string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, g.api+path, nil)
	if err != nil {
		return nil, fmt.Errorf("ask GitHub for %s: %w", path, err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Accept", "application/vnd.github+json")
	r.Header.Set("X-GitHub-Api-Version", "2022-11-28")
	r.Header.Set("User-Agent", "pmcheck")
	answer, err := g.client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", errUnavailable, err)
	}
	defer answer.Body.Close()
	limited := answer.Header.Get("Retry-After") != "" || answer.Header.Get("X-RateLimit-Remaining") == "0"
	switch status := answer.StatusCode; {
	case status == http.StatusOK:
		raw, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
		if err != nil || len(raw) > maxAnswer {
			return nil, fmt.Errorf("%w: its answer to %s breaks off or is too large", errUnavailable, path)
		}
		return raw, nil
	case status == http.StatusUnauthorized:
		return nil, errRevoked
	case status == http.StatusNotFound, status == http.StatusUnavailableForLegalReasons, status == http.StatusForbidden && !limited:
		return nil, errHidden
	default:
		return nil, fmt.Errorf("%w: status %d for %s", errUnavailable, status, path)
	}
}
