package change

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// landings are a change's landings, each on a line.
func landings(c *Change) []string {
	var lines []string
	for _, l := range c.Landed {
		number := ""
		if l.PullRequest > 0 {
			number = fmt.Sprintf("%s%d ", l.Mark, l.PullRequest)
		}
		lines = append(lines, fmt.Sprintf("%s%s: %s", number, l.Title, strings.Join(l.Files, " ")))
	}
	return lines
}

func TestLanded(t *testing.T) {
	f := newFixture(t)
	f.write("a", "a")
	base := f.commit("base")

	f.git("switch", "-q", "-c", "drop")
	f.write("migrations/2.sql", "DROP")
	f.commit("wip")
	f.write("b", "b")
	f.commit("more")
	f.git("switch", "-q", "main")
	f.git("merge", "-q", "--no-ff", "drop", "-m", "Merge pull request #12 from acme/drop\n\nDrop the legacy name")
	f.remove("a")
	f.write("c d\n", "c")
	f.commit("Read names from profiles (#14)")
	f.git("commit", "-q", "--allow-empty", "-m", "Nothing (at all)")
	f.write("b", "bb")
	f.commit("Merge branch 'x' into 'main'\n\nName things\n\nSee merge request acme/tools/orders!7")

	c := f.open(Options{Base: base, Landed: true})
	want := []string{
		"!7 Name things: b",
		"Nothing (at all): ",
		"#14 Read names from profiles: a c d\n",
		"#12 Drop the legacy name: b migrations/2.sql",
	}
	if diff := cmp.Diff(want, landings(c)); diff != "" || c.MoreLanded {
		t.Errorf("more %v, -want +got\n%s", c.MoreLanded, diff)
	}
	if c := f.open(Options{Base: base}); c.Landed != nil {
		t.Error("what landed is listed without being asked for")
	}
	// From a root, of what only the head has, and of nothing.
	f.git("switch", "-q", "--orphan", "other")
	f.write("z", "z")
	f.commit("another root")
	if diff := cmp.Diff([]string{"another root: z"}, landings(f.open(Options{Base: "main", Head: "other", Landed: true}))); diff != "" {
		t.Error(diff)
	}
	if got := landings(f.open(Options{Base: "main", Head: "main", Landed: true})); got != nil {
		t.Errorf("between a commit and itself: %q", got)
	}

	// A shallow clone does not know what its last commits changed, and says so.
	shallow := f.clone("--depth=2", "--branch=main", "--no-single-branch")
	c = shallow.open(Options{Base: "origin/other", Head: "HEAD", Landed: true})
	if diff := cmp.Diff([]string{"!7 Name things: b", "Nothing (at all): "}, landings(c)); diff != "" || !c.MoreLanded {
		t.Errorf("shallow: more %v, -want +got\n%s", c.MoreLanded, diff)
	}
}

func TestPullRequestOf(t *testing.T) {
	for _, test := range []struct {
		title, body string
		number      int
		mark, want  string
	}{
		{"Merge pull request #12 from acme/drop", "\nDrop it\n\nbecause", 12, "#", "Drop it"},
		{"Merge pull request #12 from acme/drop", "", 12, "#", "Merge pull request #12 from acme/drop"},
		{"Drop it (#12)", "* wip\n", 12, "#", "Drop it"},
		{`Revert "Drop it (#12)" (#15)`, "", 15, "#", `Revert "Drop it (#12)"`},
		{"Drop it (!12)", "", 12, "!", "Drop it"},
		{"Drop it", "Closes #3\n\nSee merge request acme/a.b/orders-api!12\n", 12, "!", "Drop it"},
		{"Merge branch 'drop' into 'main'", "Drop it\n\nSee merge request !12", 12, "!", "Drop it"},
		{"Merged in drop (pull request #12)", "Drop it\n\nApproved-by: someone", 12, "#", "Drop it"},
		{"Merged PR 12: Drop it", "", 12, "#", "Drop it"},
		{"Auto merge of #12 - dev:drop, r=other", "Drop it", 12, "#", "Drop it"},
		{"Merge #12 #13", "", 12, "#", "Merge #12 #13"},
		{"Fix #12", "", 0, "", "Fix #12"},
		{"Drop it (#1234567890123)", "", 0, "", "Drop it (#1234567890123)"},
		{"(#12)", "", 0, "", "(#12)"},
		{"Merge branch 'main' into drop", "", 0, "", "Merge branch 'main' into drop"},
		{"", "", 0, "", ""},
	} {
		number, mark, title := pullRequestOf(test.title, test.body)
		if number != test.number || mark != test.mark || title != test.want {
			t.Errorf("%q: %s%d %q, want %s%d %q", test.title, mark, number, title, test.mark, test.number, test.want)
		}
	}
}

func FuzzLanded(f *testing.F) {
	id := strings.Repeat("a", 40)
	f.Add("commit "+id+"\n\x00"+id+" "+id+"\x001700000000\x00Merge pull request #12 from a/b\x00T\n\x00\n", id+"\x00:100644 100644 x y M\x00a\x00")
	f.Add("", "")
	f.Fuzz(func(t *testing.T, log, files string) {
		landed, parents, err := parseLanded(log)
		for _, l := range landed {
			if _, ok := parents[l.ID]; err != nil || !ok || l.PullRequest < 0 || (l.PullRequest > 0) != (l.Mark != "") || len(l.Title) > maxTitle {
				t.Errorf("%+v, %v", l, err)
			}
		}
		parseChangedFiles(files)
	})
}
