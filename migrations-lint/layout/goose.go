package layout

import "strings"

// goose: {version}_{name}.sql or .go, ordered by version as a number (pressly/goose provider_collect.go, NumericComponent). One
// file holds both directions, under `-- +goose Up` and `-- +goose Down`. goose reads line by line without regard to quotes, ends a
// statement at a line whose last word ends in a semicolon, or at `-- +goose StatementEnd`, and sends each statement as its own
// query (internal/sqlparser/parser.go). Names of annotations do not depend on case; an unknown one is an error.
//
// Each file runs in a transaction; `-- +goose NO TRANSACTION` anywhere in it takes that away from both directions.
// `-- +goose ENVSUB ON` and OFF bound the lines in which ${VAR} and $VAR are replaced (README.md, "Environment Variable Substitution").
var _ = register(framework{
	name: "goose",
	claim: func(f *folder) claim {
		if f.shapes&shapeNumbered == 0 {
			return claim{}
		}
		return f.claimDirective(func(line string) bool {
			annotation, ok := gooseAnnotation(line)
			return ok && strings.EqualFold(annotation, "up")
		}, "-- +goose Up")
	},
	parse: func(name string) (migrationName, bool) {
		n, ok := numbered(name, "_", ".sql")
		return n, ok && strings.Trim(n.version, "0") != ""
	},
	compare: byNumber,
	halves:  true,
	adjust: func(l *listing) error {
		l.unreadCode(".go", "Go")
		return nil
	},
	transaction:    InFile,
	transactionWhy: "goose runs each file in a transaction",
	script:         gooseScript,
})

// gooseAnnotation returns what follows +goose in an annotation line.
func gooseAnnotation(line string) (string, bool) {
	if !strings.HasPrefix(strings.TrimSpace(line), "--") || !strings.Contains(line, "+goose") {
		return "", false
	}
	line = strings.ReplaceAll(line, "--", "")
	return strings.TrimSpace(strings.Replace(line, "+goose", "", 1)), true
}

// gooseState is where goose's reader stands in a file.
type gooseState struct {
	b         *builder
	half      Direction // "" before the Up annotation
	noTx      bool
	seen      bool // the wanted half
	block     bool // between StatementBegin and StatementEnd
	blockAt   int
	envsub    bool
	statement int // where the open statement starts, -1 if none is open
	last      int // the end of its last line
	regions   []Span
}

func gooseScript(b *builder) error {
	s := &gooseState{b: b, statement: -1}
	for l := range lines(b.src) {
		if err := s.line(l); err != nil {
			return err
		}
	}
	switch {
	case s.half == "":
		return b.errorf(0, "goose refuses a file without `-- +goose Up`")
	case s.block:
		return b.errorf(s.blockAt, "goose refuses `-- +goose StatementBegin` without `-- +goose StatementEnd`")
	case s.statement >= 0:
		return b.errorf(s.statement, "goose refuses this statement: no line of it ends in a semicolon")
	}
	if s.noTx {
		b.transaction(Autocommit, "+goose NO TRANSACTION")
	}
	if !s.seen {
		b.out.Absent = true
	}
	b.spansInFile()
	return s.substitute()
}

// wanted says whether the line belongs to the direction that is asked for.
func (s *gooseState) wanted() bool { return s.half == s.b.m.Direction }

func (s *gooseState) line(l line) error {
	if annotation, ok := gooseAnnotation(l.text); ok {
		return s.annotation(l, annotation)
	}
	comment := strings.HasPrefix(strings.TrimSpace(l.text), "--")
	if s.half == "" {
		if strings.TrimSpace(l.text) != "" && !comment {
			return s.b.errorf(l.start, "goose refuses SQL before `-- +goose Up`")
		}
		if s.b.m.Direction != Up {
			s.b.blank(l.start, l.end)
		}
		return nil
	}
	if !s.wanted() {
		s.b.blank(l.start, l.end)
		return nil
	}
	if s.statement < 0 && (comment || l.text == "") {
		return nil
	}
	if s.envsub {
		s.regions = append(s.regions, Span{Start: l.start, End: l.end})
	}
	if s.statement < 0 {
		s.statement = l.start
	}
	s.last = l.end
	if !s.block && endsStatement(l.text) {
		s.close()
	}
	return nil
}

func (s *gooseState) close() {
	if s.statement >= 0 {
		s.b.span(s.statement, s.last, "", 0)
		s.statement = -1
	}
}

func (s *gooseState) annotation(l line, annotation string) error {
	b := s.b
	if l.text != strings.TrimLeft(l.text, " \t") {
		return b.errorf(l.start, "goose refuses an annotation with spaces before it")
	}
	effect := ""
	switch strings.ToUpper(annotation) {
	case "UP":
		if s.half != "" {
			return b.errorf(l.start, "goose refuses a second `-- +goose Up`")
		}
		s.half, effect = Up, "the way up starts"
	case "DOWN":
		if s.half != Up || s.block {
			return b.errorf(l.start, "goose refuses `-- +goose Down` here: it must follow the way up once")
		}
		if s.statement >= 0 {
			return b.errorf(s.statement, "goose refuses this statement: no line of it ends in a semicolon")
		}
		s.half, effect = Down, "the way down starts"
	case "STATEMENTBEGIN":
		if s.half == "" || s.block {
			return b.errorf(l.start, "goose refuses `-- +goose StatementBegin` here: it must lie within a direction, and not in another block")
		}
		s.block, s.blockAt, effect = true, l.start, "one query starts"
	case "STATEMENTEND":
		if !s.block {
			return b.errorf(l.start, "goose refuses `-- +goose StatementEnd` without `-- +goose StatementBegin`")
		}
		if s.wanted() {
			s.close()
		}
		s.block, effect = false, "one query ends"
	case "NO TRANSACTION":
		s.noTx, effect = true, "no transaction"
	case "ENVSUB ON":
		s.envsub, effect = true, "environment variables are replaced"
	case "ENVSUB OFF":
		s.envsub, effect = false, "environment variables are left"
	default:
		return b.errorf(l.start, "goose does not know the annotation %q", annotation)
	}
	s.seen = s.seen || s.wanted()
	b.blank(l.start, l.end)
	if s.wanted() || s.half == "" || s.noTx {
		b.directive(l.start, l.text, effect)
	}
	return nil
}

// endsStatement says whether a line's last word before a comment ends in a semicolon, as goose and sql-migrate have it.
func endsStatement(line string) bool {
	last := ""
	for word := range strings.FieldsSeq(line) {
		if strings.HasPrefix(word, "--") {
			break
		}
		last = word
	}
	return strings.HasSuffix(last, ";")
}

// substitute stands in for environment variables in the lines under ENVSUB ON.
func (s *gooseState) substitute() error {
	sent := string(s.b.text)
	for _, region := range s.regions {
		for _, g := range envTags(sent, region) {
			if err := s.b.replace(g, sent); err != nil {
				return err
			}
		}
	}
	return nil
}

// envTags finds $VAR, ${VAR}, ${VAR:-default}, ${VAR-default} and ${VAR?message}; $$ stands for a dollar sign and is left.
func envTags(src string, in Span) []tag {
	var (
		tags  []tag
		l     = &lexer{src: src, limit: in.End, tags: dollarTags}
		place = inCode
	)
	for i := in.Start; i < in.End; i++ {
		switch src[i] {
		case '\'':
			place = inString - place // inCode is zero
		case '$':
			g, end := l.envTag(i)
			if g.end > 0 {
				g.place = place
				tags = append(tags, g)
			}
			i = end - 1
		}
	}
	return tags
}

// envTag reads what starts with a dollar sign, and returns where to go on. The tag is empty for $1, $$ and a dollar quote.
func (l *lexer) envTag(start int) (g tag, next int) {
	if end := l.tagAt(start); end > 0 {
		g = tagOf(l.src[start:end], start, end)
		if at := strings.IndexAny(g.body, ":-?"); at > 0 {
			name, rest := g.body[:at], strings.TrimPrefix(g.body[at:], ":")
			g.body = name
			if def, ok := strings.CutPrefix(rest, "-"); ok {
				g.body += ":-" + def
			}
		}
		return g, end
	}
	end := start + 1
	for end < l.limit && isWord(l.src[end]) {
		end++
	}
	if end < l.limit && l.src[end] == '$' {
		return tag{}, end + 1
	}
	if end == start+1 || l.src[start+1] >= '0' && l.src[start+1] <= '9' {
		return tag{}, end
	}
	return tag{start: start, end: end, body: l.src[start+1 : end], kind: dollarTags}, end
}
