package code

import "slices"

// dieselChain follows the methods that are called on a table, to find out whether the
// query reads all its columns, as it does when nothing is selected.
type dieselChain struct {
	d      *diesel
	f      *dieselFile
	tables []*dieselTable
	writes bool // it is an INSERT, UPDATE or DELETE, which returns rows only when it is asked for them
	done   bool // what follows does not matter
	all    bool // all columns are read
	steps  *int // taken by this chain and all that it was followed into
}

// maxDieselSteps bounds the work for one chain, which callers of callers multiply.
const maxDieselSteps = 5000

// note keeps what a chain was found to read.
func (c *dieselChain) note(all bool) {
	for _, t := range c.tables {
		t.all = t.all || all
		t.loaded = t.loaded || !c.writes
	}
}

var (
	// dieselSelects are methods that say what is read.
	dieselSelects = setOf("select returning count primary_key columns star fields field")
	// dieselLoads are methods that send the query and read its rows.
	dieselLoads = setOf("load first get_result get_results load_iter load_stream internal_load load_async first_async get_result_async get_results_async")
	// dieselJoins are methods whose argument is read as the table that they are called on.
	dieselJoins = setOf("inner_join left_join left_outer_join full_join right_join full_outer_join cross_join")
)

// method takes one more method of the chain.
func (c *dieselChain) method(name string, call *node) {
	switch {
	case dieselSelects[name]:
		c.done, c.all = true, false
	case dieselLoads[name]:
		c.done, c.all = true, true
	case name == "all_columns":
		c.done, c.all = true, true
	case name == "execute":
		c.done, c.all = true, false
	case name == "find" && call != nil:
		for _, t := range c.tables {
			for _, key := range t.keys {
				c.d.use(c.f, call, dieselRef{t.name, key})
			}
		}
	case name == "values" && c.writes && call != nil:
		c.inserted(call)
	}
}

// climb follows a chain from an expression outwards, and returns whether all columns are read.
func (c *dieselChain) climb(n *node, depth int) bool {
	for !c.done {
		p := n.parent
		if c.steps == nil {
			c.steps = new(int)
		}
		if *c.steps++; p == nil || depth > 10 || *c.steps > maxDieselSteps || c.d.s.ctx.Err() != nil {
			return !c.writes
		}
		switch p.kind {
		case "field_expression":
			call := p.parent
			if call != nil && call.kind == "generic_function" {
				call = call.parent
			}
			if n.field != "value" || call == nil || call.kind != "call_expression" || p.field != "function" {
				return false // a field of what was read
			}
			c.method(lastName(p.child("field")), call)
			n = call
		case "parenthesized_expression", "reference_expression", "await_expression", "try_expression", "unary_expression",
			"match_arm", "match_block", "match_expression", "if_expression", "else_clause", "unsafe_block":
			if n.field == "condition" || n.field == "value" && p.kind == "match_expression" {
				return !c.writes
			}
			n = p
		case "block":
			if items := p.items(); len(items) == 0 || items[len(items)-1] != n || p.parent == nil {
				return false
			}
			switch p.parent.kind {
			case "function_item", "closure_expression":
				return c.returned(p.parent, depth)
			case "async_block":
				return !c.writes
			}
			n = p
		case "closure_expression":
			return c.returned(p, depth)
		case "return_expression":
			for p != nil && p.kind != "function_item" && p.kind != "closure_expression" {
				p = p.parent
			}
			return c.returned(p, depth)
		case "arguments":
			if p.parent == nil || p.parent.kind != "call_expression" {
				return !c.writes
			}
			if n = c.argument(p.parent); n == nil {
				return c.all
			}
		case "let_declaration":
			return c.variable(p, depth)
		case "expression_statement":
			if n.end == p.end { // without a semicolon it is the block's value
				n = p
				continue
			}
			return false // its value is dropped
		case "assignment_expression":
			return false // what the variable is for is seen where it is used
		default:
			return !c.writes
		}
	}
	return c.all
}

// argument goes on with the call that the chain is an argument of; nil when c.all says how it ended.
func (c *dieselChain) argument(call *node) *node {
	k := rustCall(call)
	if k == nil {
		c.all = !c.writes
		return nil
	}
	if f := call.child("function"); f != nil && (f.kind == "field_expression" || f.kind == "generic_function" && f.child("function") != nil && f.child("function").kind == "field_expression") {
		switch {
		case dieselJoins[k.name]:
			for r := k.receiver; r != nil; {
				before := rustCall(r)
				if before == nil {
					break
				}
				if dieselSelects[before.name] {
					c.all = false
					return nil
				}
				r = before.receiver
			}
			return call
		case k.name == "into":
			c.writes = true
			return call
		}
		c.all = !c.writes
		return nil
	}
	switch k.name {
	case "insert_into", "insert_or_ignore_into", "replace_into", "update", "delete":
		c.writes = true
	case "exists":
		c.all = true
		return nil
	}
	return call
}

// variable follows what happens to the variable that holds the chain so far.
func (c *dieselChain) variable(let *node, depth int) bool {
	pattern := let.child("pattern")
	if pattern != nil && pattern.kind == "mut_pattern" && len(pattern.items()) > 0 {
		pattern = pattern.items()[len(pattern.items())-1]
	}
	if pattern == nil || pattern.kind != "identifier" || let.parent == nil {
		return !c.writes
	}
	name, over, all := pattern.text(), false, false
	let.parent.walk(func(n *node) bool {
		if over || all || n.end <= let.end {
			return !over && !all && n.end > let.end
		}
		if n.kind == "let_declaration" && n.parent == let.parent && n.child("pattern") != nil && slices.Contains(rustWords(n.child("pattern").text()), name) {
			// It is another variable from here on: its value may still hold this one.
			over = true
			if value := n.child("value"); value != nil {
				value.walk(func(v *node) bool {
					all = all || v.kind == "identifier" && v.text() == name && rustValue(v) && c.fork().climb(v, depth+1)
					return !all
				})
			}
			return false
		}
		if n.kind == "identifier" && n.start >= let.end && n.text() == name && rustValue(n) {
			all = c.fork().climb(n, depth+1)
		}
		return !all
	})
	return all
}

// returned follows what the callers of a function do with the query that it returns.
// Without any in sight it is taken to be read whole.
func (c *dieselChain) returned(function *node, depth int) bool {
	if function == nil {
		return !c.writes
	}
	name := ""
	if function.kind == "function_item" {
		name = fieldTitle(function)
	} else if let := function.parent; let != nil && let.kind == "let_declaration" && let.child("pattern") != nil {
		name = let.child("pattern").text()
	}
	calls := c.d.calls[name]
	if name == "" || len(calls) == 0 || len(calls) > 100 {
		return !c.writes
	}
	return slices.ContainsFunc(calls, func(call dieselCall) bool {
		if call.node.start >= function.start && call.node.end <= function.end && call.file.tree == function.file {
			return false // of itself
		}
		next := c.fork()
		next.f = call.file
		return next.climb(call.node, depth+1)
	})
}

func (c *dieselChain) fork() *dieselChain {
	copied := *c
	return &copied
}

// inserted hands over the INSERT of values(table::a.eq(..)) or of a tuple of them.
func (c *dieselChain) inserted(call *node) {
	args := call.child("arguments").items()
	if len(args) != 1 {
		return
	}
	value := args[0]
	for value.kind == "reference_expression" && value.child("value") != nil {
		value = value.child("value")
	}
	list := []*node{value}
	if value.kind == "tuple_expression" {
		list = value.items()
	}
	for _, t := range c.tables {
		m := model{name: t.name, schema: t.schema, table: t.table}
		m.line, m.column = c.f.tree.place(call.child("arguments").start)
		m.endLine, _ = c.f.tree.place(max(call.start, call.end-1))
		for _, item := range list {
			k := rustCall(item)
			if k == nil || k.name != "eq" || k.receiver == nil {
				return
			}
			ref, ok := c.d.means(c.f, k.receiver, rustPath(k.receiver))
			column, known := t.rust[ref.name]
			if !ok || !known {
				return
			}
			m.columns = append(m.columns, modelColumn{name: column.name, line: lineOf(item)})
		}
		m.insertOnly(c.f.file, c.d.s)
	}
}
