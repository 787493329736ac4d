package setup

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/pmcheck/pmcheck/checks/githubapp"
)

var update = flag.Bool("update", false, "write the tables of docs/operations.md anew")

const operations = "../../../docs/operations.md"

func permissionsTable() string {
	var b strings.Builder
	b.WriteString("| permission | | why |\n|---|---|---|\n")
	for _, p := range Permissions() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", p.Name, p.Access, p.Why)
	}
	fmt.Fprintf(&b, "\nEvents: `%s`; those about installations come by themselves.\n", strings.Join(Events(), "`, `"))
	return b.String()
}

// The tables of permissions and metrics are made from what the program has; that of settings is held against it by package githubapp.
func TestOperationsTables(t *testing.T) {
	content, err := os.ReadFile(operations)
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	for name, table := range map[string]string{"permissions": permissionsTable(), "metrics": metricsTable(t)} {
		begin, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
		before, rest, found := strings.Cut(text, begin)
		had, after, ended := strings.Cut(rest, end)
		if !found || !ended {
			t.Fatalf("docs/operations.md has no place for %s", name)
		}
		if had != table && !*update {
			t.Errorf("docs/operations.md: the table of %s is not what the program has: go test ./checks/githubapp/setup -run Operations -update", name)
		}
		text = before + begin + table + end + after
	}
	if *update {
		if err := os.WriteFile(operations, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// Every key and every check of the doctor that the document names exists, and every link within it leads somewhere.
func TestOperationsNames(t *testing.T) {
	content, err := os.ReadFile(operations)
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	keys := map[string]bool{}
	for _, o := range githubapp.Options() {
		keys[o.Key()] = true
	}
	for _, found := range regexp.MustCompile("`([a-z]+_[a-z_]+)[`:]").FindAllStringSubmatch(text, -1) {
		name := found[1]
		isPermission := false
		for _, p := range Permissions() {
			isPermission = isPermission || p.Name == name
		}
		isEvent := strings.Contains(" "+strings.Join(Events(), " ")+" ", " "+name+" ")
		if name == "pg_dump" {
			continue
		}
		if !keys[name] && !isPermission && !isEvent && !strings.HasPrefix(name, "pmcheck_") {
			t.Errorf("docs/operations.md names %q, which is no setting", name)
		}
	}
	anchors := map[string]bool{}
	for _, heading := range regexp.MustCompile(`(?m)^## (.*)$`).FindAllStringSubmatch(text, -1) {
		anchors["#"+strings.ReplaceAll(strings.ToLower(heading[1]), " ", "-")] = true
	}
	for _, link := range regexp.MustCompile(`\]\(([^)]*)\)`).FindAllStringSubmatch(text, -1) {
		target := link[1]
		switch {
		case strings.HasPrefix(target, "#"):
			if !anchors[target] {
				t.Errorf("docs/operations.md: %s leads nowhere", target)
			}
		case strings.HasPrefix(target, "../"):
			path, _, _ := strings.Cut(target, "#")
			if _, err := os.Stat("../../../docs/" + path); err != nil {
				t.Errorf("docs/operations.md: %v", err)
			}
		}
	}
}
