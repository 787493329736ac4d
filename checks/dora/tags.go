package dora

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/pmcheck/pmcheck/checks/change"
)

// Tags takes each tag of a pattern as a deployment of its commit, at the time of the tag.
type Tags struct {
	Repo     *change.Repo
	Patterns []string // as `git for-each-ref` takes them, "v*"; one with "!" before it takes tags out
}

// Runs are the tags of all times: they cost nothing to ask for.
func (s Tags) Runs(ctx context.Context, from, to time.Time) (*Found, error) {
	var wanted, not []string
	for _, pattern := range s.Patterns {
		if out, ok := strings.CutPrefix(pattern, "!"); ok {
			not = append(not, out)
		} else {
			wanted = append(wanted, pattern)
		}
	}
	tags, err := s.Repo.Tags(ctx, wanted...)
	if err != nil {
		return nil, fmt.Errorf("list the tags %s: %w", strings.Join(wanted, ", "), err)
	}
	found := &Found{Tags: true, What: "tags " + strings.Join(wanted, ", ")}
	if len(not) > 0 {
		found.What += " without " + strings.Join(not, ", ")
	}
	found.What += " of this clone, each at the time of the tag"
	light := 0
	for _, tag := range tags {
		if slices.ContainsFunc(not, func(pattern string) bool { is, _ := path.Match(pattern, tag.Name); return is }) {
			continue
		}
		if !tag.Annotated && !tag.Time.Before(from) && tag.Time.Before(to) {
			light++
		}
		found.Runs = append(found.Runs, Run{Name: tag.Name, Commit: tag.Commit, Ended: tag.Time, Outcome: Succeeded})
	}
	found.Notes = append(found.Notes, "Tags say when a release was made, and not when it ran, nor when it was taken back.")
	if light > 0 {
		found.Notes = append(found.Notes, counted(light, "tag is not annotated and stands", "tags are not annotated and stand")+" at the date of the commit, so that the lead time is too short.")
	}
	return found, nil
}
