package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/rego"
	"go.yaml.in/yaml/v3"
)

const src = "../src"

func TestPackedOrbIsUpToDate(t *testing.T) {
	want, err := pack(src)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../orb.yml")
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("orb/orb.yml is not what orb/src makes it (%v): run go run ./orb/pack", err)
	}
}

func TestPack(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("@orb.yml", "version: 2.1\n")
	write("commands/greet.yml", "steps:\n  - run:\n      name: Greet\n      command: <<include(scripts/greet.sh)>>\n")
	write("scripts/greet.sh", "echo \"hello\"\n\n# \\ # end\n")
	packed, err := pack(dir)
	if err != nil {
		t.Fatal(err)
	}
	var orb struct {
		Commands map[string]struct {
			Steps []struct{ Run struct{ Command string } }
		}
	}
	if err := yaml.Unmarshal(packed, &orb); err != nil || orb.Commands["greet"].Steps[0].Run.Command != "echo \"hello\"\n\n# \\ # end\n" {
		t.Errorf("%v\n%s", err, packed)
	}
	write("scripts/greet.sh", "cat <<EOF\n")
	if _, err := pack(dir); err == nil || !strings.Contains(err.Error(), "scripts/greet.sh holds \"<<\"") {
		t.Errorf("a script with << is packed: %v", err)
	}
	write("commands/greet.yml", "steps: [{run: {command: <<include(scripts/nowhere.sh)>>}}]\n")
	if _, err := pack(dir); err == nil {
		t.Error("a script that is not there is packed")
	}
}

// config is a configuration of CircleCI, or a piece of one, with where it stands.
type config struct {
	name string
	text []byte
}

// configs are all whole configurations of this repository: its own, the orb's examples, and those in the documentation.
func configs(t *testing.T) []config {
	t.Helper()
	var all []config
	own, err := os.ReadFile("../../.circleci/config.yml")
	if err != nil {
		t.Fatal(err)
	}
	all = append(all, config{".circleci/config.yml", own})
	examples, err := filepath.Glob(src + "/examples/*.yml")
	if err != nil || len(examples) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, file := range examples {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var example struct{ Usage yaml.Node }
		if err := yaml.Unmarshal(content, &example); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		usage, err := yaml.Marshal(&example.Usage)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, config{filepath.Base(file), usage})
	}
	for _, name := range []string{"docs/circleci.md", "docs/rollback.md"} {
		page, err := os.ReadFile("../../" + name)
		if err != nil {
			t.Fatal(err)
		}
		blocks := regexp.MustCompile("(?s)```yaml\n(version: 2\\.1\n.*?)```").FindAllSubmatch(page, -1)
		if len(blocks) == 0 {
			t.Errorf("%s has no configuration", name)
		}
		for i, block := range blocks {
			all = append(all, config{fmt.Sprintf("%s, configuration %d", name, i+1), block[1]})
		}
	}
	return all
}

// asJSON is a YAML document in the types of JSON.
func asJSON(t *testing.T, text []byte) map[string]any {
	t.Helper()
	var value map[string]any
	if err := yaml.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(encoded, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestSchema holds every configuration, and the orb as an inline one, to CircleCI's schema (circleci-yaml-language-server,
// schema.json), whose path is in PMCHECK_CIRCLECI_SCHEMA.
func TestSchema(t *testing.T) {
	path := os.Getenv("PMCHECK_CIRCLECI_SCHEMA")
	if path == "" {
		t.Skip("PMCHECK_CIRCLECI_SCHEMA names no schema of .circleci/config.yml")
	}
	schema, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	valid := func(document map[string]any) string {
		results, err := rego.New(rego.Query("json.match_schema(input.document, input.schema)"), rego.Input(map[string]any{"document": document, "schema": string(schema)})).Eval(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		answer := results[0].Expressions[0].Value.([]any)
		if answer[0] == true {
			return ""
		}
		return fmt.Sprint(answer[1])
	}
	for _, c := range configs(t) {
		if wrong := valid(asJSON(t, c.text)); wrong != "" {
			t.Errorf("%s: %s", c.name, wrong)
		}
	}
	packed, err := pack(src)
	if err != nil {
		t.Fatal(err)
	}
	orb := asJSON(t, packed)
	inline := map[string]any{}
	for _, kind := range []string{"commands", "jobs", "executors"} {
		inline[kind] = orb[kind]
	}
	document := map[string]any{"version": 2.1, "orbs": map[string]any{"pmcheck": inline}, "workflows": map[string]any{"w": map[string]any{"jobs": []any{"pmcheck/check"}}}}
	if wrong := valid(document); wrong != "" {
		t.Errorf("the orb: %s", wrong)
	}
	// The judge must be able to say no.
	inline["jobs"].(map[string]any)["check"].(map[string]any)["steps"] = "checkout"
	if valid(document) == "" || valid(map[string]any{"jobs": 5}) == "" {
		t.Error("the schema takes anything")
	}
}

// element is a command, job or executor of the orb.
type element struct {
	Description string
	Parameters  map[string]parameter
	Steps       []any
}

type parameter struct {
	Type        string
	Default     any
	Description string
	Enum        []string
}

type orb struct {
	Version     string
	Description string
	Display     struct {
		HomeURL   string `yaml:"home_url"`
		SourceURL string `yaml:"source_url"`
	}
	Executors, Commands, Jobs map[string]element
	Examples                  map[string]struct {
		Description string
		Usage       map[string]any
	}
}

func packedOrb(t *testing.T) orb {
	t.Helper()
	packed, err := pack(src)
	if err != nil {
		t.Fatal(err)
	}
	var o orb
	if err := yaml.Unmarshal(packed, &o); err != nil {
		t.Fatal(err)
	}
	return o
}

// runs calls do for every run step, those within when and unless too.
func runs(steps []any, do func(run any)) {
	for _, step := range steps {
		m, ok := step.(map[string]any)
		if !ok {
			continue
		}
		if run, ok := m["run"]; ok {
			do(run)
		}
		for _, condition := range []string{"when", "unless"} {
			if inner, ok := m[condition].(map[string]any); ok {
				list, _ := inner["steps"].([]any)
				runs(list, do)
			}
		}
	}
}

// TestReview holds the orb to what orb-tools reviews (orb-tools-orb, src/scripts/review.bats), by the numbers of its checks;
// 6 and 7 ask the network, and here for a well-formed address.
func TestReview(t *testing.T) {
	o := packedOrb(t)
	snake := regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
	address := regexp.MustCompile(`^https://github\.com/pmcheck/pmcheck(/[\w./-]*)?$`)
	wrong := func(number int, format string, args ...any) {
		t.Errorf("RC%03d: %s", number, fmt.Sprintf(format, args...))
	}
	if o.Display.SourceURL == "" {
		wrong(1, "no source_url")
	}
	if len(o.Examples) == 0 {
		wrong(3, "no example")
	}
	if len(o.Description) < 64 {
		wrong(5, "the description has %d characters", len(o.Description))
	}
	if !address.MatchString(o.Display.SourceURL) {
		wrong(6, "source_url %q", o.Display.SourceURL)
	}
	if !address.MatchString(o.Display.HomeURL) {
		wrong(7, "home_url %q", o.Display.HomeURL)
	}
	for name, example := range o.Examples {
		if example.Description == "" {
			wrong(2, "example %s has no description", name)
		}
		if strings.Contains(name, "example") {
			wrong(4, "%s", name)
		}
		if !snake.MatchString(name) {
			wrong(10, "example %s", name)
		}
		for orb, version := range example.Usage["orbs"].(map[string]any) {
			if want := map[string]string{"pmcheck": "pmcheck/pmcheck@0.1", "slack": "circleci/slack@6"}[orb]; version != want {
				wrong(11, "example %s uses %v, want %s", name, version, want)
			}
		}
	}
	for kind, elements := range map[string]map[string]element{"executor": o.Executors, "command": o.Commands, "job": o.Jobs} {
		if len(elements) == 0 {
			t.Errorf("the orb has no %s", kind)
		}
		for name, e := range elements {
			if e.Description == "" {
				wrong(2, "%s %s has no description", kind, name)
			}
			if !snake.MatchString(name) {
				wrong(10, "%s %s", kind, name)
			}
			runs(e.Steps, func(run any) {
				step, ok := run.(map[string]any)
				if !ok || step["name"] == nil {
					wrong(8, "%s %s has a run step without a name", kind, name)
				}
			})
			for key, p := range e.Parameters {
				at := fmt.Sprintf("%s %s, parameter %s", kind, name, key)
				if !snake.MatchString(key) {
					wrong(10, "%s", at)
				}
				if p.Description == "" {
					wrong(2, "%s has no description", at)
				}
				// A "$" in a default would be text, and not the value of the variable.
				if value, ok := p.Default.(string); ok && strings.Contains(value, "$") {
					wrong(12, "%s has the default %q", at, value)
				}
				if strings.HasSuffix(key, "_token") && p.Type != "env_var_name" {
					t.Errorf("%s: a token is given by the name of its variable", at)
				}
				if (strings.HasSuffix(key, "_timeout") || strings.HasSuffix(key, "_wait")) && p.Type != "integer" {
					t.Errorf("%s: a wait is given in seconds", at)
				}
				if p.Type == "enum" && !slices.Contains(p.Enum, fmt.Sprint(p.Default)) {
					t.Errorf("%s: the default %v is none of %v", at, p.Default, p.Enum)
				}
			}
		}
	}
	// Commands that are long are files of their own.
	for _, folder := range []string{"commands", "jobs"} {
		files, _ := filepath.Glob(src + "/" + folder + "/*.yml")
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var e element
			if err := yaml.Unmarshal(content, &e); err != nil {
				t.Fatal(err)
			}
			runs(e.Steps, func(run any) {
				if command, _ := run.(map[string]any)["command"].(string); len(command) > 64 && !strings.Contains(command, "<<include(") {
					wrong(9, "%s: %s", file, command)
				}
			})
		}
	}
}

var used = regexp.MustCompile(`<<\s*parameters\.(\w+)\s*>>`)

// TestParameters: every parameter does something, and none is used that is not there.
func TestParameters(t *testing.T) {
	o := packedOrb(t)
	packed, err := pack(src)
	if err != nil {
		t.Fatal(err)
	}
	raw := asJSON(t, packed)
	for kind, elements := range map[string]map[string]element{"executors": o.Executors, "commands": o.Commands, "jobs": o.Jobs} {
		for name, e := range elements {
			text, err := yaml.Marshal(raw[kind].(map[string]any)[name])
			if err != nil {
				t.Fatal(err)
			}
			uses := map[string]bool{}
			for _, m := range used.FindAllSubmatch(text, -1) {
				uses[string(m[1])] = true
				if _, ok := e.Parameters[string(m[1])]; !ok {
					t.Errorf("%s %s uses the parameter %s, which it does not have", kind, name, m[1])
				}
			}
			for key := range e.Parameters {
				if !uses[key] {
					t.Errorf("%s %s has the parameter %s and does nothing with it", kind, name, key)
				}
			}
		}
	}
	// What goes into a script's environment is read there, and the other way round.
	for command, script := range map[string]string{"install": "install.sh", "check": "check.sh", "deploy_health": "deploy_health.sh", "deploy_gate": "deploy_gate.sh", "deploy_notify": "deploy_notify.sh", "deploy_rollback": "deploy_rollback.sh"} {
		content, err := os.ReadFile(filepath.Join(src, "scripts", script))
		if err != nil {
			t.Fatal(err)
		}
		variables := map[string]bool{}
		runs(o.Commands[command].Steps, func(run any) {
			for name := range run.(map[string]any)["environment"].(map[string]any) {
				variables[name] = true
				if !bytes.Contains(content, []byte(name)) {
					t.Errorf("%s does not read %s", script, name)
				}
			}
		})
		for _, name := range regexp.MustCompile(`PARAM_\w+`).FindAllString(string(content), -1) {
			if !variables[name] {
				t.Errorf("%s reads %s, which %s does not set", script, name, command)
			}
		}
	}
	for name, e := range o.Jobs {
		for _, step := range e.Steps {
			checkCall(t, "job "+name, step, o.Commands, "")
		}
	}
}

// TestUses: the configurations give the orb's commands and jobs parameters that these have, in the right form, and require
// jobs that there are.
func TestUses(t *testing.T) {
	o := packedOrb(t)
	for _, c := range configs(t) {
		var parsed struct {
			Jobs      map[string]struct{ Steps []any }
			Workflows map[string]struct{ Jobs []any }
		}
		if err := yaml.Unmarshal(c.text, &parsed); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		for name, job := range parsed.Jobs {
			for _, step := range job.Steps {
				checkCall(t, c.name+", job "+name, step, o.Commands, "pmcheck/")
			}
		}
		for name, workflow := range parsed.Workflows {
			there := map[string]bool{}
			for _, call := range workflow.Jobs {
				checkCall(t, c.name+", workflow "+name, call, o.Jobs, "pmcheck/")
				called, arguments := split(call)
				if alias, ok := arguments["name"].(string); ok {
					called = alias
				}
				there[called] = true
				if _, ok := parsed.Jobs[called]; !ok && !strings.Contains(called, "/") && arguments["name"] == nil && arguments["type"] == nil {
					t.Errorf("%s: workflow %s runs the job %s, which is not there", c.name, name, called)
				}
			}
			for _, call := range workflow.Jobs {
				_, arguments := split(call)
				required, _ := arguments["requires"].([]any)
				for _, r := range required {
					if of, _ := split(r); !there[of] {
						t.Errorf("%s: workflow %s requires %s, which it does not run", c.name, name, of)
					}
				}
			}
		}
	}
}

// split is the name and the arguments of a step, a job of a workflow, or a requirement.
func split(call any) (string, map[string]any) {
	switch call := call.(type) {
	case string:
		return call, nil
	case map[string]any:
		for name, arguments := range call {
			m, _ := arguments.(map[string]any)
			return name, m
		}
	}
	return "", nil
}

// ofWorkflows are the arguments that every job of a workflow takes.
var ofWorkflows = []string{"name", "requires", "context", "filters", "matrix", "pre-steps", "post-steps", "serial-group", "type"}

func checkCall(t *testing.T, at string, call any, elements map[string]element, prefix string) {
	t.Helper()
	name, arguments := split(call)
	own, ok := strings.CutPrefix(name, prefix)
	if !ok {
		return
	}
	e, ok := elements[own]
	if !ok {
		if prefix != "" {
			t.Errorf("%s: the orb has no %s", at, own)
		}
		return
	}
	for key, value := range arguments {
		p, ok := e.Parameters[key]
		if !ok {
			if prefix == "" || !slices.Contains(ofWorkflows, key) {
				t.Errorf("%s: %s has no parameter %s", at, name, key)
			}
			continue
		}
		given := fmt.Sprint(value)
		if p.Type == "enum" && !strings.Contains(given, "<<") && !slices.Contains(p.Enum, given) {
			t.Errorf("%s: %s: %s is none of %v", at, key, given, p.Enum)
		}
	}
	for key, p := range e.Parameters {
		if _, ok := arguments[key]; !ok && p.Default == nil {
			t.Errorf("%s: %s needs the parameter %s", at, name, key)
		}
	}
}
