package catalog

import "slices"

// inputs are the types that tell overloads apart.
func inputs(args []FuncArg) []Type {
	var list []Type
	for _, a := range args {
		if a.Mode != "out" && a.Mode != "table" {
			list = append(list, a.Type)
		}
	}
	return list
}

func sameTypes(a, b []Type) bool {
	return slices.EqualFunc(a, b, func(x, y Type) bool { return sameType(x, y) && (x.Dims > 0) == (y.Dims > 0) })
}

func (c *Catalog) createFunction(o CreateFunction) error {
	s, err := c.creationSchema(o.On, false)
	if err != nil {
		return err
	}
	if s.Name == tempSchema && o.On.Schema == "" {
		s = c.Schemas["public"]
	}
	f := &Function{ID: c.id(), Schema: s.Name, Name: o.On.Name, Object: o.Object, SetOf: o.SetOf, Language: o.Language, Volatile: o.Volatile}
	seenDefault := false
	for _, a := range o.Args {
		if a.Type, err = c.resolveType(a.Type); err != nil {
			return err
		}
		a.Type.Mods, a.Type.Text = nil, ""
		if a.Mode == "" {
			a.Mode = "in"
		}
		for _, b := range f.Args {
			if a.Name != "" && a.Name == b.Name && (isInput(a) == isInput(b) || a.Mode == "inout" || b.Mode == "inout") {
				return errorf("42P13", "parameter name %q used more than once", a.Name)
			}
		}
		if isInput(a) {
			if seenDefault && !a.Default && o.Object != "aggregate" {
				return errorf("42P13", "input parameters after one with a default value must also have defaults")
			}
			seenDefault = seenDefault || a.Default
		}
		f.Args = append(f.Args, a)
	}
	if f.Returns, err = c.resolveType(o.Returns); err != nil {
		return err
	}
	f.Returns.Mods, f.Returns.Text = nil, ""
	if o.Object == "function" && f.Returns.IsZero() {
		f.Returns = outType(f.Args)
		if f.Returns.IsZero() {
			return errorf("42P13", "function result type must be specified")
		}
	}
	list := slices.Clone(s.Functions[f.Name])
	at := slices.IndexFunc(list, func(x *Function) bool { return sameTypes(inputs(x.Args), inputs(f.Args)) })
	if at < 0 {
		c.setFunctions(s.Name, f.Name, append(list, f))
		return nil
	}
	old := list[at]
	if err := c.checkReplace(old, f, o.OrReplace); err != nil {
		return err
	}
	f.ID = old.ID
	list[at] = f
	c.setFunctions(s.Name, f.Name, list)
	return nil
}

func isInput(a FuncArg) bool { return a.Mode != "out" && a.Mode != "table" }

// outType is the result type that OUT parameters make.
func outType(args []FuncArg) Type {
	var outs []Type
	for _, a := range args {
		if a.Mode == "out" || a.Mode == "inout" || a.Mode == "table" {
			outs = append(outs, a.Type)
		}
	}
	switch len(outs) {
	case 0:
		return Type{}
	case 1:
		return outs[0]
	}
	return Type{Name: "record"}
}

// checkReplace refuses CREATE OR REPLACE of a function that would change its shape.
func (c *Catalog) checkReplace(old, f *Function, replace bool) error {
	if !replace {
		return errorf("42723", "function %q already exists with same argument types", f.Name)
	}
	if old.Object != f.Object {
		return errorf("42809", "cannot change routine kind")
	}
	if old.Extension != "" {
		return errorf("55000", "function %s() is a member of extension %q", f.Name, old.Extension)
	}
	if !sameType(old.Returns, f.Returns) || (old.Returns.Dims > 0) != (f.Returns.Dims > 0) || old.SetOf != f.SetOf {
		return errorf("42P13", "cannot change return type of existing function")
	}
	if f.Returns.Name == "record" && !slices.EqualFunc(rowOf(old), rowOf(f), func(a, b FuncArg) bool { return a.Name == b.Name && sameType(a.Type, b.Type) }) {
		return errorf("42P13", "cannot change return type of existing function")
	}
	olds, news := inputArgs(old), inputArgs(f)
	for i, a := range olds {
		if a.Name != "" && a.Name != news[i].Name {
			return errorf("42P13", "cannot change name of input parameter %q", a.Name)
		}
		if a.Default && !news[i].Default {
			return errorf("42P13", "cannot remove parameter defaults from existing function")
		}
	}
	return nil
}

func inputArgs(f *Function) []FuncArg {
	return slices.DeleteFunc(slices.Clone(f.Args), func(a FuncArg) bool { return !isInput(a) })
}

// rowOf are the columns that a function returning record has.
func rowOf(f *Function) []FuncArg {
	return slices.DeleteFunc(slices.Clone(f.Args), func(a FuncArg) bool { return a.Mode != "out" && a.Mode != "inout" && a.Mode != "table" })
}

// findFunction is the one function that a name, with or without argument types, stands for.
func (c *Catalog) findFunction(n Name, object string, args []Type, given bool) (*Function, error) {
	what := object
	if object == "routine" || object == "" {
		what = "function"
	}
	if n.Schema != "" && c.Schemas[n.Schema] == nil && !catalogSchemas[n.Schema] {
		return nil, errorf("3F000", "schema %q does not exist", n.Schema)
	}
	if given {
		args = slices.Clone(args)
		for i, t := range args {
			var err error
			if args[i], err = c.resolveType(t); err != nil {
				return nil, err
			}
		}
	}
	var found []*Function
	for s := range c.schemas(n) {
		for _, f := range s.Functions[n.Name] {
			if given && !f.accepts(args) || !given && !f.answersTo(object) {
				continue
			}
			if slices.ContainsFunc(found, func(x *Function) bool { return sameTypes(inputs(x.Args), inputs(f.Args)) }) {
				continue // hidden by that of an earlier schema
			}
			found = append(found, f)
		}
	}
	switch {
	case len(found) == 0 && !given:
		return nil, errorf("42883", "could not find a %s named %q", what, display(n))
	case len(found) == 0:
		return nil, errorf("42883", "%s %s does not exist", what, signature(n, args))
	case len(found) > 1:
		return nil, errorf("42725", "%s name %q is not unique", what, display(n))
	case object != "routine" && object != "" && found[0].Object != object:
		return nil, errorf("42809", "%s is not a %s", signature(n, inputs(found[0].Args)), what)
	}
	return found[0], nil
}

// answersTo tells that a statement about a kind of routine looks at this one: a
// function and an aggregate are found under each other's name, and then refused.
func (f *Function) answersTo(object string) bool {
	return object == "routine" || object == "" || (object == "procedure") == (f.Object == "procedure")
}

// accepts tells that argument types name this function. Those of an extension's functions are not known.
func (f *Function) accepts(args []Type) bool {
	return sameTypes(inputs(f.Args), args) || f.Object == "procedure" && sameTypes(allTypes(f.Args), args) || f.Extension != "" && f.Args == nil
}

func allTypes(args []FuncArg) []Type {
	var list []Type
	for _, a := range args {
		list = append(list, a.Type)
	}
	return list
}

func signature(n Name, args []Type) string {
	s := display(n) + "("
	for i, t := range args {
		if i > 0 {
			s += ", "
		}
		s += t.String()
	}
	return s + ")"
}

func (c *Catalog) dropFunction(o DropFunction) error {
	f, err := c.findFunction(o.On, o.Object, o.Args, o.ArgsGiven)
	if err != nil {
		if e := err.(*Error); o.IfExists && e.Code != "42725" && e.Code != "42809" {
			return nil
		}
		return err
	}
	if f.Extension != "" {
		return errorf("2BP01", "cannot drop function %s because extension %s requires it", signature(Name{Name: f.Name}, inputs(f.Args)), f.Extension)
	}
	return c.drop([]address{functionAddress(f)}, o.Cascade, nil)
}

func (c *Catalog) renameFunction(o RenameFunction) error {
	f, err := c.findFunction(o.On, o.Object, o.Args, o.ArgsGiven)
	if err != nil {
		return err
	}
	return c.moveFunctionTo(f, f.Schema, o.To)
}

func (c *Catalog) moveFunction(o SetSchema) error {
	f, err := c.findFunction(o.On, o.Object, o.Args, o.ArgsGiven)
	if err != nil {
		return err
	}
	if c.Schemas[o.To] == nil {
		return errorf("3F000", "schema %q does not exist", o.To)
	}
	if f.Schema == o.To {
		return nil
	}
	return c.moveFunctionTo(f, o.To, f.Name)
}

// moveFunctionTo gives a function another schema or name, and follows it in triggers.
func (c *Catalog) moveFunctionTo(f *Function, schema, name string) error {
	if slices.ContainsFunc(c.Schemas[schema].Functions[name], func(x *Function) bool { return sameTypes(inputs(x.Args), inputs(f.Args)) }) {
		return errorf("42723", "function %s already exists in schema %q", signature(Name{Name: name}, inputs(f.Args)), schema)
	}
	from := Name{f.Schema, f.Name}
	if len(c.Schemas[f.Schema].Functions[f.Name]) == 1 {
		c.renamedFunction(from, Name{schema, name})
	}
	c.remove(functionAddress(f))
	n := *f
	n.Schema, n.Name = schema, name
	c.setFunctions(schema, name, append(slices.Clone(c.Schemas[schema].Functions[name]), &n))
	if len(inputs(f.Args)) > 0 {
		return nil
	}
	for id, r := range c.byID {
		for i, t := range r.Triggers {
			if t.Function == from {
				c.editRelation(id).Triggers[i].Function = Name{schema, name}
			}
		}
	}
	return nil
}
