package webhook

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

// Outcome is what follows from one delivery.
type Outcome struct {
	Action       string
	Installation int64
	Wants        []job.Want
	Ignored      string // why nothing is wanted; "" when something is
}

// A rule takes a payload whose action has one name.
type rule func(*payload, *Outcome) error

// rules are the events that something follows from. Everything else is answered and counted.
var rules = map[string]map[string]rule{
	"pull_request": {
		"opened":             pullRequest,
		"synchronize":        pullRequest,
		"reopened":           pullRequest,
		"ready_for_review":   pullRequest,
		"converted_to_draft": pullRequest,
		"edited":             pullRequest,
		"stacked":            pullRequest,
		"closed":             pullRequest,
	},
	"merge_group": {
		"checks_requested": mergeGroup,
		"destroyed":        mergeGroup,
	},
	"check_run": {
		"rerequested":      checkRun,
		"requested_action": checkRun,
	},
	"check_suite": {
		"rerequested": checkSuite,
	},
	"issue_comment": {
		"created": comment,
	},
	"installation": {
		"created":                  installation,
		"deleted":                  installation,
		"suspend":                  installation,
		"unsuspend":                installation,
		"new_permissions_accepted": installation,
	},
	"installation_repositories": {
		"added":   installation,
		"removed": installation,
	},
}

// silent are events that come, and that nothing follows from; with why.
var silent = map[string]string{
	"ping": "a ping",
	"push": "a push says nothing that the event of the pull request does not",
}

// known is an event and an action as a metric may be labelled with them: a bounded number.
func known(event, action string) (string, string) {
	actions, ok := rules[event]
	if !ok {
		if silent[event] != "" {
			return event, ""
		}
		return "other", "other"
	}
	if actions[action] == nil {
		return event, "other"
	}
	return event, action
}

// Takes tells whether something follows from an action of an event.
func Takes(event, action string) bool { return rules[event][action] != nil }

// RerunAction is the identifier of the button under a check run that asks to judge again.
const RerunAction = "rerun"

// Parse says what follows from a payload of an event. appID is GitHub's id of the App.
// Unknown fields, events and actions are no errors; what is needed and missing, or has a
// form that GitHub does not give it, is one, and names the field. The payload's signature
// was checked before.
func Parse(event string, data []byte, appID int64) (Outcome, error) {
	var p payload
	if err := json.Unmarshal(data, &p); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) && wrong.Field != "" {
			return Outcome{}, fmt.Errorf("payload of %s: %s is not a %s but a %s", event, wrong.Field, wrong.Type, wrong.Value)
		}
		return Outcome{}, fmt.Errorf("payload of %s: %w", event, err)
	}
	out := Outcome{Action: clip(p.Action, 64), Installation: p.Installation.ID}
	p.event, p.appID = event, appID
	take := rules[event][p.Action]
	switch {
	case silent[event] != "":
		out.Ignored = silent[event]
	case rules[event] == nil:
		out.Ignored = "nothing is done at this event"
	case take == nil:
		out.Ignored = "nothing is done at this action"
	case p.Installation.ID == 0:
		out.Ignored = "it was not sent to an App: there is no installation"
	case p.Installation.ID < 0:
		return out, fmt.Errorf("payload of %s.%s: installation.id is negative", event, p.Action)
	case p.Installation.AppID != 0 && p.Installation.AppID != appID:
		out.Ignored = "it is about an installation of another App"
	default:
		if err := take(&p, &out); err != nil {
			return Outcome{Action: out.Action, Installation: out.Installation}, fmt.Errorf("payload of %s.%s: %w", event, p.Action, err)
		}
	}
	return out, nil
}

func (p *payload) reason() string { return p.event + "." + p.Action }

func pullRequest(p *payload, out *Outcome) error {
	repository, err := p.repository()
	if err != nil {
		return err
	}
	pr := p.PullRequest
	switch {
	case pr == nil:
		return errors.New("pull_request is missing")
	case pr.Number <= 0:
		return errors.New("pull_request.number is not positive")
	case pr.Base.Repo == nil || pr.Base.Repo.ID != repository.ID:
		return errors.New("pull_request.base.repo is not the repository")
	case pr.State != "open" && p.Action != "closed":
		out.Ignored = "the pull request is closed"
		return nil
	}
	revision := job.Revision{
		Head: pr.Head.SHA, Base: pr.Base.SHA, BaseRef: pr.Base.Ref, HeadRef: pr.Head.Ref,
		Title: clip(pr.Title, maxTitle), Body: clip(pr.Body, maxBody), Author: pr.User.Login, Draft: pr.Draft,
		Fork:    pr.Head.Repo == nil || pr.Head.Repo.ID != repository.ID,
		Updated: pr.Updated,
	}
	for _, label := range pr.Labels[:min(len(pr.Labels), maxLabels)] {
		revision.Labels = append(revision.Labels, clip(label.Name, maxLabel))
	}
	switch {
	case !isCommit(revision.Head):
		return errors.New("pull_request.head.sha is not a commit")
	case !isCommit(revision.Base):
		return errors.New("pull_request.base.sha is not a commit")
	case !isBranch(revision.BaseRef):
		return errors.New("pull_request.base.ref is not a branch")
	case !isBranch(revision.HeadRef):
		return errors.New("pull_request.head.ref is not a branch")
	case revision.Author != "" && !isLogin(revision.Author):
		return errors.New("pull_request.user.login is not a login")
	case revision.Updated.IsZero():
		return errors.New("pull_request.updated_at is missing")
	}
	out.Wants = []job.Want{{
		Subject:  job.Subject{Installation: p.Installation.ID, Repository: repository, Number: pr.Number},
		Revision: revision,
		Reason:   p.reason(),
		Cancel:   p.Action == "closed",
		// A stacked pull request stands on another one's branch from now on.
		Again: p.Action == "stacked" || p.Action == "edited" && p.Changes.Base != nil,
	}}
	return nil
}

// queuePrefix is where GitHub makes the branches of merge groups; nobody else can.
const queuePrefix = "gh-readonly-queue/"

func mergeGroup(p *payload, out *Outcome) error {
	repository, err := p.repository()
	if err != nil {
		return err
	}
	group := p.MergeGroup
	if group == nil {
		return errors.New("merge_group is missing")
	}
	branch, isHead := strings.CutPrefix(group.HeadRef, "refs/heads/")
	base, isBase := strings.CutPrefix(group.BaseRef, "refs/heads/")
	switch {
	case !isHead || !strings.HasPrefix(branch, queuePrefix) || !isBranch(branch):
		return errors.New("merge_group.head_ref is not a branch of the merge queue")
	case !isBase || !isBranch(base):
		return errors.New("merge_group.base_ref is not a branch")
	case !isCommit(group.HeadSHA):
		return errors.New("merge_group.head_sha is not a commit")
	case !isCommit(group.BaseSHA):
		return errors.New("merge_group.base_sha is not a commit")
	}
	title, _, _ := strings.Cut(group.HeadCommit.Message, "\n")
	reason := p.reason()
	if slices.Contains([]string{"merged", "invalidated", "dequeued"}, p.Reason) {
		reason += ": " + p.Reason
	}
	out.Wants = []job.Want{{
		Subject:  job.Subject{Installation: p.Installation.ID, Repository: repository, Ref: group.HeadRef},
		Revision: job.Revision{Head: group.HeadSHA, Base: group.BaseSHA, BaseRef: base, HeadRef: branch, Title: clip(title, maxTitle)},
		Reason:   reason,
		Cancel:   p.Action == "destroyed",
	}}
	return nil
}

func checkRun(p *payload, out *Outcome) error {
	run := p.CheckRun
	switch {
	case run == nil:
		return errors.New("check_run is missing")
	case run.App.ID != p.appID:
		out.Ignored = "the check run is another App's"
		return nil
	case p.Action == "requested_action" && p.RequestedAction.Identifier != RerunAction:
		out.Ignored = "the button is none of ours"
		return nil
	}
	return rerun(p, out, "check_run", run.HeadSHA, run.CheckSuite.HeadBranch, run.PullRequests)
}

func checkSuite(p *payload, out *Outcome) error {
	suite := p.CheckSuite
	switch {
	case suite == nil:
		return errors.New("check_suite is missing")
	case suite.App.ID != p.appID:
		out.Ignored = "the check suite is another App's"
		return nil
	}
	return rerun(p, out, "check_suite", suite.HeadSHA, suite.HeadBranch, suite.PullRequests)
}

// rerun wants the subjects of a commit judged again. For a commit of a fork GitHub names
// neither pull request nor branch, and among the pull requests that it names are those of
// other repositories that have the commit.
func rerun(p *payload, out *Outcome, field, head, branch string, pulls []linkedPull) error {
	repository, err := p.repository()
	if err != nil {
		return err
	}
	if !isCommit(head) {
		return fmt.Errorf("%s.head_sha is not a commit", field)
	}
	want := job.Want{
		Subject:  job.Subject{Installation: p.Installation.ID, Repository: repository},
		Revision: job.Revision{Head: head},
		Reason:   p.reason(),
		Again:    true,
		Refresh:  true,
	}
	for i, pull := range pulls {
		if pull.Base.Repo == nil || pull.Base.Repo.ID != repository.ID {
			continue
		}
		if pull.Number <= 0 {
			return fmt.Errorf("%s.pull_requests[%d].number is not positive", field, i)
		}
		if len(out.Wants) == maxPulls {
			break
		}
		want.Subject.Number = pull.Number
		out.Wants = append(out.Wants, want)
	}
	if len(out.Wants) > 0 {
		return nil
	}
	if strings.HasPrefix(branch, queuePrefix) && isBranch(branch) {
		want.Subject.Ref = "refs/heads/" + branch
	}
	out.Wants = []job.Want{want}
	return nil
}

func comment(p *payload, out *Outcome) error {
	switch {
	case p.Issue == nil:
		return errors.New("issue is missing")
	case p.Issue.PullRequest == nil:
		out.Ignored = "the comment is not on a pull request"
		return nil
	case p.Issue.State != "open":
		out.Ignored = "the pull request is closed"
		return nil
	case p.Comment == nil:
		return errors.New("comment is missing")
	}
	commands, problem := readCommands(p.Comment.Body)
	if p.Comment.User.Type == "Bot" { // two programs that answer each other would not end
		commands = slices.DeleteFunc(commands, func(c job.Command) bool { return c.Name == job.CommandMalformed })
	}
	if len(commands) == 0 {
		out.Ignored = problem
		return nil
	}
	repository, err := p.repository()
	switch {
	case err != nil:
		return err
	case p.Issue.Number <= 0:
		return errors.New("issue.number is not positive")
	case p.Comment.ID <= 0:
		return errors.New("comment.id is not positive")
	case !isLogin(p.Comment.User.Login):
		return errors.New("comment.user.login is not a login")
	case !strings.HasPrefix(p.Comment.URL, "https://") && !strings.HasPrefix(p.Comment.URL, "http://") || len(p.Comment.URL) > 2000:
		return errors.New("comment.html_url is not an address")
	}
	for _, command := range commands {
		command.By, command.Comment, command.URL, command.At = p.Comment.User.Login, p.Comment.ID, p.Comment.URL, p.Comment.Created
		out.Wants = append(out.Wants, job.Want{
			Subject: job.Subject{Installation: p.Installation.ID, Repository: repository, Number: p.Issue.Number},
			Reason:  p.reason() + ": " + command.Name,
			Again:   true,
			Refresh: true,
			Command: &command,
		})
	}
	return nil
}

func installation(p *payload, out *Outcome) error {
	change := job.InstallationChange{Installation: p.Installation.ID, Account: p.Installation.Account.Login}
	if change.Account != "" && !isLogin(change.Account) {
		return errors.New("installation.account.login is not a login")
	}
	var err error
	switch p.Action {
	case "deleted", "suspend":
		change.Gone = true
	case "added", "removed":
		change.All = p.RepositorySelection == "all"
		if change.Removed, err = listed("repositories_removed", p.RepositoriesRemoved); err != nil {
			return err
		}
		change.Added, err = listed("repositories_added", p.RepositoriesAdded)
	default:
		change.All = true
		change.Added, err = listed("repositories", p.Repositories)
	}
	if err != nil {
		return err
	}
	out.Wants = []job.Want{{
		Subject: job.Subject{Installation: p.Installation.ID},
		Reason:  p.reason(),
		Change:  &change,
	}}
	return nil
}
