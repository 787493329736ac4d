package ghissues

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/pmcheck/pmcheck/internal/outgoing"
)

// DefaultURL is where github.com answers its REST API.
const DefaultURL = "https://api.github.com"

const (
	perRequest  = 20 * time.Second
	longestWait = time.Minute // that GitHub asks for and is still waited
	maxBody     = 4 << 20
	maxRefused  = 200 // as much of GitHub's own message as an error repeats
)

// Client makes calls as the owner of a token. It is safe for concurrent use.
type Client struct {
	base  *url.URL
	token string
	http  *http.Client
	now   func() time.Time
	wait  func(context.Context, time.Duration) error
}

// New makes a client. An empty address is github.com's API; one without https is taken for this machine alone.
func New(address, token string) (*Client, error) {
	base, err := url.Parse(strings.TrimSuffix(cmp.Or(address, DefaultURL), "/"))
	switch {
	case err != nil, base.User != nil, !outgoing.MayCarryToken(base):
		return nil, fmt.Errorf("the address of GitHub's API (GITHUB_API_URL): expected one like %s, since a token is sent there", DefaultURL)
	case token == "":
		return nil, errors.New("there is no token for GitHub: put one that may read issues into GITHUB_TOKEN")
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return nil, errors.New("the token in GITHUB_TOKEN holds a blank or another character that no token has: look at how it was pasted")
	}
	return &Client{base: base, token: token, now: time.Now, wait: outgoing.Sleep, http: &http.Client{
		Timeout: perRequest,
		// An issue that was moved is a redirect. A token goes to the host that was named and to no other.
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) > 3 || r.URL.Host != base.Host || r.URL.Scheme != base.Scheme {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}}, nil
}

// State asks what became of an issue or a pull request.
func (c *Client) State(ctx context.Context, r Ref, known State) (State, error) {
	var issue Issue
	header, err := c.call(ctx, r, http.MethodGet, "", nil, known.ETag, &issue)
	if errors.Is(err, errUnchanged) && known.Means != "" {
		return known, nil
	}
	if err != nil {
		return State{}, err
	}
	means, err := issue.Means()
	if err != nil {
		return State{}, fmt.Errorf("%s: %w", r, err)
	}
	return State{Means: means, ETag: header.Get("ETag")}, nil
}

// A Comment is one below an issue.
type Comment struct {
	ID   int64
	Body string
	User struct{ Login, Type string }

	Association string `json:"author_association"` // OWNER, MEMBER, COLLABORATOR, CONTRIBUTOR, NONE, ...
}

// maxPages of a hundred comments each are read of one issue.
const maxPages = 30

// ErrManyComments is in the error of an issue with more comments than are read.
var ErrManyComments = fmt.Errorf("it has more than %d comments: begin a new issue", maxPages*100)

// Comments are those below an issue that were written or edited since a time, oldest first.
func (c *Client) Comments(ctx context.Context, r Ref, since time.Time) ([]Comment, error) {
	var out []Comment
	for page := 1; ; page++ {
		query := url.Values{"per_page": {"100"}, "page": {strconv.Itoa(page)}, "since": {since.UTC().Format(time.RFC3339)}}
		var some []Comment
		if _, err := c.call(ctx, r, http.MethodGet, "/comments?"+query.Encode(), nil, "", &some); err != nil {
			return nil, err
		}
		out = append(out, some...)
		switch {
		case len(some) < 100:
			return out, nil
		case page == maxPages:
			return nil, fmt.Errorf("%s: %w", r, ErrManyComments)
		}
	}
}

// Comment writes a comment. It is never sent twice: where the answer is lost, the error is [ErrUnsure].
func (c *Client) Comment(ctx context.Context, r Ref, body string) error {
	text, err := json.Marshal(map[string]string{"body": body})
	if err != nil {
		return err
	}
	var made Comment
	_, err = c.call(ctx, r, http.MethodPost, "/comments", text, "", &made)
	return err
}

// ErrUnsure is in the error of a comment whose answer was lost: it may be there.
var ErrUnsure = errors.New("it may be there all the same")

var errUnchanged = errors.New("nothing changed")

// call makes one call, and once more after a wait that GitHub asks for.
func (c *Client) call(ctx context.Context, r Ref, method, below string, body []byte, etag string, into any) (http.Header, error) {
	if !r.valid() {
		return nil, fmt.Errorf("%q is not an issue at GitHub", r.String())
	}
	address := fmt.Sprintf("%s/repos/%s/%s/issues/%d%s", c.base, r.Owner, r.Name, r.Number, below)
	for try := 1; ; try++ {
		header, after, err := c.once(ctx, r, method, address, body, etag, into)
		if after == 0 || try == 2 {
			return header, err
		}
		if after > longestWait {
			return nil, fmt.Errorf("%w; it asks to wait %s", err, after.Round(time.Second))
		}
		if waitErr := c.wait(ctx, after); waitErr != nil {
			return nil, fmt.Errorf("%w; stopped while waiting: %w", err, waitErr)
		}
	}
}

// once gives, beside an error, how long to wait before another try; 0 = none would help.
func (c *Client) once(ctx context.Context, r Ref, method, address string, body []byte, etag string, into any) (http.Header, time.Duration, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return nil, 0, err
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	request.Header.Set("Accept", "application/vnd.github+json")
	request.Header.Set("X-GitHub-Api-Version", "2022-11-28")
	request.Header.Set("User-Agent", "pmcheck")
	if etag != "" {
		request.Header.Set("If-None-Match", etag)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	repeat := time.Second
	unsure := func(err error) error { return err }
	if method != http.MethodGet {
		repeat = 0
		unsure = func(err error) error { return fmt.Errorf("%w: %w", err, ErrUnsure) }
	}
	answer, err := c.http.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			return nil, 0, unsure(fmt.Errorf("GitHub did not answer about %s in time: %w", r, context.Cause(ctx)))
		}
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err // without the address, which may hold what a proxy needs
		}
		return nil, repeat, unsure(fmt.Errorf("GitHub could not be asked about %s: %w", r, err))
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxBody+1))
	switch {
	case answer.StatusCode == http.StatusNotModified:
		return answer.Header, 0, errUnchanged
	case answer.StatusCode/100 != 2:
		after, refusal := c.refused(r, answer, text, repeat)
		return nil, after, refusal
	case err == nil && len(text) > maxBody:
		return nil, 0, unsure(fmt.Errorf("GitHub's answer about %s is larger than %d MB", r, maxBody>>20))
	case err == nil:
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		return nil, repeat, unsure(fmt.Errorf("GitHub's answer about %s was not understood, or broke off", r))
	}
	return answer.Header, 0, nil
}

// refused is the error of an answer, and how long to wait before another try
// (https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api).
func (c *Client) refused(r Ref, answer *http.Response, text []byte, repeat time.Duration) (time.Duration, error) {
	var said struct{ Message string }
	_ = json.Unmarshal(text, &said) // its words are an extra
	words := ""
	if line := strings.Join(strings.Fields(strings.ToValidUTF8(said.Message, "")), " "); line != "" {
		words = ": " + line[:min(len(line), maxRefused)]
	}
	limited := answer.StatusCode == http.StatusTooManyRequests || answer.StatusCode == http.StatusForbidden &&
		(answer.Header.Get("Retry-After") != "" || answer.Header.Get("X-RateLimit-Remaining") == "0" || strings.Contains(strings.ToLower(said.Message), "rate limit"))
	switch status := answer.StatusCode; {
	case limited:
		wait := time.Minute // where GitHub does not say, at least one
		if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil && seconds >= 0 {
			wait = time.Duration(min(seconds, 86400)) * time.Second
		} else if reset, err := strconv.ParseInt(answer.Header.Get("X-RateLimit-Reset"), 10, 64); err == nil && answer.Header.Get("X-RateLimit-Remaining") == "0" {
			wait = min(time.Unix(reset, 0).Sub(c.now()), 24*time.Hour)
		}
		return max(wait, time.Second), fmt.Errorf("%s: %w%s", r, ErrLimit, words)
	case status == http.StatusNotFound, status == http.StatusGone:
		return 0, fmt.Errorf("%s: %w", r, ErrNotFound)
	case status == http.StatusForbidden:
		return 0, fmt.Errorf("%s: %w%s", r, ErrForbidden, words)
	case status == http.StatusUnauthorized:
		return 0, fmt.Errorf("%s: GitHub does not accept the token in GITHUB_TOKEN%s", r, words)
	case status >= 500 && repeat == 0:
		return 0, fmt.Errorf("%s: GitHub answered %d%s: %w", r, status, words, ErrUnsure)
	case status >= 500:
		return repeat, fmt.Errorf("%s: GitHub answered %d%s", r, status, words)
	default:
		return 0, fmt.Errorf("%s: GitHub answered %d%s", r, status, words)
	}
}
