package postgres

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestOneBadStatementCostsItselfOnly(t *testing.T) {
	script := Parse("CREATE TABLE a (b int);\nbogus here;\nDROP TABLE a;")
	if n := len(script.Statements); n != 3 {
		t.Fatalf("got %d statements, want 3", n)
	}
	if script.Statements[1].NotAnalysed == "" || len(script.Statements[1].Ops) != 0 {
		t.Errorf("the bad statement: %+v", script.Statements[1])
	}
	if script.Statements[0].Ops[0].Kind() != "create_table" || script.Statements[2].Ops[0].Kind() != "drop_table" {
		t.Errorf("its neighbours: %+v, %+v", script.Statements[0], script.Statements[2])
	}
}

// TestTogetherAndAlone parses each statement of a file alone: it must say what it
// says among its neighbours.
func TestTogetherAndAlone(t *testing.T) {
	folders := []string{"testdata"}
	if corpus := os.Getenv("PMCHECK_CORPUS"); corpus != "" {
		folders = append(folders, corpus)
	}
	for _, folder := range folders {
		err := filepath.Walk(folder, func(path string, _ os.FileInfo, err error) error {
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
				script.Statements = append(script.Statements, analyseOne(text, p))
			}
			script.carryOut(text)
			for i := range script.Statements {
				if st := &script.Statements[i]; len(st.Problems) > 0 {
					st.NotAnalysed = st.Problems[0].Reason
				}
			}
			if diff := cmp.Diff(script, Parse(string(sql)), cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(Statement{})); diff != "" {
				t.Errorf("%s: alone, then together:\n%s", path, diff)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
