package catalog

import "strings"

func (c *Catalog) createSchema(o CreateSchema) error {
	name := o.On.Name
	if strings.HasPrefix(name, "pg_") {
		return errorf("42939", "unacceptable schema name %q", name)
	}
	if c.Schemas[name] != nil || catalogSchemas[name] {
		if o.IfNotExists {
			return nil
		}
		return errorf("42P06", "schema %q already exists", name)
	}
	set(c, c.Schemas, name, newSchema(name))
	return nil
}

func (c *Catalog) dropSchema(o DropSchema) error {
	if c.Schemas[o.On.Name] == nil {
		if o.IfExists {
			return nil
		}
		if catalogSchemas[o.On.Name] {
			return errorf("2BP01", "cannot drop schema %s because it is required by the database system", o.On.Name)
		}
		return errorf("3F000", "schema %q does not exist", o.On.Name)
	}
	return c.drop([]address{{kind: schemaObject, name: o.On.Name}}, o.Cascade, nil)
}

// schemaContents calls yield for every object of a schema that does not go with another one of it.
func (c *Catalog) schemaContents(s *Schema, yield func(address)) {
	for _, e := range c.Extensions {
		if e.Schema == s.Name {
			yield(address{kind: extensionObject, name: e.Name})
		}
	}
	for _, r := range s.Relations {
		yield(relationAddress(r))
	}
	for _, seq := range s.Sequences {
		yield(sequenceAddress(seq))
	}
	for _, u := range s.Types {
		yield(typeAddress(u))
	}
	for _, list := range s.Functions {
		for _, f := range list {
			yield(functionAddress(f))
		}
	}
}

func (c *Catalog) renameSchema(o RenameSchema) error {
	s := c.Schemas[o.On.Name]
	switch {
	case s == nil:
		return errorf("3F000", "schema %q does not exist", o.On.Name)
	case c.Schemas[o.To] != nil || catalogSchemas[o.To]:
		return errorf("42P06", "schema %q already exists", o.To)
	case strings.HasPrefix(o.To, "pg_"):
		return errorf("42939", "unacceptable schema name %q", o.To)
	}
	n := newSchema(o.To)
	unset(c, c.Schemas, s.Name)
	set(c, c.Schemas, o.To, n)
	for name, i := range s.Indexes {
		m := *i
		m.Schema, m.epoch = o.To, c.epoch
		n.Indexes[name] = &m
	}
	for name, u := range s.Types {
		m := *u
		m.Schema = o.To
		n.Types[name] = &m
	}
	for name, list := range s.Functions {
		list = copyEach(list)
		for _, f := range list {
			f.Schema = o.To
		}
		n.Functions[name] = list
	}
	for name, seq := range s.Sequences {
		m := *seq
		m.Schema, m.epoch = o.To, c.epoch
		n.Sequences[name] = &m
	}
	for name, r := range s.Relations {
		m := *r
		m.Schema = o.To
		n.Relations[name] = &m
		set(c, c.byID, m.ID, &m)
	}
	for _, e := range c.Extensions {
		if e.Schema == s.Name {
			m := *e
			m.Schema = o.To
			set(c, c.Extensions, e.Name, &m)
		}
	}
	for name := range s.Types {
		c.retype(Type{Schema: s.Name, Name: name}, Type{Schema: o.To, Name: name})
	}
	for name := range s.Relations {
		c.renamedRelation(n.Relations[name], Name{s.Name, name})
	}
	for _, seq := range n.Sequences {
		c.renamedSequence(seq)
	}
	for id, r := range c.byID {
		for i, t := range r.Triggers {
			if t.Function.Schema == s.Name {
				c.editRelation(id).Triggers[i].Function.Schema = o.To
			}
		}
	}
	return nil
}
