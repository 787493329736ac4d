package policy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/pmcheck/pmcheck/checks/config/yamltree"
	"github.com/pmcheck/pmcheck/checks/facts"
)

const (
	rulesPackage = "data.pmcheck.rules"
	libPackage   = "data.pmcheck.lib"
)

// module is a Rego file.
type module struct {
	path   string
	parsed *ast.Module
	pkg    string // "data.pmcheck.lib.finding", "data.pmcheck.rules[\"own-id\"]"
	refs   []reference
}

// reference is where a module refers to another.
type reference struct {
	to   ast.Ref
	line int
}

// PolicyError is what is wrong with a rule, or happened while it ran.
type PolicyError struct {
	Rule    string // "" when the file does not say
	Place   facts.Place
	Message string
}

func (e *PolicyError) Error() string {
	var s strings.Builder
	if e.Place.Path != "" {
		fmt.Fprintf(&s, "%s:%d: ", e.Place.Path, max(e.Place.Line, 1))
	}
	if e.Rule != "" {
		fmt.Fprintf(&s, "rule %s: ", e.Rule)
	}
	return s.String() + e.Message
}

func parse(path string, content []byte, annotations bool) (*module, error) {
	parsed, err := ast.ParseModuleWithOpts(path, string(content), ast.ParserOptions{
		Capabilities: capabilities().opa, ProcessAnnotation: annotations, RegoVersion: ast.RegoV1,
	})
	if err != nil {
		return nil, policyErrors("", path, err)
	}
	return &module{path: path, parsed: parsed, pkg: parsed.Package.Path.String()}, nil
}

// parseOwn reads a file that somebody else wrote.
func (l limits) parseOwn(path string, content []byte) (*module, error) {
	fail := func(line int, format string, args ...any) (*module, error) {
		return nil, &PolicyError{Place: facts.Place{Path: path, Line: line}, Message: fmt.Sprintf(format, args...)}
	}
	if len(content) > l.module {
		return fail(1, "the file has %d bytes, more than the %d that a rule may have", len(content), l.module)
	}
	if line := deeper(content, l.nesting); line > 0 {
		return fail(line, "brackets are nested deeper than %d", l.nesting)
	}
	var m *module
	err := l.runOwn(context.Background(), func(topdown.Cancel) (err error) {
		if m, err = parse(path, content, true); err != nil {
			return err
		}
		var errs []error
		m.refs, errs = references(m)
		return errors.Join(errs...)
	})
	if isAbandoned(err) {
		return fail(1, "reading the file %v", err)
	}
	if err != nil {
		return nil, err
	}
	return m, nil
}

// deeper is the first line on which brackets are nested deeper than most, or 0.
// Brackets in strings count as well: a policy has no use for that many.
func deeper(content []byte, most int) int {
	depth := 0
	for i, c := range content {
		switch c {
		case '(', '[', '{':
			if depth++; depth > most {
				return 1 + bytes.Count(content[:i], []byte("\n"))
			}
		case ')', ']', '}':
			depth = max(depth-1, 0)
		}
	}
	return 0
}

// references are the places where a module refers to packages. Calls of functions
// that rules may not call are errors.
func references(m *module) (refs []reference, errs []error) {
	for _, i := range m.parsed.Imports {
		if path, ok := i.Path.Value.(ast.Ref); ok && path.HasPrefix(ast.DefaultRootRef) {
			refs = append(refs, reference{path, i.Location.Row})
		}
	}
	self := m.parsed.Package.Path
	ast.WalkRefs(m.parsed, func(r ast.Ref) bool {
		if r.HasPrefix(ast.DefaultRootRef) && !r.HasPrefix(self) && !slices.ContainsFunc(m.parsed.Imports, func(i *ast.Import) bool { return r.Equal(i.Path.Value) }) {
			refs = append(refs, reference{r.ConstantPrefix(), row(r)})
		}
		return false
	})
	called := func(name string, at *ast.Location) {
		if _, exists := ast.BuiltinMap[name]; !exists {
			return
		}
		if why := whyRefused(name); why != "" {
			errs = append(errs, &PolicyError{
				Place:   facts.Place{Path: m.path, Line: at.Row, Column: at.Col},
				Message: fmt.Sprintf("%s cannot be called: %s", name, why),
			})
		}
	}
	ast.WalkExprs(m.parsed, func(x *ast.Expr) bool {
		if x.IsCall() {
			called(x.Operator().String(), x.Location)
		}
		for _, w := range x.With {
			called(w.Target.String(), w.Target.Location)
		}
		return false
	})
	ast.WalkTerms(m.parsed, func(t *ast.Term) bool {
		if call, ok := t.Value.(ast.Call); ok {
			called(call.Operator().String(), t.Location)
		}
		return false
	})
	return refs, errs
}

func row(r ast.Ref) int {
	if r[0].Location != nil {
		return r[0].Location.Row
	}
	return 0
}

// names tells that a reference means a package, or something in it.
func (r reference) names(pkg ast.Ref) bool { return r.to.HasPrefix(pkg) || pkg.HasPrefix(r.to) }

// policyErrors makes OPA's errors the reader's: each with its place.
func policyErrors(rule, path string, err error) error {
	var list ast.Errors
	if !errors.As(err, &list) {
		var one *ast.Error
		if !errors.As(err, &one) {
			return &PolicyError{Rule: rule, Place: facts.Place{Path: path, Line: 1}, Message: err.Error()}
		}
		list = ast.Errors{one}
	}
	var out []error
	for _, e := range list {
		problem := &PolicyError{Rule: rule, Place: facts.Place{Path: path}, Message: e.Message}
		if e.Location != nil {
			problem.Place.Line, problem.Place.Column = e.Location.Row, e.Location.Col
			if e.Location.File != "" {
				problem.Place.Path = e.Location.File
			}
		}
		problem.Message += details(e.Details)
		out = append(out, problem)
	}
	return errors.Join(out...)
}

// details is what an error of OPA's says beside its message.
func details(d ast.ErrorDetails) string {
	switch d := d.(type) {
	case nil, *ast.ParserErrorDetail: // the line, which the place names
		return ""
	case *ast.RefErrInvalidDetail:
		var names []string
		for _, value := range d.OneOf {
			if name, ok := value.(ast.String); ok {
				names = append(names, string(name))
			}
		}
		if word, ok := d.Ref[d.Pos].Value.(ast.String); ok && len(names) > 0 {
			if meant := yamltree.Nearest(string(word), names); meant != "" {
				return fmt.Sprintf(": did you mean %s?", meant)
			}
			return ": expected one of " + strings.Join(names, ", ")
		}
	}
	return ": " + strings.Join(strings.Fields(strings.Join(d.Lines(), " ")), " ")
}
