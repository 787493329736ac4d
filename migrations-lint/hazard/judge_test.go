package hazard

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pmcheck/pmcheck/internal/pgtest"
	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
	"github.com/pmcheck/pmcheck/migrations-lint/postgres"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

const recordPath = "testdata/locks.json"

// record is what servers did: group title -> statement -> effects by version.
type record map[string]map[string][]versioned

// versioned is an effect on a range of versions.
type versioned struct {
	From   int    `json:"from"`
	To     int    `json:"to"`
	Effect effect `json:"effect"`
}

var judged = []int{14, 15, 16, 17, 18}

// TestServers runs every statement on every server that is installed, and compares what
// it does there with what Of predicts. With -update it records what the servers did.
func TestServers(t *testing.T) {
	groups := readGroups(t)
	observed := make([]map[string]map[string]effect, len(pgtest.Servers(t)))
	t.Run("servers", func(t *testing.T) {
		for n, s := range pgtest.Servers(t) {
			t.Run(fmt.Sprint(s.Version), func(t *testing.T) {
				t.Parallel()
				o := newObserver(t, s)
				observed[n] = map[string]map[string]effect{}
				for _, g := range groups {
					if err := o.prepare(g); err != nil {
						if !g.from18 || s.Version >= 18 {
							t.Errorf("%s: %v", g.title, err)
						}
						continue
					}
					observed[n][g.title] = map[string]effect{}
					for _, statement := range g.statements {
						observed[n][g.title][statement] = o.observe(g, statement)
					}
				}
			})
		}
	})
	if t.Failed() {
		return
	}
	j := &judge{t: t}
	for n, s := range pgtest.Servers(t) {
		for _, g := range groups {
			for _, statement := range g.statements {
				if e, ok := observed[n][g.title][statement]; ok {
					j.compare(g, statement, s.Version, e)
				}
			}
		}
	}
	j.report()
	if *update {
		writeRecord(t, groups, pgtest.Servers(t), observed)
		writeDocument(t)
	}
}

// TestRecord compares what Of predicts with what the servers are recorded to have done.
func TestRecord(t *testing.T) {
	text, err := os.ReadFile(recordPath)
	if err != nil {
		t.Fatal(err)
	}
	var recorded record
	if err := json.Unmarshal(text, &recorded); err != nil {
		t.Fatal(err)
	}
	j := &judge{t: t}
	for _, g := range readGroups(t) {
		for _, statement := range g.statements {
			found := false
			for _, v := range recorded[g.title][statement] {
				for version := v.From; version <= v.To; version++ {
					found = true
					j.compare(g, statement, version, v.Effect)
				}
			}
			if !found {
				t.Errorf("%s: %s: no server's answer is recorded; run go test -update with servers of all versions", g.title, statement)
			}
		}
	}
	j.report()
}

func writeRecord(t *testing.T, groups []group, servers []*pgtest.Server, observed []map[string]map[string]effect) {
	t.Helper()
	if len(servers) != len(judged) {
		t.Fatalf("%s is written from all versions, 14 to 18; there are %d servers", recordPath, len(servers))
	}
	out := record{}
	for _, g := range groups {
		out[g.title] = map[string][]versioned{}
		for _, statement := range g.statements {
			var list []versioned
			for n, s := range servers {
				e, ok := observed[n][g.title][statement]
				if !ok {
					continue
				}
				if last := len(list) - 1; last >= 0 && list[last].To == s.Version-1 && cmp.Equal(list[last].Effect, e) {
					list[last].To = s.Version
					continue
				}
				list = append(list, versioned{s.Version, s.Version, e})
			}
			out[g.title][statement] = list
		}
	}
	text, err := json.MarshalIndent(out, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(recordPath, append(text, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

// judge counts and reports where prediction and server differ.
type judge struct {
	t             *testing.T
	statements    map[string]bool
	versions      map[int]bool
	comparisons   int
	disagreements int
}

func (j *judge) report() {
	j.t.Logf("%d statements x %d versions, %d comparisons: %d disagreements", len(j.statements), len(j.versions), j.comparisons, j.disagreements)
	if j.comparisons == 0 {
		j.t.Error("nothing was compared")
	}
}

func (j *judge) compare(g group, statement string, version int, observed effect) {
	j.t.Helper()
	if j.statements == nil {
		j.statements, j.versions = map[string]bool{}, map[int]bool{}
	}
	j.statements[g.title+statement] = true
	j.versions[version] = true
	j.comparisons++
	predicted, mayFail, err := predict(g, statement, version)
	if err != nil {
		j.disagree(g, statement, version, err.Error())
		return
	}
	if observed.Error != "" {
		if predicted.Error == "" && mayFail == "" {
			j.disagree(g, statement, version, "the server refuses it: "+observed.Error)
		}
		return
	}
	if predicted.Error != "" {
		j.disagree(g, statement, version, "the server accepts it; predicted: "+predicted.Error)
		return
	}
	if !cmp.Equal(observed, predicted, cmpopts.EquateEmpty()) {
		j.disagree(g, statement, version, fmt.Sprintf("server:    %s\npredicted: %s", observed, predicted))
	}
}

func (j *judge) disagree(g group, statement string, version int, what string) {
	j.t.Helper()
	j.disagreements++
	j.t.Errorf("PostgreSQL %d: %s: %s\n%s", version, g.title, statement, what)
}

// predict is what Of says of a statement on its group's schema, and which rows it says
// could make it fail. The error is a fault of the setup or of the parser.
func predict(g group, statement string, version int) (e effect, mayFail string, err error) {
	c, err := schemaOf(g, version)
	if err != nil {
		return e, "", err
	}
	script := postgres.Parse(statement + ";")
	for _, s := range script.Statements {
		if s.NotAnalysed != "" {
			return e, "", fmt.Errorf("not analysed: %s", s.NotAnalysed)
		}
	}
	old := names(c)
	e.Locks = map[string]string{}
	for _, s := range script.Statements {
		for _, op := range s.Ops {
			cost := Of(op.Op, c, version)
			merge(&e, cost, old)
			if cost.Needs > version {
				e.Error = fmt.Sprintf("needs PostgreSQL %d", cost.Needs)
			}
			if cost.Fails != "" {
				e.Error = cost.Fails
			}
			if cost.MayFail != "" {
				mayFail = cost.MayFail
			}
			if err := c.Apply(op.Op); err != nil {
				e.Error = err.Error()
			}
		}
	}
	e.tidy()
	return e, mayFail, nil
}

// names are the relations, indexes and sequences of a schema.
func names(c *catalog.Catalog) map[catalog.Name]bool {
	list := map[catalog.Name]bool{}
	for _, s := range c.Schemas {
		for name := range s.Relations {
			list[catalog.Name{Schema: s.Name, Name: name}] = true
		}
		for name := range s.Indexes {
			list[catalog.Name{Schema: s.Name, Name: name}] = true
		}
		for name := range s.Sequences {
			list[catalog.Name{Schema: s.Name, Name: name}] = true
		}
	}
	return list
}

var schemas sync.Map // group's title and version -> *catalog.Catalog

// schemaOf is the schema that a group's setup makes.
func schemaOf(g group, version int) (*catalog.Catalog, error) {
	key := fmt.Sprint(g.title, version)
	if c, ok := schemas.Load(key); ok {
		return c.(*catalog.Catalog).Clone(), nil
	}
	c := catalog.New()
	c.Version = version
	for _, s := range postgres.Parse(g.setup).Statements {
		if s.NotAnalysed != "" {
			return nil, fmt.Errorf("setup %q is not analysed: %s", g.setup[s.Start:s.End], s.NotAnalysed)
		}
		for _, op := range s.Ops {
			if err := c.Apply(op.Op); err != nil {
				return nil, fmt.Errorf("setup %q: %w", g.setup[s.Start:s.End], err)
			}
		}
	}
	schemas.Store(key, c)
	return c.Clone(), nil
}

// merge adds an operation's cost to the statement's effect.
func merge(e *effect, cost Cost, old map[catalog.Name]bool) {
	e.NotInTransaction = e.NotInTransaction || cost.NotInTransaction
	e.Waits = e.Waits || cost.WaitsForTransactions
	for _, l := range cost.Locks() {
		if !old[l.Relation] {
			continue
		}
		name := l.Relation.Name
		if l.Relation.Schema != "public" {
			name = l.Relation.Schema + "." + name
		}
		if l.Lock.rank() > Lock(e.Locks[name]).rank() {
			if small := l.Kind == "index" || l.Kind == "sequence"; !small || l.Lock.rank() >= ShareUpdateExclusive.rank() {
				e.Locks[name] = string(l.Lock)
			}
		}
		if l.Rewrites {
			e.Rewrites = append(e.Rewrites, name)
		}
		if l.Scans {
			e.Scans = append(e.Scans, name)
		}
		if l.BuildsIndex {
			e.Builds = append(e.Builds, name)
		}
	}
	if l := cost.RelationLock; l.Lock == "" && (l.Scans || l.Rewrites || l.BuildsIndex) {
		e.Error = "scans without a lock" // never: a heap is read under a lock
	}
}

// String is the effect on one line.
func (e effect) String() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(e.Locks)) {
		parts = append(parts, name+": "+e.Locks[name])
	}
	for _, list := range []struct {
		what  string
		names []string
	}{{"rewrites", e.Rewrites}, {"scans", e.Scans}, {"builds", e.Builds}} {
		if len(list.names) > 0 {
			parts = append(parts, list.what+" "+strings.Join(list.names, " "))
		}
	}
	if e.NotInTransaction {
		parts = append(parts, "not in a transaction")
	}
	if e.Waits {
		parts = append(parts, "waits for transactions")
	}
	return strings.Join(parts, "; ")
}
