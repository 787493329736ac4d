package fakegithub_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pmcheck/pmcheck/internal/fakegithub"
)

type listed struct {
	ID         int64
	GUID       string
	Status     string
	StatusCode int `json:"status_code"`
	Event      string
	Redelivery bool
}

// TestDeliveries lists what failed and has it sent again, as GitHub's own advice has it.
func TestDeliveries(t *testing.T) {
	s := fakegithub.New(t)
	_, _, _, secret := s.App()
	h := newHook(t, secret)
	s.WebhookTo(h.URL)
	repo := s.Repo("acme", "orders", map[string]string{"a": "a\n"})
	s.Install("acme", repo)
	repo.Commit("change", map[string]string{"b": "b\n"})
	pull := repo.OpenPull("change", "main", "One")
	h.answer(500)
	pull.Push(map[string]string{"b": "c\n"})
	h.answer(200)
	s.HookFaults(fakegithub.HookFaults{Drop: 1})
	pull.EditTitle("Two")
	s.HookFaults(fakegithub.HookFaults{})

	list := func(query string) (all []listed, next string) {
		t.Helper()
		got := call(t, s, "GET", "/app/hook/deliveries"+query, appJWT(t, s), "")
		if got.status != 200 {
			t.Fatalf("%d %s", got.status, got.text)
		}
		got.into(t, &all)
		if m := regexp.MustCompile(`<([^>]+)>; rel="next"`).FindStringSubmatch(got.header.Get("Link")); m != nil {
			_, next, _ = strings.Cut(m[1], "/app/hook/deliveries")
		}
		return all, next
	}
	all, next := list("")
	if len(all) != 4 || next != "" || all[0].Status != "failed to connect to host" || all[0].StatusCode != 0 || all[1].StatusCode != 500 || all[3].Event != "installation" {
		t.Fatalf("%+v %s", all, next)
	}
	failed, _ := list("?status=failure&per_page=100")
	if len(failed) != 2 || failed[0].ID != all[0].ID || failed[1].ID != all[1].ID {
		t.Fatalf("%+v", failed)
	}
	var paged []listed
	for query := "?per_page=1"; query != ""; {
		var one []listed
		one, query = list(query)
		paged = append(paged, one...)
	}
	if fmt.Sprint(paged) != fmt.Sprint(all) {
		t.Errorf("page by page: %v", paged)
	}
	var whole struct {
		Request struct {
			Headers map[string]string
			Payload struct{ Action string }
		}
	}
	call(t, s, "GET", fmt.Sprintf("/app/hook/deliveries/%d", failed[1].ID), appJWT(t, s), "").into(t, &whole)
	if whole.Request.Payload.Action != "synchronize" || whole.Request.Headers["X-GitHub-Delivery"] != failed[1].GUID {
		t.Errorf("%+v", whole)
	}

	h.take()
	for _, d := range failed {
		if got := call(t, s, "POST", fmt.Sprintf("/app/hook/deliveries/%d/attempts", d.ID), appJWT(t, s), ""); got.status != 202 {
			t.Fatalf("%d %s", got.status, got.text)
		}
	}
	s.Wait()
	after, _ := list("?status=success")
	again := map[string]bool{}
	for _, d := range after {
		if d.Redelivery {
			again[d.GUID] = true
		}
	}
	if len(again) != 2 || !again[failed[0].GUID] || !again[failed[1].GUID] {
		t.Errorf("sent again: %v", again)
	}
	if got := h.take(); len(got) != 2 {
		t.Errorf("arrived: %q", got)
	}
	if got := call(t, s, "POST", "/app/hook/deliveries/7/attempts", appJWT(t, s), ""); got.status != 404 {
		t.Errorf("no such delivery: %d", got.status)
	}
	if got := call(t, s, "GET", "/app/hook/deliveries?cursor=x", appJWT(t, s), ""); got.status != 400 {
		t.Errorf("no such cursor: %d", got.status)
	}
	s.Advance(73 * time.Hour)
	if all, _ = list(""); len(all) != 0 {
		t.Errorf("after three days: %v", all)
	}
}

// TestHookFaults: the same seed has the same misfortune.
func TestHookFaults(t *testing.T) {
	run := func(seed uint64) (fakegithub.HookCounts, string) {
		s := fakegithub.New(t)
		_, _, _, secret := s.App()
		h := newHook(t, secret)
		s.WebhookTo(h.URL)
		repo := s.Repo("acme", "orders", map[string]string{"a": "a\n"})
		s.Install("acme", repo)
		pulls := repo.OpenPulls(40, nil)
		s.Hold()
		for _, p := range pulls {
			p.Send("opened")
		}
		h.take()
		s.Seed(seed)
		s.HookFaults(fakegithub.HookFaults{Drop: 0.1, Lose: 0.1, Duplicate: 0.2, Reorder: 8})
		s.Release()
		s.Flush()
		var order []string
		for _, d := range s.Deliveries()[1:] {
			order = append(order, d.GUID[:4])
		}
		return s.HookCounts(), strings.Join(order, " ")
	}
	first, order := run(1)
	if first.Dropped == 0 || first.Lost == 0 || first.Duplicated == 0 {
		t.Errorf("%+v", first)
	}
	if want := 1 + 40 - first.Lost + first.Duplicated; first.Attempts != want || first.OK != want-first.Dropped {
		t.Errorf("%+v", first)
	}
	second, again := run(1)
	if first != second || order != again {
		t.Errorf("%+v, then %+v\n%s\n%s", first, second, order, again)
	}
	if _, other := run(2); other == order {
		t.Error("another seed has the same order")
	}
}

// TestSendAll has what GitHub also sends.
func TestSendAll(t *testing.T) {
	s := fakegithub.New(t)
	s.Organization("acme")
	_, _, _, secret := s.App()
	h := newHook(t, secret)
	s.WebhookTo(h.URL)
	repo := s.Repo("acme", "orders", map[string]string{"a": "a\n"})
	id := s.Install("acme", repo)
	token := s.Token(id)
	s.SendAll(true)
	repo.Commit("change", map[string]string{"b": "b\n"})
	repo.Commit("upper", map[string]string{"c": "c\n"})
	pull := repo.OpenPull("change", "main", "One")
	pull.Push(map[string]string{"b": "c\n"})
	pull.Stack("upper", "Upon it")
	run := fmt.Sprintf(`{"name":"x","head_sha":%q,"conclusion":"success"}`, pull.Head())
	if got := call(t, s, "POST", "/repos/acme/orders/check-runs", token, run); got.status != http.StatusCreated {
		t.Fatal(got.text)
	}
	s.Wait()
	pull.Label("urgent")
	pull.EditBody("Why")
	pull.Close(false)
	pull.Reopen()
	comment := pull.Comment("jo", "hm")
	pull.EditComment(comment, "hm!")
	two := s.Repo("acme", "two", map[string]string{"a": "a\n"})
	s.AddRepos(id, two)
	s.RemoveRepos(id, two)
	s.Suspend(id, true)
	s.Suspend(id, false)
	s.Uninstall(id)
	want := "installation created, push , check_suite requested, pull_request opened, push , check_suite requested, pull_request synchronize, " +
		"push , check_suite requested, pull_request opened, pull_request stacked, check_run created, check_run completed, " +
		"pull_request labeled, pull_request edited, pull_request closed, pull_request reopened, issue_comment created, issue_comment edited, " +
		"installation_repositories added, installation_repositories removed, installation suspend, installation unsuspend, installation deleted"
	if got := strings.Join(h.take(), ", "); got != want {
		t.Errorf("deliveries: %s\nnot %s", got, want)
	}
}
