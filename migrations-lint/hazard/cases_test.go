package hazard

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// group is a database's schema and rows, and statements that are each run on it alone.
type group struct {
	title      string
	setup      string
	statements []string
	from18     bool // older versions do not know the setup's syntax
}

// readGroups reads testdata/statements/*.sql: a group is "--- setup: title", its setup,
// "--- statements", and statements that each end with a semicolon at the end of a line. A
// title that ends in " (18)" is for that version and later ones.
func readGroups(t testing.TB) []group {
	t.Helper()
	paths, err := filepath.Glob("testdata/statements/*.sql")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no statements in testdata/statements: %v", err)
	}
	var groups []group
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		found, err := parseGroups(string(text))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		groups = append(groups, found...)
	}
	seen := map[string]bool{}
	for _, g := range groups {
		for _, s := range g.statements {
			if key := g.title + ": " + s; seen[key] {
				t.Fatalf("twice in one group: %s", key)
			} else {
				seen[key] = true
			}
		}
	}
	return groups
}

func parseGroups(text string) ([]group, error) {
	var groups []group
	for _, part := range strings.Split("\n"+text, "\n--- setup: ")[1:] {
		title, rest, _ := strings.Cut(part, "\n")
		setup, body, ok := strings.Cut(rest, "--- statements\n")
		if !ok {
			return nil, fmt.Errorf("group %q has no line %q", title, "--- statements")
		}
		title, from18 := strings.CutSuffix(title, " (18)")
		g := group{title: title, setup: setup, from18: from18}
		var lines []string
		for _, line := range strings.Split(strings.TrimSpace(body), "\n") {
			lines = append(lines, line)
			if strings.HasSuffix(line, ";") {
				g.statements = append(g.statements, strings.TrimSuffix(strings.Join(lines, "\n"), ";"))
				lines = nil
			}
		}
		if len(lines) > 0 {
			return nil, fmt.Errorf("group %q ends inside a statement: %s", title, strings.Join(lines, "\n"))
		}
		groups = append(groups, g)
	}
	return groups, nil
}
