package job

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Lessons are the post-mortems of a repository, and what they have caught.
type Lessons struct {
	Repository Repository
	Documents  []byte    // as in Verdict.Postmortems, of the newest verdict against the default branch that has them
	At         time.Time // when that verdict ended
	Caught     []Catch   // by all verdicts so far, one for each pull request and item
}

// A Catch is that the rules of an action item found something in a pull request.
type Catch struct {
	Postmortem, Item string // PM-2026-001, AI-1
	Number           int    // of the pull request; 0 for a merge group
	Findings         int    // the most that one verdict had
	At               time.Time
}

// Caught counts a report's findings by the action item that their rules guard, in the
// order of the items. Suppressed findings do not count. Number and At of what it returns
// are left to the caller. report is Verdict.JSON; nil has caught nothing.
func Caught(report []byte) ([]Catch, error) {
	if report == nil {
		return nil, nil
	}
	var read struct {
		Findings []struct {
			Suppressed  bool
			ActionItems []struct{ Postmortem, ID string } `json:"action_items"`
		}
	}
	if err := json.Unmarshal(report, &read); err != nil {
		return nil, fmt.Errorf("read a report's findings: %w", err)
	}
	type item struct{ postmortem, id string }
	found := map[item]int{}
	for _, f := range read.Findings {
		if f.Suppressed {
			continue
		}
		for _, a := range f.ActionItems {
			found[item{a.Postmortem, a.ID}]++
		}
	}
	byID := func(a, b item) int { return cmp.Or(cmp.Compare(a.postmortem, b.postmortem), cmp.Compare(a.id, b.id)) }
	var out []Catch
	for _, at := range slices.SortedFunc(maps.Keys(found), byID) {
		out = append(out, Catch{Postmortem: at.postmortem, Item: at.id, Findings: found[at]})
	}
	return out, nil
}
