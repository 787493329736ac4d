package githubapp_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/pmcheck/pmcheck/checks/example"
	"github.com/pmcheck/pmcheck/checks/githubapp"
	"github.com/pmcheck/pmcheck/checks/githubapp/child"
	"github.com/pmcheck/pmcheck/checks/githubapp/store"
	"github.com/pmcheck/pmcheck/internal/fakegithub"
	"github.com/pmcheck/pmcheck/internal/pgtest"
)

// TestMain is the child too: the App calls its own program to judge.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == child.Command {
		os.Exit(child.Main(os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(pgtest.Main(m))
}

// A scene is a GitHub with a repository, and an App that watches it.
type scene struct {
	*testing.T
	github       *fakegithub.Server
	repo         *fakegithub.Repo
	installation int64
	config       githubapp.Config
	log          *lockedBuffer
	stop         func() // ends the App as SIGTERM does, and waits
	url          string // of the App
}

// before makes the side of the incident's change that was there before; after what the pull request changes.
func before() map[string]string { return side("base/") }
func after() map[string]string  { return side("head/") }

func side(prefix string) map[string]string {
	files := map[string]string{}
	for _, f := range example.Incident().Files {
		if name, ok := strings.CutPrefix(f.Name, prefix); ok {
			files[name] = string(f.Data)
		}
	}
	return files
}

// newScene starts both. edit, which may be nil, changes the configuration.
func newScene(t *testing.T, edit func(*githubapp.Config)) *scene {
	t.Helper()
	s := &scene{T: t, github: fakegithub.New(t), log: &lockedBuffer{}}
	s.repo = s.github.Repo("acme", "orders", before())
	s.repo.Protect("main")
	s.installation = s.github.Install("acme", s.repo)
	app := s.github.AppInfo()
	site, err := url.Parse(s.github.URL)
	if err != nil {
		t.Fatal(err)
	}
	s.config = githubapp.Config{
		Listen: "127.0.0.1:0", Data: t.TempDir(), GitHub: site, AppID: app.ID, PrivateKey: app.PrivateKey,
		WebhookSecrets: []githubapp.Secret{githubapp.Secret(app.WebhookSecret)}, CheckName: "pmcheck", Mode: githubapp.Required, OverridePermission: "maintain",
		Workers: 2, CheckMemory: 1 << 30, CheckTime: patience, MirrorSpace: 1 << 30, MirrorLimit: 1 << 30,
		Reconcile: time.Hour, Grace: 20 * time.Second, Version: "test",
		Log:   slog.New(slog.NewJSONHandler(io.MultiWriter(s.log), &slog.HandlerOptions{Level: slog.LevelDebug})),
		Store: store.Options{Poll: 50 * time.Millisecond, Backoff: func(int) time.Duration { return 20 * time.Millisecond }},
	}
	if raced { // each check would take seconds; package child has tests that judge with the race detector
		if s.config.Program, err = program(); err != nil {
			t.Fatal(err)
		}
	}
	s.config.Database = "sqlite:" + filepath.Join(s.config.Data, "pmcheck.db")
	if edit != nil {
		edit(&s.config)
	}
	s.start()
	t.Cleanup(func() {
		s.stop()
		if t.Failed() {
			t.Logf("the App's log:\n%s", s.log)
		}
	})
	return s
}

// start starts the App, again after stop.
func (s *scene) start() {
	s.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	app, err := githubapp.New(ctx, s.config)
	if err != nil {
		cancel()
		s.Fatal(err)
	}
	server := httptest.NewServer(app.Handler())
	s.url = server.URL
	s.github.WebhookTo(server.URL + "/webhook")
	done := make(chan error, 1)
	go func() { done <- app.Run(ctx) }()
	s.stop = func() {
		server.Close()
		cancel()
		if err := <-done; err != nil {
			s.Errorf("the App ended with %v", err)
		}
		s.stop = func() {}
	}
}

// change makes a branch with files and opens a pull request of it.
func (s *scene) change(branch string, files map[string]string) *fakegithub.Pull {
	s.Helper()
	s.repo.Branch(branch, "main")
	files["BRANCH"] = branch // else two branches could be one commit
	s.repo.Commit(branch, files)
	return s.repo.OpenPull(branch, "main", "Drop legacy_name")
}

// patience is for a machine that does other things too: only what never comes takes so long.
const patience = 5 * time.Minute

// until waits for something that other goroutines bring about.
func (s *scene) until(what string, holds func() bool) {
	s.Helper()
	deadline := time.Now().Add(patience)
	for !holds() {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<16)
			s.Fatalf("it did not come to this: %s\n%s", what, buf[:runtime.Stack(buf, false)])
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// verdict waits until the App is done and the newest check run of a head is completed, and returns it.
func (s *scene) verdict(repo *fakegithub.Repo, head string) fakegithub.CheckRun {
	s.Helper()
	var run fakegithub.CheckRun
	s.until("a verdict on "+head, func() bool {
		runs := repo.CheckRuns(head)
		if len(runs) > 0 {
			run = runs[len(runs)-1]
		}
		return len(runs) > 0 && run.Status == "completed" && s.isIdle()
	})
	return run
}

// one wants exactly one check run for a head, with this conclusion.
func (s *scene) one(repo *fakegithub.Repo, head, conclusion string) fakegithub.CheckRun {
	s.Helper()
	run := s.verdict(repo, head)
	if runs := repo.CheckRuns(head); len(runs) != 1 {
		s.Errorf("%d check runs for %s, want one: %+v", len(runs), head, runs)
	}
	if run.Conclusion != conclusion || run.Name != "pmcheck" {
		s.Errorf("the check run %s ends as %s, want %s: %s\n%s", run.Name, run.Conclusion, conclusion, run.Title, run.Summary)
	}
	return run
}

// idle waits until the App has nothing to do.
func (s *scene) idle() {
	s.Helper()
	s.until("the App is idle", s.isIdle)
}

// isIdle asks three times: what goes from waiting to be announced to waiting to be judged, and from there to being judged,
// while the figures are counted one after the other, may be missed once for each of the two steps.
func (s *scene) isIdle() bool {
	for range 3 {
		m := s.metrics()
		if m["pmcheck_queue_depth"] != "0" || m["pmcheck_running"] != "0" || m["pmcheck_announcing"] != "0" || m["pmcheck_stale_check_runs"] != "0" {
			return false
		}
	}
	return true
}

// looked waits until the App has looked at GitHub after its start.
func (s *scene) looked() {
	s.Helper()
	s.until("the App has looked at GitHub", func() bool { return strings.Contains(s.log.String(), `"msg":"reconciled"`) })
	s.idle()
}

// metrics are the App's, by name and labels.
func (s *scene) metrics() map[string]string {
	s.Helper()
	values := map[string]string{}
	for line := range strings.Lines(s.get("/metrics")) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && name != "#" {
			values[name] = value
		}
	}
	return values
}

// get asks the App for a path; the answer begins with its status when that is not 200.
func (s *scene) get(path string) string {
	s.Helper()
	answer, err := httpClient.Get(s.url + path)
	if err != nil {
		s.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		s.Fatal(err)
	}
	if answer.StatusCode != 200 {
		return fmt.Sprintf("%d %s", answer.StatusCode, body)
	}
	return string(body)
}
