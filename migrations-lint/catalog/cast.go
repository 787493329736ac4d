package catalog

import "strings"

// castLevel says where the server casts by itself.
type castLevel int

const (
	castNone     castLevel = iota // or only where CAST is written
	castAssign                    // where a value is stored in a column
	castImplicit                  // anywhere
)

// implicitCasts and assignCasts are the casts between built-in types that pg_cast
// marks so, by source type.
var implicitCasts = castTable(`
	int2: int4 int8 float4 float8 numeric oid regproc regprocedure regoper regoperator regclass regtype regconfig regdictionary regrole regnamespace regcollation
	int4: int8 float4 float8 numeric oid regproc regprocedure regoper regoperator regclass regtype regconfig regdictionary regrole regnamespace regcollation
	int8: float4 float8 numeric oid regproc regprocedure regoper regoperator regclass regtype regconfig regdictionary regrole regnamespace regcollation
	numeric: float4 float8
	float4: float8
	oid: regproc regprocedure regoper regoperator regclass regtype regconfig regdictionary regrole regnamespace regcollation
	text: bpchar varchar regclass name
	varchar: text bpchar regclass name
	bpchar: text varchar name
	name: text
	char: text
	cidr: inet
	date: timestamp timestamptz
	time: interval timetz
	timestamp: timestamptz
	bit: varbit
	varbit: bit
	macaddr: macaddr8
	macaddr8: macaddr
	regclass: oid
	regtype: oid`)

var assignCasts = castTable(`
	int4: int2 money
	int8: int2 int4 money
	float4: int2 int4 int8 numeric
	float8: int2 int4 int8 float4 numeric
	numeric: int2 int4 int8 money
	money: numeric
	text: char
	varchar: char
	bpchar: char
	name: bpchar varchar
	char: bpchar varchar
	inet: text cidr bpchar varchar
	cidr: text bpchar varchar
	bool: text bpchar varchar
	xml: text bpchar varchar
	timestamptz: date time timestamp timetz
	timestamp: date time
	interval: time
	timetz: time
	json: jsonb
	jsonb: json
	path: point polygon
	box: polygon
	polygon: path
	point: box
	oid: int4 int8
	regclass: int4 int8`)

func castTable(text string) map[[2]string]bool {
	m := map[[2]string]bool{}
	for line := range strings.Lines(strings.TrimSpace(text)) {
		source, targets, _ := strings.Cut(strings.TrimSpace(line), ":")
		for _, target := range strings.Fields(targets) {
			m[[2]string{source, target}] = true
		}
	}
	return m
}

var stringTypes = words("text varchar bpchar name")

// castContext is the least explicit way in which the server casts one type to another.
func (c *Catalog) castContext(from, to Type) castLevel {
	from, to = c.baseType(from), c.baseType(to)
	if from.IsZero() || to.IsZero() {
		return castImplicit
	}
	if from.Dims > 0 || to.Dims > 0 {
		switch {
		case from.Dims > 0 && to.Dims > 0:
			from.Dims, to.Dims = 0, 0
			return c.castContext(from, to)
		case from.Dims > 0 && to.Schema == "" && stringTypes[to.Name] && to.Name != "name":
			return castAssign
		}
		return castNone
	}
	switch {
	case sameType(from, to):
		return castImplicit
	case c.extensionCast(from, to) != castNone:
		return c.extensionCast(from, to)
	case from.Schema == "" && to.Schema == "" && implicitCasts[[2]string{from.Name, to.Name}]:
		return castImplicit
	case from.Schema == "" && to.Schema == "" && assignCasts[[2]string{from.Name, to.Name}]:
		return castAssign
	case to.Schema == "" && stringTypes[to.Name] && to.Name != "name":
		return castAssign // through the type's text form
	}
	return castNone
}

// extensionCast knows the casts of extension types.
func (c *Catalog) extensionCast(from, to Type) castLevel {
	if u := c.Type(from); u != nil && u.Extension == "citext" && u.Name == "citext" && to.Schema == "" {
		switch to.Name {
		case "text", "varchar":
			return castImplicit
		case "bpchar":
			return castAssign
		}
	}
	if u := c.Type(to); u != nil && u.Extension == "citext" && u.Name == "citext" && from.Schema == "" {
		switch from.Name {
		case "text", "varchar", "bpchar", "bool", "inet":
			return castAssign
		}
	}
	return castNone
}
