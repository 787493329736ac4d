package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// action is action.yml as a runner reads it.
type action struct {
	Name, Description string
	Inputs            map[string]struct{ Description, Default string }
	Outputs           map[string]struct{ Description, Value string }
	Runs              struct {
		Using string
		Steps []struct {
			Name, ID, If, Uses, Shell, Run string
			Dir                            string `yaml:"working-directory"`
			Env, With                      map[string]string
		}
	}
}

func readAction(t *testing.T) action {
	t.Helper()
	content, err := os.ReadFile("../../action.yml")
	if err != nil {
		t.Fatal(err)
	}
	var a action
	if err := yaml.Unmarshal(content, &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// runner runs the steps of action.yml as a runner of GitHub Actions does: it evaluates the expressions, gives each script to
// bash with the files for outputs, environment and summary, and reads workflow commands from what a step prints.
type runner struct {
	t         *testing.T
	inputs    map[string]string
	workspace string
	ref       string            // of the action: pmcheck/pmcheck@REF
	env       map[string]string // of the job
	path      string            // folders before PATH
	last      string            // the step to stop after; "" is all

	steps    map[string]map[string]string
	uses     []string
	log      string
	commands []string
	summary  string
	status   int
	outputs  map[string]string
}

func newRunner(t *testing.T, workspace string) *runner {
	t.Helper()
	for _, program := range []string{"bash", "curl", "tar"} {
		needs(t, program)
	}
	return &runner{t: t, inputs: map[string]string{}, workspace: workspace, env: map[string]string{}}
}

// needs skips a test on a machine without a program.
func needs(t testing.TB, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		if os.Getenv("PMCHECK_REQUIRE_TOOLS") != "" {
			t.Fatalf("%s is not installed, and PMCHECK_REQUIRE_TOOLS asks for it", program)
		}
		t.Skipf("%s is not installed", program)
	}
}

func (r *runner) run() {
	t := r.t
	t.Helper()
	a := readAction(t)
	for name := range r.inputs {
		if _, ok := a.Inputs[name]; !ok {
			t.Fatalf("action.yml has no input %s", name)
		}
	}
	actionPath, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	temp := t.TempDir()
	r.steps = map[string]map[string]string{}
	value := func(expression string) string {
		switch expression = strings.TrimSpace(expression); {
		case strings.HasPrefix(expression, "inputs."):
			name := strings.TrimPrefix(expression, "inputs.")
			input, ok := a.Inputs[name]
			if !ok {
				t.Fatalf("action.yml uses the input %s, which it does not have", name)
			}
			if v, ok := r.inputs[name]; ok {
				return v
			}
			return input.Default
		case expression == "github.action_ref":
			return r.ref
		case expression == "''":
			return ""
		}
		var id, output string
		if n, _ := fmt.Sscanf(strings.ReplaceAll(expression, ".", " "), "steps %s outputs %s", &id, &output); n != 2 {
			t.Fatalf("the expression %q is not one that this test knows", expression)
		}
		return r.steps[id][output]
	}
	evaluate := func(text string) string {
		return regexp.MustCompile(`\$\{\{(.*?)\}\}`).ReplaceAllStringFunc(text, func(e string) string {
			for alternative := range strings.SplitSeq(e[3:len(e)-2], "||") {
				if v := value(alternative); v != "" {
					return v
				}
			}
			return ""
		})
	}
	r.status = 0
	for i, step := range a.Runs.Steps {
		if r.last != "" && i > 0 && a.Runs.Steps[i-1].Name == r.last {
			break
		}
		if left, right, ok := strings.Cut(step.If, "=="); ok && value(left) != value(right) {
			continue
		}
		if r.status != 0 {
			break
		}
		if step.Uses != "" {
			r.uses = append(r.uses, step.Uses)
			continue
		}
		if strings.Contains(step.Run, "${{") {
			t.Errorf("step %q writes an expression into its script", step.Name)
		}
		if step.Shell != "bash" {
			t.Fatalf("step %q: shell %q", step.Name, step.Shell)
		}
		script := filepath.Join(temp, fmt.Sprintf("step%d.sh", i))
		files := map[string]string{}
		for _, name := range []string{"GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_STEP_SUMMARY"} {
			files[name] = filepath.Join(temp, fmt.Sprintf("%s%d", name, i))
			r.write(files[name], "")
		}
		r.write(files["GITHUB_STEP_SUMMARY"], "before\n")
		r.write(script, step.Run)
		env := map[string]string{
			"PATH": os.Getenv("PATH"), "HOME": temp, "RUNNER_TEMP": temp, "CI": "true", "GITHUB_ACTIONS": "true",
			"GITHUB_WORKSPACE": r.workspace, "GITHUB_ACTION_PATH": actionPath, "GIT_CONFIG_NOSYSTEM": "1",
		}
		if r.path != "" {
			env["PATH"] = r.path + string(os.PathListSeparator) + env["PATH"]
		}
		maps.Copy(env, files)
		maps.Copy(env, r.env)
		for name, expression := range step.Env {
			env[name] = evaluate(expression)
		}
		cmd := exec.Command("bash", "--noprofile", "--norc", "-e", "-o", "pipefail", script)
		cmd.Dir = filepath.Join(r.workspace, evaluate(step.Dir))
		for name, v := range env {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			r.status = exit.ExitCode()
		} else if err != nil {
			t.Fatal(err)
		}
		r.log += string(out)
		r.take(string(out))
		r.steps[step.ID] = r.pairs(files["GITHUB_OUTPUT"])
		if len(r.pairs(files["GITHUB_ENV"])) > 0 {
			t.Errorf("step %q sets the environment of the job's other steps", step.Name)
		}
		r.summary = r.read(files["GITHUB_STEP_SUMMARY"])
	}
	r.outputs = map[string]string{}
	for name, output := range a.Outputs {
		r.outputs[name] = evaluate(output.Value)
	}
}

// take reads workflow commands.
func (r *runner) take(out string) {
	stopped := ""
	for line := range strings.Lines(out) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case stopped != "":
			if line == "::"+stopped+"::" {
				stopped = ""
			}
		case strings.HasPrefix(line, "::stop-commands::"):
			stopped = strings.TrimPrefix(line, "::stop-commands::")
		case strings.HasPrefix(line, "::"), strings.HasPrefix(line, "##["):
			r.commands = append(r.commands, line)
		}
	}
}

func (r *runner) pairs(path string) map[string]string {
	out := map[string]string{}
	s := bufio.NewScanner(strings.NewReader(r.read(path)))
	for s.Scan() {
		name, v, ok := strings.Cut(s.Text(), "=")
		if !ok {
			r.t.Errorf("%s: line %q", filepath.Base(path), s.Text())
		}
		out[name] = v
	}
	return out
}

func (r *runner) write(path, content string) {
	r.t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
		r.t.Fatal(err)
	}
}

func (r *runner) read(path string) string {
	r.t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(content)
}

// event writes the payload that the job runs for, the recorded one with our commits in it where PMCHECK_GITHUB_PAYLOADS
// has them.
func (r *runner) event(name string, fill map[string]any) {
	r.t.Helper()
	payload := map[string]any{}
	if folder := os.Getenv("PMCHECK_GITHUB_PAYLOADS"); folder != "" {
		var recorded []struct {
			Name     string
			Examples []map[string]any
		}
		if err := json.Unmarshal([]byte(r.read(filepath.Join(folder, "webhook-examples.json"))), &recorded); err != nil {
			r.t.Fatal(err)
		}
		for _, e := range recorded {
			if e.Name == name {
				payload = e.Examples[0]
			}
		}
	}
	merge(payload, fill)
	content, err := json.Marshal(payload)
	if err != nil {
		r.t.Fatal(err)
	}
	path := filepath.Join(r.t.TempDir(), "event.json")
	r.write(path, string(content))
	r.env["GITHUB_EVENT_NAME"], r.env["GITHUB_EVENT_PATH"] = name, path
}

func merge(to, from map[string]any) {
	for key, value := range from {
		inner, ok := value.(map[string]any)
		there, ok2 := to[key].(map[string]any)
		if ok && ok2 {
			merge(there, inner)
			continue
		}
		to[key] = value
	}
}

// releases serves releases that hold this very program, as the download pages of GitHub do.
func releases(t *testing.T, versions ...string) string {
	t.Helper()
	program, err := exec.LookPath("pmcheck")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, version := range versions {
		name := fmt.Sprintf("pmcheck_%s_%s_%s.tar.gz", strings.TrimPrefix(version, "v"), runtime.GOOS, runtime.GOARCH)
		var archive bytes.Buffer
		zip := gzip.NewWriter(&archive)
		w := tar.NewWriter(zip)
		script := fmt.Sprintf("#!/bin/sh\nexec '%s' \"$@\"\n", program)
		for name, content := range map[string]string{"README.md": "read me\n", "pmcheck": script} {
			if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(content))}); err != nil {
				t.Fatal(err)
			}
			io.WriteString(w, content)
		}
		w.Close()
		zip.Close()
		sum := fmt.Sprintf("%x", sha256.Sum256(archive.Bytes()))
		if strings.HasSuffix(version, "-tampered") {
			sum = strings.Repeat("0", 64)
		}
		sums := []byte(fmt.Sprintf("%x  pmcheck_0_plan9_mips.tar.gz\n%s  %s\n%x  pmcheck_%s.sbom.json\n", sha256.Sum256(nil), sum, name, sha256.Sum256(nil), version))
		for _, folder := range []string{"/releases/download/" + version + "/", "/releases/latest/download/"} { // the last one is the latest
			files[folder+"checksums.txt"], files[folder+name] = sums, archive.Bytes()
		}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, ok := files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Write(content)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/releases/download"
}

// service is a repository "on GitHub" in which main has a migration and the branch change builds an index under a lock.
type service struct {
	t   *testing.T
	dir string
}

func newService(t *testing.T) service {
	t.Helper()
	s := service{t, t.TempDir()}
	s.git("init", "-q", "-b", "main")
	s.commit("db/migrations/0001_users.up.sql", "CREATE TABLE users (id bigint PRIMARY KEY, email text);\n")
	s.commit("db/migrations/0001_users.down.sql", "DROP TABLE users;\n")
	for i := range 3 {
		s.commit("README.md", fmt.Sprintf("version %d\n", i))
	}
	s.git("checkout", "-q", "-b", "change")
	s.commit("db/migrations/0002_index.up.sql", "CREATE INDEX users_email_idx ON users (email);\n")
	s.commit("db/migrations/0002_index.down.sql", "DROP INDEX CONCURRENTLY users_email_idx;\n")
	s.git("checkout", "-q", "main")
	return s
}

func (s service) git(args ...string) string {
	s.t.Helper()
	return gitIn(s.t, s.dir, args...)
}

func (s service) id(revision string) string { return s.git("rev-parse", revision+"^{commit}") }

func (s service) commit(path, content string) string {
	s.t.Helper()
	file := filepath.Join(s.dir, filepath.FromSlash(path))
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(content), 0o644)); err != nil {
		s.t.Fatal(err)
	}
	s.git("add", "-A")
	s.git("commit", "-q", "-m", "edit "+path)
	return s.id("HEAD")
}

// merged is what GitHub makes of a pull request: its merge into main, on no branch.
func (s service) merged(branch string) string {
	s.t.Helper()
	s.git("checkout", "-q", "--detach", "main")
	s.git("merge", "-q", "--no-ff", "-m", "Merge", branch)
	defer s.git("checkout", "-q", "main")
	s.git("update-ref", "refs/pull/1/merge", "HEAD")
	return s.id("HEAD")
}

// checkout is what actions/checkout leaves: a commit, detached, with so much history; 0 is all of all branches.
func (s service) checkout(commit string, depth int) string {
	s.t.Helper()
	dir := s.t.TempDir()
	gitIn(s.t, dir, "init", "-q")
	gitIn(s.t, dir, "remote", "add", "origin", "file://"+filepath.ToSlash(s.dir))
	if depth == 0 {
		gitIn(s.t, dir, "fetch", "-q", "--prune", "--no-recurse-submodules", "origin", "+refs/heads/*:refs/remotes/origin/*", commit)
	} else {
		gitIn(s.t, dir, "fetch", "-q", "--no-tags", "--prune", "--no-recurse-submodules", fmt.Sprintf("--depth=%d", depth), "origin", commit)
	}
	gitIn(s.t, dir, "checkout", "-q", "--force", "--detach", commit)
	return dir
}

func gitIn(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GIT_") }),
		"GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=c", "GIT_COMMITTER_EMAIL=c@example.com")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
