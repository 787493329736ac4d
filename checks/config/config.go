// Package config reads .pmcheck.yml: what a project tells pmcheck about itself.
// Everything in it may be left out; what is in it must be right.
package config

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/pmcheck/pmcheck/checks/config/yamltree"
)

// maxBytes bounds the file.
const maxBytes = 64 << 10

// Config is the configuration of a repository.
type Config struct {
	Version     int        // of the file's format: 1
	Databases   []Database // none = they are detected
	Deploy      Deploy
	Rollback    Rollback
	FailOn      string          // the least severity that fails a check: error | warning | info
	Rules       map[string]Rule // by rule id: what differs from the rule's own settings
	Postmortems []string        // globs of the post-mortem documents
	Runbooks    []string        // globs of the documents that say how to carry migrations out
	Pipeline    Pipeline
	Thresholds  Thresholds
	Overrides   Overrides
	Reminders   Reminders
	Dora        Dora
}

// Thresholds say from when on a table is large: what stops its users is then an error, and a warning below. They
// count where a live database has told the table's size.
type Thresholds struct {
	LargeTableRows  int64
	LargeTableBytes int64
}

// Database is one database whose schema the repository migrates. What is empty is detected.
type Database struct {
	Name         string
	Engine       string            // postgres | mysql | sqlite
	Version      string            // of the server; for postgres the major one, "12" to "18"
	Migrations   []string          // folders, files or globs
	Framework    string            // the migration framework, by its name in package layout
	Code         []string          // folders, files or globs of the code that uses the database
	Placeholders map[string]string // what the framework puts in the place of ${name} and the like
	Schema       string            // a file with the schema that the migrations start from
	Declared     []string          // folders, files or globs of the schema files of a project that keeps those instead of migrations
	EnableDrop   *bool             // whether sqldef is run with --enable-drop; nil = its command lines say it
	Line         int
}

// Deploy says how a release goes out.
type Deploy struct {
	Order string // migrations-first | code-first | unordered

	// How the commit that is running is found before a deploy. What is empty is not asked.
	Project     string // the project's slug at CircleCI, gh/OWNER/NAME
	Job         string // the job that deploys
	Workflow    string // the workflow that deploys, or that the job is in
	Branch      string // that is deployed
	Environment string // of CircleCI's deploy markers
	Component   string // of CircleCI's deploy markers
	Ref         string // the tag or branch that is moved to what runs, or a glob of the tags that are deployed
}

// Pipeline says what jobs of the continuous integration are for, where their names and
// steps do not. Each holds patterns of job names, in which "*" stands for any text.
type Pipeline struct {
	Deploy       []string // that deploy a service
	NotDeploy    []string // that do not, although they look like it
	Check        []string // that run pmcheck
	HealthCheck  []string
	Canary       []string
	Rollback     []string
	Notification []string
}

// Rule holds what a project changes about a rule. What is empty or absent is the rule's own.
type Rule struct {
	Severity string         // error | warning | info | off
	Mode     string         // a variant of the rule that its documentation names
	Options  map[string]any // further settings, such as thresholds, as encoding/json would decode them (whole numbers are int64)
	Line     int
}

// Known holds the names that a configuration may refer to. An empty list checks nothing.
type Known struct {
	Rules      []string
	Frameworks []string
}

// Severities are the values of FailOn, the gravest first.
func Severities() []string { return []string{"error", "warning", "info"} }

// Default is the configuration of a repository that has none.
func Default() *Config {
	return &Config{
		Version:     1,
		Deploy:      Deploy{Order: "migrations-first"},
		FailOn:      "error",
		Postmortems: []string{"docs/postmortems/*.md"},
		Runbooks:    []string{"docs/runbooks/**/*.md"},
		Overrides:   Overrides{Permission: "maintain"},
		Reminders:   Reminders{TimeZone: "UTC", WorkingDays: []string{"mon", "tue", "wed", "thu", "fri"}, HeldWithin: 3, StaleAfter: 14},
		Thresholds:  Thresholds{LargeTableRows: 1_000_000, LargeTableBytes: 100 << 20},
	}
}

// Error is everything that is wrong with a configuration.
type Error struct {
	Problems []Problem
}

// Problem is one thing that is wrong, and what to do about it.
type Problem struct {
	Path    string
	Line    int
	Message string
}

func (p Problem) String() string { return fmt.Sprintf("%s:%d: %s", p.Path, p.Line, p.Message) }

// Error has one line for each problem.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, problem := range e.Problems {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// Parse reads the configuration at path. The error is an [*Error].
func Parse(path string, content []byte, known Known) (*Config, error) {
	r := &reader{path: path, known: known}
	root, problems := yamltree.Parse([]byte(strings.TrimPrefix(string(content), "\ufeff")), 1, maxBytes)
	for _, problem := range problems {
		r.problem(problem.Line, "%s", problem.Message)
	}
	config := Default()
	config.Version = 0
	switch {
	case root != nil && root.Kind == yaml.MappingNode:
		r.config(root, config)
	case root != nil:
		r.problem(root.Line, "the file is %s, expected keys such as version, databases, rules", yamltree.Describe(root))
	case len(problems) == 0:
		r.problem(1, "version is missing: begin the file with \"version: 1\"")
	}
	if len(r.problems) > 0 {
		slices.SortStableFunc(r.problems, func(a, b Problem) int { return a.Line - b.Line })
		return nil, &Error{r.problems}
	}
	return config, nil
}
