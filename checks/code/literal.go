package code

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// language is how a programming language writes text: its grammar's names for what
// can be a part of a query. One engine reads all languages by such tables.
type language struct {
	source     string // of its queries
	extensions []string
	grammar    *grammar

	quotes    map[string]quoting // kinds of string literals
	holes     []string           // kinds of what stands for a hole inside a literal
	adjacent  []string           // kinds whose children are joined as they stand
	operation []string           // kinds of a binary operation
	join      string             // operator that joins two texts
	fill      string             // operator that fills a format, "" = none
	wrap      []string           // kinds that pass on the value of their only child
	choice    []string           // kinds whose value is that of one of their branches
	functions []string           // kinds that begin a scope of variables
	classes   []string           // kinds that begin a scope of members
	loops     []string           // kinds of a loop over the elements of a list
	lists     []string           // kinds of a list that is written out

	branches  func(n *node) []*node        // of a choice
	define    func(n *node) []definition   // what a node gives a value to
	call      func(n *node) *call          // a call that the node is, nil = it is none
	variable  func(n *node) (string, bool) // the name that a node reads; whether it is a member's
	iterates  func(n *node) (names []string, list *node)
	title     func(n *node) string      // of a function or class
	arguments func(n *node) []parameter // a function's parameters
	scoped    func(n *node) string      // "function", "class" or neither, where the kind does not tell; nil = it does
	ignore    func(n *node) bool        // what is no query although it looks like one
}

func (l *language) isFunction(n *node) bool {
	return slices.Contains(l.functions, n.kind) && (l.scoped == nil || l.scoped(n) == "function")
}

func (l *language) isClass(n *node) bool {
	return slices.Contains(l.classes, n.kind) && (l.scoped == nil || l.scoped(n) == "class")
}

// definition is a name that is given a value.
type definition struct {
	name   string
	value  *node // nil: not known
	append bool  // the value is added to the one it has
	at     *node
}

// parameter is a parameter of a function.
type parameter struct {
	name  string
	value *node // its default, nil = none
}

// call is a call of a function or method.
type call struct {
	receiver *node // nil: none
	name     string
	args     []*node
	named    map[string]*node // keyword arguments
	braces   bool             // a format of this call marks its holes with {}
}

// literals reads the queries in the string literals of one language.
type literals struct{ *language }

func (l literals) name() string { return l.source }

func (l literals) reads(name string) bool {
	return slices.Contains(l.extensions, strings.ToLower(path.Ext(name)))
}

func (l literals) group(name string) string { return name }

func (l literals) may(content []byte) bool { return mayHoldStatement(content) }

func (l literals) extract(files []*file, s *sink) {
	for _, f := range files {
		tree, err := l.grammar.parse(s.ctx, f.path, f.content)
		if err != nil {
			s.unread(f.path, err.Error())
			continue
		}
		e := newEvaluator(l.language, tree)
		for _, q := range e.texts(s.ctx) {
			e.hand(f, s, q)
		}
		if s.ctx.Err() != nil {
			s.unread(f.path, "reading its string literals took too long")
		}
	}
}

// written is an expression that is text, with all texts that it may be.
type written struct {
	at    *node
	texts [][]piece
}

// hand gives the sink what an expression may be. Where some of it is SQL, the rest
// is a combination that the program does not make.
func (e *evaluator) hand(f *file, s *sink, w written) {
	name := e.enclosing(w.at)
	end, _ := e.tree.place(max(w.at.start, w.at.end-1))
	if len(w.texts) > 1 {
		var good [][]piece
		for _, t := range w.texts {
			if _, _, ok := statement(t); ok {
				good = append(good, t)
			}
		}
		if w.texts = good[:len(good):len(good)]; len(good) == 0 {
			return
		}
	}
	for _, t := range w.texts {
		if !clickHouse.MatchString(joined(t)) {
			s.sql(f, name, t, end)
		}
	}
}

// clickHouse finds what ClickHouse has and PostgreSQL has not (clickhouse.com/docs/sql-reference):
// a parameter with its type, FINAL behind a table, PREWHERE, LIMIT n BY. What is sent to
// ClickHouse is no query of PostgreSQL's table of the same name.
var clickHouse = regexp.MustCompile(`\{\s*\w+\s*:\s*(?:U?Int\d+|Float\d+|String|FixedString|Bool|UUID|Date|Date32|DateTime|DateTime64|Decimal\d*|Array|Map|Tuple|Nullable|LowCardinality|Enum\d*|Identifier)\s*[(}]` +
	`|(?i:\b(?:from|join)\s+[\w.]+(?:\s+(?:as\s+)?\w+)?\s+final\b)|(?i:\bprewhere\s)|(?i:\blimit\s+\S+\s+by\s)`)

// enclosing is the name of the function around a node, else of the constant that it is
// the value of, else of the class.
func (e *evaluator) enclosing(n *node) string {
	class := e.gives[n].name
	for p, depth := n, 0; p != nil && depth < maxDepth; p, depth = p.parent, depth+1 {
		if !e.scopes[p.kind] {
			continue
		}
		isFunction := e.lang.isFunction(p)
		if !isFunction && !e.lang.isClass(p) {
			continue
		}
		title := e.lang.title(p)
		if title == "" {
			continue
		}
		if isFunction {
			return title
		}
		if class == "" {
			class = title
		}
	}
	return class
}
