package postgres

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

// newer is what PostgreSQL 18's syntax said about a statement before it was
// rewritten, byte for byte in place, for PostgreSQL 17's parser (PostgreSQL 18's
// release notes, E.4, and its CREATE TABLE and ALTER TABLE pages).
type newer struct {
	constraints map[int]newerConstraint    // by the offset at which the constraint starts
	alters      map[string]newerAlteration // ALTER CONSTRAINT, by the constraint's name
}

type newerConstraint struct {
	notNull         string // the column of a table constraint NOT NULL
	notEnforced     bool
	virtual         bool // GENERATED ALWAYS AS (...) [VIRTUAL]
	withoutOverlaps bool
	period          bool
	noInherit       bool // of a column's NOT NULL
}

type newerAlteration struct{ enforced, inherit *bool }

// parseNewer tries a statement that the parser refused as PostgreSQL 18's.
func (r *reader) parseNewer(refused error) (*pg.ParseResult, error) {
	rw := rewriter{lexer: lexer{src: r.src}, text: []byte(r.src), found: newer{map[int]newerConstraint{}, map[string]newerAlteration{}}}
	rw.tokens = tokens(r.src)
	if !rw.rewrite() {
		return nil, refused
	}
	tree, err := parseSQL(string(rw.text))
	if err != nil {
		return nil, refused
	}
	r.newer = rw.found
	r.version = 18
	return tree, nil
}

// rewriter changes a statement's text so that PostgreSQL 17's parser takes it.
type rewriter struct {
	lexer  lexer
	tokens []token
	text   []byte
	found  newer
}

func (w *rewriter) is(i int, words ...string) bool {
	return i >= 0 && i < len(w.tokens) && w.lexer.is(w.tokens[i], words...)
}

// follow tells whether the given words stand at a place, one after the other.
func (w *rewriter) follow(i int, words ...string) bool {
	for j, word := range words {
		if !w.is(i+j, word) {
			return false
		}
	}
	return true
}

func (w *rewriter) name(i int) bool {
	return i >= 0 && i < len(w.tokens) && (w.tokens[i].kind == tokenWord || w.tokens[i].kind == tokenQuoted)
}

// put writes a text over tokens from to to (both included), filled with spaces.
func (w *rewriter) put(from, to int, text string) bool {
	start, end := w.tokens[from].start, w.tokens[to].end
	if len(text) > end-start {
		return false
	}
	for i := start; i < end; i++ {
		if w.text[i] != '\n' {
			w.text[i] = ' '
		}
	}
	copy(w.text[start:], text)
	return true
}

// rewrite changes what it knows; false when there was nothing.
func (w *rewriter) rewrite() bool {
	changed := false
	change := func(ok bool) { changed = changed || ok }
	for i := range w.tokens {
		switch {
		case w.is(i, "not"):
			if w.follow(i, "not", "null") {
				change(w.notNull(i))
			} else if w.follow(i, "not", "enforced") {
				change(w.enforced(i, i+1, false))
			}
		case w.is(i, "enforced") && !w.is(i-1, "not"):
			change(w.enforced(i, i, true))
		case w.is(i, "inherit"):
			change(w.inherit(i))
		case w.follow(i, "generated", "always", "as", "("):
			change(w.virtual(i))
		case w.follow(i, "without", "overlaps", ")"):
			change(w.withoutOverlaps(i))
		case w.is(i, "period") && w.name(i+1) && w.is(i-1, "(", ","):
			change(w.period(i))
		case w.follow(i, "returning", "with", "("):
			change(w.returningWith(i))
		case w.is(i, "only") && (w.is(0, "vacuum", "analyze", "analyse")):
			change(w.put(i, i, ""))
		case w.follow(i, "large", "objects") && w.follow(0, "alter", "default", "privileges"):
			change(w.put(i, i+1, "TABLES"))
		}
	}
	return changed
}

// constraintStart is the token at which a constraint begins whose first key word
// stands at i: the CONSTRAINT of its name, if it has one.
func (w *rewriter) constraintStart(i int) int {
	if w.name(i-1) && w.is(i-2, "constraint") {
		return i - 2
	}
	return i
}

func (w *rewriter) update(i int, f func(*newerConstraint)) {
	at := w.tokens[w.constraintStart(i)].start
	c := w.found.constraints[at]
	f(&c)
	w.found.constraints[at] = c
}

// notNull rewrites the table constraint NOT NULL column, and a column's NOT NULL NO INHERIT.
func (w *rewriter) notNull(i int) bool {
	start := w.constraintStart(i)
	if w.is(start-1, "add", "(", ",") {
		if !w.name(i + 2) {
			return false
		}
		column := w.lexer.text(w.tokens[i+2])
		if !w.put(i, i+2, "CHECK("+column+")") {
			return false
		}
		w.update(i, func(c *newerConstraint) { c.notNull = identifier(column) })
		return true
	}
	if w.follow(i+2, "no", "inherit") {
		w.update(i, func(c *newerConstraint) { c.noInherit = true })
		return w.put(i+2, i+3, "")
	}
	return false
}

// identifier is the name that an identifier's text stands for.
func identifier(text string) string {
	if strings.HasPrefix(text, `"`) {
		return strings.ReplaceAll(text[1:len(text)-1], `""`, `"`)
	}
	return strings.ToLower(text)
}

// alterConstraint is the name of the constraint whose ALTER CONSTRAINT the token
// belongs to.
func (w *rewriter) alterConstraint(i int) (string, bool) {
	for j := i - 1; j >= 2 && !w.is(j, ",", "(", ")"); j-- {
		if w.follow(j-2, "alter", "constraint") && w.name(j) {
			return identifier(w.lexer.text(w.tokens[j])), true
		}
	}
	return "", false
}

// enforced takes [NOT] ENFORCED away.
func (w *rewriter) enforced(from, to int, value bool) bool {
	if name, ok := w.alterConstraint(from); ok {
		a := w.found.alters[name]
		a.enforced = &value
		w.found.alters[name] = a
		return w.put(from, to, "")
	}
	owner, ok := w.owner(from, "check", "references", "foreign")
	if !ok {
		return false
	}
	w.update(owner, func(c *newerConstraint) { c.notEnforced = !value })
	return w.put(from, to, "")
}

// owner finds backwards, at the same level of parentheses and within the same list
// element, the key word that starts the constraint. FOREIGN KEY ... REFERENCES starts
// at FOREIGN.
func (w *rewriter) owner(i int, words ...string) (int, bool) {
	found, depth := -1, 0
	for j := i - 1; j >= 0; j-- {
		switch {
		case w.is(j, ")", "]"):
			depth++
		case w.is(j, "(", "[", ",") && depth == 0:
			return found, found >= 0
		case w.is(j, "(", "["):
			depth--
		case depth == 0 && w.is(j, words...):
			if found < 0 {
				found = j
			} else if w.is(found, "references") && w.is(j, "foreign") {
				return j, true
			}
		}
	}
	return found, found >= 0
}

// inherit takes [NO] INHERIT of ALTER CONSTRAINT away.
func (w *rewriter) inherit(i int) bool {
	name, ok := w.alterConstraint(i)
	if !ok {
		return false
	}
	from, value := i, true
	if w.is(i-1, "no") {
		from, value = i-1, false
	}
	a := w.found.alters[name]
	a.inherit = &value
	w.found.alters[name] = a
	return w.put(from, i, "")
}

// virtual turns a generated column that is not STORED into one with a default.
func (w *rewriter) virtual(i int) bool {
	depth, end := 0, i+3
	for ; end < len(w.tokens); end++ {
		if w.is(end, "(") {
			depth++
		} else if w.is(end, ")") {
			if depth--; depth == 0 {
				break
			}
		}
	}
	if end == len(w.tokens) || w.is(end+1, "stored") {
		return false
	}
	if w.is(end+1, "virtual") {
		w.put(end+1, end+1, "")
	}
	w.update(i, func(c *newerConstraint) { c.virtual = true })
	return w.put(i, i+2, "DEFAULT")
}

// withoutOverlaps takes WITHOUT OVERLAPS of a key's last column away.
func (w *rewriter) withoutOverlaps(i int) bool {
	open := i - 1
	for open >= 0 && !w.is(open, "(") {
		open--
	}
	owner, ok := w.owner(open, "primary", "unique")
	if !ok {
		return false
	}
	w.update(owner, func(c *newerConstraint) { c.withoutOverlaps = true })
	return w.put(i, i+1, "")
}

// period takes PERIOD of a foreign key's columns away.
func (w *rewriter) period(i int) bool {
	open := i - 1
	for open >= 0 && !w.is(open, "(") {
		open--
	}
	owner, ok := w.owner(open, "foreign", "references")
	if !ok {
		return false
	}
	w.update(owner, func(c *newerConstraint) { c.period = true })
	return w.put(i, i, "")
}

// returningWith takes WITH (OLD AS o, NEW AS n) of RETURNING away: it names what
// the outputs refer to, which nothing here depends on.
func (w *rewriter) returningWith(i int) bool {
	for end := i + 3; end < len(w.tokens); end++ {
		if w.is(end, ")") {
			return w.put(i+1, end, "")
		}
	}
	return false
}

// patchConstraint puts back what was rewritten.
func (r *reader) patchConstraint(def *catalog.ConstraintDef, at int32) {
	c, ok := r.newer.constraints[int(at)]
	if !ok {
		return
	}
	def.NotEnforced = c.notEnforced
	def.WithoutOverlaps = c.withoutOverlaps
	def.Period = c.period
	if c.notNull != "" {
		def.Type, def.Columns, def.Expr = catalog.NotNull, []string{c.notNull}, nil
	}
}
