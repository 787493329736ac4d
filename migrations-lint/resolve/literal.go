package resolve

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

// settle gives a literal or parameter whose type was open the type that its context
// asks for. A literal that is not one of the type is refused at once, as the server
// does when it parses the query.
func (a *analyzer) settle(v value, t typ, at int32) value {
	if v.param > 0 {
		if _, decided := a.params[v.param]; !decided && t != unknownLiteral {
			if isPolymorphic(t) {
				t = typ{}
			}
			a.params[v.param] = a.base(t)
		}
		return value{typ: t, soft: true}
	}
	if v.text != nil {
		a.literal(*v.text, t, at)
	}
	return value{typ: t, null: v.null}
}

// literal judges the text of a literal, for the types whose texts depend on the
// schema or are easily told.
func (a *analyzer) literal(text string, t typ, at int32) {
	t = a.base(t)
	if strings.Contains(text, Hole) || !t.known() {
		return
	}
	if t.array {
		a.arrayLiteral(text, t, at)
		return
	}
	if t.schema == "" {
		a.builtinLiteral(text, t, at)
		return
	}
	u := a.c.Type(t.catalogType())
	if u == nil || u.Kind != catalog.Enum {
		return
	}
	if slices.Contains(u.Labels, text) {
		a.use(Object{Kind: "enum_value", Schema: u.Schema, Relation: u.Name, Name: text})
		return
	}
	a.fail(analysis, "22P02", Object{Kind: "enum_value", Schema: u.Schema, Relation: u.Name, Name: text}, at,
		fmt.Sprintf("invalid input value for enum %s: %q", a.show(t), text))
}

// arrayLiteral judges the labels of '{a,b}' where it is an array of an enum.
func (a *analyzer) arrayLiteral(text string, t typ, at int32) {
	if trimmed := strings.TrimLeft(text, " \t\n\r\v\f"); !strings.HasPrefix(trimmed, "{") && !strings.HasPrefix(trimmed, "[") {
		a.fail(analysis, "22P02", Object{}, at, fmt.Sprintf("malformed array literal: %q", text))
		return
	}
	if strings.ContainsAny(text, `"\`) || !strings.HasPrefix(text, "{") || !strings.HasSuffix(text, "}") {
		return
	}
	text = strings.TrimSpace(text[1 : len(text)-1])
	if text == "" || strings.ContainsAny(text, "{}") {
		return
	}
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); !strings.EqualFold(item, "null") {
			a.literal(item, t.element(), at)
		}
	}
}

func (a *analyzer) builtinLiteral(text string, t typ, at int32) {
	trimmed := strings.Trim(text, " \t\n\r\v\f")
	valid := true
	switch t.name {
	case "int2", "int4", "int8":
		valid = isInteger(trimmed)
	case "date", "timestamp", "timestamptz":
		if !strings.ContainsAny(text, "0123456789") && !specialTimes[strings.ToLower(trimmed)] {
			a.fail(analysis, "22007", Object{}, at, fmt.Sprintf("invalid input syntax for type %s: %q", a.show(t), text))
		}
	case "float4", "float8", "numeric":
		_, err := strconv.ParseFloat(trimmed, 64)
		valid = err == nil || errors.Is(err, strconv.ErrRange) || isInteger(trimmed) || isSpecialNumber(trimmed) || strings.Contains(trimmed, "_")
	case "json", "jsonb":
		if !json.Valid([]byte(text)) {
			a.fail(analysis, "22P02", Object{}, at, "invalid input syntax for type json")
		}
	case "bool":
		valid = isBoolean(strings.ToLower(trimmed))
	case "uuid":
		valid = isUUID(text)
	case "regclass":
		a.relationLiteral(text, at)
	case "regtype":
		a.typeLiteral(text, at)
	}
	if !valid {
		a.fail(analysis, "22P02", Object{}, at, fmt.Sprintf("invalid input syntax for type %s: %q", a.show(t), text))
	}
}

// specialTimes are the dates that have names (manual, 8.5.1.4).
var specialTimes = map[string]bool{"now": true, "today": true, "tomorrow": true, "yesterday": true, "epoch": true, "infinity": true, "+infinity": true, "-infinity": true, "allballs": true}

// isInteger tells that a text may be an integer: decimal, or as PostgreSQL 16 takes it 0x1f and 1_000.
func isInteger(s string) bool {
	if s != "" && (s[0] == '-' || s[0] == '+') {
		s = s[1:]
	}
	if s == "" || s[0] < '0' || s[0] > '9' {
		return false
	}
	return strings.Trim(s, "0123456789_") == "" || len(s) > 2 && s[0] == '0' && strings.ContainsRune("xXoObB", rune(s[1])) && strings.Trim(s[2:], "0123456789abcdefABCDEF_") == ""
}

func isSpecialNumber(s string) bool {
	s = strings.ToLower(strings.TrimLeft(s, "+-"))
	return s == "nan" || s == "inf" || s == "infinity"
}

func isBoolean(s string) bool {
	if s == "" {
		return false
	}
	for _, word := range []string{"true", "false", "yes", "no"} {
		if strings.HasPrefix(word, s) {
			return true
		}
	}
	return s == "on" || s == "of" || s == "off" || s == "1" || s == "0"
}

func isUUID(s string) bool {
	if strings.HasPrefix(s, "{") && strings.HasSuffix(s, "}") {
		s = s[1 : len(s)-1]
	}
	hex := strings.ReplaceAll(s, "-", "")
	return len(hex) == 32 && strings.Trim(strings.ToLower(hex), "0123456789abcdef") == ""
}

// relationLiteral is 'name'::regclass, also the name that nextval is given: the
// relation must exist.
func (a *analyzer) relationLiteral(text string, at int32) {
	if _, err := strconv.ParseUint(text, 10, 32); err == nil || text == "-" {
		return
	}
	if !isQualifiedName(text) {
		a.fail(analysis, "42602", Object{}, at, "invalid name syntax")
		return
	}
	if strings.Count(text, ".") > 1 {
		return
	}
	n := catalog.ParseName(text)
	if a.c.Relation(n) != nil {
		a.use(tableObject(a.c.Relation(n)))
		return
	}
	if a.c.Sequence(n) != nil || a.c.Index(n) != nil || a.compositeNamed(n) {
		return
	}
	if n.Schema != "" && a.c.Schemas[n.Schema] == nil && a.c.Version < 16 && !a.unknownExtension() {
		a.fail(analysis, "3F000", Object{Kind: "table", Schema: n.Schema, Name: n.Name}, at, fmt.Sprintf("schema %q does not exist", n.Schema))
		return
	}
	a.noRelation(n, at)
}

// isQualifiedName tells that a text may be names with points between them: one without
// quotes is not empty and has no space in it.
func isQualifiedName(text string) bool {
	if strings.Contains(text, `"`) {
		return true
	}
	for name := range strings.SplitSeq(text, ".") {
		if len(strings.Fields(name)) != 1 {
			return false
		}
	}
	return true
}

func (a *analyzer) typeLiteral(text string, at int32) {
	if strings.ContainsAny(text, " ([%") || text == "-" || text == "" || a.unknownExtension() {
		return
	}
	if _, err := strconv.ParseUint(text, 10, 32); err == nil {
		return
	}
	n := catalog.ParseName(text)
	if _, ok := a.c.ResolveType(catalog.Type{Schema: n.Schema, Name: n.Name}); ok || sqlTypeNames[n.Name] || isSystemName(n.Schema, n.Name) {
		return
	}
	a.fail(analysis, "42704", Object{Kind: "type", Schema: n.Schema, Name: n.Name}, at, fmt.Sprintf("type %q does not exist", text))
}

// sqlTypeNames are names of types that only the grammar knows.
var sqlTypeNames = map[string]bool{"int": true, "integer": true, "smallint": true, "bigint": true, "real": true, "float": true, "decimal": true, "dec": true,
	"boolean": true, "character": true, "nchar": true, "double": true}

// typeName is the type that a query writes. One that does not exist fails.
func (a *analyzer) typeName(t *pg.TypeName) catalog.Type {
	names := stringList(t.GetNames())
	if len(names) == 0 || t.GetPctType() {
		return catalog.Type{}
	}
	written := catalog.Type{Name: names[len(names)-1]}
	if len(names) > 1 {
		written.Schema = names[len(names)-2]
	}
	if isHole(written.Name) || isHole(written.Schema) {
		a.doubt("the name of a type is not known")
		return catalog.Type{}
	}
	found, ok := a.c.ResolveType(written)
	if !ok {
		if a.unknownType(written) {
			a.doubt("the type " + catalog.Name{Schema: written.Schema, Name: written.Name}.String())
			return catalog.Type{}
		}
		shown := strings.Join(names, ".")
		for range t.ArrayBounds {
			shown += "[]"
			break
		}
		a.fail(analysis, "42704", Object{Kind: "type", Schema: written.Schema, Name: written.Name}, t.Location, fmt.Sprintf("type %q does not exist", shown))
		return catalog.Type{}
	}
	if found.Schema != "" && found.Schema != "pg_catalog" && found.Schema != "information_schema" {
		kind := "type"
		if a.c.Relation(catalog.Name{Schema: found.Schema, Name: found.Name}) != nil {
			kind = "table"
		}
		a.use(Object{Kind: kind, Schema: found.Schema, Name: found.Name})
	}
	if len(t.ArrayBounds) > 0 {
		found.Dims = 1
	}
	if found.Name != "interval" {
		for _, n := range t.Typmods {
			if c, ok := n.GetAConst().GetVal().(*pg.A_Const_Ival); ok {
				found.Mods = append(found.Mods, int(c.Ival.GetIval()))
			}
		}
		if found.Name == "numeric" && len(found.Mods) == 1 {
			found.Mods = append(found.Mods, 0)
		}
	}
	return found
}

// unknownType tells that a type may exist that the catalog does not know of.
func (a *analyzer) unknownType(t catalog.Type) bool {
	return isSystemName(t.Schema, t.Name) || builtins().types[t.Name].category != 0 && (t.Schema == "" || t.Schema == "pg_catalog") || a.unknownExtension()
}

// cast is a cast that is written (transformTypeCast).
func (a *analyzer) cast(c *pg.TypeCast, sc *scope) value {
	t := a.typeName(c.TypeName)
	to := typeOf(t)
	if array := c.Arg.GetAArrayExpr(); array != nil && to.array {
		a.array(array, sc, to.element())
		return a.columnValue(t)
	}
	v := a.expr(c.Arg, sc)
	switch {
	case !to.known():
		return value{}
	case v.isUnknown():
		a.settle(v, to, location(c.Arg))
		return value{typ: to, exact: t, null: v.null}
	case a.coercible(v.typ, to, explicit) == no:
		if v.soft {
			a.doubt("the type of a parameter")
		} else {
			a.fail(analysis, "42846", Object{}, c.Location, fmt.Sprintf("cannot cast type %s to %s", a.show(v.typ), a.show(to)))
		}
		return value{}
	}
	return a.columnValue(t)
}
