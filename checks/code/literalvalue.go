package code

import (
	"context"
	"slices"
	"strconv"
	"strings"
)

// What the value of one expression may cost.
const (
	maxTexts   = 24      // alternatives of an expression
	maxText    = 1 << 18 // bytes of a text
	maxSteps   = 4_000   // nodes that are looked at for one expression
	maxNesting = 200     // expressions inside each other
	maxDepth   = 1_000   // nodes between one and the function around it
	maxRounds  = 64      // passes of a loop, callers of a function
)

// evaluator tells which texts the expressions of one file may be.
type evaluator struct {
	lang *language
	tree *syntax

	defined map[string][]definition // by name, in the file's order
	gives   map[*node]definition    // by value
	read    map[string][]*node      // where a name is read
	folded  map[*node]bool          // reads whose value became a part of a larger text
	callers map[string][]*call      // by the name that is called
	taken   map[*node]bool          // expressions that are a part of one that was looked at

	scopes   map[string]bool // kinds of functions and classes
	heredocs map[*node]*node // the bodies of here documents; nil until one is met

	steps  int
	rounds map[*node]int // which pass of a loop, or which caller of a function, is looked at
	open   map[*node]int // loops and functions on which the value depends, and how many passes they have
}

func newEvaluator(l *language, tree *syntax) *evaluator {
	e := &evaluator{lang: l, tree: tree, defined: map[string][]definition{}, gives: map[*node]definition{}, read: map[string][]*node{}, folded: map[*node]bool{},
		callers: map[string][]*call{}, taken: map[*node]bool{}, scopes: map[string]bool{}}
	for _, kind := range slices.Concat(l.functions, l.classes) {
		e.scopes[kind] = true
	}
	written := map[*node]bool{}
	tree.root.walk(func(n *node) bool {
		for _, d := range l.define(n) {
			e.defined[d.name] = append(e.defined[d.name], d)
			written[d.at] = true
			if d.value != nil {
				e.gives[d.value] = d
			}
		}
		if c := l.call(n); c != nil && c.name != "" {
			e.callers[c.name] = append(e.callers[c.name], c)
		}
		if name, _ := l.variable(n); name != "" && !written[n] {
			e.read[name] = append(e.read[name], n)
		}
		return true
	})
	for _, all := range e.defined { // a chain of calls is read from its end
		slices.SortStableFunc(all, func(a, b definition) int { return a.at.start - b.at.start })
	}
	return e
}

// texts returns what of the file is text: each largest expression once, in the file's order.
func (e *evaluator) texts(ctx context.Context) []written {
	var all []written
	e.tree.root.walk(func(n *node) bool {
		if ctx.Err() != nil || e.lang.ignore(n) {
			return false
		}
		if e.taken[n] || !n.named || !e.mayBeText(n) {
			return true
		}
		if texts := e.all(n); len(texts) > 0 {
			all = append(all, written{n, texts})
		} else if c := e.lang.call(n); c != nil {
			for _, arg := range c.args {
				if arg.kind == "tokens" { // no node of the tree: it would not be met
					if texts := e.all(arg); len(texts) > 0 {
						all = append(all, written{arg, texts})
					}
				}
			}
		}
		return true
	})
	all = slices.DeleteFunc(all, func(w written) bool { return e.onlyPart(w.at) })
	all = append(all, e.accumulated(ctx)...)
	seen := map[string]bool{} // a variable's text is met again where a function passes it on
	for i, w := range all {
		all[i].texts = slices.DeleteFunc(w.texts, func(t []piece) bool {
			k := key(t)
			if len(t) > 0 {
				k += strconv.Itoa(t[0].line) + ":" + strconv.Itoa(t[0].column)
			}
			known := seen[k]
			seen[k] = true
			return known
		})
	}
	return all
}

// key is equal for texts that are equal.
func key(t []piece) string {
	var b strings.Builder
	for _, p := range t {
		b.WriteString(p.text + "\x00" + p.hole + "\x00")
	}
	return b.String()
}

// mayBeText tells that a node is of a kind that can be text on its own. A name alone
// is not: what it stands for is read where it is defined.
func (e *evaluator) mayBeText(n *node) bool {
	l := e.lang
	if _, ok := l.quotes[n.kind]; ok {
		return true
	}
	return slices.Contains(l.adjacent, n.kind) || slices.Contains(l.operation, n.kind) || slices.Contains(l.choice, n.kind) || l.call(n) != nil
}

// all returns the texts that an expression may be, over all passes of the loops and
// all callers of the function that it stands in.
func (e *evaluator) all(n *node) [][]piece {
	e.rounds = map[*node]int{}
	return e.over(n, func() [][]piece { e.steps = 0; return e.value(n, true, 0) }, 0)
}

func (e *evaluator) over(n *node, value func() [][]piece, depth int) [][]piece {
	e.open = map[*node]int{}
	texts := value()
	if len(e.open) == 0 || depth > 3 {
		return texts
	}
	// The innermost first, so that what comes out does not depend on the order of a map.
	var point *node
	for p := range e.open {
		if point == nil || p.start > point.start || p.start == point.start && p.end < point.end {
			point = p
		}
	}
	var every [][]piece
	for i := range min(e.open[point], maxRounds) {
		e.rounds[point] = i
		every = append(every, e.over(n, value, depth+1)...)
		if len(every) > maxRounds {
			break
		}
	}
	delete(e.rounds, point)
	return distinct(every)
}

// distinct leaves out texts that are there already.
func distinct(texts [][]piece) [][]piece {
	seen := map[string]bool{}
	return slices.DeleteFunc(texts, func(t []piece) bool {
		k := key(t)
		known := seen[k]
		seen[k] = true
		return known
	})
}

// onlyPart tells that an expression is the value of a name which the program only
// uses to make larger texts of it.
func (e *evaluator) onlyPart(n *node) bool {
	d, ok := e.gives[n]
	for !ok && n.parent != nil && slices.Contains(e.lang.wrap, n.parent.kind) {
		n = n.parent
		d, ok = e.gives[n]
	}
	if !ok {
		return false
	}
	if d.append || e.addedTo(d) {
		return true
	}
	scope := e.scope(d.at)
	reads, folded := 0, 0
	for _, r := range e.read[d.name] {
		switch {
		case e.lang.isFunction(scope) && !(within(r, scope) && e.reaches(d, r, scope)):
		case e.folded[r]:
			folded++
			reads++
		default:
			reads++
		}
	}
	return folded > 0 && folded == reads
}

// reaches tells that a read of a local variable may see a definition: no other one
// that surely ran stands between them.
func (e *evaluator) reaches(d definition, read, scope *node) bool {
	if read.start < d.at.start {
		return false
	}
	for _, next := range e.defined[d.name] {
		if !next.append && next.at.start > d.at.start && next.at.start < read.start && e.scope(next.at) == scope && e.surely(next.at, scope, read) {
			return false
		}
	}
	return true
}

// addedTo tells that text is added to a variable's value before it is read.
func (e *evaluator) addedTo(d definition) bool {
	scope := e.scope(d.at)
	for _, next := range e.defined[d.name] {
		if next.at.start <= d.at.start || e.scope(next.at) != scope {
			continue
		}
		between := func(r *node) bool {
			return r.start > d.at.start && r.end < next.at.start && r.start < next.at.parent.start
		}
		return next.append && !slices.ContainsFunc(e.read[d.name], between)
	}
	return false
}

// accumulated returns the texts of variables to which text is added, as they are
// where the variable gets another value and at the end of its scope.
func (e *evaluator) accumulated(ctx context.Context) []written {
	var all []written
	for _, name := range sortedKeys(e.defined) {
		pending := map[*node]*node{} // scope -> where the text begins
		base := map[*node]*node{}
		finish := func(scope *node, before int) {
			at := pending[scope]
			delete(pending, scope)
			if at == nil || ctx.Err() != nil {
				return
			}
			e.rounds = map[*node]int{}
			texts := e.over(at, func() [][]piece { e.steps = 0; return e.named(name, scope, before, nil, 0) }, 0)
			if len(texts) > 0 {
				all = append(all, written{at, texts})
			}
		}
		scopes := []*node{}
		for _, d := range e.defined[name] {
			scope := e.scope(d.at)
			if d.append {
				if base[scope] != nil {
					pending[scope] = base[scope]
				}
				continue
			}
			finish(scope, d.at.start)
			base[scope] = d.value
			scopes = append(scopes, scope)
		}
		for _, scope := range scopes {
			finish(scope, scope.end+1)
		}
	}
	return all
}

// value returns the texts that an expression may be, nil where it is no text or not
// known. direct is false for what a name stands for.
func (e *evaluator) value(n *node, direct bool, depth int) [][]piece {
	if e.steps++; n == nil || e.steps > maxSteps || depth > maxNesting {
		return nil
	}
	texts := e.valueOf(n, direct, depth+1)
	if texts != nil && direct {
		e.taken[n] = true
	}
	return texts
}

func (e *evaluator) valueOf(n *node, direct bool, depth int) [][]piece {
	l := e.lang
	if q, ok := l.quotes[n.kind]; ok {
		return e.literal(n, q, direct, depth)
	}
	switch {
	case slices.Contains(l.adjacent, n.kind):
		return e.joined(n.items(), direct, depth)
	case slices.Contains(l.wrap, n.kind):
		if items := n.items(); len(items) == 1 {
			return e.value(items[0], direct, depth)
		}
		return nil
	case slices.Contains(l.choice, n.kind):
		var texts [][]piece
		known := false
		for _, branch := range l.branches(n) {
			t := e.value(branch, direct, depth)
			known = known || t != nil
			texts = append(texts, t...)
			if t == nil {
				texts = append(texts, []piece{e.hole(branch)})
			}
		}
		if !known {
			return nil
		}
		return bounded(texts)
	case slices.Contains(l.operation, n.kind):
		return e.operation(n, direct, depth)
	}
	if c := l.call(n); c != nil {
		return e.called(n, c, direct, depth)
	}
	if name, member := l.variable(n); name != "" {
		texts := e.variableValue(n, name, member, depth)
		if texts != nil {
			e.folded[n] = true
		}
		return texts
	}
	return nil
}

// operation is the value of a binary operation. Its left side is followed without
// recursion: a text of a thousand parts is as deep.
func (e *evaluator) operation(n *node, direct bool, depth int) [][]piece {
	l := e.lang
	left, operator, right := operands(n)
	if left == nil || right == nil {
		return nil
	}
	if operator == l.fill && l.fill != "" {
		format := e.value(left, direct, depth)
		if format == nil {
			return nil
		}
		return e.filled(format, percentMark, e.fillers(right), direct, depth)
	}
	if operator != l.join {
		return nil
	}
	parts := []*node{right}
	for slices.Contains(l.operation, left.kind) {
		ll, op, lr := operands(left)
		if ll == nil || lr == nil || op != l.join {
			break
		}
		if direct {
			e.taken[left] = true
		}
		parts = append(parts, lr)
		left = ll
	}
	parts = append(parts, left)
	slices.Reverse(parts)
	return e.joined(parts, direct, depth)
}

// operands returns the two sides of a binary operation, nil where it has none.
func operands(n *node) (left *node, operator string, right *node) {
	left, right = n.child("left"), n.child("right")
	if op := n.child("operator"); op != nil {
		return left, op.text(), right
	}
	if items := n.items(); len(items) == 2 {
		for _, c := range n.children {
			if !c.named {
				operator = c.text()
			}
		}
		return items[0], operator, items[1]
	}
	return nil, "", nil
}

// joined is the value of parts that follow each other, nil when none of them is known.
func (e *evaluator) joined(parts []*node, direct bool, depth int) [][]piece {
	texts := [][]piece{nil}
	known := false
	for _, part := range parts {
		t := e.value(part, direct, depth)
		known = known || t != nil
		texts = e.product(texts, t, part)
	}
	if !known {
		return nil
	}
	return bounded(texts)
}

// product puts each of some texts behind each of others, which it may write over. Where
// that becomes too much, the part is a hole: what it may be is not guessed.
func (e *evaluator) product(texts, more [][]piece, part *node) [][]piece {
	if more == nil || len(texts)*len(more) > maxTexts {
		more = [][]piece{{e.hole(part)}}
	}
	if len(texts) == 1 && len(more) == 1 {
		texts[0] = append(texts[0], more[0]...) // a text of ten thousand parts is not copied as often
		return texts
	}
	var all [][]piece
	for _, t := range texts {
		for _, m := range more {
			all = append(all, slices.Concat(t, m))
		}
	}
	return bounded(all)
}

// bounded leaves out what is too much text to be a query.
func bounded(texts [][]piece) [][]piece {
	total := 0
	for i, t := range texts {
		for _, p := range t {
			total += len(p.text) + 16
		}
		if total > maxText || i >= maxTexts {
			return texts[:i]
		}
	}
	return texts
}

// hole stands for an expression whose text is not known.
func (e *evaluator) hole(n *node) piece {
	line, column := e.tree.place(n.start)
	return piece{hole: shortened(n.text()), line: line, column: column}
}

// shortened is an expression as a message shows it.
func shortened(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > 60 {
		text = strings.ToValidUTF8(text[:57], "") + "..."
	}
	if text == "" {
		return "?"
	}
	return text
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
