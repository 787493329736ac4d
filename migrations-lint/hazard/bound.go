package hazard

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

// The server skips the check of a partition's rows when valid constraints prove what it
// would check. This file proves the forms in which people write such constraints: the
// bounds' own values in the CHECK. What it cannot prove counts as read.

// impliesBound tells whether constraints of a table prove that its rows fit the bounds.
func impliesBound(t, parent *catalog.Relation, bound string, siblings []*catalog.Relation) bool {
	if bound == "DEFAULT" {
		// The default's rows must fit none of the other partitions.
		for _, s := range siblings {
			if !excludesBound(t, parent, s.Bound) {
				return false
			}
		}
		return true
	}
	need := boundConditions(parent, bound)
	if need == nil {
		return false
	}
	have := facts(t)
	for _, condition := range need {
		if !slices.ContainsFunc(have, func(fact string) bool { return implies(fact, condition) }) {
			return false
		}
	}
	return true
}

// excludesBound tells whether constraints of the default partition prove that no row of
// it fits the bounds of another one.
func excludesBound(t, parent *catalog.Relation, bound string) bool {
	need := boundConditions(parent, bound)
	if need == nil {
		return false
	}
	conditions := slices.DeleteFunc(slices.Clone(need), func(c string) bool { return strings.HasSuffix(c, " is not null") })
	var negated []string
	for _, c := range conditions {
		n, ok := negate(c)
		if !ok {
			return false
		}
		negated = append(negated, n)
	}
	for _, fact := range facts(t) {
		alternatives := split(fact, " or ")
		excluded := func(a string) bool {
			return slices.ContainsFunc(negated, func(n string) bool { return implies(a, n) })
		}
		if slices.ContainsFunc(alternatives, func(a string) bool { return !excluded(a) }) {
			inner, ok := strings.CutPrefix(fact, "not ")
			if !ok {
				continue
			}
			parts := split(trimParens(inner), " and ")
			within := func(part string) bool {
				return slices.ContainsFunc(conditions, func(c string) bool { return implies(c, part) })
			}
			if slices.ContainsFunc(parts, func(part string) bool { return !within(part) }) {
				continue
			}
		}
		return true
	}
	return false
}

// facts are the conditions that hold for every row of a table, in normal form.
func facts(t *catalog.Relation) []string {
	var list []string
	for _, k := range t.Constraints {
		if k.Type == catalog.Check && k.Valid && !k.NotEnforced && k.Expr != nil {
			list = append(list, conjuncts(normal(k.Expr.SQL))...)
		}
	}
	for _, c := range t.Columns {
		if c.NotNull && c.NotNullValid {
			list = append(list, normal(catalog.QuoteIdent(c.Name))+" is not null")
		}
	}
	return list
}

// conjuncts are the conditions that a condition joins with AND.
func conjuncts(text string) []string {
	if len(split(text, " or ")) > 1 || strings.Contains(text, "case ") || strings.Contains(text, " not between ") || strings.Contains(text, " symmetric ") {
		return []string{text} // its ANDs do not stand for themselves
	}
	var list []string
	parts := split(text, " and ")
	for i := 0; i < len(parts); i++ {
		left, low, between := strings.Cut(parts[i], " between ")
		if between && i+1 < len(parts) {
			list = append(list, left+" >= "+low, left+" <= "+parts[i+1])
			i++
		} else {
			list = append(list, parts[i])
		}
	}
	return list
}

// implies tells whether a fact proves a condition: the same, or one on the same column
// with a value that is comparable and further in.
func implies(fact, condition string) bool {
	if fact == condition {
		return true
	}
	column, op, value := comparison(condition)
	factColumn, factOp, factValue := comparison(fact)
	if column == "" || column != factColumn {
		return false
	}
	order, comparable := compareLiterals(factValue, value)
	if !comparable {
		return false
	}
	switch op {
	case ">=":
		return (factOp == ">=" || factOp == ">" || factOp == "=") && order >= 0
	case "<":
		return factOp == "<" && order <= 0 || (factOp == "<=" || factOp == "=") && order < 0
	}
	return false
}

// comparison takes "column op value" apart; the column is "" when it is something else.
func comparison(condition string) (column, op, value string) {
	parts := strings.SplitN(condition, " ", 3)
	if len(parts) != 3 || strings.Contains(parts[0], "(") {
		return "", "", ""
	}
	switch parts[1] {
	case ">=", ">", "<=", "<", "=":
		return parts[0], parts[1], parts[2]
	}
	return "", "", ""
}

// compareLiterals compares two integers, or two dates or timestamps in the same ISO form:
// other values are ordered by rules that their text does not show.
func compareLiterals(a, b string) (order int, comparable bool) {
	x, errX := strconv.ParseInt(a, 10, 64)
	y, errY := strconv.ParseInt(b, 10, 64)
	if errX == nil && errY == nil {
		return cmp.Compare(x, y), true
	}
	if isoDate.MatchString(a) && isoDate.MatchString(b) && len(a) == len(b) {
		return strings.Compare(a, b), true
	}
	return 0, false
}

var isoDate = regexp.MustCompile(`^'\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?'$`)

// boundConditions are the conditions that a partition's bounds mean for its rows; nil
// when this is not known: HASH, expressions, ranges over several columns that differ in
// more than the last one.
func boundConditions(parent *catalog.Relation, bound string) []string {
	var conditions, columns []string
	for _, key := range parent.PartitionKey {
		if key.Column == "" {
			return nil
		}
		columns = append(columns, normal(catalog.QuoteIdent(key.Column)))
		conditions = append(conditions, columns[len(columns)-1]+" is not null")
	}
	text := normal(bound)
	if list, ok := strings.CutPrefix(text, "for values in "); ok {
		values := split(list, ", ")
		switch {
		case len(columns) != 1 || slices.Contains(values, "null"):
			return nil
		case len(values) == 1:
			return append(conditions, columns[0]+" = "+values[0])
		}
		return append(conditions, columns[0]+" in ("+strings.Join(values, ", ")+")")
	}
	rest, ok := strings.CutPrefix(text, "for values from ")
	if !ok {
		return nil
	}
	from, to, ok := strings.Cut(rest, " to ")
	if !ok {
		return nil
	}
	low, high := split(from, ", "), split(to, ", ")
	if len(low) != len(columns) || len(high) != len(columns) {
		return nil
	}
	last := len(columns) - 1
	for i, column := range columns[:last] {
		if low[i] != high[i] || low[i] == "minvalue" || low[i] == "maxvalue" {
			return nil
		}
		conditions = append(conditions, column+" = "+low[i])
	}
	if low[last] != "minvalue" {
		conditions = append(conditions, columns[last]+" >= "+low[last])
	}
	if high[last] != "maxvalue" {
		conditions = append(conditions, columns[last]+" < "+high[last])
	}
	return conditions
}

// negate is the opposite of a condition, for a column that is not null.
func negate(condition string) (string, bool) {
	for _, pair := range [][2]string{{" >= ", " < "}, {" < ", " >= "}, {" = ", " <> "}, {" in ", " not in "}} {
		if left, right, ok := strings.Cut(condition, pair[0]); ok {
			return left + pair[1] + right, true
		}
	}
	return "", false
}

// normal writes a condition so that equal ones have equal texts: lower case outside of
// quotes, single spaces, no casts of literals, no outer parentheses.
func normal(sql string) string {
	var b strings.Builder
	space := false
	for i := 0; i < len(sql); i++ {
		switch ch := sql[i]; {
		case ch == '\'' || ch == '"':
			if space && b.Len() > 0 {
				b.WriteByte(' ')
			}
			space = false
			end := i + 1
			for end < len(sql) && sql[end] != ch {
				end++
			}
			end = min(end+1, len(sql))
			b.WriteString(sql[i:end])
			i = end - 1
			if rest := sql[end:]; ch == '\'' && strings.HasPrefix(rest, "::") {
				n := 2
				for n < len(rest) && (rest[n] == '_' || rest[n] >= 'a' && rest[n] <= 'z' || rest[n] >= '0' && rest[n] <= '9') {
					n++
				}
				i += n
			}
		case ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r':
			space = true
		default:
			if space && b.Len() > 0 {
				b.WriteByte(' ')
			}
			space = false
			if ch >= 'A' && ch <= 'Z' {
				ch += 'a' - 'A'
			}
			b.WriteByte(ch)
		}
	}
	return trimParens(b.String())
}

// trimParens takes away parentheses around the whole text.
func trimParens(s string) string {
	for strings.HasPrefix(s, "(") && matching(s) == len(s)-1 {
		s = strings.TrimSpace(s[1 : len(s)-1])
	}
	return s
}

// matching is the place of the parenthesis that closes the first character's, or -1.
func matching(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\'', '"':
			quote := s[i]
			for i++; i < len(s) && s[i] != quote; i++ {
			}
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// split splits a text at a separator that stands outside of parentheses and quotes, and
// normalises the parts.
func split(s, separator string) []string {
	s = trimParens(s)
	var parts []string
	depth, start := 0, 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\'', '"':
			quote := s[i]
			for i++; i < len(s) && s[i] != quote; i++ {
			}
		case '(':
			depth++
		case ')':
			depth--
		default:
			if depth == 0 && strings.HasPrefix(s[i:], separator) {
				parts = append(parts, trimParens(strings.TrimSpace(s[start:i])))
				start = i + len(separator)
				i = start - 1
			}
		}
	}
	return append(parts, trimParens(strings.TrimSpace(s[start:])))
}
