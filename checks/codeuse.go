package checks

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/pmcheck/pmcheck/checks/code"
	"github.com/pmcheck/pmcheck/checks/compat"
	"github.com/pmcheck/pmcheck/checks/facts"
	lint "github.com/pmcheck/pmcheck/migrations-lint"
	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
	"github.com/pmcheck/pmcheck/migrations-lint/resolve"
)

// named notes which of the objects that the change adds code at head names.
func (m *matrix) named() {
	seen := map[string]bool{}
	for _, mention := range m.head.Mentions {
		seen[spelled(mention.Name)], seen[spelled(mention.Of)] = true, true
	}
	all := len(m.head.Mentions) >= code.MaxMentions // what follows is not known
	for i := range m.document.Databases {
		for j := range m.document.Databases[i].Delta {
			d := &m.document.Databases[i].Delta[j]
			if d.Kind != "added" {
				continue
			}
			d.Named = all || seen[spelled(d.Name)] || slices.ContainsFunc(m.head.Queries, func(q code.Query) bool { return hasWord(q.SQL, bare(d.Name)) })
		}
	}
	for _, d := range m.databases {
		if d.result != nil {
			namedBySchema(deltasOf(m.document, d), d.result)
		}
	}
}

// namedBySchema notes what the views of the new schema, and the functions that the
// change makes, name.
func namedBySchema(deltas []facts.Delta, result *lint.Result) {
	var texts []string
	for _, r := range result.Head.Relations() {
		if r.Query != nil {
			texts = append(texts, r.Query.SQL)
		}
	}
	for _, m := range result.Migrations {
		for _, s := range m.Statements {
			if _, ok := s.Op.(catalog.CreateFunction); ok {
				texts = append(texts, s.SQL)
			}
		}
	}
	for i, d := range deltas {
		if d.Kind == "added" && !d.Named {
			deltas[i].Named = slices.ContainsFunc(texts, func(text string) bool { return hasWord(text, bare(d.Name)) })
		}
	}
}

// spelled is a name without what tells user_id from userId and UserID.
func spelled(name string) string {
	return strings.ToLower(strings.ReplaceAll(bare(name), "_", ""))
}

// names are the relations, types and functions that a query must name for the
// schemas' difference to matter to it, and the other names that differ.
func (m *matrix) names() (reaching, others []string) {
	found, parts := map[string]bool{}, map[string]bool{}
	for _, d := range m.databases {
		if d.result == nil {
			continue
		}
		for _, c := range d.result.Delta {
			if c.Relation != "" {
				found[c.Relation] = true
			}
			if c.Object == "column" || c.Object == "view_column" || c.Object == "enum_value" {
				parts[c.Name] = true
				if c.Kind == "renamed" {
					parts[c.From] = true
				}
			}
			for _, side := range []*catalog.Catalog{d.result.Base, d.result.Head} {
				addNames(found, side, c.Change)
			}
		}
	}
	delete(found, "")
	return slices.Sorted(maps.Keys(found)), slices.Sorted(maps.Keys(parts))
}

// addNames adds by what names a query reaches what a difference is about, on one side.
func addNames(names map[string]bool, c *catalog.Catalog, change catalog.Change) {
	switch change.Object {
	case "table", "view", "materialized_view", "function", "sequence":
		names[bare(change.Name)] = true
		if change.Kind == "renamed" {
			names[bare(change.From)] = true
		}
	case "enum", "enum_value", "type", "domain":
		name := change.Name
		if change.Object == "enum_value" {
			name = change.Relation
		}
		names[bare(name)] = true
		if t, ok := c.ResolveType(catalog.Type{Schema: change.Schema, Name: name}); ok {
			for _, use := range c.TypeUsers(t) {
				names[use.Relation.Name] = true
			}
		}
	}
	if change.Relation == "" {
		return
	}
	if r := c.Relation(catalog.Name{Schema: change.Schema, Name: change.Relation}); r != nil {
		for _, v := range c.ViewsOn(r, "") {
			names[v.Name] = true
		}
		for _, child := range c.Descendants(r) {
			names[child.Name] = true
		}
		for _, parent := range c.Parents(r) {
			names[parent.Name] = true
		}
	}
}

// bare is a name without schema, and a function's without its parameters.
func bare(name string) string {
	name, _, _ = strings.Cut(name, "(")
	return name[strings.LastIndex(name, ".")+1:]
}

// uses notes which of the differing objects a query uses, or names where it is not understood.
func (m *matrix) uses(side string, q code.Query, v compat.Verdict, deltas []facts.Delta) {
	for _, d := range deltas {
		name := named(d, side)
		if name == "" && side == "base" && (d.Object == "constraint" || d.Object == "index") {
			name = d.Name // what is new for its table concerns those that write to it
		}
		if name == "" {
			continue
		}
		how := ""
		switch {
		case d.Kind == "added" && side == "base":
			if !writes(q.SQL, bare(d.Relation)) || !slices.ContainsFunc(v.Uses, func(o resolve.Object) bool { return o.Kind == "table" && o.Name == bare(d.Relation) }) {
				continue
			}
			how = "query"
		case slices.ContainsFunc(v.Uses, func(o resolve.Object) bool { return isUse(d, name, o) }):
			how = "query"
		case (len(v.Unclear) > 0 || q.Partial != "") && hasWord(q.SQL, name) && (d.Relation == "" || hasWord(q.SQL, bare(d.Relation)) || strings.Contains(q.SQL, resolve.Hole)):
			how = "unclear"
		default:
			continue
		}
		m.document.Uses = append(m.document.Uses, facts.Use{
			Side: side, Object: d.Object, Relation: d.Relation, Name: name, How: how, Query: q.Name,
			Writes: writes(q.SQL, bare(d.Relation)), Place: queryFacts(side, q).Place, Text: oneLine(q.SQL, 200),
		})
	}
}

func isUse(d facts.Delta, name string, o resolve.Object) bool {
	if d.Relation == "" {
		return o.Relation == "" && o.Name == name
	}
	return o.Name == name && o.Relation == bare(d.Relation)
}

// writes tells that a query inserts rows into a table, or updates them.
func writes(sql, relation string) bool {
	words := strings.FieldsFunc(strings.ToLower(sql), func(r rune) bool { return r < 0x80 && !wordByte(byte(r)) })
	for i, word := range words {
		if word != strings.ToLower(relation) {
			continue
		}
		for _, before := range words[max(0, i-3):i] { // INSERT INTO schema.t, UPDATE ONLY schema.t
			if before == "into" || before == "update" {
				return true
			}
		}
	}
	return false
}

// named is a differing object's name on one side, "" when it is not there.
func named(d facts.Delta, side string) string {
	switch {
	case d.Kind == "added" && side == "base" || d.Kind == "removed" && side == "head" && d.Relation == "":
		return ""
	case d.Kind == "renamed" && side == "base":
		return bare(d.From)
	}
	return bare(d.Name)
}

// mentions notes where code names a differing object outside of every query that is
// understood, and nothing shows that it is not that object: no query on its table is
// understood, or one reads whatever columns there are.
func (m *matrix) mentions(side string, found *code.Found, verdicts []compat.Verdict, base *catalog.Catalog, deltas []facts.Delta) {
	if len(found.Mentions) == 0 {
		return
	}
	known := understood(found.Queries, verdicts)
	for _, d := range deltas {
		name := named(d, side)
		if name == "" || known[bare(cmp.Or(d.Relation, name))] || !isTelling(name, d, base) {
			continue
		}
		for _, mention := range found.Mentions {
			if spelled(mention.Name) != spelled(name) || d.Relation == "" && !inQuotes(mention.Text, name) {
				continue
			}
			m.document.Uses = append(m.document.Uses, facts.Use{
				Side: side, Object: d.Object, Relation: d.Relation, Name: name, How: "mention", Query: mention.Name,
				Place: facts.Place{Path: mention.Path, Line: mention.Line, Side: side}, Text: mention.Text,
			})
		}
	}
}

// understood are the relations whose queries are understood, and name their columns.
func understood(queries []code.Query, verdicts []compat.Verdict) map[string]bool {
	known, open := map[string]bool{}, map[string]bool{}
	for i, v := range verdicts {
		for _, o := range v.Uses {
			if o.Kind != "table" {
				continue
			}
			if v.Works() && len(v.Unclear) == 0 && queries[i].Partial == "" && !readsAll(queries[i].SQL, o.Name) {
				known[o.Name] = true
			} else {
				open[o.Name] = true
			}
		}
	}
	for name := range open {
		delete(known, name)
	}
	return known
}

// readsAll tells that a query may read every column of a relation, whatever they are
// called: SELECT * FROM users, u.*.
func readsAll(sql, relation string) bool {
	words := strings.Fields(strings.ToLower(sql))
	for i, word := range words {
		switch {
		case strings.HasSuffix(strings.TrimRight(word, ",)"), ".*"):
			return true
		case strings.TrimRight(word, ",)") != "*" && word != "(*":
		case i+2 < len(words) && words[i+1] == "from" && hasWord(words[i+2], relation), i+1 < len(words) && words[i+1] != "from":
			return true // what follows another column may be any relation of FROM
		}
	}
	return false
}

// isTelling tells that a name in code can only be this object: it is of two words,
// and nothing else in the schema has it.
func isTelling(name string, d facts.Delta, base *catalog.Catalog) bool {
	if !strings.Contains(strings.Trim(name, "_"), "_") {
		return false
	}
	homes := 0
	for _, r := range base.Relations() {
		if r.Name == name && d.Relation != "" || r.Column(name) != nil {
			homes++
		}
	}
	return homes <= 1 && (d.Relation != "" || homes == 0)
}

// inQuotes tells that a line has a name as a text of its own: "audit_log", :audit_log.
func inQuotes(line, name string) bool {
	for _, quoted := range []string{`"` + name + `"`, "'" + name + "'", "`" + name + "`", ":" + name} {
		if strings.Contains(line, quoted) {
			return true
		}
	}
	return false
}
