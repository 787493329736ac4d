package layout

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/txtar"
)

// FuzzSQL gives any content to any framework. Whatever comes out keeps the places of what went in.
func FuzzSQL(f *testing.F) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range archives {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			if strings.HasSuffix(file.Name, ".sql") {
				for i := range frameworks() {
					f.Add(uint8(i), i%2 == 0, file.Data)
				}
			}
		}
	}
	for _, seed := range []string{"", "\x00", "\xff\xfe", "\xef\xbb\xbf", "{{", "{{{{", "${", "$$", "'", "/*", "-- +goose Up", "\\set a :a", "{{ if }}{{ end", strings.Repeat("(", 10000),
		strings.Repeat("{{ if }}", 2000), strings.Repeat("$a$", 3000), strings.Repeat("'${a}", 3000)} {
		for i := range frameworks() {
			f.Add(uint8(i), true, []byte(seed))
		}
	}
	f.Fuzz(func(t *testing.T, framework uint8, up bool, content []byte) {
		fw := frameworks()[int(framework)%len(frameworks())]
		direction := Down
		if up {
			direction = Up
		}
		m := Migration{Path: "m.sql", Direction: direction, Transaction: fw.transaction, framework: fw, engine: Postgres,
			values: values{"a": "one\ntwo", "b": ""}, includes: map[string]string{"x": string(content), "y": `{{ template "x" . }}`},
			variant: variant{splits: true, standalone: true}}
		s, err := m.SQL(content)
		if err != nil {
			if s.Text != "" || !strings.HasPrefix(err.Error(), "m.sql:") {
				t.Errorf("the error %q comes with the text %q", err, s.Text)
			}
			return
		}
		last := 0
		for i := range len(s.Text) + 1 {
			at := s.Offset(i)
			if at < last || at > len(content) {
				t.Fatalf("offset %d is %d of %d, after %d", i, at, len(content), last)
			}
			last = at
		}
		if len(s.pieces) == 0 {
			if len(s.Text) != len(content) {
				t.Errorf("%d bytes became %d", len(content), len(s.Text))
			}
			if a, b := strings.Count(string(content), "\n"), strings.Count(s.Text, "\n"); a > b {
				t.Errorf("%d line ends became %d", a, b)
			}
			if utf8.Valid(content) && !utf8.ValidString(s.Text) {
				t.Errorf("valid text became invalid")
			}
		}
		if s.Absent && strings.TrimSpace(s.Text) != "" && !strings.HasPrefix(strings.TrimSpace(s.Text), "--") {
			t.Errorf("absent, and yet %q", s.Text)
		}
		for _, q := range s.Statements {
			if q.Start < 0 || q.End < q.Start || q.End > len(s.Text) {
				t.Errorf("a query is %d to %d of %d", q.Start, q.End, len(s.Text))
			}
		}
		for _, d := range s.Directives {
			if d.Offset < 0 || d.Offset > len(content) {
				t.Errorf("a directive is at %d of %d", d.Offset, len(content))
			}
		}
		for _, in := range s.StandIns {
			if in.Offset < 0 || in.Offset > len(content) {
				t.Errorf("a stand-in is at %d of %d", in.Offset, len(content))
			}
		}
	})
}

// FuzzDetect gives any names to detection, with a content that any framework may find its directive in.
func FuzzDetect(f *testing.F) {
	f.Add("go.mod\nmigrations/1_a.up.sql\nmigrations/1_a.down.sql", "-- +goose Up\nSELECT 1;")
	f.Add("diesel.toml\nmigrations/2024-01-01-000000_a/up.sql\nmigrations/2024-01-01-000000_a/metadata.toml", "run_in_transaction = false")
	f.Add("drizzle/meta/_journal.json\ndrizzle/0000_a.sql", `{"entries":[{"tag":"0000_a"},{"tag":"../x"}]}`)
	f.Add("sqitch.plan\nsqitch.conf\ndeploy/a.sql\nrevert/a.sql", "%project=a\n\na 2024-01-01T00:00:00Z A <a@a>\n@v\na\n")
	f.Add("db/changelog/master.yaml\ndb/changelog/a.sql", "--liquibase formatted sql\n--changeset a:1\ndatabaseChangeLog changeSet a.sql master.yaml")
	f.Add("m/V1__a.sql\nm/V1__a.sql.conf\nflyway.toml\nm/B2__b.sql\nm/R__c.sql", "[flyway]\nmixed = true\n")
	f.Add("up.sql\ndown.sql\nmigration.sql\n1.sql\n/x.sql\na//b.sql\n..\n../1_a.sql\n\xff/1_\xff.up.sql", "")
	f.Add("db/migrate/1_a.rb\nversions/a.py\nenv.py\nx/migrations/0001_a.py\nmanage.py", "")
	f.Fuzz(func(t *testing.T, names, content string) {
		tree := mapTree{}
		for name := range strings.SplitSeq(names, "\n") {
			tree[name] = content
		}
		dbs, err := Detect(tree, nil)
		if err != nil {
			if !slices.ContainsFunc(tree.Paths(), func(p string) bool { return strings.Contains(err.Error(), p) }) {
				t.Errorf("the error names no file: %v", err)
			}
			return
		}
		seen := map[string]bool{}
		for _, db := range dbs {
			if db.Name == "" || db.Root == "" || db.Framework == "" || db.Why == "" {
				t.Errorf("a database without identity: %+v", db)
			}
			if seen[db.Name] {
				t.Errorf("two databases are called %q", db.Name)
			}
			seen[db.Name] = true
			for _, m := range db.Migrations {
				if _, ok := tree[m.Path]; !ok {
					t.Errorf("%q is listed and not in the tree", m.Path)
				}
				if m.Transaction == "" || m.TransactionWhy == "" || m.Direction == "" {
					t.Errorf("%q lacks a transaction or direction: %+v", m.Path, m)
				}
				if _, err := m.SQL([]byte(content)); err != nil && !strings.Contains(err.Error(), m.Path) {
					t.Errorf("the error does not name %q: %v", m.Path, err)
				}
			}
		}
		again, err := Detect(tree, nil)
		if err != nil || len(again) != len(dbs) {
			t.Fatalf("the second time %d databases, %v", len(again), err)
		}
		for i := range dbs {
			if dbs[i].Name != again[i].Name || dbs[i].Framework != again[i].Framework || len(dbs[i].Migrations) != len(again[i].Migrations) {
				t.Errorf("the second time %+v, first %+v", again[i], dbs[i])
			}
		}
	})
}

// TestLargeInput gives every framework what would take far longer than the limit if anything were worse than linear.
func TestLargeInput(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	const (
		size  = 1 << 17
		limit = 5 * time.Second
	)
	inputs := map[string]string{}
	for _, unit := range []string{"(", "{{", "{{\"", "${", "${a", "'", "''", "$a", "$a$", "/*", "--", "-- +goose Up\n", "-- migrate:up\n-- migrate:down\n", "-- +migrate Up\n",
		"--rollback x\n", "--changeset a:1\n", "/* liquibase rollback\n", "{{ if . }}", "{{ end }}", ":a", ":'a'", "\\set a b\n", "SELECT 1;", "\n", "-- atlas:txmode\n", "--> statement-breakpoint",
		"$x '", "{{ template \"x\" . }}"} {
		inputs[unit] = strings.Repeat(unit, size/len(unit))
		inputs["goose "+unit] = "-- +goose Up\n-- +goose ENVSUB ON\n" + inputs[unit] + ";"
	}
	for _, fw := range frameworks() {
		for _, name := range slices.Sorted(maps.Keys(inputs)) {
			m := Migration{Path: "m.sql", Direction: Up, Transaction: fw.transaction, framework: fw, engine: Postgres, variant: variant{standalone: true}, includes: map[string]string{"x": "y"}}
			start := time.Now()
			if _, err := m.SQL([]byte(inputs[name])); err != nil && len(err.Error()) > 200 {
				t.Errorf("%s, %q: an error of %d bytes", fw.name, name, len(err.Error()))
			}
			if took := time.Since(start); took > limit {
				t.Errorf("%s, %q: took %v", fw.name, name, took)
			}
		}
	}
}

func TestLargePlan(t *testing.T) {
	var plan, journal strings.Builder
	tree := mapTree{"db/sqitch.plan": "", "dz/meta/_journal.json": ""}
	journal.WriteString(`{"entries":[`)
	for i := range 50000 {
		plan.WriteString("again 2024-01-01T00:00:00Z A <a@example.com>\n")
		if i > 0 {
			journal.WriteString(",")
		}
		journal.WriteString(`{"tag":"0001_gone"}`)
	}
	tree["db/sqitch.plan"], tree["dz/meta/_journal.json"] = plan.String(), journal.String()+"]}"
	tree["db/deploy/again.sql"], tree["dz/0000_a.sql"] = "SELECT 1;", "SELECT 1;"
	if dbs, err := Detect(tree, nil); err != nil || len(dbs) != 2 {
		t.Errorf("%d databases, %v", len(dbs), err)
	}
}

// BenchmarkDetect walks a tree of 50,000 files with 400 migrations.
func BenchmarkDetect(b *testing.B) {
	tree := mapTree{"go.mod": "require github.com/golang-migrate/migrate/v4 v4.1.0\n"}
	for i := range 50000 - 801 {
		dir := []string{"src/components/button", "internal/service/api/v1", "docs/guides/setup", "pkg/store", "site/static/images/icons", "testdata/golden/cases"}[i%6]
		extension := []string{".go", ".ts", ".tsx", ".md", ".json", ".py", ".yaml", ".svg", ".sql.go"}[i%9]
		tree[dir+"/"+strings.Repeat("d", i/3000)+"/file"+digitsOf(i)+extension] = ""
	}
	for i := range 400 {
		for _, way := range []string{".up.sql", ".down.sql"} {
			tree["db/migrations/"+digitsOf(i)+"_change"+way] = "CREATE TABLE t (id bigserial);"
		}
	}
	listed := listedTree{tree, tree.Paths()}
	b.ReportAllocs()
	for b.Loop() {
		dbs, err := Detect(listed, nil)
		if err != nil || len(dbs) != 1 || len(dbs[0].Migrations) != 800 {
			b.Fatalf("%d databases, %v", len(dbs), err)
		}
	}
}

func digitsOf(i int) string { return fmt.Sprintf("%06d", i) }

// listedTree has its paths ready, as a tree of git has.
type listedTree struct {
	mapTree
	paths []string
}

func (t listedTree) Paths() []string { return t.paths }

// BenchmarkSQL is one goose file of ordinary size.
func BenchmarkSQL(b *testing.B) {
	content := []byte("-- +goose Up\n" + strings.Repeat("ALTER TABLE users ADD COLUMN a text DEFAULT 'x';\n", 40) + "-- +goose Down\nDROP TABLE users;\n")
	fw := frameworkNamed("goose")
	m := Migration{Path: "m.sql", Direction: Up, Transaction: InFile, framework: fw, engine: Postgres}
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.SQL(content); err != nil {
			b.Fatal(err)
		}
	}
}

// TestMain keeps a wrong environment from making the corpus test pass in silence.
func TestMain(m *testing.M) {
	if dir := os.Getenv("PMCHECK_CORPUS"); dir != "" {
		if _, err := os.Stat(dir); err != nil {
			println("PMCHECK_CORPUS:", err.Error())
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}
