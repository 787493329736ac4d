package catalog

import (
	"slices"
	"strconv"
	"strings"
)

func numbered(name string, n int) string { return name + strconv.Itoa(n) }

// from adds an item of FROM to a scope and returns the columns that * has of it.
func (r *resolver) from(item FromItem, sc *scope) ([]outColumn, error) {
	if item.Left != nil {
		return r.join(item, sc)
	}
	var e fromEntry
	switch {
	case item.Sub != nil:
		outer := sc
		if !item.Lateral {
			outer = &scope{ctes: sc.ctes, outer: sc.outer}
		}
		columns, err := r.selectColumns(item.Sub, outer)
		if err != nil {
			return nil, err
		}
		e = fromEntry{alias: item.Alias, columns: slices.Clone(columns), open: columnsOpen(columns)}
		for i := range e.columns {
			e.columns[i].uses = nil
		}
	case item.Function.Name != "":
		e = r.functionEntry(item)
	default:
		found, err := r.tableEntry(item, sc)
		if err != nil {
			return nil, err
		}
		e = found
	}
	if item.Sub != nil || item.Function.Name == "" {
		for i, def := range item.Columns {
			if i < len(e.columns) {
				e.columns[i].name = def.Name
			}
		}
	}
	sc.entries = append(sc.entries, e)
	if e.open {
		return []outColumn{{open: true}}, nil
	}
	return e.columns, nil
}

func (r *resolver) tableEntry(item FromItem, sc *scope) (fromEntry, error) {
	alias := item.Alias
	if alias == "" {
		alias = item.Relation.Name
	}
	if item.Relation.Schema == "" {
		for level := sc; level != nil; level = level.outer {
			if columns, ok := level.ctes[item.Relation.Name]; ok {
				return fromEntry{alias: alias, columns: slices.Clone(columns), open: columnsOpen(columns)}, nil
			}
		}
	}
	if rel := r.c.Relation(item.Relation); rel != nil {
		e := r.relationEntry(rel, alias)
		r.uses[Use{Relation: rel.ID}] = true
		if item.Alias == "" {
			e.schema = rel.Schema
		}
		return e, nil
	}
	if sys := systemRelation(item.Relation); sys != nil {
		e := fromEntry{alias: alias}
		for _, col := range sys.Columns {
			e.columns = append(e.columns, outColumn{name: col.Name, typ: col.Type})
		}
		return e, nil
	}
	if err := r.c.mustRead(item.Relation); err != nil {
		return fromEntry{}, err
	}
	return fromEntry{alias: alias, open: true}, nil
}

func (r *resolver) relationEntry(rel *Relation, alias string) fromEntry {
	if alias == "" {
		alias = rel.Name
	}
	e := fromEntry{alias: alias, relation: rel.ID}
	for _, col := range rel.Columns {
		e.columns = append(e.columns, outColumn{name: col.Name, typ: col.Type, uses: []Use{{rel.ID, col.Name}}})
	}
	return e
}

// functionEntry is a function in FROM: the columns of its row, or one of its own name.
func (r *resolver) functionEntry(item FromItem) fromEntry {
	name := item.Alias
	if name == "" {
		name = item.Function.Name
	}
	e := fromEntry{alias: name, loose: item.Function.Name == "unnest"}
	switch {
	case len(item.Columns) > 0 && !item.Columns[0].Type.IsZero():
		for _, def := range item.Columns {
			t, _ := r.c.ResolveType(def.Type)
			e.columns = append(e.columns, outColumn{name: def.Name, typ: t})
		}
		return e
	default:
		e.columns, e.open = r.functionColumns(item.Function, name)
	}
	if item.Ordinality {
		e.columns = append(e.columns, outColumn{name: "ordinality", typ: Type{Name: "int8"}})
	}
	for i, def := range item.Columns {
		if i < len(e.columns) {
			e.columns[i].name = def.Name
		} else if e.open {
			e.columns = append(e.columns, outColumn{name: def.Name})
		} else {
			e.columns = append(e.columns, outColumn{name: def.Name}) // unnest of several arrays
		}
	}
	return e
}

func (r *resolver) functionColumns(n Name, name string) (columns []outColumn, open bool) {
	list := r.c.Functions(n)
	if len(list) == 0 {
		if row, ok := rowFunctions[n.Name]; ok && (n.Schema == "" || n.Schema == "pg_catalog") {
			for _, col := range strings.Fields(row) {
				col, typ, _ := strings.Cut(col, ":")
				columns = append(columns, outColumn{name: col, typ: Type{Name: typ}})
			}
			return columns, false
		}
		if strings.HasPrefix(n.Name, "json") && strings.Contains(n.Name, "_populate_record") {
			return nil, true // the row type of its first argument
		}
		return []outColumn{{name: name, typ: r.c.resultType(n)}}, false
	}
	f := list[0]
	if row := rowOf(f); len(row) > 1 || len(row) == 1 && row[0].Mode == "table" {
		for i, a := range row {
			column := a.Name
			if column == "" {
				column = numbered("column", i+1)
			}
			columns = append(columns, outColumn{name: column, typ: a.Type})
		}
		return columns, false
	}
	if f.Returns.Dims == 0 {
		if rel := r.c.Relation(Name{f.Returns.Schema, f.Returns.Name}); rel != nil && f.Returns.Schema != "" {
			for _, col := range rel.Columns {
				out := outColumn{name: col.Name, typ: col.Type}
				if r.c.Version >= 15 {
					out.uses = []Use{{rel.ID, col.Name}}
				}
				columns = append(columns, out)
			}
			return columns, false
		}
		if u := r.c.Type(f.Returns); u != nil && u.Kind == Composite {
			for _, col := range u.Columns {
				columns = append(columns, outColumn{name: col.Name, typ: col.Type})
			}
			return columns, false
		}
	}
	if f.Returns.Name == "record" {
		return nil, true
	}
	if row := rowOf(f); len(row) == 1 && row[0].Name != "" {
		return []outColumn{{name: row[0].Name, typ: f.Returns}}, false
	}
	return []outColumn{{name: name, typ: f.Returns}}, false
}

// join adds both sides of a join; columns of USING and NATURAL are merged and come first.
func (r *resolver) join(item FromItem, sc *scope) ([]outColumn, error) {
	first := len(sc.entries)
	left, err := r.from(*item.Left, sc)
	if err != nil {
		return nil, err
	}
	right, err := r.from(*item.Right, sc)
	if err != nil {
		return nil, err
	}
	using := item.Using
	if item.Natural {
		for _, lc := range left {
			if !lc.open && slices.ContainsFunc(right, func(rc outColumn) bool { return rc.name == lc.name }) {
				using = append(slices.Clip(using), lc.name)
			}
		}
	}
	var columns []outColumn
	for _, name := range using {
		li := slices.IndexFunc(left, func(col outColumn) bool { return col.name == name })
		ri := slices.IndexFunc(right, func(col outColumn) bool { return col.name == name })
		if li < 0 && !columnsOpen(left) || ri < 0 && !columnsOpen(right) {
			side := "left"
			if li >= 0 {
				side = "right"
			}
			return nil, errorf("42703", "column %q specified in USING clause does not exist in %s table", name, side)
		}
		merged := outColumn{name: name}
		if li >= 0 {
			merged.typ, merged.uses = left[li].typ, slices.Clone(left[li].uses)
		}
		if ri >= 0 {
			merged.uses = append(merged.uses, right[ri].uses...)
			if li >= 0 {
				merged.typ = commonType(merged.typ, right[ri].typ)
			}
		}
		r.use(merged.uses)
		columns = append(columns, merged)
	}
	for _, col := range slices.Concat(left, right) {
		if col.open || !slices.Contains(using, col.name) {
			columns = append(columns, col)
		}
	}
	if item.Alias != "" { // the alias hides the names of both sides
		sc.entries = append(sc.entries[:first], fromEntry{alias: item.Alias, columns: columns, open: columnsOpen(columns)})
	}
	return columns, nil
}

// rowFunctions are built-in functions that return rows of several columns.
var rowFunctions = map[string]string{
	"json_each":              "key:text value:json",
	"jsonb_each":             "key:text value:jsonb",
	"json_each_text":         "key:text value:text",
	"jsonb_each_text":        "key:text value:text",
	"aclexplode":             "grantor:oid grantee:oid privilege_type:text is_grantable:bool",
	"pg_options_to_table":    "option_name:text option_value:text",
	"ts_stat":                "word:text ndoc:int4 nentry:int4",
	"ts_parse":               "tokid:int4 token:text",
	"ts_token_type":          "tokid:int4 alias:text description:text",
	"ts_debug":               "alias:text description:text token:text dictionaries:regdictionary dictionary:regdictionary lexemes:text",
	"pg_get_keywords":        "word:text catcode:char barelabel:bool catdesc:text baredesc:text",
	"pg_partition_tree":      "relid:regclass parentrelid:regclass isleaf:bool level:int4",
	"pg_identify_object":     "type:text schema:text name:text identity:text",
	"pg_sequence_parameters": "start_value:int8 minimum_value:int8 maximum_value:int8 increment:int8 cycle_option:bool cache_size:int8 data_type:oid",
}
