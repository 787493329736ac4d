// Package declared is for projects that keep a schema file instead of migrations: the files of two revisions in, the statements that
// sqldef would run to get from one to the other out.
//
// sqldef ends its process on some input, and may take long on other. So it runs in a child process of the same program, with
// limits; see worker.go. What it cannot read is named with its place, and the rest is planned without it.
package declared

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
	"github.com/pmcheck/pmcheck/migrations-lint/layout"
)

// Limits on what is planned. What goes beyond one is named.
const (
	MaxBytes      = 8 << 20 // of all files of a side
	MaxStatements = 20_000  // of all files of a side
	maxDepth      = 100     // of parentheses in a statement: sqldef walks expressions by recursion
	maxStatement  = 1 << 20 // bytes of one statement
)

// File is a schema file.
type File struct {
	Path    string
	Content []byte
}

// Span is a piece of a file: byte offsets.
type Span struct {
	Path       string
	Start, End int
}

// Plan is the way from one schema to another.
type Plan struct {
	Steps  []Step
	Unread []Unread // statements that sqldef does not read and that differ between the two
}

// Step is a statement of the plan, without its semicolon.
type Step struct {
	SQL string
	// Drop: sqldef runs it with --enable-drop only.
	Drop bool
	// Alone: sqldef runs it behind the transaction of the others, without one.
	Alone bool
}

// Unread is a statement that is not part of a plan.
type Unread struct {
	Span
	Old    bool // it stands in the files that the way begins at
	SQL    string
	Reason string
	Kind   string // too-large | encoding | syntax | unsupported
}

// Options say how sqldef is run.
type Options struct {
	Engine       layout.Engine
	Concurrently bool // create_index_concurrently
}

// Make plans the way from one schema to another. An error says why there is no plan at all.
func Make(ctx context.Context, from, to *Schema, o Options) (*Plan, error) {
	plan := &Plan{}
	if from.refused != nil || to.refused != nil {
		for i, s := range []*Schema{from, to} {
			if s.refused != nil {
				u := *s.refused
				u.Old = i == 0
				plan.Unread = append(plan.Unread, u)
			}
		}
		return plan, nil
	}
	req := request{Engine: string(o.Engine), Concurrently: o.Concurrently}
	sides := []*Schema{from, to}
	kept := [2][]int{}
	for i, s := range sides {
		for n, st := range s.statements {
			if st.problem == nil {
				kept[i] = append(kept[i], n)
			}
		}
	}
	req.From, req.To = texts(from, kept[0]), texts(to, kept[1])
	for _, n := range kept[1] {
		req.Written = append(req.Written, to.statements[n].written)
	}
	answer, err := run(ctx, req)
	if err != nil {
		return nil, err
	}
	for i, reasons := range []map[int]string{answer.From, answer.To} {
		s := sides[i]
		reading := map[int]*Unread{}
		for at, reason := range reasons {
			if reason == "" {
				continue
			}
			n := kept[i][at]
			reading[n] = &Unread{Span: s.statements[n].Span, SQL: s.statements[n].original, Reason: reason, Kind: "unsupported"}
		}
		other := sides[1-i]
		for n, st := range s.statements {
			u := st.problem
			if u == nil {
				u = reading[n]
			}
			// What both have, word for word, asks for nothing.
			if u == nil || other.has[st.original] {
				continue
			}
			named := *u
			named.Old = i == 0
			plan.Unread = append(plan.Unread, named)
		}
	}
	for _, sql := range answer.Steps {
		plan.Steps = append(plan.Steps, stepOf(sql))
	}
	return plan, nil
}

// skipped is how sqldef marks what it would run with --enable-drop (commentOutDropStatements in schema/generator.go).
const skipped = "-- Skipped: "

func stepOf(sql string) Step {
	rest, drop := strings.CutPrefix(sql, skipped)
	if drop {
		rest = strings.ReplaceAll(rest, "\n-- ", "\n")
	}
	rest = strings.TrimRight(strings.TrimSpace(rest), ";")
	return Step{SQL: rest, Drop: drop, Alone: !inTransaction(rest)}
}

// inTransaction is sqldef's own test (TransactionSupported in database/database.go), the whole text's words and all.
func inTransaction(sql string) bool {
	lower := strings.ToLower(sql)
	return !strings.Contains(lower, "concurrently") && !strings.Contains(lower, "async")
}

// Ordered are the steps in the order in which sqldef runs them: first those that share the transaction.
func (p *Plan) Ordered() []Step {
	var out []Step
	for _, alone := range []bool{false, true} {
		for _, s := range p.Steps {
			if s.Alone == alone {
				out = append(out, s)
			}
		}
	}
	return out
}

func texts(s *Schema, kept []int) []string {
	out := []string{}
	for _, n := range kept {
		out = append(out, s.statements[n].text)
	}
	return out
}

// Schema is the statements of a schema's files.
type Schema struct {
	Files      []File
	statements []statement
	has        map[string]bool // the statements' texts
	refused    *Unread
	places     places
	operations []operation // of PostgreSQL's files, in order
}

// statement is one statement of a schema file.
type statement struct {
	Span
	original string  // its text
	written  string  // the same, with what another statement adds to it: what is run where the object is new
	text     string  // what sqldef compares
	problem  *Unread // why sqldef is not given it
	dropped  bool    // another statement says it as well
}

// Read cuts a schema's files into statements. It never fails: what cannot be read is named by the plan.
func Read(engine layout.Engine, files []File) *Schema {
	s := &Schema{Files: files, has: map[string]bool{}}
	size := 0
	for _, f := range files {
		if size += len(f.Content); size > MaxBytes {
			s.refused = &Unread{
				Span: Span{Path: f.Path}, Kind: "too-large",
				Reason: fmt.Sprintf("the schema files have more than %d MB: they are not planned", MaxBytes>>20),
			}
			return s
		}
	}
	for _, f := range files {
		if engine == layout.Postgres || engine == "" {
			s.readPostgres(f)
		} else {
			s.readOther(f, engine)
		}
		if len(s.statements) > MaxStatements {
			s.refused = &Unread{
				Span: Span{Path: f.Path}, Kind: "too-large",
				Reason: fmt.Sprintf("the schema files have more than %d statements: they are not planned", MaxStatements),
			}
			return s
		}
	}
	s.fold()
	keys := s.primaryKeys()
	for i := range s.statements {
		st := &s.statements[i]
		if st.problem == nil && len(keys) > 0 && s.places.single[i] != nil {
			st.text = complete(st.text, keys)
		}
		if create, ok := s.places.single[i].(catalog.CreateTable); ok && st.problem == nil && create.PartitionOf.IsZero() && create.As == nil {
			st.text = canonical(st.text, create.On.Name)
		}
	}
	for i := range s.statements {
		st := &s.statements[i]
		if st.dropped {
			st.problem = nil
		}
		s.has[st.original] = true
	}
	kept := s.statements[:0]
	for _, st := range s.statements {
		if !st.dropped {
			kept = append(kept, st)
		}
	}
	s.statements = kept
	return s
}

// add keeps a statement, with why sqldef is not given it.
func (s *Schema) add(f File, start, end int) *statement {
	text := string(f.Content[start:end])
	st := statement{Span: Span{f.Path, start, end}, original: text, written: text, text: text}
	switch {
	case len(text) > maxStatement:
		st.problem = &Unread{Kind: "too-large", Reason: "the statement has more than 1 MB"}
	case bytes.IndexByte(f.Content[start:end], 0) >= 0, !validText(text):
		st.problem = &Unread{Kind: "encoding", Reason: "it holds bytes that are not UTF-8 text"}
	case deep(text):
		st.problem = &Unread{Kind: "too-large", Reason: fmt.Sprintf("its parentheses are nested more than %d deep", maxDepth)}
	}
	if st.problem != nil {
		st.problem.Span, st.problem.SQL = st.Span, text
	}
	s.statements = append(s.statements, st)
	return &s.statements[len(s.statements)-1]
}
