package change

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// HistoryCommit is a commit as a history lists it.
type HistoryCommit struct {
	Commit             // Title is the pull request's where Number is known and the message has it
	Parents  []string  // in order
	Authored time.Time // when its author made it; Time is when it was committed, which a rebase and a squash make anew
	Number   int       // of the pull request that it merges, by its message; 0 when that names none
	Mark     string    // how its host writes the number: "#12", "!12"; "" for none
	Cut      bool      // a shallow clone ends here: its parents are not known
}

// MaxHistory is how many commits a history lists at most.
const MaxHistory = 200_000

// History lists the commits that the tips contain and that none of the others does, each before its parents. It is an error
// when there are more than MaxHistory. All are ids of commits that are here, see Have.
func (c *Repo) History(ctx context.Context, tips, without []string) ([]HistoryCommit, error) {
	if len(tips) == 0 {
		return nil, nil
	}
	var input strings.Builder
	for _, id := range tips {
		fmt.Fprintln(&input, id)
	}
	for _, id := range without {
		fmt.Fprintln(&input, "^"+id)
	}
	out, err := c.repo.git.input(ctx, 2*maxOutput, input.String(), "rev-list", "--topo-order", fmt.Sprintf("--max-count=%d", MaxHistory+1),
		"--encoding=UTF-8", "--format=%x00%P%x00%at%x00%ct%x00%s%x00%b%x00", "--stdin")
	if err != nil {
		return nil, err
	}
	commits, err := parseHistory(out)
	if err != nil {
		return nil, err
	}
	if len(commits) > MaxHistory {
		return nil, fmt.Errorf("more than %d commits went out in that time: ask for less of it", MaxHistory)
	}
	ends, err := c.repo.shallowEnds()
	if err != nil {
		return nil, err
	}
	for i := range commits {
		commits[i].Cut = ends[commits[i].ID]
	}
	return commits, nil
}

// parseHistory reads `git rev-list --format=%x00%P%x00%at%x00%ct%x00%s%x00%b%x00`.
func parseHistory(out string) ([]HistoryCommit, error) {
	var commits []HistoryCommit
	for out != "" {
		var fields [6]string
		var err error
		for i := range fields {
			if fields[i], out, err = nextField(out); err != nil {
				return nil, err
			}
		}
		out = strings.TrimPrefix(out, "\n")
		id, ok := strings.CutPrefix(strings.TrimSuffix(fields[0], "\n"), "commit ")
		authored, authoredErr := strconv.ParseInt(fields[2], 10, 64)
		committed, committedErr := strconv.ParseInt(fields[3], 10, 64)
		parents := strings.Fields(fields[1])
		if !ok || !isID(id) || authoredErr != nil || committedErr != nil || slices.ContainsFunc(parents, func(p string) bool { return !isID(p) }) {
			return nil, fmt.Errorf("unexpected line %.120q in a history", fields[0])
		}
		h := HistoryCommit{Parents: parents, Authored: time.Unix(authored, 0).UTC(),
			Commit: Commit{ID: id, Title: cut(fields[4], maxTitle), Body: cut(strings.TrimSpace(fields[5]), maxBody), Time: time.Unix(committed, 0).UTC()}}
		h.Number, h.Mark, h.Title = pullRequestOf(h.Title, fields[5])
		commits = append(commits, h)
	}
	return commits, nil
}

// Have are those of some full ids that name commits of this repository.
func (c *Repo) Have(ctx context.Context, ids []string) (map[string]bool, error) {
	have := map[string]bool{}
	var input strings.Builder
	for _, id := range ids {
		if isID(id) {
			fmt.Fprintln(&input, id)
		}
	}
	if input.Len() == 0 {
		return have, nil
	}
	out, err := c.repo.git.input(ctx, maxOutput, input.String(), "cat-file", "--batch-check=%(objectname) %(objecttype)")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(out) {
		if id, ok := strings.CutSuffix(strings.TrimSuffix(line, "\n"), " commit"); ok && isID(id) {
			have[id] = true
		}
	}
	return have, nil
}

// Tag is a tag of a commit.
type Tag struct {
	Name      string
	Commit    string
	Time      time.Time // when an annotated tag was made, else of the commit
	Annotated bool
}

// Tags are the tags of some patterns, as `git for-each-ref` takes them ("v*"; "*" does not cross "/"), the oldest first.
func (c *Repo) Tags(ctx context.Context, patterns ...string) ([]Tag, error) {
	args := []string{"for-each-ref", "--sort=version:refname", "--sort=creatordate",
		"--format=%(refname:strip=2) %(objecttype) %(objectname) %(*objecttype) %(*objectname) %(creatordate:unix)", "--"}
	for _, pattern := range patterns {
		args = append(args, "refs/tags/"+pattern)
	}
	out, err := c.repo.git.output(ctx, maxOutput, args...)
	if err != nil {
		return nil, err
	}
	var tags []Tag
	for line := range strings.Lines(out) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), " ")
		if len(f) != 6 {
			return nil, fmt.Errorf("unexpected line %.120q in a list of tags", line)
		}
		seconds, err := strconv.ParseInt(f[5], 10, 64)
		tag := Tag{Name: f[0], Commit: f[2], Time: time.Unix(seconds, 0).UTC(), Annotated: f[1] == "tag"}
		if tag.Annotated {
			tag.Commit = f[4]
		}
		if kind := f[1]; err != nil || kind != "commit" && (kind != "tag" || f[3] != "commit") {
			continue // a tag of something else, or without a date
		}
		tags = append(tags, tag)
	}
	return tags, nil
}

// Contains tells that a commit is another or comes before it.
func (c *Repo) Contains(ctx context.Context, commit, earlier string) (bool, error) {
	base, err := c.MergeBase(ctx, commit, earlier)
	return base == earlier && err == nil, err
}
