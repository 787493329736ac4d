package catalog

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Delta is what differs between two schemas.
type Delta []Change

// Change is one difference between a base and a head. What came or went with a
// whole table, view or type has no Change of its own.
type Change struct {
	Kind      string // "added", "removed", "renamed", "changed"
	Object    string // "schema", "table", "column", "index", "constraint", "view", "enum", "enum_value", "type", "domain", "function", "trigger", "sequence", "extension"
	Schema    string
	Relation  string // the table, view or enum that a column, index, constraint, trigger or enum value belongs to
	Name      string // at head; at base when it was removed
	Attribute string // of what changed: "type", "not_null", "default", "identity", "generated", "collation", "predicate", "unique", "columns", "definition", "return_type" ...
	From, To  string // names of what was renamed, values of what changed, signatures of functions
	Required  bool   // a column that every INSERT must name at head, and need not or cannot name at base
}

// Compare finds what differs. An object is what its name says: one that was dropped
// and made anew under its name is compared with the old one. A name that is gone is
// a rename where head was made from base by operations, and so knows its objects.
func Compare(base, head *Catalog) Delta {
	d := &differ{base: base, head: head, related: base.origin == head.origin}
	pairs(d, base.Schemas, head.Schemas, func(*Schema) uint32 { return 0 }, func(kind string, b, h *Schema) {
		if kind != "" {
			d.add(Change{Kind: kind, Object: "schema", Schema: either(b, h).Name, Name: either(b, h).Name})
		}
	})
	d.relations()
	d.types()
	d.functions()
	d.sequences()
	pairs(d, base.Extensions, head.Extensions, func(*Extension) uint32 { return 0 }, func(kind string, b, h *Extension) {
		e := either(b, h)
		change := Change{Kind: kind, Object: "extension", Schema: e.Schema, Name: e.Name}
		if kind != "" {
			d.add(change)
			return
		}
		d.attribute(change, "schema", b.Schema, h.Schema)
		d.attribute(change, "version", b.Version, h.Version)
	})
	return d.delta
}

type differ struct {
	base, head *Catalog
	related    bool // IDs mean the same in both
	delta      Delta
}

func (d *differ) add(c Change) { d.delta = append(d.delta, c) }

// attribute adds a change of one attribute where the two values differ.
func (d *differ) attribute(c Change, name, from, to string) {
	if from != to {
		c.Kind, c.Attribute, c.From, c.To = "changed", name, from, to
		d.add(c)
	}
}

func either[T any](b, h *T) *T {
	if h != nil {
		return h
	}
	return b
}

// pairs calls yield for every object of two maps, sorted by key: in both under one
// key with kind "", else as added, removed, or renamed where an ID is in both.
func pairs[K cmp.Ordered, T any](d *differ, base, head map[K]*T, id func(*T) uint32, yield func(kind string, b, h *T)) {
	var gone, come []K
	for _, key := range slices.Sorted(maps.Keys(base)) {
		if h := head[key]; h != nil {
			yield("", base[key], h)
		} else {
			gone = append(gone, key)
		}
	}
	byID := map[uint32]K{}
	for _, key := range slices.Sorted(maps.Keys(head)) {
		if base[key] != nil {
			continue
		}
		come = append(come, key)
		if n := id(head[key]); n != 0 && d.related {
			byID[n] = key
		}
	}
	renamed := map[K]bool{}
	for _, key := range gone {
		if to, ok := byID[id(base[key])]; ok && id(base[key]) != 0 {
			renamed[to] = true
			yield("renamed", base[key], head[to])
		} else {
			yield("removed", base[key], nil)
		}
	}
	for _, key := range come {
		if !renamed[key] {
			yield("added", nil, head[key])
		}
	}
}

// keyed makes a map of a list.
func keyed[T any](list []*T, key func(*T) string) map[string]*T {
	m := make(map[string]*T, len(list))
	for _, v := range list {
		m[key(v)] = v
	}
	return m
}

// schemaOrNone is a schema, or one without anything in it. What both catalogs hold as
// one and the same value need not be compared.
func (c *Catalog) schemaOrNone(name string) *Schema {
	if s := c.Schemas[name]; s != nil {
		return s
	}
	return &Schema{}
}

func fullKey(schema, name string) string { return schema + "\x00" + name }

func (d *differ) relations() {
	all := func(c, other *Catalog) map[string]*Relation {
		m := map[string]*Relation{}
		for _, s := range c.Schemas {
			if s.Name == tempSchema {
				continue
			}
			o := other.schemaOrNone(s.Name)
			for _, r := range s.Relations {
				if r.Extension == "" && (o.Relations[r.Name] != r || !c.sameIndexes(other, r)) {
					m[fullKey(r.Schema, r.Name)] = r
				}
			}
		}
		return m
	}
	pairs(d, all(d.base, d.head), all(d.head, d.base), func(r *Relation) uint32 { return r.ID }, func(kind string, b, h *Relation) {
		r := either(b, h)
		change := Change{Kind: kind, Object: "table", Schema: r.Schema, Name: r.Name}
		if r.Kind == View || r.Kind == MaterializedView {
			change.Object = "view"
		}
		if r.Assumed && !d.related {
			return // one history happens to say more of it than the other
		}
		switch kind {
		case "added", "removed":
			d.add(change)
			return
		case "renamed":
			change.From, change.To = nameFrom(b.Schema, h.Schema, b.Name), nameFrom(h.Schema, b.Schema, h.Name)
			d.add(change)
		}
		d.relation(change, b, h)
	})
}

// sameIndexes tells that a table has the very same indexes in another catalog.
func (c *Catalog) sameIndexes(other *Catalog, r *Relation) bool {
	names := c.indexes[r.ID]
	return slices.Equal(names, other.indexes[r.ID]) && !slices.ContainsFunc(names, func(name string) bool {
		return c.Schemas[r.Schema].Indexes[name] != other.Schemas[r.Schema].Indexes[name]
	})
}

// nameFrom is a name, with its schema where that differs from the other's.
func nameFrom(schema, other, name string) string {
	if schema == other {
		return name
	}
	return Name{schema, name}.String()
}

func (d *differ) relation(change Change, b, h *Relation) {
	d.attribute(change, "kind", string(b.Kind), string(h.Kind))
	d.attribute(change, "bound", b.Bound, h.Bound)
	d.attribute(change, "row_security", yes(b.RowSecurity), yes(h.RowSecurity))
	d.attribute(change, "unlogged", yes(b.Unlogged), yes(h.Unlogged))
	if b.Query != nil && h.Query != nil {
		d.attribute(change, "definition", b.Query.SQL, h.Query.SQL)
	}
	name := func(c *Column) string { return c.Name }
	pairs(d, keyed(b.Columns, name), keyed(h.Columns, name), func(c *Column) uint32 { return c.ID }, func(kind string, bc, hc *Column) {
		d.column(kind, b, h, bc, hc)
	})
	constraint := func(k *Constraint) string { return k.Name }
	pairs(d, keyed(b.Constraints, constraint), keyed(h.Constraints, constraint), func(k *Constraint) uint32 { return k.ID }, func(kind string, bk, hk *Constraint) {
		c := Change{Kind: kind, Object: "constraint", Schema: h.Schema, Relation: h.Name, Name: either(bk, hk).Name}
		switch kind {
		case "added", "removed":
			d.add(c)
			return
		case "renamed":
			c.From, c.To = bk.Name, hk.Name
			d.add(c)
		}
		d.attribute(c, "definition", bk.definition(), hk.definition())
		d.attribute(c, "valid", yes(bk.Valid), yes(hk.Valid))
	})
	index := func(i *Index) string { return i.Name }
	pairs(d, keyed(d.base.Indexes(b), index), keyed(d.head.Indexes(h), index), func(i *Index) uint32 { return i.ID }, func(kind string, bi, hi *Index) {
		c := Change{Kind: kind, Object: "index", Schema: h.Schema, Relation: h.Name, Name: either(bi, hi).Name}
		switch kind {
		case "added", "removed":
			d.add(c)
			return
		case "renamed":
			c.From, c.To = bi.Name, hi.Name
			d.add(c)
		}
		d.attribute(c, "unique", yes(bi.Unique), yes(hi.Unique))
		d.attribute(c, "columns", elementsText(bi.Elements, bi.Include), elementsText(hi.Elements, hi.Include))
		d.attribute(c, "predicate", bi.Predicate.text(), hi.Predicate.text())
		d.attribute(c, "method", bi.Method, hi.Method)
		d.attribute(c, "valid", yes(bi.Valid), yes(hi.Valid))
		d.attribute(c, "nulls_not_distinct", yes(bi.NullsNotDistinct), yes(hi.NullsNotDistinct))
	})
	trigger := func(t *Trigger) string { return t.Name }
	pairs(d, keyed(b.Triggers, trigger), keyed(h.Triggers, trigger), func(t *Trigger) uint32 { return t.ID }, func(kind string, bt, ht *Trigger) {
		c := Change{Kind: kind, Object: "trigger", Schema: h.Schema, Relation: h.Name, Name: either(bt, ht).Name}
		switch kind {
		case "added", "removed":
			d.add(c)
			return
		case "renamed":
			c.From, c.To = bt.Name, ht.Name
			d.add(c)
		}
		d.attribute(c, "definition", bt.definition(), ht.definition())
		d.attribute(c, "enabled", yes(!bt.Disabled), yes(!ht.Disabled))
	})
}

func (d *differ) column(kind string, b, h *Relation, bc, hc *Column) {
	c := Change{Kind: kind, Object: "column", Schema: h.Schema, Relation: h.Name, Name: either(bc, hc).Name}
	table := h.Kind != View && h.Kind != MaterializedView
	c.Required = hc != nil && table && d.head.Requires(hc) && (bc == nil || !d.base.Requires(bc))
	switch kind {
	case "added":
		c.To = hc.Type.String()
		d.add(c)
		return
	case "removed":
		c.From = bc.Type.String()
		d.add(c)
		return
	case "renamed":
		// The new name is one that nobody uses yet, so an INSERT must name it anew.
		c.From, c.To, c.Required = bc.Name, hc.Name, table && d.head.Requires(hc)
		d.add(c)
	}
	d.attribute(c, "type", bc.Type.String(), hc.Type.String())
	d.attribute(c, "not_null", yes(bc.NotNull), yes(hc.NotNull))
	d.attribute(c, "default", bc.Default.text(), hc.Default.text())
	d.attribute(c, "identity", bc.Identity, hc.Identity)
	d.attribute(c, "generated", bc.Generated.text(), hc.Generated.text())
	d.attribute(c, "collation", bc.Collation.Name, hc.Collation.Name)
}

// Requires tells that an INSERT must name the column: NULL is refused, by the column
// or by its domain, and the server has nothing else to put in.
func (c *Catalog) Requires(col *Column) bool {
	if col.Identity != "" || col.Generated != nil || col.Default != nil && !col.Default.Null {
		return false
	}
	notNull, t := col.NotNull, col.Type
	for range 64 {
		u := c.Type(t)
		if t.Dims > 0 || u == nil || u.Kind != Domain {
			break
		}
		if u.Default != nil && !u.Default.Null {
			return false
		}
		notNull, t = notNull || u.NotNull, u.Base
	}
	return notNull
}

func yes(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

func (e *Expr) text() string {
	if e == nil {
		return ""
	}
	return e.SQL
}

func elementsText(list []IndexElement, include []string) string {
	parts := make([]string, len(list))
	for i, e := range list {
		parts[i] = QuoteIdent(e.Column)
		if e.Expr != nil {
			parts[i] = "(" + e.Expr.SQL + ")"
		}
		if !e.Collation.IsZero() {
			parts[i] += " COLLATE " + e.Collation.String()
		}
		if !isDefaultOpClass(e.OpClass) {
			parts[i] += " " + e.OpClass.Name
		}
		if e.Desc {
			parts[i] += " DESC"
		}
		if e.Nulls != "" && (e.Nulls == "FIRST") != e.Desc {
			parts[i] += " NULLS " + e.Nulls
		}
		if e.Operator != "" {
			parts[i] += " WITH " + e.Operator
		}
	}
	text := strings.Join(parts, ", ")
	if len(include) > 0 {
		text += " INCLUDE (" + strings.Join(include, ", ") + ")"
	}
	return text
}

// definition is a constraint's meaning as text, without its name and validity.
func (k *Constraint) definition() string {
	parts := []string{string(k.Type)}
	switch k.Type {
	case Check:
		parts = append(parts, "("+k.Expr.text()+")")
	case Exclude:
		parts = append(parts, "USING "+k.Method+" ("+elementsText(k.Elements, k.Include)+")", k.Predicate.text())
	default:
		parts = append(parts, "("+strings.Join(k.Columns, ", ")+")")
	}
	if k.Type == ForeignKey {
		parts = append(parts, "REFERENCES "+k.RefTable.String()+" ("+strings.Join(k.RefColumns, ", ")+")")
		if k.OnDelete != "" {
			parts = append(parts, "ON DELETE "+k.OnDelete)
		}
		if k.OnUpdate != "" {
			parts = append(parts, "ON UPDATE "+k.OnUpdate)
		}
	}
	if k.Deferrable {
		parts = append(parts, "DEFERRABLE")
	}
	if k.InitiallyDefer {
		parts = append(parts, "INITIALLY DEFERRED")
	}
	if k.NotEnforced {
		parts = append(parts, "NOT ENFORCED")
	}
	return strings.TrimSpace(strings.Join(parts, " "))
}

func (t *Trigger) definition() string {
	text := t.Timing + " " + strings.Join(t.Events, " OR ")
	if len(t.Columns) > 0 {
		text += " OF " + strings.Join(t.Columns, ", ")
	}
	if t.Row {
		text += " FOR EACH ROW"
	}
	return text + " EXECUTE FUNCTION " + t.Function.String() + "()"
}
