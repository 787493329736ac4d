package mirror

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pmcheck/pmcheck/checks/change"
	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

// TestFetch: what a check needs of two commits can be read, and nothing else is fetched while it reads.
func TestFetch(t *testing.T) {
	s := newServer(t)
	m, outcomes := mirrors(t, Options{})
	for _, test := range []struct {
		head, common string
		files        []string
		requests     int // at most
	}{
		{"late", "main~10", []string{"late"}, 4},
		{"early", "main~280", []string{"early"}, 12},
		{"main", "main", nil, 0},
		{"early", "main~280", []string{"early"}, 0},
		{"lonely", "", []string{"lonely"}, 12},
	} {
		t.Run(test.head, func(t *testing.T) {
			before := s.count()
			dir := fetch(t, m, s, "main", test.head)
			if n := s.count() - before; n > test.requests {
				t.Errorf("%d requests, want at most %d", n, test.requests)
			}
			before = s.count()
			// Without anything in common the comparison says so itself; what can be compared is that with the base.
			c, err := change.Open(t.Context(), change.Options{Repo: dir, Base: s.id("main"), Head: s.id(test.head), FromMergeBase: test.common != ""})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if test.common != "" && c.MergeBase != s.id(test.common) {
				t.Errorf("merge base %q, want that of %s", c.MergeBase, test.common)
			}
			var files []string
			for _, file := range c.Files {
				if file.Status == change.Added {
					files = append(files, file.Path)
				}
			}
			if !slices.Equal(files, test.files) {
				t.Errorf("added %q, want %q", files, test.files)
			}
			if c.Repository != "acme/orders" {
				t.Errorf("repository %q", c.Repository)
			}
			git(t, dir, "rev-list", "--quiet", "--objects", "--no-walk", s.id("main"), s.id(test.head))
			if s.count() != before {
				t.Error("reading asked the server")
			}
		})
	}
	if want := []string{Fetched, Fetched, Present, Present, Fetched}; !slices.Equal(*outcomes, want) {
		t.Errorf("outcomes %q, want %q", *outcomes, want)
	}
}

// TestUncut: a fetch for one job cuts the history that another one needs: the other's view is its own, and the next job finds
// the history joined again.
func TestUncut(t *testing.T) {
	s := newServer(t)
	m, outcomes := mirrors(t, Options{})
	first := fetch(t, m, s, "main~30", "early")
	fetch(t, m, s, "main", "late") // 64 commits back from main lies within what the first has brought
	for _, dir := range []string{first, fetch(t, m, s, "main~30", "early"), fetch(t, m, s, "main", "early")} {
		if got := git(t, dir, "merge-base", s.id("main~30"), s.id("early")); got != s.id("main~280") {
			t.Errorf("merge base %s", got)
		}
	}
	if want := []string{Fetched, Fetched, Present, Present}; !slices.Equal(*outcomes, want) {
		t.Errorf("outcomes %q, want %q", *outcomes, want)
	}
}

// TestBetween: a commit between the first and the last is readable, and costs no history.
func TestBetween(t *testing.T) {
	s := newServer(t)
	m, _ := mirrors(t, Options{})
	before := s.count()
	dir := fetch(t, m, s, "main", "lonely", "late")
	if n := s.count() - before; n > 4 {
		t.Errorf("%d requests", n)
	}
	if got := git(t, dir, "show", s.id("lonely")+":lonely"); got != "x" {
		t.Errorf("file %q", got)
	}
	if got := git(t, dir, "merge-base", s.id("main"), "HEAD"); got != s.id("main~10") {
		t.Errorf("merge base %s", got)
	}
}

// TestSHA256: a repository whose ids are longer.
func TestSHA256(t *testing.T) {
	s := newServerOf(t, "sha256")
	m, _ := mirrors(t, Options{})
	dir := fetch(t, m, s, "main", "late")
	if got := git(t, dir, "merge-base", s.id("main"), "HEAD"); got != s.id("main~10") || len(got) != 64 {
		t.Errorf("merge base %s", got)
	}
}

// TestToken: nobody but the server sees it.
func TestToken(t *testing.T) {
	s := newServer(t)
	log := filepath.Join(t.TempDir(), "arguments")
	program := filepath.Join(t.TempDir(), "git")
	if err := os.WriteFile(program, []byte("#!/bin/sh\necho \"$@\" >> "+log+"\nexec git \"$@\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	m, _ := mirrors(t, Options{Git: program, Log: slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	t.Setenv("GIT_TRACE_CURL", filepath.Join(m.o.Dir, "trace"))
	dir := fetch(t, m, s, "main", "late")
	if s.authorization() == "" {
		t.Error("the server was not given the token")
	}
	s.set(func() { s.status = 403 })
	_, _, err := m.Fetch(t.Context(), s.remote(), s.id("early"))
	if !errors.Is(err, ErrAuth) {
		t.Errorf("error %v", err)
	}
	arguments, _ := os.ReadFile(log)
	if len(arguments) == 0 {
		t.Fatal("no arguments were seen")
	}
	texts := map[string]string{"arguments": string(arguments), "log": said.String(), "error": fmt.Sprint(err), "view": dir}
	filepath.WalkDir(m.o.Dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			text, _ := os.ReadFile(path)
			texts[path] = string(text)
		}
		return nil
	})
	_, encoded, _ := strings.Cut(s.authorization(), " ")
	for name, text := range texts {
		if strings.Contains(text, token) || strings.Contains(text, encoded) {
			t.Errorf("the token is in %s", name)
		}
	}
}

func TestErrors(t *testing.T) {
	s := newServer(t)
	var elsewhere atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	unknown := strings.Repeat("1", 40)
	head := s.id("main")
	for _, test := range []struct {
		name    string
		change  func(*Remote)
		status  int
		before  func(http.ResponseWriter, *http.Request) bool
		commits []string
		is      error
		again   time.Duration
		says    string
	}{
		{name: "a commit that is gone", commits: []string{head, unknown}, is: ErrNotFound, says: unknown},
		{name: "no repository", status: 404, is: ErrNotFound},
		{name: "another token", change: func(r *Remote) { r.Token = func(context.Context) (string, error) { return "x", nil } }, is: ErrAuth},
		{name: "no token", change: func(r *Remote) { r.Token = nil }, is: ErrAuth},
		{name: "token cannot be had", change: func(r *Remote) { r.Token = func(context.Context) (string, error) { return "", errors.New("no key") } }, says: "no key"},
		{name: "refused", status: 403, is: ErrAuth},
		{name: "too many", status: 429, again: 5 * time.Minute},
		{name: "down", status: 503, again: 30 * time.Second},
		{name: "nobody there", change: func(r *Remote) { r.URL = "http://127.0.0.1:1/a/b.git" }, again: 30 * time.Second},
		{name: "cut off", before: func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPost {
				panic(http.ErrAbortHandler)
			}
			return false
		}, again: 30 * time.Second},
		{name: "redirected", before: func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, other.URL+r.URL.Path, http.StatusMovedPermanently)
			return true
		}, says: "301"},
		{name: "credentials in the address", change: func(r *Remote) { r.URL = "https://u:hush@example.com/a/b.git" }, says: "credentials"},
		{name: "another protocol", change: func(r *Remote) { r.URL = "file://" + s.dir }, says: "file"},
		{name: "an option as the address", change: func(r *Remote) { r.URL = "--upload-pack=x" }, says: "not that of a repository"},
		{name: "a way out of the path", change: func(r *Remote) { r.URL = s.url + "/../x.git" }, says: "not that of a repository"},
		{name: "ext", change: func(r *Remote) { r.URL = "ext::sh -c x" }, says: "not that of a repository"},
		{name: "line break", change: func(r *Remote) { r.URL = "https://example.com/a\n/b" }, says: "not a URL"},
		{name: "branch as a commit", commits: []string{"main"}, says: "full id"},
		{name: "no commit", commits: []string{}, says: "no commit"},
		{name: "no id", change: func(r *Remote) { r.RepositoryID = 0 }, says: "id of a repository"},
		{name: "option as a ref", change: func(r *Remote) { r.Refs = []string{"--x"} }, says: "full name of a ref"},
	} {
		t.Run(test.name, func(t *testing.T) {
			now := time.Date(2026, 3, 3, 14, 0, 0, 0, time.UTC)
			m, outcomes := mirrors(t, Options{Now: func() time.Time { return now }})
			fetch(t, m, s, "early") // there is a mirror, and it must survive
			s.set(func() { s.status, s.before = test.status, test.before })
			defer s.set(func() { s.status, s.before = 0, nil })
			remote, commits := s.remote(), test.commits
			if test.change != nil {
				test.change(&remote)
			}
			if commits == nil {
				commits = []string{head}
			}
			_, release, err := m.Fetch(t.Context(), remote, commits...)
			if err == nil || release != nil {
				t.Fatalf("no error, or something to release: %v", err)
			}
			if test.is != nil && !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("error %v, want %v that says %q", err, test.is, test.says)
			}
			if strings.Contains(err.Error(), "hush") {
				t.Errorf("the error has a password: %v", err)
			}
			var again *job.RetryAfter
			if errors.As(err, &again) != (test.again != 0) || again != nil && !again.At.Equal(now.Add(test.again)) {
				t.Errorf("error %v, want it again after %v", err, test.again)
			}
			if want := []string{Fetched, Failed}; !slices.Equal(*outcomes, want) {
				t.Errorf("outcomes %q, want %q", *outcomes, want)
			}
			s.set(func() { s.status, s.before = 0, nil })
			before := s.count()
			fetch(t, m, s, "early")
			if s.count() != before {
				t.Error("the mirror was lost")
			}
		})
	}
	if elsewhere.Load() > 0 {
		t.Error("a redirect was followed")
	}
}

// TestOldServer gives no commits by their ids.
func TestOldServer(t *testing.T) {
	s := newServer(t)
	s.set(func() { s.old = true })
	m, _ := mirrors(t, Options{})
	remote := s.remote()
	if _, _, err := m.Fetch(t.Context(), remote, s.id("main~5"), s.id("late")); !errors.Is(err, ErrNotFound) {
		t.Errorf("without refs: %v", err)
	}
	remote.Refs = []string{"refs/heads/main", "refs/heads/late"}
	dir, release, err := m.Fetch(t.Context(), remote, s.id("main~5"), s.id("late"))
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if got := git(t, dir, "merge-base", s.id("main~5"), s.id("late")); got != s.id("main~10") {
		t.Errorf("merge base %s", got)
	}
	if _, _, err := m.Fetch(t.Context(), remote, strings.Repeat("1", 40)); !errors.Is(err, ErrNotFound) {
		t.Errorf("a commit at none of the refs: %v", err)
	}
}

func TestTooLarge(t *testing.T) {
	s := newServer(t)
	m, _ := mirrors(t, Options{MaxRepository: 1 << 20})
	fetch(t, m, s, "main")
	_, _, err := m.Fetch(t.Context(), s.remote(), s.id("large"))
	if !errors.Is(err, ErrTooLarge) || !strings.Contains(err.Error(), "1 MB") {
		t.Errorf("error %v", err)
	}
	fetch(t, m, s, "main", "late")

	// What is too large for an old mirror may fit into a new one.
	m, outcomes := mirrors(t, Options{MaxRepository: 4 << 20})
	fetch(t, m, s, "large")
	h := &history{}
	other := make([]byte, 2<<20)
	rand.NewChaCha8([32]byte{2}).Read(other)
	h.commit("other", "", "other", string(other))
	s.load(h)
	fetch(t, m, s, "other")
	if want := []string{Fetched, Rebuilt}; !slices.Equal(*outcomes, want) {
		t.Errorf("outcomes %q, want %q", *outcomes, want)
	}
}

func TestTimeout(t *testing.T) {
	s := newServer(t)
	free := make(chan struct{})
	s.set(func() {
		s.before = func(w http.ResponseWriter, r *http.Request) bool {
			select {
			case <-free:
			case <-r.Context().Done():
			}
			return true
		}
	})
	defer close(free)
	m, _ := mirrors(t, Options{Timeout: 100 * time.Millisecond})
	_, _, err := m.Fetch(t.Context(), s.remote(), s.id("main"))
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "longer than 100ms") {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(job.ErrSuperseded)
	if _, _, err := m.Fetch(ctx, s.remote(), s.id("main")); !errors.Is(err, job.ErrSuperseded) {
		t.Errorf("error %v, want the cause", err)
	}
}

// TestDiskFull: the program says what git says then.
func TestDiskFull(t *testing.T) {
	s := newServer(t)
	program := filepath.Join(t.TempDir(), "git")
	script := "#!/bin/sh\n[ \"$1\" = fetch ] && { echo 'fatal: write error: No space left on device' >&2; exit 128; }\nexec git \"$@\"\n"
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	good, _ := mirrors(t, Options{Dir: dir})
	other := s.remote()
	other.RepositoryID = 78
	_, release, err := good.Fetch(t.Context(), other, s.id("large"))
	if err != nil {
		t.Fatal(err)
	}
	release()
	m, outcomes := mirrors(t, Options{Dir: dir, Git: program})
	_, _, err = m.Fetch(t.Context(), s.remote(), s.id("main"))
	if !errors.Is(err, ErrDiskFull) || !strings.Contains(err.Error(), "make room") {
		t.Errorf("error %v", err)
	}
	if want := []string{Evicted, Failed}; !slices.Equal(*outcomes, want) {
		t.Errorf("outcomes %q, want %q: what nobody uses makes room", *outcomes, want)
	}
}

func TestEvict(t *testing.T) {
	s := newServer(t)
	now := time.Date(2026, 3, 3, 14, 0, 0, 0, time.UTC)
	clock := func() time.Time { now = now.Add(time.Minute); return now }
	m, _ := mirrors(t, Options{MaxBytes: 7 << 20, Now: clock})
	releases := map[int64]func(){}
	get := func(id int64) {
		t.Helper()
		remote := s.remote()
		remote.RepositoryID = id
		_, release, err := m.Fetch(t.Context(), remote, s.id("large")) // 3 MB
		if err != nil {
			t.Fatal(err)
		}
		releases[id] = release
	}
	there := func() (ids []int64) {
		for id := int64(1); id < 9; id++ {
			if mirrors, _ := filepath.Glob(filepath.Join(m.folder(id), "*.git")); len(mirrors) > 0 {
				ids = append(ids, id)
			}
		}
		return ids
	}
	get(1)
	get(2)
	releases[2]()
	get(3) // two fit; 1 is older but in use
	if got := there(); !slices.Equal(got, []int64{1, 3}) {
		t.Errorf("there are %v, want 1 and 3", got)
	}
	get(4) // 1 and 3 are in use: nothing can go
	if got := there(); !slices.Equal(got, []int64{1, 3, 4}) {
		t.Errorf("there are %v, want 1, 3 and 4", got)
	}
	releases[1]()
	releases[3]()
	releases[4]()
	get(1)
	if got := there(); !slices.Equal(got, []int64{1, 4}) {
		t.Errorf("there are %v, want 1 and 4: 3 was not used for longest", got)
	}
	if m.Bytes() > 7<<20 || m.Bytes() < 6<<20 {
		t.Errorf("%d bytes", m.Bytes())
	}
	releases[1]()
	releases[1]() // twice does no harm
	again, _ := mirrors(t, Options{Dir: m.o.Dir})
	if difference := again.Bytes() - m.Bytes(); difference < -10_000 || difference > 10_000 { // views are gone meanwhile
		t.Errorf("opened again: %d bytes, want about %d", again.Bytes(), m.Bytes())
	}
}

// TestTogether: many jobs and two processes' worth of Mirrors at once.
func TestTogether(t *testing.T) {
	s := newServer(t)
	one, _ := mirrors(t, Options{})
	two, _ := mirrors(t, Options{Dir: one.o.Dir})
	heads := []string{"late", "early", "late~1", "early~1", "main~100", "lonely"}
	base := s.id("main")
	ids := map[string]string{}
	for _, head := range heads {
		ids[head] = s.id(head)
	}
	var wait sync.WaitGroup
	for i, head := range heads {
		for _, m := range []*Mirrors{one, two} {
			wait.Go(func() {
				dir, release, err := m.Fetch(t.Context(), s.remote(), base, ids[head])
				if err != nil {
					t.Errorf("%d %s: %v", i, head, err)
					return
				}
				defer release()
				c, err := change.Open(t.Context(), change.Options{Repo: dir, Base: base, Head: ids[head]})
				if err != nil {
					t.Errorf("%d %s: %v", i, head, err)
					return
				}
				defer c.Close()
				if (c.MergeBase == "") != (head == "lonely") {
					t.Errorf("%d %s: merge base %q", i, head, c.MergeBase)
				}
			})
		}
	}
	wait.Wait()
}

// TestMaintain: a mirror that is fetched into again and again stays small.
func TestMaintain(t *testing.T) {
	s := newServer(t)
	m, _ := mirrors(t, Options{})
	m.manyPacks, m.keptCommits = 5, 4
	const pulls = 12
	h := &history{marks: 1000}
	for i := range pulls {
		h.commit(fmt.Sprintf("pull%d", i), "from refs/heads/main^0\n", "file", fmt.Sprint(i))
	}
	s.load(h)
	for i := range pulls {
		dir, release, err := m.Fetch(t.Context(), s.remote(), s.id("main"), s.id(fmt.Sprintf("pull%d", i)))
		if err != nil {
			t.Fatal(err)
		}
		if got := git(t, dir, "merge-base", s.id("main"), "HEAD"); got != s.id("main") {
			t.Errorf("pull %d: merge base %s", i, got)
		}
		release()
	}
	packs, _ := filepath.Glob(filepath.Join(m.folder(77), "1.git", "objects", "pack", "*.pack"))
	refs, _ := os.ReadDir(filepath.Join(m.folder(77), "1.git", "refs", "keep"))
	if len(packs) > m.manyPacks || len(refs) > m.keptCommits+m.manyPacks {
		t.Errorf("%d packs, %d commits are kept", len(packs), len(refs))
	}
	if views, _ := os.ReadDir(filepath.Join(m.folder(77), "1.views")); len(views) > 0 {
		t.Errorf("%d views are left", len(views))
	}
}

func FuzzReadParents(f *testing.F) {
	a, b := strings.Repeat("a", 40), strings.Repeat("b", 40)
	body := "tree " + b + "\nparent " + a + "\nparent " + b + "\nauthor x\n\nparent none\n"
	f.Add(fmt.Sprintf("%s commit %d\n%s", a, len(body), body), 1)
	f.Add(a+" missing\n"+fmt.Sprintf("%s commit %d\n%s", a, len(body), body), 2)
	f.Add(a+" blob 3\nabc", 1)
	f.Add(a+" commit -1\n", 1)
	f.Add(a+" commit 9000000000\n", 1)
	f.Fuzz(func(t *testing.T, contents string, commits int) {
		if commits < 0 || commits > 100 {
			return
		}
		parents, err := readParents(contents, commits)
		if err == nil && len(parents) != commits {
			t.Errorf("%d commits, want %d", len(parents), commits)
		}
		for _, parent := range slices.Concat(parents...) {
			if strings.ContainsAny(parent, "\n") || !strings.Contains(contents, parent) {
				t.Errorf("parent %q", parent)
			}
		}
	})
}

func TestReadParents(t *testing.T) {
	a, b := strings.Repeat("a", 40), strings.Repeat("b", 40)
	body := "tree " + b + "\nparent " + a + "\nparent " + b + "\nauthor x\n\nparent none\n"
	root := "tree " + b + "\nauthor x\n\n"
	contents := fmt.Sprintf("%s commit %d\n%s\n%s missing\n%s commit %d\n%s", a, len(body), body, b, b, len(root), root)
	got, err := readParents(contents, 3)
	if err != nil || len(got) != 3 || !slices.Equal(got[0], []string{a, b}) || got[1] != nil || got[2] == nil || len(got[2]) != 0 {
		t.Errorf("%q, %v", got, err)
	}
}
