// Package ghactions reads which change a job of GitHub Actions runs for, from the job's environment and its event file.
//
// Variables and events: docs.github.com, "Variables reference" and "Webhook events and payloads" (pull_request, merge_group,
// push). No request is made.
package ghactions

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxEvent is the largest payload that GitHub sends.
const maxEvent = 25 << 20

// Event is what GitHub says about a job's change.
type Event struct {
	Name      string // pull_request, merge_group, push, ...
	Commit    string // what actions/checkout checks out: for a pull request, its merge into the base branch
	Workspace string // the folder that it checks out to

	// Base is the commit to compare with, "" when the event names none. Then BaseBranch, where the change left it, is the base;
	// when that is "" too there is none: the job runs for no change.
	Base       string
	BaseBranch string

	// Head is the tip of the pull request's branch, or of what was pushed or queued.
	Head string

	// Deleted says that the push deleted what it names, so that there is nothing to judge; First, that nothing was there before it.
	Deleted, First bool

	Number int
	Title  string
	Body   string // the description of the pull request
	Labels []string
}

// PullRequest tells that the event is one of a pull request.
func (e *Event) PullRequest() bool {
	return e.Name == "pull_request" || e.Name == "pull_request_target"
}

// Find reads the event of the job that the process runs in; nil outside of GitHub Actions.
func Find(env func(string) string) (*Event, error) {
	if env("GITHUB_ACTIONS") != "true" {
		return nil, nil
	}
	e := &Event{Name: env("GITHUB_EVENT_NAME"), Commit: env("GITHUB_SHA"), Workspace: env("GITHUB_WORKSPACE")}
	switch e.Name {
	case "pull_request", "pull_request_target", "merge_group", "push":
	default: // workflow_dispatch, schedule, ...
		return e, nil
	}
	path := env("GITHUB_EVENT_PATH")
	if path == "" {
		return nil, fmt.Errorf("GitHub Actions: GITHUB_EVENT_PATH is not set, so the base of the %s is not known: name it with --base", e.Name)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("GitHub Actions: the event: %w", err)
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxEvent))
	if err != nil {
		return nil, fmt.Errorf("GitHub Actions: the event: %w", err)
	}
	if err := e.read(content); err != nil {
		return nil, fmt.Errorf("GitHub Actions: the event in %s: %w", path, err)
	}
	return e, nil
}

// payload is the part that is read of an event's payload.
type payload struct {
	PullRequest *struct {
		Number     int
		Title      string
		Body       string
		Base, Head struct{ Ref, SHA string }
		Labels     []struct{ Name string }
	} `json:"pull_request"`
	MergeGroup *struct {
		BaseSHA string `json:"base_sha"`
		BaseRef string `json:"base_ref"`
		HeadSHA string `json:"head_sha"`
	} `json:"merge_group"`
	Ref, Before, After string
	Repository         struct {
		DefaultBranch string `json:"default_branch"`
	}
}

func (e *Event) read(content []byte) error {
	var p payload
	if err := json.Unmarshal(content, &p); err != nil {
		return fmt.Errorf("it is not the JSON of an event: %w", err)
	}
	switch {
	case e.PullRequest():
		if p.PullRequest == nil {
			return fmt.Errorf("it has no pull_request")
		}
		pr := p.PullRequest
		e.Base, e.BaseBranch, e.Head = pr.Base.SHA, pr.Base.Ref, pr.Head.SHA
		e.Number, e.Title, e.Body = pr.Number, pr.Title, pr.Body
		for _, label := range pr.Labels {
			e.Labels = append(e.Labels, label.Name)
		}
	case e.Name == "merge_group":
		if p.MergeGroup == nil {
			return fmt.Errorf("it has no merge_group")
		}
		e.Base, e.BaseBranch, e.Head = p.MergeGroup.BaseSHA, branch(p.MergeGroup.BaseRef), p.MergeGroup.HeadSHA
	default:
		return e.push(p)
	}
	if !isID(e.Base) || !isID(e.Head) {
		return fmt.Errorf("it names no base and head commit")
	}
	return nil
}

// push takes in a push. To the default branch it adds what lies between before and after. Any other branch is judged whole,
// from where it left the default branch: what an earlier push of it brought is not merged, and not good because a later
// push followed. A tag is no change.
func (e *Event) push(p payload) error {
	e.Head = p.After
	name := branch(p.Ref)
	switch {
	case !isID(p.After) || !isID(p.Before):
		return fmt.Errorf("it has no commits before and after the push")
	case isZero(p.After):
		e.Deleted = true
	case name == p.Ref: // refs/tags/...
	case name != p.Repository.DefaultBranch:
		e.BaseBranch = p.Repository.DefaultBranch
	case isZero(p.Before):
		e.First = true
	default:
		e.Base, e.BaseBranch = p.Before, name
	}
	return nil
}

func branch(ref string) string { return strings.TrimPrefix(ref, "refs/heads/") }

// isID tells that s is a git object's id, in SHA-1 or SHA-256.
func isID(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == ""
}

func isZero(id string) bool { return strings.Trim(id, "0") == "" }
