package code

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// extractAll runs one extractor over files and returns what it finds.
func extractAll(t *testing.T, e extractor, names *Names, contents map[string]string) Found {
	t.Helper()
	s := testSink(context.Background(), e, names, contents)
	groups := map[string][]*file{}
	for _, path := range sortedKeys(contents) {
		if e.reads(path) && e.may([]byte(contents[path])) {
			groups[e.group(path)] = append(groups[e.group(path)], &file{path: path, content: []byte(contents[path])})
		}
	}
	for _, group := range sortedKeys(groups) {
		e.extract(groups[group], s)
	}
	return s.found
}

// testSink is a sink over a tree of these files.
func testSink(ctx context.Context, e extractor, names *Names, contents map[string]string) *sink {
	return &sink{ctx: ctx, source: e.name(), names: names, around: &surroundings{tree: testTree(contents), paths: sortedKeys(contents)},
		read: map[string]string{}, lists: map[string]string{}}
}

// testTree is a tree of files by path.
type testTree map[string]string

func (t testTree) ReadMany(_ context.Context, paths []string, visit func(string, []byte, error) error) error {
	for _, p := range paths {
		content, ok := t[p]
		var err error
		if !ok {
			err = os.ErrNotExist
		}
		if err := visit(p, []byte(content), err); err != nil {
			return err
		}
	}
	return nil
}

func (t testTree) BlobID(p string) (string, bool) {
	content, ok := t[p]
	return content, ok
}

// checkFiles is checkSQL for several files.
func checkFiles(t *testing.T, e extractor, contents map[string]string, want ...string) Found {
	t.Helper()
	found := extractAll(t, e, AllNames(), contents)
	slices.Sort(want)
	if diff := cmp.Diff(want, sqlOf(found)); diff != "" {
		t.Errorf("queries (-want +got):\n%s", diff)
	}
	return found
}

// sqlOf is the SQL of queries with single spaces, sorted.
func sqlOf(found Found) []string {
	var all []string
	for _, q := range found.Queries {
		all = append(all, strings.Join(strings.Fields(q.SQL), " "))
	}
	slices.Sort(all)
	return all
}

func checkSQL(t *testing.T, e extractor, path, content string, want ...string) Found {
	t.Helper()
	return checkFiles(t, e, map[string]string{path: content}, want...)
}

// A table of ClickHouse often has the name of the one in PostgreSQL that it replaces.
func TestClickHouseIsNotPostgres(t *testing.T) {
	for _, sql := range []string{
		"SELECT 1 FROM traces WHERE project_id = {projectId: String} LIMIT 1",
		"SELECT id FROM traces WHERE id IN ({ids:Array(String)})",
		"SELECT t.id FROM traces t FINAL WHERE t.id = ?",
		"SELECT id FROM traces PREWHERE id = ?",
		"SELECT id FROM traces ORDER BY id LIMIT 1 BY id, project_id",
	} {
		checkSQL(t, literals{typescriptLanguage}, "a.ts", "const q = `"+sql+"`;\n")
	}
	checkSQL(t, literals{typescriptLanguage}, "a.ts", "const q = `SELECT final FROM traces WHERE tags = '{a: b}' LIMIT 1`;\n", "SELECT final FROM traces WHERE tags = '{a: b}' LIMIT 1")
}

// A method of the file is not every method of its name: what another object's gets is sent.
func TestArgumentOfAnotherObject(t *testing.T) {
	found := checkSQL(t, literals{javaLanguage}, "A.java", `class A {
    static final String SAVE = "update users set name=? where id=?";
    User update(String id, User user) {
        jdbcTemplate.update(SAVE, new Object[] {user.name, id});
        logger.debug("saved user " + id);
        return user;
    }
}
`, "update users set name=$1 where id=$2")
	for _, q := range found.Queries {
		if q.Name != "SAVE" {
			t.Errorf("the query is %q, want the constant's name", q.Name)
		}
	}
}
