package policy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/topdown"
	"github.com/open-policy-agent/opa/v1/util"

	"github.com/pmcheck/pmcheck/checks/facts"
	"github.com/pmcheck/pmcheck/policies"
)

// program is compiled modules.
type program struct {
	compiler *ast.Compiler
}

// parseBuiltin parses the built-in modules at these paths, which are known to be sound.
func parseBuiltin(paths []string) (map[string]*ast.Module, error) {
	modules := make(map[string]*ast.Module, len(paths))
	for _, path := range paths {
		content, err := policies.Files.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("the built-in rule %s: %w", path, err)
		}
		m, err := parse(path, content, false)
		if err != nil {
			return nil, err
		}
		modules[path] = m.parsed
	}
	return modules, nil
}

// link makes a program of built-in rules, which the tests have compiled.
func link(ids []string) (*program, error) {
	m := readImage(compiled)
	modules := m.modules(ids)
	empty := make(map[string]*ast.Module, len(modules))
	for path, module := range modules {
		empty[path] = &ast.Module{Package: module.Package}
	}
	// Nothing remains to be checked or rewritten, and Compile would copy whole modules.
	c := ast.NewCompiler().WithCapabilities(&ast.Capabilities{}).
		WithSkipStages(slices.DeleteFunc(ast.AllStages(), func(id ast.StageID) bool { return slices.Contains(linkStages, id) })...).
		WithStageAfterID(linkStages[0], ast.CompilerStageDefinition{Name: "link", Stage: func(c *ast.Compiler) *ast.Error {
			c.Modules = modules
			return nil
		}})
	c.Compile(empty)
	if c.Failed() {
		return nil, c.Errors
	}
	return &program{compiler: c}, nil
}

// linkStages are the stages of compilation that build what evaluation looks rules up in.
var linkStages = []ast.StageID{
	ast.StageRemoveImports, ast.StageSetModuleTree, ast.StageSetRuleTree, ast.StageBuildRuleIndices,
}

// compile compiles modules and holds them against the facts' schema. printing
// keeps their calls of print.
func compile(modules map[string]*ast.Module, printing bool) (*program, error) {
	c := ast.NewCompiler().WithCapabilities(capabilities().opa).WithDefaultRegoVersion(ast.RegoV1).WithStrict(true).
		WithSchemas(schemas()).WithUseTypeCheckAnnotations(true).WithEnablePrintStatements(printing)
	c.Compile(modules)
	if c.Failed() {
		return nil, c.Errors
	}
	return &program{compiler: c}, nil
}

var schemas = sync.OnceValue(func() *ast.SchemaSet {
	var schema any
	if err := util.UnmarshalJSON(facts.Schema(), &schema); err != nil {
		panic("the schema of facts: " + err.Error())
	}
	set := ast.NewSchemaSet()
	set.Put(ast.SchemaRootRef, schema) // for modules that name no schema
	set.Put(ast.MustParseRef("schema.facts"), schema)
	return set
})

var result = ast.VarTerm("result")

// value evaluates a document of the program.
func (p *program) value(ctx context.Context, ref ast.Ref, input *ast.Term, cache topdown.VirtualCache, cancel topdown.Cancel) (ast.Value, error) {
	return only(ctx, p.query(ref, input, cache, cancel))
}

func (p *program) query(ref ast.Ref, input *ast.Term, cache topdown.VirtualCache, cancel topdown.Cancel) *topdown.Query {
	return topdown.NewQuery(ast.NewBody(ast.Equality.Expr(ast.NewTerm(ref), result))).
		WithCompiler(p.compiler).
		WithStore(noData{}).
		WithInput(input).
		WithVirtualCache(cache).
		WithCancel(cancel).
		WithStrictBuiltinErrors(true)
}

// only is the one value of a query, nil where it is undefined.
func only(ctx context.Context, query *topdown.Query) (value ast.Value, err error) {
	err = query.Iter(ctx, func(r topdown.QueryResult) error {
		value = r[result.Value.(ast.Var)].Value
		return nil
	})
	return value, err
}

// noData is the store of base documents: rules have none.
type noData struct {
	storage.WritesNotSupported
	storage.PolicyNotSupported
	storage.TriggersNotSupported
}

func (noData) NewTransaction(context.Context, ...storage.TransactionParams) (storage.Transaction, error) {
	return nil, nil
}

func (noData) Read(_ context.Context, _ storage.Transaction, path storage.Path) (any, error) {
	return nil, &storage.Error{Code: storage.NotFoundErr, Message: path.String()}
}

func (noData) Commit(context.Context, storage.Transaction) error { return nil }

func (noData) Abort(context.Context, storage.Transaction) {}

func (noData) Truncate(context.Context, storage.Transaction, storage.TransactionParams, storage.Iterator) error {
	return errors.ErrUnsupported
}

// findingsOf is the document of a rule's findings.
func findingsOf(id string) ast.Ref {
	return ast.Ref{ast.DefaultRootDocument, ast.StringTerm("pmcheck"), ast.StringTerm("rules"), ast.StringTerm(id), ast.StringTerm("findings")}
}

// sortFindings puts findings in the order of a report.
func sortFindings(findings []Finding) {
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(
			strings.Compare(a.Location.Path, b.Location.Path),
			cmp.Compare(a.Location.Line, b.Location.Line),
			strings.Compare(a.Rule, b.Rule),
			cmp.Compare(a.Location.Column, b.Location.Column),
			strings.Compare(a.Message, b.Message),
		)
	})
}
