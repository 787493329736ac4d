package code

import (
	"bytes"
	"path"
	"strings"
)

// jpaEntities reads JPA's entities: jakarta.ee/specifications/persistence/3.1. A name that
// is not written out depends on the naming strategy; Spring's makes snake_case of it.
type jpaEntities struct{}

func (jpaEntities) name() string { return "jpa" }

func (jpaEntities) reads(name string) bool { return path.Ext(name) == ".java" }

func (jpaEntities) may(content []byte) bool { return bytes.Contains(content, []byte("@Entity")) }

func (jpaEntities) group(name string) string { return name }

func (jpaEntities) extract(files []*file, s *sink) {
	for _, f := range files {
		tree, err := javaGrammar.parse(s.ctx, f.path, f.content)
		if err != nil {
			s.unread(f.path, err.Error())
			continue
		}
		tree.root.walk(func(n *node) bool {
			if n.kind == "class_declaration" {
				jpaEntity(n).hand(f, s)
			}
			return true
		})
	}
}

// annotations are those of a class or field: by name, with their arguments.
func annotations(n *node) map[string]map[string]string {
	found := map[string]map[string]string{}
	for _, a := range n.first("modifiers").all("annotation", "marker_annotation") {
		arguments := map[string]string{}
		for _, pair := range a.child("arguments").all("element_value_pair") {
			if key, value := pair.child("key"), pair.child("value"); key != nil && value != nil {
				arguments[key.text()] = bareName(value)
			}
		}
		found[lastName(a.child("name"))] = arguments
	}
	return found
}

func jpaEntity(n *node) model {
	found := annotations(n)
	if found["Entity"] == nil {
		return model{}
	}
	m := model{name: fieldTitle(n), table: snake(fieldTitle(n)), readOnly: true} // what is inserted depends on the fields' settings
	m.line, m.column = n.file.place(n.start)
	m.endLine, _ = n.file.place(max(n.start, n.end-1))
	if t := found["Table"]; t["name"] != "" {
		m.table, m.schema = strings.Trim(t["name"], `\"`), t["schema"]
	} else {
		m.partial = "the table's name depends on the naming strategy"
	}
	for _, field := range n.child("body").all("field_declaration") {
		at := annotations(field)
		static := field.first("modifiers") != nil && strings.Contains(field.first("modifiers").text(), "static")
		if at["Transient"] != nil || at["OneToMany"] != nil || at["ManyToMany"] != nil || at["ElementCollection"] != nil || at["Embedded"] != nil || at["EmbeddedId"] != nil || at["Formula"] != nil || static {
			continue
		}
		for _, d := range field.all("variable_declarator") {
			name := fieldTitle(d)
			column := modelColumn{name: at["Column"]["name"], line: lineOf(field)}
			if join, ok := at["JoinColumn"]; ok || at["ManyToOne"] != nil || at["OneToOne"] != nil {
				if at["OneToOne"]["mappedBy"] != "" {
					continue
				}
				column.name = join["name"]
				name += "Id"
			}
			if column.name = strings.Trim(column.name, `\"`); column.name == "" {
				if m.partial == "" && snake(name) != name {
					m.partial = "the names of some columns depend on the naming strategy"
				}
				column.name = snake(name)
			}
			m.columns = append(m.columns, column)
		}
	}
	return m
}
