package resolve

import (
	"fmt"
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

// call judges a call of a function, an aggregate or a window function
// (ParseFuncOrColumn). The columns are those of the row that a function with OUT
// arguments returns.
func (a *analyzer) call(f *pg.FuncCall, sc *scope) (value, []column) {
	names := stringList(f.Funcname)
	n := catalog.Name{}
	if len(names) > 0 {
		n.Name = names[len(names)-1]
	}
	if len(names) > 1 {
		n.Schema = names[len(names)-2]
	}
	args := make([]value, 0, len(f.Args)+len(f.AggOrder))
	var argNames []string
	for _, node := range f.Args {
		args = append(args, a.expr(node, sc))
		if named := node.GetNamedArgExpr(); named != nil {
			argNames = append(argNames, named.Name)
		}
	}
	for _, node := range f.AggOrder {
		v := a.expr(node.GetSortBy().GetNode(), sc)
		if f.AggWithinGroup {
			args = append(args, v)
		} else {
			a.needsOrder(v, "ORDER BY", f.Location)
		}
	}
	if f.AggFilter != nil {
		a.condition(f.AggFilter, sc, "FILTER")
	}
	a.window(f.Over, sc)
	if isHole(n.Name) || isHole(n.Schema) {
		a.doubt("the name of a function is not known")
		return value{}, nil
	}
	return a.invoke(n, args, argNames, f, sc)
}

// invoke finds the overload for arguments and returns its result.
func (a *analyzer) invoke(n catalog.Name, args []value, argNames []string, f *pg.FuncCall, sc *scope) (value, []column) {
	overloads := a.overloads(n)
	input := make([]typ, len(args))
	soft, clear := false, true
	for i, v := range args {
		input[i] = v.typ
		soft = soft || v.soft
		clear = clear && v.typ.known()
	}
	for _, r := range overloads {
		if r.schema != "" {
			a.use(Object{Kind: "function", Schema: r.schema, Name: n.Name})
		}
	}
	if f.AggWithinGroup || f.Over != nil || len(overloads) > 0 && overloads[0].kind == 'a' {
		if f.Over == nil && slices.ContainsFunc(overloads, func(r *routine) bool { return r.kind == 'a' }) {
			a.aggregateSeen(sc, f.Args)
		}
	}
	if slices.ContainsFunc(overloads, func(r *routine) bool { return r.unsure }) || len(overloads) == 0 && (strings.Contains(n.Name, "multirange") || builtins().internal[n.Name] || a.ofExtension("f:"+n.Name)) {
		if len(overloads) == 0 {
			a.doubt("the function " + n.String() + " may be of an extension")
		}
		return a.sharedResult(overloads), nil
	}
	candidates := a.candidates(overloads, len(args), argNames, f.FuncVariadic)
	if len(args) == 1 && len(argNames) == 0 && args[0].isUnknown() {
		if v, ok := a.functionCast(n, args[0]); ok {
			return v, nil
		}
	}
	if len(overloads) > 0 && slices.ContainsFunc(f.Args, mayBeList) {
		return a.sharedResult(overloads), nil
	}
	if n.Schema != "" && n.Schema != "pg_catalog" && n.Schema != "information_schema" && !strings.HasPrefix(n.Schema, "pg_temp") && a.c.Schemas[n.Schema] == nil && !a.unknownExtension() {
		a.fail(analysis, "3F000", Object{Kind: "function", Schema: n.Schema, Name: n.Name}, f.Location, fmt.Sprintf("schema %q does not exist", n.Schema))
		return value{}, nil
	}
	var chosen *candidate
	outcome := unsureMatch
	if clear || len(candidates) == 0 {
		chosen, outcome = a.chooseRoutine(input, candidates)
	} else if len(candidates) == 1 {
		chosen, outcome = candidates[0], oneMatch
	}
	if outcome == noMatch && len(args) == 1 && len(argNames) == 0 {
		if v, ok := a.functionCast(n, args[0]); ok {
			return v, nil
		}
		if v, ok := a.projection(n, args[0]); ok {
			return v, nil
		}
	}
	switch outcome {
	case oneMatch:
		return a.invoked(chosen, args, input, soft, f)
	case unsureMatch:
		return a.sharedResult(overloads), nil
	}
	switch {
	case soft:
		a.doubt("the type of a parameter")
		return a.sharedResult(overloads), nil
	case a.inAnotherVersion(n, input), builtins().internal[n.Name],
		a.ofExtension("f:" + n.Name), n.Schema != "" && n.Schema != "pg_catalog" && a.c.Schemas[n.Schema] == nil && (n.Schema == "information_schema" || a.unknownExtension()),
		len(argNames) > 0 && builtinFunctionNamed(n.Name):
		a.doubt("the function " + n.String())
		return a.sharedResult(overloads), nil
	}
	o := Object{Kind: "function", Schema: n.Schema, Name: n.Name}
	if outcome == ambiguous {
		a.fail(analysis, "42725", o, f.Location, fmt.Sprintf("function %s is not unique", a.signature(n, input, argNames)))
	} else {
		a.fail(analysis, "42883", o, f.Location, fmt.Sprintf("function %s does not exist", a.signature(n, input, argNames)))
	}
	return value{}, nil
}

// inAnotherVersion tells that another major version may have an overload that fits:
// which version the database is of need not be certain.
func (a *analyzer) inAnotherVersion(n catalog.Name, input []typ) bool {
	if n.Schema != "" && n.Schema != "pg_catalog" {
		return false
	}
	var others []*routine
	for _, r := range builtins().routines[n.Name] {
		if !a.available(r.from, r.to) {
			others = append(others, r)
		}
	}
	_, outcome := a.choose(input, a.candidates(others, len(input), nil, false))
	return outcome != noMatch
}

func (a *analyzer) signature(n catalog.Name, input []typ, names []string) string {
	var list []string
	for i, t := range input {
		text := a.show(t)
		if k := i - (len(input) - len(names)); k >= 0 {
			text = names[k] + " => " + text
		}
		list = append(list, text)
	}
	name := n.Name
	if n.Schema != "" {
		name = n.Schema + "." + n.Name
	}
	return name + "(" + strings.Join(list, ", ") + ")"
}

// overloads are the routines of a name that the search path finds.
func (a *analyzer) overloads(n catalog.Name) []*routine {
	var list []*routine
	if n.Schema == "" || n.Schema == "pg_catalog" {
		for _, r := range builtins().routines[n.Name] {
			if a.available(r.from, r.to) {
				list = append(list, r)
			}
		}
	}
	if n.Schema == "pg_catalog" {
		return list
	}
	list = append(list, a.constructors(n)...)
	for _, f := range a.c.Functions(n) {
		r := &routine{kind: f.Object[0], set: f.SetOf, result: typeOf(f.Returns), schema: f.Schema, from: 0, to: 99, unsure: f.Extension != ""}
		for _, arg := range f.Args {
			t := typeOf(arg.Type)
			if arg.Mode != "out" && arg.Mode != "table" {
				r.args, r.names = append(r.args, t), append(r.names, arg.Name)
				if arg.Default {
					r.defaults++
				}
				r.variadic = r.variadic || arg.Mode == "variadic"
			}
			if arg.Mode == "out" || arg.Mode == "inout" || arg.Mode == "table" {
				r.out = append(r.out, column{name: arg.Name, val: known(t)})
			}
		}
		for i := range r.out {
			if r.out[i].name == "" {
				r.out[i].name = numbered("column", i+1)
			}
		}
		if f.Object == "aggregate" && !r.result.known() {
			r.result = typ{} // the state's final function decides
		}
		if !slices.ContainsFunc(list, func(x *routine) bool { return slices.Equal(x.args, r.args) && x.schema != r.schema }) {
			list = append(list, r)
		}
	}
	return list
}

// constructors are the functions that a range type brings with it (manual, 8.17.6).
func (a *analyzer) constructors(n catalog.Name) []*routine {
	t, ok := a.c.ResolveType(catalog.Type{Schema: n.Schema, Name: n.Name})
	if !ok || t.Schema == "" {
		return nil
	}
	u := a.c.Type(t)
	if u == nil || u.Kind != catalog.Range {
		return nil
	}
	sub := typeOf(u.Base)
	one := &routine{kind: 'f', result: typeOf(t), args: []typ{sub, sub}, schema: u.Schema, to: 99, unsure: !sub.known()}
	other := *one
	other.args = []typ{sub, sub, textType}
	return []*routine{one, &other}
}

// candidates are the overloads that take so many arguments (FuncnameGetCandidates).
func (a *analyzer) candidates(overloads []*routine, count int, names []string, variadic bool) []*candidate {
	var list []*candidate
	for _, r := range overloads {
		switch {
		case len(names) > 0:
			if args, ok := r.named(count, names); ok {
				list = append(list, &candidate{r, args, r.result})
			}
		case r.variadic && !variadic && count >= len(r.args):
			args := slices.Clone(r.args[:len(r.args)-1])
			last := r.args[len(r.args)-1]
			element := last.element()
			switch last.name {
			case "anyarray":
				element = builtin("anyelement")
			case "anycompatiblearray":
				element = builtin("anycompatible")
			}
			for len(args) < count {
				args = append(args, element)
			}
			list = append(list, &candidate{r, args, r.result})
		case count == len(r.args) && !(r.variadic && !variadic), count == len(r.args) && variadic:
			list = append(list, &candidate{r, r.args, r.result})
		case count < len(r.args) && count >= len(r.args)-r.defaults:
			list = append(list, &candidate{r, r.args[:count], r.result})
		}
	}
	// Of two with the same arguments the server takes the one that is not variadic.
	return slices.DeleteFunc(list, func(c *candidate) bool {
		return slices.ContainsFunc(list, func(o *candidate) bool {
			return o != c && slices.Equal(o.args, c.args) && c.routine.variadic && !o.routine.variadic
		})
	})
}

// named orders the types of arguments as a call with named ones gives them.
func (r *routine) named(count int, names []string) ([]typ, bool) {
	positional := count - len(names)
	if positional > len(r.args) || len(r.names) < len(r.args) || count > len(r.args) {
		return nil, false
	}
	args := slices.Clone(r.args[:positional])
	given := map[int]bool{}
	for _, name := range names {
		i := slices.Index(r.names, name)
		if i < positional || given[i] || name == "" {
			return nil, false
		}
		given[i] = true
		args = append(args, r.args[i])
	}
	for i := positional; i < len(r.args)-r.defaults; i++ {
		if !given[i] {
			return nil, false
		}
	}
	return args, true
}

func (a *analyzer) chooseRoutine(input []typ, candidates []*candidate) (*candidate, choice) {
	for _, c := range candidates {
		if slices.Equal(c.args, input) {
			return c, oneMatch
		}
	}
	return a.choose(input, candidates)
}

// sharedResult is the result type that all overloads have.
func (a *analyzer) sharedResult(list []*routine) value {
	var t typ
	for _, r := range list {
		if isPolymorphic(r.result) || t.known() && r.result != t || len(r.out) > 0 {
			return value{}
		}
		t = r.result
	}
	return known(t)
}

// invoked is the result of the overload that was found.
func (a *analyzer) invoked(c *candidate, args []value, input []typ, soft bool, f *pg.FuncCall) (value, []column) {
	for i, v := range args {
		if i < len(c.args) {
			a.argument(v, c.args, i, input, f.Location)
		}
	}
	if a.undecided(c, args, f.Location) {
		return value{}, nil
	}
	if c.routine.kind == 'a' && len(args) == 0 && !f.AggStar && !f.AggWithinGroup {
		a.fail(analysis, "42809", Object{}, f.Location, fmt.Sprintf("%s(*) must be used to call a parameterless aggregate function", strings.Join(stringList(f.Funcname), ".")))
		return value{}, nil
	}
	result := c.result
	if isPolymorphic(result) {
		_, result = a.polymorphic(c.args, input, c.result)
	}
	v := value{typ: result, soft: soft && isPolymorphic(c.result)}
	if len(c.routine.out) == 0 {
		if result == recordType && len(args) == 1 && args[0].fields != nil {
			v.fields = args[0].fields
		}
		return v, nil
	}
	row := slices.Clone(c.routine.out)
	for i := range row {
		if isPolymorphic(row[i].val.typ) {
			_, row[i].val.typ = a.polymorphic(c.args, input, row[i].val.typ)
		}
	}
	if len(row) == 1 {
		row[0].val = v
	}
	return v, row
}

// undecided tells that nothing decides what polymorphic arguments stand for.
func (a *analyzer) undecided(c *candidate, args []value, at int32) bool {
	polymorphic, params := false, false
	for i, v := range args {
		if i >= len(c.args) || !isPolymorphic(c.args[i]) {
			continue
		}
		if strings.HasPrefix(c.args[i].name, "anycompatible") || !v.isUnknown() {
			return false
		}
		polymorphic, params = true, params || v.param > 0
	}
	switch {
	case params:
		a.doubt("the type of a parameter")
	case polymorphic:
		a.fail(analysis, "42804", Object{}, at, "could not determine polymorphic type because input has type unknown")
	}
	return polymorphic
}

// functionCast is a cast that is written as a call: int4(x), date(x).
func (a *analyzer) functionCast(n catalog.Name, v value) (value, bool) {
	t, ok := a.c.ResolveType(catalog.Type{Schema: n.Schema, Name: n.Name})
	if !ok || t.Dims > 0 {
		return value{}, false
	}
	to := typeOf(t)
	if v.isUnknown() {
		return a.settle(v, to, 0), true
	}
	if a.category(v.typ) == 'C' {
		return value{}, false
	}
	return known(to), a.coercible(v.typ, to, explicit) != no
}

// projection is a field that is written as a call: name(row).
func (a *analyzer) projection(n catalog.Name, v value) (value, bool) {
	if n.Schema != "" {
		return value{}, false
	}
	fields, isRow, open := a.fieldsOf(v)
	for _, c := range fields {
		if c.name == n.Name {
			a.useColumn(c)
			return c.val, true
		}
	}
	return value{}, isRow && open
}
