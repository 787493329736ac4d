package catalog

import (
	_ "embed"
	"strings"
)

//go:embed system_relations.txt
var systemColumnsText string

// isSystemName tells that a name can only be, or is likely to be, a relation of the system.
func isSystemName(n Name) bool {
	return catalogSchemas[n.Schema] || n.Schema == "" && strings.HasPrefix(n.Name, "pg_")
}

// systemRelation is a relation of pg_catalog or information_schema, as far as
// scripts name them; nil for others.
func systemRelation(n Name) *Relation {
	if n.Schema == "" {
		n.Schema = "pg_catalog"
	}
	return systemRelations[n]
}

// SystemRelation is a relation of pg_catalog or information_schema as PostgreSQL 17 has
// it, as far as scripts name them; nil for others. Its ID is 0.
func SystemRelation(n Name) *Relation { return systemRelation(n) }

// systemRelations have ID 0: no view's dependency on them matters.
var systemRelations = func() map[Name]*Relation {
	m := map[Name]*Relation{}
	for line := range strings.Lines(strings.TrimSpace(systemColumnsText)) {
		name, columns, _ := strings.Cut(strings.TrimSpace(line), ":")
		schema, table, _ := strings.Cut(name, ".")
		r := &Relation{Schema: schema, Name: table, Kind: View, Rows: Many}
		for _, col := range strings.Fields(columns) {
			column, t, _ := strings.Cut(col, "/")
			c := &Column{Name: column, NotNullValid: true, Local: true}
			if element, array := strings.CutSuffix(t, "[]"); array {
				c.Type = Type{Name: element, Dims: 1}
			} else {
				c.Type = Type{Name: t}
			}
			if informationDomains[c.Type.Name] {
				c.Type.Schema = "information_schema"
			}
			r.Columns = append(r.Columns, c)
		}
		m[Name{schema, table}] = r
	}
	return m
}()
