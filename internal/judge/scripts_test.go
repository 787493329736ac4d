package judge_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/pmcheck/pmcheck/internal/judge"
	"github.com/pmcheck/pmcheck/internal/pgtest"
	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

// script is one of testdata/scripts, for the server versions from and up to.
type script struct {
	name, sql string
	from, to  int
}

var scriptHead = regexp.MustCompile(`(?m)^-- script: (.*?)(?: \[(\d*)-(\d*)\])?$`)

func scripts(t *testing.T) []script {
	t.Helper()
	paths, err := filepath.Glob("testdata/scripts/*.sql")
	if err != nil || len(paths) == 0 {
		t.Fatal("no scripts in testdata/scripts", err)
	}
	var list []script
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text := string(content)
		heads := scriptHead.FindAllStringSubmatchIndex(text, -1)
		for i, head := range heads {
			end := len(text)
			if i+1 < len(heads) {
				end = heads[i+1][0]
			}
			number := func(group, otherwise int) int {
				if head[2*group] < 0 || head[2*group] == head[2*group+1] {
					return otherwise
				}
				n, err := strconv.Atoi(text[head[2*group]:head[2*group+1]])
				if err != nil {
					t.Fatal(err)
				}
				return n
			}
			list = append(list, script{
				name: strings.TrimSuffix(filepath.Base(path), ".sql") + ": " + text[head[2]:head[3]],
				sql:  text[head[1]:end], from: number(2, 0), to: number(3, 99),
			})
		}
	}
	return list
}

// TestScripts plays every script of testdata/scripts, each statement on its own, on
// every server and in the catalog: they must end alike, and refuse the same
// statements with the same SQLSTATE.
func TestScripts(t *testing.T) {
	list := scripts(t)
	for _, server := range pgtest.Servers(t) {
		t.Run(fmt.Sprintf("PostgreSQL %d", server.Version), func(t *testing.T) {
			conn := server.NewDatabase(t)
			statements, refused, objects := 0, 0, 0
			for _, script := range list {
				if server.Version < script.from || server.Version > script.to {
					continue
				}
				ctx := context.Background()
				if err := empty(ctx, conn); err != nil {
					conn = server.NewDatabase(t)
				}
				s := &judge.Session{Conn: conn, Catalog: catalog.New()}
				s.Catalog.Version = server.Version
				if err := s.Play(ctx, script.name, script.sql, false); err != nil {
					t.Fatal(err)
				}
				if err := s.EndSession(ctx); err != nil {
					t.Fatal(err)
				}
				onServer, err := judge.OfServer(ctx, conn)
				if err != nil {
					t.Fatal(err)
				}
				res := judge.Compare(onServer, judge.OfCatalog(s.Catalog))
				for _, d := range append(append(s.NotPlayed, s.Disagreed...), res.Differences...) {
					t.Errorf("%s: %s", script.name, strings.TrimPrefix(d, script.name+":"))
				}
				statements, refused, objects = statements+s.Statements, refused+len(s.Refused), objects+res.Compared
			}
			t.Logf("%d statements, %d of them refused by both, %d objects compared", statements, refused, objects)
		})
	}
}

// empty takes everything out of a database that scripts have put in.
func empty(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, `DO $$
		DECLARE name text;
		BEGIN
			FOR name IN SELECT extname FROM pg_extension WHERE extname <> 'plpgsql' LOOP
				EXECUTE format('DROP EXTENSION IF EXISTS %I CASCADE', name);
			END LOOP;
			FOR name IN SELECT nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg\_%' AND nspname <> 'information_schema' LOOP
				EXECUTE format('DROP SCHEMA %I CASCADE', name);
			END LOOP;
			CREATE SCHEMA public;
		END $$`)
	return err
}
