package hook

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	a    = strings.Repeat("a", 40)
	b    = strings.Repeat("b", 40)
	zero = strings.Repeat("0", 40)
)

func TestReadUpdates(t *testing.T) {
	for _, test := range []struct {
		name, input string
		want        []Update
	}{
		{"nothing", "", nil},
		{"a branch", "refs/heads/x " + a + " refs/heads/x " + b + "\n", []Update{{"refs/heads/x", a, "refs/heads/x", b}}},
		{"several, one deleted", "refs/heads/x " + a + " refs/heads/x " + zero + "\r\n\n(delete) " + zero + " refs/heads/y " + b,
			[]Update{{"refs/heads/x", a, "refs/heads/x", zero}, {"(delete)", zero, "refs/heads/y", b}}},
		{"an expression", "HEAD^{/fix it} " + a + " refs/heads/x " + b + "\n", []Update{{"HEAD^{/fix it}", a, "refs/heads/x", b}}},
		{"SHA-256", "x " + strings.Repeat("c", 64) + " refs/tags/x " + strings.Repeat("0", 64) + "\n",
			[]Update{{"x", strings.Repeat("c", 64), "refs/tags/x", strings.Repeat("0", 64)}}},
	} {
		got, err := ReadUpdates(strings.NewReader(test.input))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
	}
	for _, input := range []string{"x\n", "refs/heads/x " + a + " refs/heads/x\n", "refs/heads/x main refs/heads/x " + b, strings.Repeat("x", maxInput+1)} {
		if got, err := ReadUpdates(strings.NewReader(input)); err == nil {
			t.Errorf("%.80q: got %v, want an error", input, got)
		}
	}
	if u := (Update{Local: zero, Remote: b}); !u.Deletes() || u.New() {
		t.Error("a deleted ref is not told")
	}
}

func TestFromPreCommit(t *testing.T) {
	env := map[string]string{}
	get := func(name string) string { return env[name] }
	if _, ok := FromPreCommit(get); ok {
		t.Error("outside of pre-commit")
	}
	env["PRE_COMMIT"] = "1"
	if got, ok := FromPreCommit(get); !ok || got != nil {
		t.Errorf("all of the repository: got %v, %t", got, ok)
	}
	env["PRE_COMMIT_TO_REF"], env["PRE_COMMIT_LOCAL_BRANCH"], env["PRE_COMMIT_REMOTE_BRANCH"] = a, "refs/heads/x", "refs/heads/y"
	want := []Update{{"refs/heads/x", a, "refs/heads/y", zero}}
	if got, _ := FromPreCommit(get); !cmp.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	env["PRE_COMMIT_FROM_REF"] = b
	want[0].Remote = b
	if got, _ := FromPreCommit(get); !cmp.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func FuzzReadUpdates(f *testing.F) {
	f.Add("refs/heads/x " + a + " refs/heads/x " + b + "\n")
	f.Add("(delete) " + zero + " refs/heads/y " + b)
	f.Fuzz(func(t *testing.T, input string) {
		updates, err := ReadUpdates(strings.NewReader(input))
		for _, u := range updates {
			if err != nil || !isID(u.Local) || !isID(u.Remote) || u.RemoteRef == "" && !strings.Contains(input, "  ") {
				t.Errorf("%q: %+v, %v", input, u, err)
			}
		}
	})
}
