package resolve

import "github.com/pmcheck/pmcheck/migrations-lint/catalog"

// typ is a data type without its modifiers. The zero value is one that is not known:
// what hangs on it is not judged. Built-in types have no schema.
type typ struct {
	schema, name string
	array        bool
}

func builtin(name string) typ { return typ{name: name} }

var (
	unknownLiteral = builtin("unknown") // a literal or parameter whose type the context decides
	boolType       = builtin("bool")
	textType       = builtin("text")
	recordType     = builtin("record")
	int4Type       = builtin("int4")
	int8Type       = builtin("int8")
)

func (t typ) known() bool { return t.name != "" }

// element is the type of an array's elements.
func (t typ) element() typ { return typ{schema: t.schema, name: t.name} }

// of is the array type of an element type.
func (t typ) of() typ { return typ{t.schema, t.name, true} }

func typeOf(t catalog.Type) typ {
	return typ{t.Schema, t.Name, t.Dims > 0}
}

// String is the type as the server's messages show it.
func (t typ) String() string { return t.catalogType().String() }

func (t typ) catalogType() catalog.Type {
	c := catalog.Type{Schema: t.schema, Name: t.name}
	if t.array {
		c.Dims = 1
	}
	return c
}

// value is what is known of an expression's result.
type value struct {
	typ    typ
	exact  catalog.Type // with modifiers, where they are known
	text   *string      // of a string literal whose type is not decided yet
	null   bool         // the literal NULL
	param  int          // the number of a parameter that stands alone
	soft   bool         // the type was deduced for a parameter
	fields []column     // of an anonymous record
	row    string       // the entry of FROM whose row it is
}

func known(t typ) value { return value{typ: t} }

// isUnknown tells that the context decides the type.
func (v value) isUnknown() bool { return v.typ == unknownLiteral }

func (v value) result() catalog.Type {
	switch {
	case !v.exact.IsZero():
		return v.exact
	case v.isUnknown():
		return catalog.Type{Name: "text"}
	}
	return v.typ.catalogType()
}
