package catalog

import (
	"strconv"
	"strings"
)

// Type is a data type. Built-in types have Schema "" and the server's internal
// name (int4, varchar, bpchar, timestamptz, bool ...), user-defined ones the
// schema they were found in, or "" while the search path has not been asked.
type Type struct {
	Schema string
	Name   string
	Mods   []int  // type modifiers as written: varchar(20) -> [20], numeric(10,2) -> [10 2]
	Text   string // modifiers that are not all numbers: "Point,4326" of geometry(Point,4326); Mods is then empty
	Fields string // interval's fields: "YEAR TO MONTH"
	Dims   int    // 1 or more for arrays; the server keeps no number of dimensions
}

// IsZero tells that the type is not known.
func (t Type) IsZero() bool { return t.Name == "" }

// Equal compares two types as the server does: array dimensions do not count.
func (t Type) Equal(u Type) bool { return t.String() == u.String() }

// sqlNames are the names that format_type() prints for built-in types
// (PostgreSQL manual, 8.1 Data Types, and src/backend/utils/adt/format_type.c).
var sqlNames = map[string]string{
	"int2": "smallint", "int4": "integer", "int8": "bigint",
	"float4": "real", "float8": "double precision", "bool": "boolean",
	"char": `"char"`, "varchar": "character varying", "bpchar": "character",
	"bit": "bit", "varbit": "bit varying",
	"time": "time without time zone", "timetz": "time with time zone",
	"timestamp": "timestamp without time zone", "timestamptz": "timestamp with time zone",
}

// String is the type as the server's format_type() prints it:
// "character varying(20)", "numeric(10,2)", "timestamp(3) with time zone", "text[]".
func (t Type) String() string {
	if t.IsZero() {
		return ""
	}
	name, builtin := sqlNames[t.Name]
	if !builtin || t.Schema != "" {
		name = Name{Schema: t.Schema, Name: t.Name}.String()
	}
	if t.Fields != "" {
		name += " " + strings.ToLower(t.Fields)
	}
	if len(t.Mods) > 0 {
		mods := make([]string, len(t.Mods))
		for i, m := range t.Mods {
			mods[i] = strconv.Itoa(m)
		}
		list := "(" + strings.Join(mods, ",") + ")"
		// The modifier of a time type stands behind its first word.
		if head, tail, ok := strings.Cut(name, " with"); ok && t.Schema == "" && strings.HasPrefix(t.Name, "time") {
			name = head + list + " with" + tail
		} else {
			name += list
		}
	} else if t.Text != "" {
		name += "(" + t.Text + ")"
	} else if t.Name == "bpchar" && t.Schema == "" {
		name = "bpchar" // bpchar without a length is not character(1)
	}
	if t.Dims > 0 {
		name += "[]"
	}
	return name
}

// QuoteIdent writes an identifier as the server's quote_ident() does, with the
// reserved words that a table's or column's name is likely to be.
func QuoteIdent(s string) string {
	plain := s != ""
	for i, r := range s {
		if !(r == '_' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' && i > 0 || r == '$' && i > 0) {
			plain = false
			break
		}
	}
	if plain && !reserved[s] {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

// reserved are PostgreSQL's reserved key words (manual, appendix C, "reserved" and
// "reserved (can be function or type)").
var reserved = func() map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(`all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate
		collation column concurrently constraint create cross current_catalog current_date current_role current_schema current_time
		current_timestamp current_user default deferrable desc distinct do else end except false fetch for foreign freeze from full grant
		group having ilike in initially inner intersect into is isnull join lateral leading left like limit localtime localtimestamp natural
		not notnull null offset on only or order outer overlaps placing primary references returning right select session_user similar some
		symmetric system_user table tablesample then to trailing true union unique user using variadic verbose when where window with`) {
		m[w] = true
	}
	return m
}()
