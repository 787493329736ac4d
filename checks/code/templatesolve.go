package code

import (
	"slices"
	"strconv"
	"strings"
)

// reading is what a hole stands for.
type reading byte

const (
	asValue    reading = 'V' // a parameter
	asName     reading = 'N' // an identifier
	asNothing  reading = 'E' // a clause that can be left away
	asRow      reading = 'P' // values in parentheses
	asSetting  reading = 'A' // column = value
	asOperator reading = 'O'
	asQuery    reading = 'Q' // a SELECT
	asColumns  reading = 'S' // SELECT and what is selected
	asLiteral  reading = 'I' // a constant: where a parameter cannot stand
	asAction   reading = 'D' // of ON CONFLICT
	asWith     reading = 'W' // a query of WITH
	asSign     reading = '?' // an operator of jsonb
	asJoined   reading = 'J' // one more of FROM
)

// rest is every reading, in the order in which they are tried when none that the
// place suggests is taken.
const rest = "VNEPQOAIDSWJ"

// template is a list of tokens, some of which can be read in several ways.
type template struct {
	tokens []lexeme
	slots  []slot
	choice []int // of each slot: the index of its reading
	bound  int   // the highest $n of the text
}

// slot is a token with several readings, the likeliest first.
type slot struct {
	token    int
	readings string
}

func newTemplate(tokens []lexeme) *template {
	t := &template{tokens: tokens}
	var c position
	for i, tok := range tokens {
		switch {
		case tok.kind == tokenQuestion:
			if i > 0 && operand(tokens[i-1]) {
				t.slots = append(t.slots, slot{i, "?V"})
			} else {
				t.slots = append(t.slots, slot{i, "V?"})
			}
		case tok.kind == tokenNameHole:
			t.slots = append(t.slots, slot{i, "N"})
		case tok.kind == tokenControl:
			t.slots = append(t.slots, slot{i, "E"})
		case tok.isHole():
			t.slots = append(t.slots, slot{i, complete(c.readings(tokens, i))})
		case tok.kind == tokenParameter && tok.text[0] == '$':
			if n, err := strconv.Atoi(tok.text[1:]); err == nil && n < 1<<16 {
				t.bound = max(t.bound, n)
			}
		}
		c.see(tokens, i)
	}
	t.choice = make([]int, len(t.slots))
	return t
}

// complete adds the readings that the place does not suggest.
func complete(readings string) string {
	for _, r := range rest {
		if !strings.ContainsRune(readings, r) {
			readings += string(r)
		}
	}
	return readings
}

// position is where in a statement a token stands.
type position struct {
	clause string   // the key word that the current clause begins with
	outer  []string // of the brackets around it
}

// clauses are the key words that begin a clause.
var clauses = setOf("select from where set values group order having limit offset returning on into using with partition window conflict")

// see moves behind a token.
func (c *position) see(tokens []lexeme, i int) {
	t := tokens[i]
	switch {
	case t.is("("):
		c.outer = append(c.outer, c.clause)
		c.clause = c.inside(tokens, i)
	case t.is(")"):
		if n := len(c.outer); n > 0 {
			c.clause, c.outer = c.outer[n-1], c.outer[:n-1]
		}
	case t.kind == tokenWord && clauses[strings.ToLower(t.text)]:
		c.clause = strings.ToLower(t.text)
	case t.is("join", "update"):
		c.clause = "from"
	}
}

// inside is what stands in the bracket at i: (columns), (values), (arguments) or a "(query)".
func (c *position) inside(tokens []lexeme, i int) string {
	if i == 0 {
		return "(query)"
	}
	last := tokens[i-1]
	switch {
	case last.is("in", "values", "any", "all", "some") || c.clause == "values":
		return "(values)"
	case last.is("from", "join", "as", "exists", "with", "lateral", "union", "except", "intersect") || last.is(",") && c.clause == "from":
		return "(query)"
	case c.clause == "into" || c.clause == "conflict" || c.clause == "using":
		return "(columns)"
	case last.kind == tokenWord && !before[strings.ToLower(last.text)] || last.isHole() || last.kind == tokenQuoted:
		return "(arguments)"
	}
	return "(expression)"
}

// readings is what a hole at i may stand for, the likeliest first.
func (c *position) readings(tokens []lexeme, i int) string {
	t, next, last := tokens[i], lexeme{kind: tokenUnknown}, lexeme{kind: tokenUnknown}
	if i+1 < len(tokens) {
		next = tokens[i+1]
	}
	if i > 0 {
		last = tokens[i-1]
	}
	if t.kind == tokenListHole {
		return "PVN"
	}
	if next.is(".") || last.is(".", "::") {
		return "N"
	}
	compared := next.kind == tokenOperator && !next.is("*") || next.is("in", "is", "like", "ilike", "between", "not")
	value := "VNE"
	if compared && t.kind != tokenPlaceholder {
		value = "NVE"
	}
	switch {
	case i == 0:
		if next.is("from") {
			return "SE"
		}
		return "ES"
	case last.kind == tokenWord:
		switch strings.ToLower(last.text) {
		case "from", "join", "into", "update", "table", "only", "truncate", "lock":
			return "NQE"
		case "as":
			return "NQ"
		case "by":
			return "NVE"
		case "in":
			return "VP"
		case "values":
			return "PVQ"
		case "set":
			if compared {
				return "NA"
			}
			return "AN"
		case "limit", "offset":
			return "VE"
		case "interval":
			return "IV"
		case "conflict":
			return "DEN"
		case "with":
			return "WE"
		case "where", "and", "or", "having", "when", "not", "on":
			if compared || t.kind == tokenPlaceholder {
				return value
			}
			return "NEV"
		case "select", "distinct", "returning":
			if t.kind == tokenPlaceholder {
				return "VNE"
			}
			return "NEV"
		}
		if before[strings.ToLower(last.text)] {
			return value
		}
	case last.is("("):
		switch c.clause {
		case "(columns)":
			return "NEV"
		case "(query)":
			return "QNV"
		case "(values)", "(arguments)":
			return "VNQE"
		}
		return value
	case last.is(","):
		switch c.clause {
		case "select", "returning", "group", "order":
			if t.kind == tokenPlaceholder {
				return "VNE"
			}
			return "NVE"
		case "from", "(columns)", "into", "using":
			return "NQE"
		case "set":
			if compared {
				return "NA"
			}
			return "AN"
		case "values":
			return "PV"
		case "with":
			return "WE"
		}
		return "VNE"
	case last.kind == tokenOperator || last.is("["):
		return "VN"
	case last.is(";"):
		return "E"
	}
	if next.kind == tokenParameter || next.kind == tokenQuestion || next.kind == tokenString || next.kind == tokenNumber {
		return "OEN"
	}
	return "EON" // behind a complete expression or name
}

// tries bounds how often one text is parsed.
const tries = 40

// solve chooses a reading for each slot such that the parser takes the whole. Where
// it does not, it changes the slots next to where the parser stopped, and keeps what
// gets it further. It returns the parser's reason when nothing does.
func (t *template) solve() (reason string) {
	sql, _ := t.render(t.choice)
	reason, reached := syntaxError(sql)
	firstReason := reason
	for n := 1; reason != "" && n < tries; {
		best := slices.Clone(t.choice)
		bestReached, bestReason := reached, reason
		for _, s := range t.nearest(reached) {
			trial := slices.Clone(t.choice)
			for r := range len(t.slots[s].readings) {
				if r == t.choice[s] || n >= tries {
					continue
				}
				trial[s] = r
				sql, _ := t.render(trial)
				why, at := syntaxError(sql)
				n++
				if at = t.progress(trial, at); why == "" {
					t.choice = trial
					return ""
				}
				if at > bestReached {
					best, bestReached, bestReason = slices.Clone(trial), at, why
				}
			}
			if bestReached > reached {
				break
			}
		}
		if bestReached <= reached {
			return firstReason
		}
		t.choice, reached, reason = best, bestReached, bestReason
	}
	if reason != "" {
		return firstReason
	}
	return ""
}

// progress is how far the parser came, as an offset in the text with holes, so that
// readings of different lengths compare.
func (t *template) progress(choice []int, offset int) int {
	at, next := 0, 0
	for i, tok := range t.tokens {
		at += len(tok.space)
		if at >= offset {
			return tok.at
		}
		s := -1
		if next < len(t.slots) && t.slots[next].token == i {
			s = next
			next++
		}
		at += len(t.written(i, s, choice))
	}
	return 1 << 30
}

// nearest lists up to three slots before the place where the parser stopped, the
// nearest first, and the one behind it.
func (t *template) nearest(reached int) []int {
	var list []int
	for s := len(t.slots) - 1; s >= 0 && len(list) < 4; s-- {
		at := t.tokens[t.slots[s].token].at
		if at > reached && s > 0 && t.tokens[t.slots[s-1].token].at > reached {
			continue
		}
		if len(t.slots[s].readings) > 1 {
			list = append(list, s)
		}
	}
	if len(list) > 1 && t.tokens[t.slots[list[0]].token].at > reached {
		list = append(list[1:], list[0])
	}
	return list
}

// written is a token as the parser gets it, without parameters' numbers: each is "$00".
func (t *template) written(i, s int, choice []int) string {
	if s < 0 {
		if tok := t.tokens[i]; tok.kind != tokenParameter {
			return tok.text
		}
		return "$00"
	}
	return form(reading(t.slots[s].readings[choice[s]]), "$00", holeName("00"))
}

// form writes a reading.
func form(r reading, value, name string) string {
	switch r {
	case asValue:
		return value
	case asName:
		return name
	case asRow:
		return "(" + name + ")"
	case asSetting:
		return name + " = " + value
	case asOperator:
		return "="
	case asQuery:
		return "SELECT " + name + ".* FROM " + name
	case asColumns:
		return "SELECT " + name
	case asLiteral:
		return "'1'"
	case asAction:
		return "DO NOTHING"
	case asWith:
		return name + " AS (SELECT 1)"
	case asSign:
		return "?"
	case asJoined:
		return ", " + name
	}
	return ""
}

// render writes the text with a choice of readings, and the lines of its parts.
func (t *template) render(choice []int) (string, []lineMark) {
	var b strings.Builder
	var lines []lineMark
	values := map[string]string{}
	bound, names, next := t.bound, 0, 0
	value := func(key string) string {
		if v, ok := values[key]; ok && key != "" {
			return v
		}
		bound++
		v := "$" + strconv.Itoa(bound)
		values[key] = v
		return v
	}
	for i, tok := range t.tokens {
		out := tok.text
		list := i > 0 && t.tokens[i-1].is("in") // IN ? takes a list, which PostgreSQL writes in parentheses
		switch {
		case next < len(t.slots) && t.slots[next].token == i:
			r := reading(t.slots[next].readings[choice[next]])
			v := ""
			if r == asValue || r == asSetting {
				key := ""
				if tok.kind == tokenPlaceholder && strings.ContainsAny(tok.text, "([$") {
					key = tok.text
				}
				v = value(key)
			}
			names++
			out = form(r, v, holeName(strconv.Itoa(names)))
			list = list && r == asValue
			next++
		case tok.kind == tokenParameter:
			if n, err := strconv.Atoi(tok.text[1:]); tok.text[0] != '$' || err != nil || n <= 0 {
				key := tok.text
				if strings.IndexByte(key, mark) >= 0 {
					key = ""
				}
				out = value(key)
			}
		default:
			list = false
		}
		if list {
			out = "(" + out + ")"
		}
		space := tok.space
		if space == "" && i > 0 && b.Len() > 0 && glue(b.String()[b.Len()-1], out) {
			space = " "
		}
		if out == "" {
			continue
		}
		if b.Len() == 0 {
			space = ""
		}
		b.WriteString(space)
		if n := len(lines); n == 0 || lines[n-1].line != tok.line {
			lines = append(lines, lineMark{b.Len(), tok.line})
		}
		b.WriteString(out)
	}
	return b.String(), lines
}

// glue tells that two tokens would become one without white space between.
func glue(last byte, next string) bool {
	return next != "" && (letter(last) || digit(last)) && (letter(next[0]) || digit(next[0]) || next[0] == '$' || next[0] == '\'')
}

// partial says which pieces of the text are not known.
func (t *template) partial() string {
	var names, pieces []string
	for s, slot := range t.slots {
		tok := t.tokens[slot.token]
		switch reading(slot.readings[t.choice[s]]) {
		case asValue, asSign, asLiteral:
		case asName, asColumns, asSetting:
			names = append(names, tok.label)
		default:
			label := tok.label
			if tok.kind == tokenControl {
				label = tok.text
			}
			pieces = append(pieces, label)
		}
	}
	switch {
	case len(names) > 0:
		return "a name is made at run time: " + list(append(names, pieces...))
	case len(pieces) > 0:
		return "a piece of the query is made at run time: " + list(pieces)
	}
	return ""
}

// list joins the first few of what stands in a message.
func list(labels []string) string {
	labels = slices.Compact(labels)
	if len(labels) > 4 {
		labels = append(labels[:4:4], "...")
	}
	for i, l := range labels {
		if l = strings.Join(strings.Fields(l), " "); len(l) > 60 {
			l = strings.ToValidUTF8(l[:57], "") + "..."
		}
		labels[i] = l
	}
	return strings.Join(labels, ", ")
}

// open tells that a relation, or what may be one, is not known.
func (t *template) open() bool {
	for s, slot := range t.slots {
		r := reading(slot.readings[t.choice[s]])
		if r == asQuery || r == asJoined || r == asWith {
			return true
		}
		if r == asName && slot.token > 0 && t.tokens[slot.token-1].kind == tokenWord && relationAfter[strings.ToLower(t.tokens[slot.token-1].text)] {
			return true
		}
	}
	return false
}
