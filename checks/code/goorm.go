package code

import (
	"go/ast"
	"strings"
)

// The queries that GORM and bun build from calls beside those that their models imply:
// db.Table("users").Where("age > ?", 1), db.NewSelect().Model((*User)(nil)).Column("id").

// startORM begins a query of GORM or bun.
func (g *goScope) startORM(s step) *sqlBuilder {
	b := &sqlBuilder{at: g.place(s.call), path: g.file.path, kind: "select"}
	switch {
	case g.file.gorm && (s.name == "Table" || s.name == "Model") && len(s.call.Args) > 0:
		b.orm = "gorm"
		g.applyORM(b, s)
	case g.file.bun && len(s.call.Args) == 0:
		kind := map[string]string{"NewSelect": "select", "NewInsert": "insert", "NewUpdate": "update", "NewDelete": "delete"}[s.name]
		if kind == "" {
			return nil
		}
		b.orm, b.kind = "bun", kind
	default:
		return nil
	}
	return b
}

// applyORM adds a call to a query of GORM or bun; calls that change nothing of it that a
// schema knows are passed over.
func (g *goScope) applyORM(b *sqlBuilder, s step) {
	args := s.call.Args
	if len(args) == 0 {
		if s.name == "Count" && b.orm == "bun" && b.columns == nil {
			b.columns = []goText{wrap("count(*)")}
		}
		return
	}
	add := func(list *[]goText, items ...goText) { *list = append((*list)[:len(*list):len(*list)], items...) }
	switch s.name {
	case "Table", "TableExpr", "ModelTableExpr":
		b.table = g.withQueries(args)
	case "Model":
		if table, ok := g.modelTable(pointed(args[0])); ok && b.table == nil {
			b.table = wrap(table)
		}
	case "Select", "ColumnExpr":
		add(&b.columns, g.withQueries(args[:1]))
		if s.name == "Select" {
			for _, a := range args[1:] {
				if t := g.text(a); t.known() {
					add(&b.columns, t)
				}
			}
		}
	case "Column":
		add(&b.columns, g.texts(s.call)...)
	case "Pluck":
		b.columns = []goText{g.text(args[0])}
	case "Count":
		b.columns = []goText{wrap("count(*)")}
	case "Where", "Or", "WhereOr":
		add(&b.where, g.condition(args))
	case "Not":
		add(&b.where, wrap("NOT ", g.condition(args)))
	case "Joins", "Join":
		if text, ok := g.text(args[0]).constant(); !ok || strings.Contains(text, " ") {
			add(&b.joins, g.withQueries(args))
		}
	case "Group", "GroupExpr":
		add(&b.group, g.texts(s.call)...)
	case "Having":
		add(&b.having, g.condition(args))
	case "Order", "OrderExpr":
		add(&b.order, g.texts(s.call)...)
	case "Returning":
		add(&b.suffix, wrap("RETURNING ", g.text(args[0])))
	case "Set":
		add(&b.sets, g.withQueries(args))
	case "Value":
		if text, ok := g.text(args[0]).constant(); ok && b.kind == "insert" {
			add(&b.columns, wrap(text))
			add(&b.values, wrap("?"))
		}
	case "Update", "UpdateColumn":
		if b.orm == "gorm" && len(args) == 2 {
			b.kind = "update"
			add(&b.sets, wrap(g.text(args[0]), " = ?"))
		}
	case "Updates", "UpdateColumns":
		if keys, _, ok := g.entries(args[0]); ok && b.orm == "gorm" {
			b.kind = "update"
			for _, key := range keys {
				add(&b.sets, wrap(key, " = ?"))
			}
		}
	case "Delete":
		if b.orm == "gorm" {
			b.kind = "delete"
		}
	}
}

// pointed is User{} of &User{}, (*User)(nil), new(User) and &[]User{}.
func pointed(e ast.Expr) ast.Expr {
	switch x := e.(type) {
	case *ast.UnaryExpr:
		return pointed(x.X)
	case *ast.CompositeLit:
		if list, ok := x.Type.(*ast.ArrayType); ok {
			return &ast.CompositeLit{Type: list.Elt}
		}
	case *ast.CallExpr:
		if paren, ok := x.Fun.(*ast.ParenExpr); ok {
			if star, ok := paren.X.(*ast.StarExpr); ok {
				if list, ok := star.X.(*ast.ArrayType); ok {
					return &ast.CompositeLit{Type: list.Elt}
				}
				return &ast.CompositeLit{Type: star.X}
			}
		}
		if id, ok := x.Fun.(*ast.Ident); ok && id.Name == "new" && len(x.Args) == 1 {
			return &ast.CompositeLit{Type: x.Args[0]}
		}
	}
	return e
}
