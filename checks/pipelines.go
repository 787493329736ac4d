package checks

import (
	"slices"
	"sort"
	"strings"

	"github.com/pmcheck/pmcheck/checks/change"
	"github.com/pmcheck/pmcheck/checks/config"
	"github.com/pmcheck/pmcheck/checks/facts"
	"github.com/pmcheck/pmcheck/checks/pipeline"
)

// files lets package pipeline look at one side of the change.
type files struct{ *change.Tree }

// Under lists the paths that begin so.
func (f files) Under(dir string) []string {
	entries := f.Entries()
	var paths []string
	for i := sort.Search(len(entries), func(i int) bool { return entries[i].Path >= dir }); i < len(entries) && strings.HasPrefix(entries[i].Path, dir); i++ {
		paths = append(paths, entries[i].Path)
	}
	return paths
}

// Has tells that a path is in the tree.
func (f files) Has(path string) bool {
	_, ok := f.BlobID(path)
	return ok
}

// pipelines states how the head is built and deployed, where the change touches that
// or adds a migration, and which guardrails it takes out of it.
func (r *run) pipelines(document *facts.Facts) {
	touched := map[string]bool{}
	for _, f := range r.change.Files {
		for _, path := range []string{f.Path, f.OldPath} {
			if path != "" && r.fileKind(path) == "pipeline" {
				touched[path] = true
			}
		}
	}
	document.Pipeline.Touched = len(touched) > 0
	if len(touched) == 0 && !addsMigration(document) {
		return
	}
	options := pipelineOptions(r.config)
	head := pipeline.Read(files{r.change.HeadTree()}, options)
	document.Pipeline.Providers = pipelineFacts(head, touched)
	if len(touched) > 0 {
		base := pipeline.Read(files{r.change.BaseTree()}, options)
		document.Postmortems.Removed = append(document.Postmortems.Removed, r.unchecked(base, head)...)
	}
}

// addsMigration tells that the change adds or edits a migration that is to be carried out.
func addsMigration(document *facts.Facts) bool {
	return slices.ContainsFunc(document.Migrations, func(m facts.Migration) bool {
		return m.Direction != "down" && (m.Status == "added" || m.Status == "edited")
	}) || slices.ContainsFunc(document.Databases, func(d facts.Database) bool {
		return slices.ContainsFunc(d.Unread, func(u facts.Unread) bool { return runs(u) && (u.Status == "added" || u.Status == "edited") })
	})
}

func pipelineOptions(c *config.Config) pipeline.Options {
	p := c.Pipeline
	return pipeline.Options{Ignore: p.NotDeploy, Jobs: map[pipeline.Kind][]string{
		pipeline.Deploy: p.Deploy, pipeline.Check: p.Check, pipeline.HealthCheck: p.HealthCheck, pipeline.Canary: p.Canary,
		pipeline.Rollback: p.Rollback, pipeline.Notification: p.Notification,
	}}
}

func pipelineFacts(p pipeline.Pipeline, touched map[string]bool) []facts.PipelineProvider {
	out := []facts.PipelineProvider{}
	for _, provider := range p.Providers {
		f := facts.PipelineProvider{Name: provider.Name, Workflows: []facts.Workflow{}, Problems: []facts.Problem{}}
		for _, problem := range provider.Problems {
			f.Problems = append(f.Problems, facts.Problem{Place: facts.Place{Path: problem.Path, Line: problem.Line}, Kind: "syntax", Reason: problem.Message})
		}
		for _, w := range provider.Workflows {
			f.Workflows = append(f.Workflows, workflowFacts(w, touched))
		}
		out = append(out, f)
	}
	return out
}

func workflowFacts(w pipeline.Workflow, touched map[string]bool) facts.Workflow {
	out := facts.Workflow{
		Name: valid(w.Name), Place: placeOf(w.Place), Touched: slices.ContainsFunc(w.Files, func(path string) bool { return touched[path] }),
		Events: valids(w.Events), After: valids(w.After), Jobs: []facts.PipelineJob{},
	}
	for _, j := range w.Jobs {
		job := facts.PipelineJob{
			Name: valid(j.Name), Place: placeOf(j.Place), Requires: valids(j.Requires), Needs: valids(j.Needs), Follows: valids(j.Follows),
			Environment: j.Environment, Does: []facts.Doing{},
		}
		for _, d := range j.Does {
			job.Does = append(job.Does, facts.Doing{Kind: string(d.Kind), Why: valid(d.Why), Place: placeOf(d.Place), Step: d.Step, Runs: d.Runs, Advisory: d.Advisory, Chosen: d.Chosen, Opaque: d.Opaque})
		}
		out.Jobs = append(out.Jobs, job)
	}
	return out
}

func placeOf(p pipeline.Place) facts.Place { return facts.Place{Path: p.Path, Line: p.Line} }

func valid(s string) string { return strings.ToValidUTF8(s, "\ufffd") }

func valids(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = valid(s)
	}
	return out
}

// unchecked states where the base ran pmcheck and the head does not.
func (r *run) unchecked(base, head pipeline.Pipeline) []facts.RemovedItem {
	renamed := map[string]string{}
	for _, f := range r.change.Files {
		if f.OldPath != "" {
			renamed[f.OldPath] = f.Path
		}
	}
	var out []facts.RemovedItem
	for _, was := range base.Providers {
		is := provider(head, was.Name)
		// A file that cannot be read runs nothing, and has a problem of its own.
		for _, w := range was.Workflows {
			check, checks := checkOf(w, false)
			if !checks {
				continue
			}
			item := facts.RemovedItem{Workflow: valid(w.Name), Place: placeOf(check)}
			item.Place.Side = "base"
			now, exists := successor(w, is, renamed)
			_, still := checkOf(now, false)
			advisory, some := checkOf(now, true)
			switch {
			case exists && still:
				out = append(out, overtaken(w, now)...)
			case exists && some:
				item.What, item.Place = "check-advisory", placeOf(advisory)
				out = append(out, item)
			case !moved(w, was, is):
				item.What = "check"
				out = append(out, item)
			}
		}
	}
	return out
}

func provider(p pipeline.Pipeline, name string) pipeline.Provider {
	for _, provider := range p.Providers {
		if provider.Name == name {
			return provider
		}
	}
	return pipeline.Provider{}
}

// successor is a workflow as the head has it: by its file and name, else by one of them.
func successor(w pipeline.Workflow, in pipeline.Provider, renamed map[string]string) (pipeline.Workflow, bool) {
	path := w.Place.Path
	if to := renamed[path]; to != "" {
		path = to
	}
	for _, fits := range []func(pipeline.Workflow) bool{
		func(o pipeline.Workflow) bool { return o.Place.Path == path && o.Name == w.Name },
		func(o pipeline.Workflow) bool { return o.Place.Path == path && in.Name == pipeline.GitHub }, // a file holds one
		func(o pipeline.Workflow) bool { return o.Name == w.Name },
	} {
		if i := slices.IndexFunc(in.Workflows, fits); i >= 0 {
			return in.Workflows[i], true
		}
	}
	return pipeline.Workflow{}, false
}

// checkOf is where a workflow runs pmcheck: so that its failure counts, or only so that
// the job goes on when it fails.
func checkOf(w pipeline.Workflow, advisory bool) (pipeline.Place, bool) {
	for _, j := range w.Jobs {
		for _, d := range j.Does {
			if d.Kind == pipeline.Check && d.Advisory == advisory {
				return d.Place, true
			}
		}
	}
	return pipeline.Place{}, false
}

// moved tells that a workflow that did not run pmcheck runs it at the head, on what the old one ran on.
func moved(w pipeline.Workflow, was, is pipeline.Provider) bool {
	return slices.ContainsFunc(is.Workflows, func(o pipeline.Workflow) bool {
		if _, checks := checkOf(o, false); !checks {
			return false
		}
		for _, old := range was.Workflows {
			if _, checked := checkOf(old, false); checked && old.Name == o.Name && old.Place.Path == o.Place.Path {
				return false
			}
		}
		return !slices.ContainsFunc(w.Events, func(e string) bool { return e != "workflow_dispatch" && !slices.Contains(o.Events, e) })
	})
}

// overtaken are the deploys of a workflow that waited for pmcheck and no longer do.
func overtaken(was, is pipeline.Workflow) []facts.RemovedItem {
	var out []facts.RemovedItem
	for _, j := range was.Jobs {
		if !j.Deploys() || !was.ChecksBefore(j) {
			continue
		}
		i := slices.IndexFunc(is.Jobs, func(o pipeline.Job) bool { return o.Name == j.Name })
		if i >= 0 && is.Jobs[i].Deploys() && !is.ChecksBefore(is.Jobs[i]) {
			out = append(out, facts.RemovedItem{What: "check-before", Workflow: valid(was.Name), Job: valid(j.Name), Place: placeOf(is.Jobs[i].Place)})
		}
	}
	return out
}
