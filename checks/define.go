package checks

import (
	"strings"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

// constraintSQL is a constraint's definition, ready to paste behind ADD CONSTRAINT name,
// without NOT VALID.
func constraintSQL(c catalog.ConstraintDef) string {
	var b strings.Builder
	switch c.Type {
	case catalog.Check:
		b.WriteString("CHECK (" + expr(c.Expr) + ")")
		if c.NoInherit {
			b.WriteString(" NO INHERIT")
		}
	case catalog.Unique, catalog.PrimaryKey:
		b.WriteString(string(c.Type))
		if c.NullsNotDistinct {
			b.WriteString(" NULLS NOT DISTINCT")
		}
		if c.UsingIndex != "" {
			b.WriteString(" USING INDEX " + catalog.QuoteIdent(c.UsingIndex))
		} else {
			b.WriteString(" (" + idents(c.Columns) + ")" + include(c.Include))
		}
	case catalog.ForeignKey:
		b.WriteString("FOREIGN KEY (" + idents(c.Columns) + ") REFERENCES " + plain(c.RefTable))
		if len(c.RefColumns) > 0 {
			b.WriteString(" (" + idents(c.RefColumns) + ")")
		}
		for _, clause := range [][2]string{{" MATCH ", c.Match}, {" ON DELETE ", c.OnDelete}, {" ON UPDATE ", c.OnUpdate}} {
			if clause[1] != "" && clause[1] != "SIMPLE" {
				b.WriteString(clause[0] + clause[1])
			}
		}
	case catalog.Exclude:
		var parts []string
		for _, e := range c.Elements {
			parts = append(parts, element(e)+" WITH "+e.Operator)
		}
		b.WriteString("EXCLUDE")
		if c.Method != "" {
			b.WriteString(" USING " + c.Method)
		}
		b.WriteString(" (" + strings.Join(parts, ", ") + ")")
		if c.Predicate != nil {
			b.WriteString(" WHERE (" + c.Predicate.SQL + ")")
		}
	case catalog.NotNull:
		b.WriteString("NOT NULL " + idents(c.Columns))
	}
	if c.Deferrable {
		b.WriteString(" DEFERRABLE")
		if c.InitiallyDefer {
			b.WriteString(" INITIALLY DEFERRED")
		}
	}
	return b.String()
}

// indexSQL is an index's definition, ready to paste behind CREATE INDEX name.
func indexSQL(o catalog.CreateIndex) string {
	var parts []string
	for _, e := range o.Elements {
		parts = append(parts, element(e))
	}
	s := "ON " + plain(o.On)
	if o.Method != "" && o.Method != "btree" {
		s += " USING " + o.Method
	}
	s += " (" + strings.Join(parts, ", ") + ")" + include(o.Include)
	if o.NullsNotDistinct {
		s += " NULLS NOT DISTINCT"
	}
	if o.Predicate != nil {
		s += " WHERE " + o.Predicate.SQL
	}
	return s
}

func element(e catalog.IndexElement) string {
	s := catalog.QuoteIdent(e.Column)
	if e.Column == "" {
		s = "(" + expr(e.Expr) + ")"
	}
	if !e.Collation.IsZero() {
		s += " COLLATE " + e.Collation.String()
	}
	if !e.OpClass.IsZero() {
		s += " " + e.OpClass.String()
	}
	if e.Desc {
		s += " DESC"
	}
	if e.Nulls != "" {
		s += " NULLS " + e.Nulls
	}
	return s
}

func include(columns []string) string {
	if len(columns) == 0 {
		return ""
	}
	return " INCLUDE (" + idents(columns) + ")"
}

func idents(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = catalog.QuoteIdent(n)
	}
	return strings.Join(quoted, ", ")
}

func expr(e *catalog.Expr) string {
	if e == nil {
		return "true"
	}
	return e.SQL
}
