package checks

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pmcheck/pmcheck/checks/facts"
	"github.com/pmcheck/pmcheck/checks/ghissues"
	"github.com/pmcheck/pmcheck/checks/postmortem"
)

// Followed is what became of action items by their issues.
type Followed struct {
	Documents []facts.Postmortem              // with the statuses that their items have by their issues
	Problems  []postmortem.Problem            // where a document and an issue disagree, in the order of the documents
	Unasked   []Unasked                       // items whose status is only as written
	States    map[ghissues.Ref]ghissues.State // for the next call, which then costs little
}

// Unasked is an item whose issue did not say what became of it.
type Unasked struct {
	Item string // PM-2026-001/AI-1
	Err  error
}

// FollowIssues asks what became of the items that name an issue at GitHub. site is https://github.com or an Enterprise Server,
// repository the owner/name that "#12" is of; known are the States of a call before. Items that name no issue there, or one of
// another tracker, stay as they are written.
func FollowIssues(ctx context.Context, asker ghissues.Asker, documents []facts.Postmortem, site, repository string, known map[ghissues.Ref]ghissues.State) Followed {
	out := Followed{Documents: slices.Clone(documents), States: map[ghissues.Ref]ghissues.State{}}
	var open, closed []ghissues.Ref // those that are open first: a limit is then met where it matters least
	for i := range out.Documents {
		out.Documents[i].ActionItems = slices.Clone(documents[i].ActionItems)
		for _, item := range out.Documents[i].ActionItems {
			if r, ok := ghissues.ParseRef(item.Issue, site, repository); ok && unfinished(item.Status) {
				open = append(open, r)
			} else if ok {
				closed = append(closed, r)
			}
		}
	}
	answers := ghissues.Ask(ctx, asker, append(open, closed...), known)
	for _, d := range out.Documents {
		for i := range d.ActionItems {
			item := &d.ActionItems[i]
			r, ok := ghissues.ParseRef(item.Issue, site, repository)
			if !ok {
				continue
			}
			cited := postmortem.Cite(&postmortem.Document{ID: d.ID, Path: d.Path}, postmortem.ActionItem{ID: item.ID})
			a := answers[r]
			if a.Err != nil {
				out.Unasked = append(out.Unasked, Unasked{cited, a.Err})
				continue
			}
			out.States[r] = a.State
			if message := disagreement(item.Status, a.Means); message != "" {
				out.Problems = append(out.Problems, postmortem.Problem{Path: d.Path, Line: item.Line, Message: fmt.Sprintf(message, cited, r)})
			}
			item.Status = ghissues.Status(item.Status, a.Means)
		}
	}
	return out
}

func unfinished(status string) bool { return postmortem.ActionItem{Status: status}.Open() }

// disagreement says what is to be mended where a document and an issue say different things of an item, with places for the
// item and the issue; "" where they agree.
func disagreement(written, means string) string {
	switch {
	case means == ghissues.Open && written == "done":
		return "%s is done, and its issue %s is open: close the issue, or say what remains"
	case means == ghissues.Open && written == "cancelled":
		return "%s is cancelled, and its issue %s is open: close the issue as not planned, or take the item up again"
	case means == ghissues.Open, written == means:
		return ""
	case means == ghissues.Done:
		return "%s is " + inWords(written) + ", and its issue %s is closed as completed: write status: done, or open the issue again"
	}
	return "%s is " + inWords(written) + ", and its issue %s is closed and was not done: write status: cancelled, or open the issue again"
}

func inWords(status string) string {
	if status == "" {
		return "open"
	}
	return strings.ReplaceAll(status, "_", " ")
}

// Facts are the documents as rules see them.
func (l *Lessons) Facts() []facts.Postmortem {
	out := []facts.Postmortem{}
	for _, d := range l.Documents {
		out = append(out, documentFacts(documents{byPath: map[string]*postmortem.Document{d.Path: d}})...)
	}
	return out
}

// FollowIssues is [FollowIssues] of all documents, whose items then have the statuses and whose problems those of disagreeing.
// site is as there; "#12" is an issue where the repository's origin is there too.
func (l *Lessons) FollowIssues(ctx context.Context, asker ghissues.Asker, site string, known map[ghissues.Ref]ghissues.State) Followed {
	repository := ""
	if strings.HasPrefix(l.Address, strings.TrimSuffix(site, "/")+"/") {
		repository = l.Repository
	}
	followed := FollowIssues(ctx, asker, l.Facts(), site, repository, known)
	for i, d := range l.Documents {
		for j := range d.ActionItems {
			d.ActionItems[j].Status = followed.Documents[i].ActionItems[j].Status
		}
	}
	l.Problems = append(l.Problems, followed.Problems...)
	sortProblems(l.Problems)
	return followed
}
