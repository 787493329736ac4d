package circleci

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Order is a call that starts something at CircleCI. It can be shown before it is sent.
type Order struct {
	call
	kind orderKind
}

type orderKind int

const (
	trigger orderKind = iota
	rollback
	rerun
)

// Limits of a pipeline's parameters (API v2, triggerPipeline).
const (
	maxParameters = 100
	maxKey        = 128
	maxValue      = 512
)

// CheckParameters says what of a pipeline's parameters CircleCI would refuse whatever the configuration declares. Values are
// strings, booleans and integers.
func CheckParameters(parameters map[string]any) error {
	if len(parameters) > maxParameters {
		return fmt.Errorf("%d parameters: CircleCI takes %d", len(parameters), maxParameters)
	}
	for name, value := range parameters {
		if name == "" || len(name) > maxKey {
			return fmt.Errorf("the parameter %.40q: a name has 1 to %d bytes", name, maxKey)
		}
		if text, ok := value.(string); ok && len(text) > maxValue {
			return fmt.Errorf("the parameter %s: a value has %d bytes at most, this one %d", name, maxValue, len(text))
		}
	}
	return nil
}

// NewPipeline is a pipeline to start.
type NewPipeline struct {
	Project    string // the slug
	Definition string // the id of a pipeline definition, for projects through the GitHub App; "" = the project's only pipeline
	Branch     string // whose configuration runs, and whose commit is checked out
	Tag        string // that is checked out in place of the branch; without a definition its configuration runs too
	Parameters map[string]any
}

// Order is the call that starts the pipeline (API v2: triggerPipeline, and triggerPipelineRun where there is a definition).
func (p NewPipeline) Order() (Order, error) {
	slug, err := slugPath(p.Project)
	if err != nil {
		return Order{}, err
	}
	if err := CheckParameters(p.Parameters); err != nil {
		return Order{}, err
	}
	ref := map[string]string{"branch": p.Branch}
	if p.Tag != "" {
		ref = map[string]string{"tag": p.Tag}
	}
	body := map[string]any{}
	path := "/project/" + slug + "/pipeline"
	if p.Definition != "" {
		path += "/run"
		body["definition_id"], body["checkout"], body["config"] = p.Definition, ref, ref
		if p.Branch != "" {
			body["config"] = map[string]string{"branch": p.Branch}
		}
	} else {
		for name, value := range ref {
			body[name] = value
		}
	}
	if len(p.Parameters) > 0 {
		body["parameters"] = p.Parameters
	}
	return order(trigger, "start a pipeline of", "the project "+p.Project, path, body)
}

// DeployRollback is a rollback as CircleCI's Deploys know it. CircleCI refuses it when Current is not what is live.
type DeployRollback struct {
	ProjectID   string
	Component   string
	Environment string
	Namespace   string // "" = the default one
	Current     string // names of versions, as deploy markers have them
	Target      string
	Reason      string
	Parameters  map[string]any // of the rollback pipeline
}

// Order is the call that asks for the rollback (mcp-server-circleci, src/clients/circleci/deploys.ts, runRollbackPipeline).
func (r DeployRollback) Order() (Order, error) {
	if r.ProjectID == "" || r.Component == "" || r.Environment == "" || r.Current == "" || r.Target == "" {
		return Order{}, errors.New("a rollback through CircleCI's Deploys needs a component, an environment, the version that is live and the one that comes back")
	}
	if err := CheckParameters(r.Parameters); err != nil {
		return Order{}, err
	}
	body := map[string]any{"component_name": r.Component, "environment_name": r.Environment, "current_version": r.Current, "target_version": r.Target}
	if r.Namespace != "" {
		body["namespace"] = r.Namespace
	}
	if r.Reason != "" {
		body["reason"] = r.Reason
	}
	if len(r.Parameters) > 0 {
		body["parameters"] = r.Parameters
	}
	return order(rollback, "roll back", fmt.Sprintf("%s in %s", r.Component, r.Environment), "/projects/"+url.PathEscape(r.ProjectID)+"/rollback", body)
}

// Rerun is the call that runs a whole workflow again (API v2: rerunWorkflow).
func Rerun(workflowID, name string) (Order, error) {
	if workflowID == "" {
		return Order{}, errors.New("which workflow to run again is not known")
	}
	return order(rerun, "run again", "workflow "+name, "/workflow/"+url.PathEscape(workflowID)+"/rerun", map[string]any{"from_failed": false})
}

func order(kind orderKind, verb, about, path string, body any) (Order, error) {
	text, err := json.Marshal(body)
	return Order{call{verb: verb, about: about, path: path, body: text}, kind}, err
}

// Show is the method, address and body of a call; what it needs to be allowed is not in it.
func (c *Client) Show(o Order) (method, address string, body json.RawMessage) {
	return o.method(), c.address(o.call), o.body
}

// Started is what an order started.
type Started struct {
	Pipeline string // its id; "" = none that is known, as where a release agent carries out the rollback
	Number   int64
	Workflow string // of a rerun, its id; "" = it was not told
	By       string // of a rollback: what carries it out, as CircleCI says, "pipeline" ...
}

// Start makes a call once. The error is ErrMaybeDone when it is not known whether CircleCI did what it was asked to.
func (c *Client) Start(ctx context.Context, o Order) (Started, error) {
	var answer struct {
		ID           string `json:"id"`
		Number       int64  `json:"number"`
		WorkflowID   string `json:"workflow_id"`
		RollbackType string `json:"rollback_type"`
	}
	if err := c.do(ctx, o.call, &answer); err != nil {
		return Started{}, err
	}
	switch o.kind {
	case rerun:
		return Started{Workflow: answer.WorkflowID}, nil
	case rollback:
		s := Started{By: strings.ToLower(answer.RollbackType)}
		if s.By == "pipeline" {
			s.Pipeline = answer.ID
		}
		return s, nil
	}
	if answer.ID == "" {
		return Started{}, fmt.Errorf("CircleCI's answer about %s names no pipeline: %w", o.about, ErrMaybeDone)
	}
	return Started{Pipeline: answer.ID, Number: answer.Number}, nil
}
