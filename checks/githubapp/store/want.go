package store

import (
	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

// What a want does to a subject.
type effect int

const (
	nothing  effect = iota // it is old, or holds already
	describe               // the same is wanted; only title, labels and such are newer
	judge                  // there is something to judge
	cancel                 // there is nothing to judge any more
)

// decide changes what is wanted by w. It does not count, and does no retiring: the caller
// does that, from the effect. known is false for a subject that is new.
//
// GitHub's updated_at orders the wants of a pull request, in whole seconds. Where it can
// not tell which of two states is the newer one, GitHub is asked: the turn gets Refresh.
func (s *subject) decide(w job.Want, known bool) effect {
	pull := w.Subject.Number > 0
	if w.Again && w.Command == nil { // whether a command is to be carried out, the turn finds out
		s.doneHead = "" // or GitHub, when asked for a newer state, would have the old verdict suffice
	}
	if !known {
		s.revision, s.cancelled = w.Revision, w.Cancel
		s.refresh = w.Refresh || (pull && w.Revision.Head == "")
		if w.Cancel {
			s.refresh = false
			return cancel
		}
		return judge
	}
	was, is := s.revision.Updated, w.Revision.Updated
	timed := !was.IsZero() && !is.IsZero()
	older, same := timed && is.Before(was), timed && is.Equal(was)
	another := w.Revision.Head != "" && w.Revision.Head != s.revision.Head
	ask := func() effect { // it counts as open until GitHub says otherwise
		s.refresh, s.cancelled = true, false
		return judge
	}
	switch {
	case w.Cancel && s.cancelled:
		if timed && is.After(was) {
			s.revision.Updated = is // what is older than this must not open it
			return describe
		}
		return nothing
	case w.Cancel && older:
		return nothing
	case w.Cancel && same:
		return ask()
	case w.Cancel:
		if !is.IsZero() {
			s.revision.Updated = is
		}
		s.cancelled, s.refresh = true, false
		return cancel
	case w.Refresh:
		return ask()
	case older && w.Again && !another && !s.cancelled:
		return judge // a person asks for the head that is wanted anyway
	case older:
		return nothing
	case same && (another || s.cancelled):
		return ask()
	case pull && is.IsZero() && (another || s.cancelled || w.Revision.Head == ""):
		return ask()
	}
	rebased := w.Revision.BaseRef != "" && w.Revision.BaseRef != s.revision.BaseRef
	reopened := s.cancelled
	moved := w.Revision.Head != s.revision.Head
	if is.IsZero() {
		w.Revision.Updated = was
	}
	if w.Revision.BaseRef == "" { // a want for the same head that carries nothing else
		w.Revision = s.revision
	}
	s.revision, s.cancelled = w.Revision, false
	switch {
	case moved, rebased, w.Again:
		s.doneHead = ""
		return judge
	case s.doneHead == s.revision.Head:
		return describe
	case reopened, s.done == s.sequence:
		return judge
	}
	return describe // it is on its way
}
