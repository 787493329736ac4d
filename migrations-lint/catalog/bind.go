package catalog

import "slices"

// bind gives the functions that an expression calls the schemas in which they are
// found now: the server remembers the function, not its name.
func (c *Catalog) bind(e *Expr) *Expr {
	if e == nil || len(e.Functions) == 0 {
		return e
	}
	bound := c.bindFunctions(e.Functions)
	if slices.Equal(bound, e.Functions) {
		return e
	}
	n := *e
	n.Functions = bound
	return &n
}

func (c *Catalog) bindFunctions(names []Name) []Name {
	out := slices.Clone(names)
	for i, n := range out {
		for s := range c.schemas(n) {
			if s.Functions[n.Name] != nil {
				out[i].Schema = s.Name
				break
			}
		}
	}
	return out
}

func (c *Catalog) bindElements(list []IndexElement) []IndexElement {
	out := slices.Clone(list)
	for i := range out {
		out[i].Expr = c.bind(out[i].Expr)
	}
	return out
}

// renamedFunction follows a function's new name in the expressions and views that call it.
func (c *Catalog) renamedFunction(from, to Name) {
	renames := func(names []Name) []Name {
		if !slices.Contains(names, from) {
			return names
		}
		out := slices.Clone(names)
		for i := range out {
			if out[i] == from {
				out[i] = to
			}
		}
		return out
	}
	change := func(e *Expr) *Expr {
		if e == nil || !slices.Contains(e.Functions, from) {
			return e
		}
		n := *e
		n.Functions = renames(e.Functions)
		return &n
	}
	for id, r := range c.byID {
		if r.calls(from) {
			r = c.editRelation(id)
			r.mapExprs(change)
			for name, u := range r.policyUses {
				u.functions = renames(u.functions)
				r.policyUses[name] = u
			}
			if r.Query != nil {
				q := *r.Query
				q.Functions = renames(q.Functions)
				r.Query = &q
			}
		}
		for _, i := range c.Indexes(r) {
			if i.calls(from) {
				i = c.editIndex(i)
				i.Predicate = change(i.Predicate)
				mapElements(i.Elements, change)
			}
		}
	}
	for _, s := range c.Schemas {
		for _, u := range s.Types {
			if slices.ContainsFunc(u.Constraints, func(k *Constraint) bool { return k.Expr.calls(from) }) {
				for _, k := range c.editType(u).Constraints {
					k.Expr = change(k.Expr)
				}
			}
		}
	}
}

func (e *Expr) calls(function Name) bool { return e != nil && slices.Contains(e.Functions, function) }

func elementsCall(list []IndexElement, function Name) bool {
	return slices.ContainsFunc(list, func(e IndexElement) bool { return e.Expr.calls(function) })
}

func (i *Index) calls(function Name) bool {
	return i.Predicate.calls(function) || elementsCall(i.Elements, function)
}

func (k *Constraint) calls(function Name) bool {
	return k.Expr.calls(function) || k.Predicate.calls(function) || elementsCall(k.Elements, function)
}

// calls tells whether anything of a relation, but for its indexes, calls a function.
func (r *Relation) calls(function Name) bool {
	if r.Query != nil && slices.Contains(r.Query.Functions, function) {
		return true
	}
	for _, u := range r.policyUses {
		if slices.Contains(u.functions, function) {
			return true
		}
	}
	return slices.ContainsFunc(r.Columns, func(col *Column) bool { return col.Default.calls(function) || col.Generated.calls(function) }) ||
		slices.ContainsFunc(r.Constraints, func(k *Constraint) bool { return k.calls(function) }) ||
		elementsCall(r.PartitionKey, function)
}

// mapExprs changes every expression of a relation that may be changed.
func (r *Relation) mapExprs(change func(*Expr) *Expr) {
	for _, col := range r.Columns {
		col.Default, col.Generated = change(col.Default), change(col.Generated)
	}
	for _, k := range r.Constraints {
		k.Expr, k.Predicate = change(k.Expr), change(k.Predicate)
		k.Elements = slices.Clone(k.Elements)
		mapElements(k.Elements, change)
	}
	r.PartitionKey = slices.Clone(r.PartitionKey)
	mapElements(r.PartitionKey, change)
}

func mapElements(list []IndexElement, change func(*Expr) *Expr) {
	for i := range list {
		list[i].Expr = change(list[i].Expr)
	}
}
