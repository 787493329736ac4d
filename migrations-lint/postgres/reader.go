package postgres

import (
	"unicode/utf8"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

// reader turns one statement's syntax tree into operations.
type reader struct {
	src        string // the text that was parsed
	base       int    // where src stands in the script
	start, end int    // the statement in src
	piece      piece
	nesting    int   // how many texts inside texts it stands in
	newer      newer // what was rewritten of PostgreSQL 18's syntax

	ops      []Op
	problems []Problem
	version  int
	runs     []runs
}

// add appends an operation whose place is the whole statement.
func (r *reader) add(ops ...catalog.Op) {
	for _, op := range ops {
		r.addAt(op, r.start, r.end)
	}
}

// addAt appends an operation with a place of its own in src.
func (r *reader) addAt(op catalog.Op, start, end int) {
	r.ops = append(r.ops, Op{Op: op, Start: r.base + start, End: r.base + end})
}

func (r *reader) unsupported(reason string) {
	r.problems = append(r.problems, Problem{Unsupported, reason, r.base + r.start})
}

// problemAt adds what the parser said about src, whose place counts characters.
func (r *reader) problemAt(p Problem, characters int) {
	at := 0
	for ; characters > 0 && at < len(r.src); characters-- {
		_, n := utf8.DecodeRuneInString(r.src[at:])
		at += n
	}
	p.Offset = r.base + at
	r.problems = append(r.problems, p)
}

// rangeName is the name of a relation.
func rangeName(v *pg.RangeVar) catalog.Name {
	if v == nil {
		return catalog.Name{}
	}
	return catalog.Name{Schema: v.Schemaname, Name: v.Relname}
}

// listName is a name that the tree holds as a list of strings.
func listName(nodes []*pg.Node) catalog.Name {
	parts := stringList(nodes)
	switch n := len(parts); n {
	case 0:
		return catalog.Name{}
	case 1:
		return catalog.Name{Name: parts[0]}
	default:
		return catalog.Name{Schema: parts[n-2], Name: parts[n-1]}
	}
}

// systemName is a function's or type's name; those of pg_catalog have no schema.
func systemName(nodes []*pg.Node) catalog.Name {
	name := listName(nodes)
	if name.Schema == "pg_catalog" {
		name.Schema = ""
	}
	return name
}

// stringList is the strings of a list; other nodes are left out.
func stringList(nodes []*pg.Node) []string {
	var list []string
	for _, n := range nodes {
		if s, ok := n.GetNode().(*pg.Node_String_); ok {
			list = append(list, s.String_.Sval)
		}
	}
	return list
}

// nodeName is the name of an object however the tree holds it.
func nodeName(n *pg.Node) catalog.Name {
	switch x := n.GetNode().(type) {
	case *pg.Node_String_:
		return catalog.Name{Name: x.String_.Sval}
	case *pg.Node_List:
		return listName(x.List.Items)
	case *pg.Node_TypeName:
		return listName(x.TypeName.Names)
	case *pg.Node_ObjectWithArgs:
		return listName(x.ObjectWithArgs.Objname)
	case *pg.Node_RangeVar:
		return rangeName(x.RangeVar)
	}
	return catalog.Name{}
}

// roleName is a role as a statement writes it.
func roleName(r *pg.RoleSpec) string {
	switch r.GetRoletype() {
	case pg.RoleSpecType_ROLESPEC_CSTRING:
		return r.Rolename
	case pg.RoleSpecType_ROLESPEC_CURRENT_ROLE, pg.RoleSpecType_ROLESPEC_CURRENT_USER:
		return "current_user"
	case pg.RoleSpecType_ROLESPEC_SESSION_USER:
		return "session_user"
	case pg.RoleSpecType_ROLESPEC_PUBLIC:
		return "public"
	}
	return ""
}

// option finds an element of an option list.
func option(options []*pg.Node, name string) *pg.DefElem {
	for _, n := range options {
		if e := n.GetDefElem(); e != nil && e.Defname == name {
			return e
		}
	}
	return nil
}

// optionOn tells whether a boolean option is given and not switched off.
func optionOn(options []*pg.Node, name string) bool {
	e := option(options, name)
	if e == nil {
		return false
	}
	switch x := e.Arg.GetNode().(type) {
	case *pg.Node_Boolean:
		return x.Boolean.Boolval
	case *pg.Node_Integer:
		return x.Integer.Ival != 0
	case *pg.Node_String_:
		return x.String_.Sval != "false" && x.String_.Sval != "off"
	}
	return true
}

func cascade(b pg.DropBehavior) bool { return b == pg.DropBehavior_DROP_CASCADE }

// optionNames are the names in an option list, namespace included.
func optionNames(options []*pg.Node) []string {
	var list []string
	for _, n := range options {
		if e := n.GetDefElem(); e != nil {
			if e.Defnamespace != "" {
				list = append(list, e.Defnamespace+"."+e.Defname)
			} else {
				list = append(list, e.Defname)
			}
		}
	}
	return list
}
