package store

import (
	"context"
	"fmt"
	"testing"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
	"github.com/pmcheck/pmcheck/checks/githubapp/pages"
)

var _ pages.Store = (*Pages)(nil)

// brief is what a test says of standings: number, head, phase, conclusion.
func brief(all []job.Standing) string {
	out := ""
	for _, at := range all {
		out += fmt.Sprintf("%d %s %s", at.Subject.Number, at.Revision.Head, at.Phase)
		if at.Verdict != nil {
			out += " " + at.Verdict.Conclusion
		}
		out += "\n"
	}
	return out
}

func TestPages(t *testing.T) {
	onEngines(t, func(t *testing.T, url string) {
		ctx := t.Context()
		s := open(t, url, Options{Workers: 1})
		p := s.Pages()
		shop := job.Repository{ID: 100, Owner: "acme", Name: "shop", DefaultBranch: "main", Private: true}
		if err := s.SetInstallation(ctx, Installation{ID: 1, Account: "acme"}); err != nil {
			t.Fatal(err)
		}
		if err := s.SetRepositories(ctx, 1, []job.Repository{shop, {ID: 101, Owner: "acme", Name: "other"}}); err != nil {
			t.Fatal(err)
		}
		began, free := make(chan job.Work, 10), make(chan struct{})
		h := judges(nil)
		h.Judge = func(_ context.Context, w job.Work) (job.Verdict, error) {
			v := verdict(w)
			findings := map[string]int{"aaa": 2, "bbb": 1, "eee": 1}[w.Revision.Head]
			text := `{"findings": [{"action_items": []}`
			for range findings {
				text += `, {"action_items": [{"postmortem": "PM-1", "id": "AI-1"}, {"postmortem": "PM\u0000", "id": "AI-1"}]}`
			}
			v.JSON, v.Postmortems = []byte(text+`]}`), []byte(`["`+w.Revision.Head+`"]`)
			if w.Revision.Head == "ccc" {
				began <- w
				<-free
			}
			return v, nil
		}
		start(t, s, h)
		pullAt := func(number int, head, base string, second int) job.Want {
			w := pull(number, head, second)
			w.Subject.Repository, w.Revision.BaseRef = shop, base
			return w
		}
		accept(t, s, "1", pullAt(7, "aaa", "main", 1))
		settled(t, s, 7)
		accept(t, s, "2", pullAt(7, "bbb", "main", 2))
		settled(t, s, 7)
		accept(t, s, "3", pullAt(10, "eee", "release", 2))
		settled(t, s, 10)
		accept(t, s, "4", pullAt(8, "ccc", "main", 3))
		receive(t, began)
		accept(t, s, "5", pullAt(9, "ddd", "main", 4))
		gone := pullAt(11, "fff", "main", 5)
		accept(t, s, "6", gone)
		gone.Cancel, gone.Revision.Updated = true, epoch.Add(3600e9)
		accept(t, s, "7", gone)
		eventually(t, "the closed one is told so", func() bool {
			all, err := p.History(ctx, 100, 11, 10)
			return err == nil && len(all) == 1 && all[0].Phase == job.Dropped
		})

		recent, err := p.Recent(ctx, []int64{100, 101}, 10)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]bool{"7 bbb done success": true, "8 ccc running": true, "9 ddd queued": true, "10 eee done success": true, "11 fff dropped": true}
		for i, at := range recent {
			line := brief([]job.Standing{at})
			if line = line[:len(line)-1]; !want[line] {
				t.Errorf("recent has %q", line)
			}
			if waits := at.Phase == job.Queued || at.Phase == job.Running; waits != (i < 2) {
				t.Errorf("%q is number %d", line, i)
			}
			if at.Verdict != nil && (at.Verdict.JSON != nil || at.Verdict.HTML != nil || at.Verdict.Postmortems != nil) {
				t.Errorf("%q has its report", line)
			}
			if at.Wanted.IsZero() || at.Revision.Title != "t" {
				t.Errorf("%q: %+v", line, at)
			}
		}
		if len(recent) != len(want) {
			t.Errorf("recent:\n%s", brief(recent))
		}
		for ids, n := range map[int64]int{101: 0, 100: 2} {
			if some, err := p.Recent(ctx, []int64{ids}, 2); err != nil || len(some) != n {
				t.Errorf("of repository %d: %s, %v", ids, brief(some), err)
			}
		}
		if history, err := p.History(ctx, 100, 7, 10); err != nil || brief(history) != "7 bbb done success\n7 aaa done success\n" {
			t.Errorf("history:\n%s%v", brief(history), err)
		}
		if history, err := p.History(ctx, 101, 7, 10); err != nil || len(history) != 0 {
			t.Errorf("of another repository:\n%s%v", brief(history), err)
		}
		if page, err := p.Report(ctx, 100, 7, "aaa"); err != nil || string(page) != "<p>aaa" {
			t.Errorf("report %q, %v", page, err)
		}
		for _, no := range []struct {
			repository int64
			number     int
			head       string
		}{{101, 7, "aaa"}, {100, 8, "aaa"}, {100, 7, "ccc"}} {
			if page, err := p.Report(ctx, no.repository, no.number, no.head); err != nil || page != nil {
				t.Errorf("%v: report %q, %v", no, page, err)
			}
		}
		lessons, err := p.Lessons(ctx, []int64{100, 101})
		if err != nil || len(lessons) != 1 || lessons[0].Repository != shop || string(lessons[0].Documents) != `["bbb"]` || lessons[0].At.IsZero() {
			t.Fatalf("lessons: %+v, %v", lessons, err)
		}
		caught := map[int]int{}
		for _, c := range lessons[0].Caught {
			if c.Postmortem != "PM-1" || c.Item != "AI-1" || c.At.IsZero() {
				t.Errorf("caught %+v", c)
			}
			caught[c.Number] = c.Findings
		}
		if fmt.Sprint(caught) != "map[7:2 10:1]" {
			t.Errorf("caught %v", caught)
		}
		if lessons, err := p.Lessons(ctx, []int64{101}); err != nil || len(lessons) != 0 {
			t.Errorf("of another repository: %+v, %v", lessons, err)
		}

		close(free)
		settled(t, s, 9)
		if err := s.ChangeRepositories(ctx, 1, nil, []int64{101}); err != nil {
			t.Fatal(err)
		}
		if all, err := p.Repositories(ctx, []int64{101, 100, 5}); err != nil || len(all) != 1 || all[0] != shop {
			t.Errorf("repositories: %+v, %v", all, err)
		}
		if all, err := p.Repositories(ctx, nil); err != nil || all != nil {
			t.Errorf("of none: %+v, %v", all, err)
		}
		// After a re-run its head is there once.
		again := pullAt(7, "bbb", "main", 9)
		again.Again = true
		accept(t, s, "8", again)
		settled(t, s, 7)
		if history, err := p.History(ctx, 100, 7, 10); err != nil || brief(history) != "7 bbb done success\n7 aaa done success\n" {
			t.Errorf("after a re-run:\n%s%v", brief(history), err)
		}
	})
}
