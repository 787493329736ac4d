package ghactions

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	base   = strings.Repeat("a", 40)
	head   = strings.Repeat("b", 40)
	merged = strings.Repeat("c", 40)
	zero   = strings.Repeat("0", 40)
)

// find reads an event as a job would.
func find(t *testing.T, name string, content []byte) (*Event, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "event.json")
	if err := os.WriteFile(path, content, 0o666); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": name, "GITHUB_EVENT_PATH": path, "GITHUB_SHA": merged, "GITHUB_WORKSPACE": "/w"}
	return Find(func(name string) string { return env[name] })
}

func TestFind(t *testing.T) {
	push := func(ref, before, after string) string {
		return `{"ref": "` + ref + `", "before": "` + before + `", "after": "` + after + `", "repository": {"default_branch": "main"}}`
	}
	pull := `{"action": "synchronize", "pull_request": {"number": 7, "title": "Drop it", "body": "Runbook: https://example.com/7", "labels": [{"name": "db"}, {"name": "safe"}],
		"base": {"ref": "main", "sha": "` + base + `"}, "head": {"ref": "drop", "sha": "` + head + `"}}}`
	for _, test := range []struct {
		name, event, payload string
		want                 Event
	}{
		{"pull request", "pull_request", pull, Event{Base: base, BaseBranch: "main", Head: head, Number: 7, Title: "Drop it", Body: "Runbook: https://example.com/7", Labels: []string{"db", "safe"}}},
		{"pull request target", "pull_request_target", pull, Event{Base: base, BaseBranch: "main", Head: head, Number: 7, Title: "Drop it", Body: "Runbook: https://example.com/7", Labels: []string{"db", "safe"}}},
		{"merge group", "merge_group", `{"merge_group": {"base_sha": "` + base + `", "base_ref": "refs/heads/main", "head_sha": "` + head + `"}}`,
			Event{Base: base, BaseBranch: "main", Head: head}},
		{"push to the default branch", "push", push("refs/heads/main", base, head), Event{Base: base, BaseBranch: "main", Head: head}},
		{"push of another branch", "push", push("refs/heads/fix/x", base, head), Event{BaseBranch: "main", Head: head}},
		{"push of a new branch", "push", push("refs/heads/fix/x", zero, head), Event{BaseBranch: "main", Head: head}},
		{"first push", "push", push("refs/heads/main", zero, head), Event{Head: head, First: true}},
		{"deleted branch", "push", push("refs/heads/fix/x", base, zero), Event{Head: zero, Deleted: true}},
		{"tag", "push", push("refs/tags/v1", zero, head), Event{Head: head}},
		{"by hand", "workflow_dispatch", `{"inputs": {}}`, Event{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := find(t, test.event, []byte(test.payload))
			if err != nil {
				t.Fatal(err)
			}
			test.want.Name, test.want.Commit, test.want.Workspace = test.event, merged, "/w"
			if diff := cmp.Diff(&test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFindOutside(t *testing.T) {
	if e, err := Find(func(string) string { return "" }); e != nil || err != nil {
		t.Errorf("outside of GitHub Actions: got %v, %v", e, err)
	}
}

func TestFindRefuses(t *testing.T) {
	for _, test := range []struct{ event, payload, want string }{
		{"pull_request", `{`, "not the JSON of an event"},
		{"pull_request", `{}`, "has no pull_request"},
		{"pull_request", `{"pull_request": {"base": {"sha": "main"}}}`, "names no base and head commit"},
		{"merge_group", `{}`, "has no merge_group"},
		{"push", `{"before": "x"}`, "no commits before and after"},
		{"push", `[]`, "not the JSON of an event"},
	} {
		if _, err := find(t, test.event, []byte(test.payload)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s %s: got %v, want %q", test.event, test.payload, err, test.want)
		}
	}
	env := map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "push"}
	for _, path := range []string{"", filepath.Join(t.TempDir(), "absent.json")} {
		env["GITHUB_EVENT_PATH"] = path
		if _, err := Find(func(name string) string { return env[name] }); err == nil {
			t.Errorf("event file %q: no error", path)
		}
	}
}

// TestRecorded reads the payloads that GitHub publishes (npm @octokit/webhooks-examples) from PMCHECK_GITHUB_PAYLOADS, a folder
// with webhook-examples.json.
func TestRecorded(t *testing.T) {
	folder := os.Getenv("PMCHECK_GITHUB_PAYLOADS")
	if folder == "" {
		t.Skip("PMCHECK_GITHUB_PAYLOADS names no folder with webhook-examples.json")
	}
	content, err := os.ReadFile(filepath.Join(folder, "webhook-examples.json"))
	if err != nil {
		t.Fatal(err)
	}
	var events []struct {
		Name     string
		Examples []json.RawMessage
	}
	if err := json.Unmarshal(content, &events); err != nil {
		t.Fatal(err)
	}
	read := map[string]int{}
	for _, event := range events {
		if event.Name != "pull_request" && event.Name != "merge_group" && event.Name != "push" {
			continue
		}
		for i, example := range event.Examples {
			got, err := find(t, event.Name, example)
			if err != nil {
				t.Errorf("%s %d: %v", event.Name, i, err)
				continue
			}
			read[event.Name]++
			if event.Name != "push" && (got.Base == "" || got.BaseBranch == "" || got.Head == "") {
				t.Errorf("%s %d: %+v", event.Name, i, got)
			}
			if event.Name == "pull_request" && (got.Number == 0 || got.Title == "") {
				t.Errorf("%s %d: %+v", event.Name, i, got)
			}
		}
	}
	if len(read) != 3 {
		t.Errorf("read %v, want all three events", read)
	}
}

func FuzzFind(f *testing.F) {
	f.Add("push", []byte(`{"ref": "refs/heads/main", "before": "`+base+`", "after": "`+head+`"}`))
	f.Add("pull_request", []byte(`{"pull_request": {"base": {"sha": "`+base+`"}, "head": {"sha": "`+head+`"}}}`))
	f.Add("merge_group", []byte(`{"merge_group": null}`))
	f.Fuzz(func(t *testing.T, name string, content []byte) {
		e := &Event{Name: name}
		if err := e.read(content); err != nil {
			return
		}
		for _, id := range []string{e.Base, e.Head} {
			if id != "" && !isID(id) {
				t.Errorf("%q is taken for a commit", id)
			}
		}
	})
}
