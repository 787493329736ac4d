// Package compat judges queries on two schemas: which of them work on the schema
// that their code was written for and fail on the other. It is one cell of the
// deploy matrix.
package compat

import (
	"context"
	"maps"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
	"github.com/pmcheck/pmcheck/migrations-lint/resolve"
)

// Verdict is what two schemas make of a query.
type Verdict struct {
	Home, Other []resolve.Failure // on the schema that its code was written for, and on the other one; the decisive failure first
	Unclear     []string          // why a part of it is not judged; a query without is understood
	Uses        []resolve.Object  // of the schema that its code was written for
	Result      string            // how its result differs, when it works on both: "column total is numeric and was integer"; "" when it does not
}

// Works tells that the query works on the schema that its code was written for.
func (v Verdict) Works() bool { return len(v.Home) == 0 }

// Breaks tells that it works there, and fails on the other schema.
func (v Verdict) Breaks() bool { return len(v.Home) == 0 && len(v.Other) > 0 }

// Judge judges queries. A text is parsed once, and judged once on each schema: most
// queries are the same in old and new code. The zero value is ready; it is safe for
// concurrent use. The catalogs must stay as they are meanwhile.
type Judge struct {
	mu     sync.Mutex
	parsed map[string]parsed
	judged map[judgement]resolve.Result
	wide   map[*catalog.Catalog]*catalog.Catalog // see everywhere
}

// judgement is a query on a schema.
type judgement struct {
	sql string
	on  *catalog.Catalog
}

type parsed struct {
	query *resolve.Query
	err   error
}

// Between judges queries of code written for the schema home on the schema other, in
// the order of the queries. It fails only when ctx ends.
func (j *Judge) Between(ctx context.Context, queries []string, home, other *catalog.Catalog) ([]Verdict, error) {
	verdicts := make([]Verdict, len(queries))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	const together = 32
	for start := 0; start < len(queries); start += together {
		group.Go(func() error {
			for i := start; i < min(start+together, len(queries)); i++ {
				if err := ctx.Err(); err != nil {
					return err
				}
				verdicts[i] = j.between(queries[i], home, other)
			}
			return nil
		})
	}
	return verdicts, group.Wait()
}

func (j *Judge) between(sql string, home, other *catalog.Catalog) Verdict {
	p := j.parse(sql)
	if p.err != nil {
		return Verdict{Unclear: []string{refused(p.err)}}
	}
	at, there := j.on(p.query, sql, home), j.on(p.query, sql, other)
	if misses(at) && misses(there) {
		if wide := j.on(p.query, sql, j.everywhere(home)); len(wide.Failures) == 0 {
			at, there = wide, j.on(p.query, sql, j.everywhere(other))
		}
	}
	v := Verdict{Home: at.Failures, Other: there.Failures, Unclear: slices.Clip(at.Unclear), Uses: at.Uses}
	if len(v.Home)+len(v.Other) > 0 {
		return v
	}
	for _, reason := range there.Unclear {
		if !slices.Contains(v.Unclear, reason) {
			v.Unclear = append(v.Unclear, reason)
		}
	}
	if len(v.Unclear) == 0 {
		if v.Result = joined(sql, at.Uses, there.Uses); v.Result == "" {
			v.Result = difference(at.Columns, there.Columns)
		}
	}
	return v
}

// joined says by which column more a NATURAL JOIN joins on the other schema.
func joined(sql string, home, other []resolve.Object) string {
	if !natural.MatchString(sql) {
		return ""
	}
	relations := map[string]int{}
	for _, o := range other {
		if o.Kind == "column" {
			relations[o.Name]++
		}
	}
	for _, o := range other {
		if o.Kind == "column" && relations[o.Name] > 1 && !slices.ContainsFunc(home, func(h resolve.Object) bool { return h == o }) {
			return "its NATURAL JOIN also joins by " + o.Name
		}
	}
	return ""
}

var natural = regexp.MustCompile(`(?i)\bnatural\s+((left|right|full|inner)\s+(outer\s+)?)?join\b`)

// misses tells that a query fails for want of a relation.
func misses(r resolve.Result) bool { return len(r.Failures) > 0 && r.Failures[0].SQLState == "42P01" }

// everywhere is a schema as a connection sees it that has every schema on its search
// path: which one the application sets is not known.
func (j *Judge) everywhere(c *catalog.Catalog) *catalog.Catalog {
	j.mu.Lock()
	defer j.mu.Unlock()
	if wide := j.wide[c]; wide != nil {
		return wide
	}
	wide := c
	var others []string
	for _, name := range slices.Sorted(maps.Keys(c.Schemas)) {
		if !slices.Contains(c.SearchPath, name) && !strings.HasPrefix(name, "pg_") && name != "information_schema" {
			others = append(others, name)
		}
	}
	if len(others) > 0 {
		wide = c.Clone()
		wide.SearchPath = slices.Concat(c.SearchPath, others)
	}
	if j.wide == nil {
		j.wide = map[*catalog.Catalog]*catalog.Catalog{}
	}
	j.wide[c] = wide
	return wide
}

// On judges a query on one schema alone.
func (j *Judge) On(sql string, c *catalog.Catalog) Verdict {
	p := j.parse(sql)
	if p.err != nil {
		return Verdict{Unclear: []string{refused(p.err)}}
	}
	at := j.on(p.query, sql, c)
	if misses(at) {
		at = j.on(p.query, sql, j.everywhere(c))
	}
	return Verdict{Home: at.Failures, Unclear: slices.Clip(at.Unclear), Uses: at.Uses}
}

func refused(err error) string { return "PostgreSQL's parser refuses it: " + err.Error() }

func (j *Judge) on(query *resolve.Query, sql string, c *catalog.Catalog) resolve.Result {
	key := judgement{sql, c}
	j.mu.Lock()
	result, ok := j.judged[key]
	j.mu.Unlock()
	if ok {
		return result
	}
	result = query.On(c)
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.judged == nil {
		j.judged = map[judgement]resolve.Result{}
	}
	j.judged[key] = result
	return result
}

func (j *Judge) parse(sql string) parsed {
	j.mu.Lock()
	p, ok := j.parsed[sql]
	j.mu.Unlock()
	if ok {
		return p
	}
	p.query, p.err = resolve.Parse(sql)
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.parsed == nil {
		j.parsed = map[string]parsed{}
	}
	j.parsed[sql] = p
	return p
}

// difference says how two results of one query differ. A server that has prepared
// the query refuses to run it then.
func difference(home, other []resolve.Column) string {
	names := func(list []resolve.Column) map[string]bool {
		m := map[string]bool{}
		for _, c := range list {
			m[c.Name] = true
		}
		return m
	}
	before, after := names(home), names(other)
	for _, c := range other {
		if !before[c.Name] {
			return "column " + c.Name + " is added"
		}
	}
	for _, c := range home {
		if !after[c.Name] {
			return "column " + c.Name + " is gone"
		}
	}
	if len(home) != len(other) {
		return "the number of columns differs"
	}
	for i, c := range home {
		from, to := c.Type.String(), other[i].Type.String()
		switch {
		case c.Name != other[i].Name:
			return "its columns have another order"
		case from != to && from != "" && to != "":
			return "column " + c.Name + " is " + to + " and was " + from
		}
	}
	return ""
}
