package declared

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
	"github.com/pmcheck/pmcheck/migrations-lint/layout"
)

// canonical is a CREATE TABLE with the constraints that columns carry written behind them, each with the name that PostgreSQL gives it: as a database
// describes itself, which is what sqldef compares. Of two files it would miss a constraint that goes, and drop one without a name.
func canonical(sql, table string) string {
	list, closing, ok := elements(sql, layout.Postgres)
	if !ok || strings.Contains(sql[:list[0].start], "PARTITION OF") {
		return sql
	}
	taken := map[string]bool{}
	for _, e := range list {
		if !e.column {
			taken[e.name] = true
		}
	}
	named := func(parts ...string) string {
		name := strings.Join(append([]string{table}, parts...), "_")
		const longest = 63 // bytes of a name; the server shortens longer ones
		if len(name) > longest || taken[name] {
			return ""
		}
		taken[name] = true
		return name
	}
	var out strings.Builder
	var behind []string
	copied := 0
	columns := map[string]bool{}
	for _, e := range list {
		if e.column {
			columns[e.name] = true
		}
	}
	for _, e := range list {
		if !e.column {
			if e.name == "" {
				if name := nameOf(sql[e.start:e.end], columns, named); name != "" {
					out.WriteString(sql[copied:e.start] + "CONSTRAINT " + quoted(name) + " ")
					copied = e.start
				}
			}
			continue
		}
		for _, c := range columnConstraints(sql, e) {
			text := sql[c.body:c.end]
			name := c.name
			if strings.Contains(sql[c.start:c.end], "--") {
				continue
			}
			switch c.kind {
			case "primary":
				if name == "" {
					name = named("pkey")
				}
				text = fmt.Sprintf("PRIMARY KEY (%s)%s", quoted(e.name), afterWords(text, 2))
			case "unique":
				if name == "" {
					name = named(e.name, "key")
				}
				rest := afterWords(text, 1)
				if strings.HasPrefix(strings.ToLower(strings.TrimSpace(rest)), "nulls") {
					continue // behind the columns it stands elsewhere; a column keeps it
				}
				text = fmt.Sprintf("UNIQUE (%s)%s", quoted(e.name), rest)
			case "references":
				if name == "" {
					name = named(e.name, "fkey")
				}
				text = fmt.Sprintf("FOREIGN KEY (%s) %s", quoted(e.name), text)
			case "check":
				if c.name == "" {
					if name = named(e.name, "check"); name != "" {
						out.WriteString(sql[copied:c.start] + "CONSTRAINT " + quoted(name) + " ")
						copied = c.start
					}
				}
				continue
			}
			if name == "" {
				continue
			}
			behind = append(behind, "CONSTRAINT "+quoted(name)+" "+text)
			out.WriteString(sql[copied:c.start])
			copied = c.end
		}
	}
	if copied == 0 && len(behind) == 0 {
		return sql
	}
	// Behind the last entry and before what comments stand there.
	last := list[len(list)-1].end
	out.WriteString(sql[copied:max(copied, last)])
	for _, b := range behind {
		out.WriteString(",\n    " + b)
	}
	out.WriteString(sql[max(copied, last):closing])
	if strings.Contains(sql[last:closing], "--") && !strings.Contains(sql[last:closing], "\n") {
		out.WriteString("\n")
	}
	out.WriteString(sql[closing:])
	return out.String()
}

// nameOf is the name that the server gives a table's constraint (ChooseConstraintName in PostgreSQL's pg_constraint.c, ChooseIndexName in indexcmds.c).
func nameOf(text string, columns map[string]bool, named func(...string) string) string {
	l := lexer{src: text, engine: layout.Postgres}
	first := l.next()
	switch {
	case l.is(first, "primary"):
		return named("pkey")
	case l.is(first, "check"):
		var used []string
		for t := l.next(); t.kind != endOfText; t = l.next() {
			if n := l.name(t); (t.kind == word || t.kind == quotedName) && columns[n] && !slices.Contains(used, n) {
				used = append(used, n)
			}
		}
		if len(used) == 1 {
			return named(used[0], "check")
		}
		return named("check")
	}
	return ""
}

// columnConstraint is a constraint that a column carries: byte offsets.
type columnConstraint struct {
	start, body, end int // body is behind CONSTRAINT and its name
	kind, name       string
}

// columnConstraints are those of a column, without NOT NULL and DEFAULT.
func columnConstraints(sql string, e element) []columnConstraint {
	l := lexer{src: sql[:e.end], pos: e.start, engine: layout.Postgres}
	var out []columnConstraint
	depth := 0
	open := false // the last of out is not ended
	finish := func(at int) {
		if open {
			out[len(out)-1].end = at
			open = false
		}
	}
	var last token
	nameAt := -1
	name := ""
	for t := l.next(); t.kind != endOfText; last, t = t, l.next() {
		switch {
		case t.kind == sign && (l.is(t, "(") || l.is(t, "[")):
			depth++
		case t.kind == sign && (l.is(t, ")") || l.is(t, "]")):
			depth--
		}
		if depth > 0 || t.kind != word || t.start == e.start {
			continue
		}
		w := l.name(t)
		switch w {
		case "constraint":
			finish(last.end)
			nameAt = t.start
			named := l.next()
			name = l.name(named)
		case "primary", "unique", "references", "check":
			if w != "check" || nameAt < 0 {
				finish(last.end)
			}
			start := t.start
			if nameAt >= 0 {
				start = nameAt
			}
			out = append(out, columnConstraint{start: start, body: t.start, kind: w, name: name})
			open, nameAt, name = true, -1, ""
		case "not", "null", "default", "generated", "collate":
			behind := l
			next := behind.next()
			switch {
			case w == "not" && behind.is(next, "deferrable"),
				(w == "null" || w == "default") && l.is(last, "set"),
				w == "not" && l.is(last, "nulls"): // UNIQUE NULLS NOT DISTINCT
			default:
				finish(last.end)
				nameAt, name = -1, ""
			}
		}
	}
	finish(e.end)
	return out
}

// afterWords is what stands behind the first words of a text, with a space before it.
func afterWords(text string, n int) string {
	l := lexer{src: text, engine: layout.Postgres}
	end := 0
	for range n {
		end = l.next().end
	}
	if rest := strings.TrimSpace(text[end:]); rest != "" {
		return " " + rest
	}
	return ""
}

// complete writes the columns behind each REFERENCES that leaves them out: those of the other table's primary key. keys gives them by the table's name with its schema.
func complete(sql string, keys map[string][]string) string {
	l := lexer{src: sql, engine: layout.Postgres}
	var out strings.Builder
	copied := 0
	for t := l.next(); t.kind != endOfText; t = l.next() {
		if t.kind != word || !l.is(t, "references") {
			continue
		}
		name := l.next()
		parts := []string{l.name(name)}
		for behind := l; behind.is(behind.next(), "."); behind = l {
			l.next()
			name = l.next()
			parts = append(parts, l.name(name))
		}
		if behind := l; behind.is(behind.next(), "(") {
			continue
		}
		if len(parts) == 1 {
			parts = append([]string{"public"}, parts...)
		}
		if columns := keys[strings.Join(parts, ".")]; len(columns) > 0 {
			out.WriteString(sql[copied:name.end] + " (" + strings.Join(quotedAll(columns), ", ") + ")")
			copied = name.end
		}
	}
	return out.String() + sql[copied:]
}

// primaryKeys are the columns of the tables' primary keys.
func (s *Schema) primaryKeys() map[string][]string {
	keys := map[string][]string{}
	for _, op := range s.places.single {
		switch o := op.(type) {
		case catalog.CreateTable:
			for _, c := range o.Columns {
				if slices.ContainsFunc(c.Constraints, func(k catalog.ConstraintDef) bool { return k.Type == catalog.PrimaryKey }) {
					keys[full(o.On)] = []string{c.Name}
				}
			}
			for _, k := range o.Constraints {
				if k.Type == catalog.PrimaryKey {
					keys[full(o.On)] = k.Columns
				}
			}
		case catalog.AddConstraint:
			if o.Constraint.Type == catalog.PrimaryKey {
				keys[full(o.On)] = o.Constraint.Columns
			}
		}
	}
	return keys
}
