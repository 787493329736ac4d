package compat_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"

	"github.com/jackc/pgx/v5"

	"github.com/pmcheck/pmcheck/checks/code"
	"github.com/pmcheck/pmcheck/internal/corpus"
	"github.com/pmcheck/pmcheck/internal/judge"
	"github.com/pmcheck/pmcheck/internal/pgtest"
	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
	"github.com/pmcheck/pmcheck/migrations-lint/layout"
	"github.com/pmcheck/pmcheck/migrations-lint/resolve"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// points is on how many schemas besides the newest one the queries are judged: those
// before each of the last migrations.
const points = 10

// TestAgreement judges the queries of every project on its schema, and on those that
// it had before, and asks a server that holds the same schema. docs/query-agreement.md
// has the tables.
func TestAgreement(t *testing.T) {
	projects := corpus.Projects(t)
	server := newest(t)
	all := &tables{}
	for _, project := range projects {
		databases, err := layout.Detect(project, nil)
		if err != nil {
			t.Errorf("%s: %v", project.Name, err)
			continue
		}
		queriesOf := sync.OnceValues(func() ([]code.Query, error) { return findQueries(t, project, databases) })
		for _, db := range databases {
			if ours := elsewhere[project.Name].databases; db.Engine == layout.Postgres && len(db.Migrations) > 2 && !strings.Contains(db.Root, "testdata") && (ours == nil || !ours.MatchString(db.Root)) {
				t.Run(project.Name+"/"+db.Root, func(t *testing.T) {
					queries, err := queriesOf()
					if err != nil {
						t.Fatal(err)
					}
					c := &comparison{t: t, project: project, queries: queries, tallies: map[string]*tally{}, seen: map[string]*disagreement{}, unclear: map[string][]string{}}
					c.replay(server, db)
					c.report()
					all.add(project.Name+"/"+db.Root, c.tallies)
				})
			}
		}
	}
	t.Log("\n" + all.String())
	if len(all.databases) == 0 {
		t.Error("no project of PMCHECK_CORPUS has migrations for PostgreSQL")
	}
}

// newest is PostgreSQL 17, or the newest before it.
func newest(t *testing.T) *pgtest.Server {
	servers := pgtest.Servers(t)
	for _, s := range slices.Backward(servers) {
		if s.Version <= 17 {
			return s
		}
	}
	return servers[0]
}

// findQueries finds the queries of a project's code, each text once.
func findQueries(t *testing.T, project *corpus.Project, databases []layout.Database) ([]code.Query, error) {
	migrations := map[string]bool{}
	for _, db := range databases {
		migrations[db.Baseline] = true
		for _, m := range db.Migrations {
			migrations[m.Path] = true
		}
		for _, u := range db.Unread {
			migrations[u.Path] = true
		}
	}
	var paths []string
	for _, p := range project.Paths() {
		if other := elsewhere[project.Name].code; code.IsCode(p, nil) && !migrations[p] && (other == nil || !other.MatchString(p)) {
			paths = append(paths, p)
		}
	}
	found, err := code.Find(t.Context(), project, paths, code.AllNames())
	if err != nil {
		return nil, err
	}
	for _, u := range found.Unread {
		t.Logf("%s: not read: %s", project.Name, u)
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(found.Queries, func(q code.Query) bool {
		again := seen[q.SQL]
		seen[q.SQL] = true
		return again
	}), nil
}

// comparison is that of one database's queries.
type comparison struct {
	t       *testing.T
	project *corpus.Project
	queries []code.Query
	parsed  []*resolve.Query
	tallies map[string]*tally // by source of the queries
	seen    map[string]*disagreement
	order   []*disagreement
	unclear map[string][]string // queries by the reason why they are not understood
}

// tally counts. Verdicts are of one query on one schema.
type tally struct {
	queries    int // different texts
	understood int // of them, on the newest schema
	works      int // of them, on the newest schema as the server has it

	verdicts  int // of understood queries, that the server could be asked about
	agree     int // it works on both, or fails on both with the same SQLSTATE
	fail      int // of them, those that fail
	otherCode int // it fails on both, with another SQLSTATE
	alarms    int // it works on the server and is called broken, understood or not
	missed    int // it fails on the server and is said to work
}

// disagreement is one that was seen on one schema or more.
type disagreement struct {
	query    code.Query
	text     string
	schemas  int
	atNewest bool
}

// replay plays the migrations on both sides, and compares at every point.
func (c *comparison) replay(server *pgtest.Server, db layout.Database) {
	c.parsed = make([]*resolve.Query, len(c.queries))
	for i, q := range c.queries {
		p, err := resolve.Parse(q.SQL)
		if err != nil {
			c.t.Errorf("%s:%d: %s is refused: %v", q.Path, q.Line, q.SQL, err)
			continue
		}
		c.parsed[i] = p
	}
	s := &judge.Session{Conn: server.NewDatabase(c.t), Catalog: catalog.New(), Roles: true}
	s.Catalog.Version = server.Version
	_, unread, err := s.Replay(c.t.Context(), db, c.project.Migration, func(toCome int) error {
		if toCome > points {
			return nil
		}
		return c.at(s, toCome == 0)
	})
	if err != nil {
		c.t.Fatal(err)
	}
	for _, u := range unread {
		c.t.Logf("not read: %s", u)
	}
}

// at compares the verdicts on one schema. Which search path the application sets is
// not known: what its migrations' path lacks is looked for in every schema.
func (c *comparison) at(s *judge.Session, newest bool) error {
	ctx := c.t.Context()
	here := s.Catalog.Clone()
	for _, name := range slices.Sorted(maps.Keys(here.Schemas)) {
		if !slices.Contains(here.SearchPath, name) && !strings.HasPrefix(name, "pg_") && name != "information_schema" {
			here.SearchPath = append(here.SearchPath, name)
		}
	}
	var path []string
	for _, name := range here.SearchPath {
		path = append(path, pgx.Identifier{name}.Sanitize())
	}
	if _, err := s.Conn.Exec(ctx, "SET search_path = "+strings.Join(path, ", ")); err != nil {
		return fmt.Errorf("set the search path: %w", err)
	}
	for i, q := range c.queries {
		if c.parsed[i] != nil {
			if err := c.compare(ctx, s.Conn, here, i, newest); err != nil {
				return fmt.Errorf("%s:%d: %w", q.Path, q.Line, err)
			}
		}
	}
	return s.EndSession(ctx)
}

func (c *comparison) compare(ctx context.Context, conn *pgx.Conn, here *catalog.Catalog, i int, newest bool) error {
	q := c.queries[i]
	sum := c.tallies[q.Source]
	if sum == nil {
		sum = &tally{}
		c.tallies[q.Source] = sum
	}
	r := c.parsed[i].On(here)
	why := q.Partial
	if why == "" && len(r.Unclear) > 0 {
		why = r.Unclear[0]
	}
	understood := why == ""
	if newest {
		sum.queries++
		if understood {
			sum.understood++
		} else {
			c.unclear[why] = append(c.unclear[why], fmt.Sprintf("%s:%d %s", q.Path, q.Line, short(q.SQL)))
		}
	}
	ours, reason := "", ""
	if len(r.Failures) > 0 {
		ours, reason = r.Failures[0].SQLState, r.Failures[0].Reason
	}
	if strings.Contains(q.SQL, resolve.Hole) {
		if ours != "" && newest { // a server cannot be asked: whoever runs this reads it
			c.t.Logf("broken on the newest schema, with a part that is not known: %s:%d: %s %s: %s", q.Path, q.Line, ours, reason, short(q.SQL))
		}
		return nil
	}
	v, err := judge.Ask(ctx, conn, q.SQL)
	if err != nil {
		return err
	}
	if !v.Asked || !understood && ours == "" {
		return nil
	}
	if understood {
		sum.verdicts++
		if newest && v.Code == "" {
			sum.works++
		}
	}
	how := ""
	switch {
	case v.Code == "" && ours != "":
		sum.alarms++
		how = "works, and is called broken"
	case !understood:
		return nil
	case v.Code == ours:
		sum.agree++
		if ours != "" {
			sum.fail++
			if newest {
				c.t.Logf("fails on the newest schema: %s:%d %s: %s: %s", q.Path, q.Line, v.Code, v.Message, short(q.SQL))
			}
		}
	case ours != "":
		sum.otherCode++
		how = "fails in another way"
	default:
		sum.missed++
		how = "fails, and is said to work"
	}
	if how == "" {
		return nil
	}
	text := fmt.Sprintf("%s: the server says %s %s, this %s %s", how, v.Code, v.Message, ours, reason)
	key := q.SQL + "\x00" + text
	d := c.seen[key]
	if d == nil {
		d = &disagreement{query: q, text: text}
		c.seen[key] = d
		c.order = append(c.order, d)
	}
	d.schemas++
	d.atNewest = d.atNewest || newest
	return nil
}

// report tells what was not understood, and every disagreement. It fails the test for
// one that is not known.
func (c *comparison) report() {
	for _, why := range slices.SortedFunc(maps.Keys(c.unclear), func(a, b string) int { return len(c.unclear[b]) - len(c.unclear[a]) }) {
		c.t.Logf("not understood %5d: %s, as %s", len(c.unclear[why]), why, c.unclear[why][0])
	}
	for _, d := range c.order {
		where := "on earlier schemas"
		if d.atNewest {
			where = "on the newest schema"
		}
		line := fmt.Sprintf("%s:%d %s %s (%d in all): %s: %s", d.query.Path, d.query.Line, d.query.Name, where, d.schemas, d.text, short(d.query.SQL))
		known := knownDisagreements[c.project.Name]
		if i := slices.IndexFunc(known, func(k knownDisagreement) bool { return k.is.MatchString(line) }); i >= 0 {
			c.t.Logf("known, %s: %s", known[i].reason, line)
		} else {
			c.t.Error(line)
		}
	}
}

func short(sql string) string {
	sql = strings.Join(strings.Fields(sql), " ")
	if len(sql) > 400 {
		sql = strings.ToValidUTF8(sql[:400], "") + "..."
	}
	return sql
}

// elsewhere is what of a project is not compared: the code that talks to another
// database, and the databases that no code of it talks to.
var elsewhere = map[string]struct{ code, databases *regexp.Regexp }{
	"riverqueue+river": {
		code:      regexp.MustCompile(`^riverdriver/(riversqlite|riverdrivertest)/`), // SQLite
		databases: regexp.MustCompile(`^rivermigrate/`),                              // examples of migrations for tests
	},
}

// knownDisagreement is one that is allowed, and why.
type knownDisagreement struct {
	is     *regexp.Regexp // of the line that reports it
	reason string
}

// knownDisagreements are all that are left, by project. docs/query-agreement.md tells them too.
var knownDisagreements = map[string][]knownDisagreement{
	"Tamarou+Registry": {
		{regexp.MustCompile(`^sql/verify/.*works, and is called broken: .* column "(event_type|capacity)" does not exist`), "a DO block adds the columns by EXECUTE of a text that is put together at run time"},
	},
	"cloudfoundry+uaa": {
		{regexp.MustCompile(`said to work: the server says 42P18 could not determine data type of parameter`), "PREPARE is not told the parameters' types, the Java driver tells them"},
	},
}

// tables are the counts of a whole run.
type tables struct {
	databases []string
	tallies   []map[string]*tally
}

func (a *tables) add(database string, tallies map[string]*tally) {
	a.databases = append(a.databases, database)
	a.tallies = append(a.tallies, tallies)
}

// String shows a row for each database, with all its queries, and below it one for each source of queries.
func (a *tables) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "database\tsource\tqueries\tunderstood\twork\tverdicts\tagree\tof them fail\tother SQLSTATE\tcalled broken\tsaid to work\t")
	total := map[string]*tally{}
	row := func(name, source string, n *tally) {
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n", name, source, n.queries, n.understood, n.works, n.verdicts, n.agree, n.fail, n.otherCode, n.alarms, n.missed)
	}
	rows := func(name string, tallies map[string]*tally) {
		sum := &tally{}
		for _, n := range tallies {
			sum.plus(n)
		}
		row(name, "all", sum)
		for _, source := range slices.Sorted(maps.Keys(tallies)) {
			row("", source, tallies[source])
		}
	}
	for i, name := range a.databases {
		rows(name, a.tallies[i])
		for source, n := range a.tallies[i] {
			if total[source] == nil {
				total[source] = &tally{}
			}
			total[source].plus(n)
		}
	}
	rows("all", total)
	w.Flush()
	return b.String()
}

func (n *tally) plus(m *tally) {
	n.queries += m.queries
	n.understood += m.understood
	n.works += m.works
	n.verdicts += m.verdicts
	n.agree += m.agree
	n.fail += m.fail
	n.otherCode += m.otherCode
	n.alarms += m.alarms
	n.missed += m.missed
}
