package githubapp

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/pmcheck/pmcheck/checks/config/yamltree"
	"github.com/pmcheck/pmcheck/checks/githubapp/job"
	"github.com/pmcheck/pmcheck/checks/githubapp/webhook"
)

// A DeployRule says which runs at CircleCI deploy a repository, and what is started when one fails.
type DeployRule struct {
	Project    string   // CircleCI's slug, in the form of [webhook.Slug]
	Repository string   // OWNER/NAME
	Workflows  []string // names, in which * is any text without a slash
	Jobs       []string // where a workflow does more than deploy: the names of the jobs whose failure counts; none: the workflow's counts
	Branches   []string // and tags, of which there is one at least: names with *
	Tags       []string
	Notify     string // Slack channel to tell, "#deploys"; "" for none
	Incident   string // severity of the incident to open, "SEV-2"; "" for none
}

// concerns says why an event is about no deploy of the rule, "" when it is about one.
func (r DeployRule) concerns(e webhook.Event) (why string) {
	switch {
	case r.Project != e.Slug:
		return "no deploy of this project is configured"
	case e.Foreign:
		return "the code is a fork's"
	case e.Tag != "" && !matches(r.Tags, e.Tag), e.Tag == "" && !matches(r.Branches, e.Branch):
		return "no deploy of this branch or tag is configured"
	case e.Workflow != "" && !matches(r.Workflows, e.Workflow):
		return "no deploy by this workflow is configured"
	}
	return ""
}

// event is what an event that concerns the rule says of its deploy; why is set where that is nothing.
func (r DeployRule) event(e webhook.Event) (d job.DeployEvent, why string) {
	workflow, run := e.Workflow, e.WorkflowID
	if e.WorkflowID == "" { // the newer family's jobs do not say
		run = e.JobID
		if len(r.Workflows) == 1 && !strings.ContainsAny(r.Workflows[0], `*?[\`) {
			workflow = r.Workflows[0]
		}
	}
	d.Deploy = job.Deploy{
		Key: e.PipelineID + "/" + workflow, Repository: r.Repository, Project: e.Slug, Pipeline: e.Number, Workflow: workflow,
		Branch: e.Branch, Tag: e.Tag, Commit: e.Commit, URL: e.URL, Happened: e.Happened, Run: run, Notify: r.Notify, Incident: r.Incident,
	}
	failed := e.Status == "failed" || e.Status == "error"
	switch {
	case e.Status == "success" && e.Type == webhook.WorkflowCompleted:
		d.Deploy.State, d.Decides = job.DeploySucceeded, true
	case !failed:
		return d, "nothing has failed"
	case e.Type == webhook.JobCompleted:
		d.Deploy.State, d.Deploy.Jobs = job.DeployFailed, []job.FailedJob{{Run: run, Name: e.Job}}
		d.Decides = slices.Contains(r.Jobs, e.Job)
	case len(r.Jobs) > 0:
		return d, "its jobs decide, not the workflow"
	default:
		d.Deploy.State, d.Decides = job.DeployFailed, true
	}
	return d, ""
}

func matches(patterns []string, name string) bool {
	return name != "" && slices.ContainsFunc(patterns, func(pattern string) bool {
		fits, err := path.Match(pattern, name)
		return err == nil && fits
	})
}

// maxDeployRules bounds the file, in bytes.
const maxDeployRules = 256 << 10

// deploys reads the file that deploys_file names.
func (l *loader) deploys(value string) []DeployRule {
	file := l.file(value)
	content, err := os.ReadFile(file)
	if err != nil {
		l.mistake("%v", err)
		return nil
	}
	defer func(where string) { l.where = where }(l.where)
	at := func(line int) { l.where = fmt.Sprintf("%s:%d", file, line) }
	root, problems := yamltree.Parse(bytes.TrimPrefix(content, []byte("\ufeff")), 1, maxDeployRules)
	for _, p := range problems {
		at(p.Line)
		l.mistake("%s", p.Message)
	}
	if len(problems) > 0 {
		return nil
	}
	at(1)
	if root == nil || root.Kind != yaml.MappingNode || len(root.Content) != 2 || root.Content[0].Value != "deploys" || root.Content[1].Kind != yaml.SequenceNode {
		l.mistake(`expected a list "deploys:", each with project, repository, workflows, and branches or tags`)
		return nil
	}
	var rules []DeployRule
	for _, node := range root.Content[1].Content {
		at(node.Line)
		if node.Kind != yaml.MappingNode {
			l.mistake("a deploy is %s, expected keys such as project", yamltree.Describe(node))
			continue
		}
		before := len(l.mistakes)
		rule := l.deploy(node, at)
		if len(l.mistakes) == before {
			rules = append(rules, rule)
		}
	}
	if len(root.Content[1].Content) == 0 {
		l.mistake("there is no deploy in it")
	}
	return rules
}

var (
	repositoryForm = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z-]{0,38}/[\w.-]{1,100}$`)
	channelForm    = regexp.MustCompile(`^(#[^\s#@,<>]{1,80}|[CG][0-9A-Z]{8,20})$`)
)

// deploy reads one deploy.
func (l *loader) deploy(node *yaml.Node, at func(line int)) DeployRule {
	var r DeployRule
	texts := map[string]*string{"project": &r.Project, "repository": &r.Repository, "notify": &r.Notify, "incident": &r.Incident}
	lists := map[string]*[]string{"workflows": &r.Workflows, "jobs": &r.Jobs, "branches": &r.Branches, "tags": &r.Tags}
	known := []string{"project", "repository", "workflows", "jobs", "branches", "tags", "notify", "incident"}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, v := node.Content[i], node.Content[i+1]
		at(key.Line)
		switch {
		case texts[key.Value] != nil && v.Kind == yaml.ScalarNode && v.Value != "":
			*texts[key.Value] = v.Value
		case lists[key.Value] != nil && v.Kind == yaml.ScalarNode && v.Value != "":
			*lists[key.Value] = []string{v.Value}
		case lists[key.Value] != nil && v.Kind == yaml.SequenceNode && len(v.Content) > 0:
			for _, item := range v.Content {
				if item.Kind != yaml.ScalarNode || item.Value == "" {
					l.mistake("%s: an item is %s, expected a name", key.Value, yamltree.Describe(item))
				}
				*lists[key.Value] = append(*lists[key.Value], item.Value)
			}
		case texts[key.Value] != nil || lists[key.Value] != nil:
			l.mistake("%s is %s, expected a name", key.Value, yamltree.Describe(v))
		default:
			meant := "the keys are " + strings.Join(known, ", ")
			if near := yamltree.Nearest(key.Value, known); near != "" {
				meant = fmt.Sprintf("did you mean %q?", near)
			}
			l.mistake("there is no %s; %s", yamltree.Quote(key.Value), meant)
		}
	}
	at(node.Line)
	slug, isSlug := webhook.Slug(r.Project)
	switch {
	case !isSlug:
		l.mistake("project: expected the slug of CircleCI's project settings, such as gh/acme/orders or circleci/ORGANIZATION/PROJECT")
	case !repositoryForm.MatchString(r.Repository):
		l.mistake("repository: expected OWNER/NAME")
	case len(r.Workflows) == 0:
		l.mistake("workflows: name those that deploy")
	case len(r.Branches)+len(r.Tags) == 0:
		l.mistake("branches or tags: name those that are deployed, or the failure of any branch would count")
	case r.Notify == "" && r.Incident == "":
		l.mistake("nothing is started when it fails: name a Slack channel by notify, or a severity by incident")
	case r.Notify != "" && !channelForm.MatchString(r.Notify):
		l.mistake(`notify: expected a Slack channel, such as "#deploys" (in quotes) or its id`)
	}
	for _, pattern := range slices.Concat(r.Workflows, r.Branches, r.Tags) {
		if _, err := path.Match(pattern, ""); err != nil {
			l.mistake("%s is no pattern: * is any text, [ ] are some characters", yamltree.Quote(pattern))
		}
	}
	r.Project = slug
	return r
}
