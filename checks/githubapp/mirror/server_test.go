package mirror

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "GIT_") {
			os.Unsetenv(name)
		}
	}
	for _, setting := range []string{"GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=c", "GIT_COMMITTER_EMAIL=c@example.com"} {
		name, value, _ := strings.Cut(setting, "=")
		os.Setenv(name, value)
	}
	if os.Getenv("MIRROR_TEST_HELPER") != "" {
		helper()
		return
	}
	os.Exit(m.Run())
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

const token = "ghs_secret-of-this-test"

// server is a repository behind git http-backend, as GitHub serves one: any commit by its id, for who has the token.
type server struct {
	t   *testing.T
	dir string // of the repository
	url string

	mutex    sync.Mutex
	requests int
	status   int                                               // instead of an answer, when not 0
	old      bool                                              // speaks protocol version 0 and gives refs only
	before   func(w http.ResponseWriter, r *http.Request) bool // true: it has answered
	header   http.Header                                       // of the last request
}

// history writes commits with git fast-import.
type history struct {
	bytes.Buffer
	marks int
}

// commit adds one to a branch and returns its mark. from is "" or "from :MARK\n".
func (h *history) commit(branch, from, path, content string) int {
	h.marks++
	fmt.Fprintf(h, "commit refs/heads/%s\nmark :%d\ncommitter c <c@example.com> %d +0000\ndata 1\nx\n%s", branch, h.marks, 1700000000+h.marks, from)
	fmt.Fprintf(h, "M 100644 inline %s\ndata %d\n%s\n\n", path, len(content), content)
	return h.marks
}

func newServer(t *testing.T) *server { return newServerOf(t, "sha1") }

func newServerOf(t *testing.T, objectFormat string) *server {
	t.Helper()
	backend := filepath.Join(git(t, ".", "--exec-path"), "git-http-backend")
	if _, err := os.Stat(backend); err != nil {
		t.Skipf("git http-backend is not installed: %v", err)
	}
	root := t.TempDir()
	s := &server{t: t, dir: filepath.Join(root, "acme", "orders.git")}
	git(t, root, "init", "-q", "--bare", "-b", "main", "--object-format="+objectFormat, s.dir)
	// main has 300 commits; early left it after 20, late after 290, each with three of its own; lonely has nothing in common.
	h := &history{}
	for i := 1; i <= 300; i++ {
		h.commit("main", "", fmt.Sprintf("dir%d/file", i%7), fmt.Sprint(i))
	}
	for branch, left := range map[string]int{"early": 20, "late": 290} {
		for i := range 3 {
			from := ""
			if i == 0 {
				from = fmt.Sprintf("from :%d\n", left)
			}
			h.commit(branch, from, branch, fmt.Sprint(i))
		}
	}
	h.commit("lonely", "", "lonely", "x")
	large := make([]byte, 3<<20)
	rand.NewChaCha8([32]byte{1}).Read(large)
	h.commit("large", "from :300\n", "large", string(large))
	s.load(h)

	httpd := httptest.NewServer(s.handler(backend))
	t.Cleanup(httpd.Close)
	s.url = httpd.URL + "/acme/orders.git"
	return s
}

func (s *server) load(h *history) {
	s.t.Helper()
	cmd := exec.Command("git", "fast-import", "--quiet", "--force")
	cmd.Dir, cmd.Stdin = s.dir, &h.Buffer
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("git fast-import: %v\n%s", err, out)
	}
}

func (s *server) handler(backend string) http.HandlerFunc {
	authorization := "Basic " + base64.StdEncoding.EncodeToString([]byte("x-access-token:"+token))
	return func(w http.ResponseWriter, r *http.Request) {
		s.mutex.Lock()
		s.requests++
		s.header = r.Header.Clone()
		status, before, old := s.status, s.before, s.old
		s.mutex.Unlock()
		switch {
		case before != nil && before(w, r):
			return
		case status != 0:
			w.WriteHeader(status)
			return
		case r.Header.Get("Authorization") != authorization:
			w.Header().Set("WWW-Authenticate", `Basic realm="GitHub"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if old {
			r.Header.Del("Git-Protocol")
		}
		env := []string{"GIT_PROJECT_ROOT=" + filepath.Dir(filepath.Dir(s.dir)), "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull}
		(&cgi.Handler{Path: backend, Env: env}).ServeHTTP(w, r)
	}
}

func (s *server) set(change func()) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	change()
}

func (s *server) count() int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.requests
}

// authorization is that of the last request.
func (s *server) authorization() string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.header.Get("Authorization")
}

func (s *server) id(revision string) string {
	s.t.Helper()
	return git(s.t, s.dir, "rev-parse", revision+"^{commit}")
}

func (s *server) remote() Remote {
	return Remote{URL: s.url, RepositoryID: 77, Token: func(context.Context) (string, error) { return token, nil }}
}

// mirrors opens a directory, and records what became of each fetch.
func mirrors(t *testing.T, o Options) (*Mirrors, *[]string) {
	t.Helper()
	var mutex sync.Mutex
	outcomes := &[]string{}
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Observe = func(outcome string, _ time.Duration) {
		mutex.Lock()
		defer mutex.Unlock()
		*outcomes = append(*outcomes, outcome)
	}
	m, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return m, outcomes
}

// fetch is Fetch that has to work, until the test ends.
func fetch(t *testing.T, m *Mirrors, s *server, revisions ...string) string {
	t.Helper()
	var commits []string
	for _, revision := range revisions {
		commits = append(commits, s.id(revision))
	}
	dir, release, err := m.Fetch(t.Context(), s.remote(), commits...)
	if err != nil {
		t.Fatalf("fetching %v: %v", revisions, err)
	}
	t.Cleanup(release)
	return dir
}
