package code

import (
	"go/ast"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// goStruct is a struct type of a package.
type goStruct struct {
	name string
	file *goFile
	spec *ast.TypeSpec
	body *ast.StructType
}

// mapper is how an ORM maps a struct.
type mapper struct {
	orm  string
	used string // a part of the import path
	read func(p *goPackage, s *goStruct) (model, bool)
}

// mappers are GORM (gorm.io/docs/models.html), bun (bun.uptrace.dev/guide/models.html),
// and pop (gobuffalo.io/documentation/database/models). Structs that are only scanned
// into, as with sqlx, imply nothing: the query says all.
var mappers = []mapper{
	{"gorm", "gorm.io/gorm", gormModel},
	{"gorm", "jinzhu/gorm", gormModel},
	{"bun", "uptrace/bun", bunModel},
	{"pop", "gobuffalo/pop", popModel},
}

// models hands over what ORMs send for the structs of the package.
func (p *goPackage) models() {
	done := map[string]bool{}
	for _, m := range mappers {
		if !slices.ContainsFunc(p.files, func(f *goFile) bool { return imports(f, m.used) }) {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(p.structs)) {
			s := p.structs[name]
			if done[name] || !slices.Contains(p.files, s.file) {
				continue
			}
			if mapped, ok := m.read(p, s); ok {
				done[name] = true
				p.handModel(s, mapped, m.orm)
			}
		}
	}
	p.gorpTables(done)
}

func (p *goPackage) handModel(s *goStruct, m model, orm string) {
	at := p.fset.Position(s.spec.Pos())
	m.name, m.line, m.column, m.endLine = s.name, at.Line, at.Column, p.fset.Position(s.spec.End()).Line
	source := p.sink.source
	p.sink.source = orm
	m.hand(s.file.file, p.sink)
	p.sink.source = source
}

// mappedField is a field of a struct, with those of embedded structs.
type mappedField struct {
	name   string
	tag    reflect.StructTag
	typ    ast.Expr
	line   int
	prefix string
}

// fieldsOf lists the exported fields of a struct; embedded structs of the package, and
// gorm.Model, are taken apart.
func (p *goPackage) fieldsOf(s *goStruct, depth int) []mappedField {
	var list []mappedField
	for _, f := range s.body.Fields.List {
		tag := reflect.StructTag("")
		if f.Tag != nil {
			if text, err := strconv.Unquote(f.Tag.Value); err == nil {
				tag = reflect.StructTag(text)
			}
		}
		line := p.fset.Position(f.Pos()).Line
		if len(f.Names) == 0 {
			inner, prefix := p.embedded(f.Type, line), ""
			if local := p.structs[typeName(f.Type)]; local != nil && depth < 5 {
				inner = p.fieldsOf(local, depth+1)
				for i := range inner {
					inner[i].line = line
				}
			}
			if tag.Get("gorm") == "-" || tag.Get("bun") == "-" {
				continue
			}
			prefix = setting(tag.Get("gorm"), "embeddedprefix")
			for _, field := range inner {
				field.prefix = prefix + field.prefix
				list = append(list, field)
			}
			continue
		}
		for _, n := range f.Names {
			if !n.IsExported() {
				continue
			}
			_, embeds := settingOf(tag.Get("gorm"), "embedded")
			if local := p.structs[typeName(f.Type)]; embeds && local != nil && depth < 5 {
				for _, field := range p.fieldsOf(local, depth+1) {
					field.prefix, field.line = setting(tag.Get("gorm"), "embeddedprefix")+field.prefix, line
					list = append(list, field)
				}
				continue
			}
			list = append(list, mappedField{name: n.Name, tag: tag, typ: f.Type, line: line})
		}
	}
	return list
}

// embedded are the fields of gorm.Model.
func (p *goPackage) embedded(t ast.Expr, line int) []mappedField {
	sel, ok := t.(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != "Model" {
		return nil
	}
	if x, ok := sel.X.(*ast.Ident); !ok || x.Name != "gorm" {
		return nil
	}
	var list []mappedField
	for _, name := range []string{"ID", "CreatedAt", "UpdatedAt", "DeletedAt"} {
		list = append(list, mappedField{name: name, typ: ast.NewIdent("uint"), line: line})
	}
	return list
}

// typeName is the name of a type of the package, "" for others.
func typeName(t ast.Expr) string {
	switch t := t.(type) {
	case *ast.StarExpr:
		return typeName(t.X)
	case *ast.Ident:
		return t.Name
	}
	return ""
}

// related tells that a field holds rows of another table: a struct of the package, or a
// slice of anything but bytes. A type that says itself how it is stored is a column.
func (p *goPackage) related(t ast.Expr) bool {
	switch t := t.(type) {
	case *ast.StarExpr:
		return p.related(t.X)
	case *ast.ArrayType:
		id, ok := t.Elt.(*ast.Ident)
		return !ok || id.Name != "byte" && id.Name != "uint8"
	case *ast.Ident:
		return p.structs[t.Name] != nil && p.methods[t.Name+".Value"] == nil
	case *ast.MapType, *ast.FuncType, *ast.ChanType, *ast.StructType:
		return true
	}
	return false
}

// settingOf finds "key" or "key:value" in a tag whose settings are separated by semicolons.
func settingOf(tag, key string) (string, bool) {
	for part := range strings.SplitSeq(tag, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), ":")
		if strings.EqualFold(name, key) {
			return strings.TrimSpace(value), true
		}
	}
	return "", false
}

func setting(tag, key string) string {
	value, _ := settingOf(tag, key)
	return value
}

// tableName is what the type's method TableName returns; "" without one, or when it is not constant.
func (p *goPackage) tableName(typ string) (table string, declared bool) {
	m := p.methods[typ+".TableName"]
	if m == nil || m.decl.Body == nil {
		return "", false
	}
	var returns []goText
	g := &goScope{pkg: p, file: m.file, vars: map[string]*goVar{}, depth: 3, quiet: true, returns: &returns}
	g.block(m.decl.Body.List)
	if len(returns) == 0 {
		return "", true
	}
	table, _ = returns[0].constant()
	return table, true
}

func withSchema(m *model, table string) {
	if schema, name, ok := strings.Cut(table, "."); ok {
		m.schema, m.table = schema, name
		return
	}
	m.table = table
}

// gormModel reads a struct with gorm.Model in it, with gorm tags, or with a method TableName.
func gormModel(p *goPackage, s *goStruct) (model, bool) {
	table, declared := p.tableName(s.name)
	if declared && table == "" {
		return model{}, false
	}
	fields := p.fieldsOf(s, 0)
	isModel := declared
	var m model
	for _, f := range fields {
		tag := f.tag.Get("gorm")
		if f.name == "DeletedAt" || tag != "" {
			isModel = true
		}
		column, named := settingOf(tag, "column")
		_, typed := settingOf(tag, "type")
		_, stored := settingOf(tag, "serializer")
		_, foreign := settingOf(tag, "foreignkey")
		_, many := settingOf(tag, "many2many")
		if strings.HasPrefix(strings.TrimSpace(tag), "-") && !strings.HasPrefix(strings.TrimSpace(tag), "->") || foreign || many || p.related(f.typ) && !named && !typed && !stored {
			continue
		}
		if column == "" {
			column = snake(f.name)
		}
		_, defaults := settingOf(tag, "default")
		_, readOnly := settingOf(tag, "->")
		_, increments := settingOf(tag, "autoincrement")
		m.columns = append(m.columns, modelColumn{name: f.prefix + column, line: f.line, omitted: defaults || readOnly || increments || f.name == "ID" && isInteger(f.typ)})
	}
	if table == "" {
		table = pluralSnake(s.name)
	}
	withSchema(&m, table)
	return m, isModel && len(m.columns) > 1
}

func isInteger(t ast.Expr) bool {
	id, ok := t.(*ast.Ident)
	return ok && (strings.HasPrefix(id.Name, "int") || strings.HasPrefix(id.Name, "uint"))
}

// bunModel reads a struct that embeds bun.BaseModel or has bun tags.
func bunModel(p *goPackage, s *goStruct) (model, bool) {
	var m model
	isModel, table := false, ""
	for _, f := range s.body.Fields.List {
		if len(f.Names) > 0 || f.Tag == nil {
			continue
		}
		if text, err := strconv.Unquote(f.Tag.Value); err == nil {
			for part := range strings.SplitSeq(reflect.StructTag(text).Get("bun"), ",") {
				if name, ok := strings.CutPrefix(part, "table:"); ok {
					table, isModel = name, true
				}
			}
		}
	}
	for _, f := range p.fieldsOf(s, 0) {
		tag := f.tag.Get("bun")
		parts := strings.Split(tag, ",")
		has := func(key string) bool {
			return slices.ContainsFunc(parts, func(s string) bool { return s == key || strings.HasPrefix(s, key+":") })
		}
		isModel = isModel || tag != ""
		if parts[0] == "-" || has("rel") || has("m2m") || has("scanonly") || p.related(f.typ) && tag == "" {
			continue
		}
		column := parts[0]
		if column == "" || strings.Contains(column, ":") {
			column = snake(f.name)
		}
		m.columns = append(m.columns, modelColumn{name: column, line: f.line, omitted: has("autoincrement") || has("default") || has("nullzero")})
	}
	if table == "" {
		table = pluralSnake(s.name)
	}
	withSchema(&m, table)
	return m, isModel
}

// popModel reads a struct with db tags that has an id or a method TableName.
func popModel(p *goPackage, s *goStruct) (model, bool) {
	table, declared := p.tableName(s.name)
	if declared && table == "" {
		return model{}, false
	}
	var m model
	isModel := declared
	for _, f := range p.fieldsOf(s, 0) {
		column := f.tag.Get("db")
		if column == "" || column == "-" || f.tag.Get("select") != "" || f.tag.Get("rw") == "w" {
			continue
		}
		isModel = isModel || f.name == "ID" && column == "id"
		m.columns = append(m.columns, modelColumn{name: column, line: f.line, omitted: f.tag.Get("rw") == "r" || f.name == "ID" && isInteger(f.typ)})
	}
	if table == "" {
		table = pluralSnake(s.name)
	}
	withSchema(&m, table)
	return m, isModel && len(m.columns) > 0
}

// gorpTables reads gorp's and borp's AddTableWithName(User{}, "users").
func (p *goPackage) gorpTables(done map[string]bool) {
	for _, f := range p.files {
		if !imports(f, "gorp") && !imports(f, "borp") {
			continue
		}
		g := &goScope{pkg: p, file: f, vars: map[string]*goVar{}, quiet: true}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) < 2 {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			lit, isLit := call.Args[0].(*ast.CompositeLit)
			if !ok || !isLit || sel.Sel.Name != "AddTableWithName" {
				return true
			}
			s := p.structs[typeName(lit.Type)]
			table, known := g.text(call.Args[1]).constant()
			if s == nil || !known || done[s.name] {
				return true
			}
			done[s.name] = true
			var m model
			for _, field := range p.fieldsOf(s, 0) {
				column, _, _ := strings.Cut(field.tag.Get("db"), ",")
				if column == "-" {
					continue
				}
				if column == "" {
					column = field.name
				}
				m.columns = append(m.columns, modelColumn{name: strings.ToLower(column), line: field.line})
			}
			withSchema(&m, table)
			p.handModel(s, m, "gorp")
			return true
		})
	}
}

// modelTable is the table of User{}.TableName() and (&pop.Model{Value: User{}}).TableName().
func (g *goScope) modelTable(e ast.Expr) (string, bool) {
	for {
		switch x := e.(type) {
		case *ast.ParenExpr:
			e = x.X
			continue
		case *ast.UnaryExpr:
			e = x.X
			continue
		case *ast.CompositeLit:
			p, name := g.pkg, typeName(x.Type)
			if sel, ok := x.Type.(*ast.SelectorExpr); ok {
				if sel.Sel.Name == "Model" && len(x.Elts) == 1 {
					if kv, ok := x.Elts[0].(*ast.KeyValueExpr); ok {
						e = kv.Value
						continue
					}
				}
				if from, ok := sel.X.(*ast.Ident); ok {
					p, name = g.pkg.imported(g.file, from.Name), sel.Sel.Name
				}
			}
			if p == nil || name == "" {
				return "", false
			}
			p.find(name)
			if table, declared := p.tableName(name); declared {
				return table, table != ""
			}
			if p.structs[name] != nil {
				return pluralSnake(name), true
			}
		}
		return "", false
	}
}
