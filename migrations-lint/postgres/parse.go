// Package postgres reads PostgreSQL scripts: text in, the operations that its
// statements carry out, with their places, out. It uses PostgreSQL 17's own parser.
//
// Nothing is lost silently: what could not be read or understood is a [Problem] of
// its statement, and costs no other statement.
package postgres

import (
	"strings"
	"unicode/utf8"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

// Limits that keep time and memory bounded. What goes beyond them is reported as
// a [TooLarge] problem.
const (
	MaxScriptSize      = 64 << 20 // bytes of a script; what stands behind is not read
	MaxStatements      = 100_000  // statements of a script
	MaxStatementTokens = 300_000  // tokens of a statement, without cut VALUES lists
	MaxDepth           = 1_000    // nesting of a statement's syntax tree; the C parser has no guard of its own
)

// Script is what [Parse] found.
type Script struct {
	Statements []Statement
	Problems   []Problem // problems that belong to no statement
}

// Statement is one statement of a script, or a psql command that runs something.
type Statement struct {
	Start, End  int    // byte offsets of its text, without white space and comments before it and without the ";"
	Ops         []Op   // what it does, in the server's order
	NotAnalysed string // the Reason of the first of Problems; "" when all of it was analysed
	Problems    []Problem
	Version     int // the server's major version from which on it is accepted, where that is newer than 17; else 0

	runs []runs // the routines that it runs
}

// Op is an operation with its place.
type Op struct {
	catalog.Op
	Start, End  int    // byte offsets of the statement, or of the sub-command of an ALTER TABLE
	Conditional bool   // may not be carried out: inside IF, a loop or an exception block, or \if
	Within      string // "do" inside a DO block, else ""
}

// ProblemKind says what kept a statement from being analysed.
type ProblemKind string

// The kinds of problems.
const (
	Syntax      ProblemKind = "syntax"      // the parser refuses it
	Dynamic     ProblemKind = "dynamic"     // EXECUTE of a text that is made at run time
	Unsupported ProblemKind = "unsupported" // it parses, but what it does is unknown
	TooLarge    ProblemKind = "too-large"   // beyond one of the limits
	Encoding    ProblemKind = "encoding"    // NUL bytes or invalid UTF-8, read as spaces and "?"
)

// Problem is a reason why something was not analysed.
type Problem struct {
	Kind   ProblemKind
	Reason string // for a person, without place
	Offset int    // byte offset into the script
}

// Parse reads a script. It never fails as a whole, never panics, and may be called
// from several goroutines at once.
func Parse(sql string) *Script {
	script := &Script{}
	text := sql
	if len(text) > MaxScriptSize {
		text = text[:strings.LastIndexByte(text[:MaxScriptSize], '\n')+1]
		script.problem(TooLarge, len(text), "the script is larger than 64 MB: the rest was not read")
	}
	cut := len(text) < len(sql)
	text = script.clean(text)
	pieces := script.split(text)
	if n := len(pieces); n > 0 && cut {
		l := lexer{src: text, pos: pieces[n-1].end}
		if !l.is(l.next(), ";") {
			pieces = pieces[:n-1] // the cut goes through it
		}
	}
	script.analyse(text, pieces)
	script.carryOut(text)
	for i := range script.Statements {
		if s := &script.Statements[i]; len(s.Problems) > 0 {
			s.NotAnalysed = s.Problems[0].Reason
		}
	}
	return script
}

func (s *Script) problem(kind ProblemKind, offset int, reason string) {
	s.Problems = append(s.Problems, Problem{kind, reason, offset})
}

// analyse parses the pieces, as many as possible in one call of the parser: a call
// costs as much as parsing a short statement.
func (s *Script) analyse(text string, pieces []piece) {
	const chunk = 256 << 10
	s.Statements = make([]Statement, 0, len(pieces))
	for len(pieces) > 0 {
		n := 0
		for n < len(pieces) && pieces[n].plain() && pieces[n].end-pieces[0].start < chunk {
			n++
		}
		if n > 1 && s.analyseTogether(text, pieces[:n]) {
			pieces = pieces[n:]
			continue
		}
		n = max(n, 1)
		for _, p := range pieces[:n] {
			s.Statements = append(s.Statements, analyseOne(text, p))
		}
		pieces = pieces[n:]
	}
}

// analyseTogether parses neighbouring pieces at once; false means that one of them
// has to be looked at alone.
func (s *Script) analyseTogether(text string, pieces []piece) bool {
	base := pieces[0].start
	src := text[base:pieces[len(pieces)-1].end]
	tree, err := parseSQL(src)
	if err != nil || len(tree.Stmts) != len(pieces) {
		return false
	}
	for i, p := range pieces {
		at := int(tree.Stmts[i].StmtLocation) + base
		end := len(text)
		if n := tree.Stmts[i].StmtLen; n > 0 {
			end = at + int(n)
		}
		if p.start < at || p.start >= end {
			return false
		}
	}
	for i, p := range pieces {
		r := &reader{src: src, base: base, start: p.start - base, end: p.end - base, piece: p}
		r.statement(tree.Stmts[i].Stmt)
		s.Statements = append(s.Statements, r.result())
	}
	return true
}

// analyseOne parses one piece alone.
func analyseOne(text string, p piece) Statement {
	r := &reader{src: p.blanked(text), base: p.start, end: p.end - p.start, piece: p}
	if p.stop != nil {
		r.problems = append(r.problems, *p.stop)
		return r.result()
	}
	r.parse()
	return r.result()
}

// parse parses r.src, which is one statement, and reads it.
func (r *reader) parse() {
	tree, err := parseSQL(r.src)
	if err != nil {
		tree, err = r.parseNewer(err)
	}
	if err != nil {
		r.problemAt(syntaxProblem(err))
		return
	}
	for _, raw := range tree.Stmts {
		r.statement(raw.Stmt)
	}
}

// result is the statement that was read.
func (r *reader) result() Statement {
	for i := range r.ops {
		if r.piece.conditional {
			r.ops[i].Conditional = true
		}
	}
	return Statement{Start: r.start + r.base, End: r.end + r.base, Ops: r.ops, Problems: append(r.problems, r.piece.problems...), Version: r.version, runs: r.runs}
}

// clean replaces what the parser cannot take, one byte for one byte: NUL, which
// would end the text, and invalid UTF-8, which its answer cannot hold.
func (s *Script) clean(text string) string {
	if strings.HasPrefix(text, "\xff\xfe") || strings.HasPrefix(text, "\xfe\xff") {
		s.problem(Encoding, 0, "the script is UTF-16, which the server does not take: nothing was read")
		return ""
	}
	if bom := "\ufeff"; strings.HasPrefix(text, bom) {
		text = strings.Repeat(" ", len(bom)) + text[len(bom):]
	}
	if utf8.ValidString(text) && strings.IndexByte(text, 0) < 0 {
		return text
	}
	b := []byte(text)
	nul, invalid := false, false
	for i := 0; i < len(b); {
		if b[i] == 0 {
			if !nul {
				s.problem(Encoding, i, "the script holds a NUL byte, which the server refuses: it was read as a space")
			}
			b[i], nul = ' ', true
		}
		c, n := utf8.DecodeRune(b[i:])
		if c == utf8.RuneError && n == 1 {
			if !invalid {
				s.problem(Encoding, i, `the script is not valid UTF-8: the bytes that are not were read as "?"`)
			}
			b[i], invalid = '?', true
		}
		i += n
	}
	return string(b)
}
