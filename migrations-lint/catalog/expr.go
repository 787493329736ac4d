package catalog

import (
	"slices"
	"strings"
)

// renameColumn is the expression after a column of its table got another name.
func (e *Expr) renameColumn(from, to string) *Expr {
	if e == nil || !slices.Contains(e.Columns, from) {
		return e
	}
	n := *e
	n.SQL = renameIdent(e.SQL, from, to)
	n.Columns = renamed(e.Columns, from, to)
	slices.Sort(n.Columns)
	n.NotNullOf = renamed(e.NotNullOf, from, to)
	if n.Column == from {
		n.Column = to
	}
	return &n
}

// renamed is a list of names in which one name is replaced. The list given is not changed.
func renamed(list []string, from, to string) []string {
	if !slices.Contains(list, from) {
		return list
	}
	n := slices.Clone(list)
	for i := range n {
		if n[i] == from {
			n[i] = to
		}
	}
	return n
}

func renamedElements(list []IndexElement, from, to string) []IndexElement {
	n := slices.Clone(list)
	for i := range n {
		if n[i].Column == from {
			n[i].Column = to
		}
		n[i].Expr = n[i].Expr.renameColumn(from, to)
	}
	return n
}

// usesColumn tells whether an expression names a column.
func (e *Expr) usesColumn(name string) bool { return e != nil && slices.Contains(e.Columns, name) }

func elementsUse(list []IndexElement, column string) bool {
	return slices.ContainsFunc(list, func(e IndexElement) bool { return e.Column == column || e.Expr.usesColumn(column) })
}

// renameIdent replaces an identifier in SQL text, outside of literals and not where
// it is a function's name or stands behind a cast.
func renameIdent(sql, from, to string) string {
	var b strings.Builder
	for i := 0; i < len(sql); {
		switch ch := sql[i]; {
		case ch == '\'':
			end := i + 1
			for end < len(sql) && sql[end] != '\'' {
				end++
			}
			end = min(end+1, len(sql))
			b.WriteString(sql[i:end])
			i = end
		case ch == '"':
			name, end := quotedIdent(sql, i)
			if name == from {
				b.WriteString(QuoteIdent(to))
			} else {
				b.WriteString(sql[i:end])
			}
			i = end
		case identByte(ch):
			end := i
			for end < len(sql) && identByte(sql[end]) {
				end++
			}
			word := sql[i:end]
			cast := strings.HasSuffix(strings.TrimRight(sql[:i], " "), "::")
			call := strings.HasPrefix(strings.TrimLeft(sql[end:], " "), "(")
			if word == from && !cast && !call {
				word = QuoteIdent(to)
			}
			b.WriteString(word)
			i = end
		default:
			b.WriteByte(ch)
			i++
		}
	}
	return b.String()
}

func identByte(ch byte) bool {
	return ch == '_' || ch == '$' || ch >= '0' && ch <= '9' || ch >= 'a' && ch <= 'z' || ch >= 'A' && ch <= 'Z' || ch >= 0x80
}

// quotedIdent reads the quoted identifier that starts at i; end is behind its closing quote.
func quotedIdent(sql string, i int) (name string, end int) {
	var b strings.Builder
	for i++; i < len(sql); i++ {
		if sql[i] == '"' {
			if i+1 < len(sql) && sql[i+1] == '"' {
				i++
			} else {
				return b.String(), i + 1
			}
		}
		b.WriteByte(sql[i])
	}
	return b.String(), i
}

// nextvalName is the sequence that an expression's nextval('...') names as a
// constant, which is what makes the default depend on the sequence.
func (e *Expr) nextvalName() (Name, bool) {
	if e == nil {
		return Name{}, false
	}
	_, rest, found := strings.Cut(e.SQL, "nextval(")
	if !found {
		return Name{}, false
	}
	rest = strings.TrimLeft(rest, " (")
	if !strings.HasPrefix(rest, "'") {
		return Name{}, false
	}
	text, after, found := strings.Cut(rest[1:], "'")
	if !found || strings.Contains(strings.SplitN(after, ")", 2)[0], "text") {
		return Name{}, false // nextval('s'::text) looks the name up anew on each call
	}
	return ParseName(text), true
}

// ParseName reads a name as SQL writes it: t, s.t, "T", s."T". Unquoted parts are folded to lower case.
func ParseName(text string) Name {
	var parts []string
	for i := 0; i < len(text); {
		switch {
		case text[i] == '.':
			i++
		case text[i] == '"':
			name, end := quotedIdent(text, i)
			parts = append(parts, name)
			i = end
		default:
			end := i
			for end < len(text) && text[end] != '.' {
				end++
			}
			parts = append(parts, strings.ToLower(strings.TrimSpace(text[i:end])))
			i = end
		}
	}
	switch len(parts) {
	case 0:
		return Name{}
	case 1:
		return Name{Name: parts[0]}
	}
	return Name{Schema: parts[len(parts)-2], Name: parts[len(parts)-1]}
}

// nextvalDefault is the default of a serial column.
func nextvalDefault(s *Sequence) *Expr {
	name := Name{s.Schema, s.Name}
	return &Expr{
		SQL:       "nextval('" + strings.ReplaceAll(name.String(), "'", "''") + "'::regclass)",
		Functions: []Name{{Name: "nextval"}},
	}
}
