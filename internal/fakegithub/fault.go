package fakegithub

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Fault is what goes wrong with calls. Give it to Server.Fault. The first fault that fits a call
// and has something left to do is the call's only one.
type Fault struct {
	Method string  // "" = any
	Route  string  // its template, as in Call; "git" for fetches; a template that ends in "*" is a beginning; "" = all, of the API and git
	Skip   int     // so many calls pass first
	Times  int     // so many calls are hit; 0 = all until Remove
	Chance float64 // of those, only this part, by the server's seed; 0 = all

	Status   int               // the answer instead of the real one
	Message  string            // of that answer
	Header   map[string]string // added to the answer
	Delay    time.Duration     // before anything else
	Hang     bool              // no answer until Remove, or until the caller gives up
	Drop     bool              // the connection is cut without an answer
	Carried  bool              // the call is carried out all the same, and only then its answer replaced or cut; not for git
	Truncate int               // the real answer breaks off after so many bytes; less than 0 = before the first
	Slow     time.Duration     // the real answer comes in 16 pieces, with this between them; a fetch in git's

	server  *Server
	mu      sync.Mutex
	seen    int
	hit     int
	first   chan struct{}
	removed chan struct{}
}

const (
	secondaryMessage = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
	limitsDoc        = "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-"
	primaryDoc       = limitsDoc + "primary-rate-limits"
	secondaryDoc     = limitsDoc + "secondary-rate-limits"
)

// SecondaryLimit is GitHub's 403 for too many calls in a short time.
func SecondaryLimit(retryAfter time.Duration) *Fault {
	f := &Fault{
		Status:  403,
		Message: secondaryMessage,
		Header:  map[string]string{},
	}
	if retryAfter > 0 { // GitHub does not always say it
		f.Header["Retry-After"] = strconv.Itoa(int(retryAfter.Seconds()))
	}
	return f
}

// PrimaryLimit is GitHub's 403 for an hour's calls used up; reset is when they are renewed.
func PrimaryLimit(reset time.Time) *Fault {
	return &Fault{
		Status:  403,
		Message: "API rate limit exceeded for installation.",
		Header: map[string]string{
			"X-Ratelimit-Limit": "5000", "X-Ratelimit-Remaining": "0", "X-Ratelimit-Used": "5000",
			"X-Ratelimit-Reset": strconv.FormatInt(reset.Unix(), 10), "X-Ratelimit-Resource": "core",
		},
	}
}

// TooMany is either limit as 429.
func TooMany(retryAfter time.Duration) *Fault {
	f := SecondaryLimit(retryAfter)
	f.Status = 429
	return f
}

// On says which calls a fault hits, and returns it.
func (f *Fault) On(method, route string) *Fault {
	f.Method, f.Route = method, route
	return f
}

// For says how many calls a fault hits, and returns it.
func (f *Fault) For(times int) *Fault {
	f.Times = times
	return f
}

// Fault lets something go wrong from now on.
func (s *Server) Fault(f *Fault) *Fault {
	f.server, f.first, f.removed = s, make(chan struct{}), make(chan struct{})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, f)
	return f
}

// Remove ends a fault; what hangs by it goes on.
func (f *Fault) Remove() {
	f.server.mu.Lock()
	defer f.server.mu.Unlock()
	for i, other := range f.server.faults {
		if other == f {
			f.server.faults = append(f.server.faults[:i:i], f.server.faults[i+1:]...)
			close(f.removed)
			return
		}
	}
}

// Count is how many calls the fault has hit.
func (f *Fault) Count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hit
}

// First is closed when the fault hits its first call.
func (f *Fault) First() <-chan struct{} { return f.first }

// fault finds the fault of a call, and counts it.
func (s *Server) fault(method, route string) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if f.Method != "" && f.Method != method || !f.fits(route) {
			continue
		}
		f.mu.Lock()
		f.seen++
		hit := f.seen > f.Skip && (f.Times == 0 || f.hit < f.Times) && (f.Chance == 0 || s.luck.Float64() < f.Chance)
		if hit {
			if f.hit++; f.hit == 1 {
				close(f.first)
			}
		}
		f.mu.Unlock()
		if hit {
			return f
		}
	}
	return nil
}

func (f *Fault) fits(route string) bool {
	if begin, ok := strings.CutSuffix(f.Route, "*"); ok {
		return strings.HasPrefix(route, begin)
	}
	return f.Route == "" || f.Route == route
}

// before does what a fault does before the call is carried out. False: that was all, and the call is recorded.
func (f *Fault) before(s *Server, w http.ResponseWriter, r *http.Request, call *Call) bool {
	call.Fault = true
	if f.Delay > 0 {
		select {
		case <-time.After(f.Delay):
		case <-r.Context().Done():
			s.record(*call)
			return false
		case <-f.removed:
		}
	}
	if f.Hang {
		select {
		case <-r.Context().Done():
			s.record(*call)
			return false
		case <-f.removed:
		}
	}
	if f.Carried || f.Status == 0 && !f.Drop {
		return true
	}
	f.refuse(s, w, call)
	return false
}

// refuse records the call and answers for the fault.
func (f *Fault) refuse(s *Server, w http.ResponseWriter, call *Call) {
	call.Status = f.Status
	if f.Drop {
		call.Status = 0
	}
	s.record(*call)
	if f.Drop {
		cut(w)
		return
	}
	message := f.Message
	if message == "" {
		message = http.StatusText(f.Status)
	}
	e := &apiError{status: f.Status, message: message}
	if f.Status == 403 || f.Status == 429 { // clients tell the limits apart by this
		e.doc = primaryDoc
		if message == secondaryMessage {
			e.doc = secondaryDoc
		}
	}
	text := e.json(nil)
	if f.Status >= 500 { // what stands before GitHub answers with a page
		text = []byte("<!DOCTYPE html><html><head><title>Unicorn! &middot; GitHub</title></head><body>" + message + "</body></html>")
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
	} else {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
	}
	s.mu.Lock()
	limit := s.rateHeaders(&bucket{reset: s.now().Add(time.Hour)})
	s.mu.Unlock()
	for k, v := range limit {
		w.Header().Set(k, v)
	}
	for k, v := range f.Header {
		w.Header().Set(k, v)
	}
	w.WriteHeader(f.Status)
	w.Write(text)
}

// replaces tells whether the answer of a call that was carried out is kept back.
func (f *Fault) replaces() bool { return f.Carried && (f.Drop || f.Status != 0) }

// after does what a fault does to an answer. False: the answer has been given.
func (f *Fault) after(w http.ResponseWriter, status int, text []byte) bool {
	for k, v := range f.Header {
		w.Header().Set(k, v)
	}
	if f.Truncate != 0 {
		w.Header().Set("Content-Length", strconv.Itoa(len(text)))
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(status)
		if f.Truncate > 0 {
			w.Write(text[:min(f.Truncate, max(len(text)-1, 0))])
			http.NewResponseController(w).Flush()
		}
		cut(w)
		return false
	}
	if f.Slow > 0 {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(status)
		for piece := len(text)/16 + 1; len(text) > 0; text = text[min(piece, len(text)):] {
			w.Write(text[:min(piece, len(text))])
			http.NewResponseController(w).Flush()
			select {
			case <-time.After(f.Slow):
			case <-f.removed:
			}
		}
		return false
	}
	return true
}

// cut ends the connection without an answer, or in the middle of it.
func cut(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	conn.Close()
}

// bucket counts the calls of one installation, App or person.
type bucket struct {
	used   int
	reset  time.Time
	minute time.Time // when the points began to be counted
	points int
}

// GitHub's secondary limit: so many points a minute, of which a GET is one and what changes something five.
const pointsAMinute = 900

// SecondaryLimits switches GitHub's secondary limit of points on: a new Server has none.
func (s *Server) SecondaryLimits(yes bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secondary = yes
}

// RateLimit sets how many calls each installation has in an hour: GitHub's is 5,000 and more;
// a new Server's is a million.
func (s *Server) RateLimit(calls int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rateLimit = calls
}

func (s *Server) rateHeaders(b *bucket) map[string]string {
	return map[string]string{
		"X-Ratelimit-Limit": strconv.Itoa(s.rateLimit), "X-Ratelimit-Remaining": strconv.Itoa(max(s.rateLimit-b.used, 0)),
		"X-Ratelimit-Used": strconv.Itoa(b.used), "X-Ratelimit-Reset": strconv.FormatInt(b.reset.Unix(), 10), "X-Ratelimit-Resource": "core",
	}
}

// limit counts a call and refuses it when the hour's are used up.
func (s *Server) limit(q *request, name string) (int, any) {
	b := s.rate[name]
	if b == nil || !b.reset.After(s.now()) {
		b = &bucket{reset: s.now().Add(time.Hour)}
		s.rate[name] = b
	}
	free := q.route != nil && q.route.template == "/rate_limit"
	if s.secondary && !free {
		if now := s.now(); now.Sub(b.minute) >= time.Minute {
			b.minute, b.points = now, 0
		}
		b.points++
		if q.r.Method != "GET" {
			b.points += 4
		}
		if b.points > pointsAMinute {
			q.head.Set("Retry-After", strconv.Itoa(int(b.minute.Add(time.Minute).Sub(s.now()).Seconds())+1))
			return 403, &apiError{status: 403, message: secondaryMessage, doc: secondaryDoc}
		}
	}
	over := b.used >= s.rateLimit && !free
	if !over && !free {
		b.used++
	}
	for k, v := range s.rateHeaders(b) {
		q.head.Set(k, v)
	}
	if over {
		kind, id, _ := strings.Cut(name, "/")
		return 403, &apiError{status: 403, message: fmt.Sprintf("API rate limit exceeded for %s ID %s.", kind, id), doc: primaryDoc}
	}
	return 0, nil
}
