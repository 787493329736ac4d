package postgres

import (
	"strings"
)

// piece is the text of one statement, before it is parsed.
type piece struct {
	start, end  int
	blanks      [][2]int // ranges that the parser must not see
	problems    []Problem
	stop        *Problem // why it cannot be parsed at all
	rows        int      // rows of a VALUES list that was cut, or of COPY data
	conditional bool     // between \if and \endif
}

// plain tells that the piece can be parsed together with its neighbours.
func (p *piece) plain() bool { return len(p.blanks) == 0 && p.stop == nil }

// blanked is the piece's text with spaces where the parser must not look.
func (p *piece) blanked(text string) string {
	if len(p.blanks) == 0 {
		return text[p.start:p.end]
	}
	b := []byte(text[p.start:p.end])
	for _, r := range p.blanks {
		for i := r[0]; i < min(r[1], p.end); i++ { // a command behind the last token does not matter
			if c := &b[i-p.start]; *c != '\n' {
				*c = ' '
			}
		}
	}
	return string(b)
}

// splitter cuts a script into pieces.
type splitter struct {
	lexer
	script     *Script
	pieces     []piece
	ifDepth    int  // of psql's \if
	noMoreData bool // no line "\." follows

	// The statement being read.
	cur        piece
	open       bool
	words      [4]string // its first words, lower case
	nwords     int
	tokens     int
	parens     int
	atomic     int  // depth of BEGIN ATOMIC, CASE ... END
	lastBegin  bool // the last word was BEGIN
	fromStdin  int  // COPY: 1 behind FROM, 2 behind FROM STDIN
	depth      depthGauge
	rule, copy bool
	function   bool
}

// split cuts a script at its top-level semicolons.
func (s *Script) split(text string) []piece {
	sp := &splitter{lexer: lexer{src: text}, script: s}
	for {
		t := sp.next()
		if t.kind == tokenEnd {
			sp.finish()
			return sp.pieces
		}
		if len(sp.pieces) >= MaxStatements {
			s.problem(TooLarge, t.start, "the script has more than 100,000 statements: the rest was not read")
			return sp.pieces
		}
		sp.token(t)
	}
}

func (sp *splitter) token(t token) {
	switch {
	case t.kind == tokenMeta:
		sp.meta(t)
		return
	case t.kind == tokenPunctuation && sp.src[t.start] == ';' && sp.endsHere():
		sp.finish()
		if sp.fromStdin == 2 {
			sp.copyData()
		}
		sp.fromStdin = 0
		return
	}
	if !sp.open {
		sp.begin(t.start)
	}
	sp.cur.end = t.end
	sp.tokens++
	switch t.kind {
	case tokenWord:
		sp.word(t)
	case tokenPunctuation:
		switch sp.src[t.start] {
		case '(':
			sp.parens++
		case ')':
			sp.parens--
		}
	case tokenUnterminated:
		sp.cur.problems = append(sp.cur.problems, Problem{Syntax, unterminated(sp.src[t.start:]), t.start})
		sp.cur.stop = &sp.cur.problems[0]
		sp.cur.problems = nil
	}
	sp.depth.token(sp.src, t)
}

func unterminated(text string) string {
	switch {
	case strings.HasPrefix(text, "/*"):
		return "unterminated comment"
	case strings.HasPrefix(text, `"`):
		return "unterminated quoted identifier"
	case strings.HasPrefix(text, "$"):
		return "unterminated dollar-quoted string"
	}
	return "unterminated quoted string"
}

func (sp *splitter) begin(at int) {
	*sp = splitter{lexer: sp.lexer, script: sp.script, pieces: sp.pieces, ifDepth: sp.ifDepth, noMoreData: sp.noMoreData, open: true,
		depth: depthGauge{stack: sp.depth.stack[:0]}}
	sp.cur = piece{start: at, conditional: sp.ifDepth > 0}
}

// endsHere tells whether a semicolon ends the statement: not inside BEGIN ATOMIC
// ... END, nor inside the parentheses of CREATE RULE. Elsewhere no statement has a
// semicolon in parentheses, so one there ends a statement that is broken.
func (sp *splitter) endsHere() bool {
	return sp.atomic == 0 && !(sp.rule && sp.parens > 0)
}

func (sp *splitter) word(t token) {
	if sp.nwords < len(sp.words) {
		sp.words[sp.nwords] = strings.ToLower(sp.text(t))
		sp.nwords++
		w := sp.words[:sp.nwords]
		switch {
		case w[0] == "copy":
			sp.copy = true
		case w[0] == "create":
			kind := w[len(w)-1]
			if len(w) == 2 || len(w) == 4 && w[1] == "or" {
				sp.rule = sp.rule || kind == "rule"
				sp.function = sp.function || kind == "function" || kind == "procedure"
			}
		}
	}
	switch {
	case sp.copy && sp.parens == 0:
		switch {
		case sp.is(t, "from"):
			sp.fromStdin = 1
		case sp.fromStdin == 1 && sp.is(t, "stdin"):
			sp.fromStdin = 2
		}
	case sp.function && sp.parens == 0:
		switch {
		case sp.lastBegin && sp.is(t, "atomic"), sp.atomic > 0 && sp.is(t, "case", "begin"):
			sp.atomic++
		case sp.atomic > 0 && sp.is(t, "end"):
			sp.atomic--
		}
		sp.lastBegin = sp.is(t, "begin")
	}
}

// finish ends the statement being read.
func (sp *splitter) finish() {
	if !sp.open {
		return
	}
	sp.open = false
	p := &sp.cur
	if sp.words[0] == "insert" && p.end-p.start > cutValuesAbove {
		if kept, gauge, ok := p.cutValues(sp.src); ok {
			sp.tokens, sp.depth.max = kept, gauge.max
		}
	}
	if p.stop == nil {
		if p.stop = sp.depth.problem(sp.tokens); p.stop != nil {
			p.stop.Offset = p.start
		}
	}
	sp.pieces = append(sp.pieces, *p)
}

// copyData skips the data rows behind COPY ... FROM STDIN, which end with a line "\.".
func (sp *splitter) copyData() {
	src := sp.src
	at := lineEnd(src, sp.pos)
	if strings.HasPrefix(src[at:], "\r\n") {
		at++
	}
	at = min(at+1, len(src))
	for rows, pos := 0, at; pos < len(src) && !sp.noMoreData; rows++ {
		end := len(src)
		if i := strings.IndexByte(src[pos:], '\n'); i >= 0 {
			end = pos + i
		}
		if strings.TrimSuffix(src[pos:end], "\r") == `\.` {
			sp.pieces[len(sp.pieces)-1].rows = rows
			sp.pos = end
			return
		}
		pos = end + 1
	}
	sp.noMoreData = true
	p := &sp.pieces[len(sp.pieces)-1]
	p.problems = append(p.problems, Problem{Unsupported, `COPY FROM STDIN without data that end with \.`, p.start})
}
