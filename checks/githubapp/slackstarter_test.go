package githubapp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
	"github.com/pmcheck/pmcheck/checks/slack"
	"github.com/pmcheck/pmcheck/internal/fakeslack"
)

// A desk is a Slack workspace, and what the store keeps of one deploy.
type desk struct {
	*testing.T
	slack  *fakeslack.Server
	folder string
	deploy job.Deploy
	begun  string
	crash  func(begun string) bool // the process is killed instead of keeping this; may be nil
}

var errKilled = errors.New("killed")

func newDesk(t *testing.T) *desk {
	d := &desk{T: t, slack: fakeslack.New(), folder: filepath.Join(t.TempDir(), "incidents")}
	t.Cleanup(d.slack.Close)
	failed := time.Date(2026, 3, 3, 14, 5, 0, 0, time.UTC)
	d.slack.Now = func() time.Time { return failed.Add(time.Minute) }
	d.deploy = job.Deploy{
		Key: "p-130/deploy", Repository: "acme/orders", Project: "github/acme/orders", Pipeline: 130, Workflow: "deploy", Branch: "main",
		Commit: "1dc6aa69429bff4806ad6afe58d3d8f57e25973e", URL: "https://app.circleci.com/w1", State: job.DeployFailed, Happened: failed, Failed: failed, Failures: 1, Run: "w1",
		Jobs: []job.FailedJob{{Run: "w1", Name: "migrate <!channel>"}}, Notify: "#deploys", Incident: "SEV-2",
	}
	return d
}

// start is one try of a process.
func (d *desk) start() error {
	d.Helper()
	client, err := slack.New(d.slack.Address(), fakeslack.Token)
	if err != nil {
		d.Fatal(err)
	}
	s := &slackStarter{client: client, folder: d.folder, site: "https://github.com", now: d.slack.Now, log: slog.New(slog.DiscardHandler)}
	return s.Start(context.Background(), d.deploy, d.begun, func(begun string) error {
		if d.crash != nil && d.crash(begun) {
			return errKilled
		}
		d.begun = begun
		return nil
	})
}

// said are the texts of a channel that people see: its messages, and replies after ">".
func (d *desk) said(name string) (texts []string) {
	d.Helper()
	c, found := d.slack.Channel(name)
	if !found {
		d.Fatalf("there is no channel %s", name)
	}
	for _, m := range c.Messages {
		switch {
		case m.Subtype != "":
		case m.Thread != "":
			texts = append(texts, "> "+m.Text)
		default:
			texts = append(texts, m.Text)
		}
	}
	return texts
}

const channel = "inc-20260303-orders-deploy-130-failed"

// all wants what both channels have after a failure, a failed rerun and one that succeeds.
func (d *desk) all() {
	d.Helper()
	notified, incident := d.said("deploys"), d.said(channel)
	wants := func(where string, got []string, parts ...string) {
		d.Helper()
		if len(got) != len(parts) {
			d.Fatalf("%s has %d messages, want %d:\n%s", where, len(got), len(parts), strings.Join(got, "\n---\n"))
		}
		for i, part := range parts {
			if !strings.Contains(got[i], part) || strings.Contains(got[i], "<!channel>") {
				d.Errorf("%s: message %d is\n%s\nwant %q", where, i+1, got[i], part)
			}
		}
	}
	wants("#deploys", notified, "The deploy failed", "> The deploy failed again, for the 2nd time", "> A rerun of the deploy succeeded.")
	wants("the incident", incident, "SEV-2: orders deploy 130 failed", "failed again, for the 2nd time", "A rerun of the deploy succeeded.")
	if !strings.Contains(notified[0], "ended in migrate &lt;!channel&gt;") || !strings.Contains(notified[0], "https://github.com/acme/orders/commit/1dc6aa69429bff4806ad6afe58d3d8f57e25973e") ||
		!strings.Contains(notified[0], "https://app.circleci.com/w1") {
		d.Errorf("the first message is\n%s", notified[0])
	}
}

// states are what happens to the deploy, one after the other.
func (d *desk) states(each func()) {
	each()
	d.deploy.Failures, d.deploy.Run, d.deploy.URL = 2, "w2", "https://app.circleci.com/w2"
	each()
	d.deploy.State, d.deploy.Run = job.DeployRecovered, "w3"
	each()
}

func TestSlackStarter(t *testing.T) {
	d := newDesk(t)
	d.states(func() {
		for range 2 { // once more changes nothing
			if err := d.start(); err != nil {
				t.Fatal(err)
			}
		}
	})
	d.all()
}

// TestSlackStarterKilled has the process end instead of each of its writes, and another go on with what was kept before.
func TestSlackStarterKilled(t *testing.T) {
	for n := 1; ; n++ {
		d := newDesk(t)
		writes := 0
		d.crash = func(string) bool { writes++; return writes == n }
		d.states(func() {
			err := d.start()
			if errors.Is(err, errKilled) {
				err = d.start()
			}
			if err != nil {
				t.Fatalf("killed at write %d: %v", n, err)
			}
		})
		if writes < n {
			if n < 8 {
				t.Errorf("only %d writes", n-1)
			}
			return
		}
		d.all()
	}
}

// TestSlackStarterRefused has each call of Slack refused once: nothing is lost, and nothing said twice. Where Slack does not
// say whether it was done, a message about a rerun may be lost.
func TestSlackStarterRefused(t *testing.T) {
	for _, code := range []string{"token_expired", "fatal_error"} {
		for n := 1; ; n++ {
			d := newDesk(t)
			calls := 0
			d.slack.Fault = func(w http.ResponseWriter, _ *http.Request, method string, _ int) bool {
				if calls++; calls != n {
					return false
				}
				w.Header().Set("Content-Type", "application/json")
				fmt.Fprintf(w, `{"ok":false,"error":%q}`, code)
				return true
			}
			d.states(func() {
				for tries := 1; ; tries++ {
					if err := d.start(); err == nil {
						return
					} else if tries == 3 {
						t.Fatalf("call %d answered by %s: %v", n, code, err)
					}
				}
			})
			if calls < n {
				break
			}
			if code == "token_expired" {
				d.all()
				continue
			}
			notified, incident := d.said("deploys"), d.said(channel)
			if !strings.Contains(notified[0], "The deploy failed*: orders") || len(notified) < 2 || !strings.Contains(incident[0], "SEV-2") || len(incident) < 2 || strings.Count(strings.Join(notified, ""), "`pipeline 130") != 1 {
				t.Errorf("call %d answered by %s:\n%s\n%s", n, code, strings.Join(notified, "\n"), strings.Join(incident, "\n"))
			}
		}
	}
}

// An incident that people have closed is left alone, and one whose file is gone goes on from the store's copy.
func TestSlackStarterGoesOn(t *testing.T) {
	d := newDesk(t)
	first := true
	d.states(func() {
		if !first {
			d.folder = filepath.Join(t.TempDir(), "another")
		}
		first = false
		if err := d.start(); err != nil {
			t.Fatal(err)
		}
	})
	d.all()
}
