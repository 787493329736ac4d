package layout

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// gitTree is one commit of a repository, read by one git process.
type gitTree struct {
	rev   string
	paths []string
	in    io.WriteCloser
	out   *bufio.Reader
}

func openGitTree(t *testing.T, dir, rev string) *gitTree {
	t.Helper()
	list, err := exec.Command("git", "-C", dir, "ls-tree", "-r", "-z", rev).Output()
	if err != nil {
		t.Fatalf("git ls-tree in %s: %v", dir, err)
	}
	tree := &gitTree{rev: rev}
	for entry := range strings.SplitSeq(strings.TrimSuffix(string(list), "\x00"), "\x00") {
		meta, p, ok := strings.Cut(entry, "\t")
		if ok && strings.HasPrefix(meta, "100") {
			tree.paths = append(tree.paths, p)
		}
	}
	slices.Sort(tree.paths)
	cmd := exec.Command("git", "-C", dir, "cat-file", "--batch")
	if tree.in, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	tree.out = bufio.NewReader(stdout)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		tree.in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("git cat-file in %s: %v", dir, err)
		}
	})
	return tree
}

func (t *gitTree) Paths() []string { return t.paths }

func (t *gitTree) Read(p string) ([]byte, error) {
	if _, err := fmt.Fprintf(t.in, "%s:%s\n", t.rev, p); err != nil {
		return nil, err
	}
	header, err := t.out.ReadString('\n')
	if err != nil {
		return nil, err
	}
	fields := strings.Fields(header)
	size, err := strconv.Atoi(fields[len(fields)-1])
	if err != nil {
		return nil, fmt.Errorf("git says %q", header)
	}
	content := make([]byte, size+1)
	_, err = io.ReadFull(t.out, content)
	return content[:size], err
}

// TestCorpus lists the migrations of every repository in the folder that PMCHECK_CORPUS names (OWNER+NAME/repo or OWNER+NAME), and checks what must
// hold of any tree. With -v it prints one line for each database and each file that could not be read.
func TestCorpus(t *testing.T) {
	corpus := os.Getenv("PMCHECK_CORPUS")
	if corpus == "" {
		t.Skip("PMCHECK_CORPUS does not name a folder of git repositories")
	}
	dirs, err := filepath.Glob(filepath.Join(corpus, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		if fi, err := os.Stat(dir); err != nil || !fi.IsDir() || strings.HasPrefix(filepath.Base(dir), ".") {
			continue
		}
		t.Run(filepath.Base(dir), func(t *testing.T) {
			if _, err := os.Stat(filepath.Join(dir, "repo")); err == nil {
				dir = filepath.Join(dir, "repo")
			}
			tree := openGitTree(t, dir, "HEAD")
			dbs, err := Detect(tree, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, db := range dbs {
				describe(t, tree, db)
			}
		})
	}
}

func describe(t *testing.T, tree Tree, db Database) {
	t.Helper()
	count := map[string]int{}
	for _, m := range db.Migrations {
		count[string(m.Direction)]++
		content, err := tree.Read(m.Path)
		if err != nil {
			t.Errorf("%s: %v", m.Path, err)
			continue
		}
		script, err := m.SQL(content)
		if err != nil {
			t.Logf("  refused: %v", err)
			count["refused"]++
			continue
		}
		if bytes.Count(content, []byte("\n")) != strings.Count(script.Text, "\n") {
			t.Errorf("%s (%s): the script has other line ends than the file", m.Path, m.Direction)
		}
		if script.Absent {
			count["no "+string(m.Direction)]++
		}
		count["tx "+string(script.Transaction)]++
		for _, s := range script.StandIns {
			count["stand-in "+string(s.Kind)]++
		}
	}
	var counts []string
	for _, key := range slices.Sorted(maps.Keys(count)) {
		counts = append(counts, fmt.Sprintf("%s %d", key, count[key]))
	}
	t.Logf("%s [%s, %s: %s] %s; %d unread; baseline %q; %s", db.Root, db.Framework, db.Engine, db.EngineWhy,
		strings.Join(counts, ", "), len(db.Unread), db.Baseline, db.Why)
	for i, u := range db.Unread {
		if i < 3 {
			t.Logf("  unread: %s v%s (%s): %s", u.Path, u.Version, u.Framework, u.Reason)
		}
	}
}
