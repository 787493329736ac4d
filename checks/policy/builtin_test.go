package policy

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/format"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/tester"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// policyFiles are all Rego files under policies, tests too, by path below it.
func policyFiles(t *testing.T) map[string][]byte {
	t.Helper()
	root := filepath.Join("..", "..", "policies")
	files := map[string][]byte{}
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".rego" {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		files[filepath.ToSlash(name)], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func parsedFiles(t *testing.T) map[string]*ast.Module {
	t.Helper()
	modules := map[string]*ast.Module{}
	for path, content := range policyFiles(t) {
		m, err := parse(path, content, true)
		if err != nil {
			t.Fatal(err)
		}
		if _, errs := references(m); len(errs) > 0 {
			t.Error(errs[0])
		}
		modules[path] = m.parsed
	}
	return modules
}

func TestBuiltinRulesAreFormatted(t *testing.T) {
	for path, content := range policyFiles(t) {
		want, err := format.SourceWithOpts(path, content, format.Opts{RegoVersion: ast.RegoV1})
		if err != nil {
			t.Errorf("%s: %v", path, err)
		} else if string(want) != string(content) {
			t.Errorf("%s is not formatted: run opa fmt -w policies", path)
		}
	}
}

// The same tests are run by pmcheck's runner and by OPA's.
func TestBuiltinRulesPassTheirTests(t *testing.T) {
	e, err := Load(Options{})
	if err != nil {
		t.Fatal(err)
	}
	results, err := e.runTests(context.Background(), parsedFiles(t), regexp.MustCompile(""))
	if err != nil {
		t.Fatal(err)
	}
	passed := map[string]bool{}
	for _, r := range results {
		passed[r.Package+"."+r.Name] = r.Passed
		if r.Skipped {
			t.Errorf("%s:%d: %s is switched off", r.Place.Path, r.Place.Line, r.Name)
		} else if !r.Passed {
			t.Errorf("%s:%d: %s: %s", r.Place.Path, r.Place.Line, r.Name, r.Failure)
		}
	}

	ctx, store := context.Background(), inmem.New()
	compiler := ast.NewCompiler().WithCapabilities(ast.CapabilitiesForThisVersion()).WithSchemas(schemas()).WithUseTypeCheckAnnotations(true)
	err = storage.Txn(ctx, store, storage.WriteParams, func(txn storage.Transaction) error {
		ran, err := tester.NewRunner().SetCompiler(compiler).SetStore(store).SetModules(parsedFiles(t)).RaiseBuiltinErrors(true).RunTests(ctx, txn)
		if err != nil {
			return err
		}
		n := 0
		for r := range ran {
			n++
			name := strings.TrimPrefix(r.Package, "data.") + "." + r.Name
			if mine, known := passed[name]; !known || mine != r.Pass() {
				t.Errorf("%s: OPA says passed = %v, pmcheck %v (ran: %v)", name, r.Pass(), mine, known)
			}
		}
		if n != len(results) {
			t.Errorf("OPA ran %d tests, pmcheck %d", n, len(results))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestBuiltinRulesAreComplete(t *testing.T) {
	files, names := policyFiles(t), map[string]bool{}
	for _, r := range builtin() {
		names[r.Category+"/"+r.ID] = true
		if len(r.Title) > 60 || strings.HasSuffix(r.Title, ".") || strings.Contains(r.Title, "\n") {
			t.Errorf("%s: title %q: one line of at most 60 bytes without full stop", r.Path, r.Title)
		}
		if r.Remedy == "" || r.Since == "" {
			t.Errorf("%s: custom.remedy and custom.since are required", r.Path)
		}
		if (r.Bad == "") != (r.Good == "") {
			t.Errorf("%s: an example needs both bad and good", r.Path)
		}
		if _, ok := files[strings.TrimSuffix(r.Path, ".rego")+"_test.rego"]; !ok {
			t.Errorf("%s has no tests", r.Path)
		}
	}
	for path := range files {
		if dir := filepath.ToSlash(filepath.Dir(path)); dir != "lib" && !names[dir] {
			t.Errorf("%s is not in a rule's folder: <category>/<rule-id>/rule.rego", path)
		}
	}
}

// A rule's default of an option is what its METADATA documents.
func TestBuiltinRulesDocumentTheirOptions(t *testing.T) {
	modules := map[string]*ast.Module{}
	for path, m := range builtinModules(t) {
		modules[path] = m.parsed
	}
	p, err := compile(modules, false)
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]map[string]any{}
	for _, r := range builtin() {
		documented[r.ID] = r.Options
	}
	read := 0
	for path, m := range p.compiler.Modules {
		ast.WalkExprs(m, func(x *ast.Expr) bool {
			if !x.IsCall() || x.Operator().String() != "data.pmcheck.lib.settings.option" {
				return false
			}
			rule, isRule := x.Operand(0).Value.(ast.String)
			name, isName := x.Operand(1).Value.(ast.String)
			if !isRule || !isName {
				return false
			}
			read++
			fallback, err := ast.JSON(x.Operand(2).Value)
			if err != nil {
				return false
			}
			value, known := documented[string(rule)][string(name)]
			if !known || fmt.Sprint(value) != fmt.Sprint(fallback) {
				t.Errorf("%s:%d: option %s of %s falls back to %v, METADATA says %v", path, x.Location.Row, name, rule, fallback, value)
			}
			return false
		})
	}
	if read == 0 {
		t.Error("no rule reads an option")
	}
}

// Every rule fires in one of its tests and is silent in another, and the program that
// was compiled ahead of time finds what the sources find.
func TestCompiledRulesFindWhatTheirSourcesFind(t *testing.T) {
	e, err := Load(Options{})
	if err != nil {
		t.Fatal(err)
	}
	sources, err := compile(parsedFiles(t), false)
	if err != nil {
		t.Fatal(err)
	}
	asked := questions(t, sources)
	for _, r := range builtin() {
		compiled, err := link([]string{r.ID})
		if err != nil {
			t.Fatal(err)
		}
		fired, silent := false, false
		for _, input := range asked[r.ID] {
			want, got := findingsFor(t, sources, r.ID, input), findingsFor(t, compiled, r.ID, input)
			if want.Compare(got) != 0 {
				t.Errorf("%s: the sources find %v, the compiled program %v, for %v", r.ID, want, got, input)
			}
			findings, errs := e.findings(r, want)
			for _, err := range errs {
				t.Error(err)
			}
			fired, silent = fired || len(findings) > 0, silent || len(findings) == 0
		}
		if !fired || !silent {
			t.Errorf("%s: its tests let it fire: %v, stay silent: %v; expected both", r.Path, fired, silent)
		}
	}
}

func findingsFor(t *testing.T, p *program, id string, input *ast.Term) ast.Value {
	t.Helper()
	value, err := p.value(context.Background(), findingsOf(id), input, topdown.NewVirtualCache(), topdown.NewCancel())
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// questions are the inputs for which the tests ask for findings, by rule.
func questions(t *testing.T, p *program) map[string][]*ast.Term {
	t.Helper()
	asked := &recorder{inputs: map[string][]*ast.Term{}}
	for _, m := range p.compiler.Modules {
		for _, rule := range m.Rules {
			if name := string(rule.Head.Name); strings.HasPrefix(name, "test_") {
				ref := append(slices.Clone(m.Package.Path), ast.StringTerm(name))
				if _, err := only(context.Background(), p.query(ref, nil, nil, nil).WithQueryTracer(asked)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	return asked.inputs
}

type recorder struct{ inputs map[string][]*ast.Term }

func (*recorder) Enabled() bool { return true }

func (*recorder) Config() topdown.TraceConfig { return topdown.TraceConfig{} }

func (r *recorder) TraceEvent(event topdown.Event) {
	rule, ok := event.Node.(*ast.Rule)
	if !ok || rule.Head.Name != "findings" || event.Op != topdown.EnterOp || event.Input() == nil {
		return
	}
	path := rule.Module.Package.Path
	id := string(path[len(path)-1].Value.(ast.String))
	if !slices.ContainsFunc(r.inputs[id], event.Input().Equal) {
		r.inputs[id] = append(r.inputs[id], event.Input())
	}
}
