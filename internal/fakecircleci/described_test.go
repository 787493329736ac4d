package fakecircleci

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"go.yaml.in/yaml/v3"
)

// schema is as much of a schema of OpenAPI as the description of API v2 uses.
type schema struct {
	Type       string
	Enum       []any
	Properties map[string]*schema
	Required   []string
	Items      *schema
	Nullable   bool `yaml:"x-nullable"`
}

// later are members that came after the description was written: projects through the GitHub App have trigger_parameters in
// place of vcs, workflows can be run again by themselves, and projects and organizations have ids.
var later = []string{"trigger_parameters", "auto_rerun_number", "max_auto_reruns", "id", "organization_id", "organization_slug"}

// TestAnswersAreAsDescribed holds the answers against CircleCI's own description of API v2.
func TestAnswersAreAsDescribed(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(os.Getenv("PMCHECK_CORPUS"), "circleci-openapi-2021.yml"))
	if os.Getenv("PMCHECK_CORPUS") == "" || errors.Is(err, fs.ErrNotExist) {
		t.Skip("PMCHECK_CORPUS names no folder with circleci-openapi-2021.yml")
	}
	if err != nil {
		t.Fatal(err)
	}
	var described struct {
		Paths map[string]map[string]yaml.Node
	}
	if err := yaml.Unmarshal(content, &described); err != nil {
		t.Fatal(err)
	}
	s := New("gh/acme/orders")
	defer s.Close()
	s.Users = map[string]string{"u": "anna"}
	jobs := []Job{{Name: "build", Status: "success", Stop: "2026-03-03T14:00:00Z"}, {Name: "hold", Type: "approval", Status: "success", Requires: []string{"build"}, ApprovedBy: "u"}, {Name: "deploy", Status: "running"}}
	workflows := []Workflow{{Name: "release", Status: "failed", Stop: "2026-03-03T14:05:00Z", CanceledBy: "u", AutoRerun: 1, Jobs: jobs}, {Name: "release", Status: "running", Tag: "setup", Jobs: jobs}}
	s.Pipelines = []Pipeline{{Number: 3, Tag: "v3", Workflows: workflows}, {Number: 2, Branch: "main", App: true, Workflows: workflows}, {Number: 1, Branch: "main", Fork: true, Workflows: workflows}}
	for path, call := range map[string]string{
		"/project/{project-slug}":          "/project/gh/acme/orders",
		"/project/{project-slug}/pipeline": "/project/gh/acme/orders/pipeline",
		"/pipeline/{pipeline-id}":          "/pipeline/" + id('a', 1, 0),
		"/pipeline/{pipeline-id}/workflow": "/pipeline/" + id('a', 2, 0) + "/workflow",
		"/workflow/{id}/job":               "/workflow/" + id('b', 2, 0) + "/job",
		"/user/{id}":                       "/user/u",
	} {
		get, ok := described.Paths[path]["get"]
		if !ok {
			t.Errorf("%s is not described", path)
			continue
		}
		var operation struct {
			Responses map[string]struct {
				Content map[string]struct{ Schema *schema }
			}
		}
		if err := get.Decode(&operation); err != nil {
			t.Fatal(path, err)
		}
		want := operation.Responses["200"].Content["application/json"].Schema
		if want == nil {
			t.Errorf("%s has no schema", path)
			continue
		}
		request, _ := http.NewRequest(http.MethodGet, s.Address()+call, nil)
		request.Header.Set("Authorization", "Bearer "+Token)
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		var got any
		err = json.NewDecoder(answer.Body).Decode(&got)
		answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Errorf("%s: %d, %v", call, answer.StatusCode, err)
			continue
		}
		for _, problem := range want.differs(path, got) {
			t.Error(problem)
		}
	}
}

// differs says where a value is not as the schema has it.
func (s *schema) differs(at string, value any) (problems []string) {
	wrong := func(format string, args ...any) { problems = append(problems, at+": "+fmt.Sprintf(format, args...)) }
	switch v := value.(type) {
	case nil:
		if !s.Nullable {
			wrong("null")
		}
	case map[string]any:
		if s.Type != "object" && s.Properties == nil {
			wrong("an object, not %s", s.Type)
		}
		for _, name := range s.Required {
			if _, there := v[name]; !there {
				wrong("%s is missing", name)
			}
		}
		for name, member := range v {
			if inner := s.Properties[name]; inner != nil {
				problems = append(problems, inner.differs(at+"."+name, member)...)
			} else if s.Properties != nil && !slices.Contains(later, name) {
				wrong("%s is not described", name)
			}
		}
	case []any:
		if s.Type != "array" {
			wrong("a list, not %s", s.Type)
			break
		}
		for _, item := range v {
			problems = append(problems, s.Items.differs(at+"[]", item)...)
		}
	case string:
		if s.Type != "" && s.Type != "string" {
			wrong("a text, not %s", s.Type)
		}
		if len(s.Enum) > 0 && !slices.Contains(s.Enum, any(v)) {
			wrong("%q is none of %v", v, s.Enum)
		}
	case float64:
		if s.Type != "integer" && s.Type != "number" {
			wrong("a number, not %s", s.Type)
		}
	}
	return problems
}
