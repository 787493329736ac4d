package githubapi

import (
	"errors"
	"testing"
	"time"

	"github.com/pmcheck/pmcheck/checks/ghissues"
	"github.com/pmcheck/pmcheck/internal/fakegithub"
)

func TestStateOfAnIssue(t *testing.T) {
	a := newAgainst(t)
	a.SetPermission("issues", "read")
	ask := func(number int, known ghissues.State) (ghissues.State, error) {
		return a.client.State(t.Context(), ghissues.Ref{Owner: "acme", Name: "orders", Number: number}, known)
	}
	open, done, dropped := a.repo.Issue("Open"), a.repo.Issue("Done"), a.repo.Issue("Dropped")
	a.repo.SetIssue(done, "closed", "completed")
	a.repo.SetIssue(dropped, "closed", "not_planned")
	merged := a.pulls(1)[0]
	merged.Close(true)
	for number, want := range map[int]string{open: ghissues.Open, done: ghissues.Done, dropped: ghissues.Cancelled, merged.Number: ghissues.Done} {
		if got, err := ask(number, ghissues.State{}); err != nil || got.Means != want {
			t.Errorf("issue %d: %+v, %v; want %s", number, got, err, want)
		}
	}
	if _, err := ask(999, ghissues.State{}); !errors.Is(err, ghissues.ErrNotFound) {
		t.Errorf("an issue that is not there: %v", err)
	}
	known := ghissues.State{Means: ghissues.Cancelled, ETag: `"abc"`}
	f := a.Fault(&fakegithub.Fault{Status: 304})
	if got, err := ask(open, known); err != nil || got != known {
		t.Errorf("unchanged: %+v, %v", got, err)
	}
	f.Remove()
	a.Fault(fakegithub.TooMany(time.Hour))
	if _, err := ask(open, known); !errors.Is(err, ghissues.ErrLimit) {
		t.Errorf("a limit: %v", err)
	}
}
