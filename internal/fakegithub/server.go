// Package fakegithub is a GitHub for tests, and for trying the App by hand. It is strict:
// what GitHub refuses, it refuses in the same words, and with GitHub's OpenAPI description
// at hand (ValidateWith) each of its own answers and payloads is held against that.
//
// A Server has Apps, installations, users, repositories that the git program made and
// serves, pull requests, check runs and webhook deliveries. Its address is loopback only.
package fakegithub

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// Options are a Server's. The zero value is useful.
type Options struct {
	Addr        string           // to listen on; "" = a free port of 127.0.0.1
	Dir         string           // where the repositories are kept; "" = a temporary folder, removed by Close
	Now         func() time.Time // nil = time.Now; Advance adds to it
	Seed        uint64           // of everything that is left to chance
	HookTimeout time.Duration    // how long a webhook's receiver may take; 0 = 10 seconds, as at github.com
}

// Server is a fake GitHub. It is safe for concurrent use.
type Server struct {
	URL    string // of the site, without a slash at the end
	GitURL string // "http://127.0.0.1:port/OWNER/NAME.git" is GitURL + "/OWNER/NAME.git"; the same as URL

	t           testing.TB
	dir         string
	ownDir      bool
	hookTimeout time.Duration
	door        *door
	http        *http.Server
	clock       func() time.Time
	hookClient  *http.Client
	wg          sync.WaitGroup // what is sent after an answer

	mu        sync.Mutex
	closed    bool
	offset    time.Duration
	random    *rand.Rand // of secrets
	luck      *rand.Rand // of what goes wrong
	ids       map[string]int64
	apps      map[int64]*app
	appOrder  []int64
	main      *app // the one that App tells of
	installs  map[int64]*installation
	users     map[string]*user
	repos     map[string]*Repo // by lower-case owner/name
	repoIDs   map[int64]*Repo
	moved     map[string]int64 // names that repositories had
	tokens    map[string]*token
	codes     map[string]*grant
	manifests map[string]*conversion
	checks    map[int64]*checkRun
	suites    map[suiteKey]*suite
	suiteIDs  map[int64]*suite
	comments  map[int64]*comment
	viewer    string // who is logged in with a browser
	calls     []Call
	rate      map[string]*bucket
	rateLimit int
	secondary bool
	faults    []*Fault
	hooks     hookState
	chatty    bool
	validator *Validator
	violation []string
}

// New starts a Server that ends with the test. Where PMCHECK_CORPUS names a folder with
// GitHub's OpenAPI description, everything that is said is held against it, and what does
// not fit fails the test.
func New(t testing.TB) *Server {
	t.Helper()
	s, err := Start(Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.t = t
	t.Cleanup(s.Close)
	if dir := os.Getenv("PMCHECK_CORPUS"); dir != "" {
		if _, err := os.Stat(filepath.Join(dir, "github", "openapi.json")); err == nil {
			if err := s.ValidateWith(dir); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s
}

// Start starts a Server; Close ends it.
func Start(o Options) (*Server, error) {
	s := &Server{
		dir: o.Dir, clock: o.Now, hookTimeout: o.HookTimeout,
		random: rand.New(rand.NewPCG(o.Seed, 1)), luck: rand.New(rand.NewPCG(o.Seed, 2)), rateLimit: 1_000_000,
		ids: map[string]int64{}, apps: map[int64]*app{}, installs: map[int64]*installation{}, users: map[string]*user{},
		repos: map[string]*Repo{}, repoIDs: map[int64]*Repo{}, moved: map[string]int64{}, tokens: map[string]*token{},
		codes: map[string]*grant{}, manifests: map[string]*conversion{}, checks: map[int64]*checkRun{},
		suites: map[suiteKey]*suite{}, suiteIDs: map[int64]*suite{}, comments: map[int64]*comment{}, rate: map[string]*bucket{},
	}
	if s.clock == nil {
		s.clock = time.Now
	}
	if s.hookTimeout == 0 {
		s.hookTimeout = 10 * time.Second
	}
	s.hookClient = &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: 64},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if s.dir == "" {
		dir, err := os.MkdirTemp("", "fakegithub-")
		if err != nil {
			return nil, err
		}
		s.dir, s.ownDir = dir, true
	}
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	if err := s.listen(o.Addr); err != nil {
		return nil, err
	}
	main, err := s.newApp(appForm{
		Name: "pmcheck", URL: "https://pmcheck.example.com",
		Permissions: map[string]string{
			"metadata": "read", "contents": "read", "pull_requests": "write", "issues": "write", "checks": "write", "merge_queues": "read",
		},
		Events: []string{"check_run", "check_suite", "issue_comment", "merge_group", "pull_request"},
	})
	if err != nil {
		return nil, err
	}
	s.main = main
	return s, nil
}

func (s *Server) listen(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	host, _, err := net.SplitHostPort(l.Addr().String())
	if err != nil || !net.ParseIP(host).IsLoopback() {
		l.Close()
		return fmt.Errorf("%s is not a loopback address: a fake GitHub gives everybody everything", addr)
	}
	s.URL = "http://" + l.Addr().String()
	s.GitURL = s.URL
	s.door = &door{Listener: l, open: map[net.Conn]bool{}}
	s.http = &http.Server{Handler: http.HandlerFunc(s.serve), ReadHeaderTimeout: 30 * time.Second}
	go s.http.Serve(s.door)
	return nil
}

// Close ends the server and removes its repositories.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	faults := s.faults
	s.mu.Unlock()
	for _, f := range faults {
		f.Remove()
	}
	s.http.Close()
	s.wg.Wait()
	s.hookClient.CloseIdleConnections()
	if s.ownDir {
		os.RemoveAll(s.dir)
	}
}

// Down makes the server cut connections, those it has and those that come, until Up. It keeps
// its address meanwhile: what is free, another program may take.
func (s *Server) Down() { s.door.shut(true) }

// Up ends Down.
func (s *Server) Up() { s.door.shut(false) }

// A door is a listener that can be shut.
type door struct {
	net.Listener
	mu     sync.Mutex
	closed bool
	open   map[net.Conn]bool
}

// Accept waits for a connection while the door is open.
func (d *door) Accept() (net.Conn, error) {
	for {
		c, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		d.mu.Lock()
		closed := d.closed
		if !closed {
			d.open[c] = true
		}
		d.mu.Unlock()
		if !closed {
			return visitor{c, d}, nil
		}
		hangUp(c)
	}
}

func (d *door) shut(yes bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = yes
	if yes {
		for c := range d.open {
			hangUp(c)
		}
		clear(d.open)
	}
}

// hangUp ends a connection as a machine does on which nobody listens.
func hangUp(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	c.Close()
}

// A visitor is a connection that came through a door.
type visitor struct {
	net.Conn
	door *door
}

func (v visitor) Close() error {
	v.door.mu.Lock()
	delete(v.door.open, v.Conn)
	v.door.mu.Unlock()
	return v.Conn.Close()
}

// APIURL is the base of the REST API as GitHub Enterprise Server has it, with a slash at
// the end. The API answers at the site's root too.
func (s *Server) APIURL() string { return s.URL + "/api/v3/" }

// Now is the server's time.
func (s *Server) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now()
}

func (s *Server) now() time.Time { return s.clock().Add(s.offset).UTC() }

// Advance moves the server's clock: tokens expire, limits are renewed.
func (s *Server) Advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offset += d
}

// id gives the next id of a kind; kinds start far apart so that one is never taken for another.
func (s *Server) id(kind string) int64 {
	starts := map[string]int64{
		"app": 1000, "installation": 20_000_000, "user": 500, "repository": 300_000_000, "pull": 1_500_000_000, "check": 9_000_000_000,
		"suite": 8_000_000_000, "comment": 2_000_000_000, "reaction": 70_000_000, "delivery": 5_000_000_000, "hook": 400_000_000, "issue": 2_500_000_000,
	}
	if s.ids[kind] == 0 {
		s.ids[kind] = starts[kind]
	}
	s.ids[kind]++
	return s.ids[kind]
}

// Seed begins what is left to chance anew: which calls and deliveries go wrong, and in which order they come.
func (s *Server) Seed(seed uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.luck = rand.New(rand.NewPCG(seed, 2))
}

// secret is that many random bytes in hex; the same ones for the same seed.
func (s *Server) secret(bytes int) string {
	b := make([]byte, bytes)
	for i := range b {
		b[i] = byte(s.random.Uint64())
	}
	return hex.EncodeToString(b)
}

func (s *Server) errorf(format string, args ...any) {
	s.mu.Lock()
	s.violation = append(s.violation, fmt.Sprintf(format, args...))
	t, closed := s.t, s.closed
	s.mu.Unlock()
	if t != nil && !closed {
		t.Errorf("fakegithub: "+format, args...)
	}
}

// fatal ends the test, or panics without one: what a test asks the fake to do must work.
func (s *Server) fatal(err error) {
	if s.t != nil {
		s.t.Helper()
		s.t.Fatalf("fakegithub: %v", err)
	}
	panic(fmt.Sprintf("fakegithub: %v", err))
}
