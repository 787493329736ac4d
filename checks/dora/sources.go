package dora

import (
	"cmp"
	"errors"

	"github.com/pmcheck/pmcheck/checks/change"
	"github.com/pmcheck/pmcheck/checks/config"
)

// ErrNoSource says that nothing names where deployments are found.
var ErrNoSource = errors.New("nothing says where deployments are found: name CircleCI's job or workflow that deploys (--deploy-job, --deploy-workflow), " +
	"an environment of GitHub's deployments (--github-environment), or a pattern of tags (--tags 'v*'); or put it under dora: deploys: in .pmcheck.yml")

// Configured is where deployments are found: as flags say, else as dora: deploys: does, else as deploy: does. The first of
// these that names a way is taken alone, except for the project and the branch. From is the way in what is returned.
func Configured(flags config.Deploys, c *config.Config) (config.Deploys, error) {
	general := config.Deploys{Job: c.Deploy.Job, Workflow: c.Deploy.Workflow}
	if way(general) == "" && change.IsGlob(c.Deploy.Ref) {
		general.Tags = []string{c.Deploy.Ref}
	}
	wanted := cmp.Or(flags.From, c.Dora.Deploys.From)
	var chosen config.Deploys
	for _, from := range []config.Deploys{flags, c.Dora.Deploys, general} {
		if from.From == "" {
			from.From = wanted
		}
		if chosen.From = way(from); chosen.From != "" {
			chosen.Job, chosen.Workflow, chosen.Environment, chosen.Tags = from.Job, from.Workflow, from.Environment, from.Tags
			break
		}
	}
	if chosen.From == "" {
		return chosen, ErrNoSource
	}
	chosen.Project = cmp.Or(flags.Project, c.Dora.Deploys.Project, c.Deploy.Project)
	chosen.Branch = cmp.Or(flags.Branch, c.Dora.Deploys.Branch, c.Deploy.Branch)
	chosen.Rework = c.Dora.Deploys.Rework
	return chosen, nil
}

// way is the source that some names are of: the one that is wanted, else CircleCI, GitHub and tags in this order; "" for none.
func way(d config.Deploys) string {
	for _, w := range []struct {
		way   string
		named bool
	}{{"circleci", d.Job != "" || d.Workflow != ""}, {"github", d.Environment != ""}, {"tags", len(d.Tags) > 0}} {
		if w.named && (d.From == "" || d.From == w.way) {
			return w.way
		}
	}
	return ""
}
