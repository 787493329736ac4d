package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const zeroID = "0000000000000000000000000000000000000000"

func pullRequest(base, head string) map[string]any {
	return map[string]any{"pull_request": map[string]any{
		"number": 1, "title": "Find users", "base": map[string]any{"ref": "main", "sha": base}, "head": map[string]any{"ref": "change", "sha": head},
	}}
}

func pushOf(ref, before, after string) map[string]any {
	return map[string]any{"ref": ref, "before": before, "after": after, "repository": map[string]any{"default_branch": "main"}}
}

// TestActionEvents runs the action for each event, on the clones that actions/checkout leaves.
func TestActionEvents(t *testing.T) {
	type job struct {
		checkout string
		depth    int
		event    string
		payload  map[string]any
		sha      string // GITHUB_SHA; "" is what is checked out
	}
	const fails, passes = "fail", "pass"
	for _, test := range []struct {
		name string
		job  func(s service) job
		want string
		log  string
	}{
		{"pull request", func(s service) job {
			return job{s.merged("change"), 1, "pull_request", pullRequest(s.id("main"), s.id("change")), ""}
		}, fails, "pull request #1 into main"},
		{"pull request, depth 2", func(s service) job {
			return job{s.merged("change"), 2, "pull_request", pullRequest(s.id("main"), s.id("change")), ""}
		}, fails, "pull request #1 into main"},
		{"pull request, all history", func(s service) job {
			return job{s.merged("change"), 0, "pull_request", pullRequest(s.id("main"), s.id("change")), ""}
		}, fails, "pull request #1 into main"},
		{"pull request without a migration", func(s service) job {
			s.git("checkout", "-q", "-b", "words")
			s.commit("README.md", "other words\n")
			return job{s.merged("words"), 1, "pull_request", pullRequest(s.id("main"), s.id("words")), ""}
		}, passes, "no schema change"},
		{"pull request's head checked out", func(s service) job {
			base := s.id("main")
			merge := s.merged("change")
			s.commit("README.md", "main moved\n")
			return job{s.id("change"), 1, "pull_request", pullRequest(base, s.id("change")), merge}
		}, fails, "compared with"},
		{"what others merged since the event is not its doing", func(s service) job {
			base := s.id("main")
			s.git("checkout", "-q", "-b", "words")
			s.commit("OTHER.md", "words\n")
			head := s.id("words")
			s.git("checkout", "-q", "main")
			s.git("merge", "-q", "--no-ff", "-m", "Merge change", "change")
			return job{s.merged("words"), 1, "pull_request", pullRequest(base, head), ""}
		}, passes, "no schema change"},
		{"merge queue", func(s service) job {
			base := s.id("main")
			s.git("checkout", "-q", "-b", "gh-readonly-queue/main/pr-1")
			s.git("merge", "-q", "--no-ff", "-m", "Merge", "change")
			return job{s.id("HEAD"), 1, "merge_group", map[string]any{"merge_group": map[string]any{
				"base_sha": base, "base_ref": "refs/heads/main", "head_sha": s.id("HEAD")}}, ""}
		}, fails, "merge group into main"},
		{"push to the default branch", func(s service) job {
			before := s.id("main")
			s.git("merge", "-q", "--ff-only", "change")
			return job{s.id("main"), 1, "push", pushOf("refs/heads/main", before, s.id("main")), ""}
		}, fails, "push to main: compared with"},
		{"forced push to the default branch", func(s service) job {
			before := s.commit("README.md", "regretted\n")
			s.git("reset", "-q", "--hard", "change")
			s.git("update-ref", "refs/old", before)
			return job{s.id("main"), 1, "push", pushOf("refs/heads/main", before, s.id("main")), ""}
		}, fails, "push to main: compared with"},
		{"push of a new branch", func(s service) job {
			return job{s.id("change"), 1, "push", pushOf("refs/heads/change", zeroID, s.id("change")), ""}
		}, fails, "where it left origin/main"},
		{"a later push of a branch is no pardon", func(s service) job {
			before := s.id("change")
			s.git("checkout", "-q", "change")
			after := s.commit("README.md", "more words\n")
			return job{after, 1, "push", pushOf("refs/heads/change", before, after), ""}
		}, fails, "where it left origin/main"},
		{"first push", func(s service) job {
			return job{s.id("main"), 1, "push", pushOf("refs/heads/main", zeroID, s.id("main")), ""}
		}, passes, "nothing was there before"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newService(t)
			j := test.job(s)
			r := newRunner(t, s.checkout(j.checkout, j.depth))
			r.inputs["version"], r.inputs["download-url"] = "v1.2.3", releases(t, "v1.2.3")
			r.env["GITHUB_SHA"] = j.checkout
			if j.sha != "" {
				r.env["GITHUB_SHA"] = j.sha
			}
			r.event(j.event, j.payload)
			r.run()
			wantStatus, wantErrors := 0, "0"
			if test.want == fails {
				wantStatus, wantErrors = 1, "1"
			}
			if r.status != wantStatus || r.outputs["verdict"] != test.want || r.outputs["errors"] != wantErrors {
				t.Errorf("status %d, outputs %v, want %s\n%s", r.status, r.outputs, test.want, r.log)
			}
			if !strings.Contains(r.log, test.log) {
				t.Errorf("the log has no %q:\n%s", test.log, r.log)
			}
			if !exists(r.outputs["report"]) {
				t.Errorf("there is no report %q", r.outputs["report"])
			}
			if !strings.HasPrefix(r.summary, "before\n") || len(r.summary) == len("before\n") {
				t.Errorf("the summary of an earlier step is lost, or there is none of this one: %q", r.summary)
			}
			annotated := strings.Contains(strings.Join(r.commands, "\n"), "::error file=db/migrations/0002_index.up.sql,line=1")
			if annotated != (test.want == fails) {
				t.Errorf("commands %q", r.commands)
			}
		})
	}
}

// pullRequestJob is a runner for the failing pull request, one commit deep.
func pullRequestJob(t *testing.T, s service) *runner {
	t.Helper()
	merge := s.id("refs/pull/1/merge")
	r := newRunner(t, s.checkout(merge, 1))
	r.env["GITHUB_SHA"] = merge
	r.event("pull_request", pullRequest(s.id("main"), s.id("change")))
	r.inputs["version"], r.inputs["download-url"] = "v1.2.3", releases(t, "v1.2.3")
	return r
}

// An input is never part of a command.
func TestActionInputsAreNoCode(t *testing.T) {
	s := newService(t)
	s.merged("change")
	const hostile = "\"; touch pwned; $(touch pwned) `touch pwned`\n--output=pwned\n' ; touch pwned #"
	installs := map[string]bool{"version": true, "download-url": true}
	try := func(name string, hostileInputs func(r *runner)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := pullRequestJob(t, s)
			hostileInputs(r)
			r.run()
			if r.status == 0 || exists(filepath.Join(r.workspace, "pwned")) {
				t.Errorf("status %d:\n%s", r.status, r.log)
			}
		})
	}
	for name := range installs {
		try(name, func(r *runner) { r.inputs[name] = hostile })
	}
	try("all that the check takes", func(r *runner) {
		for name := range readAction(t).Inputs {
			if !installs[name] && name != "working-directory" { // of which the runner says that it does not exist
				r.inputs[name] = hostile
			}
		}
	})
}

func TestActionInputs(t *testing.T) {
	s := newService(t)
	s.merged("change")
	for _, test := range []struct {
		name   string
		inputs map[string]string
		status int
		log    string
		file   string
	}{
		{"config that is not there", map[string]string{"config": "ci/pmcheck.yml"}, 2, "there is no configuration ci/pmcheck.yml", ""},
		{"fail-on", map[string]string{"fail-on": "sometimes"}, 2, `--fail-on "sometimes": expected error, warning, info`, ""},
		{"base", map[string]string{"base": "HEAD"}, 0, "", ""},
		{"base that is a branch", map[string]string{"base": "main"}, 1, "index-not-concurrent", ""},
		{"base that is relative", map[string]string{"base": "HEAD^2"}, 0, "", ""},
		{"base that is nowhere", map[string]string{"base": "nowhere"}, 3, "the clone lacks history, and fetching it failed", ""},
		{"before a deploy", map[string]string{"stage": "pre-deploy", "base": "main"}, 1, "index-not-concurrent", ""},
		{"before a deploy, of what runs nothing is known", map[string]string{"stage": "pre-deploy"}, 3, "what is running is not known", ""},
		{"formats", map[string]string{"format": "json=all.json\n\n text \n"}, 1, "index-not-concurrent", "all.json"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := pullRequestJob(t, s)
			for name, value := range test.inputs {
				r.inputs[name] = value
			}
			r.run()
			if r.status != test.status || !strings.Contains(r.log, test.log) {
				t.Errorf("status %d, want %d and %q:\n%s", r.status, test.status, test.log, r.log)
			}
			if test.file != "" && !exists(filepath.Join(r.workspace, test.file)) {
				t.Errorf("%s was not written", test.file)
			}
			if test.status > 1 {
				if r.outputs["verdict"] != "error" || r.outputs["report"] != "" {
					t.Errorf("outputs %v", r.outputs)
				}
				if len(r.commands) != 1 || !strings.HasPrefix(r.commands[0], "::error title=The check could not be done::") {
					t.Errorf("commands %q", r.commands)
				}
			}
		})
	}
}

// What a pull request is called, and what its files are called, gives the runner no command.
func TestActionPrintsNoCommands(t *testing.T) {
	s := newService(t)
	s.git("checkout", "-q", "-b", "evil")
	s.commit("::error title=x::db/migrations/0001_users.sql", "CREATE INDEX CONCURRENTLY i ON users (email); TRUNCATE users;\n")
	s.commit("##[warning]db/migrations/0001_users.sql", "TRUNCATE users;\n")
	merge := s.merged("evil")
	r := newRunner(t, s.checkout(merge, 1))
	r.env["GITHUB_SHA"] = merge
	payload := pullRequest(s.id("main"), s.id("evil"))
	payload["pull_request"].(map[string]any)["title"] = "x\n::warning::title"
	r.event("pull_request", payload)
	r.inputs["version"], r.inputs["download-url"], r.inputs["annotations"] = "v1.2.3", releases(t, "v1.2.3"), "false"
	r.run()
	if !strings.Contains(r.log, "::error title=x::db/migrations") {
		t.Fatalf("the migration was not judged:\n%s", r.log)
	}
	if len(r.commands) > 0 {
		t.Errorf("commands %q", r.commands)
	}
}

// Configuration comes from the base, also when the pull request edits it.
func TestActionTrustsTheBase(t *testing.T) {
	s := newService(t)
	s.git("checkout", "-q", "change")
	s.commit(".pmcheck.yml", "version: 1\nrules:\n  index-not-concurrent: {severity: off}\n")
	merge := s.merged("change")
	r := newRunner(t, s.checkout(merge, 1))
	r.env["GITHUB_SHA"] = merge
	r.event("pull_request", pullRequest(s.id("main"), s.id("change")))
	r.inputs["version"], r.inputs["download-url"] = "v1.2.3", releases(t, "v1.2.3")
	r.run()
	if r.status != 1 || r.outputs["errors"] != "1" || r.outputs["warnings"] != "1" || !strings.Contains(r.log, "guardrail-removed") {
		t.Errorf("status %d, outputs %v:\n%s", r.status, r.outputs, r.log)
	}
}

// A workspace of another user, as a job in a container has it.
func TestActionInAContainer(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can give a folder to another user")
	}
	s := newService(t)
	s.merged("change")
	r := pullRequestJob(t, s)
	if err := os.Chown(r.workspace, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("chown", "-R", "12345", r.workspace).CombinedOutput(); err != nil {
		t.Fatalf("chown: %s", out)
	}
	r.run()
	if r.status != 1 || r.outputs["errors"] != "1" {
		t.Errorf("status %d, outputs %v:\n%s", r.status, r.outputs, r.log)
	}
}

func TestActionInstall(t *testing.T) {
	s := newService(t)
	s.merged("change")
	url := releases(t, "v0.9.0", "v1.0.0-tampered", "v1.2.3")
	for _, test := range []struct {
		name, version, ref string
		url                string
		source             bool
		fails              string
	}{
		{name: "a version", version: "v0.9.0"},
		{name: "a version without its v", version: "0.9.0"},
		{name: "the latest", version: "latest"},
		{name: "the action's own release", ref: "v0.9.0"},
		{name: "the action's major version", ref: "v1"},
		{name: "another major version than the latest", ref: "v2", source: true},
		{name: "a branch", ref: "main", source: true},
		{name: "a commit", ref: "4f2c1e0d9b5a4f2c1e0d9b5a4f2c1e0d9b5a4f2c", source: true},
		{name: "a local action", source: true},
		{name: "source", version: "source", ref: "v0.9.0", source: true},
		{name: "a release that is not out yet", ref: "v9.9.9", source: true},
		{name: "a version that does not exist", version: "v9.9.9", fails: "no release v9.9.9 at "},
		{name: "not a version", version: "newest", fails: "is not a release such as v1.2.3"},
		{name: "a server that is away", version: "latest", url: "http://127.0.0.1:1/releases/download", fails: "no release latest at "},
		{name: "another archive than was released", version: "v1.0.0-tampered", fails: "what was downloaded is not what was released"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := pullRequestJob(t, s)
			r.inputs["version"], r.ref, r.inputs["download-url"] = test.version, test.ref, url
			if test.url != "" {
				r.inputs["download-url"] = test.url
			}
			r.path, r.last = fakeGo(t), "Build pmcheck from source"
			r.run()
			switch {
			case test.fails != "":
				if r.status == 0 || len(r.commands) != 1 || !strings.Contains(r.commands[0], test.fails) {
					t.Errorf("status %d, commands %q, want %q:\n%s", r.status, r.commands, test.fails, r.log)
				}
			case r.status != 0 || !exists(r.steps["release"]["program"]+r.steps["source"]["program"]):
				t.Errorf("status %d, steps %v:\n%s", r.status, r.steps, r.log)
			case test.source != (len(r.uses) == 1) || test.source != strings.Contains(r.log, "go build of "):
				t.Errorf("from source: want %t, uses %v:\n%s", test.source, r.uses, r.log)
			}
		})
	}
}

// fakeGo is a folder with a program go that answers "go build -trimpath -o FILE ./cmd/pmcheck" with this very program.
func fakeGo(t *testing.T) string {
	t.Helper()
	program, err := exec.LookPath("pmcheck")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\nset -e\n[ \"$1 $2 $3 $5 $#\" = 'build -trimpath -o ./cmd/pmcheck 5' ]\n[ -f go.mod ]\necho go build of $5\nprintf '#!/bin/sh\\nexec %s \"$@\"\\n' >\"$4\"\nchmod +x \"$4\"\n", program)
	for _, name := range []string{"go", "cc"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestActionFile holds what a runner would refuse, and what the files promise each other.
func TestActionFile(t *testing.T) {
	a := readAction(t)
	if a.Runs.Using != "composite" || a.Name == "" || a.Description == "" {
		t.Errorf("%+v", a)
	}
	for name, input := range a.Inputs {
		if input.Description == "" {
			t.Errorf("input %s has no description", name)
		}
	}
	module, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range a.Runs.Steps {
		if step.Name == "" {
			t.Errorf("a step has no name: %+v", step)
		}
		if step.Uses != "" && !regexp.MustCompile(`(?m)^go `+regexp.QuoteMeta(step.With["go-version"])+`\b`).Match(module) {
			t.Errorf("%s sets up Go %q, and go.mod asks for another", step.Uses, step.With["go-version"])
		}
	}
}

// TestShellcheck looks through the scripts of the action.
func TestShellcheck(t *testing.T) {
	needs(t, "shellcheck")
	scripts, err := filepath.Glob("../../.github/action/*.sh")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	if out, err := exec.Command("shellcheck", scripts...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	for _, script := range scripts { // macOS has bash 3.2
		content, err := os.ReadFile(script)
		if err != nil {
			t.Fatal(err)
		}
		if newer := regexp.MustCompile(`\$\{\w+(,,|\^\^)|mapfile|readarray|declare -A|&>>`).Find(content); newer != nil {
			t.Errorf("%s: %s is not in bash 3.2", script, newer)
		}
	}
}
