package postgres

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	pg "github.com/pganalyze/pg_query_go/v6"
	"github.com/pganalyze/pg_query_go/v6/parser"
	"google.golang.org/protobuf/proto"
)

// TestTreesAreThoseOfProtobuf decodes each statement in both forms.
func TestTreesAreThoseOfProtobuf(t *testing.T) {
	compared := 0
	compare := func(sql string) {
		json, err := parser.ParseToJSON(sql)
		if err != nil {
			return
		}
		got, err := decodeTree(json)
		if err != nil {
			t.Errorf("%s: %v", short(sql), err)
			return
		}
		want, err := pg.Parse(sql)
		if err != nil {
			t.Fatal(err)
		}
		if !proto.Equal(got, want) {
			t.Errorf("%s:\n%v\nprotobuf:\n%v", short(sql), got, want)
		}
		compared++
	}
	folders := []string{"testdata"}
	if corpus := os.Getenv("PMCHECK_CORPUS"); corpus != "" {
		folders = append(folders, corpus)
	}
	for _, folder := range folders {
		err := filepath.Walk(folder, func(path string, info os.FileInfo, err error) error {
			if err != nil || filepath.Ext(path) != ".sql" {
				return err
			}
			sql, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			script := &Script{}
			text := script.clean(string(sql))
			for _, p := range script.split(text) {
				if p.stop == nil {
					compare(p.blanked(text))
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range outputExpressions {
		compare("SELECT " + c.sql + " FROM t")
	}
	for _, sql := range []string{
		"", "SELECT 1; SELECT 2", `SELECT 'a"b\c' || E'\n\t\r\b\f\x01\x7f' || '𝄞ü' || U&'\D834\DD1E'`, "SELECT -2147483648, 2147483647, 1e400, B'01', X'FF', NULL, true",
		`SELECT "a""b" FROM "x\y"`, "COMMENT ON TABLE t IS E'\\u20ac'", "SELECT $1, a[1:2], (b).c, d.*",
	} {
		compare(sql)
	}
	if compared < 500 {
		t.Errorf("only %d statements", compared)
	}
}

func TestBrokenTreesAreErrors(t *testing.T) {
	json, err := parser.ParseToJSON(`CREATE TABLE t (a int DEFAULT 1, b text CHECK (b <> E'\n"'))`)
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(json) {
		if _, err := decodeTree(json[:i]); err == nil {
			t.Fatalf("the first %d bytes of %d were taken for a tree", i, len(json))
		}
	}
	for _, broken := range []string{`{"unknown":1}`, `{"stmts":{}}`, `{"version":"x"}`, `{"stmts":[{"stmt":{"NoSuchStmt":{}}}]}`, `{"stmts":[{"stmt":{"SelectStmt":{"op":"NO_SUCH"}}}]}`,
		`{"stmts":[{"stmt":{"SelectStmt":{"all":maybe}}}]}`, `[]`, strings.Replace(json, `\n`, `\u00`, 1)} {
		if _, err := decodeTree(broken); err == nil {
			t.Errorf("%s was taken for a tree", broken)
		}
	}
}
