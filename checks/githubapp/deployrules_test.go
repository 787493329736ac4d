package githubapp

import (
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/pmcheck/pmcheck/checks/githubapp/webhook"
)

// loadDeploys loads a configuration with this file of deploys.
func loadDeploys(t *testing.T, deploys string, without ...string) (Config, []string) {
	t.Helper()
	app := "app_id: 1\nprivate_key_file: app.pem\nwebhook_secret_file: hook\ncircleci_secret_file: [new, old]\ndeploys_file: deploys.yml\nslack_token_file: token\n"
	for _, line := range without {
		app = strings.Replace(app, line+"\n", "", 1)
	}
	dir := writeFiles(t, map[string]string{"app.yml": app, "app.pem": testKey(), "hook": "s", "new": "n", "old": "o", "token": "xoxb-1", "deploys.yml": deploys})
	c, err := Load(filepath.Join(dir, "app.yml"), nil, noEnv)
	var wrong *ConfigError
	if err != nil && !errors.As(err, &wrong) {
		t.Fatal(err)
	}
	if wrong == nil {
		return c, nil
	}
	for i := range wrong.Mistakes {
		wrong.Mistakes[i] = strings.TrimPrefix(wrong.Mistakes[i], dir+string(filepath.Separator))
	}
	return c, wrong.Mistakes
}

func TestDeploysFile(t *testing.T) {
	c, mistakes := loadDeploys(t, `deploys:
  - project: gh/acme/orders
    repository: acme/orders
    workflows: [deploy, "deploy-*"]
    branches: main
    notify: "#deploys"
    incident: SEV-2
  - {project: circleci/Org/Proj, repository: acme/billing, workflows: build, jobs: [ship], tags: ["v*"], incident: SEV-1}
`)
	want := []DeployRule{
		{Project: "github/acme/orders", Repository: "acme/orders", Workflows: []string{"deploy", "deploy-*"}, Branches: []string{"main"}, Notify: "#deploys", Incident: "SEV-2"},
		{Project: "circleci/Org/Proj", Repository: "acme/billing", Workflows: []string{"build"}, Jobs: []string{"ship"}, Tags: []string{"v*"}, Incident: "SEV-1"},
	}
	if len(mistakes) > 0 || !reflect.DeepEqual(c.Deploys, want) || len(c.CircleCISecrets) != 2 || string(c.SlackToken) != "xoxb-1" || c.SlackURL != "https://slack.com/api/" {
		t.Errorf("%v\n%+v\nwant %+v", mistakes, c.Deploys, want)
	}
	const whole = "project: gh/a/b, repository: a/b, workflows: d, branches: main, incident: SEV-2"
	for text, want := range map[string]string{
		"":                          "deploys.yml:1: expected a list",
		"deploys: []":               "deploys.yml:1: there is no deploy",
		"deploy: [{" + whole + "}]": "deploys.yml:1: expected a list",
		"deploys:\n  - x":           "deploys.yml:2: a deploy is",
		"deploys:\n  - {" + whole + ", brnaches: x}":                                              `deploys.yml:2: there is no "brnaches"; did you mean "branches"?`,
		"deploys:\n  - {" + strings.Replace(whole, "gh/a/b", "a/b", 1) + "}":                      "deploys.yml:2: project: expected the slug",
		"deploys:\n  - {" + strings.Replace(whole, "repository: a/b", "repository: b", 1) + "}":   "repository: expected OWNER/NAME",
		"deploys:\n  - {" + strings.Replace(whole, "workflows: d, ", "", 1) + "}":                 "workflows: name those that deploy",
		"deploys:\n  - {" + strings.Replace(whole, "branches: main, ", "", 1) + "}":               "branches or tags: name those",
		"deploys:\n  - {" + strings.Replace(whole, ", incident: SEV-2", "", 1) + "}":              "nothing is started when it fails",
		"deploys:\n  - {" + whole + ", notify: deploys}":                                          "notify: expected a Slack channel",
		"deploys:\n  - {" + strings.Replace(whole, "workflows: d", `workflows: "[d"`, 1) + "}":    `"[d" is no pattern`,
		"deploys:\n  - {" + strings.Replace(whole, "workflows: d", `workflows: [[d]]`, 1) + "}":   "workflows: an item is",
		"deploys:\n  - {" + strings.Replace(whole, "branches: main", `branches: {a: b}`, 1) + "}": "branches is",
	} {
		if _, mistakes := loadDeploys(t, text); len(mistakes) == 0 || !strings.Contains(strings.Join(mistakes, "\n"), want) {
			t.Errorf("%s\nis told %q, want %q", text, mistakes, want)
		}
	}
	for _, without := range []string{"circleci_secret_file: [new, old]", "deploys_file: deploys.yml", "slack_token_file: token"} {
		if _, mistakes := loadDeploys(t, "deploys: [{"+whole+"}]", without); len(mistakes) != 1 || !strings.Contains(mistakes[0], "give all three") {
			t.Errorf("without %s: %q", without, mistakes)
		}
	}
}

func TestDeployRule(t *testing.T) {
	e := webhook.Event{Type: webhook.WorkflowCompleted, Slug: "github/a/b", PipelineID: "p", Branch: "main", WorkflowID: "w", Workflow: "deploy-eu", Status: "failed", Happened: time.Now()}
	all := DeployRule{Project: "github/a/b", Workflows: []string{"deploy-*"}, Branches: []string{"main"}, Tags: []string{"v*"}}
	jobs := DeployRule{Project: "github/a/b", Workflows: []string{"build"}, Jobs: []string{"ship"}, Branches: []string{"main"}}
	for name, test := range map[string]struct {
		rule    DeployRule
		edit    func(*webhook.Event)
		why     string // part of it
		key     string
		state   string
		decides bool
	}{
		"a workflow fails":     {all, func(e *webhook.Event) {}, "", "p/deploy-eu", "failed", true},
		"its error":            {all, func(e *webhook.Event) { e.Status = "error" }, "", "p/deploy-eu", "failed", true},
		"it succeeds":          {all, func(e *webhook.Event) { e.Status = "success" }, "", "p/deploy-eu", "succeeded", true},
		"it is cancelled":      {all, func(e *webhook.Event) { e.Status = "canceled" }, "nothing has failed", "", "", false},
		"nobody may":           {all, func(e *webhook.Event) { e.Status = "unauthorized" }, "nothing has failed", "", "", false},
		"a tag":                {all, func(e *webhook.Event) { e.Branch, e.Tag = "", "v7" }, "", "p/deploy-eu", "failed", true},
		"another tag":          {all, func(e *webhook.Event) { e.Branch, e.Tag = "", "x" }, "branch or tag", "", "", false},
		"neither":              {all, func(e *webhook.Event) { e.Branch = "" }, "branch or tag", "", "", false},
		"a job of it fails":    {all, func(e *webhook.Event) { e.Type, e.Job, e.JobID = webhook.JobCompleted, "x", "j" }, "", "p/deploy-eu", "failed", false},
		"a job of it succeeds": {all, func(e *webhook.Event) { e.Type, e.Job, e.JobID, e.Status = webhook.JobCompleted, "x", "j", "success" }, "nothing has failed", "", "", false},
		"the job fails": {jobs, func(e *webhook.Event) {
			e.Workflow, e.Type, e.Job, e.JobID = "build", webhook.JobCompleted, "ship", "j"
		}, "", "p/build", "failed", true},
		"its workflow fails":    {jobs, func(e *webhook.Event) { e.Workflow = "build" }, "its jobs decide", "", "", false},
		"its workflow succeeds": {jobs, func(e *webhook.Event) { e.Workflow, e.Status = "build", "success" }, "", "p/build", "succeeded", true},
		"a job without workflow": {jobs, func(e *webhook.Event) {
			e.Workflow, e.WorkflowID, e.Type, e.Job, e.JobID = "", "", webhook.JobCompleted, "ship", "j"
		}, "", "p/build", "failed", true},
		"one of several, perhaps": {all, func(e *webhook.Event) {
			e.Workflow, e.WorkflowID, e.Type, e.Job, e.JobID = "", "", webhook.JobCompleted, "ship", "j"
		}, "", "p/", "failed", false},
	} {
		t.Run(name, func(t *testing.T) {
			e := e
			test.edit(&e)
			why := test.rule.concerns(e)
			if why != "" {
				if test.why == "" || !strings.Contains(why, test.why) {
					t.Errorf("it does not concern the rule: %q", why)
				}
				return
			}
			d, why := test.rule.event(e)
			if !strings.Contains(why, test.why) || (why == "") != (test.why == "") || why == "" && (d.Deploy.Key != test.key || d.Deploy.State != test.state || d.Decides != test.decides) {
				t.Errorf("%+v, %q", d, why)
			}
		})
	}
}
