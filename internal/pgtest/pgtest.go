// Package pgtest gives tests real PostgreSQL servers, one for each major version
// that this machine has.
//
// The folders that hold initdb and postgres come from PMCHECK_POSTGRES, a list
// separated as PATH is; when it is unset, from /usr/lib/postgresql/*/bin. A server
// starts at its first use in a test binary and is stopped by [Main]:
//
//	func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }
//
// Servers listen on a unix socket only, in a temporary folder, and write nothing
// durably. When no server is found the test is skipped; PMCHECK_REQUIRE_POSTGRES=1
// makes that a failure.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

// The oldest and the newest major version that tests run on.
const (
	oldest = 14
	newest = 18
)

// Server is an installed PostgreSQL; it runs from the first NewDatabase on.
type Server struct {
	Version int    // major version: 14 ... 18
	Bin     string // the folder that holds its programs

	start   sync.Once
	err     error // of the start
	process *process
	mu      sync.Mutex
	created int // databases
}

var (
	find     sync.Once
	servers  []*Server
	findErr  error
	mainUsed bool
)

// Main runs the tests of a test binary, then stops every server that they started.
// It returns the exit status for os.Exit. more are further settings of the servers, such as
// "shared_preload_libraries=pg_stat_statements". After a panic nobody stops the servers but
// the kernel: they get a signal when the test binary dies.
func Main(m *testing.M, more ...string) int {
	mainUsed = true
	settings = append(settings, more...)
	defer func() {
		for _, s := range servers {
			if s.process != nil {
				s.process.stop()
			}
		}
	}()
	return m.Run()
}

// Servers returns the installed servers, oldest version first. It skips the test when
// there are none, or fails it when PMCHECK_REQUIRE_POSTGRES=1.
func Servers(t testing.TB) []*Server {
	t.Helper()
	if !mainUsed {
		t.Fatal("pgtest: the package's tests need: func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }")
	}
	find.Do(func() { servers, findErr = installed() })
	if findErr != nil {
		t.Fatal(findErr)
	}
	if len(servers) == 0 {
		const why = "no PostgreSQL server found: set PMCHECK_POSTGRES to the folders that hold initdb and postgres, separated by colons, or install one in /usr/lib/postgresql"
		if os.Getenv("PMCHECK_REQUIRE_POSTGRES") == "1" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	return servers
}

// NewDatabase returns a connection to a new, empty database, which is dropped with all
// its sessions when the test ends.
func (s *Server) NewDatabase(t testing.TB) *pgx.Conn {
	t.Helper()
	s.start.Do(func() { s.process, s.err = launch(s.Bin) })
	if s.err != nil {
		t.Fatalf("start PostgreSQL %d of %s: %v", s.Version, s.Bin, s.err)
	}
	s.mu.Lock()
	s.created++
	name := fmt.Sprintf("pmcheck_%d", s.created)
	s.mu.Unlock()
	ctx := context.Background()
	admin := s.Connect(t, "postgres")
	defer admin.Close(ctx)
	if _, err := admin.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		t.Fatalf("create a database on PostgreSQL %d: %v", s.Version, err)
	}
	t.Cleanup(func() {
		admin := s.Connect(t, "postgres")
		defer admin.Close(ctx)
		if _, err := admin.Exec(ctx, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("drop database %s on PostgreSQL %d: %v", name, s.Version, err)
		}
	})
	return s.Connect(t, name)
}

// Connect opens one more session on a database that NewDatabase made, as its superuser;
// conn.Config().Database is the name. The session is closed when the test ends.
func (s *Server) Connect(t testing.TB, database string) *pgx.Conn {
	t.Helper()
	conn, err := s.connect(database)
	if err != nil {
		t.Fatalf("connect to PostgreSQL %d: %v", s.Version, err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func (s *Server) connect(database string) (*pgx.Conn, error) {
	if s.process == nil {
		return nil, errors.New("the server is not running: call NewDatabase first")
	}
	config, err := pgx.ParseConfig(fmt.Sprintf("host='%s' port=%d user=postgres dbname='%s' sslmode=disable", s.process.dir, port, database))
	if err != nil {
		return nil, err
	}
	return pgx.ConnectConfig(context.Background(), config)
}

// installed finds the servers; a folder that PMCHECK_POSTGRES names must hold one.
func installed() ([]*Server, error) {
	list, given := os.LookupEnv("PMCHECK_POSTGRES")
	bins := filepath.SplitList(list)
	if !given || list == "" {
		given = false
		bins, _ = filepath.Glob("/usr/lib/postgresql/*/bin")
	}
	byVersion := map[int]*Server{}
	for _, bin := range bins {
		version, err := versionOf(bin)
		if err != nil {
			if given {
				return nil, fmt.Errorf("PMCHECK_POSTGRES: %w", err)
			}
			continue
		}
		if version >= oldest && version <= newest && byVersion[version] == nil {
			byVersion[version] = &Server{Version: version, Bin: bin}
		}
	}
	var found []*Server
	for _, s := range byVersion {
		found = append(found, s)
	}
	sort.Slice(found, func(i, j int) bool { return found[i].Version < found[j].Version })
	return found, nil
}

var versionPattern = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

func versionOf(bin string) (int, error) {
	if _, err := os.Stat(filepath.Join(bin, "initdb")); err != nil {
		return 0, fmt.Errorf("%s holds no initdb: %w", bin, err)
	}
	out, err := exec.Command(filepath.Join(bin, "postgres"), "--version").Output()
	if err != nil {
		return 0, fmt.Errorf("%s/postgres --version: %w", bin, err)
	}
	match := versionPattern.FindSubmatch(out)
	if match == nil {
		return 0, fmt.Errorf("%s/postgres --version says %q", bin, out)
	}
	return strconv.Atoi(string(match[1]))
}
