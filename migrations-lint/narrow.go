package lint

import (
	"slices"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

// families order the built-in types in which a value of an earlier one always fits
// into a later one, without loss (PostgreSQL manual, 8.1 Numeric Types, 8.5
// Date/Time Types). Types of different families do not compare.
var families = [][]string{
	{"int2", "int4", "int8", "numeric"},
	{"float4", "float8"},
	{"int2", "int4", "float8"},
	{"int2", "float4"},
	{"date", "timestamp", "timestamptz"},
	{"timestamptz", "timestamp"},
	{"cidr", "inet"},
	{"time", "timetz"},
}

// textual types hold any text that is short enough.
var textual = map[string]bool{"text": true, "varchar": true, "bpchar": true, "citext": true, "name": true}

// narrows tells that some value of the type from does not fit into the type to:
// it is refused, cut or rounded.
func narrows(c *catalog.Catalog, from, to catalog.Type) bool {
	to, known := c.ResolveType(to)
	if from.IsZero() || !known || from.Equal(to) {
		return false
	}
	if to.Schema == "" && to.Dims == 0 && (to.Name == "jsonb" || to.Name == "json") {
		return false // from another type only USING leads there, and it says what becomes of each value
	}
	if was, is := c.Type(from), c.Type(to); was != nil && is != nil && was.Kind == catalog.Enum && is.Kind == catalog.Enum {
		return slices.ContainsFunc(was.Labels, func(label string) bool { return !slices.Contains(is.Labels, label) })
	}
	return shrinks(from, to)
}

// shrinks compares built-in types, and any type with one.
func shrinks(from, to catalog.Type) bool {
	if from.Dims > 0 || to.Dims > 0 {
		if from.Dims == 0 || to.Dims == 0 {
			return !textual[to.Name]
		}
		from.Dims, to.Dims = 0, 0
		return !from.Equal(to) && shrinks(from, to)
	}
	if textual[to.Name] {
		limit, limited := length(to)
		if !limited {
			return false
		}
		held, bounded := length(from)
		return !textual[from.Name] || !bounded || held > limit
	}
	if from.Schema == to.Schema && from.Name == to.Name {
		return fewer(from, to)
	}
	if from.Schema != "" || to.Schema != "" {
		return true
	}
	for _, family := range families {
		was, is := slices.Index(family, from.Name), slices.Index(family, to.Name)
		if was >= 0 && is > was {
			return to.Name == "numeric" && len(to.Mods) > 0
		}
	}
	// int8 to float8, timestamp to date, text to integer ...: something does not fit.
	return true
}

// fewer tells that the same type with other modifiers holds fewer values.
func fewer(from, to catalog.Type) bool {
	if len(to.Mods) == 0 {
		return false
	}
	if len(from.Mods) == 0 {
		return true
	}
	if from.Name == "numeric" {
		scale := func(t catalog.Type) int {
			if len(t.Mods) > 1 {
				return t.Mods[1]
			}
			return 0
		}
		return scale(to) < scale(from) || to.Mods[0]-scale(to) < from.Mods[0]-scale(from)
	}
	return to.Mods[0] < from.Mods[0]
}

func length(t catalog.Type) (limit int, limited bool) {
	if len(t.Mods) == 0 {
		return 0, false
	}
	return t.Mods[0], true
}
