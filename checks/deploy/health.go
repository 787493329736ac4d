package deploy

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"sync"
	"time"
)

// The limits of a [Health].
const (
	maxEndpoints = 50
	maxTries     = 10_000
)

// Endpoint is what is asked, and which answer is healthy.
type Endpoint struct {
	URL             *url.URL
	Method          string
	Status          StatusRange
	Body            *regexp.Regexp // found in the first MiB of the body; nil = any body
	Headers         []Header
	Timeout         time.Duration // for one whole answer
	FollowRedirects bool          // within the same host, never from https to http
}

// StatusRange is the HTTP status codes from First to Last.
type StatusRange struct{ First, Last int }

var statusRange = regexp.MustCompile(`^([1-5]\d\d)(?:-([1-5]\d\d))?$`)

// ParseStatus reads "200" and "200-299".
func ParseStatus(text string) (StatusRange, error) {
	m := statusRange.FindStringSubmatch(text)
	if m == nil {
		return StatusRange{}, fmt.Errorf("expected a status such as 200, or a range such as 200-299")
	}
	var s StatusRange
	fmt.Sscan(m[1], &s.First)
	s.Last = s.First
	if m[2] != "" {
		fmt.Sscan(m[2], &s.Last)
	}
	if s.Last < s.First {
		return StatusRange{}, fmt.Errorf("the range ends before it begins")
	}
	return s, nil
}

func (s StatusRange) String() string {
	if s.First == s.Last {
		return fmt.Sprint(s.First)
	}
	return fmt.Sprintf("%d-%d", s.First, s.Last)
}

// Health watches endpoints side by side. It passes as soon as all of them were
// healthy in Stable rounds in a row.
type Health struct {
	Endpoints []Endpoint
	Interval  time.Duration // from the beginning of a round to that of the next
	Tries     int           // rounds at most
	Stable    int

	Transport http.RoundTripper  // nil = net/http's, with a new connection for each try
	Observe   func(HealthChange) // called after each try, never twice at once; may be nil
}

// HealthChange is one try of one endpoint.
type HealthChange struct {
	Endpoint string // its URL as it may be printed
	Try      Try
	Changed  bool // it is the first, or says something else than the one before
}

// Try is one answer, or none.
type Try struct {
	Round    int       `json:"round"`
	At       time.Time `json:"at"`
	TookMS   int64     `json:"took_ms"`
	Status   int       `json:"status,omitempty"` // 0 = no whole answer
	Healthy  bool      `json:"healthy"`
	Message  string    `json:"message"`
	answered bool
}

// EndpointRecord is what became of one endpoint.
type EndpointRecord struct {
	URL      string `json:"url"`
	Method   string `json:"method"`
	Answered int    `json:"answered"` // tries with a whole answer
	Healthy  int    `json:"healthy"`
	Streak   int    `json:"streak"` // healthy tries in a row, at the end
	Tries    []Try  `json:"tries"`
}

// HealthRecord is what a [Health] measured.
type HealthRecord struct {
	Kind      string           `json:"kind"` // "health"
	Verdict   Verdict          `json:"verdict"`
	Reason    string           `json:"reason"`
	StartedAt time.Time        `json:"started_at"`
	EndedAt   time.Time        `json:"ended_at"`
	Rounds    int              `json:"rounds"`
	Stable    int              `json:"stable"`
	Streak    int              `json:"streak"` // rounds in a row, at the end, in which all were healthy
	Endpoints []EndpointRecord `json:"endpoints"`
}

// Run watches until the endpoints are stable, the tries are used up, or the
// context ends, which is [Unmeasured].
func (h *Health) Run(ctx context.Context) *HealthRecord {
	r := &HealthRecord{Kind: "health", StartedAt: time.Now().UTC(), Stable: h.Stable}
	for _, e := range h.Endpoints {
		r.Endpoints = append(r.Endpoints, EndpointRecord{URL: shown(e.URL), Method: e.Method, Tries: []Try{}})
	}
	client := h.client()
	for r.Rounds < h.Tries && r.Streak < h.Stable {
		begun := time.Now()
		tries := make([]Try, len(h.Endpoints))
		var all sync.WaitGroup
		for i := range h.Endpoints {
			all.Go(func() { tries[i] = h.Endpoints[i].try(ctx, client) })
		}
		all.Wait()
		if ctx.Err() != nil {
			break // what was cut off says nothing
		}
		r.Rounds++
		r.add(tries, h.Observe)
		if r.Rounds < h.Tries && r.Streak < h.Stable && !wait(ctx, h.Interval-time.Since(begun)) {
			break
		}
	}
	r.EndedAt = time.Now().UTC()
	r.Verdict, r.Reason = r.judge(ctx)
	return r
}

func (r *HealthRecord) add(tries []Try, observe func(HealthChange)) {
	r.Streak++
	for i, t := range tries {
		t.Round = r.Rounds
		e := &r.Endpoints[i]
		changed := len(e.Tries) == 0 || e.Tries[len(e.Tries)-1].Message != t.Message
		e.Tries = append(e.Tries, t)
		if t.answered {
			e.Answered++
		}
		if t.Healthy {
			e.Healthy++
			e.Streak++
		} else {
			e.Streak, r.Streak = 0, 0
		}
		if observe != nil {
			observe(HealthChange{Endpoint: e.URL, Try: t, Changed: changed})
		}
	}
}

// judge: an endpoint that never answered was not measured; one that answered
// and then was not healthy has failed, also when it went silent.
func (r *HealthRecord) judge(ctx context.Context) (Verdict, string) {
	if r.Streak >= r.Stable {
		return Passed, fmt.Sprintf("all endpoints were healthy %d times in a row", r.Stable)
	}
	if ctx.Err() != nil {
		return Unmeasured, fmt.Sprintf("ended from outside after %d rounds", r.Rounds)
	}
	silent := ""
	for _, e := range r.Endpoints {
		answered := false
		for i := range e.Tries {
			t := e.Tries[i]
			if answered = answered || t.answered; answered && !t.Healthy {
				return Failed, fmt.Sprintf("%s was healthy in %d of %d tries; at last: %s", e.URL, e.Healthy, len(e.Tries), e.Tries[len(e.Tries)-1].Message)
			}
		}
		if !answered && silent == "" {
			silent = fmt.Sprintf("%s never answered; at last: %s", e.URL, e.Tries[len(e.Tries)-1].Message)
		}
	}
	if silent != "" {
		return Unmeasured, silent
	}
	return Failed, fmt.Sprintf("healthy only %d times in a row when the %d tries were used up, %d were asked for", r.Streak, r.Rounds, r.Stable)
}

func (h *Health) client() *http.Client {
	transport := h.Transport
	if transport == nil {
		own := http.DefaultTransport.(*http.Transport).Clone()
		own.DisableKeepAlives = true // each try asks the load balancer anew
		transport = own
	}
	return &http.Client{Transport: transport}
}

func (e *Endpoint) try(ctx context.Context, shared *http.Client) (t Try) {
	begun := time.Now()
	t.At = begun.UTC()
	defer func() { t.TookMS = time.Since(begun).Milliseconds() }()
	client := *shared
	client.CheckRedirect = func(next *http.Request, via []*http.Request) error {
		last := via[len(via)-1].URL
		if !e.FollowRedirects || len(via) > 5 || next.URL.Host != last.Host || last.Scheme == "https" && next.URL.Scheme != "https" {
			return http.ErrUseLastResponse // headers are not carried to another host
		}
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, e.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, e.Method, e.URL.String(), nil)
	if err != nil {
		t.Message = "the request cannot be made"
		return t
	}
	request.Header.Set("User-Agent", "pmcheck")
	setHeaders(request, e.Headers)
	response, err := client.Do(request)
	if err != nil {
		t.Message = reason(ctx, err, e.Timeout)
		return t
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	if err != nil {
		t.Message = reason(ctx, err, e.Timeout)
		return t
	}
	t.answered, t.Status = true, response.StatusCode
	switch {
	case t.Status < e.Status.First || t.Status > e.Status.Last:
		t.Message = fmt.Sprintf("status %d, expected %s", t.Status, e.Status)
	case e.Body != nil && !e.Body.Match(body):
		t.Message = fmt.Sprintf("status %d, but the body does not match", t.Status)
	default:
		t.Healthy, t.Message = true, fmt.Sprintf("healthy, status %d", t.Status)
	}
	return t
}
