package store

import (
	"testing"
	"time"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

func TestDecide(t *testing.T) {
	type change func(*job.Want)
	again := func(w *job.Want) { w.Again = true }
	closed := func(w *job.Want) { w.Cancel = true }
	untimed := func(w *job.Want) { w.Revision.Updated = time.Time{} }
	onto := func(base string) change { return func(w *job.Want) { w.Revision.BaseRef = base } }
	refresh := func(w *job.Want) { w.Refresh = true }
	title := func(w *job.Want) { w.Revision.Title = "new" }
	bare := func(w *job.Want) { w.Revision = job.Revision{Head: w.Revision.Head} }
	want := func(head string, second int, changes ...change) job.Want {
		w := pull(7, head, second)
		for _, c := range changes {
			c(&w)
		}
		return w
	}
	judged := func(s *subject) { s.sequence, s.announced, s.done, s.doneHead = 1, 1, 1, "aaa" }
	waiting := func(s *subject) { s.sequence = 1 }
	shut := func(s *subject) { s.sequence, s.announced, s.done, s.cancelled = 1, 1, 1, true }
	shutJudged := func(s *subject) { judged(s); s.cancelled = true }

	for _, test := range []struct {
		name    string
		state   func(*subject) // of a subject that stands at aaa since second 10; nil: none is known
		want    job.Want
		effect  effect
		head    string
		refresh bool
		closed  bool
	}{
		{"the first", nil, want("aaa", 1), judge, "aaa", false, false},
		{"the first, without a head", nil, want("", 1), judge, "", true, false},
		{"closed before it was known", nil, want("aaa", 1, closed), cancel, "aaa", false, true},
		{"a push", judged, want("bbb", 11), judge, "bbb", false, false},
		{"a push while it waits", waiting, want("bbb", 11), judge, "bbb", false, false},
		{"a push that comes late", judged, want("bbb", 9), nothing, "aaa", false, false},
		{"two pushes in one second", judged, want("bbb", 10), judge, "aaa", true, false},
		{"the same once more", judged, want("aaa", 10), describe, "aaa", false, false},
		{"a new title", judged, want("aaa", 11, title), describe, "aaa", false, false},
		{"a new title while it waits", waiting, want("aaa", 11, title), describe, "aaa", false, false},
		{"another base", judged, want("aaa", 11, onto("release")), judge, "aaa", false, false},
		{"a person asks", judged, want("aaa", 0, again, untimed), judge, "aaa", false, false},
		{"a person asks, and only the head is known", judged, want("aaa", 0, again, bare), judge, "aaa", false, false},
		{"a person asks for another head", judged, want("old", 0, again, untimed), judge, "aaa", true, false},
		{"an old event asks again for what is wanted", judged, want("aaa", 5, again), judge, "aaa", false, false},
		{"an old event asks again for what was wanted", judged, want("old", 5, again), nothing, "aaa", false, false},
		{"the state is not known", judged, want("", 0, refresh, untimed), judge, "aaa", true, false},
		{"no head and no time", judged, want("", 0, untimed), judge, "aaa", true, false},
		{"closed", judged, want("aaa", 11, closed), cancel, "aaa", false, true},
		{"closed at an unknown time", waiting, want("aaa", 0, closed, untimed), cancel, "aaa", false, true},
		{"closed long ago, and opened since", waiting, want("aaa", 9, closed), nothing, "aaa", false, false},
		{"closed in the second of a push", waiting, want("aaa", 10, closed), judge, "aaa", true, false},
		{"closed twice", shut, want("aaa", 10, closed), nothing, "aaa", false, true},
		{"a late push to a closed one", shut, want("bbb", 9), nothing, "aaa", false, true},
		{"opened in the second in which it was closed", shut, want("aaa", 10), judge, "aaa", true, false},
		{"opened again", shut, want("aaa", 11), judge, "aaa", false, false},
		{"opened again, and judged before", shutJudged, want("aaa", 11), describe, "aaa", false, false},
		{"a person asks for a closed one", shut, want("aaa", 0, again, untimed), judge, "aaa", true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &subject{}
			if test.state != nil {
				s.subject, s.revision = pull(7, "aaa", 10).Subject, pull(7, "aaa", 10).Revision
				test.state(s)
			}
			effect := s.decide(test.want, test.state != nil)
			if effect != test.effect || s.revision.Head != test.head || s.refresh != test.refresh || s.cancelled != test.closed {
				t.Errorf("effect %d head %q refresh %v cancelled %v; want %d %q %v %v", effect, s.revision.Head, s.refresh, s.cancelled, test.effect, test.head, test.refresh, test.closed)
			}
			if test.state != nil && s.revision.BaseRef == "" {
				t.Error("the base branch is forgotten")
			}
		})
	}
}

func TestDecideOfMergeGroups(t *testing.T) {
	group := job.Want{Subject: job.Subject{Repository: job.Repository{ID: 1}, Ref: "refs/heads/gh-readonly-queue/main/pr-1-abc"}, Revision: job.Revision{Head: "aaa", BaseRef: "main"}}
	s := &subject{sequence: 1}
	if s.decide(group, false) != judge || s.refresh {
		t.Fatal("a group is judged")
	}
	destroyed := group
	destroyed.Cancel = true
	if s.decide(destroyed, true) != cancel {
		t.Fatal("a destroyed group is cancelled")
	}
	if s.decide(group, true) != judge || s.cancelled || s.refresh {
		t.Fatal("the queue makes the same group once more")
	}
}
