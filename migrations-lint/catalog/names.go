package catalog

import (
	"slices"
	"strconv"
	"unicode/utf8"
)

// maxIdent is NAMEDATALEN-1: the bytes that an identifier has room for.
const maxIdent = 63

// clipIdent shortens an identifier to what fits, without cutting a character in two.
func clipIdent(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}

// objectName joins a table's name, a column's name ("" for none) and a label as the
// server's makeObjectName() does: the longer of the two names is shortened first.
func objectName(name1, name2, label string) string {
	overhead := 0
	if name2 != "" {
		overhead++
	}
	if label != "" {
		overhead += 1 + len(label)
	}
	len1, len2 := len(name1), len(name2)
	for len1+len2 > maxIdent-overhead {
		if len1 > len2 {
			len1--
		} else {
			len2--
		}
	}
	name := clipIdent(name1, len1)
	if name2 != "" {
		name += "_" + clipIdent(name2, len2)
	}
	if label != "" {
		name += "_" + label
	}
	return name
}

// nameAddition joins column names for the name of an index or a foreign key, as
// ChooseIndexNameAddition() does: it stops once the name is long enough.
func nameAddition(columns []string) string {
	name := ""
	for _, col := range columns {
		if name != "" {
			name += "_"
		}
		name += col
		if len(name) > maxIdent {
			break
		}
	}
	return name
}

// indexColumnNames are the column names that an index gets, as ChooseIndexColumnNames()
// makes them: a second use of a name is numbered.
func indexColumnNames(elements []IndexElement, include []string) []string {
	var names []string
	add := func(name string) {
		unique := name
		for i := 1; slices.Contains(names, unique); i++ {
			number := strconv.Itoa(i)
			unique = clipIdent(name, maxIdent-len(number)) + number
		}
		names = append(names, unique)
	}
	for _, e := range elements {
		switch {
		case e.Column != "":
			add(e.Column)
		case e.Derived != "":
			add(e.Derived)
		default:
			add("expr")
		}
	}
	for _, col := range include {
		add(col)
	}
	return names
}

// chooseRelationName is a name for an index or sequence that no relation of the
// schema has; that of a constraint's index also differs from every constraint's.
func (c *Catalog) chooseRelationName(s *Schema, name1, name2, label string, constraint bool) string {
	for pass, tag := 0, label; ; {
		name := objectName(name1, name2, tag)
		if s.object(name).none() && !(constraint && s.hasConstraint(name)) {
			return name
		}
		pass++
		tag = label + strconv.Itoa(pass)
	}
}

// chooseConstraintName is a name that no constraint of the schema has.
func (c *Catalog) chooseConstraintName(s *Schema, name1, name2, label string) string {
	for pass, tag := 0, label; ; {
		name := objectName(name1, name2, tag)
		if !s.hasConstraint(name) {
			return name
		}
		pass++
		tag = label + strconv.Itoa(pass)
	}
}

// hasConstraint tells whether the table has a constraint of that name, or a constraint trigger.
func (r *Relation) hasConstraint(name string) bool {
	return r.Constraint(name) != nil || slices.ContainsFunc(r.Triggers, func(t *Trigger) bool { return t.Deferred && t.Name == name })
}

// hasConstraint tells whether a table or domain of the schema has a constraint of that name.
func (s *Schema) hasConstraint(name string) bool {
	for _, r := range s.Relations {
		if r.hasConstraint(name) {
			return true
		}
	}
	for _, t := range s.Types {
		for _, k := range t.Constraints {
			if k.Name == name {
				return true
			}
		}
	}
	return false
}
