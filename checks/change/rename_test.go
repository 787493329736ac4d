package change

import (
	"fmt"
	"testing"
)

func TestExactRenames(t *testing.T) {
	gone := func(path, id string) File { return deleted(Entry{Path: path, BlobID: id, Kind: Regular}) }
	come := func(path, id string) File { return added(Entry{Path: path, BlobID: id, Kind: Regular}) }
	link := come("link", idA)
	link.Kind = Symlink
	f := newFixture(t)
	f.commit("without files")
	c := f.open(Options{})
	for name, tt := range map[string]struct {
		files []File
		want  string
	}{
		"nothing gone":      {[]File{come("a", idA)}, "added a"},
		"nothing come":      {[]File{gone("a", idA)}, "deleted a"},
		"same name first":   {[]File{gone("a/x", idA), gone("a/y", idA), come("b/y", idA), come("b/z", idA)}, "renamed b/y from a/y\nrenamed b/z from a/x"},
		"one source once":   {[]File{gone("a", idA), come("b", idA), come("c", idA)}, "renamed b from a\nadded c"},
		"another kind":      {[]File{gone("a", idA), link}, "deleted a\nadded link (symlink)"},
		"contents not read": {[]File{gone("a", ""), come("b", "")}, "deleted a\nadded b"},
	} {
		files, err := c.findRenames(t.Context(), tt.files)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := summary(files); got != tt.want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, tt.want)
		}
	}
}

// Too many files to compare each with each are left as they are, on disk and between commits.
func TestTooManyRenames(t *testing.T) {
	f := newFixture(t)
	for i := range maxRenames + 1 {
		f.write(fmt.Sprintf("old/%d", i), numbered(i*100, i*100+10))
	}
	f.write("exact", "moved as it is")
	base := f.commit("base")
	f.remove("old")
	f.remove("exact")
	for i := range maxRenames + 1 {
		f.write(fmt.Sprintf("new/n%d", i), numbered(i*100, i*100+9)+"edit\n")
	}
	f.write("moved", "moved as it is")
	onDisk := f.open(Options{Base: base, Worktree: true})
	f.commit("head")
	committed := f.open(Options{Base: base})
	for _, c := range []*Change{onDisk, committed} {
		count := map[Status]int{}
		for _, file := range c.Files {
			count[file.Status]++
		}
		if count[Added] != maxRenames+1 || count[Deleted] != maxRenames+1 || count[Renamed] != 1 {
			t.Errorf("worktree %v: %v", c.Dirty, count)
		}
	}
}
