package code

import (
	"bytes"
	"path"
	"slices"
	"strings"
)

// seaNames reads the enums that stand for the names of a table in SeaQuery:
// docs.rs/sea-query/latest/sea_query/trait.Iden.html. Their variants are its columns.
type seaNames struct{}

func (seaNames) name() string { return "sea-query" }

func (seaNames) reads(name string) bool { return path.Ext(name) == ".rs" }

func (seaNames) may(content []byte) bool { return bytes.Contains(content, []byte("Iden")) }

func (seaNames) group(name string) string { return name }

func (seaNames) extract(files []*file, s *sink) {
	for _, f := range files {
		tree, err := rustGrammar.parse(s.ctx, f.path, f.content)
		if err != nil {
			s.unread(f.path, err.Error())
			continue
		}
		tree.root.walk(func(n *node) bool {
			if n.kind == "enum_item" {
				seaEnum(n).hand(f, s)
			}
			return true
		})
	}
}

// seaEnum reads #[derive(Iden)] enum Users { Table, Id, Name }; its table is empty for another enum.
func seaEnum(n *node) model {
	attributes := rustAttributes(n)
	if !slices.ContainsFunc(attributes, func(a *node) bool { return strings.Contains(a.text(), "derive") && strings.Contains(a.text(), "Iden") }) {
		return model{}
	}
	m := model{name: fieldTitle(n), readOnly: true}
	m.line, m.column = n.file.place(n.start)
	m.endLine, _ = n.file.place(max(n.start, n.end-1))
	given := ""
	for _, a := range attributes {
		if name := rustSetting(a, "iden"); name != "" {
			given = name
		}
	}
	table := ""
	for _, variant := range n.child("body").all("enum_variant") {
		name, own := fieldTitle(variant), ""
		for _, a := range rustAttributes(variant) {
			if set := rustSetting(a, "iden"); set != "" {
				own = set
			}
		}
		if name == "Table" {
			if table = own; table == "" {
				if table = given; table == "" {
					table = snake(m.name)
				}
			}
			continue
		}
		if own == "" {
			own = snake(name)
		}
		m.columns = append(m.columns, modelColumn{name: own, line: lineOf(variant)})
	}
	m.table = table
	return m
}
