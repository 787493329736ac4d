package postgres

import (
	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

// runs tells what routine a CALL or a SELECT without FROM runs.
type runs struct {
	name    catalog.Name
	problem int // the index of the problem that its effect is not known; -1 for none
}

// selected notes the functions that SELECT f(), g() runs, once each.
func (r *reader) selected(s *pg.SelectStmt) {
	if len(s.FromClause) > 0 {
		return
	}
	for _, n := range s.TargetList {
		if f := n.GetResTarget().GetVal().GetFuncCall(); f != nil {
			r.runs = append(r.runs, runs{listName(f.Funcname), -1})
		}
	}
}

// carryOut reads what the statements of a script do by running routines that the
// script itself has made: their bodies are known. What a body does stands where it is run.
func (s *Script) carryOut(text string) {
	made := map[catalog.Name]catalog.CreateFunction{}
	for i := range s.Statements {
		st := &s.Statements[i]
		for _, op := range st.Ops {
			if f, ok := op.Op.(catalog.CreateFunction); ok {
				made[routineName(f.On)] = f
			}
		}
		for j := len(st.runs) - 1; j >= 0; j-- {
			run := st.runs[j]
			f, ok := made[routineName(run.name)]
			if !ok || f.Body == "" || f.Language != "plpgsql" && f.Language != "sql" || f.Returns.Name == "trigger" {
				continue
			}
			if run.problem >= 0 {
				st.Problems = append(st.Problems[:run.problem:run.problem], st.Problems[run.problem+1:]...)
			}
			r := &reader{src: text, start: st.Start, end: st.End}
			r.code(embedded{text: f.Body}, func(inner *reader) {
				if f.Language == "sql" {
					inner.script()
					return
				}
				inner.body()
			})
			st.Ops = append(st.Ops, r.ops...)
			st.Problems = append(st.Problems, r.problems...)
			st.Version = max(st.Version, r.version)
		}
	}
}

// routineName is a routine's name as one of the same script finds it: in one file
// public.f and f are the same.
func routineName(n catalog.Name) catalog.Name {
	if n.Schema == "public" {
		n.Schema = ""
	}
	return n
}
