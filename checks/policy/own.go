package policy

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/pmcheck/pmcheck/policies"
)

// loadOwn reads the project's own rules. What is wrong with single files is kept
// in e.problems.
func (e *Engine) loadOwn(files map[string][]byte) error {
	if len(files) > e.limits.modules {
		return fmt.Errorf("the project has %d files of rules of its own, more than %d", len(files), e.limits.modules)
	}
	e.modules, e.tests = map[string]*module{}, map[string][]byte{}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		if strings.HasSuffix(path, "_test.rego") {
			e.tests[path] = files[path]
			continue
		}
		m, err := e.limits.parseOwn(path, files[path])
		if err != nil {
			e.problems = append(e.problems, err)
			continue
		}
		e.modules[path] = m
	}
	for _, path := range slices.Sorted(maps.Keys(e.modules)) {
		if m := e.modules[path]; m.pkg == "data.pmcheck" || strings.HasPrefix(m.pkg, libPackage) {
			delete(e.modules, path)
			e.problems = append(e.problems, m.problem(m.parsed.Package.Location.Row, "", "%s is pmcheck's own: call the package pmcheck.own.*", strings.TrimPrefix(m.pkg, "data.")))
		}
	}
	for _, path := range slices.Sorted(maps.Keys(e.modules)) {
		switch m := e.modules[path]; {
		case strings.HasPrefix(m.pkg, rulesPackage):
			e.addOwn(m)
		case saysFindings(m):
			e.problems = append(e.problems, m.problem(m.parsed.Package.Location.Row, "",
				"this rule is never asked: its package is %s, and must be pmcheck.rules[\"a-rule-id\"]", strings.TrimPrefix(m.pkg, "data.")))
		}
	}
	return nil
}

// saysFindings tells that a module is meant to be a rule, and no library.
func saysFindings(m *module) bool {
	return slices.ContainsFunc(m.parsed.Rules, func(r *ast.Rule) bool { return r.Head.Name == "findings" || r.Head.Ref().String() == "findings" })
}

func (e *Engine) addOwn(m *module) {
	r, err := ruleOf(m)
	if err == nil {
		if same := slices.IndexFunc(e.rules, func(other Rule) bool { return other.ID == r.ID }); same >= 0 {
			err = m.problem(r.Line, r.ID, "there is a rule of this name already (%s): choose another id", e.rules[same].Path)
		}
	}
	if err == nil {
		r.needs, err = e.resolve(m)
	}
	if err != nil {
		e.problems = append(e.problems, err)
		return
	}
	r.Category, r.Own = "own", true
	e.rules = append(e.rules, r)
}

// resolve finds the modules that a module needs, itself among them.
func (e *Engine) resolve(m *module) ([]string, error) {
	shared := libraries()
	if strings.HasSuffix(m.path, "_test.rego") {
		shared = append(shared, library{pkg: "data.pmcheck.lib.fixtures", needs: []string{fixtures}})
	}
	needs, todo := map[string]bool{m.path: true}, []*module{m}
	var errs []error
	for len(todo) > 0 {
		at := todo[0]
		todo = todo[1:]
		for _, r := range at.refs {
			found := false
			for _, path := range slices.Sorted(maps.Keys(e.modules)) {
				other := e.modules[path]
				if !r.names(other.parsed.Package.Path) {
					continue
				}
				found = true
				if !needs[path] {
					needs[path], todo = true, append(todo, other)
				}
			}
			for _, l := range shared {
				if r.names(ast.MustParseRef(l.pkg)) {
					found = true
					for _, path := range l.needs {
						needs[path] = true
					}
				}
			}
			if !found {
				errs = append(errs, at.problem(r.line, "", "there is no package %s, neither under .pmcheck/policies nor built in", strings.TrimPrefix(r.to.String(), "data.")))
			}
		}
	}
	return slices.Sorted(maps.Keys(needs)), errors.Join(errs...)
}

// compileOwn compiles rules of the project's own with what they need.
func (e *Engine) compileOwn(rules []Rule) (*program, error) {
	modules, libraries := map[string]*ast.Module{}, map[string]bool{}
	for _, r := range rules {
		for _, path := range r.needs {
			if m, ok := e.modules[path]; ok {
				modules[path] = m.parsed
			} else {
				libraries[path] = true
			}
		}
	}
	parsed, err := parseBuiltin(slices.Sorted(maps.Keys(libraries)))
	if err != nil {
		return nil, err
	}
	maps.Copy(modules, parsed)
	return compile(modules, false)
}

// library is a built-in package that rules share.
type library struct {
	pkg   string
	needs []string // paths of its own module and of those that it needs
}

// libraryFiles are the built-in libraries, with those that are for tests.
func libraryFiles() []string {
	files, _ := fs.Glob(policies.Files, "lib/*.rego")
	return slices.DeleteFunc(files, func(path string) bool {
		return strings.HasSuffix(path, "_test.rego") && path != fixtures
	})
}

// fixtures is the library that makes inputs for tests.
const fixtures = "lib/fixtures_test.rego"
