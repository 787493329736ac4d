package code

import (
	"context"
	"fmt"
	"hash/fnv"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
)

// memory is a tree in memory; reads counts how often each file was read.
type memory struct {
	files map[string]string
	reads map[string]int
}

func (m *memory) ReadMany(_ context.Context, paths []string, visit func(string, []byte, error) error) error {
	for _, p := range paths {
		content, ok := m.files[p]
		var err error
		if !ok {
			err = fmt.Errorf("%s: %w", p, fs.ErrNotExist)
		}
		m.reads[p]++
		if err := visit(p, []byte(content), err); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) BlobID(path string) (string, bool) {
	content, ok := m.files[path]
	h := fnv.New64()
	h.Write([]byte(content))
	return fmt.Sprint(h.Sum64()), ok
}

func (m *memory) paths() []string {
	var list []string
	for _, p := range slices.Sorted(maps.Keys(m.files)) {
		if IsCode(p, nil) {
			list = append(list, p)
		}
	}
	return list
}

// treeOf makes a tree of a text in which each file begins with a line "-- path --".
func treeOf(text string) *memory {
	m := &memory{files: map[string]string{}, reads: map[string]int{}}
	path := ""
	for line := range strings.SplitAfterSeq(text, "\n") {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "-- "); ok && strings.HasSuffix(name, " --") {
			path = strings.TrimSuffix(name, " --")
			m.files[path] = ""
			continue
		}
		if path != "" {
			m.files[path] += line
		}
	}
	return m
}

func findIn(t *testing.T, m *memory, names *Names) *Found {
	t.Helper()
	found, err := Find(t.Context(), m, m.paths(), names)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// show writes queries as tests compare them.
func show(queries []Query) string {
	var b strings.Builder
	for _, q := range queries {
		fmt.Fprintf(&b, "%s:%d %s: %s", q.Path, q.Line, q.Name, strings.Join(strings.Fields(q.SQL), " "))
		if q.Implied {
			b.WriteString(" (implied)")
		}
		if q.Partial != "" {
			fmt.Fprintf(&b, " (%s)", q.Partial)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestFinderReadsEachFileOnce(t *testing.T) {
	base := treeOf("-- go.mod --\nmodule m\n-- a/a.go --\npackage a\nfunc f() { q(`SELECT ` + cols + ` FROM users`) }\n-- a/cols.go --\npackage a\nconst cols = `id`\n-- b/b.go --\npackage b\nvar q = `SELECT id FROM users`\n-- c.go --\npackage c\n")
	head := &memory{files: maps.Clone(base.files), reads: map[string]int{}}
	head.files["a/cols.go"] = "package a\nconst cols = `id, name`\n"
	f := NewFinder(NewNames([]string{"users"}, nil))
	var got []string
	for _, side := range []*memory{base, head} {
		found, err := f.Find(t.Context(), side, side.paths())
		if err != nil {
			t.Fatal(err)
		}
		if found.Files != 4 || found.Parsed != 2 {
			t.Errorf("%d files, %d parsed, want 4 and 2", found.Files, found.Parsed)
		}
		got = append(got, show(found.Queries))
	}
	const b = "b/b.go:2 q: SELECT id FROM users\n"
	if want := "a/a.go:2 f: SELECT id FROM users\n" + b; got[0] != want {
		t.Errorf("base has\n%swant\n%s", got[0], want)
	}
	// The constant stands in a file that names nothing of the delta: its change is seen all the same.
	if want := "a/a.go:2 f: SELECT id, name FROM users\n" + b; got[1] != want {
		t.Errorf("head has\n%swant\n%s", got[1], want)
	}
	if head.reads["b/b.go"] != 0 || head.reads["a/a.go"] != 0 || head.reads["c.go"] != 0 || head.reads["a/cols.go"] == 0 {
		t.Errorf("of the head were read: %v", head.reads)
	}
}

func TestFindSaysWhatItDidNotRead(t *testing.T) {
	tree := &memory{files: map[string]string{
		"big.go":   "package a\nvar q = `SELECT id FROM users`\n//" + strings.Repeat("x", MaxFile),
		"other.go": "package a\n//" + strings.Repeat("x", MaxFile),
		"nul.go":   "package a\nvar q = `SELECT id\x00 FROM users -- \xff`\n",
	}, reads: map[string]int{}}
	found, err := Find(t.Context(), tree, []string{"big.go", "gone.go", "nul.go", "other.go"}, NewNames([]string{"users"}, nil))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(found.Unread, "|"), "big.go: 8 MiB large, of which only the names were searched|gone.go: gone.go: file does not exist"; got != want {
		t.Errorf("unread is %q, want %q", got, want)
	}
	if got, want := show(found.Queries), "nul.go:2 q: SELECT id FROM users\n"; got != want {
		t.Errorf("found %q, want %q", got, want)
	}
}

// failing panics, or waits for the end of its time.
type failing struct{ goExtractor }

func (failing) name() string { return "failing" }

func (failing) extract(files []*file, s *sink) {
	s.sql(files[0], "first", []piece{{text: "SELECT id FROM users", line: 1, column: 1}}, 1)
	panic("on purpose")
}

func TestAPanicCostsOneFile(t *testing.T) {
	old := extractors
	extractors = []extractor{failing{}, goExtractor{}}
	t.Cleanup(func() { extractors = old })
	found := findIn(t, treeOf("-- a.go --\npackage a\nvar q = `DELETE FROM users`\n"), NewNames([]string{"users"}, nil))
	if got, want := show(found.Queries), "a.go:1 first: SELECT id FROM users\na.go:2 q: DELETE FROM users\n"; got != want {
		t.Errorf("found\n%swant\n%s", got, want)
	}
	if len(found.Unread) != 1 || found.Unread[0] != "a.go: reading it as failing went wrong: on purpose" {
		t.Errorf("unread is %q", found.Unread)
	}
}

func TestMentionsInQueriesAreNone(t *testing.T) {
	found := findIn(t, treeOf("-- a.go --\npackage a\nvar q = `SELECT legacy\nFROM users`\nvar metric = \"legacy\"\n"), NewNames([]string{"users"}, []string{"legacy"}))
	if len(found.Mentions) != 1 || found.Mentions[0].Line != 4 || found.Mentions[0].Text != `var metric = "legacy"` {
		t.Errorf("mentions are %v", found.Mentions)
	}
}

func TestEngine(t *testing.T) {
	for path, want := range map[string]string{
		"mysql-persistence/src/dao/MySQLUserDAO.java": "mysql",
		"store/sqlite/users.go":                       "sqlite",
		"src/CassandraWebhookDAO.java":                "cassandra",
		"internal/clickhouse/pg_compat.go":            "clickhouse",
		"mysql/postgres.go":                           "postgres",
		"store/users_mysql.go":                        "mysql",
		"store/pgx/users.go":                          "postgres",
		"store/users.go":                              "",
		"docs/how-to-mysql.go":                        "mysql",
		"lib/remysqled.rb":                            "",
		"":                                            "",
	} {
		if got := Engine(path); got != want {
			t.Errorf("Engine(%q) = %q, want %q", path, got, want)
		}
	}
}

func TestIsCode(t *testing.T) {
	for path, want := range map[string]bool{
		"site/src/testHelpers/users.ts": false, "site/src/Users.stories.tsx": false, "site/src/stories.ts": true,
		"a.go": true, "internal/store/users.go": true, "a_test.go": false, "tests/a.py": false, "vendor/x/a.go": false, "db/migrations/1.sql": false, "db/q.sql": true,
		"db/schema.sql": false, "README.md": false, ".sqlx/query-0a.json": true, "package.json": false, "sqlx-data.json": true, "a.spec.ts": false, "docs/a.py": false,
		"UserIT.java": false, "User.java": true, "db/seeds/a.sql": false, "app.min.js": false,
	} {
		if got := IsCode(path, nil); got != want {
			t.Errorf("%s is code: %v, want %v", path, got, want)
		}
	}
	if !IsCode("a/b/c.go", []string{"a/**"}) || !IsCode("a/b/c.go", []string{"a/"}) || IsCode("b/c.go", []string{"a/**"}) || IsCode("a/c_test.go", []string{"a/**"}) {
		t.Error("globs do not select")
	}
}

// BenchmarkFind searches 50,000 files of 10 KB, of which 50 name the table and hold queries.
func BenchmarkFind(b *testing.B) {
	filler := strings.Repeat("func handle(ctx context.Context, request *Request) (*Response, error) { return nil, errNotImplemented }\n", 100)
	tree := &memory{files: map[string]string{}, reads: map[string]int{}}
	for i := range 50_000 {
		text := "package p\n"
		if i%1000 == 0 {
			text += "const q = `SELECT id, name FROM order_items WHERE id = $1`\n"
		}
		tree.files[fmt.Sprintf("p%d/f.go", i)] = text + filler
	}
	paths := tree.paths()
	names := NewNames([]string{"public.order_items", "users_with_teams"}, []string{"legacy_name"})
	for b.Loop() {
		found, err := Find(b.Context(), tree, paths, names)
		if err != nil || len(found.Queries) != 50 {
			b.Fatal(len(found.Queries), err)
		}
	}
	b.SetBytes(int64(len(paths) * len(filler)))
}

// BenchmarkNames is the search through one text alone.
func BenchmarkNames(b *testing.B) {
	text := []byte(strings.Repeat("func handle(ctx context.Context, request *Request) (*Response, error) { return nil, errNotImplemented }\n", 1000))
	names := NewNames([]string{"public.order_items", "users_with_teams", "workspace_agents", "templates"}, []string{"legacy_name"})
	for b.Loop() {
		names.scan(text)
	}
	b.SetBytes(int64(len(text)))
}
