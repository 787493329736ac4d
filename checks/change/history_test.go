package change

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

func TestHistory(t *testing.T) {
	f := newFixture(t)
	f.write("a", "1")
	first := f.commit("one")
	f.git("tag", "light")
	f.git("checkout", "-q", "-b", "side")
	f.write("b", "1")
	side := f.commit("on the side")
	f.git("checkout", "-q", "main")
	f.write("c", "1")
	squashed := f.commit("Say hello (#12)")
	f.git("merge", "-q", "--no-ff", "-m", "Merge pull request #13 from acme/side\n\nOn the side", "side")
	merge := f.git("rev-parse", "HEAD")
	merge = strings.TrimSpace(merge)
	f.git("tag", "-a", "-m", "release", "v1.0")
	f.git("tag", "tree", "HEAD^{tree}")
	ctx := context.Background()
	repo, err := OpenRepo(ctx, f.dir)
	if err != nil {
		t.Fatal(err)
	}

	got, err := repo.History(ctx, []string{merge}, []string{first})
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]string{}
	for _, c := range got {
		said[c.ID] = fmt.Sprintf("%s%d %s %d", c.Mark, c.Number, c.Title, len(c.Parents))
		if c.Authored.Unix() != 1700000000 || c.Cut {
			t.Errorf("%+v", c)
		}
	}
	if len(got) != 3 || got[0].ID != merge || said[merge] != "#13 On the side 2" || said[squashed] != "#12 Say hello 1" || said[side] != "0 on the side 1" {
		t.Errorf("history: %v", said)
	}

	missing := strings.Repeat("0", 39) + "1"
	have, err := repo.Have(ctx, []string{merge, missing, "no id", strings.TrimSpace(f.git("rev-parse", "HEAD^{tree}"))})
	if err != nil || len(have) != 1 || !have[merge] {
		t.Errorf("have %v, %v", have, err)
	}

	tags, err := repo.Tags(ctx, "*")
	if err != nil || len(tags) != 2 || tags[0].Name != "light" || tags[0].Annotated || tags[0].Commit != first ||
		tags[1].Name != "v1.0" || !tags[1].Annotated || tags[1].Commit != merge {
		t.Errorf("tags %+v, %v", tags, err)
	}

	for _, pair := range []struct {
		commit, earlier string
		want            bool
	}{{merge, side, true}, {merge, merge, true}, {squashed, side, false}, {first, merge, false}} {
		if is, err := repo.Contains(ctx, pair.commit, pair.earlier); err != nil || is != pair.want {
			t.Errorf("%.9s contains %.9s: %v, %v", pair.commit, pair.earlier, is, err)
		}
	}

	shallow, err := OpenRepo(ctx, f.clone("--depth=1").dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, err = shallow.History(ctx, []string{merge}, nil); err != nil || len(got) != 1 || !got[0].Cut {
		t.Errorf("in a shallow clone: %+v, %v", got, err)
	}
}

// Whatever stands in a commit's message, its history is read whole or is an error.
func FuzzHistory(f *testing.F) {
	id := strings.Repeat("a", 40)
	f.Add("commit " + id + "\n\x00" + id + " " + id + "\x001\x002\x00title (#3)\x00body\n\x00\n")
	f.Add("commit " + id + "\n\x00\x00-5\x002\x00\x00\x00\n")
	f.Fuzz(func(t *testing.T, out string) {
		commits, err := parseHistory(out)
		for _, c := range commits {
			if err != nil || !isID(c.ID) || len(c.Title) > maxTitle || len(c.Body) > maxBody || c.Number < 0 {
				t.Errorf("%+v, %v", c, err)
			}
		}
	})
}
