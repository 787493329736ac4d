package policy_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pmcheck/pmcheck/checks/facts"
	"github.com/pmcheck/pmcheck/checks/policy"
)

const metadata = `# METADATA
# title: No index
# description: Nobody may build an index.
# custom:
#   severity: warning
#   on: [create_index]
`

// own is a project's rule with this id and this text behind its METADATA.
func own(id, text string) string {
	return metadata + `package pmcheck.rules["` + id + `"]` + "\n\n" + text
}

const noIndex = `import data.pmcheck.lib.finding

findings contains finding.at(statement.place, message) if {
	some statement in input.migrations[_].statements
	statement.kind == "create_index"
	message := sprintf("index %s", [statement.name])
}
`

func load(t *testing.T, files map[string]string) *policy.Engine {
	t.Helper()
	own := map[string][]byte{}
	for path, text := range files {
		own[path] = []byte(text)
	}
	e, err := policy.Load(policy.Options{Own: own})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func ofRule(findings []policy.Finding, rule string) (of []policy.Finding) {
	for _, f := range findings {
		if f.Rule == rule {
			of = append(of, f)
		}
	}
	return of
}

func TestOwnRule(t *testing.T) {
	e := load(t, map[string]string{
		".pmcheck/policies/no-index/rule.rego": strings.Replace(own("no-index", noIndex), "# custom:\n", "# custom:\n#   action_items: [PM-2026-001/AI-1]\n#   options: {most: 3, ratio: 0.5}\n", 1),
		"README.rego":                          "package somewhere.else",
	})
	at := slices.IndexFunc(e.Rules(), func(r policy.Rule) bool { return r.ID == "no-index" })
	if at < 0 {
		t.Fatal("no-index is not among the rules")
	}
	r := e.Rules()[at]
	if !r.Own || r.Category != "own" || r.Title != "No index" || r.Line != 9 || r.ActionItems[0] != "PM-2026-001/AI-1" || r.Options["most"] != 3 || r.Options["ratio"] != 0.5 {
		t.Errorf("the rule is %+v", r)
	}
	findings, err := e.Evaluate(context.Background(), change(createIndex("migrations/2.sql", 7, "a"), createIndex("migrations/2.sql", 9, "b")))
	if err != nil {
		t.Fatal(err)
	}
	of := ofRule(findings, "no-index")
	if len(of) != 2 || of[0].Message != "index a" || of[0].Severity != policy.Warning || of[1].Location.Line != 9 {
		t.Errorf("findings: %+v", of)
	}
	if len(ofRule(findings, "index-not-concurrent")) != 2 {
		t.Errorf("built-in rules do not judge beside it: %+v", findings)
	}
}

func TestOwnLibraries(t *testing.T) {
	e := load(t, map[string]string{
		".pmcheck/policies/lib/words.rego": "package pmcheck.own.words\n\nimport data.pmcheck.own.parts\n\nsays(name) := concat(\"\", [parts.the, name])\n",
		".pmcheck/policies/lib/parts.rego": "package pmcheck.own.parts\n\nthe := \"the index \"\n",
		".pmcheck/policies/no-index/rule.rego": own("no-index", `import data.pmcheck.lib.finding
import data.pmcheck.own.words

findings contains finding.at(statement.place, words.says(statement.name)) if {
	some statement in input.migrations[_].statements
}
`),
	})
	findings, err := e.Evaluate(context.Background(), change(createIndex("migrations/2.sql", 7, "a")))
	if of := ofRule(findings, "no-index"); err != nil || len(of) != 1 || of[0].Message != "the index a" {
		t.Errorf("findings %+v, error %v", of, err)
	}
}

func TestConfiguredSeverity(t *testing.T) {
	e := load(t, map[string]string{".pmcheck/policies/no-index/rule.rego": own("no-index", noIndex)})
	if err := e.Configure(map[string]string{"no-index": "error", "index-not-concurrent": "off", "no-such-rule": "info"}); err != nil {
		t.Fatal(err)
	}
	findings, err := e.Evaluate(context.Background(), change(createIndex("migrations/2.sql", 7, "a")))
	if err != nil {
		t.Fatal(err)
	}
	if of := ofRule(findings, "no-index"); len(of) != 1 || of[0].Severity != policy.Error {
		t.Errorf("no-index: %+v", of)
	}
	if of := ofRule(findings, "index-not-concurrent"); len(of) != 0 {
		t.Errorf("a rule that is off fires: %+v", of)
	}
	if err := e.Configure(map[string]string{"no-index": "fatal"}); err == nil {
		t.Error("severity fatal is accepted")
	}
}

// What is wrong with one rule is an error that names it and its place, and hides no finding.
func TestBrokenOwnRules(t *testing.T) {
	const path = ".pmcheck/policies/broken/rule.rego"
	body := func(lines string) string {
		return own("broken", "import data.pmcheck.lib.finding\n\nfindings contains finding.at(statement.place, \"x\") if {\n\tsome statement in input.migrations[_].statements\n\t"+lines+"\n}\n")
	}
	for name, c := range map[string]struct{ text, want string }{
		"syntax":                   {own("broken", "findings contains x if {"), path + ":9: unexpected eof token"},
		"empty":                    {"", path + ":1: empty module"},
		"another package":          {strings.Replace(own("broken", noIndex), "rules[", "rule[", 1), path + `:7: this rule is never asked: its package is pmcheck.rule.broken, and must be pmcheck.rules["a-rule-id"]`},
		"a library":                {"package pmcheck.own.words\n\nthe := 1\n", ""},
		"no hyphens in id":         {own("Broken Rule", noIndex), path + `:7: the package must be pmcheck.rules["a-rule-id"]`},
		"no METADATA":              {strings.TrimPrefix(own("broken", noIndex), metadata), path + ":1: rule broken: there is no METADATA"},
		"METADATA is no YAML":      {strings.Replace(own("broken", noIndex), "# title: No", "# title: [No", 1), path + ":"},
		"no title":                 {strings.Replace(own("broken", noIndex), "# title: No index\n", "", 1), path + ":1: rule broken: title is missing"},
		"no severity":              {strings.Replace(own("broken", noIndex), "#   severity: warning\n", "", 1), "custom.severity is missing"},
		"unknown severity":         {strings.Replace(own("broken", noIndex), "severity: warning", "severity: fatal", 1), "custom.severity must be one of error, warning, info, off"},
		"unknown key":              {strings.Replace(own("broken", noIndex), "#   on:", "#   one:", 1), "custom.one is not known"},
		"no list":                  {strings.Replace(own("broken", noIndex), "[create_index]", "create_index", 1), "custom.on must be a list of texts"},
		"odd trigger":              {strings.Replace(own("broken", noIndex), "[create_index]", "[CREATE INDEX]", 1), `custom.on: "CREATE INDEX" is neither a kind of statement nor one of always`},
		"the id of a built-in":     {own("index-not-concurrent", noIndex), path + ":7: rule index-not-concurrent: there is a rule of this name already (locks/index-not-concurrent/rule.rego): choose another id"},
		"no findings":              {own("broken", "finding := 1\n"), "it defines no findings"},
		"a package of pmcheck's":   {"package pmcheck.lib.finding\n\nat(_, _) := 1\n", path + ":1: pmcheck.lib.finding is pmcheck's own"},
		"unknown package":          {strings.Replace(own("broken", noIndex), "lib.finding", "lib.fnding", 1), path + ":9: there is no package pmcheck.lib.fnding"},
		"misspelt field":           {body(`statement.concurrentyl`), path + ":13: rule broken: undefined ref: statement.concurrentyl: did you mean concurrently?"},
		"misspelt field, top":      {body(`input.statments`), path + ":13: rule broken: undefined ref: input.statments: expected one of change, config"},
		"misspelt function":        {body(`finding.on_top(statement)`), path + ":13: rule broken: undefined function data.pmcheck.lib.finding.on_top"},
		"types do not fit":         {body(`statement.index == "1"`), path + ":13: rule broken: match error"},
		"unused variable":          {body(`x := 1`), path + ":13: rule broken: assigned var x unused"},
		"recursion":                {own("broken", "findings contains f(1)\n\nf(x) := f(x)\n"), path + ":11: rule broken: rule data.pmcheck.rules.broken.f is recursive"},
		"runtime error":            {body(`json.unmarshal(statement.sql).a == 1`), path + ":13: rule broken: "},
		"conflict":                 {own("broken", "findings contains x if {\n\tx := value(input.now)\n}\n\nvalue(_) := 1\n\nvalue(_) := 2\n"), path + ":15: rule broken: function data.pmcheck.rules.broken.value produced conflicting values"},
		"division by zero":         {body(`1 / (statement.index) > 0`), path + ":13: rule broken: div: divide by zero"},
		"no set":                   {own("broken", "findings := {\"a\": 1}\n"), path + ":7: rule broken: findings must be a set"},
		"no object":                {own("broken", "findings contains 1\n"), "a finding of the wrong form: expected an object"},
		"no place":                 {own("broken", "findings contains {\"message\": \"x\"}\n"), "there is no place"},
		"no message":               {own("broken", "findings contains {\"place\": {\"path\": \"a\", \"line\": 1}}\n"), "there is no message"},
		"a place of another form":  {own("broken", "findings contains {\"place\": {\"path\": 1}, \"message\": \"x\"}\n"), `"place": expected a place`},
		"an unknown key":           {own("broken", "findings contains {\"place\": {\"path\": \"a\", \"line\": 1}, \"mesage\": \"x\"}\n"), `"mesage" is not one of place`},
		"a severity off":           {own("broken", "findings contains {\"place\": {\"path\": \"a\", \"line\": 1}, \"message\": \"x\", \"severity\": \"off\"}\n"), `"severity": expected error, warning or info`},
		"causes of another form":   {own("broken", "findings contains {\"place\": {\"path\": \"a\", \"line\": 1}, \"message\": \"x\", \"caused_by\": 1}\n"), `"caused_by": expected a list of places`},
		"related, no list":         {own("broken", "findings contains {\"place\": {\"path\": \"a\", \"line\": 1}, \"message\": \"x\", \"related\": {}}\n"), `"related": expected a list of {place, text}`},
		"related without a place":  {own("broken", "findings contains {\"place\": {\"path\": \"a\", \"line\": 1}, \"message\": \"x\", \"related\": [{\"text\": \"y\"}]}\n"), `"related": expected a list of {place, text}`},
		"related with a number":    {own("broken", "findings contains {\"place\": {\"path\": \"a\", \"line\": 1}, \"message\": \"x\", \"related\": [{\"place\": {\"path\": \"a\", \"line\": 1}, \"text\": 1}]}\n"), `"related": expected a list of {place, text}`},
		"nested":                   {own("broken", "findings contains "+strings.Repeat("[", 101)+strings.Repeat("]", 101)+"\n"), path + ":9: brackets are nested deeper than 100"},
		"large":                    {own("broken", noIndex+strings.Repeat("# more\n", 10000)), "more than the 65536 that a rule may have"},
		"NUL bytes":                {own("broken", "\x00\x00"), path + ":9: "},
		"invalid UTF-8":            {own("broken", "findings contains \"\xff\xfe\"\n"), path + ":"},
		"calls a network function": {body(`http.send({"method": "get", "url": "https://example.org"})`), path + ":13: http.send cannot be called: rules have no network"},
	} {
		t.Run(name, func(t *testing.T) {
			e := load(t, map[string]string{
				path:                                   c.text,
				".pmcheck/policies/no-index/rule.rego": own("no-index", noIndex),
			})
			findings, err := e.Evaluate(context.Background(), change(createIndex("migrations/2.sql", 7, "a")))
			switch {
			case c.want == "" && err != nil:
				t.Errorf("error %v, expected none: a package that is no rule's is a library", err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("error %v\nexpected %s", err, c.want)
			}
			if len(ofRule(findings, "no-index")) != 1 || len(ofRule(findings, "index-not-concurrent")) != 1 {
				t.Errorf("findings of other rules are hidden: %+v", findings)
			}
		})
	}
}

func TestFindingsMayBeUndefined(t *testing.T) {
	e := load(t, map[string]string{"rule.rego": own("never", "findings := {1} if input.now == \"never\"\n")})
	findings, err := e.Evaluate(context.Background(), change(createIndex("migrations/2.sql", 7, "a")))
	if err != nil || len(ofRule(findings, "never")) != 0 {
		t.Errorf("findings %+v, error %v", findings, err)
	}
}

func TestTooManyOwnFiles(t *testing.T) {
	files := map[string][]byte{}
	for range 501 {
		files[strings.Repeat("x", len(files)+1)+".rego"] = nil
	}
	if _, err := policy.Load(policy.Options{Own: files}); err == nil || !strings.Contains(err.Error(), "501 files") {
		t.Errorf("error %v", err)
	}
}

func TestNewRulePassesItsTests(t *testing.T) {
	dir := t.TempDir()
	paths, err := policy.New(dir, "tables-have-ids")
	if err != nil || len(paths) != 2 {
		t.Fatal(paths, err)
	}
	files := map[string]string{}
	for _, path := range paths {
		content, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(path)))
		if err != nil {
			t.Fatal(err)
		}
		files[path] = string(content)
	}
	e := load(t, files)
	results, err := e.Test(context.Background(), "")
	if err != nil || len(results) != 2 {
		t.Fatalf("results %+v, error %v", results, err)
	}
	for _, r := range results {
		if !r.Passed {
			t.Errorf("%s does not pass: %s", r.Name, r.Failure)
		}
	}
	carts := facts.Statement{Kind: "create_table", Relation: "carts", Place: facts.Place{Path: "migrations/2.sql", Line: 1}}
	findings, err := e.Evaluate(context.Background(), change(carts))
	if len(ofRule(findings, "tables-have-ids")) != 1 || err != nil {
		t.Errorf("findings %+v, error %v", findings, err)
	}

	for id, want := range map[string]string{
		"tables-have-ids":      "exists already",
		"index-not-concurrent": "pmcheck has a rule",
		"../evil":              "lower-case words",
		"Tables":               "lower-case words",
	} {
		if _, err := policy.New(dir, id); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New(%q): %v, expected %s", id, err, want)
		}
	}
}

func TestTestsOfOwnRules(t *testing.T) {
	const rule, tests = ".pmcheck/policies/no-index/rule.rego", ".pmcheck/policies/no-index/rule_test.rego"
	files := map[string]string{rule: own("no-index", noIndex), tests: `package pmcheck.rules["no-index_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["no-index"] as rule

index := fixtures.statement({"kind": "create_index", "name": "a"})

test_fires if {
	print("the name is", index.name)
	count(rule.findings) == 1 with input as fixtures.running([index])
}

test_is_wrong if {
	some found in rule.findings with input as fixtures.running([index])
	found.message == "something else"
}

test_with_key contains 1 if true

todo_test_later if false

test_divides if 1 / count(rule.findings) == 1 with input as fixtures.running([])

helper if true
`}
	results, err := load(t, files).Test(context.Background(), "")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"test_fires":      "",
		"test_is_wrong":   tests + `:15: not true: found.message == "something else"`,
		"test_with_key":   "a test is a rule of its own",
		"todo_test_later": "",
		"test_divides":    tests + ":22: div: divide by zero",
	}
	if len(results) != len(want) {
		t.Errorf("%d results: %+v", len(results), results)
	}
	for _, r := range results {
		failure, known := want[r.Name]
		if !known || r.Package != `pmcheck.rules["no-index_test"]` || !strings.Contains(r.Failure, failure) || (r.Failure == "") != (failure == "") || r.Skipped != (r.Name == "todo_test_later") || r.Passed != (r.Name == "test_fires") {
			t.Errorf("%+v\nexpected failure %q", r, failure)
		}
	}
	if got := results[0].Output; len(got) != 1 || got[0] != tests+":9: the name is a" {
		t.Errorf("output %q", got)
	}

	results, err = load(t, files).Test(context.Background(), "no-index_test.*fires$")
	if err != nil || len(results) != 1 {
		t.Errorf("filtered: %+v, %v", results, err)
	}
	if _, err := load(t, files).Test(context.Background(), "("); err == nil {
		t.Error("a filter that is no regular expression is accepted")
	}
}

// A rule that its tests let fire must be asked about such changes by the engine too.
func TestTestsHoldRulesToWhatTheEngineDoes(t *testing.T) {
	test := `package pmcheck.rules["no-index_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["no-index"] as rule

test_fires if {
	count(rule.findings) == 1 with input as fixtures.running([fixtures.statement({"kind": "create_index", "name": "a"})])
}
`
	for _, c := range []struct{ text, want string }{
		{strings.Replace(own("no-index", noIndex), "[create_index]", "[reindex]", 1), "nothing of its custom.on (reindex)"},
		{own("no-index", strings.ReplaceAll(noIndex, "finding.at(statement.place, message)", `{"text": message}`)), "a finding of the wrong form"},
	} {
		text := strings.Replace(c.text, "import data.pmcheck.lib.finding\n", "", strings.Count(c.want, "form"))
		results, err := load(t, map[string]string{"no-index/rule.rego": text, "no-index/rule_test.rego": test}).Test(context.Background(), "")
		if err != nil || len(results) != 1 || results[0].Passed || !strings.Contains(results[0].Failure, c.want) {
			t.Errorf("%+v, %v\nexpected %s", results, err, c.want)
		}
	}
}
