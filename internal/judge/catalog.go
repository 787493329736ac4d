package judge

import (
	"slices"
	"strconv"
	"strings"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

const temporary = "pg_temp"

// OfCatalog describes a catalog as [OfServer] does a database.
func OfCatalog(c *catalog.Catalog) Description {
	d := Description{}
	for _, s := range c.Schemas {
		if s.Name == temporary {
			continue
		}
		d["schema "+s.Name] = Attributes{}
		for _, r := range s.Relations {
			describeRelation(d, c, r)
		}
		for _, i := range s.Indexes {
			describeIndex(d, c, i)
		}
		for _, seq := range s.Sequences {
			owner := ""
			if r := c.RelationByID(seq.OwnerID); r != nil {
				owner = r.FullName().String() + "." + seq.Column
			}
			d["sequence "+catalog.Name{Schema: seq.Schema, Name: seq.Name}.String()] = Attributes{"type": seq.Type.String(), "owner": owner}
		}
		for _, u := range s.Types {
			if u.Extension == "" {
				describeType(d, u)
			}
		}
		for _, list := range s.Functions {
			for _, f := range list {
				if f.Extension == "" {
					describeFunction(d, f)
				}
			}
		}
	}
	for _, e := range c.Extensions {
		d["extension "+e.Name] = Attributes{"schema": e.Schema}
	}
	return d
}

func describeRelation(d Description, c *catalog.Catalog, r *catalog.Relation) {
	if r.Extension != "" {
		return
	}
	name := r.FullName().String()
	var parents []string
	for _, p := range c.Parents(r) {
		parents = append(parents, p.FullName().String())
	}
	a := Attributes{
		"kind": string(r.Kind), "unlogged": yes(r.Unlogged), "parents": strings.Join(parents, ","), "partition": yes(r.IsPartition()),
		"partition_by": r.PartitionBy, "row_security": yes(r.RowSecurity), "rules": sorted(r.Rules), "policies": sorted(r.Policies),
	}
	if r.Bound == "DEFAULT" {
		a["partition"] = "default"
	}
	if r.Kind == catalog.MaterializedView {
		a["populated"] = strconv.FormatBool(r.Populated)
	}
	var uses []string
	for _, u := range r.Uses {
		if used := c.RelationByID(u.Relation); used != nil && used.Extension == "" && used != r && u.Column != "" {
			uses = append(uses, used.FullName().String()+"."+u.Column)
		}
	}
	a["uses"] = sorted(uses)
	d["relation "+name] = a
	for i, col := range r.Columns {
		a := Attributes{
			"position": strconv.Itoa(i + 1), "type": col.Type.String(), "not_null": yes(col.NotNull), "default": yes(col.Default != nil),
			"identity": col.Identity, "inherited": yes(col.Inherited), "local": yes(col.Local),
		}
		if col.Type.IsZero() {
			a["type"] = unknown
		}
		if col.Generated != nil {
			a["generated"] = "stored"
			if col.Virtual {
				a["generated"] = "virtual"
			}
		}
		d["column "+name+"."+col.Name] = a
	}
	for _, k := range r.Constraints {
		describeConstraint(d, c, k, name)
	}
	for _, t := range r.Triggers {
		d["trigger "+t.Name+" on "+name] = Attributes{"function": t.Function.String(), "enabled": yes(!t.Disabled), "cloned": yes(t.Parent != 0)}
	}
}

func sorted(list []string) string {
	list = slices.Clone(list)
	slices.Sort(list)
	return strings.Join(list, ",")
}

func describeConstraint(d Description, c *catalog.Catalog, k *catalog.Constraint, on string) {
	a := Attributes{
		"type": string(k.Type), "columns": strings.Join(k.Columns, ","), "valid": yes(k.Valid), "deferrable": yes(k.Deferrable),
		"inherited": yes(k.Inherited), "local": yes(k.Local),
	}
	switch k.Type {
	case catalog.Exclude:
		a["columns"] = ""
	case catalog.Check:
		a["columns"] = sorted(k.Columns)
	case catalog.ForeignKey:
		a["references"], a["ref_columns"] = "", strings.Join(k.RefColumns, ",")
		if ref := c.RelationByID(k.RefID); ref != nil {
			a["references"] = ref.FullName().String()
		}
		a["on_delete"], a["on_update"] = k.OnDelete, k.OnUpdate
	}
	if k.InitiallyDefer {
		a["deferrable"] = "deferred"
	}
	d["constraint "+k.Name+" on "+on] = a
}

func describeIndex(d Description, c *catalog.Catalog, i *catalog.Index) {
	table := c.RelationByID(i.Table)
	var columns []string
	for _, e := range i.Elements {
		name := e.Column
		if name == "" {
			name = "()"
		}
		if e.Desc {
			name += " desc"
		}
		columns = append(columns, name)
	}
	parent := ""
	if i.Parent != "" {
		for _, p := range c.Parents(table) {
			parent = catalog.Name{Schema: p.Schema, Name: i.Parent}.String()
		}
	}
	d["index "+catalog.Name{Schema: i.Schema, Name: i.Name}.String()] = Attributes{
		"table": table.FullName().String(), "unique": yes(i.Unique), "primary": yes(i.Primary), "valid": yes(i.Valid), "method": i.Method,
		"predicate": yes(i.Predicate != nil), "nulls_not_distinct": yes(i.NullsNotDistinct), "parent": parent,
		"columns": strings.Join(append(columns, i.Include...), ","), "include": strconv.Itoa(len(i.Include)),
	}
}

func describeType(d Description, u *catalog.UserType) {
	name := catalog.Name{Schema: u.Schema, Name: u.Name}.String()
	var columns []string
	for _, col := range u.Columns {
		columns = append(columns, col.Name+" "+col.Type.String())
	}
	d["type "+name] = Attributes{
		"kind": string(u.Kind), "labels": strings.Join(u.Labels, ","), "base": u.Base.String(), "not_null": yes(u.NotNull),
		"default": yes(u.Default != nil), "columns": strings.Join(columns, ","),
	}
	for _, k := range u.Constraints {
		d["constraint "+k.Name+" on "+name] = Attributes{
			"type": string(k.Type), "valid": yes(k.Valid), "deferrable": "no", "inherited": "no", "local": "yes",
		}
	}
}

func describeFunction(d Description, f *catalog.Function) {
	var args []string
	defaults := 0
	for _, a := range f.Args {
		if a.Default {
			defaults++
		}
		if a.Mode != "out" && a.Mode != "table" {
			args = append(args, a.Type.String())
		}
	}
	a := Attributes{"kind": f.Object, "returns": f.Returns.String(), "set": yes(f.SetOf), "defaults": strconv.Itoa(defaults)}
	if f.Object == "aggregate" || f.Object == "procedure" {
		a["returns"] = ""
	}
	d["function "+catalog.Name{Schema: f.Schema, Name: f.Name}.String()+"("+strings.Join(args, ",")+")"] = a
}
