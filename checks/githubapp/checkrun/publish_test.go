package checkrun

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

// memory is the Checks API with what matters to a crash: it can fail before or after a
// request was carried out.
type memory struct {
	runs        []Run
	annotations map[int64][]Annotation
	history     []string
	calls       int
	failAt      int // the call that fails, from 1; 0: none
	after       bool
	refuse      func(Request) bool
	now         time.Time
}

var errCrash = errors.New("the process ends here")

func (m *memory) call(do func()) error {
	m.calls++
	if m.calls == m.failAt && !m.after {
		return errCrash
	}
	do()
	if m.calls == m.failAt {
		return errCrash
	}
	return nil
}

func (m *memory) CheckRuns(_ context.Context, owner, name, sha, checkName string) (runs []Run, err error) {
	err = m.call(func() {
		for _, r := range slices.Backward(m.runs) {
			if r.HeadSHA == sha && r.Name == checkName {
				runs = append(runs, r)
			}
		}
	})
	return runs, err
}

func (m *memory) CheckRun(_ context.Context, owner, name string, id int64) (run Run, err error) {
	err = m.call(func() { run = m.runs[id-1] })
	return run, err
}

func (m *memory) CreateCheckRun(_ context.Context, owner, name string, r Request) (run Run, err error) {
	err = m.call(func() {
		run = Run{ID: int64(len(m.runs) + 1), Name: r.Name, HeadSHA: r.HeadSHA, ExternalID: r.ExternalID, Status: r.Status}
		m.runs = append(m.runs, run)
		m.history = append(m.history, fmt.Sprintf("create %d %s", run.ID, r.Status))
	})
	return run, err
}

func (m *memory) UpdateCheckRun(_ context.Context, owner, name string, id int64, r Request) (run Run, err error) {
	if m.refuse != nil && m.refuse(r) {
		m.calls++
		return run, fmt.Errorf("%w: Invalid request", ErrRefused)
	}
	if r.Output != nil && len(r.Output.Annotations) > 50 {
		return run, fmt.Errorf("%w: No more than 50 items are allowed", ErrRefused)
	}
	err = m.call(func() {
		if m.annotations == nil {
			m.annotations = map[int64][]Annotation{}
		}
		m.annotations[id] = append(m.annotations[id], r.Output.Annotations...)
		run = m.runs[id-1]
		run.Status, run.Conclusion, run.CompletedAt = r.Status, r.Conclusion, time.Time{}
		if r.Status == "completed" {
			run.CompletedAt = m.now
		}
		run.Output.Title, run.Output.Summary, run.Output.AnnotationsCount = r.Output.Title, r.Output.Summary, len(m.annotations[id])
		m.runs[id-1] = run
		m.history = append(m.history, strings.TrimSpace(fmt.Sprintf("update %d %s %s", id, r.Status, r.Conclusion)))
	})
	return run, err
}

func subject() job.Subject {
	return job.Subject{Repository: job.Repository{ID: 12, Owner: "acme", Name: "orders"}, Number: 7}
}

func turn() job.Work {
	return job.Work{Subject: subject(), Revision: job.Revision{Head: "abc"}, Attempt: 1}
}

func report(n int) Report {
	r := Report{Conclusion: "failure", Title: "2 findings", Summary: "all of it"}
	for i := range n {
		r.Annotations = append(r.Annotations, Annotation{Path: "a.sql", StartLine: i + 1, Level: "failure", Message: fmt.Sprint(i)})
	}
	return r
}

// oneTurn is what the App does for a revision, with what it keeps.
func oneTurn(ctx context.Context, api API, kept *job.Work, r Report) error {
	if kept.CheckRun == 0 {
		id, err := Queued(ctx, api, *kept, "pmcheck", "")
		if err != nil {
			return err
		}
		kept.CheckRun = id
	}
	work := *kept
	if err := Start(ctx, api, &work, "pmcheck", ""); err != nil {
		return err
	}
	return Publish(ctx, api, work, "pmcheck", r, func(n int) error { kept.Annotated = n; return nil })
}

// TestBudget: at most four requests, and one for each 50 annotations.
func TestBudget(t *testing.T) {
	for n, want := range map[int]int{0: 4, 1: 4, 50: 4, 51: 5, 100: 5, 300: 9} {
		m := &memory{}
		work, r := turn(), report(n)
		r.MaxAnnotations = 1000
		if err := oneTurn(t.Context(), m, &work, r); err != nil {
			t.Fatal(err)
		}
		if m.calls != want || len(m.annotations[1]) != n || m.runs[0].Conclusion != "failure" {
			t.Errorf("%d annotations: %d calls, want %d; %d are there; %v", n, m.calls, want, len(m.annotations[1]), m.history)
		}
	}
}

// TestCrash ends the process before or after each request in turn, once and again, and
// does the work until it succeeds: one run, ended once it is complete, nothing twice.
func TestCrash(t *testing.T) {
	for first := 1; first <= 8; first++ {
		for _, after := range []bool{false, true} {
			for second := 0; second <= 6; second++ {
				m := &memory{failAt: first, after: after}
				kept := turn()
				r := report(130)
				r.MaxAnnotations = 130
				var err error
				for attempt := 1; attempt <= 4; attempt++ {
					if second%2 == 0 { // else it is GitHub's fault, and counts as no attempt
						kept.Attempt = attempt
					}
					if err = oneTurn(t.Context(), m, &kept, r); err == nil {
						break
					}
					if m.failAt = 0; attempt == 1 && second > 0 {
						m.failAt = m.calls + second
					}
				}
				at := fmt.Sprintf("crash at %d (after: %v) and then %d: %v", first, after, second, m.history)
				if err != nil {
					t.Fatalf("%s: %v", at, err)
				}
				if len(m.runs) != 1 || m.runs[0].Status != "completed" || m.runs[0].Output.Title != "2 findings" {
					t.Errorf("%s: runs %+v", at, m.runs)
				}
				seen := map[string]int{}
				for _, a := range m.annotations[1] {
					seen[a.Message]++
				}
				if len(seen) != 130 || len(m.annotations[1]) != 130 {
					t.Errorf("%s: %d annotations, %d different ones", at, len(m.annotations[1]), len(seen))
				}
				if !strings.HasPrefix(m.history[len(m.history)-1], "update 1 completed") {
					t.Error(at)
				}
			}
		}
	}
}

// TestInProgressUntilComplete: no request but the last ends the run.
func TestInProgressUntilComplete(t *testing.T) {
	m := &memory{}
	work := turn()
	r := report(120)
	r.MaxAnnotations = 120
	if err := oneTurn(t.Context(), m, &work, r); err != nil {
		t.Fatal(err)
	}
	want := []string{"create 1 queued", "update 1 in_progress", "update 1 in_progress", "update 1 in_progress", "update 1 completed failure"}
	if !slices.Equal(m.history, want) {
		t.Errorf("%q, want %q", m.history, want)
	}
	if work.Annotated != 100 {
		t.Errorf("%d were kept, want 100", work.Annotated)
	}
}

func TestStand(t *testing.T) {
	ours := ExternalID(subject(), "abc")
	with := func(annotations int, r Run) Run {
		r.Name, r.HeadSHA, r.Output.AnnotationsCount = "pmcheck", "abc", annotations
		return r
	}
	for name, c := range map[string]struct {
		runs    []Run
		id      int64
		history []string
	}{
		"none": {id: 1, history: []string{"create 1 queued"}},
		"one that waits": {
			runs: []Run{with(0, Run{ID: 1, ExternalID: ours, Status: "queued"})}, id: 1},
		"one under way": {
			runs: []Run{with(0, Run{ID: 1, ExternalID: ours, Status: "in_progress"})}, id: 1, history: []string{"update 1 queued"}},
		"one that ended, without annotations": {
			runs: []Run{with(0, Run{ID: 1, ExternalID: ours, Status: "completed", Conclusion: "failure"})}, id: 1, history: []string{"update 1 queued"}},
		"one that ended, with annotations": {
			runs: []Run{with(3, Run{ID: 1, ExternalID: ours, Status: "completed", Conclusion: "failure"})}, id: 2, history: []string{"create 2 queued"}},
		"one that was left half annotated": {
			runs: []Run{with(3, Run{ID: 1, ExternalID: ours, Status: "in_progress"})}, id: 2, history: []string{"update 1 completed cancelled", "create 2 queued"}},
		"another pull request's with the same head": {
			runs: []Run{with(0, Run{ID: 1, ExternalID: "12/pull/8@abc", Status: "queued"})}, id: 2, history: []string{"create 2 queued"}},
		"the newest of several": {
			runs: []Run{with(3, Run{ID: 1, ExternalID: ours, Status: "completed"}), with(0, Run{ID: 2, ExternalID: ours, Status: "queued"})}, id: 2},
	} {
		m := &memory{runs: c.runs}
		id, err := Queued(t.Context(), m, turn(), "pmcheck", "https://pmcheck.example/r/acme/orders/7")
		if err != nil || id != c.id || !slices.Equal(m.history, c.history) {
			t.Errorf("%s: run %d, %v, %q; want run %d, %q", name, id, err, m.history, c.id, c.history)
		}
	}
}

// TestAgain: a person asks for the verdict again. What an earlier turn has written
// beside the code cannot be taken back; what this turn has written is not written twice.
func TestAgain(t *testing.T) {
	noon := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		before, after int // annotations
		runs          int
	}{
		"annotations, then others": {60, 70, 2},
		"annotations, then none":   {60, 0, 2},
		"none, then some":          {0, 70, 1},
	} {
		m := &memory{now: noon}
		first := turn()
		if err := oneTurn(t.Context(), m, &first, report(c.before)); err != nil {
			t.Fatal(err)
		}
		for crash := 0; crash <= 5; crash++ {
			m := &memory{now: noon.Add(time.Minute), runs: slices.Clone(m.runs), annotations: maps.Clone(m.annotations)}
			if crash > 0 {
				m.failAt, m.after = crash, true
			}
			// The store still has the run of the turn before, and GitHub is to be asked for the head.
			again := first
			again.Refresh, again.Wanted, again.Annotated = true, noon.Add(30*time.Second), 0
			var err error
			for range 3 {
				work := again // what the process kept is lost with it
				if err = Start(t.Context(), m, &work, "pmcheck", ""); err == nil {
					err = Publish(t.Context(), m, work, "pmcheck", report(c.after), func(int) error { return nil })
				}
				if err == nil {
					break
				}
			}
			last := m.runs[len(m.runs)-1]
			if err != nil || len(m.runs) != c.runs || last.Status != "completed" || len(m.annotations[last.ID]) != c.after {
				t.Errorf("%s, crash %d: %v; %d annotations; %+v; %v", name, crash, err, len(m.annotations[last.ID]), m.runs, m.history)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	r := report(120)
	r.MaxAnnotations, r.DetailsURL = 120, "https://pmcheck.example/r"
	for name, refuse := range map[string]func(Request) bool{
		"annotations": func(r Request) bool { return len(r.Output.Annotations) > 0 },
		"the last":    func(r Request) bool { return r.Status == "completed" && r.Output.Summary == "all of it" },
	} {
		m := &memory{refuse: refuse}
		work := turn()
		if err := oneTurn(t.Context(), m, &work, r); err != nil {
			t.Fatal(name, err)
		}
		got := m.runs[0]
		if got.Status != "completed" || got.Conclusion != "failure" || got.Output.Title != "2 findings" ||
			!strings.Contains(got.Output.Summary, "GitHub refused to show the report. Read [the whole report](https://pmcheck.example/r)") ||
			!strings.Contains(got.Output.Summary, "Invalid request") {
			t.Errorf("%s: %+v", name, got)
		}
	}
	work := turn()
	if err := oneTurn(t.Context(), &memory{refuse: func(r Request) bool { return r.Status == "completed" }}, &work, r); !errors.Is(err, ErrRefused) {
		t.Errorf("everything refused: %v", err)
	}
}

func TestProgressFails(t *testing.T) {
	m, work, full := &memory{}, turn(), errors.New("disk full")
	err := Publish(t.Context(), m, work, "pmcheck", report(80), func(int) error { return full })
	if !errors.Is(err, full) || m.runs[0].Status != "in_progress" {
		t.Errorf("%v; %+v", err, m.runs[0])
	}
}

func TestCancel(t *testing.T) {
	m := &memory{}
	if err := Cancel(t.Context(), m, turn(), "pmcheck", "closed"); err != nil || len(m.history) != 0 {
		t.Errorf("nothing to cancel: %v, %v", err, m.history)
	}
	id, err := Queued(t.Context(), m, turn(), "pmcheck", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, known := range []int64{0, id} {
		work := turn()
		work.CheckRun = known
		if err := Cancel(t.Context(), m, work, "pmcheck", "A newer commit was pushed."); err != nil {
			t.Fatal(err)
		}
		if r := m.runs[0]; r.Conclusion != "cancelled" || r.Output.Summary != "A newer commit was pushed." || len(m.runs) != 1 {
			t.Errorf("%+v", m.runs)
		}
		m.runs[0].Status, m.runs[0].Conclusion = "queued", ""
	}
	// A verdict that stands is not taken back.
	m.runs[0].Status, m.runs[0].Conclusion = "completed", "failure"
	work := turn()
	work.CheckRun = id
	if err := Cancel(t.Context(), m, work, "pmcheck", "A newer commit was pushed."); err != nil || m.runs[0].Conclusion != "failure" {
		t.Errorf("%v, %+v", err, m.runs[0])
	}
}
