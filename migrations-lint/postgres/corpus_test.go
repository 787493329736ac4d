package postgres

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

// refusedShare is how much of a project's statements may be refused by the parser.
// In the ten projects that it was found on, what is refused is broken in the project
// itself (a semicolon that is missing) or another database's SQL.
const refusedShare = 0.01

// TestCorpus parses every .sql file of the folders in PMCHECK_CORPUS, one project
// each, and shows with -v what was not analysed. Templates are left out: they are
// no SQL before they are filled in.
func TestCorpus(t *testing.T) {
	root := os.Getenv("PMCHECK_CORPUS")
	if root == "" {
		t.Skip("PMCHECK_CORPUS names no folder of projects with .sql files")
	}
	projects, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, project := range projects {
		if !project.IsDir() {
			continue
		}
		t.Run(project.Name(), func(t *testing.T) {
			folder := filepath.Join(root, project.Name())
			files, statements, operations := 0, 0, 0
			problems := map[ProblemKind]int{}
			err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
				if err != nil || entry.IsDir() || filepath.Ext(path) != ".sql" {
					return err
				}
				content, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				sql := string(content)
				if strings.Contains(sql, "{{") {
					return nil
				}
				files++
				script := Parse(sql)
				check(t, sql, script)
				name, _ := filepath.Rel(folder, path)
				report := func(p Problem) {
					problems[p.Kind]++
					t.Logf("%s:%d: %s: %s", name, 1+strings.Count(sql[:p.Offset], "\n"), p.Kind, p.Reason)
				}
				for _, p := range script.Problems {
					report(p)
				}
				for _, st := range script.Statements {
					statements++
					operations += len(st.Ops)
					for _, p := range st.Problems {
						report(p)
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d files, %d statements, %d operations, problems: %v", files, statements, operations, problems)
			if share := float64(problems[Syntax]) / float64(max(statements, 1)); share > refusedShare {
				t.Errorf("%.1f%% of the statements are refused", 100*share)
			}
		})
	}
}

// TestCorpusBodies reads the PL/pgSQL functions of the projects as if they were DO
// blocks: in each as many statements must be found as PostgreSQL's own PL/pgSQL
// parser finds.
func TestCorpusBodies(t *testing.T) {
	root := os.Getenv("PMCHECK_CORPUS")
	if root == "" {
		t.Skip("PMCHECK_CORPUS names no folder of projects with .sql files")
	}
	bodies := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".sql" {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		sql := string(content)
		for _, st := range Parse(sql).Statements {
			if len(st.Ops) != 1 || st.Ops[0].Within != "" {
				continue
			}
			f, ok := st.Ops[0].Op.(catalog.CreateFunction)
			if !ok || f.Language != "plpgsql" || bodies[f.Body] {
				continue
			}
			json, err := pg.ParsePlPgSqlToJSON(sql[st.Start:st.End])
			if err != nil {
				continue
			}
			bodies[f.Body] = true
			want := 0
			for _, kind := range []string{"execsql", "perform", "dynexecute", "fors"} {
				want += strings.Count(json, `"PLpgSQL_stmt_`+kind+`"`)
			}
			found := map[int]bool{}
			for _, do := range Parse("DO $do$" + f.Body + "$do$").Statements {
				for _, op := range do.Ops {
					found[op.Start] = true
				}
				for _, p := range do.Problems {
					if p.Kind == Dynamic {
						found[p.Offset] = true
					} else if p.Kind != Unsupported {
						t.Errorf("%s: %s: %s", path, f.On, p.Reason)
					}
				}
			}
			if len(found) < want {
				t.Errorf("%s: %s: %d statements, PostgreSQL finds %d", path, f.On, len(found), want)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bodies", len(bodies))
}
