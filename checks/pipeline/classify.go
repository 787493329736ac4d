package pipeline

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strings"
)

// step is a step of a job, or the whole of a job that is defined elsewhere.
type step struct {
	place    Place
	name     string // as people call it
	within   string // the step, or the command of the repository, that it is a part of
	run      string // a shell script
	line     int    // of the first line of run; 0 where that lies elsewhere
	element  element
	runs     string // OnSuccess, OnFailure, Always
	advisory bool
}

// raw is a job as a provider's file has it.
type raw struct {
	Job
	said        string   // its name without that of the job that calls its workflow; "" = Name
	names       []string // by which the configuration may mean it
	environment string   // that the provider is told
	hints       []string // texts that may name the environment: contexts, parameters
	runs        string   // when the job runs, after those that it needs
	approval    bool
	advisory    bool
	steps       []step
	needs       []need
}

// need is what a job waits for.
type need struct {
	job  string
	runs string // OnSuccess: it must have succeeded; OnFailure: it must have failed; Always: it has ended
	deep bool   // a failure of what that one needs counts too
}

// about is what the jobs of a workflow have in common.
type about struct {
	workflow string // its name and its file's
	preview  bool   // it runs for pull requests alone
}

// classify states what a job does.
func (r *raw) classify(a about, o Options, scripts func(name string) (string, bool)) {
	var marks []Doing
	add := func(d Doing) {
		if !slices.ContainsFunc(marks, func(m Doing) bool { return m.Kind == d.Kind && m.Step == d.Step && m.Runs == d.Runs }) {
			marks = append(marks, d)
		}
	}
	jobName := cmp.Or(r.said, r.Name)
	inJobName := words(jobName)
	byJobName := deploysByName(jobName)
	other := otherByName(jobName)
	isStaticJob := static.in(inJobName) != ""
	inStaticWorkflow := static.in(words(a.workflow)) != "" || published.in(words(a.workflow)) != ""

	var elsewhere, published, unknown bool
	cluster := false
	for _, s := range r.steps {
		if s.element.name != "" && clusters.MatchString(strings.ToLower(s.element.name)) {
			cluster = true
		}
		for _, c := range commands(s.run) {
			if clusters.MatchString(strings.Join(c.words, " ")) {
				cluster = true
			}
		}
	}
	firm := false // something that deploys a service is known
	named := -1   // the step whose name, script or element says deploy
	lastUnknown := -1
	blocked := notDeploying.in(inJobName) != "" && !byJobName // around a deploy, as a rule
	for i, s := range r.steps {
		succeeds := together(r.runs, s.runs) != OnFailure
		note := func(f found, line int, tolerated bool) {
			switch f.where {
			case isStatic:
				elsewhere = true
			case isPackage:
				published = true
			}
			for _, kind := range f.does {
				if kind == Deploy {
					if cluster || isStaticJob || (other == Test && !byJobName) {
						continue
					}
					firm = true
				}
				if kind != Deploy && kind != Check && cluster {
					continue
				}
				place := s.place
				if line > 0 {
					place.Line = line
				}
				add(Doing{Kind: kind, Why: f.why, Place: place, Step: i, Runs: together(r.runs, s.runs), Advisory: s.advisory || r.advisory || tolerated})
			}
		}
		if s.element.name != "" {
			f, inWords := s.element.doing()
			if inWords && slices.Contains(f.does, Deploy) {
				if named < 0 && succeeds {
					named = i
				}
				f = found{}
			}
			if inWords && succeeds && len(f.does) == 0 && f.where == "" {
				unknown, lastUnknown = true, i
			}
			note(f, 0, false)
			if s.element.notifies() {
				add(Doing{Kind: Notification, Why: s.element.name, Place: s.place, Step: i, Runs: Always})
			}
		}
		for _, c := range r.unfolded(s, scripts) {
			f := c.doing()
			note(f, c.line, c.tolerated)
			if len(f.does) == 0 && f.where == "" {
				other := false
				for _, target := range c.targets() {
					target = variable.ReplaceAllString(path.Base(target), "")
					if deploysByName(strings.TrimSuffix(target, path.Ext(target))) && named < 0 && succeeds {
						named = i
					}
					if kind := otherByName(target); kind != "" && kind != Test {
						other = true
						note(found{does: []Kind{kind}, why: brief(c.words)}, c.line, c.tolerated)
					}
				}
				if named < 0 && succeeds && !other && deploysFirst(s.within) && (moves.MatchString(path.Base(c.words[0])) || len(c.targets()) > 0) {
					named = i
				}
				if succeeds && !other && (moves.MatchString(path.Base(c.words[0])) || len(c.targets()) > 0 || c.pushesRelease()) {
					unknown, lastUnknown = true, i
				}
			}
		}
		if s.name != "" {
			if kind := otherByName(s.name); kind != "" && kind != Test && (s.run != "" || s.element.name != "") {
				note(found{does: []Kind{kind}, why: s.name}, 0, false)
			}
			if deploysFirst(s.name) && named < 0 && s.run != "" && succeeds {
				named = i
			}
		}
	}

	if !firm && !isStaticJob && !cluster && !elsewhere && other != Test && other != Notification && other != HealthCheck && other != Rollback {
		at, why := -1, ""
		switch {
		case named >= 0 && !blocked && !inStaticWorkflow && (!published || byJobName || deploysFirst(r.steps[named].name) || deploysFirst(r.steps[named].within)):
			at, why = named, r.steps[named].says()
		case byJobName && !inStaticWorkflow && !published && unknown:
			at, why = lastUnknown, r.steps[lastUnknown].says()
		}
		if at >= 0 {
			add(Doing{Kind: Deploy, Why: why, Place: r.steps[at].place, Step: at, Runs: together(r.runs, r.steps[at].runs), Opaque: r.steps[at].element.name != ""})
		}
	}
	if other != "" && len(r.steps) > 0 && other != Test {
		s := len(r.steps) - 1
		add(Doing{Kind: other, Why: jobName, Place: r.Place, Step: s, Runs: r.runs, Advisory: r.advisory})
	}
	if other == Test && !slices.ContainsFunc(marks, func(m Doing) bool { return m.Kind == Deploy }) {
		add(Doing{Kind: Test, Why: jobName, Place: r.Place, Runs: r.runs, Advisory: r.advisory})
	}
	if r.approval {
		add(Doing{Kind: Approval, Why: jobName, Place: r.Place, Runs: r.runs})
	}
	r.Does = r.chosen(marks, o)
	if r.does(Deploy) {
		r.Environment = r.goesTo(a)
	}
}

func (r *raw) does(kind Kind) bool {
	return slices.ContainsFunc(r.Does, func(d Doing) bool { return d.Kind == kind })
}

// chosen applies what the configuration says of the job.
func (r *raw) chosen(marks []Doing, o Options) []Doing {
	if matchesAny(o.Ignore, r.names...) {
		marks = slices.DeleteFunc(marks, func(m Doing) bool { return m.Kind == Deploy })
	}
	for _, kind := range Kinds() {
		if !matchesAny(o.Jobs[kind], r.names...) {
			continue
		}
		known := false
		for i := range marks {
			if marks[i].Kind == kind {
				marks[i].Chosen, known = true, true
			}
		}
		if !known {
			marks = append(marks, Doing{Kind: kind, Why: "pipeline in .pmcheck.yml", Place: r.Place, Step: max(0, len(r.steps)-1), Runs: r.runs, Advisory: r.advisory, Chosen: true})
		}
	}
	return marks
}

// says is what about a step names a deploy.
func (s step) says() string {
	switch {
	case deploysFirst(s.name):
		return s.name
	case s.element.name != "":
		return s.element.name
	case deploysFirst(s.within):
		return s.within
	}
	for _, c := range commands(s.run) {
		for _, t := range c.targets() {
			if deploysByName(strings.TrimSuffix(path.Base(t), path.Ext(t))) {
				return brief(c.words)
			}
		}
	}
	return brief(strings.Fields(s.run))
}

// moves are programs that bring something to another machine.
var moves = regexp.MustCompile(`^(ssh|scp|rsync|sftp|lftp|curl|aws|gcloud|az|ansible|ansible-playbook|docker|docker-compose|sshpass|heroku|ibmcloud|oci|doctl|ftp|pm2|systemctl|cf|kubectl|helm)$`)

// pushesRelease tells that a command moves the branch that something else deploys.
func (c command) pushesRelease() bool {
	return c.words[0] == "git" && inOrder(c.words[1:], []string{"push"}) && slices.ContainsFunc(c.words, func(w string) bool {
		return slices.Contains([]string{"release", "production", "prod", "live", "deploy"}, path.Base(strings.TrimPrefix(w, "HEAD:")))
	})
}

// scriptDepth is how far scripts that call scripts are followed.
const scriptDepth = 2

// unfolded are the commands of a step, with those of the repository's own shell
// scripts that it runs. Lines are those of the workflow's file.
func (r *raw) unfolded(s step, scripts func(name string) (string, bool)) []command {
	if s.run == "" {
		return nil
	}
	budget := 2000 // commands of a step
	seen := map[string]bool{}
	var unfold func(script string, line, depth int, inside, tolerated bool) []command
	unfold = func(script string, line, depth int, inside, tolerated bool) []command {
		var out []command
		for _, c := range commands(script) {
			if budget--; budget < 0 {
				return out
			}
			if inside {
				c.line = line
			} else {
				c.line += line
			}
			c.tolerated = c.tolerated || tolerated
			out = append(out, c)
			name := c.script()
			if name == "" || depth >= scriptDepth || seen[name] {
				continue
			}
			seen[name] = true
			if text, ok := scripts(name); ok {
				out = append(out, unfold(text, c.line, depth+1, true, c.tolerated)...)
			}
		}
		return out
	}
	if s.line == 0 {
		return unfold(s.run, s.place.Line, 0, true, false)
	}
	return unfold(s.run, s.line, 0, false, false)
}

// goesTo is the environment that a job deploys to, as far as it is told.
func (r *raw) goesTo(a about) string {
	if r.environment != "" {
		if e := environmentOf(r.environment); e != "" {
			return e
		}
	}
	if e := environmentOf(r.Name); e != "" {
		return e
	}
	for _, hint := range r.hints {
		if e := environmentOf(hint); e != "" {
			return e
		}
	}
	if a.preview {
		return Preview
	}
	return environmentOf(a.workflow)
}

// together is when a step runs that runs so in a job that runs so.
func together(job, step string) string {
	switch {
	case job == "" || job == OnSuccess:
		if step == "" {
			return OnSuccess
		}
		return step
	case step == OnFailure && job == Always:
		return OnFailure
	}
	return job
}

// scriptReader looks a repository's shell script up by the name that a command has for it.
func scriptReader(f *files, dir string) func(name string) (string, bool) {
	return func(name string) (string, bool) {
		for _, candidate := range []string{path.Join(dir, name), path.Clean(strings.TrimLeft(variable.ReplaceAllString(name, ""), "/"))} { // also $ROOT/deploy.sh
			if strings.HasPrefix(candidate, "../") || !f.tree.Has(candidate) {
				continue
			}
			text, problem := f.text(candidate)
			if problem != "" || len(text) > maxScript {
				return "", false
			}
			if !strings.HasSuffix(candidate, "sh") && !strings.HasPrefix(text, "#!") || strings.HasPrefix(text, "#!") && !strings.Contains(strings.SplitN(text, "\n", 2)[0], "sh") {
				return "", false
			}
			return text, true
		}
		return "", false
	}
}

var variable = regexp.MustCompile(`\$(\(\)|\w+)`)
