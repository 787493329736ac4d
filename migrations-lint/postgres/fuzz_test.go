package postgres

import (
	"os"
	"path/filepath"
	"testing"
)

// check tells what every answer must hold to, whatever the text was.
func check(t *testing.T, sql string, script *Script) {
	t.Helper()
	for _, p := range script.Problems {
		if p.Offset < 0 || p.Offset > len(sql) || p.Reason == "" || p.Kind == "" {
			t.Errorf("problem %+v", p)
		}
	}
	last := 0
	for _, st := range script.Statements {
		if st.Start < last || st.End <= st.Start || st.End > len(sql) {
			t.Fatalf("statement at %d to %d, the one before ends at %d, the text at %d", st.Start, st.End, last, len(sql))
		}
		last = st.End
		if (st.NotAnalysed == "") != (len(st.Problems) == 0) {
			t.Errorf("not analysed %q, problems %v", st.NotAnalysed, st.Problems)
		}
		if len(st.Ops) == 0 && len(st.Problems) == 0 && st.NotAnalysed == "" && !quiet(sql[st.Start:st.End]) {
			t.Errorf("nothing is said about %q", sql[st.Start:st.End])
		}
		for _, p := range st.Problems {
			if p.Offset < st.Start || p.Offset > len(sql) || p.Reason == "" || p.Kind == "" {
				t.Errorf("problem %+v in %d to %d", p, st.Start, st.End)
			}
		}
		for _, op := range st.Ops {
			if op.Op == nil || op.Start < st.Start || op.End > st.End || op.End <= op.Start {
				t.Errorf("operation %+v in %d to %d", op, st.Start, st.End)
			}
		}
	}
}

// quiet tells that a statement may have neither operations nor problems: a DO block
// that does nothing.
func quiet(sql string) bool {
	l := lexer{src: sql}
	return l.is(l.next(), "do")
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.sql")
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, file := range files {
		sql, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(sql))
		for _, st := range Parse(string(sql)).Statements {
			f.Add(string(sql[st.Start:st.End]))
		}
	}
	for _, c := range newerStatements {
		f.Add(c.sql)
	}
	for _, c := range outputExpressions {
		f.Add("CREATE VIEW v AS SELECT " + c.sql + " FROM t")
	}
	for _, sql := range []string{"", "\x00", "\xff", "\ufeff;", "'", "$$", "/*", "DO 'a''b'", "\\i", "COPY a FROM STDIN;\n\\.", "INSERT INTO t VALUES (1) \\x"} {
		f.Add(sql)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		check(t, sql, Parse(sql))
	})
}
