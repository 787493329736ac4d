package report

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pmcheck/pmcheck/checks/facts"
)

// The lines around a place, as "number text".
func TestLinesAround(t *testing.T) {
	sources := Sources{}
	sources.Put("head", "a.sql", []byte("one\r\ntwo\n\n\nfive\nsix\n \nlast"))
	tests := []struct {
		line, context int
		want          string
	}{
		{1, 2, "1 one, 2 two"}, {2, 1, "1 one, 2 two"}, {5, 2, "5 five, 6 six"}, {6, 2, "5 five, 6 six, 7  , 8 last"}, {8, 0, "8 last"},
		{3, 2, ""}, {9, 2, ""}, {0, 2, ""}, {2, 1, "1 one, 2 two"},
	}
	reader := newLineReader(sources)
	for _, tt := range tests {
		var got []string
		for _, l := range reader.around(facts.Place{Path: "a.sql", Line: tt.line}, tt.context) {
			got = append(got, fmt.Sprintf("%d %s", l.number, l.text))
		}
		if diff := cmp.Diff(tt.want, strings.Join(got, ", ")); diff != "" {
			t.Errorf("line %d, %d around (-want +got):\n%s", tt.line, tt.context, diff)
		}
	}
	if got := reader.around(facts.Place{Path: "b.sql", Line: 1}, 2); got != nil {
		t.Errorf("a file that is not held has lines: %v", got)
	}
}

// Names are marked where they stand as words.
func TestMarkedSQL(t *testing.T) {
	tests := []struct {
		sql   string
		names []string
		want  string
	}{
		{"SELECT name, full_name FROM users", []string{"name"}, "SELECT <name>, full_name FROM users"},
		{`SELECT "Name", names FROM a.name`, []string{"name"}, `SELECT "<Name>", names FROM a.<name>`},
		{"a b a", []string{"a", "b"}, "<a> <b> <a>"},
		{"a,a", []string{"a"}, "<a>,<a>"},
		{"SELECT x FROM app.orders", []string{"app.orders"}, "SELECT x FROM app.<orders>"},
		{"SELECT straße, große", []string{"große"}, "SELECT straße, <große>"},
		{"SELECT 1", []string{"a.*[(", ""}, "SELECT 1"},
		{"SELECT 1", nil, "SELECT 1"},
		{"SELECT\n\tname\x1b[2J", []string{"name"}, `SELECT` + "\n    " + `<name>\x1b[2J`},
	}
	for _, tt := range tests {
		if got := withMarks(marked(tt.sql, tt.names...)); got != tt.want {
			t.Errorf("marked(%q, %q) = %q, want %q", tt.sql, tt.names, got, tt.want)
		}
	}
}

// Of a long query its beginning shows, and what is around the name.
func TestGistOfSQL(t *testing.T) {
	columns := strings.Repeat("column_name, ", 60)
	got := withMarks(gist(marked("SELECT "+columns+"legacy, "+columns+"id FROM t", "legacy")))
	if len(got) > 2*shownSQL || !strings.HasPrefix(got, "SELECT column_name") || !strings.Contains(got, "column_name, <legacy>, column_name") || strings.Count(got, "...") != 2 {
		t.Errorf("%d bytes: %s", len(got), got)
	}
	if got := withMarks(gist(marked("SELECT " + columns))); len(got) > shownSQL+10 || !strings.HasSuffix(got, " ...") {
		t.Errorf("%d bytes: %s", len(got), got)
	}
}

func withMarks(segments []segment) string {
	var b strings.Builder
	for _, s := range segments {
		if s.Mark {
			s.Text = "<" + s.Text + ">"
		}
		b.WriteString(s.Text)
	}
	return b.String()
}

func TestRemedyParts(t *testing.T) {
	var got []string
	for _, p := range remedyParts("Say `a` and\n  SET a;\n  \tSET b;\n\nThen `b") {
		text := withMarks(p.Pieces)
		if p.Code {
			text = "code: " + p.Text
		}
		got = append(got, text)
	}
	if diff := cmp.Diff([]string{"Say <a> and", "code: SET a;\n    SET b;", "Then `b"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
