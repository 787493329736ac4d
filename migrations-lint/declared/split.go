package declared

import (
	"slices"
	"strings"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
	"github.com/pmcheck/pmcheck/migrations-lint/layout"
	"github.com/pmcheck/pmcheck/migrations-lint/postgres"
)

// notSchema are the first words of statements that say nothing about the schema: what dumps set before and behind it.
var notSchema = []string{"set", "select", "lock", "unlock", "use", "begin", "commit", "start", "pragma", "analyze", "end"}

// readPostgres cuts a file with PostgreSQL's own rules, and notes where the objects stand.
func (s *Schema) readPostgres(f File) {
	script := postgres.Parse(string(f.Content))
	for _, p := range script.Problems {
		end := min(len(f.Content), p.Offset+1)
		s.statements = append(s.statements, statement{
			Span: Span{f.Path, p.Offset, end}, original: f.Path + p.Reason,
			problem: &Unread{Span: Span{f.Path, p.Offset, end}, Kind: string(p.Kind), Reason: p.Reason},
		})
	}
	for _, st := range script.Statements {
		for _, op := range st.Ops {
			s.operations = append(s.operations, operation{Span{f.Path, op.Start, op.End}, op})
		}
		l := lexer{src: string(f.Content[st.Start:st.End]), engine: layout.Postgres}
		first := l.next()
		if first.kind == word && slices.Contains(notSchema, l.name(first)) || first.kind == sign && l.is(first, `\`) {
			continue
		}
		added := s.add(f, st.Start, toSemicolon(f.Content, st.End))
		for _, p := range st.Problems {
			if p.Kind == postgres.Syntax || p.Kind == postgres.TooLarge {
				added.problem = &Unread{Span: added.Span, SQL: added.original, Kind: string(p.Kind), Reason: p.Reason}
			}
		}
		s.place(len(s.statements)-1, st)
	}
}

// toSemicolon is the end of a statement with the comments before its semicolon: sqldef reads annotations in them.
func toSemicolon(content []byte, end int) int {
	l := lexer{src: string(content[end:min(len(content), end+4096)]), engine: layout.Postgres}
	if t := l.next(); t.kind == sign && l.is(t, ";") {
		return end + t.start
	}
	return end
}

// readOther cuts a file at its semicolons, but not at those inside a trigger or routine.
func (s *Schema) readOther(f File, engine layout.Engine) {
	l := lexer{src: string(f.Content), engine: engine}
	start, end := -1, 0
	var words []string
	depth := 0 // of BEGIN ... END
	delimiter := ";"
	finish := func() {
		if start >= 0 && !slices.Contains(notSchema, words[0]) && !isDropIfExists(words) {
			s.add(f, start, end)
		}
		start, words, depth = -1, nil, 0
	}
	for {
		t := l.next()
		if t.kind == endOfText {
			finish()
			return
		}
		if start < 0 && engine == layout.MySQL && l.is(t, "delimiter") {
			line, _, _ := strings.Cut(l.src[t.end:], "\n")
			if to := strings.TrimSpace(line); to != "" {
				delimiter = to
			}
			l.pos = min(len(l.src), t.end+len(line))
			continue
		}
		if strings.HasPrefix(l.src[t.start:], delimiter) && (delimiter != ";" || depth == 0) {
			l.pos = t.start + len(delimiter)
			finish()
			continue
		}
		if start < 0 {
			start = t.start
		}
		end = t.end
		w := ""
		if t.kind == word {
			w = l.name(t)
		}
		if len(words) < 8 {
			words = append(words, w)
		}
		if isRoutine(words) {
			switch w {
			case "begin", "case":
				depth++
			case "end":
				behind := l
				if next := behind.next(); !slices.ContainsFunc([]string{"if", "while", "loop", "repeat"}, func(k string) bool { return behind.is(next, k) }) {
					depth = max(0, depth-1)
					if behind.is(next, "case") {
						l.pos = next.end
					}
				}
			}
		}
	}
}

// isRoutine tells that a statement creates something with statements inside.
func isRoutine(words []string) bool {
	return words[0] == "create" && slices.ContainsFunc(words, func(w string) bool {
		return w == "trigger" || w == "procedure" || w == "function" || w == "event"
	})
}

func isDropIfExists(words []string) bool {
	return words[0] == "drop" && slices.Contains(words, "exists")
}

// element is one entry of a CREATE TABLE's list: byte offsets in the statement.
type element struct {
	start, end int
	name       string // of a column, else of a constraint, "" if it has none
	column     bool
}

// constraintWords begin an entry that is no column.
var constraintWords = []string{"constraint", "primary", "unique", "check", "foreign", "exclude", "like", "key", "index", "fulltext", "spatial"}

// elements are the entries of a CREATE TABLE's list, and where the list ends; ok is false where there is none.
func elements(sql string, engine layout.Engine) (out []element, closing int, ok bool) {
	l := lexer{src: sql, engine: engine}
	depth, fresh := 0, false
	for {
		t := l.next()
		switch {
		case t.kind == endOfText:
			return out, 0, false
		case t.kind == sign && l.is(t, "("):
			if depth++; depth == 1 {
				fresh = true
				continue
			}
		case t.kind == sign && l.is(t, ")"):
			if depth--; depth == 0 {
				return out, t.start, len(out) > 0
			}
		case t.kind == sign && l.is(t, ",") && depth == 1:
			fresh = true
			continue
		}
		if depth == 0 {
			continue
		}
		if fresh {
			fresh = false
			e := element{start: t.start, end: t.end}
			switch {
			case t.kind == quotedName, t.kind == word && !slices.Contains(constraintWords, l.name(t)):
				e.column, e.name = true, l.name(t)
			case l.is(t, "constraint"):
				name := l.next()
				e.name, e.end = l.name(name), name.end
			}
			out = append(out, e)
			continue
		}
		out[len(out)-1].end = t.end
	}
}

// fold puts a primary key that is added by a statement of its own, as in a dump, into its table's: sqldef looks for it there alone.
func (s *Schema) fold() {
	for i := range s.statements {
		key := &s.statements[i]
		add, ok := s.places.single[i].(catalog.AddConstraint)
		if !ok || add.Constraint.Type != catalog.PrimaryKey || add.Constraint.UsingIndex != "" || len(add.Constraint.Include) > 0 || key.problem != nil {
			continue
		}
		for j := range s.statements {
			table := &s.statements[j]
			create, ok := s.places.single[j].(catalog.CreateTable)
			if !ok || table.problem != nil || full(create.On) != full(add.On) || !create.PartitionOf.IsZero() || hasPrimaryKey(create) {
				continue
			}
			_, closing, ok := elements(table.text, layout.Postgres)
			if !ok {
				continue
			}
			definition := "PRIMARY KEY (" + strings.Join(quotedAll(add.Constraint.Columns), ", ") + ")"
			if add.Constraint.Name != "" {
				definition = "CONSTRAINT " + quoted(add.Constraint.Name) + " " + definition
			}
			table.text = strings.TrimRight(table.text[:closing], " \t\r\n") + ",\n    " + definition + "\n" + table.text[closing:]
			table.written = table.text
			key.dropped = true
			break
		}
	}
}

func hasPrimaryKey(t catalog.CreateTable) bool {
	isKey := func(c catalog.ConstraintDef) bool { return c.Type == catalog.PrimaryKey }
	return slices.ContainsFunc(t.Constraints, isKey) || slices.ContainsFunc(t.Columns, func(c catalog.ColumnDef) bool { return slices.ContainsFunc(c.Constraints, isKey) })
}

func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func quotedAll(names []string) []string {
	var out []string
	for _, n := range names {
		out = append(out, quoted(n))
	}
	return out
}
