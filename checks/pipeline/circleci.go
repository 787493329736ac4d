package pipeline

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	circleDir    = ".circleci/"
	circleConfig = ".circleci/config.yml"
	// What CircleCI runs to take a deploy back (CircleCI, Set up rollbacks).
	circleRollback = ".circleci/rollback.yml"
)

// circle reads CircleCI's configuration (CircleCI's Configuration Reference).
type circle struct {
	files    *files
	options  Options
	provider Provider

	budget    int // steps that may still be read
	templates int // that may still be filled in

	path  string   // of the file that is read
	parts []*orb   // the other files of a setup workflow, whose elements the one that it makes may have
	root  *orb     // the file itself is like an orb
	pipe  *orbArgs // the defaults of the pipeline's parameters
}

// orb holds what can be referred to by name: the configuration's own elements,
// those of an inline orb, or nothing where the orb lies in the registry.
type orb struct {
	path           string // of its file
	source         string // "circleci/aws-ecs" of the registry; "" for one whose elements are known
	jobs, commands *yaml.Node
	orbs           map[string]*orb
}

// value is a value and where its own "<< parameters.x >>" come from.
type value struct {
	node *yaml.Node
	in   *orbArgs
}

// orbArgs are the parameters that hold inside of an element.
type orbArgs struct {
	orb    *orb // whose elements its steps refer to
	values map[string]value
	parent *orbArgs // what "<< matrix.x >>" and the like mean outside of elements
}

func readCircle(f *files, o Options) (Provider, bool) {
	if !f.tree.Has(circleConfig) {
		return Provider{}, false
	}
	c := &circle{files: f, options: o, provider: Provider{Name: CircleCI}, budget: maxSteps, templates: 10 * maxSteps}
	root := c.yaml(circleConfig)
	var others []string // that a setup workflow continues with, or makes such a one of
	if isTrue(get(root, "setup")) {
		for _, name := range f.tree.Under(circleDir) {
			if name != circleConfig && IsFile(name) {
				others = append(others, name)
				if part := c.yaml(name); part != nil {
					c.parts = append(c.parts, c.orb(part, name, 0))
				}
			}
		}
	}
	if f.tree.Has(circleRollback) && !slices.Contains(others, circleRollback) {
		others = append(others, circleRollback)
	}
	for _, name := range append([]string{circleConfig}, others...) {
		c.file(name)
	}
	for _, w := range c.provider.Workflows {
		if w.Place.Path == circleRollback {
			takesBack(w.Jobs)
		}
	}
	return c.provider, true
}

// takesBack says that what jobs deploy is an older release.
func takesBack(jobs []Job) {
	for _, j := range jobs {
		for i := range j.Does {
			if j.Does[i].Kind == Deploy {
				j.Does[i].Kind = Rollback
			}
		}
	}
}

func (c *circle) problem(line int, format string, args ...any) {
	p := Problem{c.path, max(1, line), fmt.Sprintf(format, args...)}
	if !slices.Contains(c.provider.Problems, p) {
		c.provider.Problems = append(c.provider.Problems, p)
	}
}

func (c *circle) yaml(name string) *yaml.Node {
	root := c.files.yaml(name, func(line int, message string) {
		c.provider.Problems = append(c.provider.Problems, Problem{name, line, message})
	})
	if root != nil && root.Kind != yaml.MappingNode {
		if name == circleConfig {
			c.provider.Problems = append(c.provider.Problems, Problem{name, root.Line, "expected version, jobs and workflows"})
		}
		return nil
	}
	return root
}

// file reads the workflows of one configuration.
func (c *circle) file(name string) {
	c.path = name
	root := c.yaml(name)
	if root == nil {
		return
	}
	c.root = c.orb(root, name, 0)
	c.pipe = &orbArgs{orb: c.root, values: map[string]value{}}
	each(get(root, "parameters"), func(key, v *yaml.Node) {
		if d := get(v, "default"); d != nil {
			c.pipe.values[key.Value] = value{d, nil}
		}
	})
	workflows := get(root, "workflows")
	if workflows == nil && get(get(root, "jobs"), "build") != nil { // version 2 without workflows runs this one
		w := Workflow{Name: "build", Place: Place{name, get(root, "jobs").Line}, Files: []string{name}}
		c.jobs(&w, []*yaml.Node{{Kind: yaml.ScalarNode, Tag: "!!str", Value: "build", Line: get(get(root, "jobs"), "build").Line}})
		c.provider.Workflows = append(c.provider.Workflows, w)
	}
	if workflows != nil && workflows.Kind != yaml.MappingNode {
		c.problem(workflows.Line, "workflows: expected a name with jobs for each")
	}
	each(workflows, func(key, v *yaml.Node) {
		if key.Value == "version" {
			return
		}
		if c.condition(get(v, "when"), c.pipe) == no || c.condition(get(v, "unless"), c.pipe) == yes {
			return
		}
		jobs := get(v, "jobs")
		if jobs == nil || jobs.Kind != yaml.SequenceNode {
			c.problem(key.Line, "workflow %s: expected a list of jobs", key.Value)
			return
		}
		w := Workflow{Name: key.Value, Place: Place{name, key.Line}, Files: []string{name}}
		c.jobs(&w, jobs.Content)
		c.provider.Workflows = append(c.provider.Workflows, w)
	})
}

// orb reads the elements of a configuration or of an inline orb.
func (c *circle) orb(n *yaml.Node, path string, depth int) *orb {
	o := &orb{path: path, jobs: get(n, "jobs"), commands: get(n, "commands"), orbs: map[string]*orb{}}
	each(get(n, "orbs"), func(key, v *yaml.Node) {
		switch {
		case v.Kind == yaml.ScalarNode:
			source, _, _ := strings.Cut(v.Value, "@")
			o.orbs[key.Value] = &orb{source: source}
		case v.Kind == yaml.MappingNode && depth < maxNesting:
			o.orbs[key.Value] = c.orb(v, path, depth+1)
		}
	})
	return o
}

// find looks an element up in an orb, and for the configuration itself in the other
// files that it may be put together with.
func (c *circle) find(o *orb, name string, in func(*orb) *yaml.Node) (node *yaml.Node, of *orb, full string) {
	node, of, full = o.find(name, in)
	known := node != nil || full != "" && full != name
	for i := 0; !known && i < len(c.parts); i++ {
		if n, part, f := c.parts[i].find(name, in); n != nil || f != "" && f != name {
			return n, part, f
		}
	}
	return node, of, full
}

// find looks an element up: "name", or "orb/name". It gives the orb whose elements its
// steps refer to, and the element's full name where it lies in the registry.
func (o *orb) find(name string, in func(*orb) *yaml.Node) (node *yaml.Node, of *orb, full string) {
	prefix, rest, isOrb := strings.Cut(name, "/")
	if !isOrb {
		return get(in(o), name), o, ""
	}
	switch inner := o.orbs[prefix]; {
	case inner == nil:
		return nil, o, name
	case inner.source != "":
		return nil, inner, inner.source + "/" + rest
	default:
		return get(in(inner), rest), inner, ""
	}
}

func jobsOf(o *orb) *yaml.Node     { return o.jobs }
func commandsOf(o *orb) *yaml.Node { return o.commands }

// reserved are the keys of a job in a workflow that are no parameters of the job.
var reserved = []string{"requires", "name", "context", "filters", "matrix", "type", "pre-steps", "post-steps", "serial-group", "override-with"}

// jobs reads the jobs of a workflow.
func (c *circle) jobs(w *Workflow, list []*yaml.Node) {
	var jobs []*raw
	aliases := map[string][]string{} // by which a matrix may be required, and what they are then
	for _, item := range list {
		name, args := item, (*yaml.Node)(nil)
		if item.Kind == yaml.MappingNode && len(item.Content) >= 2 {
			name, args = item.Content[0], item.Content[1]
		}
		if name.Kind != yaml.ScalarNode {
			c.problem(item.Line, "workflow %s: a job is a name, or a name with parameters", w.Name)
			continue
		}
		for i, combination := range combinations(get(get(args, "matrix"), "parameters"), get(get(args, "matrix"), "exclude")) {
			if len(jobs) >= maxJobs {
				c.problem(item.Line, "more than %d jobs in workflow %s: the rest is not read", maxJobs, w.Name)
				break
			}
			j := c.job(name, args, combination)
			if i > 0 || len(combination.names) > 0 {
				alias := scalar(get(get(args, "matrix"), "alias"))
				if alias == "" {
					alias = name.Value
				}
				aliases[alias] = append(aliases[alias], j.Name)
				if base := scalar(get(args, "name")); base != "" && !strings.Contains(base, "<<") {
					aliases[base] = append(aliases[base], j.Name)
				}
			}
			jobs = append(jobs, j)
		}
	}
	number(jobs)
	for _, j := range jobs {
		var needs []need
		for _, n := range j.needs {
			if also := aliases[n.job]; len(also) > 0 && !slices.ContainsFunc(jobs, func(o *raw) bool { return o.Name == n.job }) {
				for _, name := range also {
					needs = append(needs, need{job: name, runs: n.runs, deep: n.deep})
				}
				continue
			}
			needs = append(needs, n)
		}
		j.needs = needs
	}
	scripts := scriptReader(c.files, "")
	for _, j := range jobs {
		j.classify(about{workflow: w.Name}, c.options, scripts)
	}
	w.Jobs = connected(jobs)
}

// number makes equal names differ, as CircleCI does.
func number(jobs []*raw) {
	count := map[string]int{}
	for _, j := range jobs {
		count[j.Name]++
	}
	seen := map[string]int{}
	for _, j := range jobs {
		if n := count[j.Name]; n > 1 {
			seen[j.Name]++
			j.Name = fmt.Sprintf("%s-%d", j.Name, seen[j.Name])
		}
	}
}

// job reads one job of a workflow.
func (c *circle) job(name, args *yaml.Node, m combination) *raw {
	outside := &orbArgs{orb: c.root, values: m.values, parent: c.pipe}
	j := &raw{runs: OnSuccess}
	j.Name = name.Value
	if called := get(args, "name"); called != nil {
		j.Name = c.text(called, outside)
	} else if len(m.names) > 0 {
		j.Name += "-" + strings.Join(m.names, "-")
	}
	j.Place = Place{c.path, name.Line}
	j.names = []string{j.Name, name.Value}
	c.requires(j, get(args, "requires"), outside)
	for _, n := range items(get(args, "context")) {
		j.hints = append(j.hints, c.text(n, outside))
	}
	switch scalar(get(args, "type")) {
	case "approval":
		j.approval = true
		return j
	case "no-op":
		return j
	}
	params := map[string]value{}
	with := map[string]string{}
	give := func(key string, v value) {
		params[key] = v
		if v.node != nil && v.node.Kind == yaml.ScalarNode {
			text := c.text(v.node, v.in)
			with[strings.ReplaceAll(strings.ToLower(key), "_", "-")] = text
			if namesEnvironment.MatchString(key) {
				j.hints = append(j.hints, text)
			}
		}
	}
	for key, v := range m.values {
		give(key, v)
	}
	each(args, func(key, v *yaml.Node) {
		if !slices.Contains(reserved, key.Value) {
			give(key.Value, value{v, outside})
		}
	})
	j.steps = c.steps(get(args, "pre-steps"), outside, 0, "")
	node, of, full := c.find(c.root, name.Value, jobsOf)
	switch {
	case full != "": // an orb of the registry: what its job does is known by its name
		j.steps = append(j.steps, step{place: j.Place, element: element{full, with}})
	case node == nil:
		if len(c.parts) == 0 {
			c.problem(name.Line, "there is no job %s", name.Value)
		}
	default:
		if scalar(get(node, "type")) == "approval" {
			j.approval = true
		}
		if scalar(get(node, "type")) == "release" {
			j.hints = append(j.hints, scalar(get(node, "plan_name")))
		}
		inside := &orbArgs{orb: of, values: withDefaults(get(node, "parameters"), params), parent: c.pipe}
		j.steps = append(j.steps, c.steps(get(node, "steps"), inside, 0, "")...)
	}
	j.steps = append(j.steps, c.steps(get(args, "post-steps"), outside, 0, "")...)
	return j
}

// requires reads what a job waits for: names, and names with statuses.
func (c *circle) requires(j *raw, list *yaml.Node, in *orbArgs) {
	for _, item := range items(list) {
		if item.Kind == yaml.ScalarNode {
			name := c.text(item, in)
			j.Requires = append(j.Requires, name)
			j.needs = append(j.needs, need{job: name, runs: OnSuccess})
			continue
		}
		each(item, func(key, v *yaml.Node) {
			name := c.text(key, in)
			j.Requires = append(j.Requires, name)
			j.needs = append(j.needs, need{job: name, runs: runsOn(texts(v)), deep: slices.Contains(texts(v), "terminal") || slices.Contains(texts(v), "not_run")})
		})
	}
	// A job that begins after failures alone runs when something went wrong.
	if len(j.needs) > 0 && !slices.ContainsFunc(j.needs, func(n need) bool { return n.runs != OnFailure }) {
		j.runs = OnFailure
	} else if slices.ContainsFunc(j.needs, func(n need) bool { return n.runs == Always }) {
		j.runs = Always
	}
}

// runsOn is what a list of statuses means.
func runsOn(statuses []string) string {
	succeeded := slices.Contains(statuses, "success") || slices.Contains(statuses, "terminal")
	failed := slices.ContainsFunc(statuses, func(s string) bool { return s != "success" })
	switch {
	case succeeded && failed:
		return Always
	case failed:
		return OnFailure
	}
	return OnSuccess
}

// steps reads a list of steps.
func (c *circle) steps(list *yaml.Node, in *orbArgs, depth int, when string) []step {
	if depth > maxNesting {
		return nil
	}
	var out []step
	for _, item := range items(list) {
		if c.budget--; c.budget < 0 {
			if c.budget == -1 {
				c.problem(item.Line, "more than %d steps: the rest is not read", maxSteps)
			}
			return out
		}
		if item.Kind == yaml.ScalarNode {
			if v, ok := in.parameter(item.Value); ok { // a parameter of type steps
				out = append(out, c.steps(v.node, v.in, depth+1, when)...)
				continue
			}
			out = append(out, c.call(item.Value, nil, item, in, depth, when)...)
			continue
		}
		if item.Kind != yaml.MappingNode || len(item.Content) < 2 {
			continue
		}
		key, v := item.Content[0], item.Content[1]
		if v.Kind == yaml.ScalarNode && v.ShortTag() == "!!null" && len(item.Content) > 2 { // parameters that are not indented
			v = &yaml.Node{Kind: yaml.MappingNode, Line: v.Line, Content: item.Content[2:]}
		}
		switch key.Value {
		case "run", "deploy": // "deploy" is what version 2.0 calls a run step
			out = append(out, c.run(key, v, in, when))
		case "when", "unless":
			if is := c.condition(get(v, "condition"), in); is != no && key.Value == "when" || is != yes && key.Value == "unless" {
				out = append(out, c.steps(get(v, "steps"), in, depth+1, when)...)
			}
		case "steps":
			if p, ok := in.parameter(scalar(v)); ok {
				out = append(out, c.steps(p.node, p.in, depth+1, when)...)
			} else {
				out = append(out, c.steps(v, in, depth+1, when)...)
			}
		default:
			out = append(out, c.call(key.Value, v, key, in, depth, when)...)
		}
	}
	return out
}

func (c *circle) run(key, v *yaml.Node, in *orbArgs, when string) step {
	s := step{place: Place{in.orb.path, key.Line}, runs: when}
	command := v
	if v.Kind == yaml.MappingNode {
		command = get(v, "command")
		s.name = c.text(get(v, "name"), in)
		switch c.text(get(v, "when"), in) {
		case "on_fail":
			s.runs = OnFailure
		case "always":
			s.runs = Always
		case "on_success":
			s.runs = OnSuccess
		}
	}
	if command != nil && command.Kind == yaml.ScalarNode {
		s.run, s.line = c.text(command, in), firstLine(command)
	}
	return s
}

// builtIn are the steps that bring or keep files.
var builtIn = []string{"checkout", "setup_remote_docker", "save_cache", "restore_cache", "store_artifacts", "store_test_results", "persist_to_workspace", "attach_workspace", "add_ssh_keys"}

// call is a step that names a command.
func (c *circle) call(name string, args, at *yaml.Node, in *orbArgs, depth int, when string) []step {
	if slices.Contains(builtIn, name) || in.orb == nil {
		return nil
	}
	node, of, full := c.find(in.orb, name, commandsOf)
	params, with := map[string]value{}, map[string]string{}
	each(args, func(key, v *yaml.Node) {
		params[key.Value] = value{v, in}
		if v.Kind == yaml.ScalarNode {
			with[strings.ReplaceAll(strings.ToLower(key.Value), "_", "-")] = c.text(v, in)
		}
	})
	switch with["when"] {
	case "on_fail":
		when = OnFailure
	case "always":
		when = Always
	}
	if full != "" {
		s := step{place: Place{in.orb.path, at.Line}, element: element{full, with}, runs: when}
		switch { // the orb's command runs always, and looks at the job's status itself
		case with["event"] == "fail":
			s.runs = OnFailure
		case with["event"] == "pass":
			s.runs = OnSuccess
		case strings.HasPrefix(full, "circleci/slack/"):
			s.runs = Always
		}
		out := []step{s}
		// Steps that are given to an orb's command run as its parameters say.
		each(args, func(key, v *yaml.Node) {
			if v.Kind == yaml.SequenceNode {
				out = append(out, c.steps(v, in, depth+1, when)...)
			}
		})
		return out
	}
	if node == nil {
		if !strings.Contains(name, "<<") && len(c.parts) == 0 {
			c.problem(at.Line, "there is no command %s", name)
		}
		return nil
	}
	inside := &orbArgs{orb: of, values: withDefaults(get(node, "parameters"), params), parent: c.pipe}
	out := c.steps(get(node, "steps"), inside, depth+1, when)
	// The name of a command of the repository says what its steps are for.
	for i := range out {
		if out[i].within == "" {
			out[i].within = path.Base(name)
		}
		if out[i].name == "" && out[i].run != "" {
			out[i].name = path.Base(name)
		}
		if depth == 0 {
			out[i].place = Place{in.orb.path, at.Line}
			out[i].line = 0
		}
	}
	return out
}
