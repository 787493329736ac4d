// Package pipeline reads the files that say how a repository is built and deployed,
// CircleCI's and GitHub Actions', and states what their jobs do: which deploys a
// service, and which checks, watches, undoes and reports that. Nothing is run.
package pipeline

import (
	"path"
	"slices"
	"strings"
)

// The providers whose files are read.
const (
	CircleCI = "circleci"
	GitHub   = "github-actions"
)

// Kind is what a job, or a step of one, is for.
type Kind string

// The kinds.
const (
	Deploy       Kind = "deploy"       // of a service: not of documentation, not the publishing of a package
	Check        Kind = "check"        // pmcheck
	HealthCheck  Kind = "health-check" // that what is deployed works
	Canary       Kind = "canary"       // only a part of the traffic at first
	Rollback     Kind = "rollback"
	Notification Kind = "notification"
	Test         Kind = "test"
	Approval     Kind = "approval" // a person has to agree
)

// Kinds are all kinds.
func Kinds() []Kind {
	return []Kind{Deploy, Check, HealthCheck, Canary, Rollback, Notification, Test, Approval}
}

// The environments that a deploy is told to go to. "" is one that nobody names.
const (
	Production = "production"
	Staging    = "staging" // and test, development, demo: nobody is served there
	Preview    = "preview" // of a pull request
)

// When a step, or a job after those that it needs, runs.
const (
	OnSuccess = "success"
	OnFailure = "failure"
	Always    = "always"
)

// Tree holds the files of a repository.
type Tree interface {
	Under(dir string) []string // the paths that begin so, sorted
	Has(path string) bool
	Read(path string) ([]byte, error)
}

// Options are what a project says about its own jobs.
type Options struct {
	Jobs   map[Kind][]string // patterns of job names ("release-*"), by what those jobs are for
	Ignore []string          // patterns of jobs that are no deploys
}

// Pipeline is what a repository has.
type Pipeline struct {
	Providers []Provider
}

// Provider is a service that runs workflows.
type Provider struct {
	Name      string // CircleCI or GitHub
	Workflows []Workflow
	Problems  []Problem
}

// Problem is a piece of a file that could not be read.
type Problem struct {
	Path    string
	Line    int
	Message string
}

// Place is a line of a file.
type Place struct {
	Path string
	Line int
}

// Workflow is a set of jobs that are started together.
type Workflow struct {
	Name   string
	Place  Place
	Files  []string // that it is made of, Place.Path first
	Events []string // that start it, as GitHub names them; none in CircleCI
	After  []string // names of workflows whose end starts it
	Jobs   []Job
}

// Job is a job as its workflow runs it.
type Job struct {
	Name        string   // as others require it
	Place       Place    // in the workflow
	Requires    []string // as it is written
	Needs       []string // all that have succeeded before it runs
	Follows     []string // those whose failure makes it run
	Environment string   // Production, Staging, Preview or ""
	Does        []Doing
}

// Doing is one thing that a job is for.
type Doing struct {
	Kind     Kind
	Why      string // what says so, as it is written there
	Place    Place
	Step     int    // its place among the steps of the job, from 0
	Runs     string // OnSuccess, OnFailure or Always, of the step and its job together
	Advisory bool   // the job goes on when it fails
	Chosen   bool   // the project's configuration says so
	Opaque   bool   // what else it does is not seen: it lies in an orb, an action or a workflow of another repository
}

// The limits of what is read.
const (
	maxBytes     = 1 << 20 // of a file
	maxFiles     = 500
	maxJobs      = 1000 // of a provider
	maxSteps     = 20_000
	maxNesting   = 16 // of commands in commands, actions in actions
	maxCalls     = 10 // of workflows by workflows, as GitHub has it
	maxInstances = 64 // of a job with a matrix
)

// IsFile tells that a path is one of the files that Read may read.
func IsFile(name string) bool {
	switch path.Ext(name) {
	case ".yml", ".yaml":
	default:
		return false
	}
	return strings.HasPrefix(name, circleDir) || path.Dir(name) == githubWorkflows || strings.HasPrefix(name, ".github/") && isAction(name)
}

// Read reads what a tree has. What cannot be read is a Problem of its provider.
func Read(t Tree, o Options) Pipeline {
	var p Pipeline
	f := &files{tree: t}
	for _, read := range []func(*files, Options) (Provider, bool){readCircle, readGitHub} {
		if provider, found := read(f, o); found {
			slices.SortStableFunc(provider.Problems, func(a, b Problem) int {
				if a.Path != b.Path {
					return strings.Compare(a.Path, b.Path)
				}
				return a.Line - b.Line
			})
			p.Providers = append(p.Providers, provider)
		}
	}
	return p
}

// matches tells that a name has the form of a pattern, in which "*" stands for any text.
func matches(pattern, name string) bool {
	parts := strings.Split(strings.ToLower(pattern), "*")
	name = strings.ToLower(name)
	if len(parts) == 1 {
		return parts[0] == name
	}
	rest, ok := strings.CutPrefix(name, parts[0])
	if !ok {
		return false
	}
	for _, part := range parts[1 : len(parts)-1] {
		at := strings.Index(rest, part)
		if at < 0 {
			return false
		}
		rest = rest[at+len(part):]
	}
	return strings.HasSuffix(rest, parts[len(parts)-1])
}

func matchesAny(patterns []string, names ...string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return name != "" && matches(pattern, name) })
	})
}
