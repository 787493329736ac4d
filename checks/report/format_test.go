package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/pmcheck/pmcheck/checks/facts"
)

// samples are results of all kinds.
func samples() map[string]*Result {
	undone := change(suppressed(dropsData(), "kept in the archive"))
	undone.Verdict, undone.Problems = Undone, []string{"rule my-rule: it was stopped after 5s: make it cheaper", "rule other: .pmcheck/policies/other/rule.rego:12: division by zero"}
	incident := incident()
	incident.Address = "https://github.com/acme/orders"
	for _, r := range []*Result{incident, undone} {
		r.Migrations = []facts.Migration{
			{Path: "migrations/0003_drop.up.sql", Direction: "up", Status: "added"},
			{Path: "migrations/0003_drop.down.sql", Direction: "down", Status: "added"},
		}
	}
	removed := Finding{
		Rule: "guardrail-removed", Category: "postmortem", Severity: "error", Title: "A guardrail is taken away", Message: "The post-mortem is deleted", Remedy: "Keep it.",
		Location: facts.Place{Path: "docs/postmortems/1.md", Line: 2, Side: "base"}, Fingerprint: "1c0ffee4",
	}
	sides := change(removed, suppressed(oldCodeBreaks(), "that name is the shipping service's own column; its owner agreed"))
	sides.Sources.Put("base", "docs/postmortems/1.md", []byte("---\nid: PM-1\n"))
	alone := change(missingLockTimeout())
	alone.Alone, alone.Matrix = true, facts.Matrix{}
	alone.Change, alone.BaseName, alone.HeadName = facts.Change{Stage: "local"}, "", ""
	deploying := deploy()
	deploying.Address = "https://github.com/acme/orders"
	return map[string]*Result{
		"incident": incident, "undone": undone, "sides": sides, "deploy": deploying, "hostile": hostile(), "thousand": thousand(), "carets": carets(), "alone": alone,
		"pass": change(), "nothing": {Verdict: Pass, FailOn: "error"}, "zero": {},
	}
}

func written(t *testing.T, format string, r *Result, o Options) string {
	t.Helper()
	i := slices.IndexFunc(Formats(), func(f Format) bool { return f.Name == format })
	if i < 0 {
		t.Fatalf("there is no format %q", format)
	}
	o.Version = "v1.2.3"
	var b bytes.Buffer
	if err := Formats()[i].Write(&b, r, o); err != nil {
		t.Fatalf("%s: %v", format, err)
	}
	return b.String()
}

func TestFormatsAreNamedOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range Formats() {
		if f.Name == "" || f.About == "" || f.Write == nil || seen[f.Name] {
			t.Errorf("format %+v", f)
		}
		seen[f.Name] = true
	}
	if Formats()[0].Name != "text" {
		t.Error("the default is not text")
	}
}

// The forms that are not tested in files of golden reports of their own.
func TestFormatsGolden(t *testing.T) {
	for format, extension := range map[string]string{"sarif": ".sarif", "junit": ".xml", "github": ".github", "gitlab": ".gitlab.json", "rdjson": ".rdjson", "markdown": ".md"} {
		for _, sample := range []string{"incident", "undone", "sides", "deploy", "hostile", "nothing"} {
			t.Run(sample+extension, func(t *testing.T) { golden(t, sample+extension, written(t, format, samples()[sample], Options{})) })
		}
	}
}

// What a repository holds neither moves a cursor nor looks like something else in any format.
func TestFormatsAreInert(t *testing.T) {
	for _, f := range Formats() {
		for name, r := range samples() {
			options := []Options{{}}
			if name == "hostile" {
				options = append(options, Options{Quiet: true}, Options{Verbose: true})
			}
			for _, o := range options {
				got := written(t, f.Name, r, o)
				if !utf8.ValidString(got) {
					t.Errorf("%s of %s is not UTF-8", f.Name, name)
				}
				for _, c := range got {
					if c < 0x20 && c != '\n' || f.Name != "json" && (c >= 0x7f && c < 0xa0 || directional(c)) { // JSON's reader cleans, or does not
						t.Errorf("%s of %s holds %U", f.Name, name, c)
						break
					}
				}
			}
		}
	}
}

// Formats that programs read hold all that was found, whatever a person wants to see.
func TestProgramsReadAll(t *testing.T) {
	for _, format := range []string{"json", "sarif", "junit", "gitlab", "rdjson"} {
		plain := written(t, format, samples()["incident"], Options{})
		if quiet := written(t, format, samples()["incident"], Options{Quiet: true}); quiet != plain {
			t.Errorf("%s: --quiet changes what a program reads", format)
		}
		if !strings.Contains(plain, "drops-data") {
			t.Errorf("%s lacks a warning", format)
		}
	}
	for _, format := range []string{"github", "markdown"} {
		if quiet := written(t, format, samples()["incident"], Options{Quiet: true}); strings.Contains(quiet, "drops-data") || !strings.Contains(quiet, "old-code-breaks") {
			t.Errorf("%s: --quiet shows\n%s", format, quiet)
		}
	}
}

func schema(t testing.TB, name string) *jsonschema.Schema {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", "schemas", name))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	document, err := jsonschema.UnmarshalJSON(file)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(name, document); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// holds tells that a JSON text obeys a schema.
func holds(s *jsonschema.Schema, text string) error {
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return err
	}
	return s.Validate(document)
}

func TestSARIFObeysItsSchema(t *testing.T) {
	s := schema(t, "sarif-2.1.0-rtm.5.json")
	for name, r := range samples() {
		if err := holds(s, written(t, "sarif", r, Options{})); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := holds(s, strings.Replace(written(t, "sarif", incident(), Options{}), `"level": "error"`, `"level": "fatal"`, 1)); err == nil {
		t.Error("the schema takes a level that there is not")
	}
}

func TestRDJSONObeysItsSchema(t *testing.T) {
	s := schema(t, "rdjson-diagnostic-result.json")
	for name, r := range samples() {
		if err := holds(s, written(t, "rdjson", r, Options{})); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := holds(s, strings.Replace(written(t, "rdjson", incident(), Options{}), `"ERROR"`, `"FATAL"`, 1)); err == nil {
		t.Error("the schema takes a severity that there is not")
	}
}

// A Code Quality report is read strictly as GitLab's manual has it (docs.gitlab.com, CI/CD, Code Quality, "Code Quality
// report format"): these five members, all required, these severities, a relative path, a line from 1 on.
func TestGitLabAsDocumented(t *testing.T) {
	for name, r := range samples() {
		d := json.NewDecoder(strings.NewReader(written(t, "gitlab", r, Options{})))
		d.DisallowUnknownFields()
		var issues []struct {
			Description *string `json:"description"`
			CheckName   *string `json:"check_name"`
			Fingerprint *string `json:"fingerprint"`
			Severity    *string `json:"severity"`
			Location    *struct {
				Path  *string `json:"path"`
				Lines *struct {
					Begin *int `json:"begin"`
				} `json:"lines"`
			} `json:"location"`
		}
		if err := d.Decode(&issues); err != nil || issues == nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i, issue := range issues {
			if issue.Description == nil || *issue.Description == "" || issue.CheckName == nil || issue.Fingerprint == nil || issue.Severity == nil ||
				issue.Location == nil || issue.Location.Path == nil || issue.Location.Lines == nil || issue.Location.Lines.Begin == nil {
				t.Errorf("%s: issue %d lacks a member", name, i)
				continue
			}
			if !slices.Contains([]string{"info", "minor", "major", "critical", "blocker"}, *issue.Severity) || *issue.Location.Lines.Begin < 1 || strings.HasPrefix(*issue.Location.Path, "/") {
				t.Errorf("%s: issue %d: %s at %s:%d", name, i, *issue.Severity, *issue.Location.Path, *issue.Location.Lines.Begin)
			}
		}
		active, _ := r.worstFirst()
		if len(issues) != len(active)+len(r.Problems) {
			t.Errorf("%s: %d issues, want %d", name, len(issues), len(active)+len(r.Problems))
		}
	}
}

// A line of the base is not a line of the head: no format points to it as if it were.
func TestBaseLinesAreNotHeadLines(t *testing.T) {
	r := samples()["incident"]
	r.Findings = r.Findings[:1] // old-code-breaks, at line 4 of the base
	var gitlab []gitlabIssue
	if err := json.Unmarshal([]byte(written(t, "gitlab", r, Options{})), &gitlab); err != nil {
		t.Fatal(err)
	}
	if at := gitlab[0].Location; at.Path != "migrations/0003_drop.up.sql" || at.Lines.Begin != 2 {
		t.Errorf("gitlab: %+v", at)
	}
	var rd rdResult
	if err := json.Unmarshal([]byte(written(t, "rdjson", r, Options{})), &rd); err != nil {
		t.Fatal(err)
	}
	for _, l := range append(rd.Diagnostics[0].Related, rdRelated{Location: rd.Diagnostics[0].Location}) {
		if l.Location.Path != "migrations/0003_drop.up.sql" {
			t.Errorf("rdjson: %+v", l)
		}
	}
	var log sarifLog
	if err := json.Unmarshal([]byte(written(t, "sarif", r, Options{})), &log); err != nil {
		t.Fatal(err)
	}
	result := log.Runs[0].Results[0]
	if at := result.Locations[0].Physical; at.Artifact.URI != "migrations/0003_drop.up.sql" || at.Region.StartLine != 2 || at.Region.StartColumn != 23 {
		t.Errorf("sarif: %+v", at)
	}
	if len(result.Related) != 2 {
		t.Fatalf("sarif: %d related locations, want that of the finding and the other", len(result.Related))
	}
	for _, l := range result.Related {
		if l.Physical.Artifact.URI != "internal/store/customers.go" || l.Physical.Artifact.Base != "BASE" || l.Physical.Region != nil || !strings.Contains(l.Message.Text, "internal/store/customers.go:") {
			t.Errorf("sarif: %+v %s", l.Physical, l.Message.Text)
		}
	}
	if got := written(t, "github", r, Options{}); !strings.Contains(got, "::error file=migrations/0003_drop.up.sql,line=2,") || strings.Contains(got, "file=internal") {
		t.Errorf("github:\n%s", got)
	}
	// Nothing of the head has to do with it.
	r, log = samples()["sides"], sarifLog{}
	if got := written(t, "github", r, Options{}); !strings.Contains(got, "::error title=guardrail-removed") {
		t.Errorf("github:\n%s", got)
	}
	if err := json.Unmarshal([]byte(written(t, "sarif", r, Options{})), &log); err != nil {
		t.Fatal(err)
	}
	if at := log.Runs[0].Results[0].Locations[0].Physical; at.Artifact.URI != "docs/postmortems/1.md" || at.Region != nil {
		t.Errorf("sarif: %+v", at)
	}
	if s := log.Runs[0].Results[1].Suppressions; len(s) != 1 || s[0].Kind != "inSource" || !strings.Contains(s[0].Justification, "shipping") {
		t.Errorf("sarif: suppressions %+v", s)
	}
}

// The limits of code scanning, and who is left out.
func TestSARIFKeepsToTheLimits(t *testing.T) {
	r := thousand()
	for len(r.Findings) < sarifResults+1000 {
		r.Findings = append(r.Findings, r.Findings[:1000]...)
	}
	for i := range r.Findings {
		r.Findings[i].Related = slices.Repeat([]Related{{Place: facts.Place{Path: "x.go", Line: i + 1}}}, 3)
	}
	for i := range 300 {
		r.Findings[0].Related = append(r.Findings[0].Related, Related{Place: facts.Place{Path: "y.go", Line: i + 1}})
	}
	var log sarifLog
	if err := json.Unmarshal([]byte(written(t, "sarif", r, Options{})), &log); err != nil {
		t.Fatal(err)
	}
	run := log.Runs[0]
	if len(run.Results) != 5000 {
		t.Errorf("%d results, want 5000", len(run.Results))
	}
	errors := 0
	for _, result := range run.Results {
		if result.Level == "error" {
			errors++
		}
		if len(result.Related) > 100 {
			t.Errorf("%d related locations", len(result.Related))
		}
	}
	if want := r.Summary().Error; errors != want {
		t.Errorf("%d errors are kept, want all %d", errors, want)
	}
	if n := run.Invocations[0].Notifications; len(n) != 1 || !strings.Contains(n[0].Message.Text, "1000 findings left out") {
		t.Errorf("notifications: %+v", n)
	}
	for _, rule := range run.Tool.Driver.Rules {
		if tags := rule.Properties["tags"].([]any); len(tags) > 10 {
			t.Errorf("%d tags", len(tags))
		}
	}
}

// What does not pack well is cut until it fits.
func TestSARIFKeepsToItsSize(t *testing.T) {
	r := change()
	random := uint64(1)
	noise := func() string {
		var b strings.Builder
		for b.Len() < 6_000 {
			random = random*6364136223846793005 + 1442695040888963407
			b.WriteString(strings.ToUpper(string(rune('a' + random>>59%26))))
			b.WriteByte("0123456789abcdef-_.,;:+*"[random>>40%24])
		}
		return b.String()
	}
	for range 100 {
		f := dropsData()
		f.Message = noise()
		r.Findings = append(r.Findings, f)
	}
	const most = 200_000
	_, packed, err := encodeSARIF(r, Options{}, r.Findings, len(r.Findings), most)
	if err != nil || packed <= most {
		t.Fatalf("the test's own result packs to %d bytes: %v", packed, err)
	}
	var b bytes.Buffer
	if err := sarifWithin(&b, r, Options{}, most); err != nil {
		t.Fatal(err)
	}
	var log sarifLog
	if err := json.Unmarshal(b.Bytes(), &log); err != nil {
		t.Fatal(err)
	}
	kept := len(log.Runs[0].Results)
	if _, packed, _ := encodeSARIF(r, Options{}, r.Findings, kept, 0); packed > most || kept < 20 || kept == 100 {
		t.Errorf("%d results are kept, and pack to %d bytes", kept, packed)
	}
	if n := log.Runs[0].Invocations[0].Notifications; len(n) != 1 {
		t.Errorf("notifications: %+v", n)
	}
}

func TestPathURI(t *testing.T) {
	for path, want := range map[string]string{
		"a/b.sql": "a/b.sql", "a b/ü#?%.sql": "a%20b/%C3%BC%23%3F%25.sql", "c:x/d.sql": "c%3Ax/d.sql", "/tmp/x y.sql": "file:///tmp/x%20y.sql",
		"../x.sql": "../x.sql", "a\n\xff": "a%0A%FF", "a\\b": "a%5Cb",
	} {
		if got := pathURI(path); got != want {
			t.Errorf("pathURI(%q) = %q, want %q", path, got, want)
		}
	}
}

// Columns count bytes here and UTF-16 units in SARIF.
func TestSARIFColumns(t *testing.T) {
	sources := Sources{}
	sources.Put("head", "m.sql", []byte("x 注🚀y\n"))
	p := physicalSARIF(facts.Place{Path: "m.sql", Line: 1, Column: len("x 注🚀") + 1}, newLineReader(sources))
	if p.Region.StartColumn != 6 {
		t.Errorf("column %d, want 6: x, space, one unit, two units", p.Region.StartColumn)
	}
}

func TestSamplesCoverAllVerdicts(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(samples())) {
		seen[samples()[name].Verdict] = true
	}
	for _, v := range []string{Pass, Fail, Undone} {
		if !seen[v] {
			t.Errorf("no sample has the verdict %q", v)
		}
	}
}

// Whatever a repository holds, each form stays what it is.
func FuzzFormats(f *testing.F) {
	for i, s := range evil {
		f.Add(s, evil[len(evil)-1-i], 3*i-1, i)
	}
	f.Add("]]></failure><failure>", "\x00\x1b[2J\u202e\ufffe\xff", -5, 1<<40)
	f.Add("{0} [x](1)", "%0A::error::", 1<<31, -1)
	sarif, rd := schema(f, "sarif-2.1.0-rtm.5.json"), schema(f, "rdjson-diagnostic-result.json")
	f.Fuzz(func(t *testing.T, s, other string, line, column int) {
		r := evilResult(s, other)
		for i := range r.Findings {
			r.Findings[i].Location.Line, r.Findings[i].Location.Column = line, column
		}
		r.Rules = append(r.Rules, Rule{ID: "own", Category: s, Severity: other, Title: s, Description: other, Remedy: s, Path: other, OfMigration: true})
		r.Migrations = []facts.Migration{{Path: s, Status: "added"}, {Path: r.Findings[0].Location.Path, Status: "edited"}}
		for _, format := range Formats() {
			got := written(t, format.Name, r, Options{})
			var err error
			switch format.Name {
			case "sarif":
				err = holds(sarif, got)
			case "rdjson":
				err = holds(rd, got)
			case "gitlab", "json":
				err = json.Unmarshal([]byte(got), new(any))
			case "junit":
				var read junitRead
				err = xml.Unmarshal([]byte(got), &read)
				if err == nil && len(read.Suites) != len(map[string]bool{"": true, s: true, r.Findings[0].Location.Path: true}) {
					t.Errorf("%d suites", len(read.Suites))
				}
			}
			if err != nil {
				t.Errorf("%s: %v\n%s", format.Name, err, got)
			}
			for _, c := range got {
				if c < 0x20 && c != '\n' || format.Name != "json" && (c >= 0x7f && c < 0xa0 || directional(c)) {
					t.Errorf("%s holds %U", format.Name, c)
					break
				}
			}
		}
	})
}
