package catalog

import "strings"

// ResolveType is the type with the schema that it was found in: "" for built-in
// types. The second result tells whether it exists.
func (c *Catalog) ResolveType(t Type) (Type, bool) {
	if t.Schema == "" || t.Schema == "pg_catalog" {
		if builtinTypes[t.Name] || pseudoTypes[t.Name] {
			t.Schema = ""
			return t, true
		}
		if element, ok := strings.CutPrefix(t.Name, "_"); ok && builtinTypes[element] {
			return Type{Name: element, Dims: 1}, true
		}
	}
	if catalogSchemas[t.Schema] {
		if systemRelation(Name{t.Schema, t.Name}) != nil || t.Schema == "information_schema" && informationDomains[t.Name] {
			return t, true
		}
		return t, false
	}
	for s := range c.schemas(Name{t.Schema, t.Name}) {
		if s.Types[t.Name] != nil || s.Relations[t.Name] != nil {
			t.Schema = s.Name
			return t, true
		}
		if element, ok := strings.CutPrefix(t.Name, "_"); ok && (s.Types[element] != nil || s.Relations[element] != nil) {
			return Type{Schema: s.Name, Name: element, Dims: 1}, true
		}
	}
	if t.Schema == "" && systemRelation(Name{Name: t.Name}) != nil {
		t.Schema = "pg_catalog"
		return t, true
	}
	return t, false
}

// resolveType is ResolveType with the server's refusals.
func (c *Catalog) resolveType(t Type) (Type, error) {
	if t.IsZero() {
		return t, nil
	}
	found, ok := c.ResolveType(t)
	if !ok {
		if t.Schema != "" && !catalogSchemas[t.Schema] && c.Schemas[t.Schema] == nil {
			return t, errorf("3F000", "schema %q does not exist", t.Schema)
		}
		return t, errorf("42704", "type %q does not exist", display(Name{t.Schema, t.Name}))
	}
	if found.Schema == "" && len(found.Mods) > 0 && !modifiable[found.Name] {
		return t, errorf("42601", "type modifier is not allowed for type %q", t.Name)
	}
	if len(found.Mods) == 1 && found.Schema == "" {
		switch {
		case found.Mods[0] < 1 && (found.Name == "varchar" || found.Name == "bpchar" || found.Name == "bit" || found.Name == "varbit"):
			return t, errorf("22023", "length for type %s must be at least 1", found.Name)
		case found.Mods[0] > 10485760 && (found.Name == "varchar" || found.Name == "bpchar"):
			return t, errorf("22023", "length for type %s cannot exceed 10485760", found.Name)
		case found.Name == "numeric":
			found.Mods = []int{found.Mods[0], 0}
		case found.Mods[0] > 6 && strings.HasPrefix(found.Name, "time"):
			found.Mods = []int{6} // the server warns and takes its maximum
		}
	}
	if found.Name == "numeric" && found.Schema == "" && len(found.Mods) == 2 && (found.Mods[0] < 1 || found.Mods[0] > 1000) {
		return t, errorf("22023", "NUMERIC precision %d must be between 1 and 1000", found.Mods[0])
	}
	return found, nil
}

// columnType is resolveType for a column of a table: no pseudo-types.
func (c *Catalog) columnType(column string, t Type) (Type, error) {
	found, err := c.resolveType(t)
	if err != nil {
		return t, err
	}
	if found.Schema == "" && pseudoTypes[found.Name] {
		return t, errorf("42P16", "column %q has pseudo-type %s", column, found.Name)
	}
	return found, nil
}

// display is a name as the server's messages show it inside quotes.
func display(n Name) string {
	if n.Schema == "" {
		return n.Name
	}
	return n.Schema + "." + n.Name
}

// Type is the user-defined type behind a type; nil for built-in types, for a
// table's row type and for one that does not exist.
func (c *Catalog) Type(t Type) *UserType {
	if t.Schema == "" || t.Schema == "pg_catalog" {
		if builtinTypes[t.Name] || pseudoTypes[t.Name] {
			return nil
		}
	}
	for s := range c.schemas(Name{t.Schema, t.Name}) {
		if found := s.Types[t.Name]; found != nil {
			return found
		}
		if s.Relations[t.Name] != nil {
			return nil
		}
	}
	return nil
}

// baseType is the type under a domain, with the domain's modifiers.
func (c *Catalog) baseType(t Type) Type {
	for range 64 {
		if t.Dims > 0 {
			return t
		}
		d := c.Type(t)
		if d == nil || d.Kind != Domain {
			return t
		}
		t = d.Base
	}
	return t
}

// informationDomains are the domains of information_schema.
var informationDomains = words("cardinal_number character_data sql_identifier time_stamp yes_or_no")
