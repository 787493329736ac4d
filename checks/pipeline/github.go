package pipeline

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

const githubWorkflows = ".github/workflows"

// isAction tells that a file is the description of an action.
func isAction(name string) bool {
	base := path.Base(name)
	return base == "action.yml" || base == "action.yaml"
}

// github reads GitHub's workflows (GitHub, Workflow syntax for GitHub Actions).
type github struct {
	files    *files
	options  Options
	provider Provider
	budget   int // steps that may still be read
	jobs     int // that may still be read
}

func readGitHub(f *files, o Options) (Provider, bool) {
	g := &github{files: f, options: o, provider: Provider{Name: GitHub}, budget: maxSteps, jobs: maxJobs}
	found := false
	for _, name := range f.tree.Under(githubWorkflows + "/") {
		if path.Dir(name) == githubWorkflows && IsFile(name) {
			found = true
			g.file(name)
		}
	}
	return g.provider, found
}

func (g *github) problem(path string, line int, format string, args ...any) {
	p := Problem{path, max(1, line), fmt.Sprintf(format, args...)}
	if !slices.Contains(g.provider.Problems, p) {
		g.provider.Problems = append(g.provider.Problems, p)
	}
}

func (g *github) yaml(name string) *yaml.Node {
	root := g.files.yaml(name, func(line int, message string) { g.problem(name, line, "%s", message) })
	if root != nil && root.Kind != yaml.MappingNode {
		g.problem(name, root.Line, "expected name, on and jobs")
		return nil
	}
	return root
}

// file reads one workflow. One that is only called by others is read where it is called.
func (g *github) file(name string) {
	root := g.yaml(name)
	if root == nil {
		return
	}
	w := Workflow{Name: scalar(get(root, "name")), Place: Place{name, 1}, Files: []string{name}}
	if w.Name == "" {
		w.Name = path.Base(name)
	}
	on := get(root, "on")
	switch {
	case on == nil:
	case on.Kind == yaml.MappingNode:
		each(on, func(key, _ *yaml.Node) { w.Events = append(w.Events, key.Value) })
	default:
		w.Events = texts(on)
	}
	w.After = texts(get(get(on, "workflow_run"), "workflows"))
	if len(w.Events) == 1 && w.Events[0] == "workflow_call" {
		return
	}
	failed := workflowFailed(root)
	r := reading{github: g, workflow: &w, path: name}
	jobs := r.read(root, inputsOf(get(get(on, "workflow_dispatch"), "inputs"), nil), "", nil)
	w.Files = unique(w.Files)
	previews := len(w.Events) > 0 && !slices.ContainsFunc(w.Events, func(e string) bool {
		return !slices.Contains([]string{"pull_request", "pull_request_target", "issue_comment", "pull_request_review"}, e)
	})
	for _, j := range jobs {
		if failed {
			j.runs = OnFailure
		}
		j.classify(about{workflow: strings.TrimSuffix(path.Base(name), path.Ext(name)) + " " + scalar(get(root, "name")), preview: previews}, g.options, scriptReader(g.files, ""))
	}
	w.Jobs = connected(jobs)
	g.provider.Workflows = append(g.provider.Workflows, w)
}

// workflowFailed tells that every job of a workflow runs after another one has failed.
func workflowFailed(root *yaml.Node) bool {
	all, some := true, false
	each(get(root, "jobs"), func(_, job *yaml.Node) {
		some = true
		condition := scalar(get(job, "if"))
		if !strings.Contains(condition, "workflow_run.conclusion") || !strings.Contains(condition, "'failure'") || strings.Contains(condition, "!= 'failure'") {
			all = false
		}
	})
	return all && some
}

// reading reads the jobs of one workflow, and of those that it calls.
type reading struct {
	*github
	workflow *Workflow
	path     string
	callers  []string // the files of the workflows that call this one
}

// inputsOf are the values of inputs: what is given, and the defaults of the others.
func inputsOf(declared *yaml.Node, given map[string]string) map[string]string {
	values := map[string]string{}
	each(declared, func(key, v *yaml.Node) {
		if d := scalar(get(v, "default")); d != "" {
			values["inputs."+key.Value] = d
		}
	})
	for key, v := range given {
		values["inputs."+key] = v
	}
	return values
}

// read reads the jobs of a workflow. prefix is the name of the job that calls it, and
// before what that job needs.
func (r reading) read(root *yaml.Node, inputs map[string]string, prefix string, before []need) []*raw {
	var out []*raw
	name := func(id string) string {
		if prefix == "" {
			return id
		}
		return prefix + "/" + id
	}
	jobs := get(root, "jobs")
	if len(items(jobs)) > 0 && jobs.Kind != yaml.MappingNode {
		r.problem(r.path, jobs.Line, "jobs: expected a name with steps for each")
	}
	each(jobs, func(key, job *yaml.Node) {
		if job.Kind != yaml.MappingNode {
			r.problem(r.path, key.Line, "job %s: expected runs-on and steps, or uses", key.Value)
			return
		}
		if r.jobs--; r.jobs < 0 {
			if r.jobs == -1 {
				r.problem(r.path, key.Line, "more than %d jobs in the workflows: the rest is not read", maxJobs)
			}
			return
		}
		values := withMatrix(inputs, get(get(job, "strategy"), "matrix"))
		j := &raw{advisory: isTrue(get(job, "continue-on-error"))}
		j.Name, j.said, j.Place = name(key.Value), key.Value, Place{r.path, key.Line}
		j.names = []string{key.Value, j.Name, fill(scalar(get(job, "name")), values)}
		condition := scalar(get(job, "if"))
		runs, never := runsIf(condition)
		if never {
			return
		}
		j.runs = runs
		j.Requires = texts(get(job, "needs"))
		for _, id := range j.Requires {
			n := need{job: name(id), runs: runs, deep: true}
			if runs == Always && succeeded(condition, id) {
				n.runs = OnSuccess
			}
			j.needs = append(j.needs, n)
		}
		if len(j.needs) == 0 {
			j.needs = append(j.needs, before...)
		}
		if e := get(job, "environment"); e != nil {
			j.environment = fill(scalar(e), values)
			if e.Kind == yaml.MappingNode {
				j.environment = fill(scalar(get(e, "name")), values)
			}
			if environmentOf(j.environment) == "" {
				j.hints = append(j.hints, j.environment)
			}
		}
		if display := fill(scalar(get(job, "name")), values); display != "" {
			j.hints = append(j.hints, display)
		}
		uses := scalar(get(job, "uses"))
		if uses == "" {
			for i, s := range items(get(job, "steps")) {
				j.steps = append(j.steps, r.step(s, values, 0, i)...)
			}
			out = append(out, j)
			return
		}
		with := map[string]string{}
		each(get(job, "with"), func(key, v *yaml.Node) {
			with[key.Value] = fill(scalar(v), values)
			if namesEnvironment.MatchString(key.Value) {
				j.hints = append(j.hints, with[key.Value])
			}
		})
		out = append(out, j)
		local, isLocal := strings.CutPrefix(uses, "./")
		if !isLocal {
			full, _, _ := strings.Cut(uses, "@")
			j.steps = []step{{place: j.Place, element: element{full, dashed(with)}}}
			return
		}
		called := r
		called.path, called.callers = path.Clean(local), append(slices.Clone(r.callers), r.path)
		if slices.Contains(called.callers, called.path) || len(called.callers) > maxCalls {
			r.problem(r.path, key.Line, "job %s: the workflows call each other in a circle, or too deeply", key.Value)
			return
		}
		if !r.files.tree.Has(called.path) {
			r.problem(r.path, key.Line, "job %s uses %s: there is no such file", key.Value, uses)
			return
		}
		callee := r.yaml(called.path)
		if callee == nil {
			return
		}
		r.workflow.Files = append(r.workflow.Files, called.path)
		inner := called.read(callee, inputsOf(get(get(get(callee, "on"), "workflow_call"), "inputs"), with), j.Name, j.needs)
		for _, i := range inner {
			i.hints = append(i.hints, j.hints...)
			i.hints = append(i.hints, key.Value)
			i.names = append(i.names, j.names...)
			i.runs = together(j.runs, i.runs)
			i.advisory = i.advisory || j.advisory
			j.needs = append(j.needs, need{job: i.Name, runs: OnSuccess}) // what needs the job needs all that it calls
		}
		out = append(out, inner...)
	})
	return out
}

func dashed(with map[string]string) map[string]string {
	out := make(map[string]string, len(with))
	for key, v := range with {
		out[strings.ReplaceAll(strings.ToLower(key), "_", "-")] = v
	}
	return out
}

// step reads a step of a job, and those of an action of the repository that it uses.
func (r reading) step(n *yaml.Node, values map[string]string, depth, _ int) []step {
	if r.budget--; r.budget < 0 || depth > maxNesting || n.Kind != yaml.MappingNode {
		return nil
	}
	s := step{place: Place{r.path, n.Line}, name: fill(scalar(get(n, "name")), values), advisory: isTrue(get(n, "continue-on-error"))}
	condition := scalar(get(n, "if"))
	runs, never := runsIf(condition)
	if never {
		return nil
	}
	s.runs = runs
	if run := get(n, "run"); run != nil {
		s.run, s.line = fill(scalar(run), values), firstLine(run)
		return []step{s}
	}
	uses := scalar(get(n, "uses"))
	if uses == "" {
		return nil
	}
	with := map[string]string{}
	each(get(n, "with"), func(key, v *yaml.Node) { with[key.Value] = fill(scalar(v), values) })
	local, isLocal := strings.CutPrefix(uses, "./")
	if !isLocal {
		full, _, _ := strings.Cut(uses, "@")
		s.element = element{full, dashed(with)}
		if script := get(get(n, "with"), "script"); script != nil && (strings.Contains(full, "ssh") || strings.Contains(full, "retry")) {
			s.run, s.line = fill(scalar(script), values), firstLine(script)
		} else if command := get(get(n, "with"), "command"); command != nil && strings.Contains(full, "retry") {
			s.run, s.line = fill(scalar(command), values), firstLine(command)
		}
		return []step{s}
	}
	file := ""
	for _, candidate := range []string{path.Join(local, "action.yml"), path.Join(local, "action.yaml")} {
		if r.files.tree.Has(candidate) {
			file = candidate
			break
		}
	}
	if file == "" { // it may come with a checkout
		s.element = element{name: path.Clean(local), with: dashed(with)}
		return []step{s}
	}
	root := r.yaml(file)
	if root == nil {
		return nil
	}
	r.workflow.Files = append(r.workflow.Files, file)
	if scalar(get(root, "name")) == "pmcheck" && local == "" { // the action in its own repository
		s.element = element{name: "pmcheck/pmcheck", with: dashed(with)}
		return []step{s}
	}
	inside := r
	inside.path = file
	var out []step
	for i, inner := range items(get(get(root, "runs"), "steps")) {
		for _, is := range inside.step(inner, inputsOf(get(root, "inputs"), with), depth+1, i) {
			is.place, is.line = s.place, 0
			is.runs = together(s.runs, is.runs)
			is.advisory = is.advisory || s.advisory
			if is.name == "" {
				is.name = path.Base(path.Clean(local))
			}
			if is.within = cmp.Or(s.name, path.Base(path.Clean(local))); !deploysFirst(is.within) {
				is.within = path.Base(path.Clean(local))
			}
			out = append(out, is)
		}
	}
	if len(out) == 0 { // one in JavaScript, or a container
		s.element = element{name: path.Clean(local), with: dashed(with)}
		return []step{s}
	}
	return out
}
