package resolve_test

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
	"github.com/pmcheck/pmcheck/migrations-lint/postgres"
	"github.com/pmcheck/pmcheck/migrations-lint/resolve"
)

const (
	historySchema  = "coderd/database/dump.sql"
	historyQueries = "coderd/database/queries.sql.go"
)

// TestHistory judges the queries of a real project on the schemas before and after
// each of its changes, and compares what breaks with what a server said. The folder of
// PMCHECK_CORPUS holds coder.tsv (one broken query a line), coder-changes.tsv and the
// bare repository coder/repo.
func TestHistory(t *testing.T) {
	corpus := os.Getenv("PMCHECK_CORPUS")
	repo := filepath.Join(corpus, "coder", "repo")
	if _, err := os.Stat(filepath.Join(corpus, "coder.tsv")); corpus == "" || err != nil {
		t.Skip("PMCHECK_CORPUS does not name a folder with coder.tsv")
	}
	truth := map[string]string{} // by commit, direction, query: the server's words
	for _, row := range table(t, filepath.Join(corpus, "coder.tsv")) {
		truth[row[0]+" "+row[2]+" "+row[3]] = row[5]
	}
	schemas := map[string]*catalog.Catalog{}
	schema := func(revision string) *catalog.Catalog {
		blob := git(t, repo, "rev-parse", revision+":"+historySchema)
		if schemas[blob] == nil {
			schemas[blob] = load(t, git(t, repo, "show", blob))
		}
		return schemas[blob]
	}
	parsed := map[string]*resolve.Query{}
	judged, understood, right, worded, beyond := 0, 0, 0, 0, 0
	servers := judges(t)
	var conn *pgx.Conn
	unclear := map[string]int{}
	atHome := map[string]bool{}
	for _, row := range table(t, filepath.Join(corpus, "coder-changes.tsv")) {
		commit := row[0]
		for direction, revisions := range map[string][2]string{"old-code/new-schema": {commit + "^1", commit}, "new-code/old-schema": {commit, commit + "^1"}} {
			home, other := schema(revisions[0]), schema(revisions[1])
			for name, sql := range constants(t, git(t, repo, "show", revisions[0]+":"+historyQueries)) {
				if parsed[sql] == nil {
					q, err := resolve.Parse(sql)
					if err != nil {
						t.Fatalf("%s %s: %v", commit, name, err)
					}
					parsed[sql] = q
				}
				judged++
				at := parsed[sql].On(home)
				if len(at.Failures) > 0 {
					key := name + at.Failures[0].Reason
					if !atHome[key] {
						atHome[key] = true
						if conn == nil {
							conn = servers[len(servers)-1].NewDatabase(t)
						}
						script := git(t, repo, "show", revisions[0]+":"+historySchema)
						if v := askOn(t, conn, script, sql); v.state != at.Failures[0].SQLState {
							t.Errorf("%s %s: %s is called broken where it works: %s (%s), the server says %q", commit[:9], direction, name, at.Failures[0].Reason, at.Failures[0].SQLState, v.message)
						} else {
							t.Logf("%s: %s does not work where it comes from: %s", commit[:9], name, v.message)
						}
					}
					continue // the server does not take it where it comes from either
				}
				there := parsed[sql].On(other)
				if len(there.Unclear)+len(at.Unclear) == 0 {
					understood++
				}
				for _, reason := range there.Unclear {
					unclear[reason]++
				}
				said, breaks := truth[commit+" "+direction+" "+name]
				switch {
				case !breaks && len(there.Failures) > 0 && there.Failures[0].Level == resolve.AtExecution && direction == "new-code/old-schema":
					beyond++ // the truth lists required columns of old code only
					t.Logf("%s %s: beyond the truth: %s: %s", commit[:9], direction, name, there.Failures[0].Reason)
					continue
				case breaks != (len(there.Failures) > 0):
					t.Errorf("%s %s: %s: the server says %q, this %v; unclear %v", commit[:9], direction, name, said, there.Failures, there.Unclear)
					continue
				case breaks:
					reason := "ERROR: " + there.Failures[0].Reason + " (SQLSTATE " + there.Failures[0].SQLState + ")"
					if there.Failures[0].SQLState == "23502" {
						reason = "INSERT lacks required " + there.Failures[0].Object.Relation + "." + there.Failures[0].Object.Name
					}
					if reason == said {
						worded++
					} else {
						t.Logf("%s %s: %s: the server says %q, this %q", commit[:9], direction, name, said, reason)
					}
				}
				right++
			}
		}
	}
	t.Logf("%d judged, %d understood, %d right, %d breaks that the truth does not list; %d of %d breaks in the server's words", judged, understood, right, beyond, worded, len(truth))
	for _, reason := range slices.SortedFunc(maps.Keys(unclear), func(a, b string) int { return unclear[b] - unclear[a] }) {
		t.Logf("unclear %6d: %s", unclear[reason], reason)
	}
}

// askOn prepares a query on a schema of its own.
func askOn(t *testing.T, conn *pgx.Conn, schema, sql string) verdict {
	t.Helper()
	ctx := context.Background()
	pg := conn.PgConn()
	if _, err := pg.Exec(ctx, "DROP SCHEMA public CASCADE; CREATE SCHEMA public; "+schema+"; SET search_path = public").ReadAll(); err != nil {
		t.Fatal(err)
	}
	return ask(t, conn, sql, false)
}

func table(t *testing.T, path string) [][]string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	for line := range strings.Lines(string(text)) {
		if fields := strings.Split(strings.TrimRight(line, "\n"), "\t"); fields[0] != "commit" {
			rows = append(rows, fields)
		}
	}
	return rows
}

func git(t *testing.T, repo string, args ...string) string {
	t.Helper()
	out, err := exec.Command("git", append([]string{"-C", repo}, args...)...).Output()
	if err != nil {
		t.Fatalf("git %v: %v", args, err)
	}
	return strings.TrimSuffix(string(out), "\n")
}

// load is the catalog that a script makes.
func load(t testing.TB, script string) *catalog.Catalog {
	t.Helper()
	c := catalog.New()
	for _, s := range postgres.Parse(script).Statements {
		for _, op := range s.Ops {
			if err := c.Apply(op.Op); err != nil {
				t.Fatalf("%s: %v", script[s.Start:s.End], err)
			}
		}
	}
	return c
}

// constants are the queries that sqlc has generated, by sqlc's name.
func constants(t *testing.T, source string) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "queries.sql.go", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	queries := map[string]string{}
	for _, d := range file.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, s := range g.Specs {
			v := s.(*ast.ValueSpec)
			if lit, ok := v.Values[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
				sql, err := strconv.Unquote(lit.Value)
				if err != nil {
					t.Fatal(err)
				}
				var name string
				if _, err := fmt.Sscanf(sql, "-- name: %s", &name); err == nil {
					queries[name] = sql
				}
			}
		}
	}
	return queries
}
