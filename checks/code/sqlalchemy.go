package code

import (
	"bytes"
	"path"
	"slices"
	"strings"
)

// alchemyModels reads SQLAlchemy's declarative classes and Table objects:
// docs.sqlalchemy.org/en/20/orm/declarative_tables.html.
type alchemyModels struct{}

func (alchemyModels) name() string { return "sqlalchemy" }

func (alchemyModels) reads(name string) bool { return path.Ext(name) == ".py" }

func (alchemyModels) may(content []byte) bool {
	return bytes.Contains(content, []byte("__tablename__")) || bytes.Contains(content, []byte("Column(")) || bytes.Contains(content, []byte("mapped_column"))
}

func (alchemyModels) group(string) string { return "" }

func (alchemyModels) extract(files []*file, s *sink) {
	a := &alchemy{classes: newPythonClasses(s, files)}
	for _, f := range files {
		p := a.classes.files[f.path]
		if p == nil {
			continue
		}
		for _, name := range sortedKeys(p.classes) {
			a.model(p.classes[name]).hand(f, s)
		}
		p.tree.root.walk(func(n *node) bool {
			alchemyTable(n).hand(f, s)
			return true
		})
	}
}

type alchemy struct{ classes *pythonClasses }

// model reads a declarative class; its table is empty where it has none.
func (a *alchemy) model(c *pythonClass) model {
	m := model{name: c.name}
	m.line, m.column = c.file.tree.place(c.at.start)
	m.endLine, _ = c.file.tree.place(max(c.at.start, c.at.end-1))
	a.collect(c, c, &m, 0)
	return m
}

func (a *alchemy) collect(c, of *pythonClass, m *model, depth int) {
	own := false
	for _, f := range c.assignments() {
		switch f.name {
		case "__tablename__":
			if c == of || m.table == "" {
				if m.table = pythonText(f.value); m.table != "" && c != of {
					m.readOnly = true // a class of a single table: its table has columns of others too
				}
			}
			own = c == of
			continue
		case "__table_args__":
			m.schema = alchemySchema(f.value)
			continue
		}
		if column, ok := alchemyColumn(f); ok && !slices.ContainsFunc(m.columns, func(o modelColumn) bool { return o.name == column.name }) {
			if c != of {
				column.line = m.line
			}
			m.columns = append(m.columns, column)
		}
	}
	if depth > 10 {
		return
	}
	for _, base := range c.bases {
		b := a.classes.find(c.file, base, 0)
		switch {
		case b != nil && b != c && b != of:
			if own && a.hasTable(b) { // joined inheritance: the parent's columns are in its own table
				continue
			}
			a.collect(b, of, m, depth+1)
		case b == nil && !alchemyBases[base[strings.LastIndexByte(base, '.')+1:]] && m.partial == "":
			m.partial = "the class " + base + " may bring columns that are not known"
		}
	}
}

// alchemyBases are classes that bring no column.
var alchemyBases = setOf("Base Model DeclarativeBase DeclarativeBaseNoMeta MappedAsDataclass ModelBase object ABC Generic Enum StrEnum AsyncAttrs")

func (a *alchemy) hasTable(c *pythonClass) bool {
	return slices.ContainsFunc(c.assignments(), func(f pythonField) bool { return f.name == "__tablename__" })
}

// alchemySchema is the schema in __table_args__.
func alchemySchema(n *node) string {
	schema := ""
	n.walk(func(c *node) bool {
		if c.kind == "dictionary" {
			schema = pythonText(pairs(c)["schema"])
		}
		return schema == ""
	})
	return schema
}

// alchemyColumn reads a field of a class, ok is false where it is no column.
func alchemyColumn(f pythonField) (column modelColumn, ok bool) {
	column = modelColumn{name: f.name, line: f.line}
	if strings.HasPrefix(f.name, "__") {
		return column, false
	}
	call := pythonCall(nodeOrEmpty(f.value))
	for call != nil && (call.name == "deferred" || call.name == "column_property" || call.name == "declared_attr") && len(call.args) > 0 {
		call = pythonCall(call.args[0])
	}
	if call == nil {
		// name: Mapped[str] alone is a column too.
		mapped := strings.HasPrefix(f.annotation, "Mapped[") || strings.Contains(f.annotation, ".Mapped[")
		return column, mapped && f.value == nil && !strings.Contains(f.annotation, "list[") && !strings.Contains(f.annotation, "List[")
	}
	if call.name != "Column" && call.name != "mapped_column" && call.name != "MappedColumn" {
		return column, false
	}
	if len(call.args) > 0 {
		if name := pythonText(call.args[0]); name != "" {
			column.name = name
		}
	}
	if name := pythonText(call.named["name"]); name != "" {
		column.name = name
	}
	column.omitted = alchemyGenerated(call)
	return column, true
}

func nodeOrEmpty(n *node) *node {
	if n == nil {
		return &node{}
	}
	return n
}

// alchemyGenerated tells that an INSERT leaves a column to the database when nothing is given.
func alchemyGenerated(c *call) bool {
	for _, arg := range c.args {
		if inner := pythonCall(arg); inner != nil && (inner.name == "Computed" || inner.name == "Identity" || inner.name == "FetchedValue" || inner.name == "Sequence") {
			return true
		}
	}
	if c.named["server_default"] != nil || c.named["server_onupdate"] != nil {
		return true
	}
	if !isTrue(c.named["primary_key"]) || c.named["default"] != nil || c.named["default_factory"] != nil {
		return false
	}
	// A key of a whole-number type without a default is a serial.
	return !slices.ContainsFunc(c.args, func(n *node) bool { return strings.Contains(n.text(), "ForeignKey") })
}

// alchemyTable reads Table("name", metadata, Column("a", ...), ...).
func alchemyTable(n *node) model {
	c := pythonCall(n)
	if c == nil || c.name != "Table" || len(c.args) < 2 {
		return model{}
	}
	m := model{name: pythonText(c.args[0]), table: pythonText(c.args[0]), schema: pythonText(c.named["schema"])}
	m.line, m.column = n.file.place(n.start)
	m.endLine, _ = n.file.place(max(n.start, n.end-1))
	for _, arg := range c.args[1:] {
		column := pythonCall(arg)
		switch {
		case arg.kind == "list_splat":
			m.partial = "some columns of the table are made at run time"
		case column != nil && column.name == "Column" && len(column.args) > 0:
			if name := pythonText(column.args[0]); name != "" {
				m.columns = append(m.columns, modelColumn{name: name, line: lineOf(arg), omitted: alchemyGenerated(column)})
			}
		}
	}
	return m
}
