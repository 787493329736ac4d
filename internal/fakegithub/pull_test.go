package fakegithub_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-github/v62/github"

	"github.com/pmcheck/pmcheck/internal/fakegithub"
)

// TestManyPulls pages through more pull requests than one answer has.
func TestManyPulls(t *testing.T) {
	s := fakegithub.New(t)
	if err := s.ValidateWith(""); err != nil { // the pages of one are like those of another
		t.Fatal(err)
	}
	repo := s.Repo("acme", "orders", map[string]string{"a": "a\n"})
	id := s.Install("acme", repo)
	_, client := clients(t, s, id)
	pulls := repo.OpenPulls(250, func(i int) map[string]string { return map[string]string{fmt.Sprintf("db/%d.sql", i): "SELECT 1;\n"} })
	pulls[3].Close(false)
	seen := map[int]bool{}
	opts := &github.PullRequestListOptions{ListOptions: github.ListOptions{PerPage: 100}}
	for {
		page, resp, err := client.PullRequests.List(context.Background(), "acme", "orders", opts)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range page {
			seen[p.GetNumber()] = true
		}
		if resp.NextPage == 0 {
			break
		}
		opts.Page = resp.NextPage
	}
	if len(seen) != 249 || seen[pulls[3].Number] {
		t.Errorf("%d are open", len(seen))
	}
	for query, want := range map[string]int{"state=closed": 1, "state=all&per_page=1000": 100, "head=acme:change-7": 1, "head=evil:change-7": 0, "base=other": 0, "": 30} {
		var got []struct{ Number int }
		call(t, s, "GET", "/repos/acme/orders/pulls?"+query, s.Token(id), "").into(t, &got)
		if len(got) != want {
			t.Errorf("%s: %d, not %d", query, len(got), want)
		}
	}
	// They are real commits.
	dir := t.TempDir()
	git(t, dir, "init", "-q", "--bare")
	url := strings.Replace(repo.CloneURL(), "http://", "http://x-access-token:"+s.Token(id)+"@", 1)
	git(t, dir, "fetch", "-q", "--depth=2", url, pulls[249].Head(), pulls[249].Merge())
	if got := git(t, dir, "diff", "--name-only", pulls[249].Base(), pulls[249].Merge()); got != "db/249.sql\n" {
		t.Errorf("the merge changes %q", got)
	}
	sha := pulls[7].Push(map[string]string{"more": "x\n"})
	if pulls[7].Head() != sha || pulls[7].Merge() == "" {
		t.Error("a push to one of many")
	}
}

func TestConflictsAndBases(t *testing.T) {
	s := fakegithub.New(t)
	repo := s.Repo("acme", "orders", map[string]string{"a": "a\n"})
	token := s.Token(s.Install("acme", repo))
	repo.Branch("release", "main")
	repo.Commit("change", map[string]string{"a": "b\n"})
	pull := repo.OpenPull("change", "main", "One")
	old := pull.Base()
	repo.Commit("main", map[string]string{"a": "c\n"})
	pull.EditTitle("Two")
	if pull.Base() != old {
		t.Error("the base's tip that a pull request names moved without a push to it")
	}
	pull.Push(map[string]string{"b": "b\n"})
	if pull.Base() != repo.Head("main") || pull.Merge() != "" {
		t.Errorf("with a conflict: base %s, merge %q", pull.Base(), pull.Merge())
	}
	var got struct {
		Mergeable bool
		State     string  `json:"mergeable_state"`
		Merge     *string `json:"merge_commit_sha"`
	}
	call(t, s, "GET", "/repos/acme/orders/pulls/1", token, "").into(t, &got)
	if got.Mergeable || got.State != "dirty" || got.Merge != nil {
		t.Errorf("%+v", got)
	}
	pull.EditBase("release")
	if pull.Base() != repo.Head("release") || pull.Merge() == "" {
		t.Error("another base: it merges")
	}
	group := repo.MergeGroup("release", pull)
	if group.Base != repo.Head("release") || !strings.HasPrefix(group.HeadRef, "refs/heads/gh-readonly-queue/release/pr-1-") || repo.Head(strings.TrimPrefix(group.HeadRef, "refs/heads/")) != group.HeadSHA {
		t.Errorf("%+v", group)
	}
	pull.ForcePush(repo.Head("main"))
	if pull.Head() != repo.Head("main") {
		t.Error("a forced push")
	}

	repo.Protect("main")
	for branch, want := range map[string]bool{"main": true, "release": false, "gh-readonly-queue/release/pr-1-" + group.Base: false} {
		var b struct {
			Name      string
			Protected bool
		}
		call(t, s, "GET", "/repos/acme/orders/branches/"+branch, token, "").into(t, &b)
		if b.Name != branch || b.Protected != want {
			t.Errorf("%s: %+v", branch, b)
		}
	}
	if got := call(t, s, "GET", "/repos/acme/orders/branches/none", token, ""); got.status != 404 || got.message() != "Branch not found" {
		t.Errorf("%d %s", got.status, got.text)
	}
	if got := call(t, s, "GET", "/repos/acme/orders/commits/release", token, ""); got.status != 200 {
		t.Errorf("%d %s", got.status, got.text)
	}
	if got := call(t, s, "GET", "/repos/acme/orders/pulls/99", token, ""); got.status != 404 {
		t.Errorf("%d %s", got.status, got.text)
	}
}

func TestPeopleAndComments(t *testing.T) {
	s := fakegithub.New(t)
	repo := s.Repo("acme", "orders", map[string]string{"a": "a\n"})
	token := s.Token(s.Install("acme", repo))
	repo.Commit("change", map[string]string{"b": "b\n"})
	pull := repo.OpenPull("change", "main", "One")
	repo.SetPermission("mia", "maintain")
	repo.SetPermission("tri", "triage")
	s.User("nobody")
	for login, want := range map[string]string{"mia": "write maintain", "tri": "read triage", "nobody": "none none", "acme": "admin admin"} {
		var p struct {
			Permission string
			Role       string `json:"role_name"`
		}
		call(t, s, "GET", "/repos/acme/orders/collaborators/"+login+"/permission", token, "").into(t, &p)
		if p.Permission+" "+p.Role != want {
			t.Errorf("%s: %+v", login, p)
		}
	}
	if got := call(t, s, "GET", "/repos/acme/orders/collaborators/who/permission", token, ""); got.status != 404 {
		t.Errorf("%d", got.status)
	}

	id := pull.Comment("mia", "/pmcheck override x because y")
	comments := fmt.Sprintf("/repos/acme/orders/issues/%d/comments", pull.Number)
	if got := call(t, s, "POST", comments, token, `{"body":"Done"}`); got.status != 201 || got.header.Get("Location") == "" {
		t.Errorf("%d %s", got.status, got.text)
	}
	if got := call(t, s, "POST", comments, token, `{"body":""}`); got.status != 422 {
		t.Errorf("an empty comment: %d", got.status)
	}
	reactions := fmt.Sprintf("/repos/acme/orders/issues/comments/%d/reactions", id)
	for _, c := range []struct {
		body   string
		status int
	}{{`{"content":"+1"}`, 201}, {`{"content":"+1"}`, 200}, {`{"content":"eyes"}`, 201}, {`{"content":"shrug"}`, 422}} {
		if got := call(t, s, "POST", reactions, token, c.body); got.status != c.status {
			t.Errorf("%s: %d %s", c.body, got.status, got.text)
		}
	}
	seen := pull.Comments()
	if len(seen) != 2 || seen[1].User != "pmcheck[bot]" || seen[1].Body != "Done" || strings.Join(seen[0].Reactions, " ") != "+1 eyes" {
		t.Errorf("%+v", seen)
	}
	var list []struct{ Body string }
	call(t, s, "GET", comments, token, "").into(t, &list)
	if len(list) != 2 {
		t.Errorf("%+v", list)
	}

	number := repo.Issue("Clean up")
	var issue struct {
		State  string
		Reason *string `json:"state_reason"`
		Pull   any     `json:"pull_request"`
	}
	get := func() {
		t.Helper()
		call(t, s, "GET", fmt.Sprintf("/repos/acme/orders/issues/%d", number), token, "").into(t, &issue)
	}
	if get(); issue.State != "open" || issue.Reason != nil || issue.Pull != nil {
		t.Errorf("%+v", issue)
	}
	repo.SetIssue(number, "closed", "not_planned")
	if get(); issue.State != "closed" || issue.Reason == nil || *issue.Reason != "not_planned" {
		t.Errorf("%+v", issue)
	}
	s.SetPermission("issues", "read")
	s.SetPermission("pull_requests", "read")
	weak := s.Token(s.Install("acme", repo))
	if got := call(t, s, "POST", comments, weak, `{"body":"Done"}`); got.status != 403 || got.header.Get("X-Accepted-GitHub-Permissions") != "issues=write; pull_requests=write" {
		t.Errorf("%d %v", got.status, got.header)
	}
}
