package fakegithub_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pmcheck/pmcheck/internal/fakegithub"
)

// TestEveryRoute calls each route once with success; where GitHub's description is at hand, each answer is held against it.
func TestEveryRoute(t *testing.T) {
	s := fakegithub.New(t)
	s.Organization("acme")
	repo := s.Repo("acme", "orders", map[string]string{"a": "a\n"})
	id := s.Install("acme", repo)
	token, app, person := s.Token(id), appJWT(t, s), s.UserToken("acme")
	repo.Commit("change", map[string]string{"b": "b\n"})
	pull := repo.OpenPull("change", "main", "One")
	pull.Label("urgent")
	repo.Commit("upper", map[string]string{"c": "c\n"})
	pull.Stack("upper", "Two")
	s.WebhookTo("http://127.0.0.1:1/")
	comment := pull.Comment("mia", "hm")
	delivery := s.Deliveries()[0].ID
	var run struct {
		ID    int64
		Suite struct{ ID int64 } `json:"check_suite"`
	}
	body := fmt.Sprintf(`{"name":"x","head_sha":%q,"conclusion":"failure","output":{"title":"t","summary":"s","annotations":[{"path":"b","start_line":1,"end_line":1,"annotation_level":"failure","message":"m"}]}}`, pull.Head())
	call(t, s, "POST", "/repos/acme/orders/check-runs", token, body).into(t, &run)
	for _, c := range []struct {
		method, path, token, body string
	}{
		{"GET", "/", "", ""},
		{"GET", "/meta", "", ""},
		{"GET", "/rate_limit", token, ""},
		{"GET", "/app", app, ""},
		{"GET", "/app/installations", app, ""},
		{"GET", fmt.Sprintf("/app/installations/%d", id), app, ""},
		{"POST", fmt.Sprintf("/app/installations/%d/access_tokens", id), app, `{"repositories":["orders"],"permissions":{"contents":"read"}}`},
		{"GET", "/app/hook/config", app, ""},
		{"PATCH", "/app/hook/config", app, `{"url":"http://127.0.0.1:2/","content_type":"json","secret":"other"}`},
		{"GET", "/app/hook/deliveries?per_page=100", app, ""},
		{"GET", fmt.Sprintf("/app/hook/deliveries/%d", delivery), app, ""},
		{"POST", fmt.Sprintf("/app/hook/deliveries/%d/attempts", delivery), app, ""},
		{"GET", "/repos/acme/orders/installation", app, ""},
		{"GET", "/installation/repositories", token, ""},
		{"GET", "/user", person, ""},
		{"GET", "/user/installations", person, ""},
		{"GET", fmt.Sprintf("/user/installations/%d/repositories", id), person, ""},
		{"GET", "/repos/acme/orders", token, ""},
		{"GET", "/repos/acme/orders/branches/main", token, ""},
		{"GET", "/repos/acme/orders/commits/" + pull.Head(), token, ""},
		{"GET", "/repos/acme/orders/commits/" + pull.Head() + "/pulls", token, ""},
		{"GET", "/repos/acme/orders/commits/" + pull.Head() + "/check-runs", token, ""},
		{"GET", "/repos/acme/orders/commits/" + pull.Head() + "/check-suites", token, ""},
		{"GET", fmt.Sprintf("/repos/acme/orders/check-runs/%d", run.ID), token, ""},
		{"PATCH", fmt.Sprintf("/repos/acme/orders/check-runs/%d", run.ID), token, `{"status":"in_progress"}`},
		{"GET", fmt.Sprintf("/repos/acme/orders/check-runs/%d/annotations", run.ID), token, ""},
		{"PATCH", "/repos/acme/orders/check-suites/preferences", token, `{"auto_trigger_checks":[{"app_id":1001,"setting":true}]}`},
		{"GET", fmt.Sprintf("/repos/acme/orders/check-suites/%d", run.Suite.ID), token, ""},
		{"GET", fmt.Sprintf("/repos/acme/orders/check-suites/%d/check-runs", run.Suite.ID), token, ""},
		{"GET", "/repos/acme/orders/pulls?state=all&sort=updated&direction=desc", token, ""},
		{"GET", "/repos/acme/orders/pulls/1", token, ""},
		{"GET", "/repos/acme/orders/collaborators/acme/permission", token, ""},
		{"GET", "/repos/acme/orders/issues/1", token, ""},
		{"GET", "/repos/acme/orders/issues/1/comments", token, ""},
		{"POST", "/repos/acme/orders/issues/1/comments", token, `{"body":"Done"}`},
		{"GET", fmt.Sprintf("/repos/acme/orders/issues/comments/%d", comment), token, ""},
		{"POST", fmt.Sprintf("/repos/acme/orders/issues/comments/%d/reactions", comment), token, `{"content":"eyes"}`},
		{"GET", fmt.Sprintf("/repos/acme/orders/issues/comments/%d/reactions", comment), token, ""},
		{"DELETE", "/installation/token", token, ""},
	} {
		if got := call(t, s, c.method, c.path, c.token, c.body); got.status/100 != 2 {
			t.Errorf("%s %s: %d %s", c.method, c.path, got.status, got.text)
		}
	}
	s.Wait()
	called := map[string]bool{"POST /app-manifests/{code}/conversions": true} // TestManifest's
	for _, c := range s.Calls() {
		called[c.Method+" "+c.Route] = true
	}
	for _, r := range fakegithub.Routes() {
		if !called[r] {
			t.Errorf("%s was not called", r)
		}
	}
	if got := call(t, s, "GET", "/repos/acme/orders", token, ""); got.status != 401 {
		t.Errorf("a token that was given back: %d", got.status)
	}
	if s.AppInfo().WebhookSecret != "other" || s.AppInfo().WebhookURL != "http://127.0.0.1:2/" {
		t.Errorf("the webhook: %+v", s.AppInfo())
	}
}

// paths are the names of all members of a value, by their way: "pull_request.head.sha", "labels[].name".
func paths(v any, at string, into map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			into[at+"."+k] = true
			paths(x, at+"."+k, into)
		}
	case []any:
		for _, x := range v {
			paths(x, at+"[]", into)
		}
	}
}

// TestRecordedPayloads: what the payloads that people have recorded at GitHub have, the fake's have too.
func TestRecordedPayloads(t *testing.T) {
	dir := os.Getenv("PMCHECK_CORPUS")
	text, err := os.ReadFile(filepath.Join(dir, "github", "webhook-examples.json"))
	if dir == "" || err != nil {
		t.Skip("PMCHECK_CORPUS names no folder with github/webhook-examples.json")
	}
	var recorded []struct {
		Name     string
		Examples []map[string]any
	}
	if err := json.Unmarshal(text, &recorded); err != nil {
		t.Fatal(err)
	}
	s := fakegithub.New(t)
	s.Organization("acme")
	_, _, _, secret := s.App()
	h := newHook(t, secret)
	s.WebhookTo(h.URL)
	s.SendAll(true)
	repo := s.Repo("acme", "orders", map[string]string{"a": "a\n"})
	id := s.Install("acme", repo)
	repo.Commit("change", map[string]string{"b": "b\n"})
	pull := repo.OpenPull("change", "main", "One")
	pull.Push(map[string]string{"b": "c\n"})
	pull.EditTitle("Two")
	pull.Label("urgent")
	body := fmt.Sprintf(`{"name":"x","head_sha":%q,"conclusion":"failure"}`, pull.Head())
	var run struct{ ID int64 }
	call(t, s, "POST", "/repos/acme/orders/check-runs", s.Token(id), body).into(t, &run)
	s.Wait()
	repo.Rerequest(run.ID)
	repo.RequestAction(run.ID, "again")
	repo.RerequestSuite(pull.Head())
	pull.Comment("mia", "hm")
	repo.MergeGroup("main", pull).Destroy("dequeued")
	pull.Close(true)
	two := s.Repo("acme", "two", map[string]string{"a": "a\n"})
	s.AddRepos(id, two)
	s.RemoveRepos(id, two)
	s.Uninstall(id)

	ours := map[string]map[string]bool{}
	for _, d := range s.Deliveries() {
		var payload any
		if err := json.Unmarshal(d.Payload(), &payload); err != nil {
			t.Fatal(err)
		}
		key := d.Event + " " + d.Action
		if ours[key] == nil {
			ours[key] = map[string]bool{}
		}
		paths(payload, "", ours[key])
	}
	compared := 0
	for _, event := range recorded {
		for _, example := range event.Examples {
			action, _ := example["action"].(string)
			have := ours[event.Name+" "+action]
			if have == nil {
				continue
			}
			compared++
			theirs := map[string]bool{}
			paths(example, "", theirs)
			var missing []string
			for p := range theirs {
				parent := p[:strings.LastIndex(p, ".")]
				// What stands in something that is empty or null here is not compared.
				// An App has the permissions that it asked for, and a deployment is of a job's environment.
				if !have[p] && (parent == "" || hasMembers(have, parent)) && !strings.HasSuffix(parent, ".permissions") && !strings.HasSuffix(p, ".deployment") {
					missing = append(missing, p)
				}
			}
			if len(missing) > 0 {
				slices.Sort(missing)
				t.Errorf("%s %s has no %s", event.Name, action, strings.Join(missing, " "))
			}
		}
	}
	if compared < 20 {
		t.Errorf("only %d recorded payloads were of events that the fake sends", compared)
	}
}

func hasMembers(have map[string]bool, at string) bool {
	for p := range have {
		if strings.HasPrefix(p, at+".") {
			return true
		}
	}
	return false
}
