package facts

// Pipeline is how the head is built and deployed, by the files of CircleCI and GitHub
// Actions. It is read only where the change touches those files or adds a migration;
// else it has no providers.
type Pipeline struct {
	Touched   bool               `json:"touched"` // the change edits one of the files
	Providers []PipelineProvider `json:"providers"`
}

// PipelineProvider is a service that runs workflows.
type PipelineProvider struct {
	Name      string     `json:"name"` // circleci | github-actions
	Workflows []Workflow `json:"workflows"`
	Problems  []Problem  `json:"problems"` // pieces of files that could not be read
}

// Workflow is a set of jobs that are started together.
type Workflow struct {
	Name    string        `json:"name"`
	Place   Place         `json:"place"`
	Touched bool          `json:"touched"` // the change edits a file that it is made of
	Events  []string      `json:"events"`  // what starts it, as GitHub names it; empty for CircleCI
	After   []string      `json:"after"`   // names of workflows whose end starts it
	Jobs    []PipelineJob `json:"jobs"`
}

// PipelineJob is a job as a workflow runs it.
type PipelineJob struct {
	Name        string   `json:"name"`
	Place       Place    `json:"place"`
	Requires    []string `json:"requires"`              // what it names itself
	Needs       []string `json:"needs"`                 // all that have succeeded before it runs
	Follows     []string `json:"follows"`               // those whose failure makes it run
	Environment string   `json:"environment,omitempty"` // of a deploy: production | staging (any that serves nobody) | preview; "" = not told
	Does        []Doing  `json:"does"`
}

// Doing is one thing that a job is for.
type Doing struct {
	Kind     string `json:"kind"` // deploy | check | health-check | canary | rollback | notification | test | approval
	Why      string `json:"why"`  // what says so, as it is written there
	Place    Place  `json:"place"`
	Step     int    `json:"step"`     // its place among the steps of the job, from 0
	Runs     string `json:"runs"`     // success | failure | always
	Advisory bool   `json:"advisory"` // the job goes on when it fails
	Chosen   bool   `json:"chosen"`   // the project's configuration says so
	Opaque   bool   `json:"opaque"`   // what else it does is not seen: it lies in an orb, an action or a workflow of another repository
}

// Runbook is a document that says how to carry a migration out.
type Runbook struct {
	Path   string   `json:"path"`
	Names  []string `json:"names"`  // paths of the change's migrations that it names
	Status string   `json:"status"` // as File.Status; "" = the change does not touch it
}

// Judged is a finding of another rule, as the rules see it that run after the others.
type Judged struct {
	Rule       string  `json:"rule"`
	Category   string  `json:"category"` // of the rule; "own" for the project's
	Severity   string  `json:"severity"`
	Place      Place   `json:"place"`
	CausedBy   []Place `json:"caused_by"`
	Suppressed bool    `json:"suppressed"`
	Fails      bool    `json:"fails"` // the check fails on its severity, or would if it were not suppressed
}
