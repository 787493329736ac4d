package setup

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/pmcheck/pmcheck/checks/githubapp/store"
)

// The backup that docs/operations.md tells of is whole, although the database is in use.
func TestDocumentedBackup(t *testing.T) {
	if _, err := exec.LookPath("sqlite3"); err != nil {
		if os.Getenv("PMCHECK_REQUIRE_TOOLS") != "" {
			t.Fatal(err)
		}
		t.Skip("sqlite3 is not installed")
	}
	document, err := os.ReadFile(operations)
	if err != nil {
		t.Fatal(err)
	}
	command := regexp.MustCompile(`(?m)^sqlite3 .*VACUUM INTO.*$`).FindString(string(document))
	dir := t.TempDir()
	script := strings.NewReplacer("/var/lib/pmcheck", dir, "/backup", dir).Replace(command)
	if command == "" || script == command {
		t.Fatalf("the document's command is %q", command)
	}

	inUse, err := store.Open(t.Context(), "sqlite:"+filepath.Join(dir, "pmcheck.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer inUse.Close()
	if err := inUse.SetCursor(t.Context(), "test", "kept"); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "sh", "-c", script).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	made, err := filepath.Glob(filepath.Join(dir, "pmcheck-*.db"))
	if err != nil || len(made) != 1 {
		t.Fatalf("the backup made %v, %v", made, err)
	}
	restored, err := store.Open(t.Context(), "sqlite:"+made[0], store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer restored.Close()
	if value, err := restored.Cursor(t.Context(), "test"); err != nil || value != "kept" {
		t.Errorf("the backup holds %q, %v", value, err)
	}
}
