package setup

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pmcheck/pmcheck/checks/githubapp"
)

func TestKeep(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "secret")
	if err := vacant(false, path); err != nil {
		t.Fatal(err)
	}
	if err := keep(false, file{path, []byte("first")}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the mode is %v, %v", info.Mode(), err)
	}
	if err := vacant(false, path); err == nil || !strings.Contains(err.Error(), "--force") {
		t.Errorf("a file that exists: %v", err)
	}
	if err := keep(false, file{path, []byte("second")}); err == nil {
		t.Error("a file was replaced without force")
	}
	if got, _ := os.ReadFile(path); string(got) != "first" {
		t.Errorf("the file holds %q", got)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := vacant(true, path); err != nil {
		t.Fatal(err)
	}
	if err := keep(true, file{path, []byte("third")}); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); string(got) != "third" {
		t.Errorf("the file holds %q", got)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("a replaced file keeps the mode %v", info.Mode())
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("something is left behind: %v", left)
	}
}

// What app create writes is what pmcheck serve reads.
func TestFilesAreRead(t *testing.T) {
	dir := t.TempDir()
	f := Files{Config: filepath.Join(dir, "pmcheck-app.yml")}
	app := App{ID: 4711, Slug: "pmcheck-acme\nx: y", Owner: "acme", ClientID: "Iv1.abc", ClientSecret: "CLIENT-SECRET", WebhookSecret: "WEBHOOK-SECRET", PrivateKey: string(testAppKey())}
	if err := f.Keep(app, "https://ghes.example.com", "https://checks.example.com"); err != nil {
		t.Fatal(err)
	}
	c, err := githubapp.Load(f.Config, nil, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	if c.AppID != app.ID || string(c.PrivateKey) != strings.TrimSpace(string(testAppKey())) || len(c.WebhookSecrets) != 1 || string(c.WebhookSecrets[0]) != app.WebhookSecret ||
		c.ClientID != app.ClientID || string(c.ClientSecret) != app.ClientSecret || c.GitHub.String() != "https://ghes.example.com" || c.URL.String() != "https://checks.example.com" {
		t.Errorf("read back: %+v", c)
	}
	for _, path := range f.Paths() {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	content, _ := os.ReadFile(f.Config)
	if strings.Contains(string(content), "SECRET") || strings.Contains(string(content), "PRIVATE KEY") {
		t.Errorf("the configuration holds a secret:\n%s", content)
	}
	if f.Vacant() == nil || f.Keep(app, "https://github.com", "https://checks.example.com") == nil {
		t.Error("the files would be replaced without force")
	}
}

func TestVacantRefuses(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "link")
	if err := os.Symlink("/etc/passwd", link); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		link:                              "is not a file",
		dir:                               "is not a file",
		filepath.Join(dir, "absent", "x"): "cannot be written",
	} {
		if err := vacant(true, path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
