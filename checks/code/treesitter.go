package code

import (
	"context"
	"fmt"
	"sync"
	"time"

	sitter "github.com/smacker/go-tree-sitter"
)

// What a tree may cost: the files are a stranger's.
const (
	parseTime  = 10 * time.Second
	parseNodes = 2_000_000
)

// node is one node of a syntax tree: a copy that lives in Go, so that reading it
// costs no call into C and it is freed like any value.
type node struct {
	kind       string // the grammar's own name; "(" and the like for what is anonymous
	field      string // of its parent that it fills, "" = none
	named      bool
	start, end int // bytes
	parent     *node
	children   []*node
	file       *syntax
}

// syntax is a file's syntax tree.
type syntax struct {
	path  string
	text  []byte
	root  *node
	lines []int // where each line begins
}

// grammar is a tree-sitter grammar with the names of its symbols, which are looked up once.
type grammar struct {
	load  func() *sitter.Language
	once  sync.Once
	lang  *sitter.Language
	kind  []string
	field []string // by id; 0 is none
}

func (g *grammar) ready() {
	g.once.Do(func() {
		g.lang = g.load()
		g.kind = make([]string, g.lang.SymbolCount())
		for i := range g.kind {
			g.kind[i] = g.lang.SymbolName(sitter.Symbol(i))
		}
		g.field = []string{""}
		for name := g.lang.FieldName(1); name != ""; name = g.lang.FieldName(len(g.field)) {
			g.field = append(g.field, name)
		}
	})
}

// kindOf is the name of a symbol.
func (g *grammar) kindOf(symbol int) string {
	if symbol < len(g.kind) {
		return g.kind[symbol]
	}
	return "ERROR"
}

// parse returns the syntax tree of a file. Text that is not of the language still
// gives a tree, with ERROR nodes in it. An error is a limit that was met.
func (g *grammar) parse(ctx context.Context, path string, text []byte) (*syntax, error) {
	g.ready()
	p := sitter.NewParser()
	defer p.Close()
	p.SetLanguage(g.lang)
	p.SetOperationLimit(int(parseTime / time.Microsecond))
	tree, err := p.ParseCtx(ctx, nil, text)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("its syntax tree was not ready after %s", parseTime)
	}
	defer tree.Close()
	s := &syntax{path: path, text: text, lines: []int{0}}
	for i, c := range text {
		if c == '\n' {
			s.lines = append(s.lines, i+1)
		}
	}
	if s.root = s.copyTree(g, tree); s.root == nil {
		return nil, fmt.Errorf("its syntax tree has more than %d nodes", parseNodes)
	}
	return s, nil
}

// place returns the line and the column of a byte, both from 1.
func (s *syntax) place(at int) (line, column int) {
	lo, hi := 0, len(s.lines)
	for lo+1 < hi {
		if mid := (lo + hi) / 2; s.lines[mid] <= at {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo + 1, at - s.lines[lo] + 1
}

func (n *node) text() string {
	return string(n.file.text[n.start:n.end])
}

// child returns the child that fills a field of the node, nil when none does.
func (n *node) child(field string) *node {
	if n == nil {
		return nil
	}
	for _, c := range n.children {
		if c.field == field {
			return c
		}
	}
	return nil
}

// first returns the first child of one of the kinds, nil when there is none.
func (n *node) first(kinds ...string) *node {
	if n == nil {
		return nil
	}
	for _, c := range n.children {
		for _, k := range kinds {
			if c.kind == k {
				return c
			}
		}
	}
	return nil
}

// all returns the children of one of the kinds.
func (n *node) all(kinds ...string) []*node {
	var found []*node
	if n == nil {
		return nil
	}
	for _, c := range n.children {
		for _, k := range kinds {
			if c.kind == k {
				found = append(found, c)
			}
		}
	}
	return found
}

// items returns the named children without comments.
func (n *node) items() []*node {
	if n == nil {
		return nil
	}
	var found []*node
	for _, c := range n.children {
		if c.named && !isComment(c.kind) {
			found = append(found, c)
		}
	}
	return found
}

// walk visits a node and what is in it, in the file's order; visit returns whether to go inside.
func (n *node) walk(visit func(*node) bool) {
	if n == nil {
		return
	}
	stack := []*node{n}
	for len(stack) > 0 {
		c := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if !visit(c) {
			continue
		}
		for i := len(c.children) - 1; i >= 0; i-- {
			stack = append(stack, c.children[i])
		}
	}
}

func isComment(kind string) bool {
	switch kind {
	case "comment", "line_comment", "block_comment", "multiline_comment", "doc_comment":
		return true
	}
	return false
}
