package declared

import (
	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
	"github.com/pmcheck/pmcheck/migrations-lint/postgres"
)

// operation is an operation of a file, with its place.
type operation struct {
	Span
	op postgres.Op
}

// Catalog is the schema that the files declare. In them a table may stand before what it refers to: what is refused is tried again behind the rest.
// What is refused for good goes to gap.
func (s *Schema) Catalog(gap func(at Span, reason string)) *catalog.Catalog {
	c := catalog.New()
	for _, st := range s.statements {
		if st.problem != nil && st.problem.Kind == "syntax" {
			gap(st.Span, st.problem.Reason)
		}
	}
	waiting := s.operations
	for progress := true; progress && len(waiting) > 0; {
		progress = false
		var refused []operation
		for _, o := range waiting {
			if err := c.Apply(o.op.Op); err != nil {
				refused = append(refused, o)
				continue
			}
			progress = true
		}
		waiting = refused
	}
	for _, o := range waiting {
		if err := c.Apply(o.op.Op); err != nil && !o.op.Conditional {
			gap(o.Span, err.Error())
		}
	}
	c.EndSession()
	return c
}

// Statements is how many statements the files hold.
func (s *Schema) Statements() int { return len(s.statements) }
