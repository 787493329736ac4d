package mirror

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

// TestBroken damages a mirror in all the ways that a killed process or a bad disk may, and goes on.
func TestBroken(t *testing.T) {
	s := newServer(t)
	one := func(t *testing.T, pattern string) string {
		t.Helper()
		found, _ := filepath.Glob(pattern)
		if len(found) == 0 {
			t.Fatalf("no %s", pattern)
		}
		return found[0]
	}
	write := func(t *testing.T, path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		os.Chmod(path, 0o600)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	remove := func(t *testing.T, path string) {
		t.Helper()
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		name    string
		damage  func(t *testing.T, dir string)
		outcome string
	}{
		{"shallow.lock is left", func(t *testing.T, dir string) { write(t, dir+"/shallow.lock", "") }, Fetched},
		{"a ref's lock is left", func(t *testing.T, dir string) { write(t, dir+"/"+keep(s.id("early"))+".lock", "") }, Fetched},
		{"packed-refs.lock is left", func(t *testing.T, dir string) { write(t, dir+"/packed-refs.lock", "") }, Fetched},
		{"config.lock is left", func(t *testing.T, dir string) { write(t, dir+"/config.lock", "") }, Fetched},
		{"half a pack is left", func(t *testing.T, dir string) { write(t, dir+"/objects/pack/tmp_pack_x", "PACK") }, Fetched},
		{"HEAD is gone", func(t *testing.T, dir string) { remove(t, dir+"/HEAD") }, Rebuilt},
		{"HEAD is empty", func(t *testing.T, dir string) { write(t, dir+"/HEAD", "") }, Rebuilt},
		{"config is garbage", func(t *testing.T, dir string) { write(t, dir+"/config", "\x00[[") }, Rebuilt},
		{"shallow is gone", func(t *testing.T, dir string) { remove(t, dir+"/shallow") }, Rebuilt},
		{"shallow names what is gone", func(t *testing.T, dir string) {
			text, err := os.ReadFile(dir + "/shallow")
			if err != nil {
				t.Fatal(err)
			}
			write(t, dir+"/shallow", string(text)+strings.Repeat("1", 40)+"\n")
		}, Fetched},
		{"shallow names nothing but what is gone", func(t *testing.T, dir string) { write(t, dir+"/shallow", strings.Repeat("1", 40)+"\n") }, Rebuilt},
		{"shallow is garbage", func(t *testing.T, dir string) { write(t, dir+"/shallow", "x\n") }, Rebuilt},
		{"objects are gone", func(t *testing.T, dir string) { remove(t, dir+"/objects") }, Rebuilt},
		{"a pack is gone", func(t *testing.T, dir string) {
			remove(t, one(t, dir+"/objects/pack/*.pack"))
			remove(t, one(t, dir+"/objects/pack/*.idx"))
		}, Rebuilt},
		{"a pack is cut short", func(t *testing.T, dir string) {
			pack := one(t, dir+"/objects/pack/*.pack")
			os.Chmod(pack, 0o600)
			if err := os.Truncate(pack, 100); err != nil {
				t.Fatal(err)
			}
		}, Rebuilt},
		{"a pack is zeroes", func(t *testing.T, dir string) {
			pack := one(t, dir+"/objects/pack/*.pack")
			info, err := os.Stat(pack)
			if err != nil {
				t.Fatal(err)
			}
			write(t, pack, strings.Repeat("\x00", int(info.Size())))
		}, Rebuilt},
		{"an index is garbage", func(t *testing.T, dir string) { write(t, one(t, dir+"/objects/pack/*.idx"), "x") }, Rebuilt},
		{"a ref is garbage", func(t *testing.T, dir string) { write(t, dir+"/"+keep(s.id("main")), "x") }, Rebuilt},
		{"all is gone", func(t *testing.T, dir string) { remove(t, dir); write(t, dir+"/x", "") }, Rebuilt},
	} {
		t.Run(test.name, func(t *testing.T) {
			m, outcomes := mirrors(t, Options{})
			first, release, err := m.Fetch(t.Context(), s.remote(), s.id("main"), s.id("late"))
			if err != nil {
				t.Fatal(err)
			}
			test.damage(t, filepath.Join(m.folder(77), "1.git"))
			dir := fetch(t, m, s, "main", "early")
			if got := git(t, dir, "merge-base", s.id("main"), "HEAD"); got != s.id("main~280") {
				t.Errorf("merge base %s", got)
			}
			git(t, dir, "fsck", "--connectivity-only")
			if want := []string{Fetched, test.outcome}; !slices.Equal(*outcomes, want) {
				t.Errorf("outcomes %q, want %q", *outcomes, want)
			}
			if _, err := os.Stat(first); err != nil {
				t.Errorf("what somebody reads was removed: %v", err)
			}
			release()
			fetch(t, m, s, "main", "early")
			left, _ := filepath.Glob(filepath.Join(m.folder(77), "*.git"))
			if len(left) != 1 {
				t.Errorf("mirrors that are left: %q", left)
			}
		})
	}
}

// TestWhole: one bit of one file differs when the program starts anew.
func TestWhole(t *testing.T) {
	for _, format := range []string{"sha1", "sha256"} {
		s := newServerOf(t, format)
		m, _ := mirrors(t, Options{})
		_, release, err := m.Fetch(t.Context(), s.remote(), s.id("large"))
		if err != nil {
			t.Fatal(err)
		}
		release()
		again, outcomes := mirrors(t, Options{Dir: m.o.Dir})
		fetch(t, again, s, "large")
		if want := []string{Present}; !slices.Equal(*outcomes, want) {
			t.Errorf("%s: outcomes %q of a whole mirror", format, *outcomes)
		}
		pack := newGeneration(m.folder(77), 1).packs()[0]
		content, err := os.ReadFile(pack)
		if err != nil {
			t.Fatal(err)
		}
		content[len(content)/2] ^= 4
		if err := errors.Join(os.Chmod(pack, 0o600), os.WriteFile(pack, content, 0o600)); err != nil {
			t.Fatal(err)
		}
		again, outcomes = mirrors(t, Options{Dir: m.o.Dir})
		dir := fetch(t, again, s, "large")
		if want := []string{Rebuilt}; !slices.Equal(*outcomes, want) {
			t.Errorf("%s: outcomes %q, want %q", format, *outcomes, want)
		}
		git(t, dir, "fsck")
	}
}

// TestDiscard: a reader has found what Fetch does not look at.
func TestDiscard(t *testing.T) {
	s := newServer(t)
	m, outcomes := mirrors(t, Options{})
	dir := fetch(t, m, s, "main")
	if err := m.Discard(t.Context(), 77); err != nil {
		t.Fatal(err)
	}
	again := fetch(t, m, s, "main")
	git(t, dir, "log", "-1")
	git(t, again, "log", "-1")
	if want := []string{Fetched, Fetched}; !slices.Equal(*outcomes, want) {
		t.Errorf("outcomes %q, want %q", *outcomes, want)
	}
}

// TestEndedEarly: a call that ends while the mirror is being looked at, which another one has half made, says why it ended.
// Whether the mirror is broken it does not say.
func TestEndedEarly(t *testing.T) {
	s := newServer(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	var lock string
	m, outcomes := mirrors(t, Options{Now: func() time.Time {
		if _, err := os.Stat(lock); err == nil {
			cancel(job.ErrSuperseded)
		}
		return time.Now()
	}})
	if err := os.MkdirAll(filepath.Join(m.folder(77), "1.git"), 0o700); err != nil {
		t.Fatal(err)
	}
	lock = filepath.Join(m.folder(77), "lock")
	if _, _, err := m.Fetch(ctx, s.remote(), s.id("main")); !errors.Is(err, job.ErrSuperseded) || errors.Is(err, errBroken) {
		t.Errorf("error %v, want that it was superseded", err)
	}
	if newGeneration(m.folder(77), 1).broken() {
		t.Error("the mirror is given up")
	}
	fetch(t, m, s, "main")
	if want := []string{Failed, Rebuilt}; !slices.Equal(*outcomes, want) {
		t.Errorf("outcomes %q, want %q", *outcomes, want)
	}
}

// stall lets the server stop in the midst of a pack, until free is closed. reached says that it has come so far.
func stall(s *server) (reached chan struct{}, free chan struct{}) {
	reached, free = make(chan struct{}, 10), make(chan struct{})
	s.set(func() {
		s.before = func(w http.ResponseWriter, r *http.Request) bool {
			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(body))
			if r.Header.Get("Content-Encoding") == "" && !bytes.Contains(body, []byte("command=fetch")) {
				return false
			}
			reached <- struct{}{}
			select {
			case <-free:
			case <-r.Context().Done():
			}
			return false
		}
	})
	return reached, free
}

// TestKilled kills git with a signal that it cannot catch.
func TestKilled(t *testing.T) {
	s := newServer(t)
	pids := filepath.Join(t.TempDir(), "pid")
	program := filepath.Join(t.TempDir(), "git")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n[ \"$1\" = fetch ] && echo $$ > "+pids+"\nexec git \"$@\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	m, _ := mirrors(t, Options{Git: program})
	fetch(t, m, s, "main")
	reached, free := stall(s)
	failed := make(chan error)
	go func() {
		_, _, err := m.Fetch(context.Background(), s.remote(), s.id("main"), s.id("early"))
		failed <- err
	}()
	<-reached
	text, err := os.ReadFile(pids)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(-pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("error %v", err)
	}
	close(free)
	s.set(func() { s.before = nil })
	dir := fetch(t, m, s, "main", "early")
	if got := git(t, dir, "merge-base", s.id("main"), "HEAD"); got != s.id("main~280") {
		t.Errorf("merge base %s", got)
	}
}

// helper is a pmcheck that is killed: it fetches, and says so.
func helper() {
	m, err := New(Options{Dir: os.Getenv("MIRROR_TEST_HELPER"), Log: slog.New(slog.DiscardHandler)})
	if err == nil {
		remote := Remote{URL: os.Getenv("MIRROR_TEST_URL"), RepositoryID: 77, Token: func(context.Context) (string, error) { return token, nil }}
		_, _, err = m.Fetch(context.Background(), remote, strings.Fields(os.Getenv("MIRROR_TEST_COMMITS"))...)
	}
	fmt.Println(err)
	// Exits without a release, as a process that is killed does.
}

// TestProcessKilled: the git of a pmcheck that was killed goes on for a while. Until it ends nobody else writes into the
// mirror, and then all is as if it had never been.
func TestProcessKilled(t *testing.T) {
	s := newServer(t)
	m, outcomes := mirrors(t, Options{})
	reached, free := stall(s)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	start := func() *exec.Cmd {
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), "MIRROR_TEST_HELPER="+m.o.Dir, "MIRROR_TEST_URL="+s.url, "MIRROR_TEST_COMMITS="+s.id("main")+" "+s.id("late"))
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	cmd := start()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-reached:
	case err := <-ended:
		t.Fatalf("the process ended without fetching: %v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-ended
	if l, err := m.tryLock(77); l != nil || err != nil {
		t.Fatalf("the repository is free although git is at work: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, _, err := m.Fetch(ctx, s.remote(), s.id("main")); err == nil || !strings.Contains(err.Error(), "waiting for another") {
		t.Errorf("error %v", err)
	}
	close(free)
	s.set(func() { s.before = nil })
	fetch(t, m, s, "main", "late")

	// Views of processes that ended without a release go when nobody reads.
	m2, _ := mirrors(t, Options{})
	m.o.Dir = m2.o.Dir
	if err := start().Wait(); err != nil {
		t.Fatal(err)
	}
	if views, _ := os.ReadDir(filepath.Join(m.folder(77), "1.views")); len(views) != 1 {
		t.Fatalf("%d views of a process that was killed, want 1", len(views))
	}
	fetch(t, m2, s, "main", "late")
	if views, _ := os.ReadDir(filepath.Join(m.folder(77), "1.views")); len(views) != 1 {
		t.Errorf("%d views, want only the new one", len(views))
	}
	if !slices.Contains(*outcomes, Failed) {
		t.Errorf("outcomes %q", *outcomes)
	}
}
