package githubapp_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pmcheck/pmcheck/checks/githubapp"
	"github.com/pmcheck/pmcheck/checks/githubapp/job"
	"github.com/pmcheck/pmcheck/internal/fakeslack"
)

// A starter remembers what it was asked for. fail, which may be nil, says how a call ends, before and after it has begun something.
type starter struct {
	mu    sync.Mutex
	began int
	calls []string
	fail  func(call int, begun string) error
}

func (s *starter) Start(_ context.Context, d job.Deploy, begun string, keep func(string) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, fmt.Sprintf("%s %s#%d %s %d %s %s%s", d.Repository, d.Workflow, d.Pipeline, d.State, d.Failures, strings.Join(d.FailedJobs(), "+"), d.Notify, d.Incident))
	call := len(s.calls)
	if begun == "" {
		s.began++
		if err := keep(fmt.Sprintf("incident %d", s.began)); err != nil {
			return err
		}
	}
	if s.fail != nil {
		return s.fail(call, begun)
	}
	return nil
}

func (s *starter) said() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// circleEvent is a payload of CircleCI. Job is "" for the end of a workflow.
func circleEvent(id, slug, workflow, run, jobName, status string, at time.Time) string {
	kind, jobs, ended := "workflow-completed", "", fmt.Sprintf(`,"status":%q`, status)
	if jobName != "" {
		kind, jobs, ended = "job-completed", fmt.Sprintf(`"job":{"id":"j-%s","name":%q,"status":%q},`, id, jobName, status), ""
	}
	return fmt.Sprintf(`{"id":%q,"type":%q,"happened_at":%q,"project":{"slug":%q},%s
		"workflow":{"id":%q,"name":%q,"url":"https://app.circleci.com/%s"%s},
		"pipeline":{"id":"p-130","number":130,"vcs":{"origin_repository_url":"https://github.com/acme/orders","target_repository_url":"https://github.com/acme/orders",
		"revision":"1dc6aa69429bff4806ad6afe58d3d8f57e25973e","branch":"main"}}}`, id, kind, at.UTC().Format(time.RFC3339Nano), slug, jobs, run, workflow, run, ended)
}

// circle sends a payload as CircleCI does, and wants this answer.
func (s *scene) circle(body, secret, want string) {
	s.Helper()
	mac := hmac.New(sha256.New, []byte(secret))
	io.WriteString(mac, body)
	r, err := http.NewRequest(http.MethodPost, s.url+"/circleci", strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("circleci-signature", "v1="+hex.EncodeToString(mac.Sum(nil))+",v2=00")
	answer, err := httpClient.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		s.Fatal(err)
	}
	if got := fmt.Sprintf("%d %s", answer.StatusCode, bytes.TrimSpace(text)); got != want {
		s.Errorf("%.60s... is answered by %q, want %q", body, got, want)
	}
}

func newDeployScene(t *testing.T, start *starter) *scene {
	return newScene(t, func(c *githubapp.Config) {
		c.CircleCISecrets = []githubapp.Secret{githubapp.Secret("old"), githubapp.Secret("new")}
		c.Starter = start
		c.Deploys = []githubapp.DeployRule{
			{Project: "github/acme/orders", Repository: "acme/orders", Workflows: []string{"deploy-*"}, Branches: []string{"main"}, Notify: "#deploys"},
			{Project: "github/acme/orders", Repository: "acme/orders", Workflows: []string{"build"}, Jobs: []string{"ship"}, Branches: []string{"main"}, Incident: "SEV-2"},
		}
	})
}

func TestDeployFails(t *testing.T) {
	start := &starter{}
	s := newDeployScene(t, start)
	now := time.Now()
	const slug = "github/acme/orders"
	followed := func(want ...string) {
		t.Helper()
		s.until(fmt.Sprintf("%d calls of the starter", len(want)), func() bool { return len(start.said()) >= len(want) })
		s.until("no deploy waits", func() bool { return s.metrics()["pmcheck_deploys_waiting"] == "0" })
		if got := start.said(); !slices.Equal(got, want) {
			t.Fatalf("the starter was asked for\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	s.circle(circleEvent("e1", slug, "deploy-eu", "w1", "", "failed", now), "wrong", "401 circleci-signature does not fit the webhook's secret")
	s.circle(circleEvent("e1", slug, "lint", "w0", "", "failed", now), "new", "202 ignored: no deploy by this workflow is configured")
	s.circle(circleEvent("e1", "gh/acme/billing", "deploy-eu", "w1", "", "failed", now), "new", "202 ignored: no deploy of this project is configured")
	s.circle(strings.Replace(circleEvent("e1", slug, "deploy-eu", "w1", "", "failed", now), `"branch":"main"`, `"branch":"topic"`, 1), "new", "202 ignored: no deploy of this branch or tag is configured")
	s.circle(strings.Replace(circleEvent("e1", slug, "deploy-eu", "w1", "", "failed", now), `"https://github.com/acme/orders"`, `"https://github.com/mallory/orders"`, 1), "new", "202 ignored: the code is a fork's")
	s.circle(circleEvent("e1", slug, "deploy-eu", "w1", "", "failed", now.Add(-25*time.Hour)), "new", "202 ignored: it happened more than a day ago")
	s.circle(circleEvent("e1", slug, "deploy-eu", "w1", "", "canceled", now), "new", "202 ignored: nothing has failed")

	s.circle(circleEvent("e2", slug, "deploy-eu", "w1", "migrate", "failed", now), "old", "202 accepted")
	s.circle(circleEvent("e3", slug, "deploy-eu", "w1", "", "failed", now), "new", "202 accepted")
	first := "acme/orders deploy-eu#130 failed 1 migrate #deploys"
	followed(first)
	s.circle(circleEvent("e3", slug, "deploy-eu", "w1", "", "failed", now), "new", "202 accepted before")
	s.circle(circleEvent("e4", slug, "deploy-eu", "w2", "", "error", now.Add(time.Second)), "new", "202 accepted")
	second := "acme/orders deploy-eu#130 failed 2  #deploys"
	followed(first, second)
	s.circle(circleEvent("e5", slug, "deploy-eu", "w3", "", "success", now.Add(2*time.Second)), "new", "202 accepted")
	third := "acme/orders deploy-eu#130 recovered 2  #deploys"
	followed(first, second, third)

	// Where jobs are named, the tests beside them in the workflow do not count, and the deploy need not wait for them.
	s.circle(circleEvent("e6", slug, "build", "w4", "test", "failed", now), "new", "202 accepted")
	s.circle(circleEvent("e7", slug, "build", "w4", "", "failed", now), "new", "202 ignored: its jobs decide, not the workflow")
	followed(first, second, third)
	s.circle(circleEvent("e8", slug, "build", "w4", "ship", "failed", now), "new", "202 accepted")
	followed(first, second, third, "acme/orders build#130 failed 1 test+ship SEV-2")
	if start.began != 2 {
		t.Errorf("%d were begun, want one for each deploy", start.began)
	}
	if log := s.log.String(); strings.Count(log, `"msg":"CircleCI delivery"`) != 15 {
		t.Errorf("the log has %d deliveries", strings.Count(log, `"msg":"CircleCI delivery"`))
	}
}

// TestDeployStartFails has the process end between what was begun and its end, and Slack answer at the third try only.
func TestDeployStartFails(t *testing.T) {
	start := &starter{fail: func(call int, begun string) error {
		if call == 1 {
			panic("killed")
		}
		if begun != "incident 1" {
			return fmt.Errorf("begun is %q", begun)
		}
		if call == 2 {
			return errors.New("Slack is down")
		}
		return nil
	}}
	s := newDeployScene(t, start)
	s.config.Starter = start
	s.circle(circleEvent("e1", "gh/acme/orders", "deploy-eu", "w1", "", "failed", time.Now()), "new", "202 accepted")
	s.until("it was begun", func() bool { return len(start.said()) > 0 })
	s.stop()
	s.start()
	s.until("it was started", func() bool {
		return len(start.said()) == 3 && s.metrics()["pmcheck_deploys_waiting"] == "0"
	})
	if start.began != 1 {
		t.Errorf("%d were begun, want 1", start.began)
	}
}

// TestDeployFailsInSlack goes from CircleCI's delivery to what people read.
func TestDeployFailsInSlack(t *testing.T) {
	workspace := fakeslack.New()
	t.Cleanup(workspace.Close)
	s := newScene(t, func(c *githubapp.Config) {
		c.CircleCISecrets, c.SlackToken, c.SlackURL = []githubapp.Secret{githubapp.Secret("new")}, githubapp.Secret(fakeslack.Token), workspace.Address()
		c.Deploys = []githubapp.DeployRule{{Project: "github/acme/orders", Repository: "acme/orders", Workflows: []string{"deploy"}, Branches: []string{"main"}, Notify: "#deploys", Incident: "SEV-2"}}
	})
	at := time.Now()
	s.circle(circleEvent("e1", "github/acme/orders", "deploy", "w1", "", "failed", at), "new", "202 accepted")
	name := "inc-" + at.UTC().Format("20060102") + "-orders-deploy-130-failed"
	messages := func(name string) (n int) {
		c, _ := workspace.Channel(name)
		for _, m := range c.Messages {
			if m.Subtype == "" {
				n++
			}
		}
		return n
	}
	s.until("the channel and the incident are told", func() bool {
		return messages("deploys") == 1 && messages(name) == 1 && s.metrics()["pmcheck_deploys_waiting"] == "0"
	})
	s.stop()
	s.start()
	s.circle(circleEvent("e2", "github/acme/orders", "deploy", "w2", "", "success", at.Add(time.Second)), "new", "202 accepted")
	s.until("both are told of the rerun", func() bool {
		return messages("deploys") == 2 && messages(name) == 2 && s.metrics()["pmcheck_deploys_waiting"] == "0"
	})
	if strings.Contains(s.log.String(), fakeslack.Token) {
		t.Error("the log has the token")
	}
}
