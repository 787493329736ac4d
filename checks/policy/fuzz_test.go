package policy

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/pmcheck/pmcheck/checks/facts"
)

// Whatever a file of the project's own holds: no panic, an end, and an error that has a place.
func FuzzOwnRule(f *testing.F) {
	f.Add([]byte(newRule))
	f.Add([]byte("package pmcheck.own.x\n\nf(x) := {y | some y in x}\n"))
	f.Add([]byte("# METADATA\n# title: a\n# description: b\n# custom: {severity: error, on: [migrations], options: {a: [1, {b: c}]}}\npackage pmcheck.rules[\"a\"]\n\nfindings contains input\n"))
	f.Add([]byte("# METADATA\n# title: &a [*a, *a]\npackage pmcheck.rules[\"a\"]"))
	f.Add([]byte("package pmcheck.rules[\"a\"]\n\nfindings contains x if x := $\"{input.now}\"\n"))
	f.Add([]byte("\x00\xff{{{{"))
	f.Fuzz(func(t *testing.T, content []byte) {
		e, err := Load(Options{Own: map[string][]byte{"a.rego": content}})
		if err != nil {
			t.Fatal(err)
		}
		e.limits.ownTime = time.Second
		for _, r := range e.Rules() {
			if !r.Own {
				if err := e.Configure(map[string]string{r.ID: Off}); err != nil {
					t.Fatal(err)
				}
			}
		}
		_, err = e.Evaluate(context.Background(), &facts.Facts{Migrations: []facts.Migration{{Path: "m.sql", Statements: []facts.Statement{{Kind: "create_table"}}}}})
		var known *PolicyError
		if err != nil && (!errors.As(err, &known) || known.Place.Path != "a.rego" && len(known.Place.Path) > 0 && known.Rule == "") {
			t.Errorf("%v does not say where", err)
		}
	})
}
