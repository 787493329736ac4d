package fakegithub

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

type obj = map[string]any

// Call is one request that the server got.
type Call struct {
	Method       string
	Route        string // "/repos/{owner}/{repo}/check-runs"; "git" for a fetch; "" for what is no route
	Path         string
	Status       int // 0 when no answer was given
	App          int64
	Installation int64
	User         string
	At           time.Time
	Fault        bool // a Fault had its hand in it
}

// Calls are the requests since the start or ResetCalls, in the order in which they came to an end.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Call(nil), s.calls...)
}

// ResetCalls forgets the calls.
func (s *Server) ResetCalls() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = nil
}

// CountCalls counts calls of a method and a route; "" stands for any.
func (s *Server) CountCalls(method, route string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, c := range s.calls {
		if (method == "" || c.Method == method) && (route == "" || c.Route == route) {
			n++
		}
	}
	return n
}

// who may use a route.
type who int

const (
	anybody who = iota
	anApp
	anInstallation
	aPerson
	installationOrPerson
)

type route struct {
	method, template string
	segs             []string
	who              who
	needs            string // permissions, as X-Accepted-GitHub-Permissions has them
	doc              string
	handle           func(*request) (int, any)
}

// request is one call with what is known of it. Handlers run with the server locked.
type request struct {
	s     *Server
	r     *http.Request
	route *route
	vars  map[string]string
	query url.Values
	body  []byte
	app   *app   // whose JWT or token it is
	tok   *token // nil with a JWT
	repo  *Repo
	head  http.Header // of the answer
	after []func()    // done once the answer is out and the lock free
}

// apiError is an answer of refusal.
type apiError struct {
	status  int
	message string
	errors  []obj
	doc     string
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	path := r.URL.EscapedPath()
	if strings.Contains(path, ".git/") {
		s.serveGit(w, r)
		return
	}
	api, isAPI := strings.CutPrefix(path, "/api/v3")
	if !isAPI {
		api = path
	}
	if api == "" {
		api = "/"
	}
	rt, vars := match(r.Method, api)
	if rt == nil && !isAPI && s.servePage(w, r) {
		return
	}
	call := Call{Method: r.Method, Path: path}
	if rt != nil {
		call.Route = rt.template
	}
	f := s.fault(r.Method, call.Route)
	if f != nil && !f.before(s, w, r, &call) {
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 30<<20))
	if err != nil {
		s.record(call)
		return
	}
	q := &request{s: s, r: r, route: rt, vars: vars, query: r.URL.Query(), body: body, head: http.Header{}}
	s.mu.Lock()
	q.head.Set("X-GitHub-Request-Id", strings.ToUpper(s.secret(8)))
	status, answer := q.answer()
	if q.app != nil {
		call.App = q.app.id
	}
	if q.tok != nil && q.tok.inst != nil {
		call.Installation = q.tok.inst.id
	}
	if q.tok != nil && q.tok.user != nil {
		call.User = q.tok.user.login
	}
	validator := s.validator
	s.mu.Unlock()

	var text []byte
	if e, ok := answer.(*apiError); ok {
		text = e.json(rt)
	} else if answer != nil {
		if text, err = json.Marshal(answer); err != nil {
			s.errorf("%s %s: the answer is not JSON: %v", r.Method, path, err)
		}
	}
	if validator != nil && rt != nil {
		for _, problem := range validator.exchange(rt, r, body, status, text) {
			s.errorf("%s %s: %s", r.Method, path, problem)
		}
	}
	call.Status = status
	defer s.later(q.after)()
	if f != nil && f.replaces() {
		f.refuse(s, w, &call)
		return
	}
	s.record(call)
	if f != nil && !f.after(w, status, text) {
		return
	}
	h := w.Header()
	maps.Copy(h, q.head)
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("X-GitHub-Media-Type", "github.v3; format=json")
	if text == nil {
		h.Del("Content-Type")
	}
	h.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	w.Write(text)
}

// later takes note of what is to be done after the answer, so that Wait waits for it, and returns what begins it.
func (s *Server) later(do []func()) func() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(do) == 0 || s.closed {
		return func() {}
	}
	s.wg.Add(1)
	return func() {
		go func() {
			defer s.wg.Done()
			for _, f := range do {
				f()
			}
		}()
	}
}

func (s *Server) record(c Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.At = s.now()
	s.calls = append(s.calls, c)
}

func (e *apiError) json(rt *route) []byte {
	doc := e.doc
	if doc == "" {
		doc = "https://docs.github.com/rest"
		if rt != nil && rt.doc != "" {
			doc += rt.doc
		}
	}
	answer := obj{"message": e.message, "documentation_url": doc, "status": strconv.Itoa(e.status)}
	if e.errors != nil {
		answer["errors"] = e.errors
	}
	text, _ := json.Marshal(answer)
	return text
}

// fail is a handler's way to refuse.
func fail(status int, format string, args ...any) (int, any) {
	return status, &apiError{status: status, message: fmt.Sprintf(format, args...)}
}

func notFound() (int, any) { return fail(404, "Not Found") }

// answer authenticates, limits, finds the repository, and handles. The server is locked.
func (q *request) answer() (int, any) {
	s := q.s
	if q.route == nil {
		s.limit(q, "ip")
		return notFound()
	}
	if q.r.Header.Get("User-Agent") == "" {
		return fail(403, "Request forbidden by administrative rules. Please make sure your request has a User-Agent header.")
	}
	if e := q.authenticate(); e != nil {
		s.limit(q, "ip")
		return e.status, e
	}
	if status, e := s.limit(q, q.bucket()); e != nil {
		return status, e
	}
	if q.route.needs != "" && q.tok != nil {
		q.head.Set("X-Accepted-GitHub-Permissions", q.route.needs)
	}
	if owner := q.vars["owner"]; owner != "" && q.route.who != anApp {
		if status, e := q.findRepo(owner, q.vars["repo"]); e != nil {
			return status, e
		}
	}
	if id, err := strconv.ParseInt(q.vars["id"], 10, 64); err == nil {
		if s.repoIDs[id] == nil {
			return notFound()
		}
		if status, e := q.enter(s.repoIDs[id]); e != nil {
			return status, e
		}
	}
	status, answer := q.route.handle(q)
	if q.r.Method == "GET" && status == 200 {
		q.head.Set("Cache-Control", "private, max-age=60, s-maxage=60")
	}
	return status, answer
}

func (q *request) authenticate() *apiError {
	header := q.r.Header.Get("Authorization")
	scheme, text, _ := strings.Cut(header, " ")
	text = strings.TrimSpace(text)
	if header != "" && !strings.EqualFold(scheme, "bearer") && !strings.EqualFold(scheme, "token") {
		return &apiError{status: 401, message: "Bad credentials"}
	}
	isJWT := strings.Count(text, ".") == 2 && !strings.HasPrefix(text, "gh")
	switch {
	case q.route.who == anApp:
		if !isJWT || !strings.EqualFold(scheme, "bearer") {
			return &apiError{status: 401, message: "A JSON web token could not be decoded"}
		}
		a, e := q.s.appOfJWT(text)
		q.app = a
		return e
	case header == "" && q.route.who == anybody:
		return nil
	case header == "":
		if q.vars["owner"] != "" && q.r.Method == "GET" { // what is private does not exist for a stranger
			return nil
		}
		return &apiError{status: 401, message: "Requires authentication"}
	case isJWT:
		if _, e := q.s.appOfJWT(text); e != nil {
			return e
		}
		return &apiError{status: 401, message: "Bad credentials"}
	}
	t, e := q.s.findToken(text)
	if e != nil {
		return e
	}
	q.tok, q.app = t, t.app
	if q.route.who == aPerson && t.user == nil || q.route.who == anInstallation && t.inst == nil {
		return &apiError{status: 403, message: "Resource not accessible by integration"}
	}
	return nil
}

func (s *Server) findToken(text string) (*token, *apiError) {
	t := s.tokens[text]
	if t == nil || !t.expires.After(s.now()) {
		return nil, &apiError{status: 401, message: "Bad credentials"}
	}
	if t.inst != nil && !t.inst.suspended.IsZero() {
		return nil, &apiError{status: 403, message: "This installation has been suspended"}
	}
	return t, nil
}

func (q *request) bucket() string {
	switch {
	case q.tok != nil && q.tok.inst != nil:
		return "installation/" + strconv.FormatInt(q.tok.inst.id, 10)
	case q.tok != nil:
		return "user/" + q.tok.user.login
	case q.app != nil:
		return "app/" + strconv.FormatInt(q.app.id, 10)
	}
	return "ip"
}

// findRepo finds the repository and judges whether the token may do with it what the route does.
func (q *request) findRepo(owner, name string) (int, any) {
	s := q.s
	r := s.repos[strings.ToLower(owner+"/"+name)]
	if r == nil {
		if id := s.moved[strings.ToLower(owner+"/"+name)]; id != 0 && s.repoIDs[id] != nil && q.sees(s.repoIDs[id]) {
			rest := q.r.URL.EscapedPath()
			_, after, _ := strings.Cut(rest, "/repos/"+url.PathEscape(owner)+"/"+url.PathEscape(name))
			to := fmt.Sprintf("%srepositories/%d%s", s.APIURL(), id, after)
			if q.r.URL.RawQuery != "" {
				to += "?" + q.r.URL.RawQuery
			}
			q.head.Set("Location", to)
			status := 301
			if q.r.Method != "GET" {
				status = 307
			}
			return status, &apiError{status: status, message: "Moved Permanently", doc: "https://docs.github.com/rest/guides/best-practices-for-using-the-rest-api#follow-redirects"}
		}
		return notFound()
	}
	return q.enter(r)
}

func (q *request) enter(r *Repo) (int, any) {
	if !q.sees(r) {
		return notFound()
	}
	q.repo = r
	if q.tok == nil || q.tok.user != nil {
		if q.route.who == anInstallation {
			return fail(403, "Resource not accessible by integration")
		}
		return 0, nil
	}
	perms := q.tok.perms
	if !q.tok.may(r) { // public, of another installation: to be read only
		perms = map[string]string{"metadata": "read", "contents": "read", "pull_requests": "read", "issues": "read", "checks": "read"}
	}
	if !allows(perms, q.route.needs) {
		return fail(403, "Resource not accessible by integration")
	}
	return 0, nil
}

// sees tells whether the caller may know that the repository exists.
func (q *request) sees(r *Repo) bool {
	switch {
	case !r.private:
		return true
	case q.tok == nil:
		return false
	case q.tok.user != nil:
		return q.s.userSees(q.tok, r)
	}
	return q.tok.may(r)
}

func (s *Server) userSees(t *token, r *Repo) bool {
	if levelOf(r, t.user) == "none" {
		return false
	}
	for _, i := range s.installs {
		if i.app == t.app && i.repos[r.id] != nil {
			return true
		}
	}
	return false
}

// decode reads the body into v after it has been held against the shape.
func (q *request) decode(want shape, v any) *apiError {
	body := bytes.TrimSpace(q.body)
	if len(body) == 0 || bytes.Equal(body, []byte("null")) {
		body = []byte("{}")
	}
	if e := want.check(body); e != nil {
		return e
	}
	if err := json.Unmarshal(body, v); err != nil {
		return &apiError{status: 400, message: "Problems parsing JSON"}
	}
	return nil
}

// page cuts a list as per_page and page say, and sets the Link header.
func page[T any](q *request, all []T) []T {
	size, number := q.number("per_page", 30), q.number("page", 1)
	size = min(max(size, 1), 100)
	number = max(number, 1)
	last := max((len(all)+size-1)/size, 1)
	var links []string
	link := func(n int, rel string) {
		u := *q.r.URL
		v := u.Query()
		v.Set("page", strconv.Itoa(n))
		links = append(links, fmt.Sprintf("<%s%s?%s>; rel=%q", q.s.URL, u.EscapedPath(), v.Encode(), rel))
	}
	if number > 1 {
		link(min(number-1, last), "prev")
	}
	if number < last {
		link(number+1, "next")
		link(last, "last")
	}
	if number > 1 {
		link(1, "first")
	}
	if links != nil {
		q.head.Set("Link", strings.Join(links, ", "))
	}
	from := min((number-1)*size, len(all))
	return all[from:min(from+size, len(all))]
}

func (q *request) number(name string, otherwise int) int {
	if n, err := strconv.Atoi(q.query.Get(name)); err == nil {
		return n
	}
	return otherwise
}
