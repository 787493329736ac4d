package pgtest

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

func TestServers(t *testing.T) {
	ctx := context.Background()
	for _, s := range Servers(t) {
		conn := s.NewDatabase(t)
		var version int
		if err := conn.QueryRow(ctx, "SELECT current_setting('server_version_num')::int / 10000").Scan(&version); err != nil {
			t.Fatal(err)
		}
		if version != s.Version {
			t.Errorf("%s: Version is %d, the server says %d", s.Bin, s.Version, version)
		}
		if _, err := conn.Exec(ctx, "CREATE TABLE t (i int)"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.NewDatabase(t).Exec(ctx, "SELECT FROM t"); err == nil {
			t.Errorf("PostgreSQL %d: a second database sees the first one's table", s.Version)
		}
		if _, err := s.Connect(t, conn.Config().Database).Exec(ctx, "SELECT FROM t"); err != nil {
			t.Errorf("PostgreSQL %d: a second session does not see the table: %v", s.Version, err)
		}
	}
}

// The test runs itself: without servers it must skip, or fail where they are required.
func TestWithoutServers(t *testing.T) {
	if os.Getenv("PGTEST_INNER") != "" {
		servers, findErr = nil, nil
		find.Do(func() {})
		Servers(t)
		return
	}
	for required, want := range map[string]string{"0": "--- SKIP", "1": "--- FAIL"} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestWithoutServers$", "-test.v")
		cmd.Env = append(os.Environ(), "PGTEST_INNER=1", "PMCHECK_REQUIRE_POSTGRES="+required)
		out, _ := cmd.CombinedOutput()
		if !strings.Contains(string(out), want) || !strings.Contains(string(out), "no PostgreSQL server found") {
			t.Errorf("PMCHECK_REQUIRE_POSTGRES=%s: want %s, got:\n%s", required, want, out)
		}
	}
}

func TestWrongFolder(t *testing.T) {
	t.Setenv("PMCHECK_POSTGRES", t.TempDir())
	if _, err := installed(); err == nil || !strings.Contains(err.Error(), "PMCHECK_POSTGRES") {
		t.Errorf("a folder without a server: error is %v", err)
	}
}
