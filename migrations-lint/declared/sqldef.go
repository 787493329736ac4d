package declared

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/sqldef/sqldef/v3/database"
	"github.com/sqldef/sqldef/v3/database/postgres"
	"github.com/sqldef/sqldef/v3/parser"
	"github.com/sqldef/sqldef/v3/schema"

	"github.com/pmcheck/pmcheck/migrations-lint/layout"
)

// engine is what sqldef needs to know of one.
type engine struct {
	name          layout.Engine
	mode          schema.GeneratorMode
	parser        database.Parser
	second        database.Parser // what is asked when the first does not read a statement; may be nil
	defaultSchema string
	config        database.GeneratorConfig
}

// engineOf holds what sqldef's program for an engine sets: the parser, the schema that needs no name, whether quotes are heeded
// (parseOptions in cmd/psqldef, cmd/mysqldef and cmd/sqlite3def).
func engineOf(req request) (engine, error) {
	switch layout.Engine(req.Engine) {
	case layout.Postgres, "":
		return engine{
			name: layout.Postgres, mode: schema.GeneratorModePostgres, parser: database.NewParser(parser.ParserModePostgres), second: postgres.NewParser(),
			defaultSchema: "public", config: database.GeneratorConfig{LegacyIgnoreQuotes: true, CreateIndexConcurrently: req.Concurrently},
		}, nil
	case layout.MySQL:
		return engine{
			name: layout.MySQL, mode: schema.GeneratorModeMysql, parser: database.NewParser(parser.ParserModeMysql),
			config: database.GeneratorConfig{LegacyIgnoreQuotes: true},
		}, nil
	case layout.SQLite:
		return engine{
			name: layout.SQLite, mode: schema.GeneratorModeSQLite3, parser: database.NewParser(parser.ParserModeSQLite3),
			config: database.GeneratorConfig{LegacyIgnoreQuotes: true},
		}, nil
	}
	return engine{}, fmt.Errorf("sqldef does not know the engine %q", req.Engine)
}

// side is the statements of one schema that sqldef reads.
type side struct {
	texts  []string
	has    map[string]bool
	parsed [][]database.DDLStatement // by index; nil where it is not read
	unread map[int]string            // why, "" where the reason stands at the other side's statement
	late   []int                     // what only the slow parser may read, and the other side has word for word
	noise  []string                  // what sqldef would do to get from this schema to itself
}

// sides give sqldef what is parsed already: its parsers read a file as a whole, and fail as a whole.
type sides map[string]*side

// Parse gives the statements of the side with this name.
func (s sides) Parse(name string) ([]database.DDLStatement, error) {
	return slices.Concat(s[name].parsed...), nil
}

type parsed []database.DDLStatement

// Parse gives the statements.
func (p parsed) Parse(string) ([]database.DDLStatement, error) { return p, nil }

// generate plans. It runs in the child process, and recovers from what can be recovered from.
func generate(req request) (out reply) {
	e, err := engineOf(req)
	if err != nil {
		return reply{Failed: err.Error()}
	}
	from, to := newSide(req.From), newSide(req.To)
	e.read(from, to)
	e.read(to, from)
	for changed := true; changed; {
		e.settle(from, to)
		e.settle(to, from)
		// What one side does not read must not look as if it were dropped or made.
		first, second := e.leaveOut(from, to), e.leaveOut(to, from)
		changed = first || second
	}
	for i, statements := range to.parsed {
		if len(statements) == 1 && i < len(req.Written) {
			statements[0].DDL = req.Written[i]
		}
	}
	steps, err := e.plan(sides{"from": from, "to": to})
	// A file says less than a database: what sqldef would do to a schema to make it itself is no part of the way.
	steps = slices.DeleteFunc(steps, func(step string) bool { return slices.Contains(from.noise, step) || slices.Contains(to.noise, step) })
	steps = once(steps)
	out = reply{Steps: steps, From: from.unread, To: to.unread}
	if err != nil {
		out.Failed = "sqldef cannot say how to get from one schema to the other: " + firstLine(err)
	}
	return out
}

// once leaves out what was planned before, word for word: the second of two equal drops would fail.
func once(steps []string) []string {
	seen := map[string]bool{}
	return slices.DeleteFunc(steps, func(step string) bool {
		again := seen[step]
		seen[step] = true
		return again
	})
}

func newSide(texts []string) *side {
	s := &side{texts: texts, has: map[string]bool{}, parsed: make([][]database.DDLStatement, len(texts)), unread: map[int]string{}}
	for _, text := range texts {
		s.has[text] = true
	}
	return s
}

// read has each statement parsed alone.
func (e engine) read(s, other *side) {
	for i, text := range s.texts {
		statements, err := e.one(text, !other.has[text])
		switch {
		case errors.Is(err, errLate):
			s.late = append(s.late, i)
		case err != nil:
			s.unread[i] = "sqldef does not read it: " + firstLine(err)
		default:
			s.parsed[i] = statements
		}
	}
}

var errLate = errors.New("only PostgreSQL's own parser may read it")

// one parses a statement. psqldef's second parser is PostgreSQL's, as a program that is compiled when it is first asked, which takes
// seconds: it is asked when nothing else helps.
func (e engine) one(text string, slow bool) ([]database.DDLStatement, error) {
	statements, err := e.with(e.parser, text, text)
	if err == nil || e.second == nil {
		return statements, err
	}
	if again, err := e.with(e.parser, quoteNames(text), text); err == nil {
		return again, nil
	}
	switch {
	case !e.secondReads(text):
		return nil, err
	case !slow:
		return nil, errLate
	}
	return e.with(e.second, text, text)
}

// with parses a statement with one of the parsers; original is what it says when it is run as it stands.
func (e engine) with(p database.Parser, text, original string) (statements []database.DDLStatement, err error) {
	defer recovered(&err)
	if statements, err = p.Parse(text); err != nil {
		return nil, err
	}
	if len(statements) == 1 && text != original {
		statements[0].DDL = original
	}
	_, err = schema.ParseDDLs(e.mode, parsed(statements), "", e.defaultSchema)
	return statements, err
}

// secondReads tells that a statement is of a kind that the second parser reads (parseStmt in database/postgres/parser.go).
func (e engine) secondReads(text string) bool {
	kind, _, _ := strings.Cut(identity(text, layout.Postgres), " ")
	return slices.Contains([]string{"table", "index", "view", "comment", "extension", "constraint", "schema", "policy", "grant"}, kind)
}

func (e engine) plan(s sides) (steps []string, err error) {
	defer recovered(&err)
	return schema.GenerateIdempotentDDLs(e.mode, s, "to", "from", e.config, e.defaultSchema)
}

// settle takes out the statements with which sqldef can do nothing, such as an index on a table that it does not read.
func (e engine) settle(s, other *side) {
	const most = 2000
	for range most {
		steps, err := e.plan(sides{"from": s, "to": s})
		if err == nil {
			s.noise = steps
			return
		}
		i := s.culprit(err.Error())
		if i < 0 {
			i = e.bisect(s)
		}
		if i < 0 {
			return
		}
		if !other.has[s.texts[i]] && len(s.late) > 0 {
			// It may stand on one of those.
			for _, n := range s.late {
				if statements, err := e.with(e.second, s.texts[n], s.texts[n]); err == nil {
					s.parsed[n] = statements
				}
			}
			s.late = nil
			continue
		}
		s.unread[i] = "sqldef can do nothing with it: " + firstLine(err)
		s.parsed[i] = nil
	}
}

// leaveOut takes out of one side what the other side has under the same name and does not read.
func (e engine) leaveOut(s, other *side) (changed bool) {
	missing := map[string]bool{}
	for i, text := range other.texts {
		if other.parsed[i] == nil {
			missing[identity(text, e.name)] = true
		}
	}
	for i, text := range s.texts {
		if s.parsed[i] != nil && missing[identity(text, e.name)] {
			s.parsed[i], changed = nil, true
			s.unread[i] = ""
		}
	}
	return changed
}

// culprit is the statement whose text an error holds.
func (s *side) culprit(message string) int {
	found := -1
	for i, statements := range s.parsed {
		for _, st := range statements {
			if len(st.DDL) > 10 && strings.Contains(message, st.DDL) && (found < 0 || len(s.texts[i]) > len(s.texts[found])) {
				found = i
			}
		}
	}
	return found
}

// bisect is the statement behind which sqldef fails.
func (e engine) bisect(s *side) int {
	fails := func(n int) bool {
		first := &side{parsed: s.parsed[:n]}
		_, err := e.plan(sides{"from": first, "to": first})
		return err != nil
	}
	low, high := 0, len(s.parsed) // fails(low) is false, fails(high) is true
	for high-low > 1 {
		if middle := (low + high) / 2; fails(middle) {
			high = middle
		} else {
			low = middle
		}
	}
	if high == 0 || s.parsed[high-1] == nil {
		return -1
	}
	return high - 1
}

func recovered(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("it fails on it (%v)", r)
	}
}

var repeatsStatement = regexp.MustCompile(`^found syntax error when parsing DDL "(?s:.*)": `)

// firstLine is the beginning of an error, without the statement that it repeats.
func firstLine(err error) string {
	text := repeatsStatement.ReplaceAllString(err.Error(), "")
	text, _, _ = strings.Cut(strings.TrimSpace(text), "\n")
	const most = 200
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "..."
	}
	return text
}
