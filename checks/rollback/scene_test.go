package rollback

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pmcheck/pmcheck/internal/pgtest"
)

// scene is the service in production: a database on a real server, and the release that is live, as a file says that a deploy writes.
type scene struct {
	*service
	db   *pgx.Conn
	live string // the file
}

// newScene has v4 live, with the first migrations run.
func newScene(t *testing.T, migrations int) *scene {
	t.Helper()
	s := &scene{service: newService(t), db: pgtest.Servers(t)[0].NewDatabase(t), live: filepath.Join(t.TempDir(), "live")}
	s.exec(t, "CREATE TABLE schema_migrations (version varchar PRIMARY KEY)")
	for n := 1; n <= migrations; n++ {
		s.exec(t, s.git(t, "show", fmt.Sprintf("v4:migrations/%04d_m.up.sql", n)))
		s.exec(t, fmt.Sprintf("INSERT INTO schema_migrations VALUES ('%04d')", n))
	}
	s.deploy(t, s.commits["v4"])
	return s
}

func (s *scene) exec(t *testing.T, sql string) {
	t.Helper()
	if _, err := s.db.Exec(t.Context(), sql, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// deploy is what the deploy's script does.
func (s *scene) deploy(t *testing.T, commit string) {
	t.Helper()
	if err := os.WriteFile(s.live, []byte(commit), 0o666); err != nil {
		t.Fatal(err)
	}
}

func (s *scene) deployed(t *testing.T) string {
	t.Helper()
	commit, err := os.ReadFile(s.live)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(commit))
}

var named = regexp.MustCompile(`(?m)^-- name: (\w+) :\w+\n([^;]+);`)

// serve has the live release send each of its queries to the server. It is those that failed, by SQLSTATE.
func (s *scene) serve(t *testing.T) []string {
	t.Helper()
	var failed []string
	queries := named.FindAllStringSubmatch(s.git(t, "show", s.deployed(t)+":queries/customers.sql"), -1)
	if len(queries) != 2 {
		t.Fatalf("the release has %d queries", len(queries))
	}
	for _, q := range queries {
		rows, err := s.db.Query(t.Context(), q[2], int64(1))
		if err == nil {
			rows.Close()
			err = rows.Err()
		}
		var refused *pgconn.PgError
		switch {
		case errors.As(err, &refused):
			failed = append(failed, q[1]+" "+refused.Code)
		case err != nil:
			t.Fatal(err)
		}
	}
	return failed
}

// options roll back by the same script.
func (s *scene) options(out *bytes.Buffer) Options {
	o := s.service.options()
	o.By, o.Parameters, o.Out = ByCommand, nil, Output{Stdout: out, Stderr: out}
	o.Command = []string{"sh", "-c", `printf %s "$1" > "$2" && echo "deployed $PMCHECK_TO"`, "deploy", "{commit}", s.live}
	return o
}

// TestScene rolls a service back on a real server: where it would break, and where it does not.
func TestScene(t *testing.T) {
	var out bytes.Buffer
	t.Run("a blind rollback breaks the service, and is refused", func(t *testing.T) {
		for _, asks := range []bool{false, true} {
			s := newScene(t, 3)
			if failed := s.serve(t); failed != nil {
				t.Fatalf("v4 does not serve: %v", failed)
			}
			s.deploy(t, s.commits["v1"])
			if failed := s.serve(t); !slices.Equal(failed, []string{"ByID 42703", "Rename 42703"}) {
				t.Fatalf("the scene is none: on the server v1 fails with %v", failed)
			}
			s.deploy(t, s.commits["v4"])
			o := s.options(&out)
			o.To = "v1"
			if asks {
				o.DatabaseURL = s.db.Config().ConnString()
			}
			r, err := s.run(t, o)
			if err != nil || r.Outcome != Refused {
				t.Fatalf("got %+v, %v", r, err)
			}
			var got []string
			for _, b := range r.Answer.Breaks {
				got = append(got, b.Query+" "+b.SQLState)
			}
			if !slices.Equal(got, []string{"ByID 42703", "Rename 42703"}) || r.Answer.Breaks[0].Migrations[0].Place.Path != "migrations/0003_m.up.sql" {
				t.Errorf("it is refused for %+v", r.Answer.Breaks)
			}
			if s.deployed(t) != s.commits["v4"] || s.serve(t) != nil {
				t.Error("the service is not as it was before")
			}
			// What it names instead does serve.
			o.To = r.NewestThatWorks.Commit
			if r, err = s.run(t, o); err != nil || r.Outcome != RolledBack || s.deployed(t) != s.commits["v3"] || s.serve(t) != nil {
				t.Errorf("got %+v, %v, live is %s", r, err, s.deployed(t))
			}
		}
	})
	t.Run("a rollback that is fine goes ahead", func(t *testing.T) {
		s := newScene(t, 3)
		o := s.options(&out)
		o.To = "v2" // before the migration, and nothing of it reads what that drops
		out.Reset()
		r, err := s.run(t, o)
		if err != nil || r.Outcome != RolledBack || r.Answer.Same || r.Answer.Checked == 0 || *r.Exit != 0 {
			t.Fatalf("got %+v, %v", r, err)
		}
		if s.deployed(t) != s.commits["v2"] || s.serve(t) != nil || out.String() != "deployed v2\n" && out.String() != "deployed "+s.commits["v2"]+"\n" {
			t.Errorf("live is %s, the command said %q", s.deployed(t), out.String())
		}
	})
	t.Run("the deploy failed before its migration ran", func(t *testing.T) {
		s := newScene(t, 2)
		s.deploy(t, s.commits["v2"])
		o := s.options(&out)
		o.To = "v1"
		if r, err := s.run(t, o); err != nil || r.Outcome != Refused {
			t.Errorf("by the files alone: %+v, %v", r, err)
		}
		o.DatabaseURL = s.db.Config().ConnString()
		r, err := s.run(t, o)
		if err != nil || r.Outcome != RolledBack || s.deployed(t) != s.commits["v1"] || s.serve(t) != nil {
			t.Errorf("with the database: %+v, %v", r, err)
		}
	})
	t.Run("what the database does not say is no go", func(t *testing.T) {
		s := newScene(t, 3)
		for _, test := range []struct{ sql, back, want string }{
			{"INSERT INTO schema_migrations VALUES ('0009')", "DELETE FROM schema_migrations WHERE version = '0009'", "has run 0009, which no file here is"},
			{"ALTER TABLE schema_migrations RENAME TO other", "ALTER TABLE other RENAME TO schema_migrations", "does not say which of the migrations it has run"},
			{"ALTER TABLE customers ALTER full_name TYPE json USING NULL", "ALTER TABLE customers ALTER full_name TYPE text", "full_name is changed"},
			{"ALTER TABLE customers DROP COLUMN full_name", "ALTER TABLE customers ADD COLUMN full_name text", "column customers.full_name is removed"},
		} {
			s.exec(t, test.sql)
			o := s.options(&out)
			o.To, o.DatabaseURL = "v2", s.db.Config().ConnString()
			r, err := s.run(t, o)
			if err == nil || r.Outcome != Unknown || !strings.Contains(r.Why, test.want) || s.deployed(t) != s.commits["v4"] {
				t.Errorf("%s: %+v, %v", test.sql, r, err)
			}
			s.exec(t, test.back)
		}
		o := s.options(&out)
		o.DatabaseURL = "postgres://app:geheim@127.0.0.1:1/app"
		if r, err := s.run(t, o); err == nil || r.Outcome != Unknown || strings.Contains(err.Error(), "geheim") || s.deployed(t) != s.commits["v4"] {
			t.Errorf("nobody answers: %+v, %v", r, err)
		}
	})
	t.Run("the command fails", func(t *testing.T) {
		s := newScene(t, 3)
		o := s.options(&out)
		o.Command = []string{"sh", "-c", "exit 7"}
		if r, err := s.run(t, o); err != nil || r.Outcome != Failed || *r.Exit != 7 {
			t.Errorf("got %+v, %v", r, err)
		}
		o.Command = []string{"./no-such-program"}
		if r, err := s.run(t, o); err == nil || r.Outcome != Unknown || r.Exit != nil {
			t.Errorf("not there: %+v, %v", r, err)
		}
		o.Command, o.Timeout = []string{"sleep", "600"}, time.Millisecond
		if r, err := s.run(t, o); err == nil || r.Outcome != Unknown || !strings.Contains(r.Why, "it has not ended within 1ms") {
			t.Errorf("without end: %+v, %v", r, err)
		}
	})
}
