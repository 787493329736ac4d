package webhook

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

const (
	head = "1111111111111111111111111111111111111111"
	base = "2222222222222222222222222222222222222222"
)

const repositoryJSON = `{"id":77,"name":"orders","full_name":"acme/orders","private":true,"owner":{"login":"acme"},"default_branch":"main"}`

var orders = job.Repository{ID: 77, Owner: "acme", Name: "orders", DefaultBranch: "main", Private: true}

func pullRequestPayload(action, body string) string {
	return fmt.Sprintf(`{"action":%q,"number":7,"installation":{"id":5},"repository":%s,"unheard_of":{"x":[1]},
		"pull_request":{"number":7,"state":"open","title":"T","body":%q,"draft":true,"user":{"login":"dependabot[bot]"},"updated_at":"2026-03-03T14:05:00Z",
		"labels":[{"name":"a"},{"name":"b"}],"head":{"sha":%q,"ref":"feature/x","repo":{"id":77}},"base":{"sha":%q,"ref":"main","repo":{"id":77}}}}`,
		action, repositoryJSON, body, head, base)
}

func TestParsePullRequest(t *testing.T) {
	revision := job.Revision{Head: head, Base: base, BaseRef: "main", HeadRef: "feature/x", Title: "T", Body: "B", Author: "dependabot[bot]",
		Labels: []string{"a", "b"}, Draft: true, Updated: time.Date(2026, 3, 3, 14, 5, 0, 0, time.UTC)}
	fork := revision
	fork.Fork = true
	for _, test := range []struct {
		action          string
		replace, by     string
		want            job.Revision
		cancel, again   bool
		ignored, failed string
	}{
		{action: "opened", want: revision},
		{action: "synchronize", want: revision},
		{action: "reopened", want: revision},
		{action: "ready_for_review", want: revision},
		{action: "closed", want: revision, cancel: true},
		{action: "closed", replace: `"state":"open"`, by: `"state":"closed"`, want: revision, cancel: true},
		{action: "edited", replace: `"number":7,"installation"`, by: `"changes":{"title":{"from":"t"}},"number":7,"installation"`, want: revision},
		{action: "edited", replace: `"number":7,"installation"`, by: `"changes":{"base":{"ref":{"from":"m"},"sha":{"from":"x"}}},"number":7,"installation"`, want: revision, again: true},
		{action: "stacked", replace: `"number":7,"installation"`, by: `"stack":{"id":1},"number":7,"installation"`, want: revision, again: true},
		{action: "opened", replace: `"ref":"feature/x","repo":{"id":77}`, by: `"ref":"feature/x","repo":{"id":78}`, want: fork},
		{action: "opened", replace: `"ref":"feature/x","repo":{"id":77}`, by: `"ref":"feature/x","repo":null`, want: fork},
		{action: "labeled", ignored: "this action"},
		{action: "unlabeled", ignored: "this action"},
		{action: "assigned", ignored: "this action"},
		{action: "edited", replace: `"state":"open"`, by: `"state":"closed"`, ignored: "closed"},
		{action: "opened", replace: `"installation":{"id":5},`, by: ``, ignored: "no installation"},
		{action: "opened", replace: `"installation":{"id":5},`, by: `"installation":{"id":-5},`, failed: "installation.id"},
		{action: "opened", replace: `"pull_request":{"number":7`, by: `"pull_request":{"number":0`, failed: "pull_request.number"},
		{action: "opened", replace: `"id":77,"name"`, by: `"id":0,"name"`, failed: "repository.id"},
		{action: "opened", replace: `"login":"acme"`, by: `"login":"../acme"`, failed: "repository.owner.login"},
		{action: "opened", replace: `"name":"orders"`, by: `"name":".."`, failed: "repository.name"},
		{action: "opened", replace: `"name":"orders"`, by: `"name":"a/b"`, failed: "repository.name"},
		{action: "opened", replace: head, by: head[1:], failed: "head.sha"},
		{action: "opened", replace: head, by: "--upload-pack=x", failed: "head.sha"},
		{action: "opened", replace: head, by: strings.Repeat("0", 40), failed: "head.sha"},
		{action: "opened", replace: base, by: strings.ToUpper("a" + base[1:]), failed: "base.sha"},
		{action: "opened", replace: `"ref":"main"`, by: `"ref":"-x"`, failed: "base.ref"},
		{action: "opened", replace: `"ref":"main"`, by: `"ref":"a..b"`, failed: "base.ref"},
		{action: "opened", replace: `"ref":"main"`, by: `"ref":"a/.b"`, failed: "base.ref"},
		{action: "opened", replace: `"ref":"main"`, by: `"ref":"a\nb"`, failed: "base.ref"},
		{action: "opened", replace: `"ref":"main","repo":{"id":77}`, by: `"ref":"main","repo":{"id":78}`, failed: "not the repository"},
		{action: "opened", replace: `"login":"dependabot[bot]"`, by: `"login":"a b"`, failed: "user.login"},
		{action: "opened", replace: `"updated_at":"2026-03-03T14:05:00Z",`, by: ``, failed: "updated_at"},
		{action: "opened", replace: `"number":7,"state"`, by: `"number":"7","state"`, failed: "pull_request.number"},
	} {
		data := strings.Replace(pullRequestPayload(test.action, "B"), test.replace, test.by, 1)
		out, err := Parse("pull_request", []byte(data), ours)
		name := fmt.Sprintf("%s with %s", test.action, test.by)
		if test.failed != "" {
			if err == nil || !strings.Contains(err.Error(), test.failed) || len(out.Wants) > 0 {
				t.Errorf("%s: error %v, want one about %q", name, err, test.failed)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if test.ignored != "" {
			if len(out.Wants) > 0 || !strings.Contains(out.Ignored, test.ignored) {
				t.Errorf("%s: %+v, want it ignored: %s", name, out, test.ignored)
			}
			continue
		}
		want := Outcome{Action: test.action, Installation: 5, Wants: []job.Want{{Subject: job.Subject{Installation: 5, Repository: orders, Number: 7},
			Revision: test.want, Reason: "pull_request." + test.action, Cancel: test.cancel, Again: test.again}}}
		if !reflect.DeepEqual(out, want) {
			t.Errorf("%s:\n got %+v\nwant %+v", name, out, want)
		}
	}
}

// TestTexts: what PostgreSQL cannot keep is left out, and what is too long is cut between two characters.
func TestTexts(t *testing.T) {
	data := strings.Replace(pullRequestPayload("opened", strings.Repeat("ä", maxBody)), `"title":"T"`, `"title":"a\u0000b\ud800"`, 1)
	out, err := Parse("pull_request", []byte(data), ours)
	if err != nil {
		t.Fatal(err)
	}
	r := out.Wants[0].Revision
	if r.Title != "ab\ufffd" || len(r.Body) != maxBody || strings.Trim(r.Body, "ä") != "" {
		t.Errorf("title %q, body of %d bytes", r.Title, len(r.Body))
	}
}

func TestParseMergeGroup(t *testing.T) {
	const ref = "refs/heads/gh-readonly-queue/main/pr-104-929f8209d40f77f4abc"
	text := func(action, more string) string {
		return fmt.Sprintf(`{"action":%q,%s"installation":{"id":5},"repository":%s,"merge_group":{"head_sha":%q,"head_ref":%q,"base_sha":%q,"base_ref":"refs/heads/main",
			"head_commit":{"id":"x","message":"Merge #104\n\nmore"}}}`, action, more, repositoryJSON, head, ref, base)
	}
	want := job.Want{Subject: job.Subject{Installation: 5, Repository: orders, Ref: ref}, Reason: "merge_group.checks_requested",
		Revision: job.Revision{Head: head, Base: base, BaseRef: "main", HeadRef: strings.TrimPrefix(ref, "refs/heads/"), Title: "Merge #104"}}
	out, err := Parse("merge_group", []byte(text("checks_requested", "")), ours)
	if err != nil || !reflect.DeepEqual(out.Wants, []job.Want{want}) {
		t.Errorf("%+v, %v", out, err)
	}
	want.Reason, want.Cancel = "merge_group.destroyed: invalidated", true
	out, err = Parse("merge_group", []byte(text("destroyed", `"reason":"invalidated",`)), ours)
	if err != nil || !reflect.DeepEqual(out.Wants, []job.Want{want}) {
		t.Errorf("%+v, %v", out, err)
	}
	for _, wrong := range [][2]string{{ref, "refs/heads/main"}, {ref, ref + "/../x"}, {`"refs/heads/main"`, `"main"`}, {head, "x"}, {base, ""}} {
		if out, err := Parse("merge_group", []byte(strings.Replace(text("checks_requested", ""), wrong[0], wrong[1], 1)), ours); err == nil {
			t.Errorf("%s instead of %s: %+v", wrong[1], wrong[0], out)
		}
	}
}

func TestParseRerun(t *testing.T) {
	const (
		own    = `{"number":7,"head":{"sha":"` + head + `"},"base":{"repo":{"id":77}}}`
		second = `{"number":8,"base":{"repo":{"id":77}}}`
		other  = `{"number":9,"base":{"repo":{"id":78}}}`
	)
	subject := job.Subject{Installation: 5, Repository: orders}
	pull := func(number int) job.Subject { s := subject; s.Number = number; return s }
	group := subject
	group.Ref = "refs/heads/gh-readonly-queue/main/pr-1-x"
	for _, test := range []struct {
		name, event, action string
		app                 int
		pulls, branch, more string
		want                []job.Subject
		ignored             string
	}{
		{name: "run", event: "check_run", action: "rerequested", app: ours, pulls: own, branch: `"feature"`, want: []job.Subject{pull(7)}},
		{name: "suite", event: "check_suite", action: "rerequested", app: ours, pulls: own, branch: `"feature"`, want: []job.Subject{pull(7)}},
		{name: "button", event: "check_run", action: "requested_action", app: ours, pulls: own, branch: `"f"`, more: `"requested_action":{"identifier":"rerun"},`, want: []job.Subject{pull(7)}},
		{name: "two pull requests", event: "check_run", action: "rerequested", app: ours, pulls: own + "," + other + "," + second, branch: `"f"`, want: []job.Subject{pull(7), pull(8)}},
		{name: "fork", event: "check_run", action: "rerequested", app: ours, branch: "null", want: []job.Subject{subject}},
		{name: "fork, suite", event: "check_suite", action: "rerequested", app: ours, branch: "null", want: []job.Subject{subject}},
		{name: "of another repository only", event: "check_run", action: "rerequested", app: ours, pulls: other, branch: `"f"`, want: []job.Subject{subject}},
		{name: "merge group", event: "check_run", action: "rerequested", app: ours, branch: `"gh-readonly-queue/main/pr-1-x"`, want: []job.Subject{group}},
		{name: "another App", event: "check_run", action: "rerequested", app: ours + 1, pulls: own, branch: `"f"`, ignored: "another App's"},
		{name: "another App's suite", event: "check_suite", action: "rerequested", app: ours + 1, pulls: own, branch: `"f"`, ignored: "another App's"},
		{name: "another button", event: "check_run", action: "requested_action", app: ours, pulls: own, branch: `"f"`, more: `"requested_action":{"identifier":"fix"},`, ignored: "button"},
		{name: "created", event: "check_run", action: "created", app: ours, pulls: own, branch: `"f"`, ignored: "this action"},
		{name: "requested", event: "check_suite", action: "requested", app: ours, pulls: own, branch: `"f"`, ignored: "this action"},
	} {
		data := fmt.Sprintf(`{"action":%q,%s"installation":{"id":5},"repository":%s,%q:{"head_sha":%q,"head_branch":%s,"app":{"id":%d},"pull_requests":[%s],"check_suite":{"head_branch":%s}}}`,
			test.action, test.more, repositoryJSON, test.event, head, test.branch, test.app, test.pulls, test.branch)
		out, err := Parse(test.event, []byte(data), ours)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		var want []job.Want
		for _, subject := range test.want {
			want = append(want, job.Want{Subject: subject, Revision: job.Revision{Head: head}, Reason: test.event + "." + test.action, Again: true, Refresh: true})
		}
		if !reflect.DeepEqual(out.Wants, want) || !strings.Contains(out.Ignored, test.ignored) {
			t.Errorf("%s:\n got %+v\nwant %+v", test.name, out, want)
		}
	}
}

func TestParseComment(t *testing.T) {
	text := func(action, body, linked, state string) []byte {
		return fmt.Appendf(nil, `{"action":%q,"installation":{"id":5},"repository":%s,"issue":{"number":7,"state":%q%s},
			"comment":{"id":99,"html_url":"https://github.com/acme/orders/pull/7#issuecomment-99","created_at":"2026-03-03T14:05:00Z","user":{"login":"ann"},"body":%q}}`,
			action, repositoryJSON, state, linked, body)
	}
	const linked = `,"pull_request":{"url":"x"}`
	command := func(line int, name, rule, because string) job.Command {
		return job.Command{Name: name, Rule: rule, Because: because, By: "ann", Comment: 99, Line: line,
			URL: "https://github.com/acme/orders/pull/7#issuecomment-99", At: time.Date(2026, 3, 3, 14, 5, 0, 0, time.UTC)}
	}
	for _, test := range []struct {
		name    string
		body    string
		want    []job.Command
		ignored string
	}{
		{"override", "/pmcheck override table-rewrite because it is night", []job.Command{command(1, "override", "table-rewrite", "it is night")}, ""},
		{"spaces and case", "hello\r\n/pmcheck  override\tdrops-data  Because  we said so  \r\nbye", []job.Command{command(2, "override", "drops-data", "we said so")}, ""},
		{"rerun", "/pmcheck rerun", []job.Command{command(1, "rerun", "", "")}, ""},
		{"two", "/pmcheck rerun\n/pmcheck override a because b", []job.Command{command(1, "rerun", "", ""), command(2, "override", "a", "b")}, ""},
		{"no reason", "/pmcheck override table-rewrite because ", []job.Command{command(1, "malformed", "", "/pmcheck override table-rewrite because")}, ""},
		{"no because", "/pmcheck override table-rewrite", []job.Command{command(1, "malformed", "", "/pmcheck override table-rewrite")}, ""},
		{"not a rule", "/pmcheck override ../x because y", []job.Command{command(1, "malformed", "", "/pmcheck override ../x because y")}, ""},
		{"alone", "/pmcheck", []job.Command{command(1, "malformed", "", "/pmcheck")}, ""},
		{"one answer for all", "/pmcheck approve\n/pmcheck merge\n/pmcheck rerun", []job.Command{command(1, "malformed", "", "/pmcheck approve"), command(3, "rerun", "", "")}, ""},
		{"long", "/pmcheck " + strings.Repeat("x", 500), []job.Command{command(1, "malformed", "", "/pmcheck "+strings.Repeat("x", 91))}, ""},
		{"a path", "/pmcheck/docs says so\n/pmcheck.yml too", nil, "no command"},
		{"quoted", "> /pmcheck rerun", nil, "no command"},
		{"within a line", "please /pmcheck rerun", nil, "no command"},
		{"in a fence", "```\n/pmcheck rerun\n```", nil, "no command"},
		{"in a longer fence", "````\n```\n/pmcheck rerun\n````\n", nil, "no command"},
		{"after a fence", "~~~sql\nx\n~~~\n/pmcheck rerun", []job.Command{command(4, "rerun", "", "")}, ""},
		{"hidden", "<!--\n/pmcheck rerun\n-->", nil, "no command"},
		{"after what was hidden", "<!-- x -->\n/pmcheck rerun", []job.Command{command(2, "rerun", "", "")}, ""},
		{"indented", "    /pmcheck rerun", nil, "no command"},
		{"nothing", "LGTM", nil, "no command"},
	} {
		out, err := Parse("issue_comment", text("created", test.body, linked, "open"), ours)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		var got []job.Command
		for _, want := range out.Wants {
			got = append(got, *want.Command)
			if want.Subject.Number != 7 || want.Subject.Repository != orders || !want.Again || !want.Refresh || want.Revision.Head != "" {
				t.Errorf("%s: %+v", test.name, want)
			}
		}
		if !reflect.DeepEqual(got, test.want) || !strings.Contains(out.Ignored, test.ignored) {
			t.Errorf("%s: %+v, ignored %q; want %+v, %q", test.name, got, out.Ignored, test.want, test.ignored)
		}
	}
	// Two programs that answer each other would not end.
	bot := []byte(strings.Replace(string(text("created", "/pmcheck approve", linked, "open")), `"login":"ann"`, `"login":"helper[bot]","type":"Bot"`, 1))
	if out, err := Parse("issue_comment", bot, ours); err != nil || len(out.Wants) > 0 {
		t.Errorf("a bot's malformed command: %+v, %v", out, err)
	}
	for name, data := range map[string][]byte{
		"edited":        text("edited", "/pmcheck rerun", linked, "open"),
		"deleted":       text("deleted", "/pmcheck rerun", linked, "open"),
		"on an issue":   text("created", "/pmcheck rerun", "", "open"),
		"closed":        text("created", "/pmcheck rerun", linked, "closed"),
		"null instead":  text("created", "/pmcheck rerun", `,"pull_request":null`, "open"),
		"many commands": text("created", strings.Repeat("/pmcheck rerun\n", 1000), linked, "open"),
	} {
		out, err := Parse("issue_comment", data, ours)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if most := map[string]int{"many commands": maxCommands}[name]; len(out.Wants) != most {
			t.Errorf("%s: %d wants, want %d", name, len(out.Wants), most)
		}
	}
}

func TestParseInstallation(t *testing.T) {
	one := []job.Repository{{ID: 1, Owner: "acme", Name: "a", Private: true}}
	const list = `[{"id":1,"name":"a","full_name":"acme/a","private":true}]`
	for _, test := range []struct {
		event, action, more string
		want                job.InstallationChange
	}{
		{"installation", "created", `"repositories":` + list, job.InstallationChange{All: true, Added: one}},
		{"installation", "deleted", `"repositories":` + list, job.InstallationChange{Gone: true}},
		{"installation", "suspend", `"x":1`, job.InstallationChange{Gone: true}},
		{"installation", "unsuspend", `"x":1`, job.InstallationChange{All: true}},
		{"installation", "new_permissions_accepted", `"repositories":[]`, job.InstallationChange{All: true}},
		{"installation_repositories", "added", `"repository_selection":"selected","repositories_added":` + list + `,"repositories_removed":[]`, job.InstallationChange{Added: one}},
		{"installation_repositories", "added", `"repository_selection":"all","repositories_added":` + list, job.InstallationChange{Added: one, All: true}},
		{"installation_repositories", "removed", `"repository_selection":"selected","repositories_added":[],"repositories_removed":` + list, job.InstallationChange{Removed: one}},
	} {
		data := fmt.Sprintf(`{"action":%q,"installation":{"id":5,"app_id":%d,"account":{"login":"acme"}},%s}`, test.action, ours, test.more)
		out, err := Parse(test.event, []byte(data), ours)
		test.want.Installation, test.want.Account = 5, "acme"
		want := []job.Want{{Subject: job.Subject{Installation: 5}, Reason: test.event + "." + test.action, Change: &test.want}}
		if err != nil || !reflect.DeepEqual(out.Wants, want) {
			t.Errorf("%s.%s: %+v, %v", test.event, test.action, out.Wants, err)
		}
		if out, err := Parse(test.event, []byte(data), ours+1); err != nil || len(out.Wants) > 0 {
			t.Errorf("of another App: %+v, %v", out, err)
		}
		if strings.Contains(data, `"acme/a"`) && test.action != "deleted" {
			if out, err := Parse(test.event, []byte(strings.Replace(data, `"acme/a"`, `"acme/../a"`, 1)), ours); err == nil {
				t.Errorf("a path as a name: %+v", out)
			}
		}
	}
}

// recorded are payloads that GitHub has sent, by event.
func recorded(tb testing.TB) map[string][]json.RawMessage {
	folder := os.Getenv("PMCHECK_CORPUS")
	data, err := os.ReadFile(filepath.Join(folder, "github", "webhook-examples.json"))
	if folder == "" || os.IsNotExist(err) {
		tb.Skip("PMCHECK_CORPUS names no folder with github/webhook-examples.json")
	} else if err != nil {
		tb.Fatal(err)
	}
	var list []struct {
		Name     string
		Examples []json.RawMessage
	}
	if err := json.Unmarshal(data, &list); err != nil {
		tb.Fatal(err)
	}
	all := map[string][]json.RawMessage{}
	for _, event := range list {
		all[event.Name] = event.Examples
	}
	return all
}

// TestRecorded: what GitHub sends is understood. What has to follow is said by event and action; none is listed where nothing may.
func TestRecorded(t *testing.T) {
	follows := map[string]func(job.Want) bool{
		"pull_request.opened":             func(w job.Want) bool { return !w.Cancel && !w.Again },
		"pull_request.synchronize":        func(w job.Want) bool { return !w.Cancel && !w.Again },
		"pull_request.reopened":           func(w job.Want) bool { return !w.Cancel && !w.Again },
		"pull_request.ready_for_review":   func(w job.Want) bool { return !w.Cancel && !w.Again && !w.Revision.Draft },
		"pull_request.converted_to_draft": func(w job.Want) bool { return !w.Cancel && !w.Again && w.Revision.Draft },
		"pull_request.closed":             func(w job.Want) bool { return w.Cancel },
		"merge_group.checks_requested": func(w job.Want) bool {
			return !w.Cancel && strings.HasPrefix(w.Subject.Ref, "refs/heads/gh-readonly-queue/") && w.Revision.BaseRef == "main"
		},
		"check_run.rerequested":                 func(w job.Want) bool { return w.Again && w.Refresh && !w.Subject.Known() },
		"check_suite.rerequested":               func(w job.Want) bool { return w.Again && w.Refresh && w.Subject.Number == 2 },
		"installation.created":                  func(w job.Want) bool { return w.Change.All && len(w.Change.Added) > 0 },
		"installation.deleted":                  func(w job.Want) bool { return w.Change.Gone },
		"installation.suspend":                  func(w job.Want) bool { return w.Change.Gone },
		"installation.unsuspend":                func(w job.Want) bool { return w.Change.All },
		"installation.new_permissions_accepted": func(w job.Want) bool { return w.Change.All },
		"installation_repositories.added":       func(w job.Want) bool { return len(w.Change.Added) > 0 },
		"installation_repositories.removed":     func(w job.Want) bool { return len(w.Change.Removed) > 0 },
	}
	found := map[string]int{}
	for event, payloads := range recorded(t) {
		for _, data := range payloads {
			var read struct {
				Action       string
				Installation *struct {
					ID    int64
					AppID int64 `json:"app_id"`
				}
				CheckRun   *struct{ App struct{ ID int64 } } `json:"check_run"`
				CheckSuite *struct{ App struct{ ID int64 } } `json:"check_suite"`
				Repository *struct{ ID int64 }
			}
			if err := json.Unmarshal(data, &read); err != nil {
				t.Fatal(err)
			}
			app := int64(ours)
			switch {
			case read.CheckRun != nil:
				app = read.CheckRun.App.ID
			case read.CheckSuite != nil:
				app = read.CheckSuite.App.ID
			case read.Installation != nil && read.Installation.AppID != 0:
				app = read.Installation.AppID
			}
			key := event + "." + read.Action
			out, err := Parse(event, data, app)
			if err != nil {
				t.Errorf("%s: %v", key, err)
				continue
			}
			check := follows[key]
			if check == nil || read.Installation == nil {
				if len(out.Wants) > 0 || out.Ignored == "" {
					t.Errorf("%s: %+v, want nothing to follow", key, out)
				}
				continue
			}
			found[key]++
			if len(out.Wants) != 1 {
				t.Errorf("%s: %d wants, ignored: %s", key, len(out.Wants), out.Ignored)
				continue
			}
			want := out.Wants[0]
			if !check(want) || want.Reason != key || want.Subject.Installation != read.Installation.ID {
				t.Errorf("%s: %+v", key, want)
			}
			if want.Change == nil && (want.Subject.Repository.ID != read.Repository.ID || !isCommit(want.Revision.Head)) {
				t.Errorf("%s: %+v", key, want)
			}
			if strings.HasPrefix(event, "check_") {
				if out, err := Parse(event, data, app+1); err != nil || len(out.Wants) > 0 {
					t.Errorf("%s of another App: %+v, %v", key, out, err)
				}
			}
		}
	}
	for key, check := range follows {
		if check != nil && found[key] == 0 {
			t.Errorf("no recorded payload of %s was looked at", key)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("pull_request", []byte(pullRequestPayload("opened", "x")))
	f.Add("issue_comment", []byte(`{"action":"created","installation":{"id":5},"repository":`+repositoryJSON+`,"issue":{"number":7,"state":"open","pull_request":{}},"comment":{"id":9,"html_url":"https://x","user":{"login":"a"},"body":"/pmcheck override a because b"}}`))
	f.Add("merge_group", []byte(`{"action":"destroyed","installation":{"id":5},"repository":`+repositoryJSON+`,"merge_group":{"head_sha":"`+head+`","head_ref":"refs/heads/gh-readonly-queue/m/x","base_sha":"`+base+`","base_ref":"refs/heads/m"}}`))
	f.Add("check_run", []byte(`{"action":"rerequested","installation":{"id":5},"repository":`+repositoryJSON+`,"check_run":{"head_sha":"`+head+`","app":{"id":4242},"pull_requests":[{"number":7,"base":{"repo":{"id":77}}}]}}`))
	f.Add("installation", []byte(`{"action":"created","installation":{"id":5,"account":{"login":"a"}},"repositories":[{"id":1,"full_name":"a/b"}]}`))
	f.Fuzz(func(t *testing.T, event string, data []byte) {
		out, err := Parse(event, data, ours)
		if err != nil && len(out.Wants) > 0 {
			t.Fatalf("an error and wants: %v", err)
		}
		if err == nil && (len(out.Wants) == 0) != (out.Ignored != "") {
			t.Fatalf("neither wanted nor ignored, or both: %+v", out)
		}
		for _, want := range out.Wants {
			s, r := want.Subject, want.Revision
			if s.Installation <= 0 || want.Reason == "" {
				t.Fatalf("%+v", want)
			}
			for _, text := range []string{r.Title, r.Body, r.HeadRef, r.BaseRef, s.Ref} {
				if strings.Contains(text, "\x00") {
					t.Fatalf("NUL in %+v", want)
				}
			}
			if want.Change != nil {
				continue
			}
			if s.Repository.ID <= 0 || !isLogin(s.Repository.Owner) || strings.Trim(s.Repository.Name, ".") == "" && len(s.Repository.Name) < 3 || strings.ContainsAny(s.Repository.Name, "/\\") {
				t.Fatalf("repository %+v", s.Repository)
			}
			if r.Head != "" && !isCommit(r.Head) || r.Base != "" && !isCommit(r.Base) || !want.Refresh && (r.Head == "" || r.Base == "" || !s.Known()) {
				t.Fatalf("%+v", want)
			}
			if c := want.Command; c != nil && (c.By == "" || c.Name == job.CommandOverride && (c.Rule == "" || strings.TrimSpace(c.Because) == "")) {
				t.Fatalf("%+v", c)
			}
		}
	})
}
