package code

import (
	"bytes"
	"strings"
)

// tableClasses reads tables that JavaScript and TypeScript programs declare: TypeORM's
// entities (typeorm.io/docs/entity/entities), MikroORM's, Drizzle's pgTable (orm.drizzle.team/docs/sql-schema-declaration).
type tableClasses struct{}

func (tableClasses) name() string { return "typeorm" }

func (tableClasses) reads(name string) bool { return ecmascriptGrammar(name) != nil }

func (tableClasses) may(content []byte) bool {
	return bytes.Contains(content, []byte("@Entity")) || bytes.Contains(content, []byte("pgTable")) || bytes.Contains(content, []byte(".table("))
}

func (tableClasses) group(name string) string { return name }

func (tableClasses) extract(files []*file, s *sink) {
	for _, f := range files {
		l := ecmascriptGrammar(f.path)
		tree, err := l.grammar.parse(s.ctx, f.path, f.content)
		if err != nil {
			s.unread(f.path, err.Error())
			continue
		}
		schemas := map[string]string{} // variable -> name of a pgSchema
		tree.root.walk(func(n *node) bool {
			switch n.kind {
			case "class_declaration":
				typeormEntity(n).hand(f, s)
			case "variable_declarator":
				if c := ecmascriptCall(nodeOrEmpty(n.child("value"))); c != nil && c.name == "pgSchema" && len(c.args) > 0 {
					schemas[fieldTitle(n)] = ecmascriptText(c.args[0])
				}
			case "call_expression":
				drizzleTable(n, schemas).hand(f, s)
			}
			return true
		})
	}
}

// ecmascriptText is the text of a string without holes, "" for anything else.
func ecmascriptText(n *node) string {
	if n == nil || n.kind != "string" && n.kind != "template_string" || n.first("template_substitution") != nil {
		return ""
	}
	return bareName(n)
}

// decorators are the decorators of a class or field, by name.
func decorators(n *node) map[string]*call {
	found := map[string]*call{}
	add := func(d *node) {
		if items := d.items(); len(items) == 1 {
			if c := ecmascriptCall(items[0]); c != nil {
				found[c.name] = c
			} else {
				found[lastName(items[0])] = &call{}
			}
		}
	}
	for _, d := range n.all("decorator") {
		add(d)
	}
	if n.parent != nil && n.parent.kind == "export_statement" {
		for _, d := range n.parent.all("decorator") {
			add(d)
		}
	}
	return found
}

// typeormEntity reads a class with @Entity; its table is empty for another.
func typeormEntity(n *node) model {
	entity := decorators(n)["Entity"]
	if entity == nil {
		return model{}
	}
	mikro := bytes.Contains(n.file.text, []byte("@mikro-orm/")) // the same decorator, other options, snake_case columns
	m := model{name: fieldTitle(n), table: snake(fieldTitle(n))}
	m.line, m.column = n.file.place(n.start)
	m.endLine, _ = n.file.place(max(n.start, n.end-1))
	for _, arg := range entity.args {
		if name := ecmascriptText(arg); name != "" {
			m.table = name
		}
		if arg.kind == "object" {
			options := pairs(arg)
			for _, option := range []string{"name", "tableName"} {
				if name := ecmascriptText(options[option]); name != "" {
					m.table = name
				}
			}
			m.schema = ecmascriptText(options["schema"])
		}
	}
	if strings.Contains(n.text()[:min(len(n.text()), 300)], " extends ") {
		m.partial = "its base class may bring columns that are not known"
	}
	for _, field := range n.child("body").all("public_field_definition") {
		found := decorators(field)
		name := fieldTitle(field)
		column := modelColumn{name: name, line: lineOf(field)}
		if mikro {
			if column, ok := mikroColumn(column, found); ok {
				m.columns = append(m.columns, column)
			}
			continue
		}
		mapped := false
		for kind, c := range found {
			switch kind {
			case "Column", "PrimaryColumn", "CreateDateColumn", "UpdateDateColumn", "DeleteDateColumn", "VersionColumn", "PrimaryGeneratedColumn", "ObjectIdColumn", "Generated":
				mapped = mapped || kind != "Generated"
				for _, arg := range c.args {
					if arg.kind == "object" {
						if own := ecmascriptText(pairs(arg)["name"]); own != "" {
							column.name = own
						}
					}
				}
				column.omitted = column.omitted || kind == "PrimaryGeneratedColumn" || kind == "Generated"
			case "JoinColumn":
				mapped = true
				column.name = name + "Id"
				for _, arg := range c.args {
					if own := ecmascriptText(pairs(arg)["name"]); own != "" {
						column.name = own
					}
				}
			case "ManyToOne":
				if found["JoinColumn"] == nil {
					mapped, column.name = true, name+"Id"
				}
			}
		}
		if mapped {
			m.columns = append(m.columns, column)
		}
	}
	return m
}

// mikroColumn is the column of a field of MikroORM (mikro-orm.io/docs/decorators), ok
// is false where it has none.
func mikroColumn(column modelColumn, found map[string]*call) (_ modelColumn, ok bool) {
	column.name = snake(column.name)
	for _, kind := range sortedKeys(found) {
		var options map[string]*node
		for _, arg := range found[kind].args {
			if arg.kind == "object" {
				options = pairs(arg)
			}
		}
		switch kind {
		case "PrimaryKey", "SerializedPrimaryKey", "Property", "Enum":
			if p := options["persist"]; p != nil && p.text() == "false" || options["formula"] != nil {
				return column, false
			}
			ok, column.omitted = true, column.omitted || kind == "PrimaryKey"
		case "ManyToOne", "OneToOne":
			if options["mappedBy"] != nil {
				return column, false
			}
			column.name += "_id"
			ok = true
		}
		for _, option := range []string{"fieldName", "joinColumn"} {
			if name := ecmascriptText(options[option]); name != "" {
				column.name = name
			}
		}
	}
	return column, ok
}

// drizzleTable reads pgTable("name", { key: type("column") }); its table is empty for another call.
func drizzleTable(n *node, schemas map[string]string) model {
	c := ecmascriptCall(n)
	if c == nil || len(c.args) < 2 {
		return model{}
	}
	m := model{table: ecmascriptText(c.args[0])}
	if c.name == "table" && c.receiver != nil {
		if m.schema = schemas[lastName(c.receiver)]; m.schema == "" {
			return model{}
		}
	} else if c.name != "pgTable" {
		return model{}
	}
	m.name = m.table
	m.line, m.column = n.file.place(n.start)
	m.endLine, _ = n.file.place(max(n.start, n.end-1))
	columns := c.args[1]
	if columns.kind == "arrow_function" { // (t) => ({ ... })
		columns.walk(func(c *node) bool {
			if c.kind == "object" {
				columns = c
				return false
			}
			return columns.kind != "object"
		})
	}
	if columns.kind != "object" {
		return model{}
	}
	for _, item := range columns.items() {
		key := item.child("key")
		if item.kind != "pair" || key == nil {
			m.partial = "some columns of the table are made at run time"
			continue
		}
		column := modelColumn{name: bareName(key), line: lineOf(item)}
		for at := ecmascriptCall(nodeOrEmpty(item.child("value"))); at != nil; at = ecmascriptCall(nodeOrEmpty(at.receiver)) {
			switch at.name {
			case "generatedAlwaysAs", "generatedAlwaysAsIdentity":
				column.omitted = true
			case "serial", "bigserial", "smallserial":
				column.omitted = true
			}
			inner := ecmascriptCall(nodeOrEmpty(at.receiver))
			if inner == nil && len(at.args) > 0 {
				if name := ecmascriptText(at.args[0]); name != "" {
					column.name = name
				}
			}
		}
		m.columns = append(m.columns, column)
	}
	return m
}
