package config

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var update = flag.Bool("update", false, "write the golden files")

var known = Known{
	Rules:      []string{"varchar-limit", "migration-without-code", "table-rewrite", "drops-data", "truncates", "not-parsed"},
	Frameworks: []string{"goose", "golang-migrate", "flyway"},
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func share(n float64) *float64 { return &n }

func TestParseFull(t *testing.T) {
	content := string(read(t, "testdata/full.yml"))
	want := &Config{
		Version: 1,
		Databases: []Database{
			{Name: "main", Engine: "postgres", Version: "17", Migrations: []string{"db/migrations"}, Framework: "goose", Code: []string{"internal/**", "cmd"},
				Placeholders: map[string]string{"schema": "app", "port": "5432", "empty": ""}, Schema: "db/schema.sql", Line: 4},
			{Name: "events", Engine: "sqlite", Version: "3.45", Migrations: []string{"events/*.sql", "events/{2024,2025}/**"}, Line: 12},
		},
		Deploy: Deploy{
			Order: "code-first", Project: "gh/acme/orders", Job: "deploy", Workflow: "release", Branch: "main",
			Environment: "production", Component: "orders-api", Ref: "v*",
		},
		FailOn: "warning",
		Rules: map[string]Rule{
			"varchar-limit":          {Severity: "off", Line: 21},
			"migration-without-code": {Mode: "same-pull-request", Line: 22},
			"table-rewrite": {Severity: "warning", Line: 23, Options: map[string]any{
				"max_rows": int64(100_000), "ratio": 0.5, "tables": []any{"orders", "12"}, "strict": true,
				"per_table": map[string]any{"orders": int64(1)}, "since": "2026-01-01"}},
		},
		Postmortems: []string{"docs/postmortems", "incidents/**/*.md"},
		Runbooks:    []string{"ops/runbooks"},
		Pipeline: Pipeline{Deploy: []string{"release-*", "ship"}, NotDeploy: []string{"deploy-docs"}, Check: []string{"db-gate"},
			HealthCheck: []string{"*/probe"}, Canary: []string{"ten-percent"}, Rollback: []string{"back"}, Notification: []string{"tell"}},
		Thresholds: Thresholds{LargeTableRows: 1_000_000, LargeTableBytes: 100 << 20},
		Overrides:  Overrides{Permission: "admin", Never: []string{"table-rewrite", "varchar-limit"}, Line: 41},
		Reminders:  Reminders{TimeZone: "Europe/Berlin", WorkingDays: []string{"sun", "mon", "thu"}, Holidays: []string{"2026-12-25"}, HeldWithin: 5, StaleAfter: 30},
		Dora: Dora{
			TimeZone: "Europe/Berlin",
			Deploys: Deploys{From: "circleci", Project: "gh/acme/orders", Job: "ship", Workflow: "release", Branch: "main", Environment: "production",
				Tags: []string{"v*", "!*-rc*"}, Rework: []string{"hotfix*"}},
			Targets: Targets{DeploymentFrequency: &Rate{2.5, "week"}, LeadTime: 36 * time.Hour, ChangeFailureRate: share(0.075),
				RecoveryTime: 90 * time.Minute, ReworkRate: share(0)},
		},
	}
	for name, text := range map[string]string{"LF": content, "CRLF": strings.ReplaceAll(content, "\n", "\r\n"), "BOM": "\ufeff" + content} {
		got, err := Parse(".pmcheck.yml", []byte(text), known)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestParseWrong(t *testing.T) {
	config, err := Parse(".pmcheck.yml", read(t, "testdata/wrong.yml"), known)
	if config != nil {
		t.Errorf("got %+v beside the error", config)
	}
	var all *Error
	if !errors.As(err, &all) {
		t.Fatalf("error is %T, want *Error", err)
	}
	if *update {
		if err := os.WriteFile("testdata/wrong.golden", []byte(err.Error()+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(read(t, "testdata/wrong.golden")), err.Error()+"\n"); diff != "" {
		t.Errorf("errors (-want +got; -update writes them):\n%s", diff)
	}
}

func TestParse(t *testing.T) {
	with := func(change func(*Config)) *Config {
		config := Default()
		change(config)
		return config
	}
	tests := []struct {
		name, in string
		want     *Config
		err      string
	}{
		{name: "only the version", in: "version: 1\n", want: Default()},
		{name: "version in quotes", in: "version: \"1\"\n", want: Default()},
		{name: "everything still commented out", in: "version: 1\ndatabases:\n  # - name: main\nrules:\ndeploy:\n", want: Default()},
		{name: "no post-mortems", in: "version: 1\npostmortems: []\n", want: with(func(c *Config) { c.Postmortems = []string{} })},
		{name: "one nameless database", in: "version: 1\ndatabases: [{version: \"12\"}]\n", want: with(func(c *Config) { c.Databases = []Database{{Version: "12", Line: 2}} })},
		{name: "an anchor used twice", in: "version: 1\ndatabases: [{name: a, code: &c [x]}, {name: b, code: *c}]\n", want: with(func(c *Config) {
			c.Databases = []Database{{Name: "a", Code: []string{"x"}, Line: 2}, {Name: "b", Code: []string{"x"}, Line: 2}}
		})},
		{name: "escaped brackets", in: "version: 1\npostmortems: 'docs/\\[id\\]/*.md'\n", want: with(func(c *Config) { c.Postmortems = []string{`docs/\[id\]/*.md`} })},

		{name: "DORA targets", in: "version: 1\ndora: {targets: {deployment_frequency: 10 per day, lead_time: 2w}}\n", want: with(func(c *Config) {
			c.Dora.Targets = Targets{DeploymentFrequency: &Rate{10, "day"}, LeadTime: 14 * 24 * time.Hour}
		})},
		{name: "only tags that do not count", in: "version: 1\ndora: {deploys: {tags: ['!*-rc']}}\n",
			err: `c.yml:2: tags: every pattern takes tags out: name those that are deployed too, as "v*"`},
		{name: "a zone of the machine", in: "version: 1\ndora: {time_zone: Local}\n",
			err: `c.yml:2: time_zone: "Local" is no time zone: write it as Europe/Berlin, America/New_York or UTC`},
		{name: "empty", in: "", err: `c.yml:1: version is missing: begin the file with "version: 1"`},
		{name: "only comments", in: "# a\n# b\n", err: `c.yml:1: version is missing: begin the file with "version: 1"`},
		{name: "no version", in: "# a\nfail_on: info\n", err: `c.yml:2: version is missing: begin the file with "version: 1"`},
		{name: "later version", in: "version: 2\n", err: `c.yml:1: version is the number 2: this pmcheck reads version 1`},
		{name: "version without value", in: "version:\n", err: `c.yml:1: version is nothing: this pmcheck reads version 1`},
		{name: "a list", in: "- a\n", err: `c.yml:1: the file is a list, expected keys such as version, databases, rules`},
		{name: "a text", in: "off", err: `c.yml:1: the file is "off", expected keys such as version, databases, rules`},
		{name: "not YAML", in: "version: 1\nfail_on: [\n", err: `c.yml:2: not YAML: did not find expected node content`},
		{name: "glob without quotes", in: "version: 1\npostmortems: [**/*.md]\n",
			err: `c.yml:2: not YAML: did not find expected alphabetic or numeric character: put quotes around a text that begins with * or &`},
		{name: "two documents", in: "version: 1\n---\nversion: 1\n", err: `c.yml:2: a second document begins after "---": one file holds one document`},
		{name: "wrong before the syntax error too", in: "version: 1\nfail_on: x\na: b: c\n",
			err: "c.yml:2: fail_on: expected error, warning, info, got \"x\"\nc.yml:3: not YAML: mapping values are not allowed in this context: put quotes around a text with a colon in it"},
		{name: "NUL", in: "version: 1\n# \x00\n", err: `c.yml:2: the control character U+0000 cannot stand in YAML: remove it`},
		{name: "databases as a mapping", in: "version: 1\ndatabases: {main: {}}\n",
			err: `c.yml:2: databases: expected a list, got a mapping: begin each database with "- name: ..."`},
		{name: "rules as a list", in: "version: 1\nrules: [varchar-limit]\n", err: `c.yml:2: rules: expected "rule-id: {severity: ...}", got a list`},
		{name: "too large", in: "version: 1\n#" + strings.Repeat("x", maxBytes), err: `c.yml:1: 65548 bytes of YAML, at most 65536 are read: move the text out of it`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := Parse("c.yml", []byte(test.in), known)
			if diff := cmp.Diff(test.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			message := ""
			if err != nil {
				message = err.Error()
			}
			if message != test.err {
				t.Errorf("error is\n%s\nwant\n%s", message, test.err)
			}
		})
	}
}

// An empty list in the file means none; that it is not nil tells it from the default.
func TestNoPostmortemsIsNotTheDefault(t *testing.T) {
	config, err := Parse("c.yml", []byte("version: 1\npostmortems: []\n"), Known{})
	if err != nil || config.Postmortems == nil || len(config.Postmortems) > 0 {
		t.Errorf("postmortems are %#v, error %v", config.Postmortems, err)
	}
}

func TestPostgresVersions(t *testing.T) {
	for _, form := range []string{"%d", "%q"} {
		for version := 9; version <= 20; version++ {
			value := fmt.Sprintf(form, version)
			if form == "%q" {
				value = fmt.Sprintf("%q", fmt.Sprint(version))
			}
			config, err := Parse("c.yml", []byte("version: 1\ndatabases: [{engine: postgres, version: "+value+"}]"), Known{})
			if ok := version >= 12 && version <= 18; ok != (err == nil) {
				t.Errorf("version: %s: error is %v", value, err)
			} else if ok && config.Databases[0].Version != fmt.Sprint(version) {
				t.Errorf("version: %s is read as %q", value, config.Databases[0].Version)
			}
		}
	}
}

func TestUnknownNamesAreNotCheckedWithoutAList(t *testing.T) {
	config, err := Parse("c.yml", []byte("version: 1\nrules: {my-rule: {severity: info}}\ndatabases: [{framework: mine}]\n"), Known{})
	if err != nil || config.Rules["my-rule"].Severity != "info" || config.Databases[0].Framework != "mine" {
		t.Errorf("got %+v, %v", config, err)
	}
}

func TestParseIsBounded(t *testing.T) {
	laughs := "version: 1\nrules:\n  table-rewrite:\n    a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'l'; c++ {
		laughs += fmt.Sprintf("    %c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat("*"+string(c-1)+",", 9), ","))
	}
	for name, in := range map[string]string{
		"billion laughs":   laughs,
		"anchor in itself": "version: 1\nrules: {table-rewrite: {a: &a [*a]}}\n",
		"deep":             "version: 1\nrules: " + strings.Repeat("[", 9000),
		"deep closed":      "version: 1\nrules: {table-rewrite: {a: " + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + "}}",
	} {
		start := time.Now()
		_, err := Parse("c.yml", []byte(in), known)
		if err == nil {
			t.Errorf("%s is accepted", name)
		}
		if took := time.Since(start); took > 10*time.Second { // it takes milliseconds, but for a loaded machine
			t.Errorf("%s took %v", name, took)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, file := range []string{"testdata/full.yml", "testdata/wrong.yml"} {
		content, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	f.Add([]byte("version: 1\nrules: {a: {b: &c [*c], d: .nan, e: 0o7, f: !!int x, g: !!binary aGk=}}\n"))
	f.Add([]byte("\ufeffversion: 1\r\n\x00\xff\t---\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		for _, names := range []Known{{}, known} {
			config, err := Parse("c.yml", in, names)
			if (config == nil) == (err == nil) {
				t.Fatalf("config %v, error %v", config, err)
			}
			if err == nil {
				if config.Version != 1 || config.FailOn == "" || config.Deploy.Order == "" {
					t.Errorf("accepted as %+v", config)
				}
				continue
			}
			lines := strings.Count(string(in), "\n") + 1
			for _, problem := range err.(*Error).Problems {
				if problem.Line < 1 || problem.Line > lines || problem.Message == "" || strings.ContainsAny(problem.Message, "\n\x1b\x00") {
					t.Errorf("problem %+v of %d lines", problem, lines)
				}
			}
		}
	})
}

func TestThresholds(t *testing.T) {
	for text, want := range map[string]string{
		"{large_table_rows: 5000}":                        "5000 104857600",
		"{large_table_rows: 1_000, large_table_bytes: 0}": "1000 0",
		"{large_table_bytes: 2GB}":                        "1000000 2147483648",
		"{large_table_bytes: 512 kB}":                     "1000000 524288",
		"{large_table_bytes: 77}":                         "1000000 77",
		"{}":                                              "1000000 104857600",
		"{large_table_bytes: 100 pages}":                  `large_table_bytes: expected a size such as "100 MB", got "100 pages"`,
		"{large_table_bytes: 99999999999 TB}":             "expected a size",
		"{large_table_rows: -1}":                          "expected a whole number such as 1000000",
		"{large_table_rows: [1]}":                         "expected a whole number",
		"{large_tables: 1}":                               `unknown key "large_tables"`,
	} {
		c, err := Parse(".pmcheck.yml", []byte("version: 1\nthresholds: "+text+"\n"), Known{})
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = fmt.Sprint(c.Thresholds.LargeTableRows, " ", c.Thresholds.LargeTableBytes)
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s gives %s, want %s", text, got, want)
		}
	}
}
