package change

import (
	"bufio"
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	idA  = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	idB  = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	id0  = "0000000000000000000000000000000000000000"
	id64 = "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
)

// malformed is what no parser of records takes.
var malformed = []string{
	"\x00", "x", "x\x00", "100644 blob " + idA + "\tno end", "100644 blob " + idA + "\x00", "100644 blob short\ta\x00",
	"rw-r--r-- blob " + idA + "\ta\x00", "100644 " + idA + "\ta\x00", "100644 blob " + idA + "\t\x00",
	"99999999999999 blob " + idA + "\ta\x00", "100644 blob " + strings.Repeat("A", 40) + "\ta\x00",
	"100644 blob " + idA + "\ta\x00100644 blob " + idA + "\ta\x00",
	":100644 100644 " + idA + " " + idB + " M\x00", ":100644 100644 " + idA + " " + idB + " R90\x00old\x00",
	":100644 100644 " + idA + " " + idB + " Rx\x00old\x00new\x00", ":100644 100644 " + idA + " " + idB + " R101\x00old\x00new\x00",
	":100644 100644 " + idA + " " + idB + " Q\x00a\x00", ":100644 100644 " + idA + " " + idB + " \x00a\x00",
	":100644 100644 " + idA + " M\x00a\x00", "100644 100644 " + idA + " " + idB + " M\x00a\x00", ":1 9 " + idA + " " + idB + " M\x00a\x00",
	":100644 100644 " + idA + " " + idB + " M\x00\x00", "? \x00", "H 100644 " + idA + "\ta\x00", "HH 100644 " + idA + " 0\ta\x00",
}

func TestParsersRefuse(t *testing.T) {
	for _, text := range malformed {
		if _, err := parseTree(text); err == nil {
			t.Errorf("parseTree takes %q", text)
		}
		if _, err := parseDiff(text); err == nil {
			t.Errorf("parseDiff takes %q", text)
		}
		if _, err := parseIndex(text); err == nil {
			t.Errorf("parseIndex takes %q", text)
		}
	}
	for _, text := range []string{"commit", "commit " + idA, "commit " + idA + "\n", "commit " + idA + "\n1", "commit x\n1 t\x00\x00\n", idA + "\n1 t\x00\x00\n",
		"commit " + idA + "\nx t\x00\x00\n", "commit " + idA + "\n1 t\n", "commit " + idA + "\n1 t\x00b", "commit " + idA + "\n1 t\nb\x00\x00\n"} {
		if commits, err := parseCommits(text); err == nil {
			t.Errorf("parseCommits takes %q: %v", text, commits)
		}
	}
	if _, err := parseConfiguration("core.symlinks\ntrue"); err == nil {
		t.Error("parseConfiguration takes a value without an end")
	}
}

func TestParseDiff(t *testing.T) {
	got, err := parseDiff(":100644 100755 " + idA + " " + idA + " M\x00z\x00" +
		":000000 100644 " + id0 + " " + idB + " A\x00a\nb\x00" +
		":120000 100644 " + idA + " " + idB + " T\x00t\x00" +
		":100644 100644 " + idA + " " + idB + " C075\x00z\x00copy\x00" +
		":100644 100644 " + idA + " " + idB + " R075\x00from\x00to\x00" +
		":160000 000000 " + idA + " " + id0 + " D\x00sub\x00")
	if err != nil {
		t.Fatal(err)
	}
	want := []File{
		{Status: Added, Path: "a\nb", Kind: Regular, BlobID: idB},
		{Status: Added, Path: "copy", Kind: Regular, BlobID: idB},
		{Status: Deleted, Path: "sub", Kind: Submodule, OldKind: Submodule, OldBlobID: idA},
		{Status: TypeChanged, Path: "t", Kind: Regular, OldKind: Symlink, BlobID: idB, OldBlobID: idA},
		{Status: Renamed, Path: "to", OldPath: "from", Kind: Regular, OldKind: Regular, BlobID: idB, OldBlobID: idA, Similarity: 75},
		{Status: Modified, Path: "z", Kind: Regular, OldKind: Regular, BlobID: idA, OldBlobID: idA, executable: true},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestParseIndex(t *testing.T) {
	state := "  ctime: 5:6\n  mtime: 7:8\n  dev: 1\tino: 2\n  uid: 0\tgid: 0\n  size: 9\tflags: 0\n"
	seen := fileState{changed: time.Unix(5, 6), modified: time.Unix(7, 8), size: 9}
	got, err := parseIndex("? new\x00? sub/\x00H 100755 " + idA + " 0\ta\tb\x00" + state +
		"S 100644 " + id64 + " 0\tsparse\x00" +
		"M 100644 " + idA + " 1\tmerge\x00" + state + "M 100644 " + idB + " 2\tmerge\x00" + state +
		"H 120000 " + idA + " 0\todd\x00  ctime: when it rained\n  something: new\n" +
		"H 100644 " + idA + " 0\t? x\x00" + state)
	if err != nil {
		t.Fatal(err)
	}
	want := []indexEntry{
		{Entry: Entry{Path: "new"}, untracked: true},
		{Entry: Entry{Path: "sub/"}, untracked: true},
		{Entry: Entry{Path: "a\tb", BlobID: idA, Kind: Regular, Executable: true}, seen: seen},
		{Entry: Entry{Path: "sparse", BlobID: id64, Kind: Regular}, sparse: true},
		{Entry: Entry{Path: "merge", BlobID: idA, Kind: Regular}, conflict: true, seen: seen},
		{Entry: Entry{Path: "odd", BlobID: idA, Kind: Symlink}},
		{Entry: Entry{Path: "? x", BlobID: idA, Kind: Regular}, seen: seen},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestConfiguration(t *testing.T) {
	c, err := parseConfiguration("remote.origin.url\nfirst\x00remote.origin.url\nsecond\x00core.symlinks\x00core.filemode\nfalse\x00core.filemode\nYes\x00core.autocrlf\ninput\x00remote.Up.Stream.promisor\nfalse\x00init.defaultbranch\nline\nbreak\x00")
	if err != nil {
		t.Fatal(err)
	}
	if c["remote.origin.url"] != "first" || !c.isTrue("core.symlinks", false) || !c.isTrue("core.filemode", false) || c.isTrue("core.autocrlf", true) ||
		!c.isTrue("not set", true) || c.isPartialClone() || c["init.defaultbranch"] != "line\nbreak" {
		t.Errorf("%q", c)
	}
	for text, want := range map[string]bool{"remote.a.b.promisor\ntrue\x00": true, "remote.x.promisor\x00": true, "extensions.partialclone\norigin\x00": true, "": false} {
		if c, err := parseConfiguration(text); err != nil || c.isPartialClone() != want {
			t.Errorf("%q: partial clone %v, %v, want %v", text, c.isPartialClone(), err, want)
		}
	}
}

func TestRepositoryName(t *testing.T) {
	for url, want := range map[string]string{
		"https://github.com/acme/orders.git":                       "acme/orders",
		"https://github.com/acme/orders":                           "acme/orders",
		"https://github.com/acme/orders/":                          "acme/orders",
		"https://x-access-token:s3cret@github.com/acme/orders.git": "acme/orders",
		"HTTPS://GitHub.com/acme/orders":                           "acme/orders",
		"ssh://git@github.com:22/acme/orders.git":                  "acme/orders",
		"git@github.com:acme/orders.git":                           "acme/orders",
		"git@github.com:/acme/orders.git":                          "acme/orders",
		"gh:acme/orders":                                           "acme/orders",
		"git://example.com/a.b/c_d-e":                              "a.b/c_d-e",
		"https://gitlab.com/group/sub/name.git":                    "group/sub/name",
		"token:s3cret@github.com:acme/orders":                      "",
		"https://github.com/acme/orders?token=s3cret":              "",
		"https://github.com/orders":                                "",
		"https://github.com":                                       "",
		"/srv/git/acme/orders.git":                                 "",
		"../acme/orders":                                           "",
		"./a:b/c":                                                  "",
		"file:///srv/git/acme/orders.git":                          "",
		"ext::sh -c x/y":                                           "",
		`C:\src\orders`:                                            "",
		"C:/src/orders":                                            "",
		"https://github.com/acme/../orders":                        "",
		"https://github.com/acme//orders":                          "",
		"https://github.com/acme/ord ers":                          "",
		"":                                                         "",
	} {
		if got := repositoryName(url); got != want {
			t.Errorf("repositoryName(%q) = %q, want %q", url, got, want)
		}
	}
	f := newFixture(t)
	f.commit("one")
	f.git("remote", "add", "origin", "https://someone:s3cret@github.com/acme/orders.git")
	if c := f.open(Options{}); c.Repository != "acme/orders" {
		t.Errorf("Repository %q, want acme/orders", c.Repository)
	}
}

func TestRepositoryAddress(t *testing.T) {
	for url, want := range map[string]string{
		"https://github.com/acme/orders.git":                       "https://github.com/acme/orders",
		"https://x-access-token:s3cret@github.com/acme/orders.git": "https://github.com/acme/orders",
		"HTTPS://GitHub.com/acme/orders":                           "https://github.com/acme/orders",
		"http://git.example.com:3000/acme/orders":                  "http://git.example.com:3000/acme/orders",
		"https://git.example.com:8443/acme/orders":                 "https://git.example.com:8443/acme/orders",
		"ssh://git@github.com:22/acme/orders.git":                  "https://github.com/acme/orders",
		"git@github.com:acme/orders.git":                           "https://github.com/acme/orders",
		"git@gitlab.com:group/sub/name.git":                        "https://gitlab.com/group/sub/name",
		"gh:acme/orders":                                           "",
		"https://localhost/acme/orders":                            "",
		"https://exa mple.com/acme/orders":                         "",
		"https://a@b:c@evil.com:x/acme/orders":                     "",
		"token:s3cret@github.com:acme/orders":                      "",
		"https://github.com/acme/orders?token=s3cret":              "",
		"/srv/git/acme/orders.git":                                 "",
		"":                                                         "",
	} {
		if got := repositoryAddress(url); got != want {
			t.Errorf("repositoryAddress(%q) = %q, want %q", url, got, want)
		}
	}
}

func TestEnvironment(t *testing.T) {
	got := environment([]string{"PATH=/bin", "GIT_DIR=x", "GIT_CONFIG=x", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=a=b", "GIT_CONFIG_GLOBAL=g", "HOME=/h", "GIT_TRACE=1",
		"GIT_CEILING_DIRECTORIES=/", "GITHUB_ACTIONS=true", "odd", ""})
	want := append([]string{"PATH=/bin", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=a=b", "GIT_CONFIG_GLOBAL=g", "HOME=/h", "GIT_CEILING_DIRECTORIES=/", "GITHUB_ACTIONS=true", "odd", ""}, settings...)
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestProfile(t *testing.T) {
	of := func(s string) profile { return profileOf([]byte(s)) }
	for name, tt := range map[string]struct {
		a, b string
		want int
	}{
		"equal":               {numbered(0, 9), numbered(0, 9), 100},
		"reordered":           {"a\nb\nc\n", "c\na\nb\n", 100},
		"line ends":           {"a\r\nb\r\n", "a\nb\n", 100},
		"line ends of binary": {"\x00a\r\nb\r\n", "\x00a\nb\n", 0},
		"half":                {"aaaa\nbbbb\n", "aaaa\ncccc\n", 50},
		"repeated":            {"a\na\na\n", "a\nb\nb\n", 33},
		"much larger":         {"a\n", strings.Repeat("a\n", 9), 0},
		"nothing":             {"", "", 0},
		"nothing and some":    {"", "a", 0},
		"long line":           {strings.Repeat("x", 128) + "y", strings.Repeat("x", 128) + "z", 99},
	} {
		if got := of(tt.a).similarity(of(tt.b)); got != tt.want {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
		if got := of(tt.b).similarity(of(tt.a)); got != tt.want {
			t.Errorf("%s, the other way round: %d, want %d", name, got, tt.want)
		}
	}
}

func FuzzParseTree(f *testing.F) {
	f.Add("100644 blob " + idA + "\ta\x00120000 blob " + idB + "\tdir/b\nc\x00160000 commit " + idA + "\tz\x00")
	f.Add("100755 blob " + id64 + "\tb\x00100644 blob " + id64 + "\ta\x00")
	for _, text := range malformed {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		entries, err := parseTree(text)
		if err != nil {
			return
		}
		if len(entries) != strings.Count(text, "\x00") {
			t.Errorf("%d entries of %d records", len(entries), strings.Count(text, "\x00"))
		}
		for i, e := range entries {
			if e.Path == "" || !isID(e.BlobID) || i > 0 && entries[i-1].Path >= e.Path {
				t.Errorf("entry %d: %+v", i, e)
			}
		}
	})
}

func FuzzParseDiff(f *testing.F) {
	f.Add(":100644 100644 " + idA + " " + idB + " R075\x00from\x00to\x00:000000 100644 " + id0 + " " + idB + " A\x00a\x00")
	f.Add(":160000 000000 " + idA + " " + id0 + " D\x00sub\x00")
	for _, text := range malformed {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		files, err := parseDiff(text)
		if err != nil {
			return
		}
		for i, file := range files {
			if file.Path == "" || (file.OldPath != "") != (file.Status == Renamed) || i > 0 && files[i-1].Path > file.Path ||
				(file.BlobID == "") != (file.Status == Deleted) || (file.OldBlobID == "") != (file.Status == Added) {
				t.Errorf("file %d: %+v", i, file)
			}
		}
		base := undo(nil, files)
		if !slices.IsSortedFunc(base, byPath) {
			t.Errorf("unsorted: %v", base)
		}
	})
}

func FuzzParseIndex(f *testing.F) {
	f.Add("? new\x00H 100755 " + idA + " 0\ta\tb\x00  ctime: 5:6\n  mtime: 7:8\n  size: 9\tflags: 0\nS 100644 " + id64 + " 0\tsparse\x00")
	f.Add("H 100644 " + idA + " 0\ta\x00  mtime: 99999999999999999999:0\n  size: -1")
	for _, text := range malformed {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		entries, err := parseIndex(text)
		for _, e := range entries {
			if e.Path == "" || e.untracked == isID(e.BlobID) {
				t.Errorf("%+v, %v", e, err)
			}
		}
	})
}

func FuzzParseCommits(f *testing.F) {
	f.Add("commit " + idA + "\n1 title\x00body\nof two lines\n\x00\ncommit " + idB + "\n-5 \x00\x00\n")
	f.Add("commit " + idA + "\n1 " + strings.Repeat("é", 999) + "\x00" + strings.Repeat("é", 2001) + "\x00\n")
	f.Fuzz(func(t *testing.T, text string) {
		commits, _ := parseCommits(text)
		for _, c := range commits {
			if !isID(c.ID) || len(c.Title) > maxTitle || len(c.Body) > maxBody || strings.Contains(c.Title, "\n") {
				t.Errorf("%+v", c)
			}
		}
	})
}

func FuzzRepositoryName(f *testing.F) {
	f.Add("https://user:pass@host/owner/name.git")
	f.Add("git@host:owner/name")
	f.Fuzz(func(t *testing.T, url string) {
		name := repositoryName(url)
		if name != "" && (strings.Trim(name, nameCharacters+"/") != "" || !strings.Contains(name, "/") || !strings.Contains(url, name)) {
			t.Errorf("repositoryName(%q) = %q", url, name)
		}
		address := repositoryAddress(url)
		if rest, ok := strings.CutSuffix(address, "/"+name); address != "" && (!ok || strings.Trim(rest, nameCharacters+":/") != "") {
			t.Errorf("repositoryAddress(%q) = %q", url, address)
		}
	})
}

func FuzzReadObject(f *testing.F) {
	f.Add("main", []byte(idA+" commit 3\nabc\n"))
	f.Add("main", []byte("main missing\n"))
	f.Add("ab", []byte("ab ambiguous\n"))
	f.Add(idA, []byte(idA+" submodule\n"))
	f.Add("x", []byte(idA+" blob 99999999999999999999\n"))
	f.Add("x", []byte(idA+" blob 67108865\n"))
	f.Add("x", []byte(idA+" blob -1\n"))
	f.Add("x", []byte(idA+" blob 4\nabc\n"))
	f.Fuzz(func(t *testing.T, name string, answer []byte) {
		for _, contents := range []bool{false, true} {
			found, err := readObject(bufio.NewReader(bytes.NewReader(answer)), name, contents)
			if err == nil && found.kind != "missing" && found.kind != "ambiguous" && !isID(found.id) {
				t.Errorf("%q: %+v", answer, found)
			}
			if contents && int64(len(found.content)) != found.size {
				t.Errorf("%q: %d of %d bytes", answer, len(found.content), found.size)
			}
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	f, base := benchmarkFixture(b)
	for name, o := range map[string]Options{"commits": {Base: base}, "worktree": {Base: base, Worktree: true}} {
		b.Run(name, func(b *testing.B) {
			o.Repo = f.dir
			for b.Loop() {
				c, err := Open(b.Context(), o)
				if err != nil {
					b.Fatal(err)
				}
				c.Close()
			}
		})
	}
}

func BenchmarkRead(b *testing.B) {
	f, base := benchmarkFixture(b)
	c := f.open(Options{Base: base})
	var paths []string
	for _, e := range c.HeadTree().Entries()[:1000] {
		paths = append(paths, e.Path)
	}
	b.Run("Read", func(b *testing.B) {
		for b.Loop() {
			for _, path := range paths {
				if _, err := c.HeadTree().Read(path); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.ReportMetric(float64(len(paths)), "files/op")
	})
	b.Run("ReadMany", func(b *testing.B) {
		for b.Loop() {
			err := c.HeadTree().ReadMany(b.Context(), paths, func(_ string, _ []byte, err error) error { return err })
			if err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(len(paths)), "files/op")
	})
}

// benchmarkFixture is a packed repository of 10,000 files, the last commit of which changes one.
func benchmarkFixture(b *testing.B) (f fixture, base string) {
	b.Helper()
	f = newFixture(b)
	var stream strings.Builder
	stream.WriteString("commit refs/heads/main\ncommitter c <c@example.com> 1700000000 +0000\ndata 4\nbase\n")
	for i := range 10_000 {
		content := numbered(i, i+100)
		fmt.Fprintf(&stream, "M 100644 inline dir%d/sub%d/file%d.sql\ndata %d\n%s\n", i%31, i%17, i, len(content), content)
	}
	stream.WriteString("commit refs/heads/main\ncommitter c <c@example.com> 1700000001 +0000\ndata 4\nhead\nM 100644 inline dir0/new.sql\ndata 1\nx\n")
	f.gitInput(stream.String(), "fast-import", "--quiet")
	f.git("reset", "-q", "--hard")
	f.git("repack", "-q", "-a", "-d")
	return f, f.git("rev-parse", "HEAD~1")
}
