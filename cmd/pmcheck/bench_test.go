package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// migration is the n-th of a history in which each table lives through what tables live through.
func migration(n int) string {
	if n%4 == 0 {
		return fmt.Sprintf("CREATE TABLE t%d (id bigint PRIMARY KEY, name text NOT NULL, created_at timestamptz NOT NULL DEFAULT now());\n"+
			"CREATE INDEX t%d_name_idx ON t%d (name);\n", n, n, n)
	}
	table := n - n%4
	return []string{
		fmt.Sprintf("ALTER TABLE t%d ADD COLUMN c%d integer;\nALTER TABLE t%d ALTER COLUMN c%d SET DEFAULT 0;\n", table, n, table, n),
		fmt.Sprintf("ALTER TABLE t%d ADD CONSTRAINT t%d_c CHECK (name <> '') NOT VALID;\n", table, n),
		fmt.Sprintf("DROP INDEX t%d_name_idx;\nCREATE INDEX t%d_name_idx ON t%d (lower(name));\nUPDATE t%d SET name = trim(name);\n", table, n, table, table),
	}[n%4-1]
}

func benchmark(b *testing.B, args ...string) {
	b.Helper()
	for b.Loop() {
		var errs bytes.Buffer
		if status := run(args, io.Discard, &errs); status != exitPass && status != exitFail {
			b.Fatalf("pmcheck %s ended with %d: %s", strings.Join(args, " "), status, errs.String())
		}
	}
}

// One migration file, judged alone.
func BenchmarkLintOneFile(b *testing.B) {
	path := filepath.Join(b.TempDir(), "0001_x.up.sql")
	if err := os.WriteFile(path, []byte(migration(3)), 0o644); err != nil {
		b.Fatal(err)
	}
	benchmark(b, "lint", path)
}

// A thousand migration files, judged alone.
func BenchmarkLintThousandFiles(b *testing.B) {
	dir := b.TempDir()
	for n := range 1000 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%06d_x.up.sql", n+1)), []byte(migration(n)), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	benchmark(b, "lint", dir)
}

// A pull request that drops a column, in a repository of 10,000 files, 350 migrations
// and 480 generated queries. Every 350th file names the table, without a query of it.
func BenchmarkCheckPullRequest(b *testing.B) {
	dir := b.TempDir()
	git := func(stdin io.Reader, args ...string) {
		cmd := exec.Command("git", args...)
		cmd.Dir, cmd.Stdin = dir, stdin
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("git %s: %v: %s", args[0], err, out)
		}
	}
	git(nil, "init", "-q", "--bare", "-b", "main")
	var stream bytes.Buffer
	commit := func(branch, from string) {
		fmt.Fprintf(&stream, "commit refs/heads/%s\ncommitter a <a@example.com> 1760000000 +0000\ndata 1\nx\n%s", branch, from)
	}
	file := func(path, content string) {
		fmt.Fprintf(&stream, "M 100644 inline %s\ndata %d\n%s\n", path, len(content), content)
	}
	commit("main", "")
	for n := range 350 {
		file(fmt.Sprintf("migrations/%06d_x.up.sql", n+1), migration(n))
	}
	for n := range 10_000 {
		function := fmt.Sprintf("// Select asks for t%d.\nfunc (s *Store) Select(id int64) error {\n\treturn fmt.Errorf(\"select t%d: %%w\", s.update(id))\n}\n\n", n%350, n%350)
		file(fmt.Sprintf("internal/p%d/a.go", n), "package a\n\nimport \"fmt\"\n\n"+strings.Repeat(function, 20))
	}
	queries := "package db\n"
	for n := range 480 {
		queries += fmt.Sprintf("\nconst query%d = `-- name: Query%d :one\nSELECT id, name, created_at\nFROM t%d\nWHERE id = $1 AND name <> ''\n`\n", n, n, n/8*4)
	}
	file("internal/db/queries.sql.go", queries)
	commit("change", "from refs/heads/main\n")
	file("migrations/000999_drop.up.sql", "ALTER TABLE t0 DROP COLUMN name;\n")
	git(&stream, "fast-import", "--quiet")
	benchmark(b, "check", "--repo", dir, "--base", "main", "--head", "change")
}
