package checks_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/rego"
	"golang.org/x/tools/txtar"

	"github.com/pmcheck/pmcheck/checks"
	"github.com/pmcheck/pmcheck/checks/example"
	"github.com/pmcheck/pmcheck/checks/facts"
	"github.com/pmcheck/pmcheck/checks/report"
)

var update = flag.Bool("update", false, "write the expected reports of testdata anew")

// now is the time of every check in the tests.
var now = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// TestExamples checks whole changes. An archive holds the files of the base and of
// the head (see package example) and what is expected:
//
//	want/findings.txt   every finding as "severity rule path:line", or "error: " and
//	                    part of the error; written by hand, so that an update of the
//	                    reports cannot lose what an example is for
//	want/report.txt     the text report, with <base> and <head> for the commits
//	want/report.json    the JSON, where an archive has it
//
// go test -update writes the reports anew.
func TestExamples(t *testing.T) {
	archives, err := filepath.Glob("../testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no example in testdata: %v", err)
	}
	for _, path := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			t.Parallel()
			checkExample(t, path)
		})
	}
}

func checkExample(t *testing.T, path string) {
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	files := archive
	if filepath.Base(path) == "incident.txtar" {
		files = example.Incident()
	}
	repo, err := example.Write(t.Context(), files, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	o := checks.Options{Repo: repo.Dir, Base: repo.Base, Head: repo.Head, Now: now}
	if document, err := checks.Facts(t.Context(), o); err == nil {
		obeysSchema(t, document)
	}
	r, err := checks.Check(t.Context(), o)
	if err != nil {
		got["want/findings.txt"] = "error: " + err.Error() + "\n"
		got["want/report.txt"] = fmt.Sprintf("wrong use: %v\n%v\n", errors.Is(err, checks.ErrUse), err)
	} else {
		commits := regexp.MustCompile(`\b[0-9a-f]{9,40}\b`)
		named := func(id string) string {
			switch {
			case strings.HasPrefix(r.Change.Base, id):
				return "<base>"
			case strings.HasPrefix(r.Change.Head, id):
				return "<head>"
			}
			return id
		}
		got["want/findings.txt"] = listed(r)
		var text, encoded bytes.Buffer
		if err := report.Text(&text, r, report.Options{}); err != nil {
			t.Fatal(err)
		}
		if err := report.JSON(&encoded, r); err != nil {
			t.Fatal(err)
		}
		got["want/report.txt"], got["want/report.json"] = commits.ReplaceAllStringFunc(text.String(), named), commits.ReplaceAllStringFunc(encoded.String(), named)
	}
	changed := false
	for i, f := range archive.Files {
		is, expected := got[f.Name]
		if !expected || string(f.Data) == is {
			continue
		}
		if *update && f.Name != "want/findings.txt" {
			archive.Files[i].Data, changed = []byte(is), true
			continue
		}
		t.Errorf("%s differs (-want +got):\n%s", f.Name, cmp.Diff(string(f.Data), is))
	}
	for _, name := range []string{"want/findings.txt", "want/report.txt"} {
		if slices.ContainsFunc(archive.Files, func(f txtar.File) bool { return f.Name == name }) {
			continue
		}
		if !*update || name == "want/findings.txt" {
			t.Errorf("%s is missing:\n%s", name, got[name])
			continue
		}
		archive.Files, changed = append(archive.Files, txtar.File{Name: name, Data: []byte(got[name])}), true
	}
	if changed {
		if err := os.WriteFile(path, txtar.Format(archive), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

func obeysSchema(t *testing.T, document *facts.Facts) {
	t.Helper()
	encoded, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	results, err := rego.New(
		rego.Query("json.match_schema(input.document, input.schema)"),
		rego.Input(map[string]any{"document": string(encoded), "schema": string(facts.Schema())}),
	).Eval(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if answer := results[0].Expressions[0].Value.([]any); answer[0] != true {
		t.Errorf("the facts do not obey their schema: %v", answer[1])
	}
}

// listed are the findings of a result, a line each.
func listed(r *report.Result) string {
	var b strings.Builder
	for _, f := range r.Findings {
		severity := f.Severity
		if f.Suppressed {
			severity = "suppressed"
		}
		fmt.Fprintf(&b, "%s %s %s:%d\n", severity, f.Rule, f.Location.Path, f.Location.Line)
	}
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "problem %s\n", p)
	}
	return b.String()
}
