package githubapp_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/pmcheck/pmcheck/checks/githubapp"
	"github.com/pmcheck/pmcheck/internal/fakegithub"
)

// TestPullRequest is the incident: a pull request drops a column that the running release reads, and is mended.
func TestPullRequest(t *testing.T) {
	s := newScene(t, nil)
	pull := s.change("drop", after())
	first := s.one(s.repo, pull.Head(), "failure")
	if !slices.Equal(first.History, []string{"queued", "in_progress", "completed: failure"}) {
		t.Errorf("its life was %q", first.History)
	}
	breaks := slices.ContainsFunc(first.Annotations, func(a fakegithub.Annotation) bool {
		return a.AnnotationLevel == "failure" && strings.Contains(a.Message, "legacy_name")
	})
	if !breaks || !strings.Contains(first.Summary, "PM-2026-001") {
		t.Errorf("the report lacks the incident: %+v\n%s", first.Annotations, first.Summary)
	}
	if len(first.Actions) == 0 || first.Actions[0].Identifier != "rerun" {
		t.Errorf("its buttons are %+v", first.Actions)
	}

	old := pull.Head()
	fix := before()
	for name := range after() {
		if _, there := fix[name]; !there {
			fix[name] = "" // the migration goes
		}
	}
	pull.Push(fix)
	s.one(s.repo, pull.Head(), "success")
	s.one(s.repo, old, "failure")

	// One id leads through the log, from the delivery to the verdict.
	s.idle()
	trace := ""
	for _, d := range s.github.Deliveries() {
		if d.Event == "pull_request" && d.Action == "synchronize" {
			trace = d.GUID
		}
	}
	said := map[string]bool{}
	for line := range strings.Lines(s.log.String()) {
		var entry struct{ Msg, Trace string }
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Trace == trace {
			said[entry.Msg] = true
		}
	}
	for _, want := range []string{"webhook delivery", "turn begins", "step done", "verdict"} {
		if !said[want] {
			t.Errorf("no line %q for delivery %s; there are %v", want, trace, said)
		}
	}
}

func TestAdvisory(t *testing.T) {
	s := newScene(t, func(c *githubapp.Config) { c.Mode = githubapp.Advisory })
	run := s.one(s.repo, s.change("drop", after()).Head(), "neutral")
	if !strings.Contains(run.Summary, "legacy_name") {
		t.Errorf("the report says nothing of the column: %s", run.Summary)
	}
}

// TestCalls counts what one check costs of GitHub's limits.
func TestCalls(t *testing.T) {
	s := newScene(t, nil)
	s.looked()
	for name, test := range map[string]struct {
		open func() *fakegithub.Pull
		most int
	}{
		"into the default branch": {func() *fakegithub.Pull { return s.change("a", after()) }, 4},
		"no schema change":        {func() *fakegithub.Pull { return s.change("b", map[string]string{"README": "x\n"}) }, 4},
		"a draft": {func() *fakegithub.Pull {
			s.repo.Branch("c", "main")
			s.repo.Commit("c", after())
			return s.repo.OpenDraft("c", "main", "Draft")
		}, 4},
		// Whether the base is protected has to be asked, and where the default branch is.
		"into another branch": {func() *fakegithub.Pull {
			s.repo.Branch("below", "main")
			s.repo.Branch("d", "main")
			s.repo.Commit("d", after())
			return s.repo.OpenPull("d", "below", "Stacked")
		}, 6},
	} {
		t.Run(name, func(t *testing.T) {
			s.github.ResetCalls()
			s.verdict(s.repo, test.open().Head())
			s.idle()
			var calls []string
			for _, c := range s.github.Calls() {
				if c.Route != "git" && !strings.HasSuffix(c.Route, "/access_tokens") { // a token serves for an hour
					calls = append(calls, c.Method+" "+c.Route)
				}
			}
			if len(calls) > test.most || len(calls) < 3 {
				t.Errorf("%d calls, want %d at most:\n%s", len(calls), test.most, strings.Join(calls, "\n"))
			}
		})
	}
}

// TestManyAnnotations needs one call more for each 50 annotations.
func TestManyAnnotations(t *testing.T) {
	s := newScene(t, nil)
	s.looked()
	s.github.ResetCalls()
	var sql strings.Builder
	for range 120 {
		sql.WriteString("CREATE INDEX ON customers (legacy_name);\n")
	}
	run := s.one(s.repo, s.change("many", map[string]string{"migrations/0003_many.up.sql": sql.String(), "migrations/0003_many.down.sql": "SELECT 1;\n"}).Head(), "failure")
	if len(run.Annotations) != 100 { // more make the page of a pull request slow
		t.Errorf("%d annotations", len(run.Annotations))
	}
	calls := 0
	for _, c := range s.github.Calls() {
		if strings.Contains(c.Route, "/repos/") {
			calls++
		}
	}
	if calls > 4+2 {
		t.Errorf("%d calls for 100 annotations", calls)
	}
}

func TestFork(t *testing.T) {
	s := newScene(t, nil)
	fork := s.repo.Fork("stranger")
	fork.Branch("drop", "main")
	fork.Commit("drop", after())
	pull := s.repo.OpenPullFromFork(fork, "drop", "main", "From a fork")
	run := s.one(s.repo, pull.Head(), "failure")
	// GitHub names no pull request in the events of a fork's check run.
	s.repo.Rerequest(run.ID)
	s.until("a second verdict", func() bool { return len(s.repo.CheckRuns(pull.Head())) == 2 })
	s.verdict(s.repo, pull.Head())
}

func TestMergeGroup(t *testing.T) {
	s := newScene(t, nil)
	bad := s.change("drop", after())
	s.one(s.repo, bad.Head(), "failure")
	group := s.repo.MergeGroup("main", bad)
	s.one(s.repo, group.HeadSHA, "failure")
	good := s.change("readme", map[string]string{"README": "x\n"})
	group = s.repo.MergeGroup("main", good)
	s.one(s.repo, group.HeadSHA, "success")
	group.Destroy("merged")
	s.idle()
	s.one(s.repo, group.HeadSHA, "success")
}

// TestAgain has people ask for another verdict on the same head, in each way that GitHub has.
func TestAgain(t *testing.T) {
	s := newScene(t, nil)
	pull := s.change("readme", map[string]string{"README": "x\n"})
	run := s.one(s.repo, pull.Head(), "success")
	for name, ask := range map[string]func(){
		"the button below the check": func() { s.repo.RequestAction(run.ID, "rerun") },
		"GitHub's own button":        func() { s.repo.Rerequest(run.ID) },
		"re-run all":                 func() { s.repo.RerequestSuite(pull.Head()) },
		"a comment":                  func() { pull.Comment("acme", "/pmcheck rerun") },
	} {
		t.Run(name, func(t *testing.T) {
			verdicts := func() int {
				n := 0
				for _, r := range s.repo.CheckRuns(pull.Head()) {
					for _, h := range r.History {
						if strings.HasPrefix(h, "completed") {
							n++
						}
					}
				}
				return n
			}
			had := verdicts()
			ask()
			s.until("another verdict", func() bool { return verdicts() > had })
			s.idle()
			if run := s.verdict(s.repo, pull.Head()); run.Conclusion != "success" {
				t.Errorf("it ends as %s", run.Conclusion)
			}
		})
	}
}

// TestSuperseded pushes while older heads wait: each ends, and the newest has a verdict.
func TestSuperseded(t *testing.T) {
	s := newScene(t, func(c *githubapp.Config) { c.Workers = 1 })
	pull := s.change("drop", after())
	heads := []string{pull.Head()}
	for range 4 {
		heads = append(heads, pull.Push(map[string]string{"README": strings.Repeat("x", len(heads))}))
	}
	s.one(s.repo, pull.Head(), "failure")
	s.idle()
	for _, head := range heads[:len(heads)-1] {
		for _, run := range s.repo.CheckRuns(head) {
			if run.Status != "completed" {
				t.Errorf("the check run of an older head is %s for ever", run.Status)
			}
		}
	}
}

func TestClosed(t *testing.T) {
	s := newScene(t, nil)
	pull := s.change("drop", after())
	pull.Close(false)
	s.idle()
	for _, run := range s.repo.CheckRuns(pull.Head()) {
		if run.Status != "completed" {
			t.Errorf("the check run of a closed pull request is %s for ever", run.Status)
		}
	}
	pull.Reopen()
	s.until("a verdict after it was opened again", func() bool {
		runs := s.repo.CheckRuns(pull.Head())
		return len(runs) > 0 && runs[len(runs)-1].Conclusion == "failure"
	})
}

// TestStacked has a pull request into a branch that anybody may push to, whose configuration says that all is well.
func TestStacked(t *testing.T) {
	s := newScene(t, nil)
	s.repo.Branch("below", "main")
	s.repo.Commit("below", map[string]string{".pmcheck.yml": "version: 1\nrules:\n  old-code-breaks: {severity: off}\n  migration-without-code: {severity: off}\n"})
	s.repo.Branch("drop", "below")
	s.repo.Commit("drop", after())
	pull := s.repo.OpenPull("drop", "below", "Stacked")
	s.one(s.repo, pull.Head(), "failure")
	s.repo.Protect("release")
	s.repo.Branch("release", "below")
	s.repo.Branch("drop-2", "release")
	s.repo.Commit("drop-2", after())
	run := s.verdict(s.repo, s.repo.OpenPull("drop-2", "release", "Into a protected branch").Head())
	if strings.Contains(run.Title, "old-code-breaks") || slices.ContainsFunc(run.Annotations, func(a fakegithub.Annotation) bool { return strings.Contains(a.Title, "old-code-breaks") }) {
		t.Errorf("a protected base's own configuration did not decide: %s %+v", run.Title, run.Annotations)
	}
}

// TestUnreliableDelivery loses nothing to deliveries that come twice, late and in any order.
func TestUnreliableDelivery(t *testing.T) {
	s := newScene(t, nil)
	s.github.HookFaults(fakegithub.HookFaults{Duplicate: 0.5, Reorder: 5})
	var pulls []*fakegithub.Pull
	for _, branch := range []string{"a", "b", "c"} {
		pull := s.change(branch, after())
		for _, text := range []string{"1", "12", "123"} {
			pull.Push(map[string]string{"README": text})
		}
		pulls = append(pulls, pull)
	}
	s.github.Flush()
	for _, pull := range pulls {
		s.one(s.repo, pull.Head(), "failure")
	}
	s.idle()
	for _, pull := range pulls {
		s.one(s.repo, pull.Head(), "failure")
	}
}

// TestOldEvent has the event of an older head come after the verdict on the newest, with the time of both in one second.
func TestOldEvent(t *testing.T) {
	s := newScene(t, nil)
	s.github.Hold()
	pull := s.change("drop", after())
	pull.Push(map[string]string{"README": "x"})
	held := s.github.Held()
	s.github.Send(held[len(held)-1])
	first := s.one(s.repo, pull.Head(), "failure")
	for _, d := range held[:len(held)-1] {
		s.github.Send(d)
	}
	s.idle()
	if run := s.one(s.repo, pull.Head(), "failure"); len(run.History) != len(first.History) {
		t.Errorf("it was judged again: %q", run.History)
	}
}

func TestSecretRotation(t *testing.T) {
	s := newScene(t, func(c *githubapp.Config) {
		c.WebhookSecrets = append([]githubapp.Secret{githubapp.Secret("the next secret")}, c.WebhookSecrets...)
	})
	s.one(s.repo, s.change("a", map[string]string{"README": "a"}).Head(), "success")
	s.github.SetWebhookSecret("the next secret")
	s.one(s.repo, s.change("b", map[string]string{"README": "b"}).Head(), "success")
	s.github.SetWebhookSecret("nobody's secret")
	pull := s.change("c", map[string]string{"README": "c"})
	s.idle()
	if runs := s.repo.CheckRuns(pull.Head()); len(runs) > 0 {
		t.Errorf("a delivery with another's signature was taken: %+v", runs)
	}
	if n := s.metrics()[`pmcheck_deliveries_total{action="",event="",outcome="unsigned"}`]; n == "" || n == "0" {
		t.Error("it was not counted")
	}
}

// TestWrongConfiguration ends as a failed check that says what is wrong.
func TestWrongConfiguration(t *testing.T) {
	s := newScene(t, nil)
	s.repo.Commit("main", map[string]string{".pmcheck.yml": "version: 1\nfail_on: sometimes\n"})
	run := s.one(s.repo, s.change("drop", after()).Head(), "failure")
	if !strings.Contains(run.Title, "ould not check") || !strings.Contains(run.Summary, "fail_on") || len(run.Actions) == 0 {
		t.Errorf("%s\n%s", run.Title, run.Summary)
	}
}

// TestRestart loses nothing of what came while the App was down.
func TestRestart(t *testing.T) {
	s := newScene(t, nil)
	open := s.change("a", after())
	s.one(s.repo, open.Head(), "failure")
	s.stop()
	pushed := open.Push(map[string]string{"README": "pushed while the App was down"})
	missed := s.change("b", after())
	closed := s.change("c", after())
	closed.Close(false)
	s.start()
	s.one(s.repo, pushed, "failure")
	s.one(s.repo, missed.Head(), "failure")
	s.idle()
	for _, run := range s.repo.CheckRuns(closed.Head()) {
		if run.Status != "completed" {
			t.Errorf("the check run of a closed pull request is %s for ever", run.Status)
		}
	}
}

func TestHealth(t *testing.T) {
	s := newScene(t, nil)
	for path, want := range map[string]string{"/healthz": "ok\n", "/readyz": "ready\n", "/nowhere": "404 404 page not found\n"} {
		if got := s.get(path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	answer, err := httpClient.Get(s.url + "/webhook")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Cache-Control": "no-store"} {
		if got := answer.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
