package catalog

import (
	_ "embed"
	"strings"
)

//go:embed function_results.txt
var builtinResultsText string

// resultType is the type that a call of a function has, where it is the same for all its overloads.
func (c *Catalog) resultType(n Name) Type {
	list := c.Functions(n)
	if len(list) == 0 {
		if n.Schema != "" && n.Schema != "pg_catalog" {
			return Type{}
		}
		element, array := strings.CutSuffix(builtinResults[n.Name], "[]")
		t := Type{Name: element}
		if array {
			t.Dims = 1
		}
		return t
	}
	t := list[0].Returns
	for _, f := range list[1:] {
		if !t.Equal(f.Returns) {
			return Type{}
		}
	}
	if t.Schema == "" && pseudoTypes[t.Name] {
		return Type{}
	}
	return t
}

// builtinResults are the result types of built-in functions that have but one.
var builtinResults = func() map[string]string {
	m := map[string]string{}
	for line := range strings.Lines(strings.TrimSpace(builtinResultsText)) {
		t, names, _ := strings.Cut(strings.TrimSpace(line), ":")
		for _, name := range strings.Fields(names) {
			m[name] = t
		}
	}
	return m
}()
