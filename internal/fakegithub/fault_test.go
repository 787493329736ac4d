package fakegithub_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v62/github"

	"github.com/pmcheck/pmcheck/internal/fakegithub"
)

func TestFaults(t *testing.T) {
	s := fakegithub.New(t)
	repo := s.Repo("acme", "orders", map[string]string{"a": strings.Repeat("a\n", 1000)})
	id := s.Install("acme", repo)
	token := s.Token(id)
	sha := repo.Head("main")
	const runs = "/repos/{owner}/{repo}/check-runs"
	body := fmt.Sprintf(`{"name":"x","head_sha":%q}`, sha)
	made := func() int { return len(repo.CheckRuns(sha)) }

	t.Run("as go-github sees limits", func(t *testing.T) {
		_, client := clients(t, s, id)
		get := func() error {
			_, _, err := client.Repositories.Get(context.Background(), "acme", "orders")
			return err
		}
		f := s.Fault(fakegithub.SecondaryLimit(30*time.Second).On("GET", "/repos/{owner}/{repo}").For(1))
		var abuse *github.AbuseRateLimitError
		if err := get(); !errors.As(err, &abuse) || abuse.GetRetryAfter() != 30*time.Second {
			t.Errorf("secondary: %v", err)
		}
		if f.Count() != 1 {
			t.Errorf("counted %d", f.Count())
		}
		_, client = clients(t, s, id) // this one has learnt to wait
		reset := time.Now().Add(time.Minute)
		s.Fault(fakegithub.PrimaryLimit(reset).On("GET", "/repos/{owner}/{repo}").For(1))
		var limit *github.RateLimitError
		if err := get(); !errors.As(err, &limit) || limit.Rate.Reset.Unix() != reset.Unix() {
			t.Errorf("primary: %v", err)
		}
		_, client = clients(t, s, id)
		s.Fault(fakegithub.TooMany(time.Second).On("GET", "/repos/{owner}/{repo}").For(1))
		var plain *github.ErrorResponse
		if err := get(); !errors.As(err, &plain) || plain.Response.StatusCode != 429 {
			t.Errorf("429: %v", err)
		}
		if err := get(); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})

	for _, c := range []struct {
		name   string
		fault  *fakegithub.Fault
		status int // 0 = no answer
		made   int
	}{
		{"502", &fakegithub.Fault{Status: 502, Times: 1}, 502, 0},
		{"carried out, but 502", &fakegithub.Fault{Status: 502, Times: 1, Carried: true}, 502, 1},
		{"404", &fakegithub.Fault{Status: 404, Times: 1}, 404, 0},
		{"cut", &fakegithub.Fault{Drop: true, Times: 1}, 0, 0},
		{"carried out, but cut", &fakegithub.Fault{Drop: true, Times: 1, Carried: true}, 0, 1},
		{"slow", &fakegithub.Fault{Slow: time.Millisecond, Times: 1}, 201, 1},
		{"late", &fakegithub.Fault{Delay: time.Millisecond, Times: 1}, 201, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			before, calls := made(), len(s.Calls())
			c.fault.Method, c.fault.Route = "POST", runs
			f := s.Fault(c.fault)
			r, err := http.NewRequest("POST", s.APIURL()+"repos/acme/orders/check-runs", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+token)
			resp, err := http.DefaultClient.Do(r)
			status := 0
			if err == nil {
				_, err = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				status = resp.StatusCode
			}
			if status != c.status || (err != nil) != (c.status == 0) || made()-before != c.made || f.Count() != 1 {
				t.Errorf("%d %v, %d made, counted %d", status, err, made()-before, f.Count())
			}
			last := s.Calls()[calls]
			if !last.Fault || last.Route != runs || last.Method != "POST" || last.Status != c.status {
				t.Errorf("%+v", last)
			}
			f.Remove()
			if got := call(t, s, "POST", "/repos/acme/orders/check-runs", token, body); got.status != 201 {
				t.Errorf("afterwards: %d", got.status)
			}
		})
	}

	t.Run("broken off", func(t *testing.T) {
		f := s.Fault(&fakegithub.Fault{Method: "GET", Truncate: 10})
		defer f.Remove()
		resp, err := http.Get(s.URL + "/meta")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if len(text) != 10 || err == nil {
			t.Errorf("%q, %v", text, err)
		}
	})

	t.Run("hangs until it is let go", func(t *testing.T) {
		f := s.Fault(&fakegithub.Fault{Route: "/meta", Hang: true})
		done := make(chan int)
		go func() {
			resp, err := http.Get(s.URL + "/meta")
			if err != nil {
				t.Error(err)
				done <- 0
				return
			}
			resp.Body.Close()
			done <- resp.StatusCode
		}()
		<-f.First()
		select {
		case status := <-done:
			t.Errorf("answered %d", status)
		default:
		}
		f.Remove()
		if status := <-done; status != 200 {
			t.Errorf("then answered %d", status)
		}
	})

	t.Run("by chance and by beginning", func(t *testing.T) {
		f := s.Fault(&fakegithub.Fault{Route: "/repos/{owner}/{repo}*", Status: 500, Chance: 0.5, Skip: 2})
		defer f.Remove()
		bad := 0
		for i := range 42 {
			got := call(t, s, "GET", "/repos/acme/orders/pulls", token, "")
			if got.status == 500 {
				bad++
				if i < 2 {
					t.Error("the first two were to pass")
				}
			}
		}
		if bad != f.Count() || bad < 8 || bad > 32 {
			t.Errorf("%d of 40, counted %d", bad, f.Count())
		}
	})

	t.Run("down and up", func(t *testing.T) {
		s.Down()
		if resp, err := http.Get(s.URL + "/meta"); err == nil {
			resp.Body.Close()
			t.Errorf("answered %d", resp.StatusCode)
		}
		s.Up()
		if got := call(t, s, "GET", "/meta", "", ""); got.status != 200 {
			t.Errorf("%d", got.status)
		}
	})
}

func fetch(ctx context.Context, dir, url, ref string) error {
	cmd := exec.CommandContext(ctx, "git", "-c", "protocol.version=2", "fetch", "-q", "--depth=1", url, ref)
	cmd.Dir = dir
	cmd.WaitDelay = time.Second // git's child outlives it
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

func TestGit(t *testing.T) {
	ctx := context.Background()
	s := fakegithub.New(t)
	repo := s.Repo("acme", "orders", map[string]string{"a": "a\n"})
	other := s.Repo("evil", "other", map[string]string{"a": "a\n"})
	id, foreign := s.Install("acme", repo), s.Install("evil", other)
	fork := repo.Fork("mallory")
	fork.CommitFiles("change", fakegithub.File{Path: "link", Content: "/etc/passwd", Mode: "120000"}, fakegithub.File{Path: "empty"}, fakegithub.File{Path: "a", Delete: true})
	pull := repo.OpenPullFromFork(fork, "change", "main", "From afar")
	dir := t.TempDir()
	git(t, dir, "init", "-q", "--bare")
	as := func(token string) string {
		return strings.Replace(repo.CloneURL(), "http://", "http://x-access-token:"+token+"@", 1)
	}
	token := s.Token(id)

	var weak struct{ Token string }
	call(t, s, "POST", fmt.Sprintf("/app/installations/%d/access_tokens", id), appJWT(t, s), `{"permissions":{"checks":"write"}}`).into(t, &weak)
	for name, c := range map[string]struct{ url, want string }{
		"good":                 {as(token), ""},
		"without a token":      {repo.CloneURL(), "could not read Username"},
		"a wrong token":        {as("ghs_no"), "Authentication failed"},
		"another installation": {as(s.Token(foreign)), "not found"},
		"no contents":          {as(weak.Token), "403"},
	} {
		err := fetch(ctx, dir, c.url, pull.Head())
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := git(t, dir, "ls-tree", "-r", pull.Head()); !strings.Contains(got, "120000 blob") || !strings.Contains(got, "\tempty") || strings.Contains(got, "\ta\n") {
		t.Errorf("the fork's tree: %s", got)
	}
	// The fork's commits are in the base repository, under refs/pull too.
	if got := git(t, dir, "ls-remote", as(token), "refs/pull/1/*"); got != pull.Head()+"\trefs/pull/1/head\n"+pull.Merge()+"\trefs/pull/1/merge\n" {
		t.Errorf("refs: %s", got)
	}
	if s.CountCalls("", "git") == 0 {
		t.Error("fetches are not among the calls")
	}
	work := t.TempDir()
	git(t, work, "clone", "-q", as(token), ".")
	cmd := exec.Command("git", "push", "-q", "origin", "HEAD:refs/heads/mine")
	cmd.Dir = work
	if out, err := cmd.CombinedOutput(); err == nil || repo.Head("mine") != "" {
		t.Errorf("a push got through: %s", out)
	}
	// Larger than what comes in one piece.
	big := make([]byte, 300_000)
	for i := range big {
		big[i] = byte(uint32(i) * 2654435761 >> 13)
	}
	sha := pull.PushFiles(fakegithub.File{Path: "big", Content: string(big)})

	for name, f := range map[string]*fakegithub.Fault{
		"500": {Status: 500}, "cut": {Drop: true}, "broken off": {Method: "POST", Truncate: 5000},
	} {
		f.Route = "git"
		fault := s.Fault(f)
		if err := fetch(ctx, dir, as(token), sha); err == nil {
			t.Errorf("%s: fetched", name)
		}
		if fault.Count() == 0 {
			t.Errorf("%s: not hit", name)
		}
		fault.Remove()
	}
	hang := s.Fault(&fakegithub.Fault{Route: "git", Hang: true})
	short, cancel := context.WithCancel(ctx)
	go func() {
		<-hang.First()
		cancel()
	}()
	if err := fetch(short, dir, as(token), sha); err == nil {
		t.Error("hanging: fetched")
	}
	hang.Remove()
	if err := fetch(ctx, dir, as(token), sha); err != nil {
		t.Error(err)
	}
	s.Advance(2 * time.Hour)
	if err := fetch(ctx, dir, as(token), "refs/heads/main"); err == nil {
		t.Error("an expired token fetched")
	}
	repo.SetPrivate(false)
	if err := fetch(ctx, dir, repo.CloneURL(), "refs/heads/main"); err != nil {
		t.Error(err)
	}
}
