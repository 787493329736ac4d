package catalog

import (
	"slices"
	"strings"
)

func (d *differ) types() {
	all := func(c, other *Catalog) map[string]*UserType {
		m := map[string]*UserType{}
		for _, s := range c.Schemas {
			o := other.schemaOrNone(s.Name)
			for _, u := range s.Types {
				if u.Extension == "" && s.Name != tempSchema && o.Types[u.Name] != u {
					m[fullKey(u.Schema, u.Name)] = u
				}
			}
		}
		return m
	}
	pairs(d, all(d.base, d.head), all(d.head, d.base), func(u *UserType) uint32 { return u.ID }, func(kind string, b, h *UserType) {
		u := either(b, h)
		c := Change{Kind: kind, Object: "type", Schema: u.Schema, Name: u.Name}
		if u.Kind == Enum || u.Kind == Domain {
			c.Object = string(u.Kind)
		}
		switch kind {
		case "added", "removed":
			d.add(c)
			return
		case "renamed":
			c.From, c.To = nameFrom(b.Schema, h.Schema, b.Name), nameFrom(h.Schema, b.Schema, h.Name)
			d.add(c)
		}
		d.attribute(c, "kind", string(b.Kind), string(h.Kind))
		d.attribute(c, "type", b.Base.String(), h.Base.String())
		d.attribute(c, "not_null", yes(b.NotNull), yes(h.NotNull))
		d.attribute(c, "default", b.Default.text(), h.Default.text())
		d.attribute(c, "columns", columnsText(b.Columns), columnsText(h.Columns))
		d.attribute(c, "constraints", constraintsText(b.Constraints), constraintsText(h.Constraints))
		d.labels(b, h)
	})
}

func columnsText(list []*Column) string {
	parts := make([]string, len(list))
	for i, col := range list {
		parts[i] = QuoteIdent(col.Name) + " " + col.Type.String()
	}
	return strings.Join(parts, ", ")
}

func constraintsText(list []*Constraint) string {
	var parts []string
	for _, k := range list {
		parts = append(parts, QuoteIdent(k.Name)+" "+k.definition())
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

// labels compares the labels of two enums. Labels have no identity: a rename is
// what leaves the number of labels and every other one in its place.
func (d *differ) labels(b, h *UserType) {
	value := Change{Object: "enum_value", Schema: h.Schema, Relation: h.Name}
	renames := d.related && len(b.Labels) == len(h.Labels)
	for i := 0; renames && i < len(b.Labels); i++ {
		renames = b.Labels[i] == h.Labels[i] || !slices.Contains(h.Labels, b.Labels[i]) && !slices.Contains(b.Labels, h.Labels[i])
	}
	if renames {
		for i, label := range b.Labels {
			if to := h.Labels[i]; to != label {
				value.Kind, value.Name, value.From, value.To = "renamed", to, label, to
				d.add(value)
			}
		}
		return
	}
	for _, label := range b.Labels {
		if !slices.Contains(h.Labels, label) {
			value.Kind, value.Name = "removed", label
			d.add(value)
		}
	}
	for _, label := range h.Labels {
		if !slices.Contains(b.Labels, label) {
			value.Kind, value.Name = "added", label
			d.add(value)
		}
	}
}

func (d *differ) functions() {
	type key = string
	all := func(c, other *Catalog) map[key]*Function {
		m := map[key]*Function{}
		for _, s := range c.Schemas {
			o := other.schemaOrNone(s.Name)
			for name, list := range s.Functions {
				for _, f := range list {
					if f.Extension == "" && s.Name != tempSchema && !slices.Contains(o.Functions[name], f) {
						m[fullKey(f.Schema, signature(Name{Name: f.Name}, inputs(f.Args)))] = f
					}
				}
			}
		}
		return m
	}
	pairs(d, all(d.base, d.head), all(d.head, d.base), func(f *Function) uint32 { return f.ID }, func(kind string, b, h *Function) {
		f := either(b, h)
		c := Change{Kind: kind, Object: "function", Schema: f.Schema, Name: f.Name}
		if b != nil {
			c.From = signature(Name{Name: b.Name}, inputs(b.Args))
		}
		if h != nil {
			c.To = signature(Name{Name: h.Name}, inputs(h.Args))
		}
		switch {
		case kind == "renamed" && b.Name == h.Name && b.Schema == h.Schema:
			// A type among its parameters was renamed: callers see no difference.
		case kind != "":
			d.add(c)
		}
		if b == nil || h == nil {
			return
		}
		d.attribute(c, "kind", b.Object, h.Object)
		d.attribute(c, "return_type", b.result(), h.result())
		d.attribute(c, "arguments", argumentsText(b.Args), argumentsText(h.Args))
	})
}

func (f *Function) result() string {
	if f.SetOf {
		return "SETOF " + f.Returns.String()
	}
	return f.Returns.String()
}

func argumentsText(args []FuncArg) string {
	parts := make([]string, len(args))
	for i, a := range args {
		parts[i] = strings.TrimSpace(QuoteIdent(a.Name) + " " + a.Type.String())
		if a.Name == "" {
			parts[i] = a.Type.String()
		}
		if a.Mode != "" && a.Mode != "in" {
			parts[i] = strings.ToUpper(a.Mode) + " " + parts[i]
		}
		if a.Default {
			parts[i] += " DEFAULT"
		}
	}
	return strings.Join(parts, ", ")
}

// sequences compares the sequences that no column owns; those that one owns come and go with it.
func (d *differ) sequences() {
	all := func(c, other *Catalog) map[string]*Sequence {
		m := map[string]*Sequence{}
		for _, s := range c.Schemas {
			o := other.schemaOrNone(s.Name)
			for _, seq := range s.Sequences {
				if s.Name != tempSchema && o.Sequences[seq.Name] != seq {
					m[fullKey(seq.Schema, seq.Name)] = seq
				}
			}
		}
		return m
	}
	pairs(d, all(d.base, d.head), all(d.head, d.base), func(s *Sequence) uint32 { return s.ID }, func(kind string, b, h *Sequence) {
		seq := either(b, h)
		c := Change{Kind: kind, Object: "sequence", Schema: seq.Schema, Name: seq.Name}
		switch {
		case (kind == "added" || kind == "removed") && seq.OwnerID != 0:
			return
		case kind == "renamed":
			c.From, c.To = nameFrom(b.Schema, h.Schema, b.Name), nameFrom(h.Schema, b.Schema, h.Name)
			d.add(c)
		case kind != "":
			d.add(c)
		}
		if b != nil && h != nil {
			d.attribute(c, "type", b.Type.String(), h.Type.String())
		}
	})
}
