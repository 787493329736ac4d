package policy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
	"github.com/open-policy-agent/opa/v1/topdown/print"

	"github.com/pmcheck/pmcheck/checks/facts"
)

// TestResult is the outcome of one test of a rule.
type TestResult struct {
	Package  string // without "data."
	Name     string
	Place    facts.Place
	Passed   bool
	Skipped  bool     // its name begins with todo_
	Failure  string   // why it did not pass
	Output   []string // what it printed, each with its place
	Duration time.Duration
}

// Test runs the tests of the project's own rules: the rules named test_... of its
// files, each of which must be true. filter is a regular expression for
// "package.name", "" for all. Libraries of pmcheck are at hand, and
// data.pmcheck.lib.fixtures, which makes inputs. A test fails also when a rule
// makes something that is no finding, or judges what its custom.on does not name.
// The error says what is wrong with the project's files: then no test ran.
func (e *Engine) Test(ctx context.Context, filter string) ([]TestResult, error) {
	match, err := regexp.Compile(filter)
	if err != nil {
		return nil, fmt.Errorf("the filter of tests: %w", err)
	}
	problems := slices.Clone(e.problems)
	modules := map[string]*ast.Module{}
	for path, m := range e.modules {
		modules[path] = m.parsed
	}
	for _, path := range slices.Sorted(maps.Keys(e.tests)) {
		m, err := e.limits.parseOwn(path, e.tests[path])
		if err == nil {
			_, err = e.resolve(m)
		}
		if err != nil {
			problems = append(problems, err)
			continue
		}
		modules[path] = m.parsed
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	libraries, err := parseBuiltin(libraryFiles())
	if err != nil {
		return nil, err
	}
	maps.Copy(modules, libraries)
	return e.runTests(ctx, modules, match)
}

// runTests compiles modules and runs the tests in them.
func (e *Engine) runTests(ctx context.Context, modules map[string]*ast.Module, match *regexp.Regexp) ([]TestResult, error) {
	var p *program
	err := e.limits.runOwn(ctx, func(topdown.Cancel) (err error) {
		p, err = compile(modules, true)
		return err
	})
	if err != nil {
		return nil, policyErrors("", "", err)
	}
	var results []TestResult
	for _, path := range slices.Sorted(maps.Keys(p.compiler.Modules)) {
		m := p.compiler.Modules[path]
		pkg := strings.TrimPrefix(m.Package.Path.String(), "data.")
		for _, rule := range m.Rules {
			name := string(rule.Head.Name)
			skipped := strings.HasPrefix(name, "todo_test_")
			if !skipped && !strings.HasPrefix(name, "test_") || !match.MatchString(pkg+"."+name) {
				continue
			}
			r := TestResult{Package: pkg, Name: name, Skipped: skipped, Place: facts.Place{Path: path, Line: rule.Location.Row}}
			if !skipped {
				e.runTest(ctx, p, m, rule, &r)
			}
			results = append(results, r)
		}
	}
	return results, nil
}

func (e *Engine) runTest(ctx context.Context, p *program, m *ast.Module, rule *ast.Rule, r *TestResult) {
	if rule.Head.Key != nil || len(rule.Head.Args) > 0 {
		r.Failure = "a test is a rule of its own, without key or arguments: " + r.Name + " if { ... }"
		return
	}
	watch := &watcher{engine: e, test: rule, out: r}
	ref := append(slices.Clone(m.Package.Path), ast.StringTerm(r.Name))
	start := time.Now()
	var value ast.Value
	err := e.limits.runOwn(ctx, func(cancel topdown.Cancel) error {
		query := p.query(ref, nil, topdown.NewVirtualCache(), cancel).WithQueryTracer(watch).WithPrintHook(watch)
		got, err := only(ctx, query)
		value = got
		return err
	})
	r.Duration = time.Since(start)
	if isAbandoned(err) {
		r.Failure = err.Error() // the watcher may still be at work
		return
	}
	r.Output = watch.printed
	switch {
	case err != nil:
		r.Failure = e.failure(Rule{Path: r.Place.Path, Line: r.Place.Line}, err).Error()
	case len(watch.problems) > 0:
		r.Failure = watch.problems[0]
	case value == nil || value.Compare(ast.Boolean(true)) != 0:
		r.Failure = "it is not true"
		if watch.failed != nil {
			r.Failure = fmt.Sprintf("%s:%d: not true: %s", watch.failed.File, watch.failed.Row, strings.TrimSpace(string(watch.failed.Text)))
		}
	default:
		r.Passed = true
	}
}

// watcher follows a test: where it fails, what it prints, and whether what rules
// find is what the engine can report.
type watcher struct {
	engine   *Engine
	test     *ast.Rule
	out      *TestResult
	failed   *ast.Location
	printed  []string
	problems []string
	triggers map[*ast.Term]map[string]bool // of the inputs
}

func (*watcher) Enabled() bool { return true }

func (*watcher) Config() topdown.TraceConfig { return topdown.TraceConfig{} }

func (w *watcher) Print(c print.Context, text string) error {
	w.printed = append(w.printed, fmt.Sprintf("%s:%d: %s", c.Location.File, c.Location.Row, text))
	return nil
}

func (w *watcher) TraceEvent(event topdown.Event) {
	switch event.Op {
	case topdown.FailOp:
		if l := event.Location; l != nil && l.File == w.test.Location.File && l.Row >= w.test.Location.Row {
			w.failed = l
		}
	case topdown.ExitOp:
		if rule, ok := event.Node.(*ast.Rule); ok && rule.Module != nil && rule.Head.Name == "findings" {
			w.found(event, rule)
		}
	}
}

// found looks at a finding that a rule made.
func (w *watcher) found(event topdown.Event, rule *ast.Rule) {
	path := rule.Module.Package.Path
	id, ok := path[len(path)-1].Value.(ast.String)
	if !ok || !findingsOf(string(id))[:len(path)].Equal(path) || rule.Head.Key == nil {
		return
	}
	at := slices.IndexFunc(w.engine.rules, func(r Rule) bool { return r.ID == string(id) })
	if at < 0 {
		return
	}
	r := w.engine.rules[at]
	if problem := new(Finding).decode(event.Plug(rule.Head.Key)); problem != "" {
		w.problems = append(w.problems, fmt.Sprintf("%s:%d: rule %s makes a finding of the wrong form: %s", rule.Location.File, rule.Location.Row, r.ID, problem))
	}
	has := w.triggersOf(event.Input())
	if has != nil && !slices.ContainsFunc(r.On, func(name string) bool { return has[name] }) {
		w.problems = append(w.problems, fmt.Sprintf("%s:%d: rule %s objects to a change that has nothing of its custom.on (%s): it would never be asked",
			r.Path, r.Line, r.ID, strings.Join(r.On, ", ")))
	}
}

// triggersOf is nil for an input that is no document of facts.
func (w *watcher) triggersOf(input *ast.Term) map[string]bool {
	if input == nil {
		return nil
	}
	if has, ok := w.triggers[input]; ok {
		return has
	}
	var has map[string]bool
	var f facts.Facts
	if value, err := ast.JSON(input.Value); err == nil {
		if encoded, err := json.Marshal(value); err == nil && json.Unmarshal(encoded, &f) == nil {
			has = triggersOf(&f)
		}
	}
	if w.triggers == nil {
		w.triggers = map[*ast.Term]map[string]bool{}
	}
	w.triggers[input] = has
	return has
}
