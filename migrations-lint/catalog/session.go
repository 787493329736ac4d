package catalog

import (
	"maps"
	"slices"
	"strings"
)

// savedValue is the value of a session variable that SET LOCAL has hidden.
type savedValue struct {
	path  []string // of search_path
	value string
	set   bool
}

const searchPath = "search_path"

func (c *Catalog) setVariable(o SetVariable) error {
	name := o.On.Name
	if o.Reset && name == "all" {
		for v := range c.Variables {
			unset(c, c.Variables, v)
		}
		c.SearchPath = []string{"public"}
		return nil
	}
	if o.Local {
		if _, saved := c.local[name]; !saved {
			value, has := c.Variables[name]
			if c.local == nil {
				c.local = map[string]savedValue{}
			}
			set(c, c.local, name, savedValue{path: c.SearchPath, value: value, set: has})
		}
	}
	switch {
	case name == searchPath && o.Reset:
		c.SearchPath = []string{"public"}
	case name == searchPath:
		c.SearchPath = c.parsePath(o.Values)
	case o.Reset:
		unset(c, c.Variables, name)
	default:
		set(c, c.Variables, name, strings.Join(o.Values, ", "))
	}
	return nil
}

// parsePath is a search path as the catalog keeps it. A value may be a list: set_config('search_path', 'a, b', ...).
func (c *Catalog) parsePath(values []string) []string {
	var path []string
	for _, v := range values {
		parts := []string{v}
		if c.Schemas[v] == nil {
			parts = strings.Split(v, ",")
		}
		for _, p := range parts {
			p = strings.TrimSpace(p)
			if strings.HasPrefix(p, `"`) {
				p, _ = quotedIdent(p, 0)
			} else if len(parts) > 1 {
				p = strings.ToLower(p)
			}
			if p != "" && p != "$user" && p != "pg_catalog" {
				path = append(path, p)
			}
		}
	}
	return path
}

// EndTransaction ends what lasts as long as a transaction: SET LOCAL, and temporary
// tables that are ON COMMIT DROP. (What a rollback takes back, the caller takes back
// by going on with a [Catalog.Clone] from before the transaction.)
func (c *Catalog) EndTransaction() {
	for name, saved := range c.local {
		switch {
		case name == searchPath:
			c.SearchPath = saved.path
		case saved.set:
			c.Variables[name] = saved.value
		default:
			delete(c.Variables, name)
		}
	}
	c.local = nil
	if s := c.Schemas[tempSchema]; s != nil {
		for _, r := range slices.Collect(maps.Values(s.Relations)) {
			if r.onCommitDrop && c.byID[r.ID] != nil {
				c.epoch++
				_ = c.drop([]address{relationAddress(r)}, true, nil) // with CASCADE nothing stands in the way
			}
		}
	}
	c.undo = c.undo[:0]
}

// EndSession ends what lasts as long as a session: its variables, its search path
// and its temporary objects. A migration runner that connects anew for each file
// starts the next one so.
func (c *Catalog) EndSession() {
	c.EndTransaction()
	if s := c.Schemas[tempSchema]; s != nil {
		c.epoch++
		_ = c.drop([]address{{kind: schemaObject, name: tempSchema}}, true, nil)
	}
	clear(c.Variables)
	c.SearchPath = []string{"public"}
	c.undo = c.undo[:0]
}
