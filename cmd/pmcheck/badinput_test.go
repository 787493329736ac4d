package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// badInput is what a pull request may hold. Whatever it is, the check says so and
// reports the rest of the change, in bounded memory; the time is bounded by that
// of go test.
var badInput = []struct {
	name  string
	large bool // takes seconds and hundreds of megabytes
	files map[string]func() []byte
	links map[string]string // symbolic links
	check []string          // regular expressions that the report of `pmcheck check` must match
	lint  []string          // the same for `pmcheck lint`
}{
	{
		name: "100 MB", large: true,
		files: file("db/migrations/0005_big.up.sql", repeated("INSERT INTO users VALUES (1, 'x');\n", 3_000_000)),
		check: []string{`0005_big\.up\.sql\n.*not-parsed\n  This is not judged: larger than 64 MiB: it has 105000000 bytes`},
		lint:  []string{`0005_big\.up\.sql\n.*not-parsed\n  This is not judged: larger than 64 MiB: it has 105000000 bytes`},
	},
	{
		name: "60 MB of statements", large: true,
		files: file("db/migrations/0005_big.up.sql", repeated("INSERT INTO users VALUES (1, 'x');\n", 1_700_000)),
		check: []string{`  100001:1  error  not-parsed\n.*too large`},
		lint:  []string{`  100001:1  error  not-parsed\n.*too large`},
	},
	{
		name: "60 MB in one statement", large: true,
		files: file("db/migrations/0005_big.up.sql", func() []byte {
			return []byte("INSERT INTO users VALUES " + strings.Repeat("(1, 'x'), ", 6_000_000) + "(1, 'y');\nTRUNCATE users;\n")
		}),
		check: []string{`  2:1  error  truncates`},
		lint:  []string{`  2:1  error  truncates`},
	},
	{
		name:  "a line of 1 MB",
		files: file("db/migrations/0005_line.up.sql", text("SELECT '"+strings.Repeat("x", 1<<20)+"'; TRUNCATE users;")),
		check: []string{`  1:1048588  error  truncates`, `TRUNCATE users;\n +\| +\^\n`},
		lint:  []string{`  1:1048588  error  truncates`},
	},
	{
		name:  "10,000 nested parentheses",
		files: file("db/migrations/0005_deep.up.sql", text("ALTER TABLE users ADD CHECK "+strings.Repeat("(", 10_000)+"true"+strings.Repeat(")", 10_000)+";\nTRUNCATE users;\n")),
		check: []string{`  1:1  error  not-parsed\n.*nested more than`, `  2:1  error  truncates`},
		lint:  []string{`  1:1  error  not-parsed\n.*nested more than`, `  2:1  error  truncates`},
	},
	{
		name:  "a million open parentheses",
		files: file("db/migrations/0005_open.up.sql", text("SELECT "+strings.Repeat("(", 1_000_000)+";\nTRUNCATE users;\n")),
		check: []string{`  1:1  error  not-parsed\n`, `  2:1  error  truncates`},
		lint:  []string{`  1:1  error  not-parsed\n`, `  2:1  error  truncates`},
	},
	{
		name:  "quotes that are never closed",
		files: file("db/migrations/0005_open.up.sql", text("TRUNCATE users;\nSELECT 'open;\nSELECT 1;\n")),
		check: []string{`  1:1  error  truncates`, `  2:\d+  error  not-parsed\n`},
		lint:  []string{`  1:1  error  truncates`, `  2:\d+  error  not-parsed\n`},
	},
	{
		name:  "invalid UTF-8",
		files: file("db/migrations/0005_latin1.up.sql", text("-- caf\xe9\nTRUNCATE users;\n")),
		check: []string{`  1:7  error  not-parsed\n.*\n?.*UTF-8`, `  2:1  error  truncates`},
		lint:  []string{`  1:7  error  not-parsed\n.*\n?.*UTF-8`, `  2:1  error  truncates`},
	},
	{
		name:  "NUL bytes",
		files: file("db/migrations/0005_nul.up.sql", text("SELECT 1;\nTRUNCATE users\x00;\n")),
		check: []string{`  line 2  error  not-parsed\n.*NUL byte`},
		lint:  []string{`  line 2  error  not-parsed\n.*NUL byte`},
	},
	{
		name:  "UTF-16",
		files: file("db/migrations/0005_utf16.up.sql", text("\xff\xfeT\x00R\x00U\x00")),
		check: []string{`not-parsed\n.*UTF-16`},
		lint:  []string{`not-parsed\n.*UTF-16`},
	},
	{
		name:  "a binary file",
		files: file("db/migrations/0005_binary.up.sql", text("\x7fELF\x02\x01\x01\x00\x00\x00\xff\xfe\xfd")),
		check: []string{`not-parsed\n.*NUL byte`},
		lint:  []string{`not-parsed\n.*NUL byte`},
	},
	{
		name:  "a byte order mark and CRLF",
		files: file("db/migrations/0005_windows.up.sql", text("\xef\xbb\xbfTRUNCATE users;\r\nDELETE FROM users;\r\n")),
		check: []string{`  1:4  error  truncates`, `       1 \| TRUNCATE users;\n         \| \^\n`, `  2:1  error  unbounded-write`},
		lint:  []string{`  1:4  error  truncates`, `  2:1  error  unbounded-write`},
	},
	{
		name: "nothing, and only comments",
		files: map[string]func() []byte{
			"db/migrations/0005_empty.up.sql":    text(""),
			"db/migrations/0006_comments.up.sql": text("-- nothing\n/* to /* do */ */\n;;\n"),
			"db/migrations/0007_spaces.up.sql":   text(" \n\t\r\n"),
		},
		check: []string{`4 migrations with 1 statement judged, all of it understood`},
		lint:  []string{`4 migrations with 1 statement judged, all of it understood`},
	},
	{
		name:  "a path with a line's end",
		files: file("db/migrations/0005_a\nFAIL 0 b.up.sql", text("TRUNCATE users;\n")),
		check: []string{`\ndb/migrations/0005_a\\x0aFAIL 0 b\.up\.sql\n  1:1  error  truncates\n`},
		lint:  []string{`\ndb/migrations/0005_a\\x0aFAIL 0 b\.up\.sql\n  1:1  error  truncates\n`},
	},
	{
		name:  "a path that is not UTF-8",
		files: file("db/migrations/0005_\xff.up.sql", text("TRUNCATE users;\n")),
		check: []string{`  1:1  error  truncates`},
		lint:  []string{`  1:1  error  truncates`},
	},
	{
		name:  "symbolic links",
		links: map[string]string{"db/migrations/0005_out.up.sql": "/etc/passwd", "db/migrations/0006_in.up.sql": "0001_users.up.sql", "db/migrations/0007_self.up.sql": "0007_self.up.sql"},
		check: []string{`0005_out.*\n.*not-parsed\n.*symlink`, `0006_in.*\n.*not-parsed\n.*symlink`, `0007_self.*\n.*not-parsed\n.*symlink`},
	},
	{
		name:  "a YAML bomb as configuration",
		files: file(".pmcheck.yml", bomb("version: 1\n", "")),
		check: []string{`\.pmcheck\.yml\n.*guardrail-removed\n.*aliases`},
	},
	{
		name:  "a YAML bomb as post-mortem",
		files: file("docs/postmortems/bomb.md", bomb("---\nid: PM-1\n", "---\n")),
		check: []string{`docs/postmortems/bomb\.md\n.*incomplete-document\n.*aliases`},
	},
	{
		name: "front matter that is huge, deep, or no text",
		files: map[string]func() []byte{
			"docs/postmortems/huge.md": text("---\nid: PM-1\ntitle: " + strings.Repeat("x", 5<<20) + "\n---\n"),
			"docs/postmortems/deep.md": text("---\nid: PM-2\ntitle: " + strings.Repeat("[", 100_000) + "\n---\n"),
			"docs/postmortems/nul.md":  text("---\nid: \xff\x00PM-3\n---\n"),
		},
		check: []string{`huge\.md\n.*incomplete-document`, `deep\.md\n.*incomplete-document`, `nul\.md\n.*incomplete-document`},
	},
}

func file(path string, content func() []byte) map[string]func() []byte {
	return map[string]func() []byte{path: content}
}

func text(s string) func() []byte { return func() []byte { return []byte(s) } }

func repeated(s string, n int) func() []byte {
	return func() []byte { return bytes.Repeat([]byte(s), n) }
}

// bomb is YAML that is small and unfolds to billions of values.
func bomb(before, after string) func() []byte {
	var b strings.Builder
	b.WriteString(before + "a0: &a0 [x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 12; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 9), ", "))
	}
	return text(b.String() + after)
}

func TestBadInput(t *testing.T) {
	for _, tt := range badInput {
		t.Run(tt.name, func(t *testing.T) {
			if tt.large && testing.Short() {
				t.Skip("large: not with -short")
			}
			repo := newRepo(t)
			repo.write("db/migrations/0001_users.up.sql", []byte("CREATE TABLE users (id bigint, name text);\n"))
			repo.commit("base")
			repo.git("checkout", "-q", "-b", "change")
			repo.write("db/migrations/0099_index.up.sql", []byte("CREATE INDEX users_name_idx ON users (name);\n"))
			for path, content := range tt.files {
				repo.write(path, content())
			}
			for path, target := range tt.links {
				repo.link(path, target)
			}
			repo.commit("change")

			report := judged(t, tt.large, "--repo", repo.dir)
			matches(t, "check", report, append(tt.check, `0099_index\.up\.sql\n  1:1  error  index-not-concurrent\n`))
			if len(tt.lint) > 0 {
				args := []string{"lint"}
				for _, e := range repo.list("db/migrations") {
					if e != "0001_users.up.sql" {
						args = append(args, filepath.Join("db/migrations", e))
					}
				}
				t.Chdir(repo.dir)
				report := judged(t, tt.large, args...)
				matches(t, "lint", report, append(tt.lint, `0099_index\.up\.sql\n  1:1  error  index-not-concurrent\n`))
			}
		})
	}
}

// A submodule among migrations, or that is called so, is never passed as if it had been read.
func TestSubmodule(t *testing.T) {
	other := newRepo(t)
	other.write("0001.sql", []byte("SELECT 1;\n"))
	other.commit("other")
	repo := newRepo(t)
	repo.write("db/migrations/0001_users.up.sql", []byte("CREATE TABLE users (id bigint, name text);\n"))
	repo.commit("base")
	repo.git("checkout", "-q", "-b", "change")
	repo.write("db/migrations/0099_index.up.sql", []byte("CREATE INDEX users_name_idx ON users (name);\n"))
	for _, path := range []string{"db/migrations/more", "billing/migrations", "vendor/docs"} {
		repo.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", other.dir, path)
	}
	repo.commit("change")
	report := judged(t, false, "--repo", repo.dir)
	matches(t, "check", report, []string{
		`db/migrations/more\n.*not-parsed\n.*another repository`, `billing/migrations\n.*not-parsed\n.*another repository`,
		`0099_index\.up\.sql\n  1:1  error  index-not-concurrent\n`,
	})
	if strings.Contains(report, "vendor/docs") {
		t.Errorf("a submodule that has nothing to do with migrations is reported:\n%s", report)
	}

	// And neither is one that is moved on, or goes.
	repo.git("branch", "-q", "-f", "main", "change")
	repo.git("checkout", "-q", "-b", "later")
	other.write("0002.sql", []byte("SELECT 2;\n"))
	other.commit("other")
	repo.git("-C", "db/migrations/more", "-c", "protocol.file.allow=always", "pull", "-q")
	repo.git("rm", "-q", "billing/migrations")
	repo.commit("later")
	matches(t, "check", judged(t, false, "--repo", repo.dir), []string{
		`db/migrations/more\n.*not-parsed\n.*another repository`, `billing/migrations  before this change .*\n.*merged-migration-edited\n`,
	})
}

// measured is the program, and notes the most memory that it held.
func measured() {
	tuneMemory()
	status := run(os.Args[1:], os.Stdout, os.Stderr)
	if self, err := os.ReadFile("/proc/self/status"); err == nil {
		_, rest, _ := strings.Cut(string(self), "VmHWM:")
		peak, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
		if err := os.WriteFile(os.Getenv("PMCHECK_TEST_PEAK"), []byte(peak), 0o666); err != nil {
			panic(err)
		}
	}
	os.Exit(status)
}

// judged runs the program, which must find something, and bounds its memory.
func judged(t *testing.T, large bool, args ...string) string {
	t.Helper()
	program, err := exec.LookPath("measured-pmcheck") // this test's own binary, see TestMain
	if err != nil {
		t.Fatal(err)
	}
	peak := filepath.Join(t.TempDir(), "peak")
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.Env = append(os.Environ(), "PMCHECK_TEST_PEAK="+peak)
	var exit *exec.ExitError
	if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != exitFail {
		t.Fatalf("%q: %v, want exit status %d:\n%s%s", args, err, exitFail, clipped(out.String()), clipped(errs.String()))
	}
	if errs.Len() > 0 {
		t.Errorf("%q says %s", args, clipped(errs.String()))
	}
	limit := 300 << 10 // KiB, of which the program itself is 60,000
	if large {
		limit = 700 << 10
	}
	limit *= memoryFactor
	if content, err := os.ReadFile(peak); err == nil {
		if held, err := strconv.Atoi(string(content)); err != nil || held > limit {
			t.Errorf("%q held %d KiB of memory (%v), want %d at most", args, held, err, limit)
		}
	} else if runtime.GOOS == "linux" {
		t.Error(err)
	}
	if out.Len() > 1<<20 {
		t.Errorf("%q prints %d bytes", args, out.Len())
	}
	return out.String()
}

func matches(t *testing.T, what, report string, patterns []string) {
	t.Helper()
	for _, pattern := range patterns {
		if !regexp.MustCompile(pattern).MatchString(report) {
			t.Errorf("%s: nothing in the report matches %s:\n%s", what, pattern, clipped(report))
		}
	}
}

func clipped(s string) string { return s[:min(len(s), 4000)] }

type repository struct {
	t   *testing.T
	dir string
}

func newRepo(t *testing.T) repository {
	r := repository{t, t.TempDir()}
	r.git("init", "-q", "-b", "main")
	return r
}

func (r repository) git(args ...string) {
	r.t.Helper()
	cmd := exec.CommandContext(r.t.Context(), "git", args...)
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=pmcheck", "GIT_AUTHOR_EMAIL=pmcheck@example.com", "GIT_COMMITTER_NAME=pmcheck", "GIT_COMMITTER_EMAIL=pmcheck@example.com")
	if out, err := cmd.CombinedOutput(); err != nil {
		r.t.Fatalf("git %q: %v: %s", args, err, out)
	}
}

func (r repository) commit(message string) {
	r.t.Helper()
	r.git("add", "-A")
	r.git("-c", "core.compression=1", "commit", "-q", "-m", message)
}

func (r repository) write(path string, content []byte) {
	r.t.Helper()
	path = filepath.Join(r.dir, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o666); err != nil {
		r.t.Fatal(err)
	}
}

func (r repository) link(path, target string) {
	r.t.Helper()
	if err := os.Symlink(target, filepath.Join(r.dir, path)); err != nil {
		r.t.Fatal(err)
	}
}

func (r repository) list(dir string) []string {
	r.t.Helper()
	entries, err := os.ReadDir(filepath.Join(r.dir, dir))
	if err != nil {
		r.t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
