package postgres

import (
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

// serials are the pseudo types that make a sequence (manual, 8.1.4 Serial Types).
var serials = map[string]string{
	"serial": "int4", "serial4": "int4",
	"bigserial": "int8", "serial8": "int8",
	"smallserial": "int2", "serial2": "int2",
}

// typeName is the type that a type name means; "x.y%TYPE" is not known. serial
// tells that it is one of the serial types, whose integer type it then is.
func typeName(t *pg.TypeName) (typ catalog.Type, serial bool) {
	if t == nil || t.PctType {
		return catalog.Type{}, false
	}
	name := systemName(t.Names)
	typ = catalog.Type{Schema: name.Schema, Name: name.Name, Dims: len(t.ArrayBounds)}
	if integer, ok := serials[typ.Name]; ok && len(t.Names) == 1 {
		typ.Name, serial = integer, true
	}
	// The server's internal name of an array type: _text is text[].
	if element, ok := strings.CutPrefix(typ.Name, "_"); ok && typ.Schema == "" && builtinTypes[element] {
		typ.Name = element
		typ.Dims++
	}
	typeMods(&typ, t.Typmods)
	return typ, serial
}

func typeMods(typ *catalog.Type, nodes []*pg.Node) {
	if len(nodes) == 0 {
		return
	}
	var texts []string
	allNumbers := true
	for _, n := range nodes {
		if i := n.GetAConst().GetIval(); i != nil {
			typ.Mods = append(typ.Mods, int(i.Ival))
			texts = append(texts, strconv.Itoa(int(i.Ival)))
			continue
		}
		if u, ok := negativeInt(n); ok {
			typ.Mods = append(typ.Mods, u)
			texts = append(texts, strconv.Itoa(u))
			continue
		}
		allNumbers = false
		texts = append(texts, modText(n))
	}
	switch {
	case !allNumbers:
		typ.Mods, typ.Text = nil, strings.Join(texts, ",")
	case typ.Schema != "":
	case typ.Name == "interval":
		typ.Fields = intervalFields(typ.Mods[0])
		typ.Mods = typ.Mods[1:]
		if len(typ.Mods) == 0 {
			typ.Mods = nil
		}
	case typ.Name == "numeric" && len(typ.Mods) == 1:
		typ.Mods = append(typ.Mods, 0) // the scale defaults to 0 (manual, 8.1.2)
	}
	switch typ.Name {
	case "time", "timetz", "timestamp", "timestamptz", "interval":
		if typ.Schema == "" && len(typ.Mods) == 1 {
			typ.Mods[0] = min(typ.Mods[0], 6) // the server lowers a larger precision with a warning
		}
	}
}

// negativeInt reads -3, as in numeric(5,-3).
func negativeInt(n *pg.Node) (int, bool) {
	e := n.GetAExpr()
	if e == nil || e.Lexpr != nil || len(e.Name) != 1 || e.Name[0].GetString_().GetSval() != "-" {
		return 0, false
	}
	i := e.Rexpr.GetAConst().GetIval()
	if i == nil {
		return 0, false
	}
	return -int(i.Ival), true
}

// modText is a type modifier that is no number: geometry(Point,4326).
func modText(n *pg.Node) string {
	switch x := n.GetNode().(type) {
	case *pg.Node_ColumnRef:
		return listName(x.ColumnRef.Fields).Name
	case *pg.Node_AConst:
		switch v := x.AConst.Val.(type) {
		case *pg.A_Const_Sval:
			return v.Sval.Sval
		case *pg.A_Const_Fval:
			return v.Fval.Fval
		}
	}
	return "?"
}

// intervalFields decodes the field mask of an interval's first modifier
// (src/include/utils/datetime.h and timestamp.h: INTERVAL_MASK, INTERVAL_FULL_RANGE).
func intervalFields(mask int) string {
	fields := []struct {
		bit  int
		name string
	}{{2, "YEAR"}, {1, "MONTH"}, {3, "DAY"}, {10, "HOUR"}, {11, "MINUTE"}, {12, "SECOND"}}
	if mask == 0x7FFF {
		return ""
	}
	var first, last string
	for _, f := range fields {
		if mask&(1<<f.bit) != 0 {
			if first == "" {
				first = f.name
			}
			last = f.name
		}
	}
	if first == last {
		return first
	}
	return first + " TO " + last
}

// builtinTypes are the types of pg_catalog that a column can have.
var builtinTypes = func() map[string]bool {
	m := map[string]bool{}
	for _, name := range strings.Fields(`bit bool box bpchar bytea char cid cidr circle date daterange datemultirange float4 float8 inet
		int2 int4 int8 int4range int8range int4multirange int8multirange interval json jsonb jsonpath line lseg macaddr macaddr8 money name
		numeric numrange nummultirange oid oidvector path pg_lsn point polygon regclass regcollation regconfig regdictionary regnamespace
		regoper regoperator regproc regprocedure regrole regtype text tid time timestamp timestamptz timetz tsmultirange tsquery tsrange
		tstzmultirange tstzrange tsvector txid_snapshot uuid varbit varchar xid xid8 xml`) {
		m[name] = true
	}
	return m
}()
